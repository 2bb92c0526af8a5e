//! The catalogue of shapes: `data/models.toml`, looked up by what people and checkpoints call a model.
//!
//! Invariant: a name belongs to one shape, and a shape's parameters add up to the published number.
//! Guarded by [`Models::parse`], which refuses anything else, and by the planted faults in `tests.rs`.

use super::deployment::Weights;
use super::error::EstimateError;
use super::model::{Attention, Experts, Mamba, Model, Window, float};
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::HashMap;

const FILE: &str = "data/models.toml";
const TEXT: &str = include_str!("../../data/models.toml");

/// Names nearer than this (Jaro-Winkler, 0 to 1) are worth suggesting.
const NEAR: f64 = 0.85;
/// Suggestions at most.
const SUGGESTIONS: usize = 3;
/// How far a count of parameters may be from the published one: norms, biases, routers and extra
/// prediction layers aren't counted.
const SAME_COUNT: f64 = 0.011;

/// The shapes that are known.
#[derive(Debug, Clone)]
pub struct Models {
    models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBook {
    model: Vec<RawModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    id: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    variants: Vec<String>,
    family: String,
    #[serde(default = "bf16")]
    native: Weights,
    layers: u64,
    width: u64,
    vocabulary: u64,
    #[serde(default)]
    tied: bool,
    context: u64,
    heads: u64,
    kv_heads: Option<u64>,
    head_size: Option<u64>,
    attention_layers: Option<u64>,
    window: Option<RawWindow>,
    latent: Option<RawLatent>,
    #[serde(default)]
    feed_forward: u64,
    feed_forward_layers: Option<u64>,
    #[serde(default = "gated")]
    feed_forward_matrices: u64,
    experts: Option<RawExperts>,
    mamba: Option<RawMamba>,
    parameters: u64,
    source: String,
    date: Date,
}

fn bf16() -> Weights {
    Weights::Bf16
}

fn gated() -> u64 {
    3
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWindow {
    layers: u64,
    size: u64,
    #[serde(default)]
    chunked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLatent {
    query_rank: u64,
    kv_rank: u64,
    rope_size: u64,
    nope_size: u64,
    value_size: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExperts {
    layers: u64,
    count: u64,
    active: u64,
    width: u64,
    #[serde(default)]
    shared_width: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMamba {
    layers: u64,
    heads: u64,
    head_size: u64,
    state_size: u64,
    groups: u64,
}

impl Models {
    /// The catalogue inside the program.
    ///
    /// # Errors
    /// [`EstimateError::Embedded`] if it is broken, which the tests rule out.
    pub fn embedded() -> Result<Self, EstimateError> {
        Self::parse(FILE, TEXT).map_err(|error| EstimateError::Embedded(Box::new(error)))
    }

    /// A catalogue from the text of a file.
    ///
    /// # Errors
    /// A text that isn't TOML of this shape, a shape whose parameters aren't the published number, or a
    /// name that two models answer to.
    pub fn parse(file: &str, text: &str) -> Result<Self, EstimateError> {
        let raw: RawBook = toml::from_str(text).map_err(|source| EstimateError::Toml {
            file: file.to_owned(),
            source: Box::new(source),
        })?;
        let models: Vec<Model> =
            raw.model.into_iter().map(|raw| checked(file, raw)).collect::<Result<_, _>>()?;
        let mut owners: HashMap<String, &Model> = HashMap::new();
        for (name, model) in models.iter().flat_map(|m| names(m).map(move |n| (typed(n), m))) {
            if let Some(owner) = owners.insert(name.clone(), model)
                && owner.id != model.id
            {
                return Err(EstimateError::Ambiguous {
                    file: file.to_owned(),
                    name,
                    first: owner.id.clone(),
                    second: model.id.clone(),
                });
            }
        }
        Ok(Self { models })
    }

    /// The one shape in the text of a file.
    ///
    /// # Errors
    /// As [`Models::parse`], and a file with none or several.
    pub fn parse_one(file: &str, text: &str) -> Result<Model, EstimateError> {
        let models = Self::parse(file, text)?.models;
        let [model]: [Model; 1] = models.try_into().map_err(|models: Vec<Model>| {
            EstimateError::NotOne { file: file.to_owned(), models: models.len() }
        })?;
        Ok(model)
    }

    /// All of them, in the book's order.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model that a person means: its id, its name, an alias or a variant, case and punctuation aside.
    ///
    /// # Errors
    /// [`EstimateError::UnknownModel`] with the nearest ids.
    pub fn by_name(&self, name: &str) -> Result<&Model, EstimateError> {
        let wanted = typed(name);
        let found = self.models.iter().find(|model| names(model).any(|own| typed(own) == wanted));
        found.ok_or_else(|| {
            let likeness = |model: &Model| {
                names(model)
                    .map(|own| strsim::jaro_winkler(&typed(own), &wanted))
                    .fold(0.0, f64::max)
            };
            let mut near: Vec<(f64, &Model)> =
                self.models.iter().map(|model| (likeness(model), model)).collect();
            near.retain(|(likeness, _)| *likeness >= NEAR);
            near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            let near = near.into_iter().take(SUGGESTIONS).map(|(_, model)| model.id.clone());
            let known = self.models.iter().map(|model| model.id.clone()).collect();
            EstimateError::UnknownModel { name: name.to_owned(), near: near.collect(), known }
        })
    }
}

fn names(model: &Model) -> impl Iterator<Item = &str> {
    [model.id.as_str(), model.name.as_str()]
        .into_iter()
        .chain(model.aliases.iter().chain(&model.variants).map(String::as_str))
}

/// A name without its owner, case and punctuation.
pub(super) fn typed(name: &str) -> String {
    let own = name.rsplit('/').next().unwrap_or(name);
    let own = own.split_once("__").map_or(own, |(_, own)| own);
    own.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn checked(file: &str, raw: RawModel) -> Result<Model, EstimateError> {
    let id = raw.id.clone();
    let wrong = |field, found: String| EstimateError::Shape {
        file: file.to_owned(),
        model: id.clone(),
        field,
        found,
    };
    let counts = [("layers", raw.layers), ("width", raw.width), ("vocabulary", raw.vocabulary)];
    let counts = counts.into_iter().chain([("context", raw.context), ("heads", raw.heads)]);
    if let Some((field, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
        return Err(wrong(field, "0".to_owned()));
    }
    let layers = raw.attention_layers.unwrap_or(raw.layers);
    let attention = if let Some(latent) = raw.latent {
        Attention::Latent {
            layers,
            heads: raw.heads,
            query_rank: latent.query_rank,
            kv_rank: latent.kv_rank,
            rope_size: latent.rope_size,
            nope_size: latent.nope_size,
            value_size: latent.value_size,
        }
    } else {
        let missing = |field| wrong(field, "not given".to_owned());
        Attention::Grouped {
            layers,
            heads: raw.heads,
            kv_heads: raw.kv_heads.filter(|n| *n > 0).ok_or_else(|| missing("kv_heads"))?,
            head_size: raw.head_size.filter(|n| *n > 0).ok_or_else(|| missing("head_size"))?,
            window: raw.window.map(|w| Window {
                layers: w.layers,
                size: w.size,
                chunked: w.chunked,
            }),
        }
    };
    if let Some(experts) = &raw.experts
        && !(experts.active > 0 && experts.active <= experts.count)
    {
        return Err(wrong("experts.active", experts.active.to_string()));
    }
    let experts = raw.experts.map(|e| Experts {
        layers: e.layers,
        count: e.count,
        active: e.active,
        width: e.width,
        shared_width: e.shared_width,
    });
    let in_experts = experts.map_or(0, |experts| experts.layers);
    let dense = raw.feed_forward_layers.unwrap_or(raw.layers.saturating_sub(in_experts));
    let model = Model {
        id: raw.id,
        name: raw.name,
        aliases: raw.aliases,
        variants: raw.variants,
        family: raw.family,
        native: raw.native,
        layers: raw.layers,
        width: raw.width,
        vocabulary: raw.vocabulary,
        tied: raw.tied,
        context: raw.context,
        attention,
        feed_forward: raw.feed_forward,
        feed_forward_layers: dense,
        feed_forward_matrices: raw.feed_forward_matrices,
        experts,
        mamba: raw.mamba.map(|m| Mamba {
            layers: m.layers,
            heads: m.heads,
            head_size: m.head_size,
            state_size: m.state_size,
            groups: m.groups,
        }),
        published: raw.parameters,
        source: raw.source,
        date: raw.date,
    };
    if model.source.trim().is_empty() {
        return Err(wrong("source", "empty".to_owned()));
    }
    let counted = model.parameters();
    if (counted / float(model.published) - 1.0).abs() <= SAME_COUNT {
        Ok(model)
    } else {
        let found = format!("{} where the shape makes {counted:.0}", model.published);
        Err(wrong("parameters", found))
    }
}
