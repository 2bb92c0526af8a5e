//! `LiteLLM`'s spend logs: a request a line; `spend` is what `LiteLLM` took it to cost.
//!
//! `prompt_tokens` contains what was read from and written to the cache, for every provider.
//!
//! Source: `BerriAI/litellm`, `schema.prisma` (`LiteLLM_SpendLogs`) and the columns that its own page
//! of logs reads from `metadata`, read in November 2026.

use super::place::Place;
use super::{Export, ExportError, Metered};
use crate::prices::billing::{Counting, Reported};
use crate::units::Tokens;
use serde_json::Value;

pub(super) fn read<'a>(
    places: impl Iterator<Item = Place<'a>>,
    export: &mut Export,
) -> Result<(), ExportError> {
    for place in places {
        if place.get("status").and_then(Place::string) == Some("failure") {
            export.leave_out("failed");
        } else if place.get("cache_hit").is_some_and(Place::is_true) {
            // Answered by the proxy itself.
            export.leave_out("answered from LiteLLM's own cache");
        } else {
            let line = row(place)?;
            export.lines.push(line);
        }
    }
    Ok(())
}

fn row(place: Place<'_>) -> Result<Metered, ExportError> {
    // Some exports of the table hold the column as a text.
    let text = place.get("metadata").and_then(Place::string);
    let inner: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    let metadata = match &inner {
        Some(value) => Some(Place::new(place.line, value)),
        None => place.get("metadata"),
    };
    let part = |paths: &[&str]| metadata.map_or(Ok(Tokens(0)), |data| data.tokens(paths));
    let write = part(&[
        "additional_usage_values.cache_creation_input_tokens",
        "usage_object.cache_creation_input_tokens",
    ])?;
    let hour = part(&[
        "additional_usage_values.prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
        "usage_object.prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
    ])?;
    let counts = Reported {
        input: place.tokens(&["prompt_tokens"])?,
        output: place.tokens(&["completion_tokens"])?,
        cached: part(&[
            "additional_usage_values.cache_read_input_tokens",
            "additional_usage_values.prompt_tokens_details.cached_tokens",
            "usage_object.cache_read_input_tokens",
            "usage_object.prompt_tokens_details.cached_tokens",
        ])?,
        cache_write: Tokens(write.0.saturating_sub(hour.0)),
        cache_write_1h: hour,
        reasoning: part(&[
            "additional_usage_values.completion_tokens_details.reasoning_tokens",
            "usage_object.completion_tokens_details.reasoning_tokens",
        ])?,
        ..Reported::default()
    };
    Ok(Metered {
        line: place.line,
        at: place.time("startTime")?,
        model: place.text("model")?.to_owned(),
        provider: place.get("custom_llm_provider").and_then(Place::string).map(str::to_owned),
        requests: 1,
        usage: place.usage(&counts, Counting::INCLUSIVE)?,
        service: metadata.and_then(|data| data.service("usage_object.service_tier")),
        billed: place.usd("spend")?,
    })
}
