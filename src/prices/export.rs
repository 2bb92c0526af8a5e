//! Usage logs of other programs, as lines to be billed: `OpenAI`'s usage and costs, `LiteLLM`'s spend
//! logs, Langfuse's observations, each as JSON lines.
//!
//! Invariant: a line is either read whole or an error that names the line, the field and what stands
//! there; what is no request of a model (spans, failed calls) is left out and counted by reason.
//! Kinds of token don't overlap any more once read, whatever the form's way of counting. Guarded by
//! the tests here and in each form.
//!
//! Deliberately absent: files. An export is a text that somebody else read.

mod langfuse;
mod litellm;
mod openai;
mod place;
#[cfg(test)]
mod tests;

use super::billing::{Request, Usage, UsageError};
use super::tariff::Service;
use crate::hint::{Fault, Hint};
use crate::units::PicoUsd;
use jiff::Timestamp;
use place::Place;
use std::collections::BTreeMap;

/// The forms that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Pages or buckets of `OpenAI`'s `/v1/organization/usage/completions`, and of
    /// `/v1/organization/costs` grouped by line item.
    #[serde(rename = "openai")]
    OpenAi,
    /// Rows of `LiteLLM`'s `LiteLLM_SpendLogs`, or of its `/spend/logs`.
    #[serde(rename = "litellm")]
    LiteLlm,
    /// Langfuse's observations, from its API (`usageDetails`) or its export (`usage_details`).
    Langfuse,
}

impl Form {
    /// What it is called in flags and in every output.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::LiteLlm => "litellm",
            Self::Langfuse => "langfuse",
        }
    }

    /// By the keys of the first line.
    fn of(first: &serde_json::Value) -> Option<Self> {
        let has = |key: &str| first.get(key).is_some();
        if has("results") || (has("data") && !has("model")) {
            Some(Self::OpenAi)
        } else if has("spend") && has("prompt_tokens") {
            Some(Self::LiteLlm)
        } else if ["usageDetails", "usage_details", "traceId", "trace_id"].into_iter().any(has) {
            Some(Self::Langfuse)
        } else {
            None
        }
    }
}

/// One line of an export: a request, or several that were added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// The line, from 1.
    pub line: u64,
    /// When; of several, when their stretch of time began.
    pub at: Timestamp,
    /// The model, by the name in the export.
    pub model: String,
    /// The provider, where the export names it.
    pub provider: Option<String>,
    /// How many requests.
    pub requests: u64,
    /// Their tokens.
    pub usage: Usage,
    /// Their service; `None` is the standard one.
    pub service: Option<Service>,
    /// What was billed, or what the program that wrote the export took for that; `None` where the
    /// export doesn't say.
    pub billed: Option<Billed>,
}

/// An amount as an export writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Billed {
    /// The amount.
    pub amount: PicoUsd,
    /// How many decimals of a dollar it is written with.
    pub decimals: u32,
}

impl Billed {
    /// Half of its last decimal: what printing it may have lost.
    pub fn half_last(self) -> PicoUsd {
        PicoUsd(10_i128.pow(12_u32.saturating_sub(self.decimals)) / 2)
    }
}

impl Metered {
    /// The line as a request to be billed.
    pub fn request(&self) -> Request {
        Request {
            service: self.service.clone(),
            count: self.requests,
            ..Request::new(self.at, self.usage)
        }
    }
}

/// An export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its form.
    pub form: Form,
    /// Its lines.
    pub lines: Vec<Metered>,
    /// Objects that are no request of a model, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// An export that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Its form is unknown.
    #[error("line {line}: no known usage export begins with `{text}`")]
    Unknown {
        /// Where.
        line: u64,
        /// What stands there.
        text: String,
    },
    /// A line isn't JSON.
    #[error("line {line}: {problem}")]
    Json {
        /// Where.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A field is missing, or isn't what it must be.
    #[error("line {line}, `{field}`: `{value}` is not {wanted}")]
    Field {
        /// Where.
        line: u64,
        /// The field.
        field: String,
        /// What stands there.
        value: String,
        /// What must stand there.
        wanted: &'static str,
    },
    /// The counts contradict each other.
    #[error("line {line}: {source}")]
    Usage {
        /// Where.
        line: u64,
        /// How.
        source: UsageError,
    },
}

impl Hint for ExportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => Some(
                "known are JSON lines of OpenAI's usage API, LiteLLM's spend logs and Langfuse's \
                 observations"
                    .to_owned(),
            ),
            Self::Usage { source, .. } => source.hint(),
            Self::Json { .. } | Self::Field { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}

impl Export {
    /// Reads an export in any known form: one JSON object a line.
    ///
    /// # Errors
    /// Where its form is unknown, or a line of it can't be read.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = (1_u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let mut objects = Vec::new();
        for (line, text) in lines {
            let value: serde_json::Value = serde_json::from_str(text)
                .map_err(|error| ExportError::Json { line, problem: error.to_string() })?;
            objects.push((line, value));
        }
        let form = objects.first().and_then(|(_, first)| Form::of(first)).ok_or_else(|| {
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let line = objects.first().map_or(1, |(line, _)| *line);
            ExportError::Unknown { line, text: first.chars().take(80).collect() }
        })?;
        let mut export = Self { form, lines: Vec::new(), left_out: BTreeMap::new() };
        let places = objects.iter().map(|(line, value)| Place::new(*line, value));
        match form {
            Form::OpenAi => openai::read(places, &mut export)?,
            Form::LiteLlm => litellm::read(places, &mut export)?,
            Form::Langfuse => langfuse::read(places, &mut export)?,
        }
        Ok(export)
    }

    fn leave_out(&mut self, reason: &'static str) {
        *self.left_out.entry(reason).or_default() += 1;
    }
}
