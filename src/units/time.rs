//! Lengths of time.

use super::parse::Scale;
use super::quantity::quantity;

quantity!(
    /// A length of time.
    Seconds, "s", "a length of time", "500ms", false,
    &[
        (&["s", "sec", "second", "seconds"], Scale::Ten(0)),
        (&["ms"], Scale::Ten(-3)),
        (&["us", "µs"], Scale::Ten(-6)),
        (&["ns"], Scale::Ten(-9)),
        (&["min", "minutes"], Scale::Times(60.0)),
        (&["h", "hours"], Scale::Times(super::SECONDS_PER_HOUR)),
        (&["d", "days"], Scale::Times(24.0 * super::SECONDS_PER_HOUR)),
        (&["y", "years"], Scale::Times(super::HOURS_PER_YEAR * super::SECONDS_PER_HOUR)),
    ]
);

impl Seconds {
    /// A year of 8,760 hours.
    pub const YEAR: Self = Self(super::HOURS_PER_YEAR * super::SECONDS_PER_HOUR);
    /// A twelfth of a year: a cloud's month of 730 hours.
    pub const MONTH: Self = Self(super::HOURS_PER_YEAR / 12.0 * super::SECONDS_PER_HOUR);

    /// A number of nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos as f64 / 1e9)
    }

    /// As the standard library has it; saturating, nothing where negative.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::try_from_secs_f64(self.0.max(0.0)).unwrap_or(std::time::Duration::MAX)
    }
}
