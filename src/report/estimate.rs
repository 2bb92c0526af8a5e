//! What `mtok estimate` prints.
//!
//! Invariant: a batch that doesn't fit has no figures but why, and one without a price has no cost: `—`.
//! Guarded by the tests below.

use super::figure::{NOTHING, estimate, seconds, share, significant, thousands};
use super::ladder::answer;
use super::price_list::price;
use super::{Document, Table};
use crate::cost::{Cheaper, MachinePrice, PriceOrigin};
use crate::estimate::{Beside, Costs, Limit, Outcome, Outlook, Rung, Term};
use crate::units::Ratio;

/// The estimate in words and tables.
pub fn estimate_document(outlook: &Outlook) -> Document {
    let mut document = Document::default();
    document.words(head(outlook));
    document.words(price_words(outlook.price.as_ref(), outlook.gpus));
    document.table(rungs(outlook));
    let misfits = outlook.rungs.iter().filter_map(|judged| {
        let misfit = judged.rung.memory.misfit.as_ref()?;
        Some(format!("{} at once: {misfit}", judged.rung.batch))
    });
    let misfits: Vec<String> = misfits.collect();
    if misfits.is_empty() {
        document.words(format!("{} sequences at once fit at most.", thousands(largest(outlook))));
    } else {
        document.words(misfits.join("\n"));
    }
    document.table(where_time_goes(outlook));
    document.table(beside(outlook));
    for row in outlook.beside.iter().filter(|row| !row.notes.is_empty()) {
        document.words(format!("{}: {}", row.id, row.notes.join("; ")));
    }
    for caution in &outlook.cautions {
        document.words(format!("Note: {caution}."));
    }
    document.words(format!(
        "An estimate: nothing was measured. ± is where 95 % of published runs of models that the fit \
         had not seen were ({}, {}). The floor is the roofline's, which no software is below.",
        outlook.learnt_from, outlook.learnt_on
    ));
    document
}

fn largest(outlook: &Outlook) -> u64 {
    u64::from(outlook.largest_batch)
}

fn head(outlook: &Outlook) -> String {
    let (model, gpu) = (&outlook.model, &outlook.gpu);
    let active = significant(model.active_parameters / 1e9, 3);
    format!(
        "{}: the shape of {} ({} parameters, {active} G work on a token), weights {}, cache {}, on {} × {}; requests of \
         {} prompt and {} output tokens.",
        outlook.asked,
        model.name,
        thousands(model.parameters),
        outlook.weights,
        outlook.cache,
        outlook.gpus,
        gpu.name,
        thousands(outlook.prompt.0),
        thousands(outlook.output.0),
    )
}

fn price_words(price: Option<&MachinePrice>, gpus: u32) -> String {
    let Some(MachinePrice { usd_per_hour, origin }) = price else {
        return "Price: nobody says what it rents for; `--price 2.50/h` does.".to_owned();
    };
    let together = if gpus > 1 { " for all GPUs together" } else { "" };
    let price = format!("Price: {:.2} USD/h{together}", usd_per_hour.0);
    match origin {
        PriceOrigin::Given | PriceOrigin::Example { .. } => format!("{price}, as given."),
        PriceOrigin::Rentals { low, high, offers, kind, collected, stale, .. } => {
            let old = if *stale { ": more than 90 days ago" } else { "" };
            format!(
                "{price}: the median of {offers} offers {kind}, {:.2} to {:.2} a GPU, {collected}{old}.",
                low.0, high.0
            )
        }
    }
}

fn rungs(outlook: &Outlook) -> Table {
    let mut columns = vec![
        "at once",
        "output tok/s",
        "between tokens",
        "bound by",
        "memory a GPU",
        "USD/Mtok",
        "floor",
        "all to output",
    ];
    if outlook.at_most.is_some() {
        columns.push("in time");
    }
    let mut table = Table::new("Estimated at full load, with 95 % intervals", &columns);
    for judged in &outlook.rungs {
        let Rung { batch, memory, outcome } = &judged.rung;
        let mut row = vec![batch.to_string()];
        row.extend(outcome.as_ref().map_or([NOTHING; 3].map(str::to_owned), speeds));
        let taken = memory.weights + memory.cache + memory.working;
        row.push(format!("{:.0} of {:.0} GB", taken.get() / 1e9, memory.usable.get() / 1e9));
        let costs = outcome.as_ref().and_then(|outcome| outcome.costs.as_ref());
        row.extend(costs.map_or([NOTHING; 3].map(str::to_owned), prices));
        row.push(judged.keeps.map_or(NOTHING, answer).to_owned());
        table.row(row.into_iter().take(columns.len()));
    }
    table
}

fn speeds(outcome: &Outcome) -> [String; 3] {
    let prediction = &outcome.prediction;
    let limit = match prediction.limit {
        Limit::Memory => "memory",
        Limit::Arithmetic => "arithmetic",
    };
    [estimate(prediction.output_rate), seconds(prediction.gap), limit.to_owned()]
}

fn prices(costs: &Costs) -> [String; 3] {
    let floor = significant(costs.blended_floor.0, 2);
    [estimate(costs.blended), floor, estimate(costs.output_only)]
}

/// What a step of the chosen batch spends its time with.
fn where_time_goes(outlook: &Outlook) -> Table {
    let chosen = outlook.chosen().or(outlook.cheapest);
    let rung = outlook.rungs.iter().find(|judged| Some(judged.rung.batch) == chosen);
    let outcome = rung.and_then(|judged| judged.rung.outcome.as_ref());
    let at = outcome.map_or(0, |outcome| outcome.prediction.batch);
    let title = format!("Where a step's time goes at {at} at once");
    let mut table = Table::new(title, &["", "time", "share"]);
    let Some(prediction) = outcome.map(|outcome| &outcome.prediction) else { return table };
    for part in &prediction.parts {
        let name = part.term.map_or("memory and arithmetic", term_words);
        table.row([
            name.to_owned(),
            super::figure::time(Some(part.time)),
            share(Some(part.time / prediction.gap.value)),
        ]);
    }
    table
}

fn term_words(term: Term) -> &'static str {
    match term {
        Term::Layer => "layers: kernels begin and end",
        Term::Sequence => "sequences: scheduler, tokens out",
        Term::Sampling => "sampling",
        Term::Prompt => "steps with prompts in them",
        Term::EightBit => "bringing activations to 8 bits",
        Term::Peer => "waiting for the other GPUs",
        Term::Routing => "moving tokens to experts",
    }
}

fn beside(outlook: &Outlook) -> Table {
    let at = outlook.chosen().map_or_else(String::new, |batch| format!(", own at {batch} at once"));
    let title = format!("APIs, USD per million tokens, blended at this mix{at}");
    let columns = ["model", "provider", "in", "out", "blended", "own is cheaper", "price of"];
    let mut table = Table::new(title, &columns);
    for row in &outlook.beside {
        let same = if row.same_model { " (this model)" } else { "" };
        table.row([
            format!("{}{same}", row.name),
            row.provider.clone(),
            price(Some(row.input)),
            price(Some(row.output)),
            significant(row.blended.0, 3),
            cheaper_words(row),
            format!("{}, {}{}", row.source, row.date, if row.stale { " !" } else { "" }),
        ]);
    }
    table
}

/// From which load, with its interval; an end beyond full load is never reached.
fn cheaper_words(row: &Beside) -> String {
    let Some(found) = &row.break_even else { return NOTHING.to_owned() };
    let (low, high) = found.load.interval.unwrap_or((found.load.value, found.load.value));
    let percent = |load: Ratio| significant(load.get() * 100.0, 2);
    match found.at_full_load {
        Cheaper::Api | Cheaper::ApiByValue => "never".to_owned(),
        Cheaper::Own | Cheaper::OwnByValue => {
            format!(
                "above {} % load ({} to {})",
                percent(found.load.value),
                percent(low),
                percent(high)
            )
        }
        Cheaper::Tie => format!("can't tell: above {} % load at best", percent(low)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::{Cache, Calibration, Deployment, Models, Question, Traffic, Weights};
    use crate::hardware::{Catalogue, Rentals};
    use crate::prices::Book;
    use crate::units::Tokens;
    use jiff::civil::date;

    /// Llama 3.1 70B on two GPUs, at 1, 8 and 4096 at once, as Markdown.
    fn words(gpu: &str) -> String {
        let (models, gpus) = (Models::embedded().unwrap(), Catalogue::embedded().unwrap());
        let question = Question {
            asked: "llama-3.1-70b",
            deployment: Deployment {
                model: models.by_name("llama-3.1-70b").unwrap(),
                gpu: gpus.by_name(gpu).unwrap(),
                gpus: 2,
                weights: Weights::Bf16,
                cache: Cache::Bf16,
            },
            traffic: Traffic { prompt: Tokens(500), output: Tokens(500) },
            batches: &[1, 8, 4096],
            price: None,
            at_most: None,
            today: date(2026, 11, 22),
        };
        let (rentals, book) = (Rentals::embedded().unwrap(), Book::embedded().unwrap());
        let calibration = Calibration::embedded().unwrap();
        let outlook = Outlook::of(&question, &calibration, &rentals, &book).unwrap();
        estimate_document(&outlook).markdown()
    }

    #[track_caller]
    fn check(gpu: &str, batch: &str, missing: usize, says: &[&str]) {
        let words = words(gpu);
        let row = words.lines().find(|line| line.starts_with(&format!("| {batch} |"))).unwrap();
        assert_eq!(row.matches(NOTHING).count(), missing, "{row}");
        for said in says {
            assert!(words.contains(said), "no `{said}` in\n{words}");
        }
    }

    #[test]
    fn what_fits_has_figures_and_what_does_not_has_a_reason() {
        let says = ["4096 at once: does not fit: ", "waiting for the other GPUs", "for all GPUs"];
        check("h100-sxm", "8", 0, &says);
        check("h100-sxm", "4096", 6, &[]);
        // Nobody rents it: rates and no cost, and no API is beaten.
        check("mi325x", "8", 3, &["nobody says what it rents for", "Note: no published run"]);
    }
}
