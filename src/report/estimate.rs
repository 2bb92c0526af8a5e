//! What `mtok estimate` prints: a ladder of batches, where a step's time goes, what fits.
//!
//! Invariant: a rate or a price stands here with its interval, and a batch that does not fit has
//! neither: `—`, and why. Guarded by the test below.

use super::figure::{NOTHING, estimate, seconds_or_nothing, significant};
use super::{Document, Table};
use crate::estimate::{Basis, Calibration, Deployment, Ladder, Outcome, Part, Term, Traffic};
use crate::units::Quantity;

/// The ladder of a deployment, in words and tables.
pub fn estimate_document(
    deployment: &Deployment<'_>,
    traffic: Traffic,
    ladder: &Ladder,
    calibration: &Calibration,
) -> Document {
    let mut document = Document::default();
    let (model, gpu) = (deployment.model, deployment.gpu);
    document.words(format!(
        "{}, {} weights, on {} × {} at {:.2}: {} in, {} out a request",
        model.name,
        deployment.weights,
        deployment.gpus,
        gpu.name,
        ladder.price,
        traffic.prompt,
        traffic.output
    ));
    let columns = [
        "sequences",
        "output tok/s",
        "ceiling",
        "between tokens",
        "USD/Mtok, all tokens",
        "floor",
        "output alone",
        "memory a GPU",
    ];
    let mut table = Table::new("Predicted, with 95 % intervals, at full load", &columns);
    for rung in &ladder.rungs {
        let memory = &rung.memory;
        let taken = memory.weights + memory.cache + memory.working;
        let room = format!("{:.0} of {:.0} GB", taken.get() / 1e9, memory.usable.get() / 1e9);
        let mut row = vec![rung.batch.to_string()];
        row.extend(rung.outcome.as_ref().map_or([NOTHING; 6].map(str::to_owned), figures));
        row.push(room);
        table.row(row);
    }
    document.table(table);
    let misfits = ladder.rungs.iter().filter_map(|rung| Some((rung, rung.memory.misfit.as_ref()?)));
    if let Some((rung, misfit)) = misfits.into_iter().next() {
        document.words(format!("{} at once: {misfit}", rung.batch));
    }
    if let Some((rung, outcome)) = ladder.cheapest() {
        let mut parts = Table::new(
            format!("Where the time goes, {} at once", rung.batch),
            &["", "ms", "share"],
        );
        for part in &outcome.prediction.parts {
            let share = part.time / outcome.prediction.gap.value;
            let ms = significant(part.time.get() * 1e3, 3);
            parts.row([named(*part).to_owned(), ms, format!("{share:.0}")]);
        }
        document.table(parts);
        document.words(match outcome.prediction.basis {
            Basis::Measured => format!(
                "The intervals are the errors on other models on this GPU: {}, {}.",
                calibration.source, calibration.date
            ),
            Basis::Elsewhere => format!(
                "This GPU, or this format, was not among the runs ({}, {}): the intervals are the \
                 errors on other models on other GPUs.",
                calibration.source, calibration.date
            ),
        });
    }
    document
}

fn figures(outcome: &Outcome) -> [String; 6] {
    let prediction = &outcome.prediction;
    [
        estimate(prediction.output_rate),
        significant(prediction.ceiling.get(), 3),
        seconds_or_nothing(Some(prediction.gap)),
        estimate(outcome.blended),
        significant(outcome.blended_floor.get(), 3),
        estimate(outcome.output_only),
    ]
}

/// What a part of a step is.
fn named(part: Part) -> &'static str {
    match part.term {
        None => "the roofline: weights, cache, arithmetic",
        Some(Term::Layer) => "kernels of each layer",
        Some(Term::Sequence) => "scheduling of each sequence",
        Some(Term::Sampling) => "sampling",
        Some(Term::Prompt) => "steps that hold prompts",
        Some(Term::EightBit) => "bringing activations to 8 bits",
        Some(Term::Peer) => "waiting for the other GPUs",
        Some(Term::Routing) => "moving activations to experts",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::{Cache, Models, Weights, ladder};
    use crate::hardware::Catalogue;
    use crate::units::{Tokens, UsdPerHour};

    #[test]
    fn what_fits_has_figures_and_what_does_not_has_a_reason() {
        let (models, gpus) = (Models::embedded().unwrap(), Catalogue::embedded().unwrap());
        let deployment = Deployment {
            model: models.by_name("llama-3.1-70b").unwrap(),
            gpu: gpus.by_name("h100-sxm").unwrap(),
            gpus: 2,
            weights: Weights::Bf16,
            cache: Cache::Bf16,
        };
        let traffic = Traffic { prompt: Tokens(500), output: Tokens(500) };
        let calibration = Calibration::embedded().unwrap();
        let price = UsdPerHour(5.0);
        let ladder = ladder(&deployment, traffic, &[1, 8, 4096], price, &calibration).unwrap();
        let words = estimate_document(&deployment, traffic, &ladder, &calibration).markdown();
        let row = |batch: &str| words.lines().find(|line| line.starts_with(batch)).unwrap();
        assert!(!row("| 8 |").contains(NOTHING), "{words}");
        assert_eq!(row("| 4096 |").matches(NOTHING).count(), 6, "{words}");
        assert!(words.contains("4096 at once: does not fit: "), "{words}");
        assert!(words.contains("waiting for the other GPUs"), "{words}");
        assert!(words.contains("errors on other models on this GPU"), "{words}");
    }
}
