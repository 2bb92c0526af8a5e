//! What became of each request, and of the machines' time.

use super::tick::Tick;
use super::traffic::Asked;
use crate::schedule::{Refusal, SeqId};
use crate::units::{Seconds, Tokens};
use serde::Serialize;

/// A request that got all its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Served {
    /// From when it came until it was first computed.
    pub queued: Seconds,
    /// From then until its first token, of the attempt that came to its end.
    pub ttft: Seconds,
    /// For each token after the first; `None`: there was none.
    pub tpot: Option<Seconds>,
    /// From then until its last token.
    pub e2e: Seconds,
}

/// What became of a request so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    began: Tick,
    first: Tick,
    done: Tick,
}

impl Progress {
    const NONE: Self = Self { began: Tick::NEVER, first: Tick::NEVER, done: Tick::NEVER };
}

/// What became of all requests.
#[derive(Debug)]
pub(super) struct Log {
    progress: Vec<Progress>,
    /// Who was refused, and why.
    pub(super) refused: Vec<(u32, Refusal)>,
    /// How often a request had to begin again.
    pub(super) restarts: u64,
    /// When the last one ended.
    pub(super) last: Tick,
}

impl Log {
    pub(super) fn new(requests: usize) -> Self {
        let progress = vec![Progress::NONE; requests];
        Self { progress, refused: Vec::new(), restarts: 0, last: Tick::default() }
    }

    /// It is computed for the first time.
    pub(super) fn begins(&mut self, id: SeqId, at: Tick) {
        self.with(id, |progress| progress.began = progress.began.min(at));
    }

    /// A token comes after its prompt was read; again, where it lost its blocks.
    pub(super) fn first(&mut self, id: SeqId, at: Tick) {
        self.with(id, |progress| progress.first = progress.first.min(at));
    }

    /// It has its last token. Its number.
    pub(super) fn ends(&mut self, id: SeqId, at: Tick) -> u32 {
        self.with(id, |progress| progress.done = at);
        self.last = self.last.max(at);
        u32::try_from(id.0).unwrap_or(u32::MAX)
    }

    /// Its machine was taken away: what it had of it is lost.
    pub(super) fn restarts(&mut self, number: u32) {
        self.restarts += 1;
        self.with(SeqId(number.into()), |progress| progress.first = Tick::NEVER);
    }

    fn with(&mut self, id: SeqId, change: impl FnOnce(&mut Progress)) {
        if let Some(progress) = usize::try_from(id.0).ok().and_then(|at| self.progress.get_mut(at))
        {
            change(progress);
        }
    }

    /// A request, if it got all its tokens.
    pub(super) fn served(&self, number: usize, asked: &Asked) -> Option<Served> {
        let Progress { began, first, done } = *self.progress.get(number)?;
        if done == Tick::NEVER {
            return None;
        }
        let at = Tick::of(asked.at);
        let after_first = asked.output.0.checked_sub(1).filter(|tokens| *tokens > 0);
        let tpot = |tokens: u64| Seconds(done.since(first).seconds().0 / Tokens(tokens).get());
        Some(Served {
            queued: began.since(at).seconds(),
            ttft: first.since(at).seconds(),
            tpot: after_first.map(tpot),
            e2e: done.since(at).seconds(),
        })
    }

    /// The moments of all, as they are, for comparisons.
    #[cfg(test)]
    pub(super) fn moments(&self) -> Vec<[Tick; 3]> {
        self.progress.iter().map(|one| [one.began, one.first, one.done]).collect()
    }
}

/// What a machine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Used {
    /// The time in which a step ran.
    pub(super) busy: Tick,
    /// The part of it that pays for prompts.
    pub(super) prefill: Tick,
    pub(super) steps: u64,
    /// Prompt tokens computed, those that were lost and computed again among them.
    pub(super) prompt: u64,
    /// Prompt tokens that the prefix cache had.
    pub(super) cached: u64,
    /// Tokens that were sampled.
    pub(super) output: u64,
    pub(super) preemptions: u64,
}

impl Used {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            busy: self.busy.after(other.busy),
            prefill: self.prefill.after(other.prefill),
            steps: self.steps + other.steps,
            prompt: self.prompt + other.prompt,
            cached: self.cached + other.cached,
            output: self.output + other.output,
            preemptions: self.preemptions + other.preemptions,
        }
    }
}
