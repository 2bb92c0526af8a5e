//! The engine's thread: step after step, until the target stops.

use super::job;
use super::state::{Batch, Next, Part, Shared};
use crate::engine::{Engine, Logits, Piece, panic_text};
use crate::record::{Failure, FailureKind, Finish, Moment, Span, Step};
use crate::schedule::Work;
use crate::units::Tokens;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Computes what the scheduler plans and tells what comes of it.
pub(super) fn serve(shared: &Shared, mut engine: Box<dyn Engine>) {
    while let Some(mut batch) = shared.next() {
        let ran = catch_unwind(AssertUnwindSafe(|| run(shared, engine.as_mut(), &mut batch)));
        let at = match ran {
            Ok(Ok(at)) => at,
            Ok(Err(reason)) => {
                batch.fail(&reason);
                shared.clock.now()
            }
            Err(payload) => {
                let reason = format!("panic in the engine: {}", panic_text(payload.as_ref()));
                shared.stop(&reason, &engine_failed(&reason));
                batch.fail(&reason);
                shared.clock.now()
            }
        };
        shared.settle(batch.parts, at);
    }
}

/// Computes a step, chooses its tokens and tells them; says of each job what becomes of it. All that
/// came of the step has the moment at which its last token was chosen, which is also its end.
fn run(shared: &Shared, engine: &mut dyn Engine, batch: &mut Batch) -> Result<Moment, String> {
    let from = shared.clock.now();
    let logits = batch.compute(engine)?;
    let chosen = batch.choose(&logits);
    let to = shared.clock.now();
    shared.tell_step(batch.record(Span { from, to }));
    for (part, chosen) in batch.parts.iter_mut().zip(chosen) {
        part.tell(chosen, to);
    }
    Ok(to)
}

/// What was chosen for a part that samples, or why that failed.
type Choice = Option<Result<job::Chosen, String>>;

impl Batch {
    /// The logits, a row for each part that samples.
    fn compute(&self, engine: &mut dyn Engine) -> Result<Logits, String> {
        if !self.copies.is_empty() {
            engine.copy_blocks(&self.copies).map_err(|error| error.to_string())?;
        }
        let pieces: Vec<_> = self.parts.iter().map(|part| part.piece(&self.tables)).collect();
        let logits = engine.step(&pieces).map_err(|error| error.to_string())?;
        let wanted = pieces.iter().filter(|piece| piece.logits).count();
        let rows = logits.rows().len();
        if rows == wanted {
            Ok(logits)
        } else {
            Err(format!("the engine gave {rows} rows of logits where {wanted} were wanted"))
        }
    }

    fn choose(&mut self, logits: &Logits) -> Vec<Choice> {
        let mut rows = logits.rows();
        let choose = |part: &mut Part| {
            part.entry.samples.then(|| rows.next()).flatten().map(|row| part.job.choose(row))
        };
        self.parts.iter_mut().map(choose).collect()
    }

    /// The step as the run record has it.
    fn record(&self, span: Span) -> Step {
        let mut step = Step {
            span,
            prefill: Tokens(0),
            decode: 0,
            context: Tokens(0),
            prefill_context: None,
            cached_context: None,
        };
        let (mut prefill_context, mut cached_context) = (Tokens(0), Tokens(0));
        for Part { entry, job, .. } in &self.parts {
            let context = context(entry.start.into(), entry.tokens.into());
            step.context += context;
            match entry.work {
                Work::Prefill => {
                    let tokens = Tokens(entry.tokens.into());
                    step.prefill += tokens;
                    prefill_context += context;
                    // Each of the tokens attends to all that the cache gave.
                    let cached = job.cached().max(Tokens(entry.cached.into()));
                    cached_context += Tokens(tokens.0.saturating_mul(cached.0));
                }
                Work::Decode => step.decode += 1,
            }
        }
        step.prefill_context = Some(prefill_context);
        step.cached_context = Some(cached_context);
        step
    }

    /// Nothing came of the step but this.
    fn fail(&mut self, reason: &str) {
        for part in &mut self.parts {
            part.next = Next::Breaks(engine_failed(reason));
        }
    }
}

impl Part {
    fn piece<'a>(&'a self, tables: &'a [u32]) -> Piece<'a> {
        let (start, count) = (self.entry.start as usize, self.entry.tokens as usize);
        Piece {
            tokens: &self.job.tokens[start..start + count],
            start,
            blocks: &tables[self.table.clone()],
            logits: self.entry.samples,
        }
    }

    /// Tells what came of it, and says what follows.
    fn tell(&mut self, chosen: Choice, at: Moment) {
        let entry = &self.entry;
        let mut told = match entry.work {
            Work::Prefill => self.job.tell_read(entry.start + entry.tokens, entry.cached, at),
            Work::Decode => Ok(()),
        };
        self.next = match chosen {
            None => Next::Reads,
            Some(Err(reason)) => Next::Breaks(engine_failed(&reason)),
            Some(Ok(mut chosen)) => {
                let next = match chosen.finish.take() {
                    Some(finish) => Next::Ends(finish),
                    None => Next::Decodes(self.job.sealed()),
                };
                told = told.and(self.job.tell(chosen, at));
                next
            }
        };
        if told.is_err() {
            self.next = Next::Ends(Finish::Cancelled);
        }
    }
}

/// The contexts that `new` tokens after `held` attend to, each its own place included, summed:
/// `held + 1`, …, `held + new`.
fn context(held: u64, new: u64) -> Tokens {
    Tokens(held * new + new * (new + 1) / 2)
}

fn engine_failed(reason: &str) -> Finish {
    Finish::Failed(Failure::new(FailureKind::Engine, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(held: u64, new: u64, want: u64) {
        assert_eq!(context(held, new), Tokens(want));
    }

    #[test]
    fn a_token_attends_to_itself_and_to_all_before() {
        check(0, 1, 1);
        check(0, 4, 1 + 2 + 3 + 4);
        check(7, 1, 8);
        check(512, 3, 513 + 514 + 515);
    }
}
