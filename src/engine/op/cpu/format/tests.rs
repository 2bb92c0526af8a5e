//! Formats against blocks worked by hand, and packing against the reference.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of a test are small"
)]

use super::super::matmul::tests::{Random, pool};
use super::super::memory::Arena;
use super::super::packed::{PackError, Packed};
use super::*;

fn dequantized(stored: Stored, bytes: &[u8]) -> Vec<f32> {
    let mut out = vec![f32::NAN; bytes.len() / stored.block_bytes() * stored.block_elements()];
    stored.dequantize(bytes, &mut out);
    out
}

/// Half precision: 1 is 0x3c00, 0.5 is 0x3800, 2 is 0x4000; little-endian.
const ONE: [u8; 2] = [0x00, 0x3c];
const HALF: [u8; 2] = [0x00, 0x38];
const TWO: [u8; 2] = [0x00, 0x40];

#[track_caller]
fn check(stored: Stored, block: &[u8], want: impl Fn(usize) -> f32) {
    let got = dequantized(stored, block);
    for (k, got) in got.iter().enumerate() {
        assert_eq!(got.to_bits(), want(k).to_bits(), "{stored:?}, weight {k}: {got}");
    }
}

/// Bytes 0x10, 0x32, …: low nibbles 0, 2, 4, …, high nibbles 1, 3, 5, … (mod 16).
fn nibbles() -> Vec<u8> {
    (0..16u8).map(|k| (2 * k % 16) | ((2 * k + 1) % 16) << 4).collect()
}

/// Weight `k` of those: first the low nibbles, then the high.
fn nibble(k: usize) -> f32 {
    if k < 16 { (2 * k % 16) as f32 } else { ((2 * (k - 16) + 1) % 16) as f32 }
}

#[test]
fn blocks_of_32_by_hand() {
    check(Stored::Q4_0, &[&HALF[..], &nibbles()].concat(), |k| (nibble(k) - 8.0) * 0.5);
    check(Stored::Q4_1, &[&HALF[..], &TWO, &nibbles()].concat(), |k| nibble(k) * 0.5 + 2.0);
    // The fifth bit of weights 0, 9, 18 and 31: bits 0, 9, 18 and 31 of the word.
    let word = 0x8004_0201_u32.to_le_bytes();
    let fifth = |k: usize| if [0, 9, 18, 31].contains(&k) { 16.0 } else { 0.0 };
    check(Stored::Q5_0, &[&TWO[..], &word, &nibbles()].concat(), |k| {
        (nibble(k) + fifth(k) - 16.0) * 2.0
    });
    check(Stored::Q5_1, &[&TWO[..], &ONE, &word, &nibbles()].concat(), |k| {
        (nibble(k) + fifth(k)) * 2.0 + 1.0
    });
    let bytes: Vec<u8> = (0..32).map(|k| (k * 8 + 3) as u8).collect();
    check(Stored::Q8_0, &[&HALF[..], &bytes].concat(), |k| {
        f32::from((k * 8 + 3) as u8 as i8) * 0.5
    });
}

#[test]
fn floats_by_hand() {
    check(Stored::F32, &1.5f32.to_le_bytes(), |_| 1.5);
    check(Stored::F16, &HALF, |_| 0.5);
    // The upper half of 1.5 in single precision, 0x3fc00000.
    check(Stored::BF16, &[0xc0, 0x3f], |_| 1.5);
}

#[test]
fn a_block_of_q4_k_by_hand() {
    // Scales 1 to 8 and minima 8 to 1, all below 16: the first four in the low bits of bytes 0 to 3
    // and 4 to 7, the others as nibbles in bytes 8 to 11.
    let scales = [1, 2, 3, 4, 8, 7, 6, 5, 5 | 4 << 4, 6 | 3 << 4, 7 | 2 << 4, 8 | 1 << 4];
    // Bytes 0x21: every even step's codes are 1, every odd one's 2.
    let block = [&HALF[..], &TWO, &scales, &[0x21; 128]].concat();
    check(Stored::Q4_K, &block, |k| {
        let step = k / 32;
        let code = [1.0, 2.0][step % 2];
        0.5 * (step + 1) as f32 * code - 2.0 * (8 - step) as f32
    });
    // The two high bits of the last four scales and minima stand above the first four's.
    let scales = [0x40, 0x80, 0xc0, 0, 0xc0, 0x80, 0x40, 0, 0, 0, 0, 0];
    let block = [&ONE[..], &ONE, &scales, &[0x11; 128]].concat();
    check(Stored::Q4_K, &block, |k| {
        [0.0, 0.0, 0.0, 0.0, 16.0 - 48.0, 32.0 - 32.0, 48.0 - 16.0, 0.0][k / 32]
    });
}

#[test]
fn a_block_of_q5_k_by_hand() {
    let scales = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1];
    // Bit `step` of byte `k` is the fifth bit of weight `k` of that step; here, of step `k % 8`.
    let high: Vec<u8> = (0..32).map(|k| 1 << (k % 8)).collect();
    let block = [&ONE[..], &ONE, &scales, &high, &[0x30; 128]].concat();
    check(Stored::Q5_K, &block, |k| {
        let (step, k) = (k / 32, k % 32);
        [0.0, 3.0][step % 2] + if k % 8 == step { 16.0 } else { 0.0 }
    });
}

#[test]
fn a_block_of_q6_k_by_hand() {
    // In each 128: low nibbles of steps 0 and 1 are 1, those of 2 and 3 are 2; high pairs are 0, 1,
    // 2, 3 for the four steps: 0b11100100.
    let scales: Vec<u8> = (0..16i8).map(|k| (k - 8) as u8).collect();
    let block = [&[0x21; 128][..], &[0xe4; 64], &scales, &HALF].concat();
    check(Stored::Q6_K, &block, |k| {
        let scale = (k / 16) as i32 - 8;
        let code = [1, 1 + 16, 2 + 32, 2 + 48][k / 32 % 4] - 32;
        0.5 * scale as f32 * code as f32
    });
}

#[test]
fn tables_by_hand() {
    // Low nibbles 0, 2, 4 …, high nibbles 1, 3, 5 …, twice; the tables by `ggml-common.h`.
    let levels =
        [-127., -104., -83., -65., -49., -35., -22., -10., 1., 13., 25., 38., 53., 69., 89., 113.];
    check(Stored::IQ4_NL, &[&HALF[..], &nibbles()].concat(), |k| levels[nibble(k) as usize] * 0.5);
    let values = [0., 0.5, 1., 1.5, 2., 3., 4., 6., 0., -0.5, -1., -1.5, -2., -3., -4., -6.];
    for (exponent, scale) in
        [(128, 2.0), (127, 1.0), (1, 2.0_f32.powi(-126)), (0, 2.0_f32.powi(-127))]
    {
        check(Stored::MXFP4, &[&[exponent][..], &nibbles()].concat(), |k| {
            values[nibble(k) as usize] * scale
        });
    }
}

#[test]
fn packing_loses_nothing() {
    let mut random = Random(13);
    for stored in Stored::ALL {
        let columns: &[usize] = if stored.is_quantized() { &[256, 768] } else { &[1, 33, 64] };
        for (rows, cols) in
            [1, 15, 16, 17, 33].iter().flat_map(|r| columns.iter().map(|c| (*r, *c)))
        {
            let bytes = random.weights(stored, rows * cols);
            let want = dequantized(stored, &bytes);
            let packed = Packed::pack(&pool(2), stored, &bytes, rows, cols).unwrap();
            let mut row = vec![f32::NAN; cols];
            for index in 0..rows {
                packed.row(index, &mut row);
                let same =
                    row.iter().zip(&want[index * cols..]).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{stored:?} {rows}x{cols}, row {index}");
            }
            if rows == 16 && cols == 768 {
                assert!(packed.bytes() * 100 <= bytes.len() * 103, "{stored:?}");
            }
        }
    }
}

#[test]
fn rows_may_come_in_parts() {
    let mut random = Random(17);
    let bytes = random.weights(Stored::Q5_K, 50 * 256);
    let whole = Packed::pack(&pool(1), Stored::Q5_K, &bytes, 50, 256).unwrap();
    let mut arena = Arena::new();
    let mut parts = Packed::zeroed_in(&mut arena, Stored::Q5_K, 50, 256).unwrap();
    let row = Stored::Q5_K.row_bytes(256).unwrap();
    for (first, end) in [(32, 50), (0, 16), (16, 32)] {
        parts.pack_rows(&pool(2), first, &bytes[first * row..end * row]).unwrap();
    }
    assert!((0..4).all(|group| parts.group(group) == whole.group(group)));
}

#[test]
fn what_can_not_be_packed_is_refused() {
    let pool = pool(1);
    let error = |stored, bytes: &[u8], rows, cols| {
        Packed::pack(&pool, stored, bytes, rows, cols).unwrap_err().to_string()
    };
    assert_eq!(
        error(Stored::Q4_K, &[], 1, 576),
        "rows of 576 weights in `Q4_K`, which stores 256 together"
    );
    assert_eq!(
        error(Stored::Q8_0, &[0; 33], 1, 32),
        "33 bytes from row 0 on for 1 rows of 32 weights in `Q8_0`: not a number of whole rows"
    );
    assert!(error(Stored::Q8_0, &[0; 68], 1, 32).contains("not rows of the matrix"));
    assert!(matches!(
        Packed::zeroed(Stored::F32, usize::MAX / 64, 1 << 30),
        Err(PackError::Memory { .. })
    ));
    let mut packed = Packed::zeroed(Stored::Q8_0, 40, 32).unwrap();
    let error = packed.pack_rows(&pool, 0, &[0; 34 * 20]).unwrap_err().to_string();
    assert!(error.ends_with("ends within a group"), "{error}");
    assert!(packed.pack_rows(&pool, 8, &[0; 34 * 32]).is_err());
}
