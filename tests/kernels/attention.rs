//! `paged_attention_decode` against its reference.

use half::f16;
use mtok::engine::op::kernel::{PART, PagedAttentionDecode, PagedAttentionMerge, SLOTS};
use mtok::engine::op::reference::{Paged, attention};
use mtok::engine::op::{BLOCK, KvType};

use crate::SEEDS;
use crate::compare::{Guarded, Number, Numbers, close};
use crate::emulator::Emulator;

/// Contexts of one batch: an empty place among them, and one longer than a part.
const CONTEXTS: [u32; 7] = [1, 31, 0, 32, 33, 500, 256];
/// What a table's entry beyond its context holds: nobody's block.
const NOBODY: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_size: usize,
    pub(crate) window: Option<usize>,
    pub(crate) softcap: Option<f32>,
    pub(crate) contexts: &'static [u32],
}

/// What a version finds for a case, or what is wrong with it. The numbers of a sequence depend on the
/// length of its context alone.
pub(crate) fn check<T: Number>(
    emulator: &Emulator,
    version: u32,
    kv: KvType,
    case: Case,
    seed: u64,
) -> Result<Vec<f32>, String> {
    let Case { heads, kv_heads, head_size, window, softcap, contexts } = case;
    let mut numbers = Numbers((heads * 1_000 + head_size) as u64);
    let needed = |&context: &u32| context.div_ceil(SLOTS);
    let width = contexts.iter().map(needed).max().unwrap();
    let blocks: u32 = contexts.iter().map(needed).sum();
    let mut free = numbers.order(blocks);
    let mut tables = Vec::new();
    for context in contexts {
        tables.extend(free.split_off(free.len() - needed(context) as usize));
        tables.resize(tables.len().next_multiple_of(width as usize), NOBODY);
        if needed(context) == 0 {
            tables.extend(vec![NOBODY; width as usize]);
        }
    }

    // Slots beyond a context hold NaN: whoever reads one gives itself away.
    let cached = blocks as usize * BLOCK * kv_heads * head_size;
    let mut caches = [(); 2].map(|()| Guarded::<T>::untouched(cached));
    let mut held = [(); 2].map(|()| vec![f32::NAN; cached]);
    let mut q = Vec::new();
    for (row, &context) in contexts.iter().enumerate() {
        let mut numbers = Numbers(context.into());
        q.extend(numbers.floats(heads * head_size, 2.0));
        for position in 0..context as usize {
            let block = tables[row * width as usize + position / BLOCK] as usize;
            for head in 0..kv_heads {
                let at = ((block * kv_heads + head) * BLOCK + position % BLOCK) * head_size;
                for cache in &mut held {
                    let row = numbers.floats(head_size, 1.0);
                    for (to, number) in cache[at..].iter_mut().zip(row) {
                        *to = T::of(number).value();
                    }
                }
            }
        }
    }
    for (cache, held) in caches.iter_mut().zip(&held) {
        *cache = Guarded::new(held);
    }
    let scale = 0.4;

    let mut q_at = Guarded::<f32>::new(&q);
    let mut out = Guarded::<f32>::untouched(q.len());
    let size = |number: usize| u32::try_from(number).unwrap();
    let [k_cache, v_cache] = caches.each_mut().map(Guarded::address);
    let mut argument = PagedAttentionDecode {
        out: out.address(),
        partial: 0,
        q: q_at.address(),
        k_cache,
        v_cache,
        tables: tables.as_ptr() as u64,
        contexts: contexts.as_ptr() as u64,
        heads: size(heads),
        kv_heads: size(kv_heads),
        head_size: size(head_size),
        table_width: width,
        window: window.map_or(0, size),
        part: PART,
        scale,
        softcap: softcap.unwrap_or(0.0),
    };
    let parts = argument.parts();
    let rows = contexts.len() * heads * parts as usize;
    let mut partial = Guarded::<f32>::untouched(rows * (head_size + 2));
    argument.partial = partial.address();
    let run = || {
        let sequences = size(contexts.len());
        emulator.run(&argument.launch(version, kv, sequences).unwrap(), seed, &argument)?;
        if version == 2 {
            let PagedAttentionDecode { out, partial, heads, head_size, .. } = argument;
            let merge = PagedAttentionMerge { out, partial, heads, head_size, parts };
            emulator.run(&merge.launch(sequences), seed, &merge)?;
        }
        let [keys, values] = &held;
        let how = Paged { keys, values, heads, kv_heads, head_size, scale, softcap, window };
        let rows: Vec<_> = tables.chunks(width as usize).collect();
        let seen: Vec<_> = contexts.iter().map(|&context| context as usize).collect();
        let want = attention(&how, &q, &rows, &seen);
        close(&out.values(), &want, 2e-5)?;
        out.intact()?;
        partial.intact()?;
        Ok(out.values())
    };
    run().map_err(|e: String| format!("v{version} {kv:?} {case:?} seed {seed}: {e}"))
}

const CASES: [Case; 8] = {
    #[rustfmt::skip]
    const fn case(heads: usize, kv_heads: usize, head_size: usize, window: Option<usize>, softcap: Option<f32>) -> Case {
        Case { heads, kv_heads, head_size, window, softcap, contexts: &CONTEXTS }
    }
    [
        case(3, 1, 64, None, None),
        case(2, 2, 64, Some(1), None),
        case(4, 2, 80, Some(33), None),
        case(2, 1, 80, None, Some(2.0)),
        case(2, 2, 128, Some(32), Some(0.5)),
        case(8, 1, 128, None, None),
        case(4, 1, 256, Some(300), None),
        case(1, 1, 256, None, Some(30.0)),
    ]
};

#[test]
fn paged_attention_decode_is_its_reference() {
    let emulator = Emulator::new();
    for case in CASES {
        for version in 1..=PagedAttentionDecode::VERSIONS {
            for seed in SEEDS {
                check::<f32>(&emulator, version, KvType::F32, case, seed).unwrap();
            }
            check::<f16>(&emulator, version, KvType::F16, case, 2).unwrap();
        }
    }
}

/// To the last bit, in every order of the threads.
#[test]
fn attention_is_the_same_alone_and_in_a_batch() {
    let emulator = Emulator::new();
    let case = Case { window: Some(300), ..CASES[0] };
    for version in 1..=PagedAttentionDecode::VERSIONS {
        let run = |contexts, seed| {
            let case = Case { contexts, ..case };
            check::<f32>(&emulator, version, KvType::F32, case, seed).unwrap()
        };
        let row = case.heads * case.head_size;
        let place = CONTEXTS.iter().position(|&context| context == 33).unwrap() * row;
        for seed in SEEDS {
            assert_eq!(run(&[33], 0), run(&CONTEXTS, seed)[place..place + row]);
        }
    }
}
