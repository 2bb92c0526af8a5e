//! The mistakes that people make with these figures, and what each makes of the right one.

use super::{Budget, Load, TokenPrices};
use crate::units::{ListPrice, SECONDS_PER_HOUR};
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

/// A mistake that people make with these figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slip {
    /// Thousands for millions.
    PerThousand,
    /// Ones for millions.
    PerToken,
    /// A bill for thousands of tokens instead of millions.
    BillOfThousands,
    /// A bill for single tokens instead of millions.
    BillOfOnes,
    /// Millions for thousands.
    TimesThousand,
    /// Millions for ones.
    TimesMillion,
    /// An hour's price taken for a second's.
    HourForSecond,
    /// A second's for an hour's: divided by 3600 twice.
    SecondForHour,
    /// An hour's for a minute's.
    HourForMinute,
    /// A minute's for an hour's.
    MinuteForHour,
    /// One GPU's share of the price for the node's, with so many GPUs.
    GpuForNode(u32),
    /// The node's price for one GPU's, with so many GPUs.
    NodeForGpu(u32),
    /// The price at full load for the price at this one.
    LoadForgotten,
    /// Divided by load twice.
    LoadTwice,
    /// Cents for dollars.
    Cents,
    /// Dollars for cents.
    Dollars,
    /// Millions of tokens per dollar for dollars per million tokens.
    Inverted,
    /// Input and output prices exchanged.
    Exchanged,
    /// Only the input was counted.
    InputOnly,
    /// Only the output was counted.
    OutputOnly,
    /// Only the input was counted, at the output's price.
    InputAtOutputPrice,
    /// All tokens at the input's price.
    AllAtInputPrice,
    /// All tokens at the output's price.
    AllAtOutputPrice,
}

impl Slip {
    /// How a sentence that begins with "this is" ends.
    pub fn words(self) -> String {
        match self {
            Self::PerThousand => "the price per thousand tokens".to_owned(),
            Self::PerToken => "the price per token".to_owned(),
            Self::BillOfThousands => {
                "the bill for a thousandth of the tokens: thousands taken for millions".to_owned()
            }
            Self::BillOfOnes => {
                "the bill for a millionth of the tokens: ones taken for millions".to_owned()
            }
            Self::TimesThousand => {
                "a thousand times the price: per billion, or counted twice in thousands".to_owned()
            }
            Self::TimesMillion => "a million times the price: per token for per million".to_owned(),
            Self::HourForSecond => {
                "the price of an hour taken for that of a second: the division by 3600 is missing"
                    .to_owned()
            }
            Self::SecondForHour => {
                "divided by 3600 twice: tokens per second taken for tokens per hour".to_owned()
            }
            Self::HourForMinute => {
                "the price of an hour taken for that of a minute: off by 60".to_owned()
            }
            Self::MinuteForHour => {
                "the price of a minute taken for that of an hour: off by 60".to_owned()
            }
            Self::GpuForNode(gpus) => {
                format!("the price per GPU for the price of the node of {gpus}")
            }
            Self::NodeForGpu(gpus) => {
                format!("the price of a node of {gpus} GPUs for the price of one")
            }
            Self::LoadForgotten => "the price at full load: the idle time is not in it".to_owned(),
            Self::LoadTwice => "divided by the load twice".to_owned(),
            Self::Cents => "the figure in cents".to_owned(),
            Self::Dollars => "cents taken for dollars".to_owned(),
            Self::Inverted => {
                "millions of tokens per dollar: the quotient is upside down".to_owned()
            }
            Self::Exchanged => "input and output prices exchanged".to_owned(),
            Self::InputOnly => "the input alone".to_owned(),
            Self::OutputOnly => "the output alone".to_owned(),
            Self::InputAtOutputPrice => "the input alone, at the price of output".to_owned(),
            Self::AllAtInputPrice => "input and output both at the price of input".to_owned(),
            Self::AllAtOutputPrice => "input and output both at the price of output".to_owned(),
        }
    }
}

/// Node sizes that are tried where the number of GPUs isn't known.
const COMMON_NODES: [u32; 3] = [8, 4, 2];

/// What each slip makes of a machine's right price, the likeliest first.
pub(super) fn of_machine(full: f64, load: Load, gpus: Option<u32>) -> Vec<(Slip, f64)> {
    let right = full / load.share().get();
    let mut slips = vec![
        (Slip::PerThousand, right / 1e3),
        (Slip::PerToken, right / 1e6),
        (Slip::HourForSecond, right * SECONDS_PER_HOUR),
        (Slip::SecondForHour, right / SECONDS_PER_HOUR),
    ];
    if load < Load::FULL {
        slips.push((Slip::LoadForgotten, full));
        slips.push((Slip::LoadTwice, right / load.share().get()));
    }
    let nodes = match gpus {
        // The number is known: no other is looked for, and one GPU can't be mistaken for a node.
        Some(gpus) => {
            if gpus > 1 {
                vec![gpus]
            } else {
                Vec::new()
            }
        }
        None => COMMON_NODES.to_vec(),
    };
    for gpus in nodes {
        slips.push((Slip::GpuForNode(gpus), right / f64::from(gpus)));
        slips.push((Slip::NodeForGpu(gpus), right * f64::from(gpus)));
    }
    slips.extend([
        (Slip::TimesThousand, right * 1e3),
        (Slip::TimesMillion, right * 1e6),
        (Slip::MinuteForHour, right / 60.0),
        (Slip::HourForMinute, right * 60.0),
        (Slip::Cents, right * 100.0),
        (Slip::Dollars, right / 100.0),
        (Slip::Inverted, right.recip()),
    ]);
    slips
}

/// What each slip makes of a budget's right bill, the likeliest first.
pub(super) fn of_bill(right: f64, budget: Budget, prices: TokenPrices) -> Vec<(Slip, f64)> {
    let one = |tokens, price: ListPrice| price.bill(tokens).and_then(|bill| bill.to_f64());
    let both = |first, second| Some(one(budget.input, first)? + one(budget.output, second)?);
    let mixed = [
        (Slip::InputOnly, one(budget.input, prices.input)),
        (Slip::OutputOnly, one(budget.output, prices.output)),
        (Slip::Exchanged, both(prices.output, prices.input)),
        (Slip::AllAtInputPrice, both(prices.input, prices.input)),
        (Slip::AllAtOutputPrice, both(prices.output, prices.output)),
        (Slip::InputAtOutputPrice, one(budget.input, prices.output)),
    ];
    let mut slips = vec![(Slip::BillOfThousands, right / 1e3), (Slip::BillOfOnes, right / 1e6)];
    slips.extend(mixed.into_iter().filter_map(|(slip, bill)| Some((slip, bill?))));
    slips.extend([
        (Slip::TimesThousand, right * 1e3),
        (Slip::TimesMillion, right * 1e6),
        (Slip::Cents, right * 100.0),
        (Slip::Dollars, right / 100.0),
    ]);
    slips
}
