//! Azure's LLM inference traces: `TIMESTAMP,ContextTokens,GeneratedTokens`, a request a line, in
//! wall-clock time.
//!
//! Source: Azure/AzurePublicDataset, `AzureLLMInferenceTrace_conv.csv` and `…_code.csv` of 2023
//! (seven decimals, no offset) and those of a week of 2024 (an offset of +00:00).

use super::{Row, Table, TraceError, Traced};
use crate::units::Seconds;
use jiff::civil::{DateTime, date};

pub(super) fn parse(text: &str) -> Result<Vec<Traced>, TraceError> {
    Table::open(text)?.read(|row| {
        Ok(Traced {
            at: time(row)?,
            prompt: row.tokens("ContextTokens")?,
            output: row.tokens("GeneratedTokens")?,
            blocks: Box::default(),
        })
    })
}

/// Since a day not long before: seconds since the year 0 would leave no room for microseconds.
fn time(row: &Row<'_>) -> Result<Seconds, TraceError> {
    let wrong = || row.wrong("TIMESTAMP", "a time like `2023-11-16 18:15:46.6805900`");
    let at: DateTime = row.cell("TIMESTAMP").parse().map_err(|_| wrong())?;
    let since = at.duration_since(date(2023, 1, 1).at(0, 0, 0, 0));
    Ok(Seconds(since.as_secs_f64()))
}
