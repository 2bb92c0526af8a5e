//! models.dev's `api.json`: providers, each with its models; USD per Mtok, no history.
//!
//! Invariant: `cost` is read whole. Where a model has both `tiers` and the older
//! `context_over_200k`, which repeats one of them, they must agree or the second is not understood.
//! The shape is that of the project's `packages/core/src/schema.ts` of 2026-07-02, and is held by
//! a fixture made of the project's own files of that day.

use super::draft::{Per, always, blank, tokens};
use super::json::Json;
use super::{Draft, Format, Import, Snapshot};
use crate::prices::entry::{Ending, Entry};
use crate::prices::rates::{Rates, TokenKind};
use crate::prices::schedule::{Schedule, Tier};
use crate::prices::tariff::{Service, Variant};
use crate::units::Tokens;

pub(super) fn read(
    json: &Json,
    snapshot: &Snapshot,
    import: &mut Import,
) -> Result<Vec<Draft>, String> {
    if !json.fields().iter().any(|(_, provider)| provider.get("models").is_some()) {
        return Err("no provider has `models`".to_owned());
    }
    let mut drafts = Vec::new();
    for (id, provider) in json.fields() {
        for (field, _) in provider.fields() {
            if !matches!(field.as_str(), "id" | "env" | "npm" | "api" | "name" | "doc" | "models") {
                import.understands_not(&format!("provider.{field}"));
            }
        }
        let url = provider.get("doc").and_then(Json::text);
        for (model, fields) in provider.get("models").map_or(&[][..], Json::fields) {
            let key = format!("{id}/{model}");
            let draft = entry(import, snapshot, (id, model), fields, url);
            drafts.push((key, draft));
        }
    }
    Ok(drafts)
}

fn entry(
    import: &mut Import,
    snapshot: &Snapshot,
    (provider, model): (&str, &str),
    json: &Json,
    url: Option<&str>,
) -> Result<Entry, String> {
    let mut entry = blank(provider, model, json.get("name").and_then(Json::text));
    let mut tariff = always(snapshot, &entry.id, url);
    for (field, value) in json.fields().iter().filter(|(_, value)| *value != Json::Null) {
        match field.as_str() {
            "id" | "name" => {}
            "family" => entry.family = value.text().map(str::to_owned),
            "open_weights" => entry.open_weights = Some(*value == Json::Bool(true)),
            "status" => {
                let ends = value.text() == Some("deprecated");
                entry.ending = ends.then_some(Ending::Deprecated);
            }
            "limit" => {
                for (field, value) in value.fields() {
                    match field.as_str() {
                        "context" => entry.context = tokens(Some(value)),
                        "output" => entry.max_output = tokens(Some(value)),
                        _ => import.passes_over(Format::ModelsDev, &format!("limit.{field}")),
                    }
                }
            }
            "cost" => tariff.schedule = schedule(import, value)?,
            "experimental" => tariff.variants = modes(import, value)?,
            _ => import.passes_over(Format::ModelsDev, field),
        }
    }
    entry.tariffs.push(tariff);
    Ok(entry)
}

fn schedule(import: &mut Import, json: &Json) -> Result<Schedule, String> {
    let mut schedule = Schedule { rates: rates(import, json)?, ..Schedule::default() };
    for tier in json.get("tiers").map_or(&[][..], Json::items) {
        let size = tier.get("tier").and_then(|tier| tier.get("size")).and_then(Json::whole);
        let above = Tokens(size.ok_or("`cost.tiers`: one without a size")?);
        let kind = tier.get("tier").and_then(|tier| tier.get("type")).and_then(Json::text);
        if kind.is_some_and(|kind| kind != "context") {
            return Err("`cost.tiers`: one that isn't of the context".to_owned());
        }
        schedule.tiers.push(Tier { above, rates: rates(import, tier)? });
    }
    if let Some(over) = json.get("context_over_200k") {
        // Made for older readers of the first tier from there on, whatever its own length.
        let (above, rates) = (Tokens(200_000), rates(import, over)?);
        match schedule.tiers.iter().find(|tier| tier.above >= above) {
            Some(tier) if tier.rates == rates => {}
            None if schedule.tiers.is_empty() => schedule.tiers.push(Tier { above, rates }),
            _ => import.understands_not("cost.context_over_200k"),
        }
    }
    schedule.tiers.sort_by_key(|tier| tier.above);
    Ok(schedule)
}

fn rates(import: &mut Import, json: &Json) -> Result<Rates, String> {
    let mut rates = Rates::default();
    for (field, value) in json.fields().iter().filter(|(_, value)| *value != Json::Null) {
        let kind = match field.as_str() {
            "input" => TokenKind::Input,
            "output" => TokenKind::Output,
            "reasoning" => TokenKind::Reasoning,
            "cache_read" => TokenKind::CachedInput,
            "cache_write" => TokenKind::CacheWrite,
            "input_audio" => TokenKind::InputAudio,
            "output_audio" => TokenKind::OutputAudio,
            "tiers" | "tier" | "context_over_200k" => continue,
            _ => {
                import.understands_not(&format!("cost.{field}"));
                continue;
            }
        };
        rates.set(kind, import.price(&format!("cost.{field}"), value, Per::Million)?);
    }
    Ok(rates)
}

/// `{"modes": {"fast": {"cost": …, "provider": …}}}`: services by name.
fn modes(import: &mut Import, json: &Json) -> Result<Vec<Variant>, String> {
    let mut variants = Vec::new();
    for (name, mode) in json.get("modes").map_or(&[][..], Json::fields) {
        let Some(cost) = mode.get("cost") else { continue };
        let schedule = schedule(import, cost)?;
        variants.push(Variant { service: Service::from(name.clone()), schedule });
    }
    Ok(variants)
}
