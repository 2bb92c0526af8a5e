//! `rope_kv_write` against its reference.

use half::f16;
use mtok::engine::op::kernel::{NO_SLOT, RopeKvWrite};
use mtok::engine::op::reference::{rms_norm, rotate};
use mtok::engine::op::{BLOCK, KvType};
use mtok::model::spec::Pairs;

use crate::SEEDS;
use crate::compare::{Guarded, Number, Numbers, close};
use crate::emulator::Emulator;

const EPSILON: f32 = 1e-6;
const BLOCKS: u32 = 3;
const POSITIONS: u32 = 50;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) tokens: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_size: usize,
    pub(crate) rotary: usize,
    pub(crate) pairs: Pairs,
    pub(crate) normed: bool,
    pub(crate) offset: f32,
}

/// The numbers of a case.
struct Given {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    /// Of queries and of keys.
    weights: [Option<Vec<f32>>; 2],
    /// Cosines and sines.
    tables: [Vec<f32>; 2],
    positions: Vec<u32>,
    /// [`NO_SLOT`] for the second of three tokens or more, whose position is none, too.
    slots: Vec<u32>,
}

impl Given {
    fn new(case: Case) -> Self {
        let Case { tokens, heads, kv_heads, head_size, rotary, normed, .. } = case;
        let mut numbers = Numbers((tokens * 1_000 + head_size) as u64);
        let mut given = Self {
            q: numbers.floats(tokens * heads * head_size, 2.0),
            k: numbers.floats(tokens * kv_heads * head_size, 2.0),
            v: numbers.floats(tokens * kv_heads * head_size, 2.0),
            weights: [(); 2].map(|()| normed.then(|| numbers.floats(head_size, 1.0))),
            tables: [(); 2].map(|()| numbers.floats(POSITIONS as usize * rotary / 2, 1.0)),
            positions: numbers.order(POSITIONS)[..tokens].to_vec(),
            slots: numbers.order(BLOCKS * 32)[..tokens].to_vec(),
        };
        if tokens > 2 {
            (given.positions[1], given.slots[1]) = (u32::MAX, NO_SLOT);
        }
        given
    }

    /// A head, normalized and turned.
    fn turned(&self, case: Case, head: &[f32], weight: Option<&[f32]>, token: usize) -> Vec<f32> {
        let by = |weight| rms_norm(head, weight, EPSILON, case.offset);
        let mut head = weight.map_or_else(|| head.to_vec(), by);
        let at = self.positions[token] as usize * case.rotary / 2;
        let [cosines, sines] = self.tables.each_ref().map(|table| &table[at..][..case.rotary / 2]);
        rotate(&mut head, case.pairs, cosines, sines);
        head
    }

    /// Queries, and what is written into the caches of keys and values.
    fn want(&self, case: Case) -> (Vec<f32>, [Vec<Option<f32>>; 2]) {
        let Case { tokens, heads, kv_heads, head_size, .. } = case;
        let [q_weight, k_weight] = self.weights.each_ref().map(Option::as_deref);
        let mut queries = self.q.clone();
        let mut caches = [(); 2].map(|()| vec![None; cached(case)]);
        for token in (0..tokens).filter(|&token| self.slots[token] != NO_SLOT) {
            for head in 0..heads {
                let at = (token * heads + head) * head_size;
                let turned = self.turned(case, &self.q[at..at + head_size], q_weight, token);
                queries[at..at + head_size].copy_from_slice(&turned);
            }
            for head in 0..kv_heads {
                let from = (token * kv_heads + head) * head_size;
                let key = self.turned(case, &self.k[from..from + head_size], k_weight, token);
                let slot = self.slots[token] as usize;
                let to = ((slot / BLOCK * kv_heads + head) * BLOCK + slot % BLOCK) * head_size;
                for i in 0..head_size {
                    caches[0][to + i] = Some(key[i]);
                    caches[1][to + i] = Some(self.v[from + i]);
                }
            }
        }
        (queries, caches)
    }
}

/// Numbers in either cache.
fn cached(case: Case) -> usize {
    BLOCKS as usize * BLOCK * case.kv_heads * case.head_size
}

/// What is wrong with a version on a case.
pub(crate) fn check<T: Number>(
    emulator: &Emulator,
    version: u32,
    kv: KvType,
    case: Case,
    seed: u64,
) -> Result<(), String> {
    let given = Given::new(case);
    let Given { q, k, v, weights, tables, positions, slots } = &given;
    let mut caches = [(); 2].map(|()| Guarded::<T>::untouched(cached(case)));
    let [mut q, mut k, mut v] = [q, k, v].map(|numbers| Guarded::<f32>::new(numbers));
    let mut weights = weights.each_ref().map(|x| x.as_deref().map(Guarded::<f32>::new));
    let mut tables = tables.each_ref().map(|x| Guarded::<f32>::new(x));
    let [q_weight, k_weight] = weights.each_mut().map(|x| x.as_mut().map_or(0, Guarded::address));
    let [cosines, sines] = tables.each_mut().map(Guarded::address);
    let [k_cache, v_cache] = caches.each_mut().map(Guarded::address);
    let size = |number: usize| u32::try_from(number).unwrap();
    let argument = RopeKvWrite {
        q: q.address(),
        k: k.address(),
        v: v.address(),
        k_cache,
        v_cache,
        cosines,
        sines,
        q_weight,
        k_weight,
        positions: positions.as_ptr() as u64,
        slots: slots.as_ptr() as u64,
        tokens: size(case.tokens),
        heads: size(case.heads),
        kv_heads: size(case.kv_heads),
        head_size: size(case.head_size),
        rotary: size(case.rotary),
        interleaved: u32::from(case.pairs == Pairs::Adjacent),
        epsilon: EPSILON,
        offset: case.offset,
    };
    let run = || {
        emulator.run(&argument.launch(version, kv).unwrap(), seed, &argument)?;
        let (want_q, want) = given.want(case);
        close(&q.values(), &want_q, 1e-5).map_err(|e| format!("q: {e}"))?;
        for (cache, want) in caches.iter().zip(&want) {
            for (place, (got, want)) in cache.inside().iter().zip(want).enumerate() {
                match want {
                    Some(want) => close(&[got.value()], &[*want], 1e-5 + T::ROUNDING)
                        .map_err(|e| format!("cache at {place}: {e}"))?,
                    None if got.is_untouched() => (),
                    None => return Err(format!("wrote at {place}, another token's slot")),
                }
            }
            cache.intact()?;
        }
        q.intact()
    };
    run().map_err(|e| format!("v{version} {kv:?} {case:?} seed {seed}: {e}"))
}

#[test]
fn rope_kv_write_is_its_reference() {
    let emulator = Emulator::new();
    for (head_size, rotary) in [(64, 64), (80, 80), (96, 72), (128, 128), (256, 256)] {
        for (tokens, heads, kv_heads) in [(1, 9, 3), (3, 4, 1), (17, 2, 2)] {
            for pairs in [Pairs::Halves, Pairs::Adjacent] {
                for (normed, offset) in [(false, 0.0), (true, 0.0), (true, 1.0)] {
                    #[rustfmt::skip]
                    let case = Case { tokens, heads, kv_heads, head_size, rotary, pairs, normed, offset };
                    for version in 1..=RopeKvWrite::VERSIONS {
                        for seed in SEEDS {
                            check::<f32>(&emulator, version, KvType::F32, case, seed).unwrap();
                        }
                        check::<f16>(&emulator, version, KvType::F16, case, 2).unwrap();
                    }
                }
            }
        }
    }
}
