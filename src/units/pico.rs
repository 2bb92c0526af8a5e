//! Exact money: whole picodollars.
//!
//! A list price with six decimals in USD/Mtok is a whole number of picodollars a token, so a bill in
//! picodollars is exact for nearly every price that is published. Where a price has more decimals a
//! line is rounded once, half to even, and never again: sums of whole numbers don't round.

use super::{ListPrice, Tokens, Usd};
use rust_decimal::Decimal;

/// Decimals of a picodollar: 10^-12 USD.
const DECIMALS: u32 = 12;
/// Decimals of a million tokens.
const MTOK_DECIMALS: u32 = 6;

/// An amount of money in whole picodollars (10^-12 USD), exact; negative for what is given back.
///
/// 128 bits hold 10^26 USD: sums saturate where nobody will ever be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PicoUsd(pub i128);

impl PicoUsd {
    /// An amount in USD, rounded half to even; `None` where it is beyond 128 bits.
    pub fn of(amount: Decimal) -> Option<Self> {
        scaled(amount.mantissa(), amount.scale(), DECIMALS).map(Self)
    }

    /// This many times the amount, rounded half to even; `None` where it is beyond 128 bits.
    pub fn times(self, factor: Decimal) -> Option<Self> {
        let factor = factor.normalize();
        scaled(self.0.checked_mul(factor.mantissa())?, factor.scale(), 0).map(Self)
    }

    /// As an estimate, for sums with estimates.
    #[expect(clippy::cast_precision_loss, reason = "an estimate has the 16 digits of an f64")]
    pub fn estimate(self) -> Usd {
        Usd(self.0 as f64 / 1e12)
    }

    /// In USD, exactly; `None` where a [`Decimal`] has too few digits: beyond 10^16 USD.
    pub fn decimal(self) -> Option<Decimal> {
        Decimal::try_from_i128_with_scale(self.0, DECIMALS).ok().map(|amount| amount.normalize())
    }
}

impl ListPrice {
    /// What this many tokens cost at this many times the price, rounded once, half to even, to the
    /// picodollar. `None` where it is beyond 128 bits.
    pub fn bill_pico(self, tokens: Tokens, times: Decimal) -> Option<PicoUsd> {
        let price = self.0.normalize();
        let times = times.normalize();
        let mantissa =
            price.mantissa().checked_mul(times.mantissa())?.checked_mul(i128::from(tokens.0))?;
        let scale = price.scale() + times.scale() + MTOK_DECIMALS;
        scaled(mantissa, scale, DECIMALS).map(PicoUsd)
    }
}

/// `mantissa × 10^(to − scale)`, rounded half to even.
fn scaled(mantissa: i128, scale: u32, to: u32) -> Option<i128> {
    if scale <= to {
        return mantissa.checked_mul(10_i128.checked_pow(to - scale)?);
    }
    // What is divided by more than 128 bits hold is less than half.
    let Some(by) = 10_i128.checked_pow(scale - to) else { return Some(0) };
    let (whole, rest) = (mantissa / by, mantissa % by);
    let up = match (rest.unsigned_abs() * 2).cmp(&by.unsigned_abs()) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    Some(if up { whole + mantissa.signum() } else { whole })
}

/// In USD, with as many decimals as it needs and at least two.
impl std::fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (
            self.0.unsigned_abs() / 10_u128.pow(DECIMALS),
            self.0.unsigned_abs() % 10_u128.pow(DECIMALS),
        );
        let decimals = format!("{rest:012}");
        let kept = decimals.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{whole}.{} USD", &decimals[..kept])
    }
}

/// As text, in USD: JSON's numbers have 16 digits.
impl serde::Serialize for PicoUsd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        serializer.serialize_str(text.trim_end_matches(" USD"))
    }
}

impl std::ops::Add for PicoUsd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::AddAssign for PicoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::Sub for PicoUsd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::ops::Neg for PicoUsd {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl std::iter::Sum for PicoUsd {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self(0), |sum, item| sum + item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> ListPrice {
        ListPrice(text.parse().unwrap())
    }

    #[track_caller]
    fn bill(usd_per_mtok: &str, tokens: u64, times: &str, pico: i128) {
        let got = price(usd_per_mtok).bill_pico(Tokens(tokens), times.parse().unwrap());
        assert_eq!(got, Some(PicoUsd(pico)), "{tokens} tokens at {usd_per_mtok} × {times}");
    }

    #[test]
    fn six_decimals_are_whole_picodollars_a_token() {
        bill("0.15", 1, "1", 150_000);
        bill("0.000001", 1, "1", 1);
        bill("2.50", 1_000_000, "1", 2_500_000_000_000);
        bill("3", 7, "0.5", 10_500_000);
        bill("0", 7, "1", 0);
    }

    #[test]
    fn halves_go_to_the_even() {
        bill("0.0000005", 1, "1", 0);
        bill("0.0000005", 3, "1", 2); // 1.5
        bill("0.0000005", 5, "1", 2); // 2.5
        bill("0.00000051", 1, "1", 1);
        bill("-0.0000005", 3, "1", -2);
        bill("-0.0000005", 1, "1", 0);
    }

    #[test]
    fn what_is_too_large_is_none() {
        let most = price("79228162514264337593543950335");
        assert_eq!(most.bill_pico(Tokens(u64::MAX), Decimal::MAX), None);
        let least = price("0.0000000000000000000000000001");
        assert_eq!(least.bill_pico(Tokens(1), least.0), Some(PicoUsd(0)));
    }

    #[test]
    fn a_percentage_is_rounded_once() {
        let times = |pico, by: &str| PicoUsd(pico).times(by.parse().unwrap());
        assert_eq!(times(1_000, "0.055"), Some(PicoUsd(55)));
        assert_eq!(times(10, "0.05"), Some(PicoUsd(0))); // 0.5
        assert_eq!(times(30, "0.05"), Some(PicoUsd(2))); // 1.5
        assert_eq!(times(i128::MAX, "2"), None);
    }

    #[track_caller]
    fn prints(pico: i128, want: &str) {
        assert_eq!(PicoUsd(pico).to_string(), want);
    }

    #[test]
    fn prints_what_it_is() {
        prints(0, "0.00 USD");
        prints(1, "0.000000000001 USD");
        prints(-1_500_000_000_000, "-1.50 USD");
        prints(12_340_000_000_000, "12.34 USD");
        prints(12_345_600_000_000, "12.3456 USD");
        assert_eq!(serde_json::to_string(&PicoUsd(1_250_000_000_000)).unwrap(), "\"1.25\"");
    }

    proptest! {
        #[test]
        fn rounding_moves_by_half_at_most_and_signs_agree(
            mantissa in -1_000_000_000_000_i64..1_000_000_000_000, scale in 0_u32..20,
        ) {
            let amount = Decimal::new(mantissa, scale);
            let PicoUsd(pico) = PicoUsd::of(amount).unwrap();
            let back = Decimal::from_i128_with_scale(pico, 12);
            prop_assert!((back - amount).abs() <= Decimal::new(5, 13));
            prop_assert_eq!(PicoUsd::of(-amount), Some(PicoUsd(-pico)));
        }
    }
}
