//! How a GGUF file stores weights, and what they are worth.
//!
//! A quantized row is a sequence of spans (32 or 256 weights); a span holds steps of 32 weights. Each
//! weight is a small whole number, its code; a step turns codes into weights with a scale and either a
//! fixed offset or a minimum. That split (`split`) is all that the packing needs, and
//! [`Rule::weights`] is all that gives a packed row back: both ways to a weight end in the same
//! arithmetic, so they agree to the bit.
//!
//! Invariant: [`Stored::dequantize`] gives what ggml's definition of the format gives. Guarded by
//! blocks worked by hand and, on real weights, by `tests/engine_llama_cpp.rs`. Sources:
//! `ggml-common.h` (layouts) and `ggml-quants.c` (arithmetic) of ggml, MIT.

mod split;
#[cfg(test)]
mod tests;

use half::{bf16, f16};

/// Weights that share their scale within a row, the grain of all products.
pub const STEP: usize = 32;

/// What a weight is stored as, by its GGUF name.
#[allow(non_camel_case_types, reason = "the names are GGUF's")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_NL,
    MXFP4,
}

/// How codes become weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// `d · (code − offset)`; the step holds `d`.
    Offset(u8),
    /// `d · code + m`; the step holds `d` and `m`.
    Minimum,
    /// `(d · scale) · code − dmin · min`; the span holds `d` and `dmin`, the step `scale` and `min`.
    Nested,
    /// `(d · scale) · (code − 32)` with a scale for each half of a step; the span holds `d`.
    Halves,
    /// `d · LEVELS[code]`; the step holds `d`.
    Levels,
    /// `2^(e − 128) · POWERS[code]`; the step holds `e`, a byte.
    Powers,
}

/// The sixteen values of `IQ4_NL`.
pub(super) const LEVELS: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/// Twice the sixteen values of a four-bit float with two bits of exponent (OCP Microscaling, E2M1).
pub(super) const POWERS: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The numbers that describe a quantized format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) rule: Rule,
    /// Bits of a code: 4, 5, 6 or 8.
    pub(super) bits: usize,
    /// Steps in a span.
    pub(super) steps: usize,
    /// Numbers in `f16` that a span holds for itself.
    pub(super) head: usize,
    /// Numbers that each step holds.
    pub(super) fields: usize,
    /// Bytes of each of these: 2 for `f16`, 1 for whole numbers.
    pub(super) width: usize,
}

/// One step of one row: its codes and its own numbers, as stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) codes: [u8; STEP],
    /// `fields × width` bytes.
    pub(super) fields: [u8; 4],
}

impl Stored {
    /// Every format, for tables and tests.
    pub const ALL: [Self; 13] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q4_K,
        Self::Q5_K,
        Self::Q6_K,
        Self::IQ4_NL,
        Self::MXFP4,
    ];

    /// By its GGUF name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stored| format!("{stored:?}") == name)
    }

    /// How many weights of a row are stored together.
    pub const fn block_elements(self) -> usize {
        match self.layout() {
            Some(layout) => layout.steps * STEP,
            None => 1,
        }
    }

    /// How many bytes that takes in a file.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::MXFP4 => 17,
            Self::Q4_0 | Self::IQ4_NL => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
        }
    }

    /// The bytes of a row of so many weights; `None` unless whole blocks make it up.
    pub fn row_bytes(self, cols: usize) -> Option<usize> {
        let blocks = cols / self.block_elements();
        cols.is_multiple_of(self.block_elements())
            .then(|| blocks.checked_mul(self.block_bytes()))?
    }

    /// Whether weights are codes and scales, rather than floating-point numbers.
    pub const fn is_quantized(self) -> bool {
        self.layout().is_some()
    }

    /// The numbers of a quantized format; `None` for floating point.
    pub(super) const fn layout(self) -> Option<Layout> {
        Some(match self {
            Self::F32 | Self::F16 | Self::BF16 => return None,
            Self::Q4_0 => flat(Rule::Offset(8), 4, 1),
            Self::Q4_1 => flat(Rule::Minimum, 4, 2),
            Self::Q5_0 => flat(Rule::Offset(16), 5, 1),
            Self::Q5_1 => flat(Rule::Minimum, 5, 2),
            Self::Q8_0 => flat(Rule::Offset(128), 8, 1),
            Self::Q4_K => nested(Rule::Nested, 4, 2),
            Self::Q5_K => nested(Rule::Nested, 5, 2),
            Self::Q6_K => nested(Rule::Halves, 6, 1),
            Self::IQ4_NL => flat(Rule::Levels, 4, 1),
            Self::MXFP4 => Layout { width: 1, ..flat(Rule::Powers, 4, 1) },
        })
    }

    /// The weights of `bytes`, whole blocks of rows in a file's order.
    ///
    /// # Panics
    /// Where `bytes` are not the blocks of `out.len()` weights.
    pub fn dequantize(self, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(
            self.row_bytes(out.len()),
            Some(bytes.len()),
            "{self:?}: bytes of {} weights",
            out.len()
        );
        let Some(layout) = self.layout() else { return self.widen(bytes, out) };
        let spans = bytes.chunks_exact(self.block_bytes());
        for (span, out) in spans.zip(out.chunks_exact_mut(layout.steps * STEP)) {
            let head = self.head(span);
            for (index, out) in out.chunks_exact_mut(STEP).enumerate() {
                layout.rule.weights(head, &self.step(span, index), out);
            }
        }
    }

    /// Floating-point weights as `f32`, exactly.
    pub(super) fn widen(self, bytes: &[u8], out: &mut [f32]) {
        let pairs = || bytes.as_chunks::<2>().0.iter();
        match self {
            Self::F32 => {
                for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *out = f32::from_le_bytes(*bytes);
                }
            }
            Self::F16 => {
                out.iter_mut().zip(pairs()).for_each(|(out, pair)| *out = half_to_f32(*pair));
            }
            _ => out
                .iter_mut()
                .zip(pairs())
                .for_each(|(out, pair)| *out = bf16::from_le_bytes(*pair).to_f32()),
        }
    }
}

/// A format whose spans are single steps with numbers in `f16`.
const fn flat(rule: Rule, bits: usize, fields: usize) -> Layout {
    Layout { rule, bits, steps: 1, head: 0, fields, width: 2 }
}

/// A format of 256 weights with whole-numbered scales under `f16`; two bytes a step in all of them.
const fn nested(rule: Rule, bits: usize, head: usize) -> Layout {
    Layout { rule, bits, steps: 8, head, fields: 2, width: 1 }
}

/// An `f16` in a file's byte order.
pub(super) fn half_to_f32(bytes: [u8; 2]) -> f32 {
    f16::from_le_bytes(bytes).to_f32()
}

/// 2 to the power of `exponent` − 128: half of the float with these bits for its exponent. Nought is no
/// exponent of a float; there it is the bits of 2^−128 themselves.
fn power(exponent: u8) -> f32 {
    if exponent == 0 {
        return f32::from_bits(1 << 21);
    }
    f32::from_bits(u32::from(exponent) << 23) / 2.0
}

impl Rule {
    /// The weights of one step, in `f32` and the order of operations of ggml.
    pub(super) fn weights(self, head: [[u8; 2]; 2], step: &Step, out: &mut [f32]) {
        let [d, dmin] = head.map(half_to_f32);
        let fields = step.fields;
        let half = |at: usize| half_to_f32([fields[at], fields[at + 1]]);
        let codes = out.iter_mut().zip(step.codes);
        match self {
            Self::Offset(offset) => {
                let scale = half(0);
                codes.for_each(|(out, code)| {
                    *out = f32::from(i16::from(code) - i16::from(offset)) * scale;
                });
            }
            Self::Minimum => {
                let (scale, minimum) = (half(0), half(2));
                codes.for_each(|(out, code)| *out = f32::from(code) * scale + minimum);
            }
            Self::Nested => {
                let (scale, minimum) = (d * f32::from(fields[0]), dmin * f32::from(fields[1]));
                codes.for_each(|(out, code)| *out = scale * f32::from(code) - minimum);
            }
            Self::Halves => {
                let scales = [fields[0], fields[1]].map(|scale| d * f32::from(scale.cast_signed()));
                codes.enumerate().for_each(|(k, (out, code))| {
                    *out = scales[k / (STEP / 2)] * f32::from(i16::from(code) - 32);
                });
            }
            Self::Levels => {
                let scale = half(0);
                codes.for_each(|(out, code)| *out = f32::from(LEVELS[usize::from(code)]) * scale);
            }
            Self::Powers => {
                let scale = power(fields[0]);
                codes.for_each(|(out, code)| *out = f32::from(POWERS[usize::from(code)]) * scale);
            }
        }
    }
}
