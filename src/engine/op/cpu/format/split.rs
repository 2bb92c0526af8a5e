//! Taking a span apart: codes and scales out of each format's bits.
//!
//! The order of the weights within a row is undone here, so that nobody else knows that ggml keeps
//! weight 0 beside weight 16 (32-blocks), or 0 beside 32 (256-blocks). Guarded by the tests of
//! [`super`].

use super::{STEP, Step, Stored};

impl Stored {
    /// The numbers that a span holds for all its steps, as `f16`: `d` and `dmin`, or nothing.
    pub(in super::super) fn head(self, span: &[u8]) -> [[u8; 2]; 2] {
        let pair = |at: usize| [span[at], span[at + 1]];
        match self {
            Self::Q4_K | Self::Q5_K => [pair(0), pair(2)],
            Self::Q6_K => [pair(208), [0, 0]],
            _ => [[0, 0]; 2],
        }
    }

    /// Step `index` of a span.
    pub(in super::super) fn step(self, span: &[u8], index: usize) -> Step {
        let mut step = Step::default();
        let fields = |step: &mut Step, count: usize| {
            step.fields[..count].copy_from_slice(&span[..count]);
        };
        match self {
            Self::F32 | Self::F16 | Self::BF16 => {}
            Self::MXFP4 => {
                fields(&mut step, 1);
                nibbles(&span[1..], &mut step.codes);
            }
            Self::Q4_0 | Self::IQ4_NL => {
                fields(&mut step, 2);
                nibbles(&span[2..], &mut step.codes);
            }
            Self::Q4_1 => {
                fields(&mut step, 4);
                nibbles(&span[4..], &mut step.codes);
            }
            Self::Q5_0 => {
                fields(&mut step, 2);
                nibbles(&span[6..], &mut step.codes);
                fifth_bits(&span[2..6], &mut step.codes);
            }
            Self::Q5_1 => {
                fields(&mut step, 4);
                nibbles(&span[8..], &mut step.codes);
                fifth_bits(&span[4..8], &mut step.codes);
            }
            Self::Q8_0 => {
                fields(&mut step, 2);
                // Signed in the file; our codes are unsigned, 128 above.
                for (code, byte) in step.codes.iter_mut().zip(&span[2..]) {
                    *code = byte ^ 0x80;
                }
            }
            Self::Q4_K => {
                step.fields = six_bits(&span[4..16], index);
                half_bytes(&span[16..144], index, &mut step.codes);
            }
            Self::Q5_K => {
                step.fields = six_bits(&span[4..16], index);
                half_bytes(&span[48..176], index, &mut step.codes);
                for (code, high) in step.codes.iter_mut().zip(&span[16..48]) {
                    *code |= (high >> index & 1) << 4;
                }
            }
            Self::Q6_K => {
                step.fields = [span[192 + 2 * index], span[193 + 2 * index], 0, 0];
                six_bit_codes(span, index, &mut step.codes);
            }
        }
        step
    }
}

/// 32 codes in 16 bytes: the first half in the low nibbles, the second in the high.
fn nibbles(bytes: &[u8], codes: &mut [u8; STEP]) {
    for (k, byte) in bytes[..STEP / 2].iter().enumerate() {
        codes[k] = byte & 15;
        codes[k + STEP / 2] = byte >> 4;
    }
}

/// The fifth bits of 32 codes: bit `k` of a little-endian word is weight `k`'s.
fn fifth_bits(word: &[u8], codes: &mut [u8; STEP]) {
    for (k, code) in codes.iter_mut().enumerate() {
        *code |= (word[k / 8] >> (k % 8) & 1) << 4;
    }
}

/// Step `index` of 256 codes in 128 bytes: each 32 bytes hold an even step in their low nibbles and
/// the odd one after it in their high.
fn half_bytes(bytes: &[u8], index: usize, codes: &mut [u8; STEP]) {
    let shift = index % 2 * 4;
    for (code, byte) in codes.iter_mut().zip(&bytes[index / 2 * STEP..]) {
        *code = byte >> shift & 15;
    }
}

/// Scale and minimum of step `index`, of six bits each, eight of both in twelve bytes: the first four
/// in the low six bits of bytes 0 to 3 and 4 to 7; the others' low nibbles in bytes 8 to 11, and
/// their high bits above the first ones'.
fn six_bits(bytes: &[u8], index: usize) -> [u8; 4] {
    let [scale, minimum] = if index < 4 {
        [bytes[index] & 63, bytes[index + 4] & 63]
    } else {
        let low = bytes[index + 4];
        [low & 15 | bytes[index - 4] >> 6 << 4, low >> 4 | bytes[index] >> 6 << 4]
    };
    [scale, minimum, 0, 0]
}

/// Step `index` of a `Q6_K` span: 128 weights at a time, four steps of 32, which share 64 bytes of
/// low nibbles and 32 bytes of high pairs of bits.
fn six_bit_codes(span: &[u8], index: usize, codes: &mut [u8; STEP]) {
    let (part, quarter) = (index / 4, index % 4);
    let low = &span[part * 64 + quarter % 2 * 32..];
    let high = &span[128 + part * 32..];
    for (k, code) in codes.iter_mut().enumerate() {
        *code = low[k] >> (quarter / 2 * 4) & 15 | (high[k] >> (quarter * 2) & 3) << 4;
    }
}
