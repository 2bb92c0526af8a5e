//! OpenRouter's models: the API's own list (`data`, USD per token, as texts), or a catalogue made
//! from it (`models`, USD per Mtok).
//!
//! Invariant: prices are those of the route that OpenRouter shows first. They hold OpenRouter's
//! margin where it takes one in the price; its fee on buying credits is not in them, nor here, as
//! neither form states it. A price of -1 stands for "depends on where it is routed": such a model is
//! refused.

use super::draft::{Per, always, blank, tokens};
use super::json::Json;
use super::{Draft, Format, Import, Snapshot};
use crate::prices::entry::{Entry, Kind};
use crate::prices::rates::TokenKind;
use crate::prices::tariff::Tariff;

const PROVIDER: &str = "openrouter";

pub(super) fn read(
    json: &Json,
    snapshot: &Snapshot,
    import: &mut Import,
) -> Result<Vec<Draft>, String> {
    let (models, id) = match (json.get("data"), json.get("models")) {
        (Some(Json::List(models)), _) => (models, "id"),
        (None, Some(Json::List(models))) => (models, "openrouter_id"),
        _ => return Err("neither `data` nor `models` is a list".to_owned()),
    };
    let drafts = models.iter().map(|model| {
        let key = model.get(id).and_then(Json::text).unwrap_or_default();
        (key.to_owned(), entry(import, snapshot, key, model))
    });
    Ok(drafts.collect())
}

const CATALOGUE: &[(&str, TokenKind)] = &[
    ("input_per_1m_usd", TokenKind::Input),
    ("output_per_1m_usd", TokenKind::Output),
    ("cache_read_per_1m_usd", TokenKind::CachedInput),
    ("cache_write_per_1m_usd", TokenKind::CacheWrite),
];

const PRICING: &[(&str, TokenKind)] = &[
    ("prompt", TokenKind::Input),
    ("completion", TokenKind::Output),
    ("internal_reasoning", TokenKind::Reasoning),
    ("input_cache_read", TokenKind::CachedInput),
    ("input_cache_write", TokenKind::CacheWrite),
    ("audio", TokenKind::InputAudio),
    ("input_audio_cache", TokenKind::CachedAudio),
    ("audio_output", TokenKind::OutputAudio),
    ("image_token", TokenKind::InputImage),
    ("image_output", TokenKind::OutputImage),
];

fn entry(
    import: &mut Import,
    snapshot: &Snapshot,
    key: &str,
    json: &Json,
) -> Result<Entry, String> {
    let mut entry = blank(PROVIDER, key, json.get("name").and_then(Json::text));
    let mut tariff = always(snapshot, key, None);
    for (field, value) in json.fields().iter().filter(|(_, value)| *value != Json::Null) {
        if let Some((_, kind)) = CATALOGUE.iter().find(|(known, _)| known == field) {
            tariff.schedule.rates.set(*kind, import.price(field, value, Per::Million)?);
            continue;
        }
        match field.as_str() {
            "id" | "openrouter_id" | "name" => {}
            "canonical_slug" => {
                let slug = value.text().filter(|slug| *slug != key);
                entry.aliases.extend(slug.map(str::to_owned));
            }
            "context_window_tokens" | "context_length" => entry.context = tokens(Some(value)),
            "max_output_tokens" => entry.max_output = tokens(Some(value)),
            "expiration_date" => {
                entry.ends = value.text().and_then(|text| text.parse().ok());
                if entry.ends.is_none() {
                    import.understands_not(field);
                }
            }
            "mode" if value.text() == Some("chat") => entry.kind = Some(Kind::Chat),
            "provider" if value.text() == Some(PROVIDER) => {}
            "architecture" => architecture(import, value, &mut entry),
            "top_provider" => {
                for (field, value) in value.fields() {
                    match field.as_str() {
                        "max_completion_tokens" => entry.max_output = tokens(Some(value)),
                        _ => {
                            import
                                .passes_over(Format::Openrouter, &format!("top_provider.{field}"));
                        }
                    }
                }
            }
            "pricing" => pricing(import, value, &mut tariff)?,
            _ => import.passes_over(Format::Openrouter, field),
        }
    }
    entry.tariffs.push(tariff);
    Ok(entry)
}

fn architecture(import: &mut Import, json: &Json, entry: &mut Entry) {
    for (field, value) in json.fields() {
        match field.as_str() {
            "tokenizer" => entry.tokenizer = value.text().map(str::to_owned),
            _ => import.passes_over(Format::Openrouter, &format!("architecture.{field}")),
        }
    }
}

fn pricing(import: &mut Import, json: &Json, tariff: &mut Tariff) -> Result<(), String> {
    let schedule = &mut tariff.schedule;
    for (field, value) in json.fields() {
        let path = format!("pricing.{field}");
        // The API writes numbers as texts.
        let number = value.text().map_or_else(|| value.clone(), |t| Json::Number(t.to_owned()));
        let unit = match field.as_str() {
            "image" => Some("input image"),
            "web_search" => Some("web search"),
            _ => None,
        };
        if let Some((_, kind)) = PRICING.iter().find(|(known, _)| known == field) {
            let price = import.price(&path, &number, Per::Token)?;
            if price.0.is_sign_negative() && !price.0.is_zero() {
                return Err(format!("`{path}`: the price depends on where it is routed"));
            }
            // Zero in these two says that there is nothing to pay apart from the prompt.
            let part = matches!(kind, TokenKind::Reasoning | TokenKind::InputAudio);
            if !(part && price.0.is_zero()) {
                schedule.rates.set(*kind, price);
            }
        } else if field == "request" {
            let fee = import.usd(&path, &number, Per::One)?;
            schedule.per_request = (!fee.0.is_zero()).then_some(fee);
        } else if let Some(unit) = unit {
            schedule.per_unit.insert(unit.to_owned(), import.usd(&path, &number, Per::One)?);
        } else if field == "discount" && number.number().is_some_and(|n| n.value.is_zero()) {
            // No discount.
        } else {
            import.understands_not(&path);
        }
    }
    Ok(())
}
