//! From logits to a token.
//!
//! The order is llama.cpp's: top-k, then top-p, then min-p, all judged on the model's own
//! distribution, and temperature last, only for the draw. llama.cpp is what the greedy tokens are
//! checked against, and in its order a hot temperature can't bring back a token that was cut.
//! (Hugging Face and vLLM apply temperature first: the same numbers keep more tokens there.)
//!
//! Invariant: same parameters and same logits, same tokens, on any machine: candidates are ordered
//! by logit and then by id, each draw takes exactly one number from `ChaCha8`. Guarded by the property
//! tests below.

use crate::hint::{Fault, Hint};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::cmp::Ordering;
use std::num::NonZeroU32;

/// How tokens are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerParams {
    /// 0 takes the likeliest token; 1 draws from the model's own distribution.
    pub temperature: f64,
    /// Only this many of the likeliest tokens.
    pub top_k: Option<NonZeroU32>,
    /// Only the smallest set of likeliest tokens that together have this probability; in (0, 1].
    pub top_p: Option<f64>,
    /// Only tokens with at least this share of the likeliest token's probability; in [0, 1].
    pub min_p: Option<f64>,
    /// Where the draws start.
    pub seed: u64,
}

impl SamplerParams {
    /// Always the likeliest token; of equals, that with the lowest id.
    pub const GREEDY: Self =
        Self { temperature: 0.0, top_k: None, top_p: None, min_p: None, seed: 0 };
}

/// In words, for the head of a run record: `temperature 0.8, top-k 40, seed 7`.
impl std::fmt::Display for SamplerParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.temperature <= 0.0 {
            return f.write_str("greedy");
        }
        write!(f, "temperature {}", self.temperature)?;
        if let Some(k) = self.top_k {
            write!(f, ", top-k {k}")?;
        }
        if let Some(p) = self.top_p {
            write!(f, ", top-p {p}")?;
        }
        if let Some(p) = self.min_p {
            write!(f, ", min-p {p}")?;
        }
        write!(f, ", seed {}", self.seed)
    }
}

/// Why no token can be chosen.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SamplerError {
    /// A parameter is outside its range.
    #[error("`{name}` is `{value}`")]
    Range {
        /// Which.
        name: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// A logit is NaN or plus infinity.
    #[error("the logit of token `{token}` is `{logit}`")]
    Logit {
        /// Whose.
        token: usize,
        /// What it is.
        logit: f32,
    },
    /// There is no token to choose from.
    #[error("no token of {vocabulary} has a logit above minus infinity")]
    Nothing {
        /// How many logits there were.
        vocabulary: usize,
    },
}

impl Hint for SamplerError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Range { name, range, .. } => Some(format!("`{name}` must be {range}")),
            Self::Logit { .. } | Self::Nothing { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Range { .. } => Fault::Usage,
            Self::Logit { .. } | Self::Nothing { .. } => Fault::Target,
        }
    }
}

/// Chooses the tokens of one sequence.
#[derive(Debug)]
pub struct Sampler {
    params: SamplerParams,
    draws: ChaCha8Rng,
    /// Kept between tokens: a vocabulary is too long to allocate each time.
    candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    id: u32,
    logit: f32,
}

impl Candidate {
    /// Likelier first; of equals, the lower id first. Logits are never NaN here.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "what the sorts of slices call")]
    fn rank(&self, other: &Self) -> Ordering {
        let by_logit = other.logit.partial_cmp(&self.logit).unwrap_or(Ordering::Equal);
        by_logit.then(self.id.cmp(&other.id))
    }
}

impl Sampler {
    /// A sampler at the start of its draws.
    ///
    /// # Errors
    /// Where a parameter is outside its range.
    pub fn new(params: SamplerParams) -> Result<Self, SamplerError> {
        let range = |name, value, good: bool, range| {
            if good { Ok(()) } else { Err(SamplerError::Range { name, value, range }) }
        };
        let heat = params.temperature;
        range("temperature", heat, heat.is_finite() && heat >= 0.0, "a number from 0")?;
        let top_p = params.top_p.unwrap_or(1.0);
        range("top_p", top_p, top_p > 0.0 && top_p <= 1.0, "above 0 and at most 1")?;
        let min_p = params.min_p.unwrap_or(0.0);
        range("min_p", min_p, (0.0..=1.0).contains(&min_p), "from 0 to 1")?;
        let draws = ChaCha8Rng::seed_from_u64(params.seed);
        Ok(Self { params, draws, candidates: Vec::new() })
    }

    /// Chooses the token that follows.
    ///
    /// # Errors
    /// Where a logit is NaN or plus infinity, or none is above minus infinity.
    pub fn next(&mut self, logits: &[f32]) -> Result<u32, SamplerError> {
        let best = likeliest(logits)?;
        if self.params.temperature <= 0.0 {
            return Ok(best.id);
        }
        self.keep(logits, best);
        Ok(self.draw(best))
    }

    /// Leaves in `candidates` those that may be drawn.
    fn keep(&mut self, logits: &[f32], best: Candidate) {
        let all = logits.iter().zip(0..).map(|(&logit, id)| Candidate { id, logit });
        self.candidates.clear();
        self.candidates.extend(all.filter(|one| one.logit > f32::NEG_INFINITY));
        if let Some(k) = self.params.top_k {
            let k = usize::try_from(k.get()).unwrap_or(usize::MAX);
            if k < self.candidates.len() {
                sort_front(&mut self.candidates, k);
                self.candidates.truncate(k);
            }
        }
        if let Some(p) = self.params.top_p.filter(|p| *p < 1.0) {
            self.keep_top_p(p, best);
        }
        if let Some(p) = self.params.min_p {
            self.candidates.retain(|one| weight(one.logit, best.logit, 1.0) >= p);
        }
    }

    /// The smallest set of likeliest tokens that has at least the share `p` of the probability.
    fn keep_top_p(&mut self, p: f64, best: Candidate) {
        let candidates = &mut self.candidates;
        let enough = p * candidates.iter().map(|o| weight(o.logit, best.logit, 1.0)).sum::<f64>();
        // A handful of tokens usually has it all, so the vocabulary is sorted only as far as needed.
        let mut sorted = 64;
        loop {
            sort_front(candidates, sorted);
            let mut sum = 0.0;
            let reached = candidates.iter().take(sorted).position(|one| {
                sum += weight(one.logit, best.logit, 1.0);
                sum >= enough
            });
            if let Some(last) = reached {
                candidates.truncate(last + 1);
                return;
            }
            if sorted >= candidates.len() {
                return; // Rounding in another order of summation: all are needed.
            }
            sorted *= 8;
        }
    }

    /// Draws one of the candidates, each with its probability at the temperature.
    fn draw(&mut self, best: Candidate) -> u32 {
        let heat = self.params.temperature;
        let weights = || self.candidates.iter().map(|one| weight(one.logit, best.logit, heat));
        let mut left = unit(self.draws.next_u64()) * weights().sum::<f64>();
        let drawn = self.candidates.iter().zip(weights()).find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        // Rounding may leave a crumb past the last candidate.
        drawn.map_or(best.id, |(one, _)| one.id)
    }
}

/// The likeliest token; of equals, that with the lowest id.
fn likeliest(logits: &[f32]) -> Result<Candidate, SamplerError> {
    let mut best = Candidate { id: 0, logit: f32::NEG_INFINITY };
    for (&logit, id) in logits.iter().zip(0..) {
        if logit.is_nan() || logit >= f32::INFINITY {
            return Err(SamplerError::Logit { token: id as usize, logit });
        }
        if logit > best.logit {
            best = Candidate { id, logit };
        }
    }
    if best.logit > f32::NEG_INFINITY {
        Ok(best)
    } else {
        Err(SamplerError::Nothing { vocabulary: logits.len() })
    }
}

/// A token's probability at a temperature, times a constant: 1 for the likeliest token.
fn weight(logit: f32, best: f32, temperature: f64) -> f64 {
    ((f64::from(logit) - f64::from(best)) / temperature).exp()
}

/// Puts the `front` likeliest candidates first, in order; the rest stay in no order.
fn sort_front(candidates: &mut [Candidate], front: usize) {
    if front < candidates.len() {
        candidates.select_nth_unstable_by(front, Candidate::rank);
    }
    let front = front.min(candidates.len());
    candidates[..front].sort_unstable_by(Candidate::rank);
}

/// A number in [0, 1) out of 53 random bits.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
