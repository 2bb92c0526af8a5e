//! What measurements are judged by.

use super::{Failure, loads, optional};
use crate::cli::raw::RawJudging;
use crate::cost::{Load, Slo};
use crate::units::UsdPerHour;

/// What measurements are judged by, beside the books.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judging {
    /// The machine's price, where given.
    pub(crate) price: Option<UsdPerHour>,
    /// Loads to judge at, beside the usual ones.
    pub(crate) loads: Vec<Load>,
    /// What latencies shall keep to, where said.
    pub(crate) slo: Option<Slo>,
}

impl TryFrom<RawJudging> for Judging {
    type Error = Failure;

    fn try_from(raw: RawJudging) -> Result<Self, Failure> {
        Ok(Self {
            price: optional("--price", raw.price.as_deref())?,
            loads: loads(&raw.load)?,
            slo: optional("--slo", raw.slo.as_deref())?,
        })
    }
}
