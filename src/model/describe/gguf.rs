//! The description of a model in a GGUF file, by its keys.
//!
//! What each key means is llama.cpp's (`llama-model.cpp`, `load_hparams`, in
//! <https://github.com/ggml-org/llama.cpp>).

use super::family::{Rules, Windows};
use super::layout::{Biases, Found, Layout, Mismatch, Tied, Wrong};
use super::names::Naming;
use super::rope::{Scaling, Yarn, rope};
use super::{Description, INNER_MAX, Place, embedding_scale, score_scale, size};
use crate::model::gguf::{Gguf, GgufError, Problem, Tensor};
use crate::model::shape::{CONTEXT_MAX, Keys, LAYERS_MAX};
use crate::model::spec::{FeedForward, Layer, Rope, Spec};
use crate::record::Shape;
use crate::units::Tokens;
use fs_err::os::unix::fs::FileExt;

/// Of rotations, where the file names no base.
const BASE_DEFAULT: f32 = 10_000.0;

/// Describes the model in a file whose shape is known.
pub(super) fn describe(gguf: &Gguf, shape: &Shape) -> Result<Description, GgufError> {
    let keys = Keys::of(gguf)?;
    let rules = Rules::of_gguf(keys.architecture).ok_or_else(|| {
        let why = format!(
            "its architecture is `{}`, and the engine has {}",
            keys.architecture,
            Rules::gguf_names()
        );
        gguf.error(0, Problem::NotRunnable(why))
    })?;
    let reader = Reader { gguf, keys, rules, shape };
    let (spec, caveats) = reader.spec()?;
    let layout = Layout {
        rules,
        naming: Naming::Gguf,
        tied: Tied::WithoutHead,
        biases: if rules.biases { Biases::Qkv } else { Biases::AsFound },
    };
    let find = |name: &str| {
        gguf.tensor(name)
            .map(|found| Found { kind: found.kind.name(), dimensions: &found.dimensions })
    };
    let names = gguf.tensors().map(|tensor| tensor.name.as_str());
    layout.check(&spec, find, names).map_err(|mismatch| reader.mismatch(mismatch))?;
    let places = gguf.tensors().map(|tensor| {
        let place = Place {
            kind: tensor.kind.name(),
            file: 0,
            at: gguf.data_at() + tensor.offset,
            bytes: tensor.bytes.0,
            rows: tensor.rows(),
        };
        (tensor.name.clone(), place)
    });
    let (tensors, files) = (places.collect(), vec![gguf.path().to_path_buf()]);
    let architecture = rules.gguf;
    Ok(Description { spec, architecture, caveats, layout, files, tensors })
}

struct Reader<'a> {
    gguf: &'a Gguf,
    keys: Keys<'a>,
    rules: &'static Rules,
    shape: &'a Shape,
}

impl Reader<'_> {
    fn spec(&self) -> Result<(Spec, Vec<String>), GgufError> {
        let Shape { width, heads, kv_heads, head_size, vocabulary, .. } = *self.shape;
        if let Some(length) = self.number::<u32>("attention.value_length")?
            && length != head_size
        {
            let why = format!("keys have {head_size} numbers, and the engine wants values alike");
            return Err(self.keys.refuse("attention.value_length", length, &why));
        }
        let epsilon: f32 = self.number("attention.layer_norm_rms_epsilon")?.unwrap_or(f32::NAN);
        if !(0.0..1.0).contains(&epsilon) {
            let why = "it must be from 0 to 1";
            return Err(self.keys.refuse("attention.layer_norm_rms_epsilon", epsilon, why));
        }
        let (scaling, caveats, context) = self.scaling()?;
        let spec = Spec {
            width: size(width),
            vocabulary: size(vocabulary),
            context,
            heads: size(heads),
            kv_heads: size(kv_heads),
            head_size: size(head_size),
            embedding_scale: if self.rules.embedding_scaled { embedding_scale(width) } else { 1.0 },
            norm_epsilon: epsilon,
            attention_scale: self.attention_scale()?,
            attention_cap: self.cap("attn_logit_softcapping")?,
            logits_cap: self.cap("final_logit_softcapping")?,
            activation: self.rules.activation,
            ropes: self.ropes(&scaling)?,
            layers: self.layers()?,
        };
        Ok((spec, caveats))
    }

    fn number<'a, T: crate::model::gguf::FromValue<'a>>(
        &'a self,
        key: &str,
    ) -> Result<Option<T>, GgufError> {
        self.gguf.metadata().get(&self.keys.name(key))
    }

    /// A number above 0.
    fn positive(&self, key: &str) -> Result<Option<f32>, GgufError> {
        match self.number::<f32>(key)? {
            Some(value) if !(value.is_finite() && value > 0.0) => {
                Err(self.keys.refuse(key, value, "it must be above 0"))
            }
            value => Ok(value),
        }
    }

    fn cap(&self, key: &str) -> Result<Option<f32>, GgufError> {
        self.positive(key)
    }

    fn attention_scale(&self) -> Result<f32, GgufError> {
        if let Some(scale) = self.positive("attention.scale")? {
            return Ok(scale);
        }
        let Shape { layers, width, heads, head_size, .. } = *self.shape;
        let wide = self.rules.wide_scale_layers == Some(size(layers));
        Ok(score_scale(f64::from(if wide { width / heads } else { head_size })))
    }

    fn layers(&self) -> Result<Vec<Layer>, GgufError> {
        let layers = size(self.shape.layers);
        let window = match self.number::<u32>("attention.sliding_window")? {
            None | Some(0) => None,
            Some(_) => Some(size(self.keys.count("attention.sliding_window", CONTEXT_MAX)?)),
        };
        let rules = match self.rules.windows {
            Windows::AllButEvery(_)
                if self.number::<u32>("attention.sliding_window_pattern")?.is_some() =>
            {
                let full = self.keys.count("attention.sliding_window_pattern", LAYERS_MAX)?;
                Rules { windows: Windows::AllButEvery(size(full)), ..*self.rules }
            }
            // Qwen 2 and 3 say nothing of windows in a GGUF, nor does llama.cpp give them any.
            Windows::Late => Rules { windows: Windows::Never, ..*self.rules },
            _ => *self.rules,
        };
        let feed_forward = self.feed_forward()?;
        let layer = |windowed: bool| {
            let window = window.filter(|_| windowed);
            let local = window.is_some() && self.rules.local_base.is_some();
            Layer { window, rope: usize::from(local), feed_forward }
        };
        Ok(rules.windowed(layers, 0).into_iter().map(layer).collect())
    }

    fn feed_forward(&self) -> Result<FeedForward, GgufError> {
        let inner = self.keys.count("feed_forward_length", INNER_MAX)?;
        let Some((experts, used)) = self.keys.experts()? else {
            return Ok(FeedForward::Dense { inner: size(inner) });
        };
        let refuse = |key: &str, value: &dyn std::fmt::Display| {
            Err(self.keys.refuse(key, value, "the engine has no such mixture of experts"))
        };
        if let Some(shared) = self.number::<u32>("expert_shared_count")?.filter(|&n| n > 0) {
            return refuse("expert_shared_count", &shared);
        }
        // 1 is a softmax.
        if let Some(gate) = self.number::<u32>("expert_gating_func")?.filter(|&gate| gate != 1) {
            return refuse("expert_gating_func", &gate);
        }
        if let Some(scale) = self.number::<f32>("expert_weights_scale")?
            && (scale - 1.0).abs() > f32::EPSILON
        {
            return refuse("expert_weights_scale", &scale);
        }
        let inner = match self.number::<u32>("expert_feed_forward_length")? {
            Some(_) => self.keys.count("expert_feed_forward_length", INNER_MAX)?,
            None => inner,
        };
        Ok(FeedForward::Experts {
            inner: size(inner),
            experts: size(experts),
            used: size(used),
            normalized: true,
        })
    }

    /// How many numbers of a head are rotated.
    fn rotated(&self) -> Result<u32, GgufError> {
        let head_size = self.shape.head_size;
        let rotated = self.number::<u32>("rope.dimension_count")?.unwrap_or(head_size);
        if rotated == 0 || rotated > head_size || !rotated.is_multiple_of(2) {
            let why = format!("it must be even, and at most the head's {head_size}");
            return Err(self.keys.refuse("rope.dimension_count", rotated, &why));
        }
        Ok(rotated)
    }

    /// The rotations: of layers that attend to all, then of those with a window, where they differ.
    fn ropes(&self, scaling: &Scaling) -> Result<Vec<Rope>, GgufError> {
        let base = |key: &str, default: f32| -> Result<f64, GgufError> {
            match self.number::<f32>(key)? {
                Some(base) if !(base.is_finite() && base > 1.0) => {
                    Err(self.keys.refuse(key, base, "it must be above 1"))
                }
                base => Ok(base.unwrap_or(default).into()),
            }
        };
        let (pairs, rotated) = (self.rules.gguf_pairs, size(self.rotated()?));
        let mut ropes = vec![rope(pairs, base("rope.freq_base", BASE_DEFAULT)?, rotated, scaling)];
        if self.rules.local_base.is_some() {
            let local = base("rope.freq_base_swa", BASE_DEFAULT)?;
            ropes.push(rope(pairs, local, rotated, &Scaling::None));
        }
        Ok(ropes)
    }

    /// How rotations are stretched, what to know about it, and the context that it holds for.
    fn scaling(&self) -> Result<(Scaling, Vec<String>, Tokens), GgufError> {
        let context = self.shape.context;
        let plain = |scaling| Ok((scaling, Vec::new(), context));
        let kind = self.number::<&str>("rope.scaling.type")?.unwrap_or("none");
        let factor = self.positive("rope.scaling.factor")?;
        let own = self.divisors("rope_freqs.weight")?;
        let short = self.divisors("rope_factors_short.weight")?;
        let need = |key: &str, value: Option<f32>| {
            value.map(f64::from).ok_or_else(|| {
                let key = self.keys.name(key);
                self.gguf.error(0, Problem::MissingKey { key, want: "f32" })
            })
        };
        match (kind, own, short) {
            ("none", None, None) => match self.positive("rope.scale_linear")? {
                None => plain(Scaling::None),
                Some(factor) => plain(Scaling::Linear { factor: factor.into() }),
            },
            ("none", Some(divisors), None) => plain(Scaling::Divisors { divisors, magnitude: 1.0 }),
            ("none" | "longrope", None, Some(divisors)) => {
                let magnitude = need("rope.scaling.attn_factor", self.attention_factor()?)?;
                let original = self.original_context()?;
                let caveats = vec![longrope_caveat(original, context)];
                let context = context.min(original);
                Ok((Scaling::Divisors { divisors, magnitude }, caveats, context))
            }
            ("linear", None, None) => {
                plain(Scaling::Linear { factor: need("rope.scaling.factor", factor)? })
            }
            ("yarn", None, None) => {
                let factor = need("rope.scaling.factor", factor)?;
                let own = f64::from(self.attention_factor()?.unwrap_or(1.0));
                #[allow(clippy::cast_precision_loss, reason = "contexts are below 2^24")]
                let original = self.original_context()?.0 as f64;
                plain(Scaling::Yarn(Yarn {
                    factor,
                    original,
                    fast: self.positive("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0).into(),
                    slow: self.positive("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0).into(),
                    magnitude: Some(own * (1.0 + 0.1 * factor.max(1.0).ln())),
                    truncate: true,
                }))
            }
            _ => {
                let why = "the engine doesn't stretch rotations in this way";
                Err(self.keys.refuse("rope.scaling.type", kind, why))
            }
        }
    }

    fn attention_factor(&self) -> Result<Option<f32>, GgufError> {
        self.positive("rope.scaling.attn_factor")
    }

    fn original_context(&self) -> Result<Tokens, GgufError> {
        let key = "rope.scaling.original_context_length";
        Ok(Tokens(self.keys.count(key, CONTEXT_MAX)?.into()))
    }

    /// The numbers of a tensor with one for each pair, where the file has it.
    fn divisors(&self, name: &str) -> Result<Option<Vec<f64>>, GgufError> {
        let Some(tensor) = self.gguf.tensor(name) else { return Ok(None) };
        let pairs = self.rotated()? / 2;
        if tensor.kind.name() != "F32" || tensor.dimensions != [u64::from(pairs)] {
            let wrong = Wrong::Dimensions(vec![pairs.into()]);
            return Err(self.mismatch(Mismatch { tensor: name.to_owned(), wrong }));
        }
        let bytes = self.bytes(tensor)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers: Vec<f64> = numbers.iter().map(|&b| f32::from_le_bytes(b).into()).collect();
        if let Some(number) = numbers.iter().find(|one| !(one.is_finite() && **one > 0.0)) {
            let why = format!("tensor `{name}` divides a rotation by {number}");
            return Err(self.gguf.error(tensor.at(), Problem::NotRunnable(why)));
        }
        Ok(Some(numbers))
    }

    /// All bytes of a small tensor.
    fn bytes(&self, tensor: &Tensor) -> Result<Vec<u8>, GgufError> {
        let at = self.gguf.data_at() + tensor.offset;
        let mut bytes = vec![0; usize::try_from(tensor.bytes.0).unwrap_or(0)];
        fs_err::File::open(self.gguf.path())
            .and_then(|file| file.read_exact_at(&mut bytes, at))
            .map_err(|error| self.gguf.error(at, Problem::Io(error)))?;
        Ok(bytes)
    }

    fn mismatch(&self, mismatch: Mismatch) -> GgufError {
        let Mismatch { tensor, wrong } = mismatch;
        let found = self.gguf.tensor(&tensor);
        let at = found.map_or(0, Tensor::at);
        let problem = match (wrong, found) {
            (Wrong::Dimensions(want), Some(found)) => Problem::Dimensions {
                tensor,
                dimensions: found.dimensions.clone(),
                why: format!("the model's shape needs `{want:?}`"),
            },
            (Wrong::Kind, Some(found)) => Problem::NotRunnable(format!(
                "tensor `{tensor}` is stored as {}",
                found.kind.name()
            )),
            (Wrong::Unknown, Some(_)) => Problem::NotRunnable(format!(
                "tensor `{tensor}` has no place in the engine's `{}`",
                self.keys.architecture
            )),
            _ => Problem::MissingTensor { tensor },
        };
        self.gguf.error(at, problem)
    }
}

/// What to say of a model whose rotations change with the length of the text.
pub(super) fn longrope_caveat(original: Tokens, context: Tokens) -> String {
    format!(
        "its rotations change beyond {original}, which the engine doesn't do: it holds {original} \
         of {context}"
    )
}
