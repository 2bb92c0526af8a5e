//! Moments and spans of a run.

use crate::units::Seconds;
use serde::{Deserialize, Serialize};

/// Nanoseconds since the run began.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The time from `earlier` to this; nothing if `earlier` is later.
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This much later.
    #[must_use]
    pub fn after(self, time: Seconds) -> Self {
        let nanos = u64::try_from(time.to_std().as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// From a moment to a moment: `from` inside, `to` outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first moment in it.
    pub from: Moment,
    /// The first moment past it.
    pub to: Moment,
}

impl Span {
    /// How long it lasts.
    pub fn length(self) -> Seconds {
        self.to.since(self.from)
    }

    /// Whether a moment lies in it.
    pub fn holds(self, at: Moment) -> bool {
        self.from <= at && at < self.to
    }

    /// The part of `other` that lies in it, if any does.
    pub fn overlap(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (both.from < both.to).then_some(both)
    }
}
