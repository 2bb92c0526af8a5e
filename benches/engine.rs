//! How fast the engine is, without a server around it: prefill, and decode at several batch sizes.
//!
//! `cargo bench --bench engine -- MODEL.gguf --threads 2 --prefill 512 --decode 128 --batch 1,4,8,16`
//! prints a line of JSON for each point: tokens, wall time, the process's CPU time. Every sequence
//! decodes after a prompt of `--context` tokens. `benches/peers/engine.py` runs it beside llama.cpp.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use clap::Parser;
use mtok::engine::decoder::Sizes;
use mtok::engine::op::KvType;
use mtok::engine::op::cpu::Cpu;
use mtok::engine::{Decoder, Engine, Piece};
use mtok::model::Loaded;
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Parser)]
struct Arguments {
    /// A GGUF file.
    model: PathBuf,
    /// Threads that compute.
    #[arg(long, default_value = "1")]
    threads: NonZeroUsize,
    /// Tokens of a prompt to be read; 0: leave it out.
    #[arg(long, default_value_t = 512)]
    prefill: usize,
    /// Steps of decoding; 0: leave it out.
    #[arg(long, default_value_t = 128)]
    decode: usize,
    /// Tokens in each sequence's context before decoding begins.
    #[arg(long, default_value_t = 128)]
    context: usize,
    /// Sequences that decode together.
    #[arg(long, value_delimiter = ',', default_value = "1,4,8,16")]
    batch: Vec<usize>,
    /// How often each point is measured; the fastest counts.
    #[arg(long, default_value_t = 1)]
    repeat: usize,
    /// Given by `cargo bench`; means nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let most = arguments.batch.iter().copied().max().unwrap_or(1).max(1);
    let each = (arguments.context + arguments.decode).max(arguments.prefill).div_ceil(32);
    let loaded = Loaded::open(&arguments.model)?;
    let described = loaded.describe()?;
    let sizes = Sizes {
        blocks: u32::try_from(each * most)?,
        kv: KvType::F16,
        sequences: u32::try_from(most)?,
        step_tokens: u32::try_from(arguments.prefill.max(arguments.context).max(most))?,
    };
    let cpu = Cpu::new(arguments.threads)?;
    let weights = described.weights()?;
    let mut engine = Decoder::load(described.spec.clone(), &weights, cpu, sizes)?;
    let mut bench = Bench { engine: &mut engine, each };
    // Memory is touched and clocks are up before anything counts.
    bench.prefill(arguments.prefill.max(1))?;
    if arguments.prefill > 0 {
        let best = fastest(arguments.repeat, || bench.prefill(arguments.prefill))?;
        report("prefill", 1, arguments.prefill, best);
    }
    for &batch in arguments.batch.iter().filter(|_| arguments.decode > 0) {
        let run = || bench.decode(batch, arguments.context, arguments.decode);
        let best = fastest(arguments.repeat, run)?;
        report("decode", batch, batch * arguments.decode, best);
    }
    Ok(())
}

/// Wall and CPU seconds.
type Times = (f64, f64);

fn fastest(
    repeat: usize,
    mut run: impl FnMut() -> Result<Times, Box<dyn Error>>,
) -> Result<Times, Box<dyn Error>> {
    let mut best: Option<Times> = None;
    for _ in 0..repeat.max(1) {
        let times = run()?;
        best = Some(best.map_or(times, |best| (best.0.min(times.0), best.1.min(times.1))));
    }
    best.ok_or_else(|| "nothing was measured".into())
}

fn report(what: &str, batch: usize, tokens: usize, (wall, cpu): Times) {
    println!(
        r#"{{"what":"{what}","batch":{batch},"tokens":{tokens},"wall_s":{wall:.6},"cpu_s":{cpu:.6}}}"#
    );
}

struct Bench<'a> {
    engine: &'a mut dyn Engine,
    /// Blocks of each sequence.
    each: usize,
}

impl Bench<'_> {
    /// Some tokens that differ: `n` of the sequence with a number, from a position on.
    fn tokens(&self, sequence: usize, from: usize, n: usize) -> Vec<u32> {
        let vocabulary = self.engine.capacity().vocabulary.min(20_000);
        let one = |position| (position * 7_919 + sequence * 104_729) % vocabulary.max(1);
        (from..from + n).map(|position| u32::try_from(one(position)).unwrap_or(0)).collect()
    }

    fn blocks(&self, sequence: usize) -> Vec<u32> {
        let from = sequence * self.each;
        (from..from + self.each).map(|block| u32::try_from(block).unwrap_or(0)).collect()
    }

    fn prefill(&mut self, n: usize) -> Result<Times, Box<dyn Error>> {
        let (tokens, blocks) = (self.tokens(0, 0, n), self.blocks(0));
        timed(|| {
            let piece = Piece { tokens: &tokens, start: 0, blocks: &blocks, logits: true };
            self.engine.step(&[piece])?;
            Ok(())
        })
    }

    fn decode(
        &mut self,
        batch: usize,
        context: usize,
        steps: usize,
    ) -> Result<Times, Box<dyn Error>> {
        let blocks: Vec<_> = (0..batch).map(|sequence| self.blocks(sequence)).collect();
        for (sequence, blocks) in blocks.iter().enumerate().filter(|_| context > 0) {
            let tokens = self.tokens(sequence, 0, context);
            self.engine.step(&[Piece { tokens: &tokens, start: 0, blocks, logits: false }])?;
        }
        timed(|| {
            for step in 0..steps {
                let tokens: Vec<_> =
                    (0..batch).map(|sequence| self.tokens(sequence, context + step, 1)).collect();
                let pieces: Vec<_> = tokens
                    .iter()
                    .zip(&blocks)
                    .map(|(tokens, blocks)| Piece {
                        tokens,
                        start: context + step,
                        blocks,
                        logits: true,
                    })
                    .collect();
                self.engine.step(&pieces)?;
            }
            Ok(())
        })
    }
}

fn timed(run: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Times, Box<dyn Error>> {
    let (wall, cpu) = (seconds(ClockId::Monotonic), seconds(ClockId::ProcessCPUTime));
    run()?;
    Ok((seconds(ClockId::Monotonic) - wall, seconds(ClockId::ProcessCPUTime) - cpu))
}

#[allow(clippy::cast_precision_loss, reason = "seconds since boot, to the microsecond")]
fn seconds(clock: ClockId) -> f64 {
    let now = clock_gettime(clock);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}
