//! `mtok estimate`: what a model would do on a GPU that nobody has rented yet.

use super::checked::{Estimate, Shape};
use super::failure::Failure;
use super::output;
use super::raw::Format;
use crate::clock::today;
use crate::estimate::{Calibration, Deployment, Model, Models, Outlook, Question};
use crate::hardware::Rentals;
use crate::hint::Fault;
use crate::prices::Book;
use crate::report::estimate_document;
use jiff::civil::Date;
use std::io::Read as _;
use std::path::Path;

/// No description of a shape is longer: weights that were given by mistake aren't read whole.
const LONGEST: u64 = 1 << 20;

/// Estimates and prints.
pub(crate) fn run(estimate: &Estimate, format: Format) -> Result<(), Failure> {
    let today = today();
    let model = match &estimate.shape {
        Shape::Known(model) => model.as_ref().clone(),
        Shape::File(path) => read(path, today)?,
    };
    let deployment = Deployment {
        model: &model,
        gpu: &estimate.gpu,
        gpus: estimate.gpus,
        weights: estimate.weights.unwrap_or(model.native),
        cache: estimate.cache,
    };
    let question = Question {
        asked: &estimate.asked,
        deployment,
        traffic: estimate.traffic,
        batches: &estimate.batches,
        price: estimate.price,
        at_most: estimate.at_most,
        today,
    };
    let (rentals, book) = (Rentals::embedded()?, Book::embedded()?);
    let outlook = Outlook::of(&question, &Calibration::embedded()?, &rentals, &book)?;
    output::print(format, &estimate_document(&outlook), &outlook)
}

/// A shape by hand: a `config.json`, or a file of one `[[model]]`.
fn read(path: &Path, today: Date) -> Result<Model, Failure> {
    let unreadable = |error: &std::io::Error| {
        Failure::new(Fault::Input, format!("`{}` can't be read: {error}", path.display()))
            .hint("give a model's name, or the path of its `config.json`")
    };
    let file = fs_err::File::open(path).map_err(|error| unreadable(&error))?;
    let mut text = String::new();
    let read = file.take(LONGEST + 1).read_to_string(&mut text);
    let length = read.map_err(|error| unreadable(&error))?;
    let name = path.display().to_string();
    if u64::try_from(length).unwrap_or(u64::MAX) > LONGEST {
        let message = format!("`{name}` is longer than any description of a shape");
        return Err(
            Failure::new(Fault::Input, message).hint("give the path of the model's `config.json`")
        );
    }
    if path.extension().is_some_and(|ending| ending == "toml") {
        return Ok(Models::parse_one(&name, &text)?);
    }
    Ok(Model::from_config(&name, &called(path), &text, today)?)
}

/// A model's name by where its configuration lies: the folder's, as checkpoints are kept.
fn called(path: &Path) -> String {
    let own = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    match folder {
        Some(folder) if own == "config" => folder.to_owned(),
        _ => own.to_owned(),
    }
}
