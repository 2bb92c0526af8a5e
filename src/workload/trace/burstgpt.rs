//! `BurstGPT`'s traces: `Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type`, with
//! `Session ID` and `Elapsed time` in later releases; times in seconds.
//!
//! Failed requests have 0 response tokens. The models of one file are taken together, and a
//! session's requests as requests: they are logged when they were sent, so no thinking is to be added.
//!
//! Source: github.com/HPMLL/BurstGPT, its `README.md`, read in November 2026.

use super::{Table, TraceError, Traced};
use crate::units::Seconds;

pub(super) fn parse(text: &str) -> Result<Vec<Traced>, TraceError> {
    Table::open(text)?.read(|row| {
        let at: Option<f64> = row.cell("Timestamp").parse().ok();
        let at = at.filter(|at| at.is_finite());
        Ok(Traced {
            at: at.map(Seconds).ok_or_else(|| row.wrong("Timestamp", "a number of seconds"))?,
            prompt: row.tokens("Request tokens")?,
            output: row.tokens("Response tokens")?,
            blocks: Box::default(),
        })
    })
}
