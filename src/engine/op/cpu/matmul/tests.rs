//! Products against dequantized weights and rounded activations in `f64`; batches against single
//! rows, bit by bit; threads against one; the extremes of codes.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers of a test are small"
)]

use super::super::activation::Quantized;
use super::*;
use half::f16;
use std::num::NonZeroUsize;

/// A small generator of reproducible numbers (splitmix64; Steele, Lea and Flood, OOPSLA 2014).
pub(in super::super) struct Random(pub(in super::super) u64);

impl Random {
    pub(in super::super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Between −1 and 1.
    pub(in super::super) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(in super::super) fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.unit()).collect()
    }

    /// Blocks of random codes under scales of ordinary size.
    pub(in super::super) fn weights(&mut self, stored: Stored, count: usize) -> Vec<u8> {
        let blocks = count / stored.block_elements();
        let mut bytes = Vec::new();
        for _ in 0..blocks {
            let start = bytes.len();
            bytes.extend((0..stored.block_bytes()).map(|_| self.bits() as u8));
            let block = &mut bytes[start..];
            let halves: &[usize] = match stored {
                Stored::F32 => {
                    block.copy_from_slice(&self.unit().to_le_bytes());
                    &[]
                }
                Stored::BF16 => {
                    let value = half::bf16::from_f32(self.unit());
                    block.copy_from_slice(&value.to_le_bytes());
                    &[]
                }
                Stored::Q4_0 | Stored::Q5_0 | Stored::Q8_0 | Stored::IQ4_NL | Stored::F16 => &[0],
                Stored::MXFP4 => {
                    // Powers from 2^−8 to 2^−1.
                    block[0] = 120 + block[0] % 8;
                    &[]
                }
                Stored::Q6_K => &[208],
                _ => &[0, 2],
            };
            for at in halves {
                let value = f16::from_f32(self.unit());
                block[*at..at + 2].copy_from_slice(&value.to_le_bytes());
            }
        }
        bytes
    }
}

pub(in super::super) fn pool(threads: usize) -> Pool {
    Pool::new(NonZeroUsize::new(threads).unwrap()).unwrap()
}

/// A matrix, as a file holds it and as the kernels want it.
struct Matrix {
    packed: Packed,
    weights: Vec<f32>,
}

fn matrix(random: &mut Random, stored: Stored, rows: usize, cols: usize) -> Matrix {
    let bytes = random.weights(stored, rows * cols);
    let mut weights = vec![0.0; rows * cols];
    stored.dequantize(&bytes, &mut weights);
    Matrix { packed: Packed::pack(&pool(1), stored, &bytes, rows, cols).unwrap(), weights }
}

fn product(pool: &Pool, isa: Isa, weight: &Packed, x: &[f32]) -> Vec<f32> {
    let mut buffer = Quantized::default();
    let input = Input::prepare(pool, isa, x, weight.cols(), &[weight], &mut buffer);
    let mut out = vec![f32::NAN; weight.rows() * input.rows()];
    matmul(pool, isa, &mut [Product { weight, bias: None, input: &input, out: &mut out }]);
    out
}

/// `Σ weight · x` in `f64`, with the activations as the product rounds them, and the sum of the
/// magnitudes that `f32` arithmetic's error is proportional to.
fn reference(isa: Isa, matrix: &Matrix, x: &[f32]) -> Vec<(f64, f64)> {
    let cols = matrix.packed.cols();
    let rows = x.len() / cols;
    let rounded: Vec<f32> = if matrix.packed.stored().is_quantized() {
        let mut quantized = Quantized::default();
        quantized.fill(&pool(1), isa, x, cols);
        (0..rows).flat_map(|row| quantized.row(row)).collect()
    } else {
        x.to_vec()
    };
    let rows = rounded.chunks_exact(cols);
    rows.flat_map(|x| {
        matrix.weights.chunks_exact(cols).map(move |weights| {
            let products = weights.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x));
            products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()))
        })
    })
    .collect()
}

#[track_caller]
fn check(isa: Isa, stored: Stored, rows: usize, cols: usize, tokens: usize) {
    let mut random = Random((rows * 1_000_003 + cols * 101 + tokens) as u64);
    let matrix = matrix(&mut random, stored, rows, cols);
    let x = random.floats(tokens * cols);
    let got = product(&pool(1), isa, &matrix.packed, &x);
    let want = reference(isa, &matrix, &x);
    assert_eq!(got.len(), want.len());
    for (index, (got, (want, size))) in got.iter().zip(want).enumerate() {
        // A minimum is a sum of its own, whose magnitude the products hide: hence the floor.
        let tolerance = 3e-6 * size + 1e-6 * cols as f64;
        assert!(
            (f64::from(*got) - want).abs() <= tolerance,
            "{isa:?} {stored:?} {rows}x{cols}, {tokens} tokens, output {index}: {got} for {want}"
        );
    }
}

/// Columns that a format can have: of whole blocks.
fn cols_of(stored: Stored) -> &'static [usize] {
    match stored.block_elements() {
        256 => &[256, 768],
        32 => &[32, 64, 96, 576, 896],
        _ => &[1, 2, 33, 576],
    }
}

#[test]
fn products_are_those_of_dequantized_weights() {
    for isa in Isa::available() {
        for stored in Stored::ALL {
            for rows in [1, 15, 16, 17, 33] {
                for cols in cols_of(stored) {
                    for tokens in [1, 2, 3, 5, 7, 9, 16, 17, 33] {
                        check(isa, stored, rows, *cols, tokens);
                    }
                }
            }
        }
    }
}

#[test]
fn a_row_is_the_same_alone_and_in_any_batch() {
    for isa in Isa::available() {
        for stored in Stored::ALL {
            let cols = 256;
            let mut random = Random(7);
            let matrix = matrix(&mut random, stored, 33, cols);
            let x = random.floats(33 * cols);
            let alone: Vec<_> = x
                .chunks_exact(cols)
                .flat_map(|x| product(&pool(1), isa, &matrix.packed, x))
                .map(f32::to_bits)
                .collect();
            for tokens in 1..=33 {
                let batch = product(&pool(1), isa, &matrix.packed, &x[..tokens * cols]);
                let batch: Vec<_> = batch.into_iter().map(f32::to_bits).collect();
                assert_eq!(batch, alone[..tokens * 33], "{isa:?} {stored:?}, {tokens} tokens");
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let isa = Isa::detect();
    for stored in Stored::ALL {
        for tokens in [1, 16, 150] {
            let mut random = Random(11);
            let matrix = matrix(&mut random, stored, 300, 768);
            let x = random.floats(tokens * 768);
            let one = product(&pool(1), isa, &matrix.packed, &x);
            let three = product(&pool(3), isa, &matrix.packed, &x);
            assert!(one.iter().zip(&three).all(|(a, b)| a.to_bits() == b.to_bits()), "{stored:?}");
        }
    }
}

/// The largest sums that bytes can make: 32 · 127 · 255 in whole numbers, with every sign.
#[test]
fn the_extremes_do_not_saturate() {
    for isa in Isa::available() {
        for stored in Stored::ALL.into_iter().filter(|stored| stored.is_quantized()) {
            for (code, x) in [(0xff, 1.0), (0xff, -1.0), (0x00, 1.0), (0x80, 1.0), (0x7f, -1.0)] {
                let cols = 512;
                let mut bytes = Random(3).weights(stored, 2 * cols);
                for block in bytes.chunks_exact_mut(stored.block_bytes()) {
                    let codes = match stored {
                        Stored::Q6_K => 0..192,
                        Stored::Q4_K | Stored::Q5_K => 16..block.len(),
                        Stored::MXFP4 => 1..block.len(),
                        Stored::Q4_1 | Stored::Q5_1 => 4..block.len(),
                        _ => 2..block.len(),
                    };
                    block[codes].fill(code);
                }
                let mut weights = vec![0.0; 2 * cols];
                stored.dequantize(&bytes, &mut weights);
                let packed = Packed::pack(&pool(1), stored, &bytes, 2, cols).unwrap();
                let matrix = Matrix { packed, weights };
                let x = vec![x; 5 * cols];
                let got = product(&pool(1), isa, &matrix.packed, &x);
                for (got, (want, size)) in got.iter().zip(reference(isa, &matrix, &x)) {
                    let error = (f64::from(*got) - want).abs();
                    assert!(error <= 1e-5 * size + 1e-3, "{isa:?} {stored:?}: {got} for {want}");
                }
            }
        }
    }
}

#[test]
fn products_over_one_input_share_a_region_and_biases_are_added() {
    let (isa, pool) = (Isa::detect(), pool(2));
    let mut random = Random(5);
    let shapes = [(Stored::Q4_K, 100), (Stored::Q6_K, 33), (Stored::BF16, 7)];
    let matrices = shapes.map(|(stored, rows)| matrix(&mut random, stored, rows, 256));
    let bias = random.floats(33);
    let x = random.floats(20 * 256);
    let weights = matrices.each_ref().map(|matrix| &matrix.packed);
    let mut buffer = Quantized::default();
    let input = Input::prepare(&pool, isa, &x, 256, &weights, &mut buffer);
    let mut outs = shapes.map(|(_, rows)| vec![f32::NAN; rows * 20]);
    let mut products: Vec<_> = weights
        .into_iter()
        .zip(&mut outs)
        .enumerate()
        .map(|(index, (weight, out))| {
            let bias = (index == 1).then_some(&bias[..]);
            Product { weight, bias, input: &input, out }
        })
        .collect();
    matmul(&pool, isa, &mut products);
    for (index, (matrix, out)) in matrices.iter().zip(&outs).enumerate() {
        let mut want = product(&pool, isa, &matrix.packed, &x);
        if index == 1 {
            for row in want.chunks_exact_mut(33) {
                row.iter_mut().zip(&bias).for_each(|(out, bias)| *out += bias);
            }
        }
        assert_eq!(*out, want);
    }
}

#[test]
fn a_gate_is_its_two_products() {
    for isa in Isa::available() {
        let pool = pool(2);
        let mut random = Random(9);
        let gate = matrix(&mut random, Stored::Q4_0, 50, 64);
        let up = matrix(&mut random, Stored::Q8_0, 50, 64);
        for (tokens, activation) in [(1, Activation::Silu), (18, Activation::GeluTanh)] {
            let x = random.floats(tokens * 64);
            let mut buffer = Quantized::default();
            let weights = [&gate.packed, &up.packed];
            let input = Input::prepare(&pool, isa, &x, 64, &weights, &mut buffer);
            let mut out = vec![f32::NAN; tokens * 50];
            gated(&pool, isa, &gate.packed, &up.packed, &input, activation, &mut out);
            let gates = product(&pool, isa, &gate.packed, &x);
            let ups = product(&pool, isa, &up.packed, &x);
            for ((out, gate), up) in out.iter().zip(gates).zip(ups) {
                let want = activated(activation, gate.into()) * f64::from(up);
                let error = (f64::from(*out) - want).abs();
                assert!(error <= 1e-6 * want.abs() + 1e-6, "{isa:?} {activation:?}: {out}, {want}");
            }
        }
    }
}

fn activated(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::GeluTanh => {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + u.tanh())
        }
    }
}

#[test]
fn activations_are_accurate_and_let_no_nan_through_unseen() {
    for isa in Isa::available() {
        for activation in [Activation::Silu, Activation::GeluTanh] {
            let mut x: Vec<f32> = (-4000..4000).map(|k| k as f32 * 0.025).collect();
            let want: Vec<_> = x.iter().map(|x| activated(activation, (*x).into())).collect();
            let ups = vec![1.0; x.len()];
            // SAFETY: the CPU has the instructions of an `Isa`.
            #[allow(unsafe_code, reason = "vector instructions")]
            unsafe {
                isa.run::<Gate<'_>>()(Gate { gates: &mut x, ups: &ups, activation });
            }
            for (got, want) in x.iter().zip(want) {
                let error = (f64::from(*got) - want).abs();
                assert!(error <= 1e-6 * want.abs() + 1e-7, "{isa:?} {activation:?}: {got}, {want}");
            }
            let mut x = [f32::NAN; 16];
            // SAFETY: the CPU has the instructions of an `Isa`.
            #[allow(unsafe_code, reason = "vector instructions")]
            unsafe {
                isa.run::<Gate<'_>>()(Gate { gates: &mut x, ups: &[1.0; 16], activation });
            }
            assert!(x.iter().all(|x| x.is_nan()), "{isa:?} {activation:?}");
        }
    }
}

#[test]
fn what_is_no_number_is_seen_in_its_row_alone() {
    for isa in Isa::available() {
        for stored in Stored::ALL {
            let mut random = Random(1);
            let matrix = matrix(&mut random, stored, 20, 256);
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut x = random.floats(5 * 256);
                x[2 * 256 + 77] = bad;
                let out = product(&pool(1), isa, &matrix.packed, &x);
                for (index, out) in out.iter().enumerate() {
                    assert_eq!(
                        out.is_finite(),
                        index / 20 != 2,
                        "{isa:?} {stored:?} {bad} {index}"
                    );
                }
            }
        }
    }
}

#[test]
fn nothing_in_nothing_out() {
    let (isa, pool) = (Isa::detect(), pool(2));
    let packed = Packed::pack(&pool, Stored::Q8_0, &[], 0, 32).unwrap();
    assert!(product(&pool, isa, &packed, &[1.0; 32]).is_empty());
    let mut random = Random(1);
    let matrix = matrix(&mut random, Stored::Q8_0, 5, 32);
    assert!(product(&pool, isa, &matrix.packed, &[]).is_empty());
}
