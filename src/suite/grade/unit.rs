//! Units in replies: which there are, and how they convert.
//!
//! Invariant: two units of one dimension convert exactly; a word that is no unit is none, so that a
//! reply's "5 apples" is compared as 5. Guarded by the tests below and the table of replies.

use super::super::rational::Rational;
use super::plain::TIGHT;

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// In metres.
    Length,
    /// In grams.
    Mass,
    /// In seconds.
    Time,
    /// In litres.
    Volume,
    /// In dollars.
    Money,
    /// In kilometres per hour.
    Speed,
    /// In square metres.
    Area,
    /// In degrees of an angle.
    Angle,
    /// In bytes.
    Data,
}

/// A unit: its dimension, and how many of the dimension's own it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// What it measures.
    pub dimension: Dimension,
    /// How many of the dimension's own unit, as a fraction.
    pub factor: (i128, i128),
}

use Dimension::{Angle, Area, Data, Length, Mass, Money, Speed, Time, Volume};

/// Names, dimension, numerator and denominator. Definitions: the SI brochure (2019), the
/// international yard and pound (1959) for inches to miles and pounds.
const UNITS: &[(&[&str], Dimension, i128, i128)] = &[
    (&["mm", "millimetre", "millimetres", "millimeter", "millimeters"], Length, 1, 1_000),
    (&["cm", "centimetre", "centimetres", "centimeter", "centimeters"], Length, 1, 100),
    (&["m", "metre", "metres", "meter", "meters", "Meter"], Length, 1, 1),
    (&["km", "kilometre", "kilometres", "kilometer", "kilometers", "Kilometer"], Length, 1_000, 1),
    (&["inch", "inches"], Length, 254, 10_000),
    (&["ft", "foot", "feet"], Length, 3_048, 10_000),
    (&["mile", "miles"], Length, 1_609_344, 1_000),
    (&["km/h", "kph", "kmh", "kilometres per hour", "kilometers per hour"], Speed, 1, 1),
    (&["m/s", "metres per second", "meters per second"], Speed, 18, 5),
    (&["cm^2", "square centimetres", "square centimeters"], Area, 1, 10_000),
    (&["m^2", "square metres", "square meters"], Area, 1, 1),
    (&["mg", "milligram", "milligrams"], Mass, 1, 1_000),
    (&["g", "gram", "grams", "Gramm"], Mass, 1, 1),
    (&["kg", "kilo", "kilos", "kilogram", "kilograms", "Kilogramm"], Mass, 1_000, 1),
    (&["tonne", "tonnes"], Mass, 1_000_000, 1),
    (&["s", "sec", "secs", "second", "seconds", "Sekunden"], Time, 1, 1),
    (&["min", "mins", "minute", "minutes", "Minuten", "minutos"], Time, 60, 1),
    (&["h", "hr", "hrs", "hour", "hours", "Stunden", "horas", "heures"], Time, 3_600, 1),
    (&["day", "days", "Tage", "jours"], Time, 86_400, 1),
    (&["week", "weeks"], Time, 604_800, 1),
    (&["ml", "mL", "millilitre", "millilitres", "milliliter", "milliliters"], Volume, 1, 1_000),
    (&["l", "L", "litre", "litres", "liter", "liters", "Liter"], Volume, 1, 1),
    (&["dollar", "dollars", "USD", "bucks"], Money, 1, 1),
    (&["cent", "cents", "¢"], Money, 1, 100),
    (&["°", "degree", "degrees", "deg"], Angle, 1, 1),
    (&["byte", "bytes"], Data, 1, 1),
];

impl Unit {
    /// The unit of this name.
    pub fn named(name: &str) -> Option<Self> {
        UNITS
            .iter()
            .find(|(names, ..)| names.contains(&name))
            .map(|&(_, dimension, over, under)| Self { dimension, factor: (over, under) })
    }

    /// So many of this, in the dimension's own unit, where that fits.
    pub(super) fn of(self, value: Rational) -> Option<Rational> {
        value.times(Rational::new(self.factor.0, self.factor.1)?)
    }
}

/// The unit that stands at most a space behind here, and where it ends; the longest that fits.
pub(super) fn unit_at(text: &str, end: usize) -> (Option<Unit>, usize) {
    let rest = text.get(end..).unwrap_or_default();
    let rest = rest.strip_prefix([' ', TIGHT, '-']).unwrap_or(rest);
    let mut best: Option<(&str, Unit)> = None;
    for (names, dimension, over, under) in UNITS {
        for name in *names {
            let ends = rest.strip_prefix(name).is_some_and(|after| {
                !after.starts_with(|c: char| c.is_alphanumeric() || c == '^' || c == '/')
            });
            if ends && best.is_none_or(|(other, _)| name.len() > other.len()) {
                best = Some((name, Unit { dimension: *dimension, factor: (*over, *under) }));
            }
        }
    }
    best.map_or((None, end), |(name, unit)| (Some(unit), text.len() - rest.len() + name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let at = |text: &str| unit_at(text, 1);
        assert_eq!(at("5 km"), (Unit::named("km"), 4));
        assert_eq!(at("5km/h"), (Unit::named("km/h"), 5));
        assert_eq!(at("5 apples"), (None, 1));
        assert_eq!(at("5 minutes."), (Unit::named("min"), 9));
        assert_eq!(at("5 m^3"), (None, 1));
        let hour = Unit::named("h").unwrap().of(Rational::new(3, 2).unwrap());
        assert_eq!(hour, Unit::named("min").unwrap().of(Rational::whole(90)));
    }
}
