//! What `mtok doctor` prints.

use super::{Document, Table};
use serde::Serialize;

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The form of this document: `mtok.doctor/1`.
    pub schema: &'static str,
    /// Each thing.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// What was seen.
    pub found: String,
    /// What can be done about it; `None`: nothing need be.
    pub advice: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), found: found.into(), advice: None }
    }

    /// Not as it should be, and what to do.
    pub fn poor(
        what: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), found: found.into(), advice: Some(advice.into()) }
    }
}

/// A line for each thing; an exclamation mark where something can be done.
pub fn doctor_document(diagnosis: &Diagnosis) -> Document {
    let mut table = Table::new("", &["", "what", "found", "what to do"]);
    for check in &diagnosis.checks {
        let mark = if check.advice.is_some() { "!" } else { "" };
        let advice = check.advice.clone().unwrap_or_default();
        table.row([mark.to_owned(), check.what.clone(), check.found.clone(), advice]);
    }
    let mut document = Document::default();
    document.table(table);
    document
}
