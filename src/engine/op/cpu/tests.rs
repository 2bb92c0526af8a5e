//! Attention against its definition in `f64`, and against itself in other company.

use super::attention::{Cache, How};
use super::isa::Isa;
use super::pool::Pool;
use super::rope::{Rotary, Table};
use crate::engine::op::{BLOCK, CacheShape, KvType, Ragged, Sequence};
use crate::model::spec::{Pairs, Rope};
use std::num::NonZeroUsize;

const HEADS: usize = 6;
const KV_HEADS: usize = 2;

/// A sequence of the test: how much of it was computed before, how much is now, in which blocks.
#[derive(Clone)]
struct One {
    seed: u64,
    start: usize,
    tokens: usize,
    blocks: Vec<u32>,
}

/// Numbers in -1..1 that depend on what they are for alone.
fn number(seed: u64, kind: u64, position: usize, index: usize) -> f32 {
    let mut x = seed ^ (kind << 50) ^ ((position as u64) << 25) ^ index as u64;
    for _ in 0..3 {
        x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(kind);
    }
    #[allow(clippy::cast_precision_loss, reason = "24 bits")]
    let share = (x >> 40) as f32 / 16_777_216.0;
    share * 2.0 - 1.0
}

fn rows(all: &[One], kind: u64, width: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for one in all {
        for position in one.start..one.start + one.tokens {
            out.extend((0..width).map(|index| number(one.seed, kind, position, index)));
        }
    }
    out
}

fn batch(all: &[One]) -> Ragged {
    let mut batch = Ragged::default();
    for one in all {
        let from = batch.tokens.len();
        for position in one.start..one.start + one.tokens {
            batch.tokens.push(0);
            batch.positions.push(u32::try_from(position).unwrap());
            let slot = one.blocks[position / BLOCK] as usize * BLOCK + position % BLOCK;
            batch.slots.push(u32::try_from(slot).unwrap());
        }
        let rows = from..batch.tokens.len();
        batch.sequences.push(Sequence { rows, start: one.start, blocks: one.blocks.clone() });
    }
    batch
}

#[derive(Clone, Copy)]
struct Setup {
    isa: Isa,
    threads: usize,
    head_size: usize,
    kv: KvType,
    window: Option<usize>,
    cap: Option<f32>,
}

impl Setup {
    fn new(isa: Isa) -> Self {
        Self { isa, threads: 1, head_size: 64, kv: KvType::F32, window: None, cap: None }
    }

    /// No rotation: positions are in the numbers themselves.
    fn rope() -> Rope {
        Rope { pairs: Pairs::Halves, frequencies: Vec::new(), magnitude: 1.0 }
    }

    /// Runs steps one after another over one cache, and returns what the last gives.
    fn run(self, steps: &[Vec<One>]) -> Vec<f32> {
        let shape = CacheShape {
            layers: 2,
            blocks: 40,
            kv_heads: KV_HEADS,
            head_size: self.head_size,
            kv: self.kv,
        };
        let mut cache = Cache::new(shape).unwrap();
        let pool = Pool::new(NonZeroUsize::new(self.threads).unwrap()).unwrap();
        let mut table = Table::new(&Self::rope());
        table.grow(1_000);
        let rotary =
            Rotary { table: &table, head_size: self.head_size, query_norm: None, key_norm: None };
        let how = How {
            layer: 1,
            heads: HEADS,
            scale: 0.7,
            cap: self.cap,
            window: self.window,
            rotary: &rotary,
        };
        let mut out = Vec::new();
        for step in steps {
            let mut queries = rows(step, 1, HEADS * self.head_size);
            let mut keys = rows(step, 2, KV_HEADS * self.head_size);
            let mut values = rows(step, 3, KV_HEADS * self.head_size);
            out = vec![f32::NAN; queries.len()];
            let qkv = [&mut queries[..], &mut keys[..], &mut values[..]];
            cache.attend(&pool, self.isa, &how, qkv, &batch(step), &mut out);
        }
        out
    }

    /// The definition, in `f64`, for one token.
    fn reference(self, seed: u64, position: usize) -> Vec<f64> {
        let size = self.head_size;
        let first = self.window.map_or(0, |window| (position + 1).saturating_sub(window));
        let mut out = Vec::new();
        for head in 0..HEADS {
            let kv = head / (HEADS / KV_HEADS) * size;
            let score = |at: usize| {
                let dot: f64 = (0..size)
                    .map(|i| {
                        f64::from(number(seed, 1, position, head * size + i))
                            * f64::from(number(seed, 2, at, kv + i))
                    })
                    .sum();
                let score = dot * 0.7;
                self.cap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh())
            };
            let weights: Vec<f64> = (first..=position).map(|at| score(at).exp()).collect();
            let sum: f64 = weights.iter().sum();
            out.extend((0..size).map(|i| {
                let value = |(index, weight): (usize, &f64)| {
                    weight / sum * f64::from(number(seed, 3, first + index, kv + i))
                };
                weights.iter().enumerate().map(value).sum::<f64>()
            }));
        }
        out
    }
}

fn one(seed: u64, start: usize, tokens: usize, blocks: &[u32]) -> One {
    One { seed, start, tokens, blocks: blocks.to_vec() }
}

#[track_caller]
fn check(setup: Setup, steps: &[Vec<One>], tolerance: f64) {
    let got = setup.run(steps);
    let mut rows = got.chunks_exact(HEADS * setup.head_size);
    for one in steps.last().unwrap() {
        for position in one.start..one.start + one.tokens {
            let want = setup.reference(one.seed, position);
            for (got, want) in rows.next().unwrap().iter().zip(want) {
                assert!((f64::from(*got) - want).abs() < tolerance, "{got} {want} at {position}");
            }
        }
    }
}

#[test]
fn a_ragged_batch_of_prefill_and_decode() {
    let before = vec![one(1, 0, 70, &[3, 7, 0]), one(2, 0, 5, &[9])];
    let step = vec![
        one(1, 70, 1, &[3, 7, 0]),
        one(3, 0, 33, &[11, 12]),
        one(2, 5, 40, &[9, 2]),
        one(4, 0, 1, &[30]),
    ];
    for isa in Isa::available() {
        let plain = Setup::new(isa);
        check(plain, &[before.clone(), step.clone()], 2e-6);
        check(Setup { threads: 2, ..plain }, &[before.clone(), step.clone()], 2e-6);
        check(Setup { window: Some(20), ..plain }, &[before.clone(), step.clone()], 2e-6);
        check(Setup { window: Some(1), ..plain }, &[before.clone(), step.clone()], 2e-6);
        check(Setup { cap: Some(2.0), ..plain }, &[before.clone(), step.clone()], 2e-6);
        check(Setup { kv: KvType::F16, ..plain }, &[before.clone(), step.clone()], 5e-3);
        for head_size in [16, 24, 80, 128] {
            check(Setup { head_size, ..plain }, &[before.clone(), step.clone()], 3e-6);
        }
    }
}

/// The bits of a token's result, whoever computes beside it and however its prompt was cut.
#[test]
fn company_changes_no_bit() {
    for isa in Isa::available() {
        for (threads, window) in [(1, None), (3, None), (2, Some(37))] {
            let setup = Setup { threads, window, kv: KvType::F16, ..Setup::new(isa) };
            let blocks = [5, 6, 1, 8];
            let alone = setup.run(&[vec![one(1, 0, 100, &blocks)]]);
            let token_by_token: Vec<Vec<One>> =
                (0..100).map(|position| vec![one(1, position, 1, &blocks)]).collect();
            let last = &alone[99 * HEADS * 64..];
            assert!(
                setup
                    .run(&token_by_token)
                    .iter()
                    .zip(last)
                    .all(|(a, b)| a.to_bits() == b.to_bits())
            );
            let company = setup.run(&[
                vec![one(1, 0, 43, &blocks), one(2, 0, 60, &[20, 21])],
                vec![
                    one(2, 60, 1, &[20, 21]),
                    one(1, 43, 57, &blocks),
                    one(3, 0, 90, &[30, 31, 32]),
                ],
            ]);
            let mine = &company[HEADS * 64..58 * HEADS * 64];
            let want = &alone[43 * HEADS * 64..];
            assert!(mine.iter().zip(want).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}

#[test]
fn a_copied_block_reads_the_same() {
    let setup = Setup::new(Isa::detect());
    let shape =
        CacheShape { layers: 2, blocks: 4, kv_heads: KV_HEADS, head_size: 64, kv: KvType::F16 };
    let mut cache = Cache::new(shape).unwrap();
    let pool = Pool::new(NonZeroUsize::MIN).unwrap();
    let table = Table::new(&Setup::rope());
    let rotary = Rotary { table: &table, head_size: 64, query_norm: None, key_norm: None };
    let how = How { layer: 1, heads: HEADS, scale: 0.7, cap: None, window: None, rotary: &rotary };
    let attend = |cache: &mut Cache, all: &[One]| {
        let mut qkv = [(1, HEADS), (2, KV_HEADS), (3, KV_HEADS)]
            .map(|(kind, heads)| rows(all, kind, heads * 64));
        let mut out = vec![0.0; qkv[0].len()];
        cache.attend(
            &pool,
            setup.isa,
            &how,
            qkv.each_mut().map(|one| &mut one[..]),
            &batch(all),
            &mut out,
        );
        out
    };
    attend(&mut cache, &[one(1, 0, 20, &[2])]);
    cache.copy(2, 0);
    let copied = attend(&mut cache, &[one(1, 20, 1, &[0])]);
    let original = attend(&mut cache, &[one(1, 20, 1, &[2])]);
    assert_eq!(copied, original);
}
