//! Rotations as `config.json` says them.

use super::family::Rules;
use super::gguf::longrope_caveat;
use super::rope::{Scaling, Yarn, longrope_magnitude, rope};
use super::size;
use crate::model::safetensors::{FolderError, Json, Problem};
use crate::model::shape::CONTEXT_MAX;
use crate::model::spec::{Pairs, Rope};
use crate::units::Tokens;

/// What nearly all families take where the file names no base.
const BASE_DEFAULT: f64 = 10_000.0;

/// A model's rotations.
pub(super) struct Rotations {
    /// Of layers that attend to all, then of those with a window, where they differ.
    pub(super) ropes: Vec<Rope>,
    /// The context that they hold for.
    pub(super) context: Tokens,
    /// What to know about them.
    pub(super) caveats: Vec<String>,
}

/// Reads a config's rotations of heads of `head_size`.
pub(super) fn rotations(
    config: &Json,
    rules: &Rules,
    head_size: u32,
    context: Tokens,
    base_default: Option<f64>,
) -> Result<Rotations, FolderError> {
    let told = config.object("rope_parameters")?;
    // Version 5 of transformers names the rotations of each kind of layer.
    let (local, whole) = match &told {
        Some(told) => (told.object("sliding_attention")?, told.object("full_attention")?),
        None => (None, None),
    };
    let of = match whole.or(told) {
        Some(found) => Some(found),
        None => config.object("rope_scaling")?,
    };
    let reader = Reader { config, of, rules, context };
    let rotated = reader.rotated(head_size)?;
    let base = reader.base("rope_theta", base_default.unwrap_or(BASE_DEFAULT))?;
    let scaling = reader.scaling(rotated)?;
    let mut ropes = vec![rope(Pairs::Halves, base, size(rotated), &scaling)];
    if let Some(default) = rules.local_base {
        let base = match &local {
            Some(local) => positive(local, "rope_theta")?.unwrap_or(default),
            None => positive(config, "rope_local_base_freq")?.unwrap_or(default),
        };
        ropes.push(rope(Pairs::Halves, base, size(rotated), &Scaling::None));
    }
    let (context, caveats) = match scaling {
        Scaling::Divisors { .. } => {
            let original = reader.original()?;
            (context.min(original), vec![longrope_caveat(original, context)])
        }
        _ => (context, Vec::new()),
    };
    Ok(Rotations { ropes, context, caveats })
}

/// A number above 0.
fn positive(json: &Json, key: &str) -> Result<Option<f64>, FolderError> {
    match json.number(key)? {
        Some(number) if number <= 0.0 => Err(json.refuse(key, number, "it must be above 0")),
        number => Ok(number),
    }
}

struct Reader<'a> {
    config: &'a Json,
    /// The object about rotations, where there is one.
    of: Option<Json>,
    rules: &'a Rules,
    context: Tokens,
}

impl Reader<'_> {
    /// A number above 0 of the object about rotations, or of the config itself.
    fn positive(&self, key: &str) -> Result<Option<f64>, FolderError> {
        if let Some(of) = &self.of
            && let Some(number) = positive(of, key)?
        {
            return Ok(Some(number));
        }
        positive(self.config, key)
    }

    fn need(&self, key: &str) -> Result<f64, FolderError> {
        self.of.as_ref().unwrap_or(self.config).need(key, "a number", self.positive(key)?)
    }

    fn base(&self, key: &str, default: f64) -> Result<f64, FolderError> {
        let base = self.positive(key)?.unwrap_or(default);
        if base > 1.0 { Ok(base) } else { Err(self.config.refuse(key, base, "it must be above 1")) }
    }

    /// How many numbers of a head are rotated.
    fn rotated(&self, head_size: u32) -> Result<u32, FolderError> {
        let share = self.positive("partial_rotary_factor")?.unwrap_or(1.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "heads are small"
        )]
        let rotated = (f64::from(head_size) * share) as u32;
        if share > 1.0 || rotated == 0 || !rotated.is_multiple_of(2) {
            let why = format!("of a head's {head_size} numbers, an even number is rotated");
            return Err(self.config.refuse("partial_rotary_factor", share, &why));
        }
        Ok(rotated)
    }

    fn scaling(&self, rotated: u32) -> Result<Scaling, FolderError> {
        let Some(of) = &self.of else { return Ok(Scaling::None) };
        let kind = match of.text("rope_type")? {
            Some(kind) => Some(kind),
            None => of.text("type")?,
        };
        Ok(match kind.unwrap_or("default") {
            // "dynamic" changes nothing within the context that the config states.
            "default" | "dynamic" => Scaling::None,
            "linear" => Scaling::Linear { factor: self.need("factor")? },
            "llama3" => self.llama3()?,
            // What Phi-3 was first published with.
            "longrope" | "su" => self.longrope(of, rotated)?,
            "yarn" if self.rules.fused => self.longrope(of, rotated)?,
            "yarn" => Scaling::Yarn(self.yarn(of)?),
            other => {
                let why = format!("its rotations are stretched by `{other}`");
                return Err(self.config.fail(Problem::NotRunnable(why)));
            }
        })
    }

    fn llama3(&self) -> Result<Scaling, FolderError> {
        let (low, high) = (self.need("low_freq_factor")?, self.need("high_freq_factor")?);
        if low >= high {
            let why = format!("it must be above `low_freq_factor`, {low}");
            return Err(self.config.refuse("high_freq_factor", high, &why));
        }
        let (factor, original) = (self.need("factor")?, self.need(ORIGINAL)?);
        Ok(Scaling::Llama3 { factor, low, high, original })
    }

    fn yarn(&self, of: &Json) -> Result<Yarn, FolderError> {
        let original = number(self.original()?);
        let factor = self.positive("factor")?.unwrap_or(number(self.context) / original);
        let sharper = |by: f64| if factor > 1.0 { 0.1 * by * factor.ln() + 1.0 } else { 1.0 };
        let scales = of.number("mscale")?.zip(of.number("mscale_all_dim")?);
        let magnitude = scales
            .filter(|&(one, all)| one > 0.0 && all > 0.0)
            .map(|(one, all)| sharper(one) / sharper(all));
        Ok(Yarn {
            factor,
            original,
            fast: self.positive("beta_fast")?.unwrap_or(32.0),
            slow: self.positive("beta_slow")?.unwrap_or(1.0),
            magnitude: self.positive("attention_factor")?.or(magnitude),
            truncate: of.flag("truncate")?.unwrap_or(true),
        })
    }

    fn longrope(&self, of: &Json, rotated: u32) -> Result<Scaling, FolderError> {
        let key = "short_factor";
        let divisors = of.need(key, "a list of numbers", of.numbers(key)?)?;
        if divisors.len() != size(rotated / 2) || !divisors.iter().all(|one| *one > 0.0) {
            let why = format!("there must be {}, above 0", rotated / 2);
            return Err(of.refuse(key, format!("{} numbers", divisors.len()), &why));
        }
        let original = number(self.original()?);
        let factor = self.positive("factor")?.unwrap_or(number(self.context) / original);
        let magnitude = self
            .positive("attention_factor")?
            .unwrap_or_else(|| longrope_magnitude(factor, original));
        Ok(Scaling::Divisors { divisors, magnitude })
    }

    /// The context that the model was first trained on; without the key, the only one.
    fn original(&self) -> Result<Tokens, FolderError> {
        let within = match &self.of {
            Some(of) => of.count(ORIGINAL, CONTEXT_MAX)?,
            None => None,
        };
        let found = match within {
            Some(found) => Some(found),
            None => self.config.count(ORIGINAL, CONTEXT_MAX)?,
        };
        Ok(found.map_or(self.context, |found| Tokens(found.into())))
    }
}

const ORIGINAL: &str = "original_max_position_embeddings";

/// A context as a number.
#[allow(clippy::cast_precision_loss, reason = "contexts are at most 2^24")]
fn number(context: Tokens) -> f64 {
    context.0 as f64
}
