//! `mtok bench`: the main job.

use super::checked::{Bench, Judging, Running, Subject};
use super::failure::Failure;
use super::home::Home;
use super::progress::Line;
use super::raw::Format;
use super::{interrupt, output, weights};
use crate::clock::today;
use crate::conduct::{self, Local, Measurement, Next};
use crate::cost::{Assumptions, Books, Judgement, Ladder};
use crate::hardware::{Catalogue, Rentals};
use crate::hint::Fault;
use crate::prices::Book;
use crate::record::{Outcome, Run};
use crate::report::{bench_document, ladder_document, ladder_page, run_page};
use crate::store;
use crate::telemetry::driver::cuda_driver;
use std::sync::atomic::AtomicBool;

/// Fetches, runs, judges, prints.
pub(crate) fn run(bench: &Bench, format: Format) -> Result<(), Failure> {
    if matches!(bench.subject, Subject::Local { .. }) {
        tell_of_unused_gpu();
    }
    let home = Home::find()?;
    let stop = interrupt::flag()?;
    let subject = subject(bench, &home, stop)?;
    let mut line = Line::new();
    let measurement = Measurement {
        subject: &subject,
        course: &bench.course,
        sampling: bench.sampling,
        precision: bench.precision,
        runs: &home.runs(),
        stop,
    };
    let measured = measurement.make(&mut |stage| line.stage(&stage));
    line.done();
    let measured = measured?;
    let runs: Vec<_> = measured.folders.iter().map(|f| store::read(f)).collect::<Result<_, _>>()?;
    let judging = &bench.judging;
    match runs.as_slice() {
        [run] if run.header.sweep.is_none() => print(run, judging, format)?,
        rungs => print_ladder(rungs, judging, format)?,
    }
    if let Some(found) = measured.found {
        eprintln!("{}", found_words(found));
    }
    if measured.outcome == Outcome::Interrupted {
        let folders = measured.folders.iter().map(|folder| format!("`{}`", folder.display()));
        let folders = folders.collect::<Vec<_>>().join(", ");
        let message = format!("stopped; what was measured is in {folders}");
        return Err(
            Failure::new(Fault::Interrupted, message).hint("`mtok runs show last` judges it again")
        );
    }
    Ok(())
}

/// What a search found.
fn found_words(found: Next) -> String {
    match found {
        Next::Found { level, bounded: true } => {
            format!(
                "found: {level} keeps to the objectives, three runs out of three; a little more doesn't"
            )
        }
        Next::Found { level, bounded: false } => format!(
            "found: {level}, the most that was tried, keeps to the objectives, three runs out of three"
        ),
        Next::Missed => "found: no load keeps to the objectives".to_owned(),
        Next::Run { level, .. } => format!("the search was stopped before its end, at {level}"),
    }
}

/// What is measured, its weights at hand.
fn subject(bench: &Bench, home: &Home, stop: &AtomicBool) -> Result<conduct::Subject, Failure> {
    Ok(match &bench.subject {
        Subject::Local { model, running: Running { device, engine, threads } } => {
            let weights = weights::at_hand(model, home, stop)?;
            let (device, engine, threads) = (*device, *engine, *threads);
            conduct::Subject::Local(Local { weights, device, engine, threads })
        }
        Subject::Remote(remote) => conduct::Subject::Remote(remote.as_ref().clone()),
    })
}

/// Judges a run and prints the judgement.
pub(crate) fn print(run: &Run, judging: &Judging, format: Format) -> Result<(), Failure> {
    let judgement = Judgement::of(run, &books()?, &assumptions(judging));
    output::print(format, &bench_document(&judgement), &judgement)?;
    match &judging.report {
        Some(path) => output::write(path, &run_page(&judgement, run)?),
        None => Ok(()),
    }
}

/// Judges the runs of a sweep together and prints the ladder.
pub(crate) fn print_ladder(
    rungs: &[Run],
    judging: &Judging,
    format: Format,
) -> Result<(), Failure> {
    let judged = judged(rungs, judging)?;
    let ladder = Ladder::of(judging.slo.clone(), judged.clone());
    output::print(format, &ladder_document(&ladder), &ladder)?;
    match &judging.report {
        Some(path) => {
            let judged: Vec<_> = judged.into_iter().zip(rungs).collect();
            output::write(path, &ladder_page(&ladder, &judged)?)
        }
        None => Ok(()),
    }
}

/// Judges runs under the same assumptions.
pub(crate) fn judged(runs: &[Run], judging: &Judging) -> Result<Vec<Judgement>, Failure> {
    let (books, assumptions) = (books()?, assumptions(judging));
    Ok(runs.iter().map(|run| Judgement::of(run, &books, &assumptions)).collect())
}

fn books() -> Result<Books, Failure> {
    let (gpus, rentals) = (Catalogue::embedded()?, Rentals::embedded()?);
    Ok(Books { gpus, rentals, prices: Book::embedded()? })
}

fn assumptions(judging: &Judging) -> Assumptions {
    let Judging { price, loads, slo, force, report: _ } = judging.clone();
    Assumptions { price, loads, today: today(), slo, force }
}

/// A binary without CUDA beside a CUDA driver measures the wrong machine: that is said first.
fn tell_of_unused_gpu() {
    if cfg!(feature = "cuda") {
        return;
    }
    if let Some(driver) = cuda_driver() {
        eprintln!(
            "WARNING: a CUDA driver ({driver}) is here, and this binary was built without CUDA:\n\
             what follows are CPU figures. For the GPU's, run `make bench`, or build with\n\
             `cargo build --release --features cuda`\n"
        );
    }
}
