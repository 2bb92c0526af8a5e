//! Where the user's data is kept.

use super::failure::Failure;
use crate::hint::Fault;
use std::path::PathBuf;

/// The variable that says where, against the platform's custom.
const VARIABLE: &str = "MTOK_HOME";

/// The user's data: models and runs.
#[derive(Debug, Clone)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// `MTOK_HOME`, else the platform's folder for data.
    pub(crate) fn find() -> Result<Self, Failure> {
        let stated = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        let custom = || Some(dirs::data_dir()?.join("mtok"));
        stated.or_else(custom).map(Self).ok_or_else(|| {
            Failure::new(Fault::Environment, "this user has no folder for data")
                .hint(format!("set `{VARIABLE}` to a folder that may be written"))
        })
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &PathBuf {
        &self.0
    }

    /// Where models' files are.
    pub(crate) fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    /// Where price books are, and what their sources sent.
    pub(crate) fn prices(&self) -> PathBuf {
        self.0.join("prices")
    }

    /// Where records of attempts at tasks are.
    pub(crate) fn tasks(&self) -> PathBuf {
        self.0.join("tasks")
    }

    /// Where records of runs are.
    pub(crate) fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }
}
