//! A price per million tokens in the units in which people think: COST_MODEL.md section 7.
//!
//! Invariant: one price, said in several ways: a token's is a millionth, a request's is that of its
//! tokens, a month's that of its requests; and a figure whose factor nobody gave is `None`. Guarded by
//! hand-worked conversions.

use crate::units::{
    Estimate, RequestsPerSecond, Seconds, Tokens, TokensPerCharacter, Usd, UsdPerMchar, UsdPerMtok,
    UsdPerToken,
};
use serde::Serialize;

/// What of a workload turns tokens into other units.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Usage {
    /// Billed tokens of a request, input and output, in the mean.
    pub request: Option<Tokens>,
    /// Requests, in the mean over all hours.
    pub rate: Option<RequestsPerSecond>,
    /// How finely this model's tokenizer cuts this workload's text, as measured.
    pub cut: Option<TokensPerCharacter>,
}

/// A price in all units of sale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct UnitsOfSale {
    /// A million tokens.
    pub mtok: Estimate<UsdPerMtok>,
    /// A token.
    pub token: Estimate<UsdPerToken>,
    /// The tokens of a million characters of this text: comparable between models, as tokens are not.
    pub mchar: Option<Estimate<UsdPerMchar>>,
    /// A request.
    pub request: Option<Estimate<Usd>>,
    /// A month of 730 hours of requests.
    pub month: Option<Estimate<Usd>>,
}

impl UnitsOfSale {
    /// Of a blended price.
    pub fn of(mtok: Estimate<UsdPerMtok>, usage: Usage) -> Self {
        let Usage { request, rate, cut } = usage;
        let request = request.map(|tokens| mtok.map(|price| price * tokens));
        let month = request.zip(rate).map(|(request, rate)| {
            let requests = rate.0 * Seconds::MONTH.0;
            request.map(|cost| Usd(cost.0 * requests))
        });
        Self {
            mtok,
            token: mtok.map(UsdPerToken::from),
            mchar: cut.map(|cut| mtok.map(|price| price * cut)),
            request,
            month,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-9 * want, "{got} ≠ {want}");
    }

    /// 0.50 ± 0.10 USD/Mtok; requests of 1,500 tokens, two a second; four characters a token:
    /// 0.00075 USD a request, 2 × 2,628,000 s × 0.00075 = 3,942 USD a month, 0.125 USD/Mchar.
    #[test]
    fn one_price_in_all_units() {
        let price = Estimate::within(UsdPerMtok(0.5), UsdPerMtok(0.1));
        let usage = Usage {
            request: Some(Tokens(1_500)),
            rate: Some(RequestsPerSecond(2.0)),
            cut: Some(TokensPerCharacter(0.25)),
        };
        let all = UnitsOfSale::of(price, usage);
        near(all.token.value.0, 5e-7);
        near(all.mchar.unwrap().value.0, 0.125);
        near(all.request.unwrap().value.0, 7.5e-4);
        let month = all.month.unwrap();
        near(month.value.0, 3_942.0);
        let (low, high) = month.interval.unwrap();
        near(low.0, 3_942.0 * 0.8);
        near(high.0, 3_942.0 * 1.2);
    }

    #[test]
    fn what_nobody_said_is_none() {
        let all = UnitsOfSale::of(Estimate::bare(UsdPerMtok(0.5)), Usage::default());
        assert_eq!((all.mchar, all.request, all.month), (None, None, None));
        let rate = Some(RequestsPerSecond(2.0));
        let all =
            UnitsOfSale::of(Estimate::bare(UsdPerMtok(0.5)), Usage { rate, ..Usage::default() });
        assert_eq!(all.month, None);
    }
}
