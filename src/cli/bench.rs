//! `mtok bench`: the main job.

use super::checked::Bench;
use super::failure::Failure;
use super::home::Home;
use super::progress::Line;
use super::raw::Format;
use super::{interrupt, output, weights};
use crate::clock::wall;
use crate::conduct::Measurement;
use crate::cost::{Assumptions, Books, Judgement, Load};
use crate::hardware::{Catalogue, Rentals};
use crate::hint::Fault;
use crate::prices::Book;
use crate::record::{Outcome, Run};
use crate::report::bench_document;
use crate::store;
use crate::telemetry::driver::cuda_driver;
use crate::units::UsdPerHour;

/// Fetches, runs, judges, prints.
pub(crate) fn run(bench: &Bench, format: Format) -> Result<(), Failure> {
    tell_of_unused_gpu();
    let home = Home::find()?;
    let stop = interrupt::flag()?;
    let subject = weights::at_hand(&bench.model, &home, stop)?;
    let mut line = Line::new();
    let measurement = Measurement {
        subject: &subject,
        plan: bench.plan,
        sampling: bench.sampling,
        device: bench.device,
        runs: &home.runs(),
        stop,
    };
    let measured = measurement.make(&mut |stage| line.stage(stage));
    line.done();
    let measured = measured?;
    let run = store::read(&measured.folder)?;
    print(&run, bench.price, &bench.loads, format)?;
    if measured.outcome == Outcome::Interrupted {
        let message = format!("stopped; what was measured is in `{}`", measured.folder.display());
        return Err(
            Failure::new(Fault::Interrupted, message).hint("`mtok runs show last` judges it again")
        );
    }
    Ok(())
}

/// Judges a run and prints the judgement.
pub(crate) fn print(
    run: &Run,
    price: Option<UsdPerHour>,
    loads: &[Load],
    format: Format,
) -> Result<(), Failure> {
    let books = Books {
        gpus: Catalogue::embedded()?,
        rentals: Rentals::embedded()?,
        prices: Book::embedded()?,
    };
    let today = wall().to_zoned(jiff::tz::TimeZone::UTC).date();
    let assumptions = Assumptions { price, loads: loads.to_vec(), today };
    let judgement = Judgement::of(run, &books, &assumptions);
    output::print(format, &bench_document(&judgement), &judgement)
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
