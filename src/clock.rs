//! The only place that reads time.
//!
//! Invariant: `Instant::now` and the wall clock appear nowhere else in the crate (`clippy.toml` and
//! `tests/architecture.rs` hold it), so everything that measures can be run against [`FakeClock`].

use crate::record::Moment;
use crate::units::Seconds;
use jiff::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time since a run began.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;

    /// Returns at `at`, or at once if that is past.
    fn sleep_until(&self, at: Moment);
}

/// The machine's monotonic clock, counted from the moment it was made.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    origin: Instant,
}

impl RunClock {
    /// A clock that reads zero now.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for RunClock {
    fn now(&self) -> Moment {
        // A u64 of nanoseconds lasts 584 years.
        Moment(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, at: Moment) {
        let left = at.0.saturating_sub(self.now().0);
        std::thread::sleep(Duration::from_nanos(left));
    }
}

/// The wall clock, for dates and for naming runs; never for measuring.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// A clock that moves only when told to, or when somebody sleeps.
#[derive(Debug, Default)]
pub struct FakeClock {
    nanos: AtomicU64,
}

impl FakeClock {
    /// Moves time on.
    pub fn advance(&self, by: Seconds) {
        let nanos = u64::try_from(by.to_std().as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Moment {
        Moment(self.nanos.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Moment) {
        self.nanos.fetch_max(at.0, Ordering::SeqCst);
    }
}
