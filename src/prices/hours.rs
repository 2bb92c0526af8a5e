//! Times of day and days of the week at which a provider asks another price.
//!
//! Invariant: a window is asked in UTC; its days are those of the offset that it names, as a
//! Chinese Saturday begins on a UTC Friday. The end is outside. Guarded by the tests here.

use super::schedule::Schedule;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize};

/// A stretch of the day, on some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first instant, UTC.
    pub from: Time,
    /// The first instant after it, UTC. Not after `from`: the window passes midnight; equal to it:
    /// the window is the whole day.
    pub until: Time,
    /// Days of the week, 1 is Monday and 7 Sunday; none listed means every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<i8>,
    /// Dates on which the window doesn't apply: holidays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Date>,
    /// Hours to add to UTC before asking which day it is; within a day.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub day_offset_hours: i8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(offset: &i8) -> bool {
    *offset == 0
}

impl Window {
    /// A window on every day.
    pub fn daily(from: Time, until: Time) -> Self {
        Self { from, until, days: Vec::new(), except: Vec::new(), day_offset_hours: 0 }
    }

    /// Whether an instant is inside. Where the window passes midnight, each of its two parts is
    /// asked about its own day.
    pub fn holds(&self, at: Timestamp) -> bool {
        let time = Offset::UTC.to_datetime(at).time();
        let inside = if self.from < self.until {
            self.from <= time && time < self.until
        } else {
            time >= self.from || time < self.until
        };
        inside && self.local(at).is_some_and(|local| self.on(local.date()))
    }

    fn local(&self, at: Timestamp) -> Option<DateTime> {
        Some(Offset::from_hours(self.day_offset_hours).ok()?.to_datetime(at))
    }

    fn on(&self, day: Date) -> bool {
        let weekday = day.weekday().to_monday_one_offset();
        (self.days.is_empty() || self.days.contains(&weekday)) && !self.except.contains(&day)
    }

    /// What is wrong with the window, if anything is.
    pub(crate) fn fault(&self) -> Option<String> {
        if let Some(day) = self.days.iter().find(|day| !(1..=7).contains(*day)) {
            return Some(format!("`days`: `{day}` is not a day from 1 to 7"));
        }
        let offset = self.day_offset_hours;
        (offset.abs() > 24).then(|| format!("`day_offset_hours`: `{offset}` is more than a day"))
    }
}

/// What is charged inside some windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// When; any of them.
    pub windows: Vec<Window>,
    /// What; kinds that it doesn't list stay at the standard price.
    pub schedule: Schedule,
}

impl Hours {
    /// Whether an instant is inside one of the windows.
    pub fn hold(&self, at: Timestamp) -> bool {
        self.windows.iter().any(|window| window.holds(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[track_caller]
    fn check(window: &Window, at: &str, want: bool) {
        assert_eq!(window.holds(at.parse().unwrap()), want, "{at} in {window:?}");
    }

    #[test]
    fn the_end_is_outside() {
        let window = Window::daily(time(1, 0, 0, 0), time(4, 0, 0, 0));
        check(&window, "2026-11-16T00:59:59.999Z", false);
        check(&window, "2026-11-16T01:00:00Z", true);
        check(&window, "2026-11-16T03:59:59.999Z", true);
        check(&window, "2026-11-16T04:00:00Z", false);
        // 04:30 in Berlin is 03:30 UTC.
        check(&window, "2026-11-16T04:30:00+01:00", true);
    }

    #[test]
    fn a_window_passes_midnight() {
        let window = Window::daily(time(16, 30, 0, 0), time(0, 30, 0, 0));
        check(&window, "2026-11-16T16:29:59Z", false);
        check(&window, "2026-11-16T16:30:00Z", true);
        check(&window, "2026-11-17T00:29:59Z", true);
        check(&window, "2026-11-17T00:30:00Z", false);
        let day = Window::daily(time(0, 0, 0, 0), time(0, 0, 0, 0));
        check(&day, "2026-11-17T00:00:00Z", true);
        check(&day, "2026-11-17T23:59:59Z", true);
    }

    #[test]
    fn days_and_holidays_are_those_of_the_offset() {
        // Monday to Friday in Beijing; 1 October is a holiday there.
        let window = Window {
            days: vec![1, 2, 3, 4, 5],
            except: vec![date(2026, 10, 1)],
            day_offset_hours: 8,
            ..Window::daily(time(0, 0, 0, 0), time(0, 0, 0, 0))
        };
        // Friday 20 November 2026: from 16:00 UTC on it is Saturday in Beijing.
        check(&window, "2026-11-20T15:59:59Z", true);
        check(&window, "2026-11-20T16:00:00Z", false);
        check(&window, "2026-11-22T15:59:59Z", false);
        check(&window, "2026-11-22T16:00:00Z", true);
        // The holiday begins at 16:00 UTC of 30 September, a Wednesday.
        check(&window, "2026-09-30T15:59:59Z", true);
        check(&window, "2026-09-30T16:00:00Z", false);
        check(&window, "2026-10-01T16:00:00Z", true);
    }

    #[test]
    fn a_day_that_is_none_is_a_fault() {
        let good = Window::daily(time(1, 0, 0, 0), time(4, 0, 0, 0));
        assert_eq!(good.fault(), None);
        let bad = Window { days: vec![8], ..good.clone() };
        assert_eq!(bad.fault().unwrap(), "`days`: `8` is not a day from 1 to 7");
        assert!(Window { day_offset_hours: 25, ..good }.fault().is_some());
    }
}
