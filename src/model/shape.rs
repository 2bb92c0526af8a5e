//! A model's shape out of its header: what a forward pass computes and moves.
//!
//! Invariant: every number is taken from the file and fits the others; none is 0. Whoever divides by
//! a number of heads later need not ask.

use super::describe::Description;
use super::gguf::{Gguf, GgufError, Metadata, Problem, Tensor};
use super::safetensors::Folder;
use crate::record::Shape;
use crate::units::{Bytes, Tokens};
use std::collections::HashMap;

/// More layers than any model has; a reader reserves room for as many as the file claims.
pub(super) const LAYERS_MAX: u32 = 1_024;
/// More heads, or a wider head, than any model has.
pub(super) const HEADS_MAX: u32 = 1 << 12;
/// More experts than any layer has.
pub(super) const EXPERTS_MAX: u32 = 1 << 12;
/// Wider than any model.
pub(super) const WIDTH_MAX: u32 = 1 << 20;
/// Longer than any context.
pub(super) const CONTEXT_MAX: u32 = 1 << 24;
/// The embedding table, which every architecture names so.
pub(super) const EMBEDDING: &str = "token_embd.weight";
/// The head; where it is missing, the embedding table is the head.
pub(super) const HEAD: &str = "output.weight";

/// The shape of the model in a file, whatever its architecture.
pub fn shape(gguf: &Gguf) -> Result<Shape, GgufError> {
    let keys = Keys::of(gguf)?;
    let width = keys.count("embedding_length", WIDTH_MAX)?;
    let layers = keys.count("block_count", LAYERS_MAX)?;
    let heads = keys.count("attention.head_count", HEADS_MAX)?;
    let kv_heads = keys.count_or("attention.head_count_kv", HEADS_MAX, || Ok(heads))?;
    let context = keys.count("context_length", CONTEXT_MAX)?;
    if !heads.is_multiple_of(kv_heads) {
        let why = format!("it must divide the number of heads, {heads}");
        return Err(keys.refuse("attention.head_count_kv", kv_heads, &why));
    }
    let head_size = keys.count_or("attention.key_length", HEADS_MAX, || {
        if width.is_multiple_of(heads) {
            Ok(width / heads)
        } else {
            let why = format!("it must divide the width, {width}");
            Err(keys.refuse("attention.head_count", heads, &why))
        }
    })?;
    let embedding = gguf
        .tensor(EMBEDDING)
        .ok_or_else(|| gguf.error(0, Problem::MissingTensor { tensor: EMBEDDING.to_owned() }))?;
    let vocabulary = u32::try_from(embedding.rows())
        .ok()
        .filter(|_| embedding.dimensions == [u64::from(width), embedding.rows()])
        .ok_or_else(|| {
            let dimensions = embedding.dimensions.clone();
            let why = format!("it must be {width} wide, a row for each token");
            let tensor = EMBEDDING.to_owned();
            gguf.error(embedding.at(), Problem::Dimensions { tensor, dimensions, why })
        })?;
    let tally = Tally::of(gguf, keys.experts()?);
    Ok(Shape {
        architecture: keys.architecture.to_owned(),
        quantization: quantization(gguf)?,
        parameters: tally.parameters,
        active_parameters: tally.parameters_active,
        weights: tally.bytes,
        weights_read: tally.bytes_read,
        layers,
        width,
        heads,
        kv_heads,
        head_size,
        vocabulary,
        context: Tokens(context.into()),
    })
}

/// The shape of a model in a folder, which its description has most of.
pub(super) fn of_folder(folder: &Folder, description: &Description) -> Shape {
    let mut tally = Tally::default();
    let mut bytes_by_kind = HashMap::new();
    for (name, tensor) in folder.tensors() {
        let Some((used, of)) = description.share(name) else { continue };
        tally.add(tensor.elements, tensor.bytes, |all| all / of * used);
        *bytes_by_kind.entry(tensor.kind).or_insert(0) += tensor.bytes.0;
    }
    let spec = &description.spec;
    // The description took them from numbers of 32 bits.
    let count = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    Shape {
        architecture: description.architecture.to_owned(),
        quantization: most(bytes_by_kind),
        parameters: tally.parameters,
        active_parameters: tally.parameters_active,
        weights: tally.bytes,
        weights_read: tally.bytes_read,
        layers: count(spec.layers.len()),
        width: count(spec.width),
        heads: count(spec.heads),
        kv_heads: count(spec.kv_heads),
        head_size: count(spec.head_size),
        vocabulary: count(spec.vocabulary),
        context: spec.context,
    }
}

/// The keys of one architecture: `llama.block_count` is `block_count` of `llama`.
pub(super) struct Keys<'a> {
    metadata: &'a Metadata,
    pub(super) architecture: &'a str,
}

impl<'a> Keys<'a> {
    pub(super) fn of(gguf: &'a Gguf) -> Result<Self, GgufError> {
        let metadata = gguf.metadata();
        Ok(Self { metadata, architecture: metadata.need("general.architecture")? })
    }

    pub(super) fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    pub(super) fn refuse(&self, key: &str, value: impl std::fmt::Display, why: &str) -> GgufError {
        self.metadata.refuse(&self.name(key), value, why)
    }

    /// A count from 1 to `most`.
    pub(super) fn count(&self, key: &str, most: u32) -> Result<u32, GgufError> {
        self.within(key, self.metadata.need(&self.name(key))?, most)
    }

    fn count_or(
        &self,
        key: &str,
        most: u32,
        default: impl FnOnce() -> Result<u32, GgufError>,
    ) -> Result<u32, GgufError> {
        match self.metadata.get(&self.name(key))? {
            Some(value) => self.within(key, value, most),
            None => default(),
        }
    }

    fn within(&self, key: &str, value: u32, most: u32) -> Result<u32, GgufError> {
        if (1..=most).contains(&value) {
            Ok(value)
        } else {
            Err(self.refuse(key, value, &format!("it must be from 1 to {most}")))
        }
    }

    /// Experts of a layer, and how many of them a token uses; `None` for a dense model.
    pub(super) fn experts(&self) -> Result<Option<(u32, u32)>, GgufError> {
        match self.metadata.get::<u32>(&self.name("expert_count"))? {
            None | Some(0 | 1) => Ok(None),
            Some(all) => {
                let all = self.within("expert_count", all, EXPERTS_MAX)?;
                Ok(Some((all, self.count("expert_used_count", all)?)))
            }
        }
    }
}

/// What all tensors come to.
#[derive(Default)]
struct Tally {
    parameters: u64,
    parameters_active: u64,
    bytes: Bytes,
    bytes_read: Bytes,
}

impl Tally {
    fn of(gguf: &Gguf, experts: Option<(u32, u32)>) -> Self {
        let tied = gguf.tensor(HEAD).is_none();
        let mut tally = Self::default();
        for tensor in gguf.tensors() {
            // A step looks up one row of the table, which is nothing, or multiplies with all of it.
            let used = |all: u64| match experts {
                _ if tensor.name == EMBEDDING && !tied => 0,
                Some((all_experts, used)) if is_expert(tensor) => {
                    all / u64::from(all_experts) * u64::from(used)
                }
                _ => all,
            };
            tally.add(tensor.elements, tensor.bytes, used);
        }
        tally
    }

    /// Adds a tensor, of whose numbers a step uses as many as `used` says of all.
    fn add(&mut self, elements: u64, bytes: Bytes, used: impl Fn(u64) -> u64) {
        self.parameters += elements;
        self.parameters_active += used(elements);
        self.bytes += bytes;
        self.bytes_read += Bytes(used(bytes.0));
    }
}

/// The experts of a layer are one tensor: `blk.0.ffn_up_exps.weight`.
fn is_expert(tensor: &Tensor) -> bool {
    tensor.name.contains("_exps.")
}

/// How the weights are stored: as the file says, or else as most of their bytes are.
fn quantization(gguf: &Gguf) -> Result<String, GgufError> {
    if let Some(name) = gguf.metadata().get::<u32>("general.file_type")?.and_then(file_type) {
        return Ok(name.to_owned());
    }
    let mut bytes_by_type = HashMap::new();
    for tensor in gguf.tensors() {
        *bytes_by_type.entry(tensor.kind.name()).or_insert(0) += tensor.bytes.0;
    }
    Ok(most(bytes_by_type))
}

/// The kind that most bytes are of.
fn most(bytes_by_kind: HashMap<&'static str, u64>) -> String {
    let most = bytes_by_kind.into_iter().max_by_key(|&(name, bytes)| (bytes, name));
    most.map_or("empty", |(name, _)| name).to_owned()
}

/// `enum llama_ftype`, <https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h>.
fn file_type(number: u32) -> Option<&'static str> {
    Some(match number {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4",
        _ => return None,
    })
}
