//! What `mtok models` prints.

use super::figure::{NOTHING, thousands};
use super::{Document, Table};
use crate::model::{Licence, Loaded, Manifest};
use crate::record::Shape;
use crate::units::Bytes;
use serde::Serialize;
use std::path::Path;

/// A model of the catalogue in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelRow {
    /// What the command line calls it.
    pub name: String,
    /// What its makers call it.
    pub title: String,
    /// How its weights are stored.
    pub quantization: String,
    /// Its weights' size; in a manifest it may be worked out.
    pub weights: Bytes,
    /// Whether its file is on this machine.
    pub here: bool,
    /// Why the engine can't run it yet; `None`: it can.
    pub not_runnable: Option<String>,
    /// On which terms.
    pub licence: String,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelList {
    /// The form of this document: `mtok.models/1`.
    pub schema: &'static str,
    /// A line each.
    pub models: Vec<ModelRow>,
}

impl ModelRow {
    /// The line of a manifest.
    pub fn of(manifest: &Manifest, here: bool) -> Self {
        let shape = manifest.shape();
        Self {
            name: manifest.name.clone(),
            title: manifest.title.clone(),
            quantization: shape.quantization,
            weights: shape.weights,
            here,
            not_runnable: manifest.not_runnable.clone(),
            licence: manifest.licence.name.clone(),
        }
    }
}

/// All models, a line each.
pub fn models_document(list: &ModelList) -> Document {
    let columns = ["name", "model", "weights", "size", "here", "licence", "runs"];
    let mut table = Table::new("", &columns);
    for row in &list.models {
        table.row([
            row.name.clone(),
            row.title.clone(),
            row.quantization.clone(),
            format!("{:.1}", row.weights),
            if row.here { "yes" } else { "" }.to_owned(),
            row.licence.clone(),
            row.not_runnable
                .clone()
                .map_or_else(|| "yes".to_owned(), |why| format!("not yet: {why}")),
        ]);
    }
    let mut document = Document::default();
    document.table(table);
    document
}

/// The form of a model's card.
const MODEL_SCHEMA: &str = "mtok.model/1";

/// Everything about a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelCard {
    /// The form of this document: `mtok.model/1`.
    pub schema: &'static str,
    /// The manifest's name, or the file's path.
    pub name: String,
    /// What its makers call it.
    pub title: Option<String>,
    /// On which terms, and where they stand.
    pub licence: Option<Licence>,
    /// The file's checksum, where somebody stated one.
    pub sha256: Option<String>,
    /// Whether what follows was read from the file; else it is from the manifest.
    pub read: bool,
    /// What a forward pass computes and moves.
    pub shape: Shape,
    /// Why the engine can't run it; `None`: it can.
    pub not_runnable: Option<String>,
    /// What the engine doesn't do as the model was trained.
    pub caveats: Vec<String>,
    /// Whether it has a chat template; `None`: not known before its file is here.
    pub chat: Option<bool>,
    /// What to know before using it.
    pub note: Option<String>,
}

impl ModelCard {
    /// Of a manifest, and its file where that is here.
    pub fn of_manifest(manifest: &Manifest, loaded: Option<&Loaded>) -> Self {
        let card = Self {
            schema: MODEL_SCHEMA,
            name: manifest.name.clone(),
            title: Some(manifest.title.clone()),
            licence: Some(manifest.licence.clone()),
            sha256: manifest.sha256.map(|sum| sum.to_string()),
            read: false,
            shape: manifest.shape(),
            not_runnable: manifest.not_runnable.clone(),
            caveats: Vec::new(),
            chat: None,
            note: manifest.note.clone(),
        };
        match loaded {
            Some(loaded) => card.with(loaded),
            None => card,
        }
    }

    /// Of a file.
    pub fn of_file(path: &Path, loaded: &Loaded) -> Self {
        let card = Self {
            schema: MODEL_SCHEMA,
            name: path.display().to_string(),
            title: None,
            licence: None,
            sha256: None,
            read: false,
            shape: loaded.shape.clone(),
            not_runnable: None,
            caveats: Vec::new(),
            chat: None,
            note: None,
        };
        card.with(loaded)
    }

    fn with(self, loaded: &Loaded) -> Self {
        let (not_runnable, caveats) = match loaded.describe() {
            Ok(description) => (None, description.caveats),
            Err(error) => {
                (Some(self.not_runnable.unwrap_or_else(|| error.to_string())), Vec::new())
            }
        };
        let (shape, chat) = (loaded.shape.clone(), Some(loaded.chat.is_some()));
        Self { read: true, shape, not_runnable, caveats, chat, ..self }
    }
}

/// A model's card.
pub fn model_document(card: &ModelCard) -> Document {
    let shape = &card.shape;
    let mut table = Table::new(card.name.clone(), &["", ""]);
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| NOTHING.to_owned());
    table.row(["model".to_owned(), text(&card.title)]);
    let licence = card.licence.as_ref().map(|Licence { name, url }| format!("{name}, {url}"));
    table.row(["licence".to_owned(), text(&licence)]);
    table.row(["sha256".to_owned(), text(&card.sha256)]);
    table.row(["architecture".to_owned(), shape.architecture.clone()]);
    let mut parameters = thousands(shape.parameters);
    if shape.active_parameters != shape.parameters {
        let active = thousands(shape.active_parameters);
        parameters = format!("{parameters}, of which {active} work on a token");
    }
    table.row(["parameters".to_owned(), parameters]);
    table.row(["weights".to_owned(), format!("{}, {:.1}", shape.quantization, shape.weights)]);
    table.row(["read at each step".to_owned(), format!("{:.1}", shape.weights_read)]);
    let heads = format!(
        "{} layers, width {}, {} heads of {}, {} for keys and values",
        shape.layers, shape.width, shape.heads, shape.head_size, shape.kv_heads
    );
    table.row(["shape".to_owned(), heads]);
    table.row(["vocabulary".to_owned(), thousands(u64::from(shape.vocabulary))]);
    table.row(["context".to_owned(), thousands(shape.context.0)]);
    let chat = card.chat.map(|has| if has { "yes" } else { "none: a base model" }.to_owned());
    table.row(["chat template".to_owned(), text(&chat)]);
    let runs = card.not_runnable.as_ref().map(|why| format!("not yet: {why}"));
    table.row(["runs".to_owned(), runs.unwrap_or_else(|| "yes".to_owned())]);
    let mut document = Document::default();
    document.table(table);
    for caveat in card.caveats.iter().chain(&card.note) {
        document.words(caveat.clone());
    }
    let source =
        if card.read { "read from the file" } else { "from the manifest: the file is not here" };
    document.words(format!("({source})"));
    document
}
