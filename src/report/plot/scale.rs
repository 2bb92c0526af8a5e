//! From a value to a place along an axis, and the round numbers that are written there.

/// How many ticks an axis has at about.
const TICKS: f64 = 5.0;

/// The most ticks of a logarithmic axis that still shows 2 and 5 between the powers of ten.
const DENSE: usize = 7;

/// How values are laid along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

/// A number written at an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) text: String,
}

impl Scale {
    /// Even, from 0 to a round number above the largest value; what is below 0 lies outside.
    pub(in crate::report) fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let most = finite(values).fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let step = step(most);
        Self { low: 0.0, high: (most / step - 1e-9).ceil() * step, log: false }
    }

    /// Even, from one end to another.
    pub(in crate::report) fn between(low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { low, high, log: false }
    }

    /// Logarithmic, with some room around the values; those not above 0 lie outside.
    pub(in crate::report) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = finite(values)
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0), |(low, high), value| (value.min(low), value.max(high)));
        if high <= 0.0 {
            return Self { low: 1.0, high: 10.0, log: true };
        }
        // At least a third of a decade, so that one value alone is not stretched to the whole axis.
        let middle = (low * high).sqrt();
        let (low, high) = (low.min(middle / 1.5), high.max(middle * 1.5));
        Self { low: low / 1.15, high: high * 1.15, log: true }
    }

    /// Where a value lies: 0 at the low end, 1 at the high one; `None`: it has no place.
    pub(super) fn place(self, value: f64) -> Option<f64> {
        let place = if self.log {
            (value > 0.0).then(|| (value / self.low).ln() / (self.high / self.low).ln())?
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.is_finite().then_some(place)
    }

    /// The same, at the nearest end where it lies outside: of an error bar that is longer than the axis.
    pub(super) fn clamped(self, value: f64) -> f64 {
        self.place(value).map_or(0.0, |place| place.clamp(0.0, 1.0))
    }

    /// The numbers to write.
    pub(super) fn ticks(self) -> Vec<Tick> {
        if self.log { self.log_ticks() } else { self.even_ticks() }
    }

    fn even_ticks(self) -> Vec<Tick> {
        let step = step(self.high - self.low);
        let decimals = decimals(step);
        let first = (self.low / step - 1e-9).ceil();
        (0..20_u8)
            .map(|index| (first + f64::from(index)) * step)
            .take_while(|at| *at <= self.high + step * 1e-9)
            .map(|at| Tick { at, text: grouped(at, decimals) })
            .collect()
    }

    fn log_ticks(self) -> Vec<Tick> {
        let inside = |steps: &[f64]| -> Vec<f64> {
            (-12..=15)
                .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)))
                .filter(|at| (self.low..=self.high).contains(at))
                .collect()
        };
        let dense = inside(&[1.0, 2.0, 5.0]);
        let ats = if dense.len() > DENSE { inside(&[1.0]) } else { dense };
        let ats =
            if ats.len() < 2 { inside(&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]) } else { ats };
        ats.into_iter().map(|at| Tick { at, text: grouped(at, decimals(at)) }).collect()
    }
}

fn finite(values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = f64> {
    values.into_iter().filter(|value| value.is_finite())
}

/// The round number (1, 2, 2.5 or 5 times a power of ten) that cuts a length into about [`TICKS`].
fn step(length: f64) -> f64 {
    let rough = length / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|times| times * power >= rough * 0.999);
    times.unwrap_or(10.0) * power
}

/// The decimals that tell a round number: of 0.25 two, of 20 none.
fn decimals(round: f64) -> usize {
    let needed = |decimals: &usize| {
        let shifted = round.abs() * 10_f64.powi(i32::try_from(*decimals).unwrap_or(0));
        (shifted - shifted.round()).abs() <= shifted * 1e-6
    };
    (0..12).find(needed).unwrap_or(12)
}

/// With its thousands apart.
fn grouped(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    match whole.parse::<u64>() {
        Ok(whole) => format!("{}{rest}", crate::report::figure::thousands(whole)),
        Err(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: Scale, want: &[&str]) {
        let got: Vec<_> = scale.ticks().into_iter().map(|tick| tick.text).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn ticks_are_round() {
        check(Scale::from_zero([9.7]), &["0", "2", "4", "6", "8", "10"]);
        check(Scale::from_zero([0.043]), &["0.00", "0.01", "0.02", "0.03", "0.04", "0.05"]);
        check(Scale::from_zero([1_180.0]), &["0", "250", "500", "750", "1,000", "1,250"]);
        check(Scale::from_zero([]), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(Scale::between(0.0, 1.0), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(Scale::log([3.0, 900.0]), &["10", "100", "1,000"]);
        check(Scale::log([3.0, 200.0]), &["5", "10", "20", "50", "100", "200"]);
        check(Scale::log([0.002, 700.0]), &["0.01", "0.1", "1", "10", "100"]);
        check(Scale::log([0.3]), &["0.2", "0.5"]);
    }

    #[test]
    fn a_value_has_one_place() {
        let places = |scale: Scale, values: [f64; 3]| {
            values.map(|value| scale.place(value).map(|place| (place * 1e6).round() / 1e6))
        };
        assert_eq!(
            places(Scale::from_zero([10.0]), [0.0, 5.0, 10.0]),
            [Some(0.0), Some(0.5), Some(1.0)]
        );
        let log = Scale { low: 1.0, high: 100.0, log: true };
        assert_eq!(places(log, [1.0, 10.0, 0.0]), [Some(0.0), Some(0.5), None]);
        assert_eq!(places(log, [f64::NAN, f64::INFINITY, -1.0]), [None, None, None]);
        assert!((log.clamped(1e9) - 1.0).abs() < 1e-12 && log.clamped(-1.0).abs() < 1e-12);
    }
}
