//! The page of a comparison: the table, heat maps of own over API, a tornado.

use super::super::Table;
use super::super::compare::{
    apis, asides, break_evens, costs, fit, head, input, input_word, load_words, mix_words, money,
    name, part, ratio_words, swings, unbilled,
};
use super::super::figure::{NOTHING, significant};
use super::super::plot::{Field, Heat, Reach, Tornado};
use super::{Figure, Page, Reason, Section, Tile, Verdict};
use crate::compare::{Row, Sheet, Surface};
use crate::cost::{Cheaper, SurfacePoint};
use crate::summary::Side;
use crate::units::{Quantity, Ratio, UsdPerMtok};

/// From this many times on, and below its inverse, a field has the stronger colour.
const STRONG: f64 = 2.0;

/// The page of a comparison.
pub(super) fn page(sheet: &Sheet) -> Page {
    let words: Vec<String> = head(sheet).lines().map(str::to_owned).collect();
    Page {
        title: format!("What a million tokens costs: {}", sheet.work.name),
        lead: words,
        tiles: tiles(sheet),
        verdict: verdict(sheet),
        sections: vec![
            section("costs", "Side by side", tables(sheet)),
            section("from", "Break-even", vec![break_evens(sheet)]),
            Section { figures: maps(sheet), words: map_words(), ..section("surface", "Over load, hits and mix", Vec::new()) },
            Section {
                figures: tornado(sheet).into_iter().collect(),
                ..section("moves", "What moves the answer", Vec::new())
            },
            section("fit", "Fit for the work", vec![fit(sheet)]),
        ],
        provenance: provenance(sheet),
        again: "The same flags of `mtok compare` and the same books make the same page, but for the age \
                of prices."
            .to_owned(),
        made_by: format!("mtok {}", env!("CARGO_PKG_VERSION")),
    }
}

fn section(id: &'static str, title: &'static str, tables: Vec<Table>) -> Section {
    Section { id: id.into(), title: title.into(), words: Vec::new(), figures: Vec::new(), tables }
}

fn tables(sheet: &Sheet) -> Vec<Table> {
    [costs(sheet), unbilled(sheet)].into_iter().filter(|table| !table.is_empty()).collect()
}

fn tiles(sheet: &Sheet) -> Vec<Tile> {
    let tile =
        |name: &str, value: String, unit: String| Tile { name: name.to_owned(), value, unit };
    let price = |row: Option<&Row>| {
        row.map_or_else(|| NOTHING.to_owned(), |row| money(Some(row.units.mtok)))
    };
    let mtok = UsdPerMtok::UNIT;
    let own = sheet.reference();
    let load = own
        .and_then(|row| row.own)
        .map_or_else(String::new, |own| format!("{mtok} at {} load", load_words(own.load)));
    let cheapest = sheet.cheapest();
    let over = money(cheapest.and_then(|row| row.own_over_this));
    let even = cheapest.and_then(|row| row.api.as_ref()?.break_even);
    let even = even.map_or_else(|| NOTHING.to_owned(), |even| part(even.load.value));
    vec![
        tile("Own", price(own), load),
        tile("The cheapest API", price(cheapest), mtok.to_owned()),
        tile("Own over it", over, "below 1 own is cheaper".to_owned()),
        tile("Own is cheaper from", even, "load; above 100 % never".to_owned()),
    ]
}

fn verdict(sheet: &Sheet) -> Verdict {
    let is = |side: Side| apis(sheet).filter(|(row, _)| row.own_is == side).count();
    let (cheaper, dearer, ties) = (is(Side::Lower), is(Side::Higher), is(Side::Tie));
    let all = apis(sheet).count();
    let untold = all - cheaper - dearer - ties;
    let mut parts =
        vec![format!("cheaper than {cheaper} of {all} APIs"), format!("dearer than {dearer}")];
    parts.extend((ties > 0).then(|| format!("a tie with {ties}")));
    parts.extend((untold > 0).then(|| format!("can't be told from {untold}")));
    let class = if all > 0 && cheaper == all { "good" } else { "doubt" };
    let reasons = asides(sheet).into_iter().map(|what| Reason { what, advice: None }).collect();
    Verdict { class, word: format!("The own machine is {}", parts.join(", ")), reasons }
}

fn map_words() -> Vec<String> {
    vec![
        "Own over API at its list prices, a map for each share of the input that is cached, beside the \
         cheapest API and the cheapest of the same model. Below 1 the own machine is cheaper (blue), \
         above 1 the API (orange); = is a tie (grey). An empty place: nothing tells the own price there."
            .to_owned(),
    ]
}

/// The cheapest API's surface and that of the cheapest of the same model, a map for each hit rate.
fn maps(sheet: &Sheet) -> Vec<Figure> {
    let same = apis(sheet).find(|(_, api)| api.same_model).map(|(_, api)| &api.entry);
    let mut shown: Vec<&Surface> = sheet.surfaces.first().into_iter().collect();
    let other = sheet.surfaces.iter().skip(1).find(|surface| Some(&surface.entry) == same);
    // The cheapest may be of the same model already.
    shown.extend(other.filter(|_| shown.first().is_none_or(|first| Some(&first.entry) != same)));
    let mut figures = Vec::new();
    for (index, surface) in shown.into_iter().enumerate() {
        let who = apis(sheet).find(|(_, api)| api.entry == surface.entry);
        let who = who.map_or_else(|| surface.entry.clone(), |(row, _)| name(row));
        for (at, hit) in distinct(surface, |point| point.blend.hit_rate()).into_iter().enumerate() {
            figures.push(map(sheet, surface, &who, hit, &format!("map-{index}-{at}")));
        }
    }
    figures
}

fn distinct(surface: &Surface, of: fn(&SurfacePoint) -> Ratio) -> Vec<Ratio> {
    let mut all: Vec<Ratio> = Vec::new();
    for value in surface.points.iter().map(of) {
        if !all.iter().any(|known| near(*known, value)) {
            all.push(value);
        }
    }
    all
}

fn near(a: Ratio, b: Ratio) -> bool {
    (a.get() - b.get()).abs() <= 1e-9 * b.get().abs().max(1e-9)
}

fn map(sheet: &Sheet, surface: &Surface, who: &str, hit: Ratio, id: &str) -> Figure {
    let mixes = distinct(surface, |point| point.blend.input_per_output());
    let points: Vec<&SurfacePoint> =
        surface.points.iter().filter(|point| near(point.blend.hit_rate(), hit)).collect();
    let own_mix = sheet.work.input_per_output;
    let columns: Vec<String> =
        mixes.iter().map(|mix| mix_words(*mix, own_mix).replace(" (the work)", " ←")).collect();
    let heads: Vec<&str> =
        std::iter::once("load").chain(columns.iter().map(String::as_str)).collect();
    let title = format!("{who}, {} cached", part(hit));
    let mut table = Table::new("", &heads);
    let mut rows = Vec::new();
    for line in points.chunk_by(|a, b| a.load == b.load) {
        let Some(first) = line.first() else { continue };
        let load = load_words(first.load);
        let at = |mix: &Ratio| line.iter().find(|point| near(point.blend.input_per_output(), *mix));
        let figure =
            |mix: &Ratio| at(mix).map_or_else(|| NOTHING.to_owned(), |point| ratio_words(point));
        table.row(std::iter::once(load.clone()).chain(mixes.iter().map(figure)));
        rows.push((load, mixes.iter().map(|mix| field(at(mix)?)).collect()));
    }
    let heat = Heat {
        id: id.to_owned(),
        title: title.clone(),
        description: format!(
            "Own price over the API's by load (rows) and mix of input and output (columns), with {} of \
             the input cached; the figures stand in the table below.",
            part(hit)
        ),
        axes: ("input : output →".to_owned(), "load ↓".to_owned()),
        columns,
        rows,
    };
    let caption = "Own over API; ← is the work's own mix.".to_owned();
    Figure { title, svg: heat.svg(), caption, table: Some(table) }
}

fn field(point: &SurfacePoint) -> Option<Field> {
    let ratio = point.own_over_api?.value.get();
    let class = match point.cheaper? {
        Cheaper::Tie => "even",
        Cheaper::Own | Cheaper::OwnByValue if ratio <= 1.0 / STRONG => "own2",
        Cheaper::Own | Cheaper::OwnByValue => "own1",
        Cheaper::Api | Cheaper::ApiByValue if ratio >= STRONG => "api2",
        Cheaper::Api | Cheaper::ApiByValue => "api1",
    };
    let words = format!("own {}, API {} USD/Mtok", money(point.own), significant(point.api.0, 4));
    Some(Field { figure: ratio_words(point), class, words })
}

fn tornado(sheet: &Sheet) -> Option<Figure> {
    let now = sheet.reference()?.units.mtok.value.0;
    let rows: Vec<Reach> = sheet
        .swings
        .iter()
        .map(|swing| Reach {
            name: input_word(swing.bar.low).to_owned(),
            low: (swing.bar.at_low.0, input(swing.bar.low)),
            high: (swing.bar.at_high.0, input(swing.bar.high)),
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let title = "The own price, one input at a time".to_owned();
    let plot = Tornado {
        id: "tornado".to_owned(),
        title: title.clone(),
        description:
            "How far each input moves the own price between the ends of its range, the widest \
                      above; the figures stand in the table below."
                .to_owned(),
        axis: format!("{}, log scale", UsdPerMtok::UNIT),
        middle: (now, format!("{} now", significant(now, 3))),
        rows,
    };
    let caption =
        "Beside each end: the input's value there. Blue: its low end, orange: its high end. \
                   Where each range is from stands in the table."
            .to_owned();
    Some(Figure { title, svg: plot.svg(), caption, table: Some(swings(sheet)) })
}

fn provenance(sheet: &Sheet) -> Table {
    let mut table = Table::new("", &["", ""]);
    table.row(["price book".to_owned(), sheet.book.clone()]);
    table.row(["prices of".to_owned(), sheet.day.to_string()]);
    table.row(["own machine".to_owned(), sheet.machine.name.clone()]);
    for (row, api) in apis(sheet) {
        let old = if api.stale { ", more than 90 days ago" } else { "" };
        table.row([row.name.clone(), format!("{}: {}, {}{old}", api.entry, api.source, api.date)]);
    }
    table
}
