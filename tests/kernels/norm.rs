//! `residual_rmsnorm` against its reference.

use mtok::engine::op::kernel::ResidualRmsNorm;
use mtok::engine::op::reference;

use crate::SEEDS;
use crate::compare::{Guarded, Numbers, close};
use crate::emulator::Emulator;

const EPSILON: f32 = 1e-5;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) rows: u16,
    pub(crate) cols: u16,
    pub(crate) delta: bool,
    pub(crate) post: bool,
    pub(crate) offset: f32,
}

/// What a version makes of a case, or what is wrong with it; `None` where it doesn't take the case.
/// The numbers of a row don't depend on how many there are.
pub(crate) fn check(
    emulator: &Emulator,
    version: u32,
    case: Case,
    seed: u64,
) -> Option<Result<Vec<f32>, String>> {
    let Case { rows, cols, offset, .. } = case;
    let count = usize::from(rows) * usize::from(cols);
    let mut stream = Numbers(1).floats(count, 2.0);
    let delta = case.delta.then(|| Numbers(2).floats(count, 1.0));
    let mut numbers = Numbers(3);
    let post = case.post.then(|| numbers.floats(cols.into(), 1.0));
    let weight = numbers.floats(cols.into(), 1.0);

    let mut y = Guarded::<f32>::untouched(count);
    let mut residual = Guarded::<f32>::new(&stream);
    let mut given = [&delta, &post].map(|x| x.as_deref().map(Guarded::<f32>::new));
    let mut by = Guarded::<f32>::new(&weight);
    let [delta_at, post_at] = given.each_mut().map(|x| x.as_mut().map_or(0, Guarded::address));
    let argument = ResidualRmsNorm {
        y: y.address(),
        residual: residual.address(),
        delta: delta_at,
        post: post_at,
        weight: by.address(),
        rows: rows.into(),
        cols: cols.into(),
        epsilon: EPSILON,
        offset,
    };
    let launch = argument.launch(version)?;
    let mut run = || {
        emulator.run(&launch, seed, &argument)?;
        let want = reference::residual_rms_norm(
            &mut stream,
            delta.as_deref(),
            post.as_deref(),
            &weight,
            EPSILON,
            offset,
        );
        // Sums of up to 4096 squares one after another, each rounded to 24 bits.
        let slack = 2e-5;
        close(&residual.values(), &stream, slack).map_err(|e| format!("residual: {e}"))?;
        close(&y.values(), &want, slack).map_err(|e| format!("y: {e}"))?;
        y.intact()?;
        residual.intact()?;
        Ok(y.values())
    };
    Some(run().map_err(|e: String| format!("v{version} {case:?} seed {seed}: {e}")))
}

#[test]
fn residual_rmsnorm_is_its_reference() {
    let emulator = Emulator::new();
    for cols in [1, 31, 32, 33, 64, 576, 4096] {
        for rows in [1, 3, 17] {
            for (delta, post, offset) in
                [(true, true, 1.0), (true, true, 0.0), (true, false, 0.0), (false, false, 1.0)]
            {
                let case = Case { rows, cols, delta, post, offset };
                for version in 1..=ResidualRmsNorm::VERSIONS {
                    for seed in SEEDS {
                        check(&emulator, version, case, seed).unwrap().unwrap();
                    }
                }
            }
        }
    }
}

/// A row that doesn't fit shared memory is the second version's.
#[test]
fn the_widest_rows_are_not_kept() {
    let emulator = Emulator::new();
    let case = Case { rows: 2, cols: 16_384, delta: true, post: true, offset: 1.0 };
    assert!(check(&emulator, 3, case, 0).is_none());
    check(&emulator, 2, case, 2).unwrap().unwrap();
}

/// `Err` where a row's last bit depends on how many there are, or on the order of the threads.
pub(crate) fn same_alone(emulator: &Emulator, version: u32, seed: u64) -> Result<(), String> {
    let case = Case { rows: 1, cols: 576, delta: true, post: true, offset: 0.0 };
    let run = |rows, seed| check(emulator, version, Case { rows, ..case }, seed).unwrap();
    let (alone, batch) = (run(1, 0)?, run(17, seed)?);
    if alone[..] == batch[..576] { Ok(()) } else { Err("a row is another in a batch".to_owned()) }
}

#[test]
fn a_row_is_the_same_alone_and_in_a_batch() {
    let emulator = Emulator::new();
    for version in 1..=ResidualRmsNorm::VERSIONS {
        for seed in SEEDS {
            same_alone(&emulator, version, seed).unwrap();
        }
    }
}
