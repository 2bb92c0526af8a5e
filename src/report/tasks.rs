//! What `mtok tasks` prints: solved tasks, tokens and dollars, model beside model.
//!
//! Invariant: nothing is decided here. What was never solved is said in words, never as 0 or as
//! infinite; what was not counted prints `—`. Guarded by `tasks/tests.rs`.

#[cfg(test)]
mod tests;

use super::figure::{NOTHING, brief, brief_or_nothing, share, significant, thousands};
use super::plot::{Axis, Dot, Mark, Plot, Scale};
use super::{Document, Table};
use crate::tasks::{
    Compared, Contrast, FamilyTable, Finding, ModelLine, PerSolved, Row, RowCost, TaskTable,
};
use crate::units::{Estimate, Quantity, Ratio, Usd};
use serde::Serialize;

/// Models at tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TasksReport {
    /// The form of this document: `mtok.tasks/1`.
    pub schema: &'static str,
    /// The table.
    #[serde(flatten)]
    pub table: TaskTable,
}

impl TasksReport {
    /// Of a table.
    pub fn new(table: TaskTable) -> Self {
        Self { schema: "mtok.tasks/1", table }
    }
}

/// The table in words and tables of at most 80 columns where names are short.
pub fn tasks_document(table: &TaskTable) -> Document {
    let mut document = Document::default();
    document.words(heading(table));
    for family in table.families.iter().chain([&table.all]) {
        document.table(solving(family));
        document.table(spending(family));
    }
    document.table(verdicts(&table.all));
    document.table(characters(&table.models));
    let findings: Vec<String> = table.all.compared.iter().map(compared).collect();
    if !findings.is_empty() {
        document.words(findings.join("\n"));
    }
    let asides = asides(table);
    if !asides.is_empty() {
        document.words(asides.join("\n"));
    }
    document
}

pub(super) fn heading(table: &TaskTable) -> String {
    let suite = &table.suite;
    let mut lines = vec![format!("suite {} {}, seed {}", suite.name, suite.version, suite.seed)];
    for line in &table.models {
        lines.push(format!(
            "{}: {} on {}, temperature {}, {} repeats; {}",
            line.name,
            line.model,
            line.target,
            line.temperature.get(),
            line.repeats,
            line.price.as_deref().unwrap_or("no price")
        ));
    }
    lines.push(format!(
        "token efficiency: the fewest tokens that solved a task, of {}, over a model's own",
        table.reference.join(", ")
    ));
    lines.join("\n")
}

fn title(family: &FamilyTable, what: &str) -> String {
    format!("{}: {what}", family.family.as_deref().unwrap_or("all families"))
}

pub(super) fn solving(family: &FamilyTable) -> Table {
    let columns = ["model", "problems", "solved %", "tokens", "mean", "efficiency", "orig/variant"];
    let mut table = Table::new(title(family, "solved, and completion tokens"), &columns);
    for row in &family.rows {
        let tokens = row.tokens.map_or_else(
            || NOTHING.to_owned(),
            |it| {
                let [low, middle, high] = [it.lower_quartile, it.median, it.upper_quartile]
                    .map(|tokens| significant(tokens.0, 3));
                format!("{middle} ({low}–{high})")
            },
        );
        let ratio = row.variants.and_then(|variants| variants.tokens);
        table.row([
            row.model.clone(),
            thousands(row.problems),
            percent(row.solved),
            tokens,
            brief_or_nothing(row.tokens.map(|tokens| tokens.mean)),
            brief_or_nothing(row.overhead.map(|overhead| overhead.efficiency)),
            brief_or_nothing(ratio),
        ]);
    }
    table
}

/// A share in percent, with its interval's ends: near 0 and 100 these are lopsided.
pub(super) fn percent(of: Estimate<Ratio>) -> String {
    let whole = |share: Ratio| format!("{:.0}", share.get() * 100.0);
    let ends = of.interval.map(|(low, high)| format!(" ({}–{})", whole(low), whole(high)));
    format!("{}{}", whole(of.value), ends.unwrap_or_default())
}

pub(super) fn spending(family: &FamilyTable) -> Table {
    let columns = ["model", "attempt", "solved task", "95 %", "cost of pass", "unsolved"];
    let mut table = Table::new(title(family, "USD"), &columns);
    for row in &family.rows {
        let Some(cost) = row.cost.as_ref() else {
            table.row([row.model.clone()].into_iter().chain([NOTHING; 5].map(str::to_owned)));
            continue;
        };
        let (solved, ends) = per_solved(&cost.per_solved);
        let of_pass = cost.of_pass.map(|pass| significant(pass.value.0, 3));
        let never = cost.of_pass.filter(|pass| pass.never_solved > 0);
        let never = never.map(|pass| format!(" ({}/{})", pass.tasks, row.tasks));
        table.row([
            row.model.clone(),
            brief(cost.per_attempt),
            solved,
            ends,
            format!(
                "{}{}",
                of_pass.unwrap_or_else(|| NOTHING.to_owned()),
                never.unwrap_or_default()
            ),
            share(part(cost.unsolved, cost)),
        ]);
    }
    table
}

fn part(of: Usd, cost: &RowCost) -> Option<Ratio> {
    (cost.total.0 > 0.0).then(|| of / cost.total)
}

/// The figure, and its interval.
fn per_solved(of: &PerSolved) -> (String, String) {
    match of {
        PerSolved::NoneSolved { at_least, .. } => {
            let least = at_least.map(|least| format!("≥ {}", significant(least.0, 2)));
            ("none solved".to_owned(), least.unwrap_or_else(|| NOTHING.to_owned()))
        }
        PerSolved::Solved { value, interval } => {
            let ends = interval.map(|range| {
                let low = significant(range.low.0, 2);
                range.high.map_or_else(
                    || format!("≥ {low}"),
                    |high| format!("{low}–{}", significant(high.0, 2)),
                )
            });
            (significant(value.0, 3), ends.unwrap_or_else(|| NOTHING.to_owned()))
        }
    }
}

fn verdicts(all: &FamilyTable) -> Table {
    let columns =
        ["model", "all", "solved", "wrong", "none", "refused", "cut off", "failed", "retried"];
    let mut table =
        Table::new("What became of the attempts (none: no answer in the reply)", &columns);
    for row in &all.rows {
        let v = row.verdicts;
        let counts = [
            row.attempts,
            v.solved,
            v.wrong,
            v.no_answer,
            v.refused,
            v.truncated,
            v.failed,
            row.retries,
        ];
        table.row([row.model.clone()].into_iter().chain(counts.map(thousands)));
    }
    table
}

fn characters(models: &[ModelLine]) -> Table {
    let columns = ["model", "same text", "prompts", "replies", "USD/Mchar in", "USD/Mchar out"];
    let mut table = Table::new("Characters per token", &columns);
    let held = |of: Option<crate::units::CharactersPerToken>| {
        of.map_or_else(|| NOTHING.to_owned(), |of| significant(of.0, 3))
    };
    for line in models {
        let cut = &line.characters;
        table.row([
            line.name.clone(),
            held(cut.same_text),
            held(cut.prompts),
            held(cut.replies),
            brief_or_nothing(cut.input),
            brief_or_nothing(cut.output),
        ]);
    }
    table
}

pub(super) fn compared(pair: &Compared) -> String {
    let Compared { one, other, problems, .. } = pair;
    let said = |of: &Contrast, words: [&str; 2]| match of.finding {
        Finding::More => words[0].to_owned(),
        Finding::Less => words[1].to_owned(),
        Finding::Tie => "tie".to_owned(),
        Finding::Untold => "too little to tell".to_owned(),
    };
    format!(
        "{one} against {other}, {problems} problems: solved: {}; tokens: {}; USD per solved task: {}",
        said(&pair.solved, ["more", "fewer"]),
        said(&pair.tokens, ["more", "fewer"]),
        said(&pair.per_solved, ["dearer", "cheaper"]),
    )
}

/// What must be known to read the figures.
pub(super) fn asides(table: &TaskTable) -> Vec<String> {
    let mut lines = Vec::new();
    for line in &table.models {
        if line.missing > 0 {
            lines.push(format!("{}: {} attempts are missing", line.name, thousands(line.missing)));
        }
        if line.price.is_some() && !line.price_error_known {
            lines
                .push(format!("{}: the error of its prices is not known, nor in these", line.name));
        }
        if line.judged > 0 {
            let cost = line.judging.map(|usd| format!("{} USD", significant(usd.0, 3)));
            let cost = cost.unwrap_or_else(|| "nobody gave its price".to_owned());
            lines
                .push(format!("{}: {} verdicts by a judge, apart: {cost}", line.name, line.judged));
        }
    }
    for row in &table.all.rows {
        if let Some(reason) = row.unpriced.as_ref() {
            lines.push(format!("{} has no cost: {reason}", row.model));
        }
        if row.verdicts.failed > 0 {
            lines.push(format!(
                "{}: {} attempts failed, and count as not solved",
                row.model, row.verdicts.failed
            ));
        }
        if let Some(cost) = row.cost.filter(|cost| cost.untold > 0) {
            lines.push(format!(
                "{}: {} tries ended without a count; what of them is billed is not in here",
                row.model, cost.untold
            ));
        }
    }
    lines
}

/// Tokens against solved rate, and dollars against it, as `svg` elements for a page: of a family, or of
/// all. A model without tokens, or without a cost, is left out; with none left there is no plot.
pub(super) fn tasks_plots(family: &FamilyTable) -> Vec<String> {
    let name = family.family.as_deref().unwrap_or("all families");
    let tokens = |row: &Row| row.tokens.map(|tokens| plain(tokens.mean));
    let usd = |row: &Row| row.cost.as_ref().map(|cost| plain(cost.per_attempt));
    let plots = [
        plot(
            family,
            ("tokens", "completion tokens, mean"),
            format!("{name}: tokens against solved"),
            tokens,
        ),
        plot(family, ("usd", "USD per attempt"), format!("{name}: the cost frontier"), usd),
    ];
    plots.into_iter().flatten().map(|plot| plot.svg()).collect()
}

/// A value and its ends, as an axis has them.
type Plain = (f64, Option<(f64, f64)>);

fn plain<Q: Quantity>(of: Estimate<Q>) -> Plain {
    (of.value.get(), of.interval.map(|(low, high)| (low.get(), high.get())))
}

fn plot(
    family: &FamilyTable,
    (id, axis): (&str, &str),
    title: String,
    of: impl Fn(&Row) -> Option<Plain>,
) -> Option<Plot> {
    let rate = |row: &Row| plain(row.solved.map(|share| Ratio::of(share.get() * 100.0)));
    let points: Vec<(&Row, Plain)> = family
        .rows
        .iter()
        .filter_map(|row| Some((row, of(row).filter(|it| it.0 > 0.0)?)))
        .collect();
    if points.is_empty() {
        return None;
    }
    let words = |row: &Row, x: f64| {
        format!("{}: {} {axis}, {} % solved", row.model, significant(x, 3), percent(row.solved))
    };
    let dots = points.iter().map(|(row, (x, x_error))| {
        let (y, y_error) = rate(row);
        Mark::Dot(Dot {
            at: (*x, y),
            x_error: *x_error,
            y_error,
            class: "s1".to_owned(),
            hollow: !row.frontier,
            name: row.model.clone(),
            words: words(row, *x),
            ..Dot::default()
        })
    });
    let description: Vec<String> = points.iter().map(|(row, (x, _))| words(row, *x)).collect();
    Some(Plot {
        id: format!("{id}-{}", slug(family.family.as_deref().unwrap_or("all families"))),
        title,
        description: description.join("; "),
        x: Axis { name: axis.to_owned(), scale: Scale::log(points.iter().map(|(_, (x, _))| *x)) },
        y: Axis { name: "% solved".to_owned(), scale: Scale::between(0.0, 100.0) },
        marks: dots.collect(),
    })
}

/// A name as an identifier on a page.
pub(super) fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
}
