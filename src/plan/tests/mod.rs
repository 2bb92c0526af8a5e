//! Simulations against what was worked out by hand, against queueing theory, against an engine that is
//! written down plainly, and against themselves taken step by step.

mod bill;
mod capacity;
mod fleet;
mod machine;
mod profile;
mod queueing;
mod replay;
mod traffic;

use super::*;
use crate::units::{Seconds, Tokens, UsdPerHour};
use crate::workload::trace::Block;
use std::sync::Arc;

fn ms(millis: f64) -> Seconds {
    Seconds(millis / 1e3)
}

fn coefficients(step: f64, prompt: f64, sequence: f64, context: f64) -> Coefficients {
    Coefficients {
        step: ms(step),
        prompt: ms(prompt),
        prompt_context: Seconds(0.0),
        sequence: ms(sequence),
        sequence_context: ms(context),
    }
}

/// Steps of these times, in milliseconds: prefill, decode, both; each of a fixed time and its terms.
fn profile(prefill: Coefficients, decode: Coefficients, mixed: Coefficients) -> Profile {
    Profile {
        name: "test".to_owned(),
        source: "made up".to_owned(),
        prefill,
        decode,
        mixed,
        between: Seconds(0.0),
        derived: Vec::new(),
        error: None,
    }
}

/// Near to what an 8B model in 16 bits takes on an H100.
fn like_8b() -> Profile {
    let all = |step| Coefficients {
        step: ms(step),
        prompt: Seconds(30e-6),
        prompt_context: Seconds(2e-9),
        sequence: Seconds(45e-6),
        sequence_context: Seconds(49e-9),
    };
    profile(all(6.0), all(6.7), all(7.0))
}

fn asked(at: f64, prompt: u64, output: u64) -> Asked {
    Asked {
        at: Seconds(at),
        prompt: Tokens(prompt),
        output: Tokens(output),
        begins: Arc::default(),
    }
}

/// The same, beginning with blocks of 64 tokens that others may have.
fn beginning(asked: &Asked, blocks: impl IntoIterator<Item = u64>) -> Asked {
    let block = |id| Block { id, tokens: Tokens(64) };
    Asked { begins: blocks.into_iter().map(block).collect(), ..asked.clone() }
}

/// A machine with room for 16 requests at once, in blocks of 16.
fn serving() -> Serving {
    Serving { sequences_max: 16, context_max: 4_096, ..Serving::with_room_for(Tokens(16_384)) }
}

/// So many machines like that, at 3.60 USD/h each: a thousandth of a dollar a second.
fn fleet(machines: u32) -> Fleet {
    Fleet {
        serving: serving(),
        router: Router::LeastLoaded,
        node: Node::single(UsdPerHour(3.6)),
        size: Size::Fixed { nodes: machines },
        seed: 1,
    }
}

fn task<'a>(traffic: &'a Traffic, profile: &'a Profile, fleet: &'a Fleet) -> Task<'a> {
    Task { traffic, profile, fleet, slo: None, capacity: None, window: Seconds(60.0) }
}

/// Numbers from a seed: uniform, from 0 up to 1.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 += 1;
        Tokens(crate::workload::mixed(&[self.0, 0x5eed]) >> 11).get() / 2_f64.powi(53)
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// A length with an exponential distribution, rounded up.
    fn length(&mut self, mean: f64) -> Tokens {
        Tokens(1).scaled(self.exponential(mean).max(0.5).round().max(1.0))
    }

    fn one_in(&mut self, many: f64) -> bool {
        self.unit() * many < 1.0
    }
}

/// Requests of exponential gaps and lengths.
fn poisson(seed: u64, requests: u32, rate: f64, prompt: f64, output: f64) -> Vec<Asked> {
    let mut dice = Dice(seed << 40);
    let mut at = 0.0;
    (0..requests)
        .map(|_| {
            at += dice.exponential(1.0 / rate);
            let (prompt, output) = (dice.length(prompt), dice.length(output));
            Asked { at: Seconds(at), prompt, output, begins: Arc::default() }
        })
        .collect()
}

#[track_caller]
fn near(got: f64, want: f64, relative: f64) {
    assert!(
        (got - want).abs() <= relative * want.abs(),
        "{got} is not within {relative} of {want}"
    );
}
