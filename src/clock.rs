//! The only place that reads time.
//!
//! Invariant: `Instant::now` and the wall clock appear nowhere else in the crate (`clippy.toml` and
//! `tests/architecture.rs` hold it), so everything that measures can be run against [`FakeClock`].

use crate::record::Moment;
use crate::units::Seconds;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time since a run began.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;

    /// Returns at `at`, or at once if that is past.
    fn sleep_until(&self, at: Moment);

    /// How long to wait, for whatever else may come, until `at`. A clock that only jumps is there at
    /// once.
    fn left_until(&self, at: Moment) -> Duration {
        Duration::from_nanos(at.0.saturating_sub(self.now().0))
    }
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

/// A clock that can be set back to zero, so that the moments of each run of a sweep count from that
/// run's own start though one target serves them all. Whoever sets it back sees to it that nobody
/// measures or sleeps by it then.
#[derive(Debug)]
pub struct LapClock<C> {
    clock: C,
    /// Nanoseconds on `clock` when the lap began.
    lap: AtomicU64,
}

impl<C: Clock> LapClock<C> {
    /// Laps on another clock, which goes on beneath them. The first begins at its zero.
    pub fn on(clock: C) -> Self {
        Self { clock, lap: AtomicU64::new(0) }
    }

    /// Reads zero from now on.
    pub fn restart(&self) {
        self.lap.store(self.clock.now().0, Ordering::SeqCst);
    }
}

impl<C: Clock> Clock for LapClock<C> {
    fn now(&self) -> Moment {
        Moment(self.clock.now().0.saturating_sub(self.lap.load(Ordering::SeqCst)))
    }

    fn sleep_until(&self, at: Moment) {
        self.clock.sleep_until(Moment(at.0.saturating_add(self.lap.load(Ordering::SeqCst))));
    }
}

/// The wall clock, for dates and for naming runs; never for measuring.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// Today's date, in UTC: as tariffs and books have it.
pub fn today() -> Date {
    wall().to_zoned(TimeZone::UTC).date()
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

    fn left_until(&self, at: Moment) -> Duration {
        self.sleep_until(at);
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_begins_at_zero_and_goes_on() {
        let clock = LapClock::on(FakeClock::default());
        clock.sleep_until(Moment(700));
        assert_eq!(clock.now(), Moment(700));
        clock.restart();
        assert_eq!(clock.now(), Moment(0));
        clock.sleep_until(Moment(40));
        assert_eq!((clock.now(), clock.clock.now()), (Moment(40), Moment(740)));
    }
}
