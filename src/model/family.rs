//! Which models the engine can run, and whether a file has all that it will read.
//!
//! Invariant: after [`Runnable::check`], candle-transformers' `quantized_llama` and
//! `quantized_qwen2` (0.11.1) find every key and every tensor that they read, of the type and shape
//! that they need; nothing they do with them can divide by 0, index out of bounds or reserve memory
//! on a false claim. Guarded by `tests/gguf_hostile.rs`.

use super::gguf::{Gguf, GgufError, Problem};
use super::shape::{EMBEDDING, HEAD, Keys};
use crate::record::Shape;
use crate::units::Tokens;

/// `quantized_llama::MAX_SEQ_LEN`: its table of rotations has so many rows.
const LLAMA_CONTEXT: u64 = 4_096;
/// `quantized_qwen2` makes a table of rotations for the whole context: context x head size / 2
/// numbers of 4 bytes, twice, and the angles besides. 2^26 keeps that under 400 MiB; the longest
/// context of any Qwen2 (1M tokens, heads of 128) is just within.
const QWEN2_ROTATIONS_MAX: u64 = 1 << 26;

/// The model families that the engine has code for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// GGUF architecture `llama`: Llama 1 to 3, Mistral 7B, `SmolLM2`.
    Llama,
    /// GGUF architecture `qwen2`: Qwen 2 and 2.5.
    Qwen2,
}

/// A model that the engine can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runnable {
    /// Which code runs it.
    pub family: Family,
    /// The longest context that the engine can hold, which may be shorter than the model's.
    pub context: Tokens,
    /// What the engine does not do as the model was trained, in words.
    pub caveats: Vec<String>,
}

impl Family {
    /// The family of a GGUF architecture.
    pub fn of(architecture: &str) -> Option<Self> {
        match architecture {
            "llama" => Some(Self::Llama),
            "qwen2" => Some(Self::Qwen2),
            _ => None,
        }
    }
}

impl Runnable {
    /// Checks that the engine can run the model in a file whose shape is known.
    pub fn check(gguf: &Gguf, shape: &Shape) -> Result<Self, GgufError> {
        let keys = Keys::of(gguf)?;
        let refuse = |why: String| gguf.error(0, Problem::NotRunnable(why));
        let family = Family::of(keys.architecture).ok_or_else(|| {
            refuse(format!(
                "its architecture is `{}`, and the engine has `llama` and `qwen2`",
                keys.architecture
            ))
        })?;
        if keys.experts()?.is_some() {
            return Err(refuse("it is a mixture of experts".to_owned()));
        }
        if shape.head_size.checked_mul(shape.heads) != Some(shape.width)
            || !shape.head_size.is_multiple_of(2)
        {
            let (heads, size, width) = (shape.heads, shape.head_size, shape.width);
            return Err(refuse(format!(
                "its {heads} heads of {size} don't make up its width of {width}"
            )));
        }
        numbers(gguf, &keys, family, shape)?;
        tensors(gguf, &keys, family, shape)?;
        let context = match family {
            Family::Llama => shape.context.min(Tokens(LLAMA_CONTEXT)),
            Family::Qwen2
                if shape.context.0 * u64::from(shape.head_size) / 2 > QWEN2_ROTATIONS_MAX =>
            {
                let most = QWEN2_ROTATIONS_MAX * 2 / u64::from(shape.head_size);
                let why =
                    format!("the engine holds {most} tokens with heads of {}", shape.head_size);
                return Err(keys.refuse("context_length", shape.context.0, &why));
            }
            Family::Qwen2 => shape.context,
        };
        Ok(Self { family, context, caveats: caveats(gguf, &keys)? })
    }
}

/// The numbers that the engine reads beyond the shape.
fn numbers(gguf: &Gguf, keys: &Keys<'_>, family: Family, shape: &Shape) -> Result<(), GgufError> {
    let metadata = gguf.metadata();
    // Both codes read this key without a default.
    keys.count("attention.head_count_kv", shape.kv_heads)?;
    let epsilon: f32 = metadata.need(&keys.name("attention.layer_norm_rms_epsilon"))?;
    if !(0.0..1.0).contains(&epsilon) {
        let why = "it must be from 0 to 1";
        return Err(keys.refuse("attention.layer_norm_rms_epsilon", epsilon, why));
    }
    // Of another type it would silently become 10,000.
    let base: Option<f32> = metadata.get(&keys.name("rope.freq_base"))?;
    if let Some(base) = base.filter(|base| !(base.is_finite() && *base >= 1.0)) {
        return Err(keys.refuse("rope.freq_base", base, "it must be 1 or more"));
    }
    if family == Family::Llama {
        let rotated = keys.count("rope.dimension_count", u32::MAX)?;
        if rotated != shape.head_size {
            let why = format!("the engine rotates whole heads, of {}", shape.head_size);
            return Err(keys.refuse("rope.dimension_count", rotated, &why));
        }
    }
    Ok(())
}

/// The tensors that the engine reads, with the shapes that its products need.
fn tensors(gguf: &Gguf, keys: &Keys<'_>, family: Family, shape: &Shape) -> Result<(), GgufError> {
    let width = u64::from(shape.width);
    let kv_width = u64::from(shape.kv_heads) * u64::from(shape.head_size);
    let inner = u64::from(keys.count("feed_forward_length", 1 << 24)?);
    let need = |name: &str, dimensions: &[u64]| tensor(gguf, name, dimensions);
    let table = [width, u64::from(shape.vocabulary)];
    need(EMBEDDING, &table)?;
    need("output_norm.weight", &[width])?;
    if gguf.tensor(HEAD).is_some() {
        need(HEAD, &table)?;
    }
    for layer in 0..shape.layers {
        let need =
            |part: &str, dimensions: &[u64]| need(&format!("blk.{layer}.{part}"), dimensions);
        need("attn_norm.weight", &[width])?;
        need("attn_q.weight", &[width, width])?;
        need("attn_k.weight", &[width, kv_width])?;
        need("attn_v.weight", &[width, kv_width])?;
        need("attn_output.weight", &[width, width])?;
        need("ffn_norm.weight", &[width])?;
        need("ffn_gate.weight", &[width, inner])?;
        need("ffn_up.weight", &[width, inner])?;
        need("ffn_down.weight", &[inner, width])?;
        if family == Family::Qwen2 {
            need("attn_q.bias", &[width])?;
            need("attn_k.bias", &[kv_width])?;
            need("attn_v.bias", &[kv_width])?;
        }
    }
    Ok(())
}

fn tensor(gguf: &Gguf, name: &str, want: &[u64]) -> Result<(), GgufError> {
    let Some(found) = gguf.tensor(name) else {
        return Err(gguf.error(0, Problem::MissingTensor { tensor: name.to_owned() }));
    };
    if found.dimensions != want {
        let (tensor, dimensions) = (name.to_owned(), found.dimensions.clone());
        let why = format!("the model's shape needs `{want:?}`");
        return Err(gguf.error(found.at(), Problem::Dimensions { tensor, dimensions, why }));
    }
    if !found.kind.loads() {
        let why = format!("tensor `{name}` is stored as {}", found.kind.name());
        return Err(gguf.error(found.at(), Problem::NotRunnable(why)));
    }
    Ok(())
}

/// What the file asks for and the engine leaves out.
fn caveats(gguf: &Gguf, keys: &Keys<'_>) -> Result<Vec<String>, GgufError> {
    let mut caveats = Vec::new();
    let scaling: Option<&str> = gguf.metadata().get(&keys.name("rope.scaling.type"))?;
    if gguf.tensor("rope_freqs.weight").is_some() || scaling.is_some_and(|kind| kind != "none") {
        caveats.push(
            "the engine leaves out the file's scaling of rotary positions: speed is the same, text \
             may differ from other engines'"
                .to_owned(),
        );
    }
    if gguf.metadata().get::<u32>(&keys.name("attention.sliding_window"))?.is_some_and(|w| w > 0) {
        caveats.push("the engine attends to the whole context, not to a window of it".to_owned());
    }
    Ok(caveats)
}
