//! `mtok models`: which there are, their weights, their checksums.

use super::failure::Failure;
use super::home::Home;
use super::progress::Line;
use super::raw::{Format, RawModels};
use super::{interrupt, output, weights};
use crate::fetch::verify;
use crate::hint::Fault;
use crate::model::{Catalogue, Files, Loaded, Source};
use crate::report::{ModelCard, ModelList, ModelRow, model_document, models_document};
use std::path::PathBuf;

/// Lists, fetches, shows, verifies.
pub(crate) fn run(raw: RawModels) -> Result<(), Failure> {
    let home = Home::find()?;
    match raw {
        RawModels::List { output } => list(&home, output.format()),
        RawModels::Fetch { model } => {
            let catalogue = Catalogue::embedded()?;
            let path = weights::fetch(catalogue.find(&model)?, &home, interrupt::flag()?)?;
            eprintln!("`{model}` is in `{}`", path.display());
            Ok(())
        }
        RawModels::Show { model, output } => show(&model, &home, output.format()),
        RawModels::Verify { model } => check(&model, &home),
    }
}

fn list(home: &Home, format: Format) -> Result<(), Failure> {
    let catalogue = Catalogue::embedded()?;
    let models = catalogue
        .iter()
        .map(|manifest| ModelRow::of(manifest, manifest.path_in(&home.models()).is_file()))
        .collect();
    let list = ModelList { schema: "mtok.models/1", models };
    output::print(format, &models_document(&list), &list)
}

fn show(model: &str, home: &Home, format: Format) -> Result<(), Failure> {
    let card = match Catalogue::embedded()?.resolve(model)? {
        Source::Manifest(manifest) => {
            let path = manifest.path_in(&home.models());
            let loaded = path.is_file().then(|| Loaded::open(&path)).transpose()?;
            ModelCard::of_manifest(&manifest, loaded.as_ref())
        }
        Source::File(path) => ModelCard::of_file(&path, &Loaded::open(&path)?),
    };
    output::print(format, &model_document(&card), &card)
}

/// Form first, then the checksum, where somebody stated one.
fn check(model: &str, home: &Home) -> Result<(), Failure> {
    let (path, sum) = match Catalogue::embedded()?.resolve(model)? {
        Source::Manifest(manifest) => {
            (here(&manifest.path_in(&home.models()), model)?, manifest.sha256)
        }
        Source::File(path) => (path, None),
    };
    let what = match Loaded::open(&path)?.files {
        Files::Gguf(_) => "a sound GGUF file",
        Files::Folder(_) => "a sound folder of safetensors",
    };
    eprintln!("`{}`: {what}", path.display());
    let Some(sum) = sum else {
        eprintln!("no checksum to compare with: the manifest states none");
        return Ok(());
    };
    let stop = interrupt::flag()?;
    let mut line = Line::new();
    let result =
        verify(&path, sum, &mut |event: crate::fetch::Event<'_>| line.download(&event, stop));
    line.done();
    result?;
    eprintln!("sha256 {sum}: as the manifest says");
    Ok(())
}

fn here(path: &std::path::Path, model: &str) -> Result<PathBuf, Failure> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let message = format!("`{model}` is not here: no `{}`", path.display());
    Err(Failure::new(Fault::Input, message).hint(format!("`mtok models fetch {model}`")))
}
