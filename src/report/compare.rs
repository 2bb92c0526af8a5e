//! What `mtok compare` prints: one table sorted by cost, then from where the own machine is cheaper, over
//! which loads and mixes, and what moves the answer.
//!
//! Invariant: a tie is called one, a price without an error has a `~`, a figure that nobody can know is
//! `—`; what the prices rest on is said in words. Guarded by the tests below.

use super::figure::{NOTHING, estimate, share, significant, thousands};
use super::{Document, Table};
use crate::compare::{ApiFacts, Chosen, HitsBy, OwnFacts, Row, Sheet, Surface, Swing, ToldBy};
use crate::cost::{BreakEven, Cheaper, Input, Load, PriceOrigin, SurfacePoint};
use crate::plan::Caching;
use crate::prices::Ending;
use crate::summary::Side;
use crate::units::{Estimate, Quantity, Ratio, Tokens};

/// The comparison in words and tables.
pub fn compare_document(sheet: &Sheet) -> Document {
    let mut document = Document::default();
    document.words(head(sheet));
    document.table(costs(sheet));
    document.table(unbilled(sheet));
    for words in asides(sheet) {
        document.words(words);
    }
    document.table(break_evens(sheet));
    if let Some(surface) = sheet.surfaces.first() {
        document.table(small(sheet, surface));
        document.words(
            "Own over that API, at its list prices: below 1 the own machine is cheaper; = is a tie. \
             All loads, hit rates and mixes, beside every API, are in `--json` and `--report`.",
        );
    }
    document.table(swings(sheet));
    document.table(fit(sheet));
    let notes: Vec<String> = apis(sheet)
        .flat_map(|(row, api)| api.notes.iter().map(move |note| format!("{}: {note}", row.name)))
        .collect();
    if !notes.is_empty() {
        document.words(notes.join("\n"));
    }
    document
}

/// What is compared, in a few lines.
pub(super) fn head(sheet: &Sheet) -> String {
    [work_words(sheet), machine_words(sheet), told_words(sheet), chosen_words(sheet)].join("\n")
}

fn work_words(sheet: &Sheet) -> String {
    let work = &sheet.work;
    let each = |tokens: Tokens| significant(tokens.get() / Tokens(work.requests).get(), 4);
    let month = match work.requests_per_month {
        Some(count) => format!("{} a month", thousands(Tokens(1).scaled(count.get()).0)),
        None => "nobody says how many a month (`--requests-per-month`)".to_owned(),
    };
    let by = match work.hits_by {
        HitsBy::Stated => "as stated",
        HitsBy::Found => "the most that begins alike",
        HitsBy::Logged => "as logged",
        HitsBy::Measured => "as measured",
    };
    format!(
        "The work: {}; {} tokens in and {} out a request, {} of the input cached ({by}); {month}.",
        work.name,
        each(work.tokens.input()),
        each(work.tokens.output),
        part(work.hit_rate),
    )
}

fn machine_words(sheet: &Sheet) -> String {
    let machine = &sheet.machine;
    let hour = significant(machine.price.usd_per_hour.0, 4);
    let whose = match &machine.price.origin {
        PriceOrigin::Given => "as given".to_owned(),
        PriceOrigin::Owned(_) => "of a machine of one's own".to_owned(),
        PriceOrigin::Example { .. } => "an example".to_owned(),
        PriceOrigin::Rentals { offers, kind, collected, stale, .. } => {
            let old = if *stale { ", more than 90 days ago" } else { "" };
            format!("the median of {offers} offers {kind}, {collected}{old}")
        }
    };
    format!(
        "The own machine: {}, {hour} USD/h ({whose}); {} tok/s of this mix at full load.",
        machine.name,
        estimate(machine.rate)
    )
}

fn told_words(sheet: &Sheet) -> String {
    let machine = &sheet.machine;
    let told = match machine.told_by {
        ToldBy::Kinds => "input and output have prices of their own, by whose time it was",
        ToldBy::Bounds => {
            "nothing tells input from output: prices of this mix lie between charging all that can be \
             to input and all that can be to output"
        }
        ToldBy::Mixes => "estimated at this mix and at others; kinds of tokens have no prices",
        ToldBy::Rate => "one rate for all tokens, of whatever mix it was: kinds have no prices",
    };
    let lost = sheet.work.hit_rate > machine.hit_rate;
    let hits = if lost {
        "; nothing tells what cached input costs, so all of it is taken to be computed: the own price \
         is rather too high"
    } else {
        ""
    };
    format!("Its prices: {told}{hits}.")
}

fn chosen_words(sheet: &Sheet) -> String {
    let rule = match sheet.chosen {
        Chosen::Named => "as named",
        Chosen::Comparable => {
            "the same model wherever it is sold, those nearest in size, two well-known closed ones"
        }
        Chosen::Cheapest => {
            "no model is known: the cheapest open-weight families at this mix, two well-known closed ones"
        }
    };
    format!("The APIs: {rule}; prices of {}, book {}.", sheet.day, sheet.book)
}

/// The APIs' lines.
pub(super) fn apis(sheet: &Sheet) -> impl Iterator<Item = (&Row, &ApiFacts)> {
    sheet.rows.iter().filter_map(|row| Some((row, row.api.as_ref()?)))
}

/// The one table.
pub(super) fn costs(sheet: &Sheet) -> Table {
    let texts = sheet.rows.iter().any(|row| row.units.mchar.is_some());
    let mut columns = vec!["", "USD/Mtok", "in", "cached", "out"];
    columns.extend(texts.then_some("USD/Mchar"));
    columns.extend(["USD/request", "USD/month", "own is", "own over it", "price of"]);
    let mut table = Table::new("The same work, the cheapest first", &columns);
    for row in &sheet.rows {
        let mut cells = vec![name(row), money(Some(row.units.mtok))];
        cells.extend([money(row.input), money(row.cached), money(row.output)]);
        cells.extend(texts.then(|| money(row.units.mchar)));
        cells.extend([money(row.units.request), money(row.units.month)]);
        match &row.api {
            Some(api) => {
                let old = if api.stale { " !" } else { "" };
                cells.push(is(row.own_is).to_owned());
                cells.push(money(row.own_over_this));
                cells.push(format!("{}, {}{old}", api.source, api.date));
            }
            None => cells.extend([String::new(), String::new(), "own".to_owned()]),
        }
        table.row(cells);
    }
    table
}

/// A line's name.
pub(super) fn name(row: &Row) -> String {
    match (&row.own, &row.api) {
        (Some(own), _) => own_name(own),
        (None, Some(api)) if api.same_model => format!("{} (same model)", row.name),
        _ => row.name.clone(),
    }
}

fn own_name(own: &OwnFacts) -> String {
    let load = load_words(own.load);
    let mark = if own.reference { " ←" } else { "" };
    match own.machines {
        Some(1) => format!("own, one machine all month: {load} load{mark}"),
        Some(machines) => {
            format!("own, {} machines all month: {load} load{mark}", thousands(machines))
        }
        None => format!("own at {load} load{mark}"),
    }
}

pub(super) fn load_words(load: Load) -> String {
    part(load.share())
}

/// A share, without a zero that says nothing.
pub(super) fn part(of: Ratio) -> String {
    share(Some(of)).replace(".0 %", " %")
}

fn is(side: Side) -> &'static str {
    match side {
        Side::Tie => "a tie",
        Side::Higher => "dearer",
        Side::Lower => "cheaper",
        Side::Unknown => "can't tell",
    }
}

/// A price with its interval; one that has no error to four digits.
pub(super) fn money<Q: Quantity>(price: Option<Estimate<Q>>) -> String {
    let Some(price) = price else { return NOTHING.to_owned() };
    match price.interval {
        Some((low, high)) if low.get() >= high.get() => significant(price.value.get(), 4),
        _ => estimate(price),
    }
}

/// What must be said beside the table.
pub(super) fn asides(sheet: &Sheet) -> Vec<String> {
    let mut words = vec![
        "← is what APIs are compared with; where the interval of the difference holds 0 it is a tie. \
         APIs count the work's own tokens: another tokenizer cuts the text otherwise."
            .to_owned(),
    ];
    let unknown = apis(sheet).any(|(_, api)| api.caching == Some(Caching::Unknown));
    if unknown && sheet.work.hit_rate > Ratio::of(0.0) {
        words.push(
            "Of providers whose cache's rules are not known here nothing is read from a cache: their \
             bills are rather too high."
                .to_owned(),
        );
    }
    if apis(sheet).any(|(_, api)| api.stale) {
        words.push("!: a price of more than 90 days ago; look it up before you decide".to_owned());
    }
    words.extend(sheet.machine.cautions.iter().map(|caution| format!("Note: {caution}.")));
    words
}

/// What could not be billed, and why.
pub(super) fn unbilled(sheet: &Sheet) -> Table {
    let mut table = Table::new("Without a bill", &["entry", "why"]);
    for one in &sheet.unbilled {
        table.row([one.entry.as_str(), &one.reason]);
    }
    table
}

/// From which load and volume on.
pub(super) fn break_evens(sheet: &Sheet) -> Table {
    let columns =
        ["API", "at full load own is", "cheaper from load", "Mtok a month", "always from"];
    let mut table = Table::new("From where the own machine is cheaper", &columns);
    for (row, api) in apis(sheet) {
        let Some(found) = &api.break_even else {
            table.row([row.name.as_str(), NOTHING, NOTHING, NOTHING, NOTHING]);
            continue;
        };
        let mtok = |tokens: Option<Tokens>| tokens.map_or_else(|| NOTHING.to_owned(), millions);
        table.row([
            row.name.clone(),
            cheaper(found.at_full_load).to_owned(),
            from_load(found),
            mtok(found.volume),
            mtok(found.always_from),
        ]);
    }
    table
}

/// Millions of tokens, to four digits or the whole million.
fn millions(tokens: Tokens) -> String {
    match tokens.get() / 1e6 {
        some if some < 1_000.0 => significant(some, 4),
        _ => thousands(tokens.scaled(1e-6).0),
    }
}

fn cheaper(cheaper: Cheaper) -> &'static str {
    match cheaper {
        Cheaper::Own => "cheaper",
        Cheaper::Api => "dearer",
        Cheaper::Tie => "a tie",
        Cheaper::OwnByValue => "cheaper, error unknown",
        Cheaper::ApiByValue => "dearer, error unknown",
    }
}

fn from_load(found: &BreakEven) -> String {
    let percent = |load: Ratio| significant(load.get() * 100.0, 2);
    match (found.load.value > Ratio::ONE, found.load.interval) {
        (true, Some((low, _))) if low <= Ratio::ONE => {
            format!("perhaps {} %", percent(low))
        }
        (true, _) => "never".to_owned(),
        (false, Some((low, high))) if low < high => {
            format!("{} % ({} to {})", percent(found.load.value), percent(low), percent(high))
        }
        (false, _) => format!("{} %", percent(found.load.value)),
    }
}

/// The surface beside the cheapest API, at the work's own hit rate.
fn small(sheet: &Sheet, surface: &Surface) -> Table {
    let hit = sheet.machine.hit_rate;
    let near = |a: Ratio, b: Ratio| (a.get() - b.get()).abs() <= 1e-9;
    let points: Vec<&SurfacePoint> =
        surface.points.iter().filter(|point| near(point.blend.hit_rate(), hit)).collect();
    let mut mixes: Vec<Ratio> = Vec::new();
    for point in &points {
        let mix = point.blend.input_per_output();
        if !mixes.iter().any(|known| near(*known, mix)) {
            mixes.push(mix);
        }
    }
    let columns: Vec<String> = std::iter::once("load".to_owned())
        .chain(mixes.iter().map(|mix| mix_words(*mix, sheet.work.input_per_output)))
        .collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let title = format!(
        "Own over `{}`, by load and mix of input and output, {} of the input cached",
        surface.entry,
        part(hit)
    );
    let mut table = Table::new(title, &columns);
    for row in points.chunk_by(|a, b| a.load == b.load) {
        let Some(first) = row.first() else { continue };
        let cells = row.iter().map(|point| ratio_words(point));
        table.row(std::iter::once(load_words(first.load)).chain(cells));
    }
    table
}

/// A mix as a proportion; the work's own is marked.
pub(super) fn mix_words(mix: Ratio, own: Ratio) -> String {
    let mark = if (mix.get() - own.get()).abs() <= 1e-9 { " (the work)" } else { "" };
    let number = significant(mix.get(), 2);
    let number = number.strip_suffix(".0").unwrap_or(&number);
    format!("{number}:1{mark}")
}

/// Own over API.
pub(super) fn ratio_words(point: &SurfacePoint) -> String {
    let Some(ratio) = point.own_over_api else { return NOTHING.to_owned() };
    let mark = if point.cheaper == Some(Cheaper::Tie) { " =" } else { "" };
    format!("{}{mark}", significant(ratio.value.get(), 2))
}

/// What moves the own price.
pub(super) fn swings(sheet: &Sheet) -> Table {
    let load = sheet.reference().and_then(|row| row.own).map(|own| own.load);
    let at = load.map_or_else(String::new, |load| format!(" at {} load", load_words(load)));
    let title = format!("What moves the own price{at}, USD/Mtok, one input at a time");
    let columns = ["input", "from", "to", "USD/Mtok at the one", "at the other", "range"];
    let mut table = Table::new(title, &columns);
    for Swing { bar, range } in &sheet.swings {
        table.row([
            input_word(bar.low).to_owned(),
            input(bar.low),
            input(bar.high),
            significant(bar.at_low.0, 3),
            significant(bar.at_high.0, 3),
            range.clone(),
        ]);
    }
    table
}

/// What an input is called.
pub(super) fn input_word(input: Input) -> &'static str {
    match input {
        Input::Mix(_) => "mix",
        other => other.word(),
    }
}

/// An input's value, in a few letters.
pub(super) fn input(input: Input) -> String {
    match input {
        Input::Price(price) => format!("{} USD/h", significant(price.0, 3)),
        Input::Load(load) => load_words(load),
        Input::Speed(speed) => format!("× {}", significant(speed.get(), 3)),
        Input::Mix(mix) => mix_words(mix, Ratio::of(-1.0)),
        Input::HitRate(hit) => part(hit),
        Input::Electricity(price) => price.to_string(),
        Input::Purchase(price) => price.to_string(),
        Input::Life(life) => life.to_string(),
        Input::Pue(ratio) | Input::CostOfCapital(ratio) => ratio.to_string(),
    }
}

/// Whether a model is fit for the work, beside its price.
pub(super) fn fit(sheet: &Sheet) -> Table {
    let columns = [
        "API",
        "context",
        "longest answer",
        "weights",
        "parameters",
        "ends",
        "cached, of the input",
    ];
    let mut table = Table::new("What the book knows beside prices", &columns);
    let tokens = |tokens: Option<Tokens>| {
        tokens.map_or_else(|| NOTHING.to_owned(), |tokens| thousands(tokens.0))
    };
    for (row, api) in apis(sheet) {
        table.row([
            row.name.clone(),
            tokens(api.context),
            tokens(api.max_output),
            match api.open_weights {
                Some(true) => "open",
                Some(false) => "closed",
                None => NOTHING,
            }
            .to_owned(),
            api.parameters.map_or_else(|| NOTHING.to_owned(), |n| billions(Tokens(n))),
            ends(api),
            caching(sheet, api),
        ]);
    }
    table
}

fn billions(parameters: Tokens) -> String {
    format!("{} G", significant(parameters.get() / 1e9, 3))
}

fn ends(api: &ApiFacts) -> String {
    match (api.ends, api.ending) {
        (Some(day), _) => day.to_string(),
        (None, Some(Ending::Deprecated)) => "deprecated".to_owned(),
        (None, Some(Ending::Removed)) => "removed".to_owned(),
        (None, None) => NOTHING.to_owned(),
    }
}

fn caching(sheet: &Sheet, api: &ApiFacts) -> String {
    match api.caching {
        Some(Caching::NotWorthIt) => "not worth it".to_owned(),
        Some(Caching::NothingShared) => "nothing shared".to_owned(),
        Some(Caching::Unknown) => "rules not known".to_owned(),
        Some(Caching::Simulated) => {
            let input = sheet.work.tokens.input();
            if input > Tokens(0) { part(api.cached / input) } else { NOTHING.to_owned() }
        }
        None if api.cached == Tokens(0) => "none".to_owned(),
        None if api.cached_input.is_none() => "at the price of input".to_owned(),
        None => part(sheet.work.hit_rate),
    }
}
