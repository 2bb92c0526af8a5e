//! What measurements are judged by.

use super::{Failure, loads, optional};
use crate::cli::raw::RawJudging;
use crate::cost::{Load, Slo};
use crate::hint::Fault;
use crate::units::UsdPerHour;
use std::path::{Path, PathBuf};

/// What measurements are judged by, beside the books.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judging {
    /// The machine's price, where given.
    pub(crate) price: Option<UsdPerHour>,
    /// Loads to judge at, beside the usual ones.
    pub(crate) loads: Vec<Load>,
    /// What latencies shall keep to, where said.
    pub(crate) slo: Option<Slo>,
    /// Whether a void run is priced all the same.
    pub(crate) force: bool,
    /// Where to write the page, where one is wanted.
    pub(crate) report: Option<PathBuf>,
}

impl TryFrom<RawJudging> for Judging {
    type Error = Failure;

    fn try_from(raw: RawJudging) -> Result<Self, Failure> {
        Ok(Self {
            price: optional("--price", raw.price.as_deref())?,
            loads: loads(&raw.load)?,
            slo: optional("--slo", raw.slo.as_deref())?,
            force: raw.force,
            report: raw.report.map(in_a_folder).transpose()?,
        })
    }
}

/// A file that can be made: what is measured for an hour must not be lost to a folder that isn't there.
pub(super) fn in_a_folder(file: PathBuf) -> Result<PathBuf, Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.unwrap_or(Path::new(".")).is_dir() && !file.is_dir() {
        return Ok(file);
    }
    let message = format!("`--report`: `{}` is no file that can be written", file.display());
    Err(Failure::new(Fault::Usage, message).hint("name a file in a folder that exists"))
}

impl Judging {
    /// By the machine's price alone.
    pub(crate) fn at_price(price: Option<&str>) -> Result<Self, Failure> {
        let price = optional("--price", price)?;
        Ok(Self { price, loads: Vec::new(), slo: None, force: false, report: None })
    }
}
