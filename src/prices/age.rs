//! When a figure is too old to be shown without a word.

use jiff::civil::Date;

/// A price older than this many days is called old in every output.
pub const STALE_AFTER_DAYS: i64 = 90;

/// Whether a figure of `date` is over [`STALE_AFTER_DAYS`] days old on the day `today`.
pub fn is_stale(date: Date, today: Date) -> bool {
    today.duration_since(date).as_hours() / 24 > STALE_AFTER_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[track_caller]
    fn check(day: Date, today: Date, want: bool) {
        assert_eq!(is_stale(day, today), want, "{day} seen on {today}");
    }

    #[test]
    fn ninety_days_are_fresh_and_ninety_one_are_not() {
        let snapshot = date(2026, 11, 9);
        check(snapshot, snapshot, false);
        // 21 days are left of November, then 31 of December and 31 of January: 7 February is day 90.
        check(snapshot, date(2027, 2, 7), false);
        check(snapshot, date(2027, 2, 8), true);
        // The survey of rentals, six months later.
        check(date(2026, 5, 24), date(2026, 11, 22), true);
    }

    #[test]
    fn a_date_ahead_of_a_wrong_clock_is_not_old() {
        check(date(2026, 11, 9), date(1970, 1, 1), false);
        check(Date::MIN, Date::MAX, true);
        check(Date::MAX, Date::MIN, false);
    }
}
