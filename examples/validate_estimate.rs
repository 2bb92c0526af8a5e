//! Prints how wrong the estimate is on published runs, and writes a plot: `make validate`.
//!
//! `cargo run --release --example validate_estimate -- [PLOT.svg]`

use mtok::estimate::{Calibration, Grouping, Models, parse_energy, validate};
use mtok::hardware::Catalogue;
use mtok::report::{validation_document, validation_plot};
use std::io::Write as _;

const FILE: &str = "tests/fixtures/throughput/mlenergy-points-2026-02.csv";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = fs_err::read_to_string(FILE)?;
    let (models, gpus) = (Models::embedded()?, Catalogue::embedded()?);
    let points = parse_energy(FILE, &text, &models, &gpus)?;
    let own = Calibration::embedded()?;
    let mut out = std::io::stdout().lock();
    for (grouping, words) in [
        (Grouping::Family, "Whole families left out"),
        (Grouping::Model, "Models left out, with their precisions and variants"),
    ] {
        let validation = validate(&points, grouping, &own.source, own.date)?;
        writeln!(out, "{words}\n\n{}", validation_document(&points, &validation).terminal(None))?;
        if grouping == Grouping::Model {
            let same = validation.calibration.to_toml();
            let told = if same == own.to_toml() { "is" } else { "is NOT" };
            writeln!(out, "data/estimate.toml {told} what these points make:\n\n{same}")?;
            if let Some(path) = std::env::args_os().nth(1) {
                fs_err::write(path, validation_plot(&points, &validation))?;
            }
        }
    }
    Ok(())
}
