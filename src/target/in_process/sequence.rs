//! One sequence from its prompt to its end.

use super::{Job, tokens};
use crate::clock::Clock;
use crate::engine::Forward;
use crate::hint::Hint;
use crate::record::{Finish, Span, Step};
use crate::target::{Delivery, What};
use crate::units::Tokens;
use std::sync::atomic::Ordering;

/// The most prompt tokens of one step: it bounds the attention scores, which grow with its product
/// with the context, and how long a cancellation waits.
const CHUNK: usize = 512;

/// A job and what serves it.
pub(super) struct Sequence<'a> {
    pub(super) job: &'a mut Job,
    pub(super) engine: &'a mut dyn Forward,
    pub(super) clock: &'a dyn Clock,
}

/// Why a sequence ended before its time.
enum Broken {
    /// Nobody wants it any more.
    Unwanted,
    /// What the engine, the sampler or the tokenizer says.
    Failed(String),
}

impl<E: Hint> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Sequence<'_> {
    /// Runs it to its end, counting output tokens in `output` as they are delivered.
    pub(super) fn run(mut self, output: &mut u64) -> Finish {
        match self.tokens(output) {
            Ok(finish) => finish,
            Err(Broken::Unwanted) => Finish::Cancelled,
            Err(Broken::Failed(reason)) => Finish::Failed(reason),
        }
    }

    fn tokens(&mut self, output: &mut u64) -> Result<Finish, Broken> {
        self.engine.reset();
        let mut logits = self.prefill()?;
        let mut held = self.job.prompt.len();
        loop {
            let token = self.job.sampler.next(&logits)?;
            let (text, finish) = self.judge(token)?;
            self.deliver(What::Token { id: token, text })?;
            *output += 1;
            if let Some(finish) = finish {
                return Ok(finish);
            }
            logits = self.step(&[token], held, Kind::Decode)?;
            held += 1;
        }
    }

    /// The logits after the whole prompt.
    fn prefill(&mut self) -> Result<Vec<f32>, Broken> {
        let prompt = std::mem::take(&mut self.job.prompt);
        let mut logits = Ok(Vec::new());
        for (index, chunk) in prompt.chunks(CHUNK).enumerate() {
            logits = self.step(chunk, index * CHUNK, Kind::Prefill);
            if logits.is_err() {
                break;
            }
        }
        self.job.prompt = prompt;
        logits
    }

    /// One forward pass, delivered as a step.
    fn step(&mut self, input: &[u32], held: usize, kind: Kind) -> Result<Vec<f32>, Broken> {
        if self.job.cancelled.load(Ordering::Acquire) {
            return Err(Broken::Unwanted);
        }
        let from = self.clock.now();
        let logits = self.engine.forward(input, held)?;
        let span = Span { from, to: self.clock.now() };
        let context = context(tokens(held), tokens(input.len()));
        let (prefill, decode) = match kind {
            Kind::Prefill => (tokens(input.len()), 0),
            Kind::Decode => (Tokens(0), 1),
        };
        self.deliver(What::Step(Step { span, prefill, decode, context }))?;
        Ok(logits)
    }

    /// The text that goes out with a token, and whether the sequence ends with it.
    fn judge(&mut self, token: u32) -> Result<(Option<String>, Option<Finish>), Broken> {
        let Job { stop, text, .. } = &mut *self.job;
        let by_token = stop.token(token);
        let Some(text) = text else { return Ok((None, by_token)) };
        // A token that stops is not part of the answer.
        let piece = if by_token == Some(Finish::Stop) { String::new() } else { text.push(token)? };
        let (mut out, found) = stop.text(&piece);
        let finish = if found { Some(Finish::Stop) } else { by_token };
        if finish.is_some() {
            out += &stop.end(&text.finish());
        }
        Ok((Some(out), finish))
    }

    fn deliver(&self, what: What) -> Result<(), Broken> {
        let delivery = Delivery { id: self.job.id, at: self.clock.now(), what };
        self.job.to.send(delivery).map_err(|_| Broken::Unwanted)
    }
}

/// What a step is for.
#[derive(Clone, Copy)]
enum Kind {
    Prefill,
    Decode,
}

/// The contexts that `new` tokens after `held` attend to, each its own place included, summed:
/// `held + 1`, …, `held + new`.
fn context(held: Tokens, new: Tokens) -> Tokens {
    let (held, new) = (held.0, new.0);
    Tokens(held * new + new * (new + 1) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(held: u64, new: u64, want: u64) {
        assert_eq!(context(Tokens(held), Tokens(new)), Tokens(want));
    }

    #[test]
    fn a_token_attends_to_itself_and_to_all_before() {
        check(0, 1, 1);
        check(0, 4, 1 + 2 + 3 + 4);
        check(7, 1, 8);
        check(512, 3, 513 + 514 + 515);
    }
}
