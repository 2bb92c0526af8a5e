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

/// What is wrong with a version on a case.
pub(crate) fn check<T: Number>(
    emulator: &Emulator,
    version: u32,
    kv: KvType,
    case: Case,
    seed: u64,
) -> Result<(), String> {
    let Case { tokens, heads, kv_heads, head_size, rotary, pairs, normed, offset } = case;
    let mut numbers = Numbers((tokens * 1_000 + head_size) as u64);
    let q = numbers.floats(tokens * heads * head_size, 2.0);
    let k = numbers.floats(tokens * kv_heads * head_size, 2.0);
    let v = numbers.floats(tokens * kv_heads * head_size, 2.0);
    let weights = [(); 2].map(|()| normed.then(|| numbers.floats(head_size, 1.0)));
    let tables = [(); 2].map(|()| numbers.floats(POSITIONS as usize * rotary / 2, 1.0));
    let positions = numbers.order(POSITIONS)[..tokens].to_vec();
    let mut slots = numbers.order(BLOCKS * 32)[..tokens].to_vec();
    // One token pads the batch, and its position is none.
    let padding = (tokens > 2).then_some(1);
    let mut places = positions.clone();
    if let Some(padding) = padding {
        (slots[padding], places[padding]) = (NO_SLOT, u32::MAX);
    }

    let cached = BLOCKS as usize * BLOCK * kv_heads * head_size;
    let mut caches = [(); 2].map(|()| Guarded::<T>::untouched(cached));
    let mut q_at = Guarded::<f32>::new(&q);
    let (mut k_at, mut v_at) = (Guarded::<f32>::new(&k), Guarded::<f32>::new(&v));
    let mut weights_at = weights.each_ref().map(|x| x.as_deref().map(Guarded::<f32>::new));
    let mut tables_at = tables.each_ref().map(|x| Guarded::<f32>::new(x));
    let [q_weight, k_weight] =
        weights_at.each_mut().map(|x| x.as_mut().map_or(0, |array| array.address()));
    let [cosines, sines] = tables_at.each_mut().map(Guarded::address);
    let [k_cache, v_cache] = caches.each_mut().map(Guarded::address);
    let size = |number: usize| u32::try_from(number).unwrap();
    let argument = RopeKvWrite {
        q: q_at.address(),
        k: k_at.address(),
        v: v_at.address(),
        k_cache,
        v_cache,
        cosines,
        sines,
        q_weight,
        k_weight,
        positions: places.as_ptr() as u64,
        slots: slots.as_ptr() as u64,
        tokens: size(tokens),
        heads: size(heads),
        kv_heads: size(kv_heads),
        head_size: size(head_size),
        rotary: size(rotary),
        interleaved: u32::from(pairs == Pairs::Adjacent),
        epsilon: EPSILON,
        offset,
    };
    let run = || {
        emulator.run(&argument.launch(version, kv).unwrap(), seed, &argument)?;
        let turned = |head: &[f32], weight: Option<&[f32]>, position: u32| {
            let mut head = weight
                .map_or_else(|| head.to_vec(), |weight| rms_norm(head, weight, EPSILON, offset));
            let [cosines, sines] = tables
                .each_ref()
                .map(|table| &table[position as usize * rotary / 2..][..rotary / 2]);
            rotate(&mut head, pairs, cosines, sines);
            head
        };
        let mut want_q = q.clone();
        let mut want = [(); 2].map(|()| vec![None; cached]);
        for token in (0..tokens).filter(|&token| Some(token) != padding) {
            for head in 0..heads {
                let at = (token * heads + head) * head_size;
                let [weight, _] = weights.each_ref().map(Option::as_deref);
                want_q[at..at + head_size].copy_from_slice(&turned(
                    &q[at..at + head_size],
                    weight,
                    positions[token],
                ));
            }
            for head in 0..kv_heads {
                let from = (token * kv_heads + head) * head_size;
                let [_, weight] = weights.each_ref().map(Option::as_deref);
                let key = turned(&k[from..from + head_size], weight, positions[token]);
                let (block, slot) = (slots[token] as usize / BLOCK, slots[token] as usize % BLOCK);
                let to = ((block * kv_heads + head) * BLOCK + slot) * head_size;
                for i in 0..head_size {
                    want[0][to + i] = Some(key[i]);
                    want[1][to + i] = Some(v[from + i]);
                }
            }
        }
        close(&q_at.values(), &want_q, 1e-5).map_err(|e| format!("q: {e}"))?;
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
        q_at.intact()
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
