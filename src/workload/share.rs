//! What a prefix cache could have of a plan's prompts, and how long they are.
//!
//! Invariant: a share is total over total. A prefix that stands in the plan counts as shared from
//! its first request on, as in a run that is long against the number of its groups; traces and
//! datasets, which end, are counted request by request, first ones and all. The cache is one that
//! forgets nothing. Guarded by `plan::tests`, against what drawn sessions have in common.

use super::draw::mixed;
use super::session::{Draft, Message, Segment, Session};
use crate::units::{Ratio, Tokens};
use std::collections::HashSet;

/// Sums over sessions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape {
    requests: u64,
    /// Prompt tokens, with the turns before.
    prompt: Tokens,
    output: Tokens,
    /// Of the prompt tokens, those that a cache could have.
    cached: Tokens,
}

impl Shape {
    /// Of these sessions. `planned`: all but the last segment of a prompt is known to be shared, and
    /// nothing else is.
    pub(super) fn of(sessions: impl Iterator<Item = Session>, planned: bool) -> Self {
        let mut shape = Self::default();
        let mut seen = HashSet::new();
        for session in sessions {
            let mut before = Tokens(0);
            for turn in &session.turns {
                let stretches = stretches(&turn.draft);
                let cached = match stretches.as_slice() {
                    // Only the first turn's beginning can stand in another session.
                    _ if before > Tokens(0) => Tokens(0),
                    [shared @ .., _] if planned => shared.iter().map(|one| one.tokens).sum(),
                    all => known(all, &mut seen),
                };
                shape.requests += 1;
                shape.prompt += before + turn.prompt;
                shape.output += turn.output;
                shape.cached += before + cached;
                before += turn.prompt + turn.output;
            }
        }
        shape
    }

    /// The mean of all prompts, to the nearest token.
    pub(super) fn prompt(&self) -> Tokens {
        self.mean(self.prompt)
    }

    /// The mean of all outputs, to the nearest token.
    pub(super) fn output(&self) -> Tokens {
        self.mean(self.output)
    }

    /// The share of prompt tokens that a cache could have; of no tokens, none.
    pub(super) fn shared(&self) -> Ratio {
        if self.prompt == Tokens(0) { Ratio::of(0.0) } else { self.cached / self.prompt }
    }

    fn mean(&self, total: Tokens) -> Tokens {
        let half = self.requests / 2;
        Tokens(total.0.saturating_add(half).checked_div(self.requests).unwrap_or(0))
    }
}

/// Tokens of the first stretches that were seen in this order; all are seen from now on.
fn known(stretches: &[Segment], seen: &mut HashSet<u64>) -> Tokens {
    let mut cached = Tokens(0);
    let (mut chain, mut hit) = (0, true);
    for stretch in stretches {
        chain = mixed(&[chain, stretch.seed, stretch.tokens.0]);
        hit = !seen.insert(chain) && hit;
        if hit {
            cached += stretch.tokens;
        }
    }
    cached
}

/// A prompt's stretches; a message is one, by its text.
fn stretches(draft: &Draft) -> Vec<Segment> {
    match draft {
        Draft::Prose(segments) | Draft::RandomIds(segments) => segments.clone(),
        Draft::Messages(messages) => messages.iter().map(stretch).collect(),
    }
}

fn stretch(message: &Message) -> Segment {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (&message.role, &message.content).hash(&mut hasher);
    let tokens = super::dataset::estimate(&message.content);
    Segment { seed: hasher.finish(), tokens }
}
