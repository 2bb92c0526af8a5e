//! Pydantic's genai-prices: USD per Mtok, dated, with tiers, hours and services.
//!
//! Invariant: an entry's prices at any instant, length and service are those that the book's own
//! calculator takes: of the conditional prices the last that holds, else the first; of the variants
//! the first that matches, kind by kind. Guarded by the comparison of whole bills with that
//! calculator, and by the tests here.

use super::draft::{Per, always, blank, tokens};
use super::json::Json;
use super::{Draft, Format, Import, Snapshot};
use crate::prices::entry::{Ending, Entry};
use crate::prices::hours::{Hours, Window};
use crate::prices::rates::{Rates, TokenKind};
use crate::prices::schedule::{Schedule, Tier};
use crate::prices::tariff::{Service, Tariff, Variant};
use crate::units::Tokens;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

pub(super) fn read(
    json: &Json,
    snapshot: &Snapshot,
    import: &mut Import,
) -> Result<Vec<Draft>, String> {
    if !json.items().iter().any(|provider| provider.get("models").is_some()) {
        return Err("it is not a list of providers with `models`".to_owned());
    }
    let mut drafts = Vec::new();
    for provider in json.items() {
        let id = provider.get("id").and_then(Json::text).unwrap_or_default();
        let included = input_includes_cached(provider);
        for model in provider.get("models").map_or(&[][..], Json::items) {
            let name = model.get("id").and_then(Json::text).unwrap_or_default();
            let key = format!("{id}/{name}");
            let mut reading = Reading { import, snapshot, key: &key, included };
            let draft = reading.entry(id, name, model);
            drafts.push((key, draft));
        }
    }
    Ok(drafts)
}

/// Whether a provider's API counts cached tokens as input, by how its answers are read: where the
/// book adds the cached ones to the input itself, the API doesn't.
fn input_includes_cached(provider: &Json) -> Option<bool> {
    let extractors = provider.get("extractors")?.items();
    let extractor = extractors
        .iter()
        .find(|e| e.get("api_flavor").and_then(Json::text) == Some("default"))
        .or(extractors.first())?;
    let mappings = extractor.get("mappings")?.items();
    let adds_to = |m: &Json, dest: &str| m.get("dest").and_then(Json::text) == Some(dest);
    let cached = mappings.iter().find(|m| adds_to(m, "cache_read_tokens"))?.get("path")?;
    let twice = |m: &Json| adds_to(m, "input_tokens") && m.get("path") == Some(cached);
    Some(!mappings.iter().any(twice))
}

const TOKENS: &[(&str, TokenKind)] = &[
    ("input_mtok", TokenKind::Input),
    ("cache_read_mtok", TokenKind::CachedInput),
    ("cache_write_mtok", TokenKind::CacheWrite),
    ("cache_write_1h_mtok", TokenKind::CacheWrite1h),
    ("output_mtok", TokenKind::Output),
    ("output_reasoning_mtok", TokenKind::Reasoning),
    ("output_citation_mtok", TokenKind::Citation),
    ("input_audio_mtok", TokenKind::InputAudio),
    ("cache_audio_read_mtok", TokenKind::CachedAudio),
    ("output_audio_mtok", TokenKind::OutputAudio),
    ("input_image_mtok", TokenKind::InputImage),
    ("cache_image_read_mtok", TokenKind::CachedImage),
    ("output_image_mtok", TokenKind::OutputImage),
    ("input_video_mtok", TokenKind::InputVideo),
    ("output_video_mtok", TokenKind::OutputVideo),
];

const UNITS: &[(&str, Per, &str)] = &[
    ("audio_hours", Per::One, "hour of audio"),
    ("input_audio_hours", Per::One, "hour of input audio"),
    ("input_mchars", Per::One, "million input characters"),
    ("input_document_kpages", Per::Thousand, "page"),
    ("input_annotated_document_kpages", Per::Thousand, "annotated page"),
    ("web_searches_kcount", Per::Thousand, "web search"),
    ("storage_searches_kcount", Per::Thousand, "storage search"),
    ("input_text_messages_kcount", Per::Thousand, "text message"),
];

/// When a price holds.
enum When {
    Always,
    From(Timestamp),
    Daily(Window),
}

impl When {
    fn of(json: Option<&Json>) -> Result<Self, String> {
        let Some(constraint) = json.filter(|json| **json != Json::Null) else {
            return Ok(Self::Always);
        };
        let text = |field: &str| constraint.get(field).and_then(Json::text);
        let bad = || "`constraint`: neither a date nor hours".to_owned();
        if let Some(date) = text("start_date") {
            let date: Date = date.parse().map_err(|_| bad())?;
            let start = date.to_zoned(TimeZone::UTC).map_err(|_| bad())?;
            return Ok(Self::From(start.timestamp()));
        }
        let time = |field: &str| utc(text(field)?);
        let (from, until) = time("start_time").zip(time("end_time")).ok_or_else(bad)?;
        // An end at the start is no time at all here, but a whole day in a window of ours.
        if from == until {
            return Err("`constraint`: the hours are empty".to_owned());
        }
        Ok(Self::Daily(Window::daily(from, until)))
    }

    fn begins(&self) -> Option<Timestamp> {
        match self {
            Self::From(start) => Some(*start),
            _ => None,
        }
    }

    fn holds(&self, segment: Option<Timestamp>) -> bool {
        match self {
            Self::Always => true,
            Self::From(start) => segment.is_some_and(|segment| *start <= segment),
            Self::Daily(_) => false,
        }
    }
}

/// A time of day in UTC; any other offset is not understood.
fn utc(text: &str) -> Option<Time> {
    let plain = text.strip_suffix("+00:00").or_else(|| text.strip_suffix('Z')).unwrap_or(text);
    plain.parse().ok()
}

struct Reading<'a> {
    import: &'a mut Import,
    snapshot: &'a Snapshot,
    key: &'a str,
    included: Option<bool>,
}

impl Reading<'_> {
    fn entry(&mut self, provider: &str, model: &str, json: &Json) -> Result<Entry, String> {
        let mut entry = blank(provider, model, json.get("name").and_then(Json::text));
        let (mut prices, mut variants) = (None, Vec::new());
        for (field, value) in json.fields() {
            match field.as_str() {
                "id" | "name" => {}
                "context_window" => entry.context = tokens(Some(value)),
                "deprecated" => {
                    entry.ending = (*value == Json::Bool(true)).then_some(Ending::Deprecated);
                }
                "price_comments" => entry.note = value.text().map(|text| text.trim().to_owned()),
                "match" => self.aliases(value, &mut entry.aliases),
                "prices" => prices = Some(self.conditional(value)?),
                "price_variants" => variants = self.variants(value)?,
                _ => self.import.passes_over(Format::GenaiPrices, field),
            }
        }
        entry.aliases.retain(|alias| alias != model);
        entry.tariffs = self.timeline(&prices.ok_or("`prices` is missing")?, &variants);
        Ok(entry)
    }

    /// Names that are matched whole; the rest of the pattern is guesswork.
    fn aliases(&mut self, clause: &Json, into: &mut Vec<String>) {
        for (field, value) in clause.fields() {
            match (field.as_str(), value) {
                ("equals", Json::Text(name)) if !into.contains(name) => into.push(name.clone()),
                ("__t", _) | ("equals", Json::Text(_)) => {}
                ("or_", Json::List(clauses)) => {
                    for clause in clauses {
                        self.aliases(clause, into);
                    }
                }
                _ => self.import.passes_over(Format::GenaiPrices, &format!("match.{field}")),
            }
        }
    }

    fn conditional(&mut self, json: &Json) -> Result<Vec<(When, Schedule)>, String> {
        if let Json::List(items) = json {
            let one = |item: &Json| {
                for (field, _) in item.fields() {
                    if !matches!(field.as_str(), "__t" | "constraint" | "prices") {
                        self.import.understands_not(&format!("prices.{field}"));
                    }
                }
                let prices = item.get("prices").ok_or("`prices`: one without prices")?;
                Ok((When::of(item.get("constraint"))?, self.schedule(prices)?))
            };
            return items.iter().map(one).collect();
        }
        Ok(vec![(When::Always, self.schedule(json)?)])
    }

    fn variants(&mut self, json: &Json) -> Result<Vec<(Service, When, Schedule)>, String> {
        let mut variants = Vec::new();
        for item in json.items() {
            let prices = item.get("prices").ok_or("`price_variants`: one without prices")?;
            // One that changes nothing is the standard service by its name.
            let schedule = self.schedule(prices)?;
            if schedule.is_empty() {
                continue;
            }
            let [(key, value)] = item.get("when").map_or(&[][..], Json::fields) else {
                return Err("`price_variants`: more than one condition".to_owned());
            };
            let value = value.text().ok_or("`price_variants`: a condition that is no text")?;
            let service = match key.as_str() {
                "processing" | "service_tier" | "speed" => Service::from(value.to_owned()),
                _ => Service::Other(format!("{key}={value}")),
            };
            let when = When::of(item.get("constraint"))?;
            if matches!(when, When::Daily(_)) {
                self.import.understands_not("price_variants.constraint.start_time");
                continue;
            }
            variants.push((service, when, schedule));
        }
        Ok(variants)
    }

    fn schedule(&mut self, json: &Json) -> Result<Schedule, String> {
        let mut schedule = Schedule::default();
        let mut tiers: BTreeMap<Tokens, Rates> = BTreeMap::new();
        for (field, value) in json.fields().iter().filter(|(_, value)| *value != Json::Null) {
            if let Some((_, kind)) = TOKENS.iter().find(|(known, _)| known == field) {
                let base = value.get("base").unwrap_or(value);
                schedule.rates.set(*kind, self.import.price(field, base, Per::Million)?);
                for tier in value.get("tiers").map_or(&[][..], Json::items) {
                    let start = tier.get("start").and_then(Json::whole);
                    let start =
                        start.ok_or_else(|| format!("`{field}`: a tier without a start"))?;
                    let price = tier.get("price").unwrap_or(&Json::Null);
                    let price = self.import.price(field, price, Per::Million)?;
                    tiers.entry(Tokens(start)).or_default().set(*kind, price);
                }
            } else if let Some((_, per, unit)) = UNITS.iter().find(|(known, _, _)| known == field) {
                let usd = self.import.usd(field, value, *per)?;
                schedule.per_unit.insert((*unit).to_owned(), usd);
            } else if field == "requests_kcount" {
                schedule.per_request = Some(self.import.usd(field, value, Per::Thousand)?);
            } else {
                self.import.understands_not(&format!("prices.{field}"));
            }
        }
        schedule.tiers = tiers.into_iter().map(|(above, rates)| Tier { above, rates }).collect();
        Ok(schedule)
    }

    /// Conditional prices as stretches of time: at each date on which any begins, a new one.
    fn timeline(
        &self,
        prices: &[(When, Schedule)],
        variants: &[(Service, When, Schedule)],
    ) -> Vec<Tariff> {
        let starts = prices.iter().map(|(when, _)| when);
        let starts = starts.chain(variants.iter().map(|(_, when, _)| when));
        let mut starts: Vec<Option<Timestamp>> = starts.map(When::begins).collect();
        starts.push(None);
        starts.sort_unstable();
        starts.dedup();
        let mut tariffs: Vec<Tariff> = Vec::new();
        for (index, start) in starts.iter().enumerate() {
            let mut tariff = always(self.snapshot, self.key, None);
            (tariff.from, tariff.until) = (*start, starts.get(index + 1).copied().flatten());
            tariff.terms.input_includes_cached = self.included;
            // Where none holds, the first does.
            tariff.schedule = prices.first().map_or_else(Schedule::default, |(_, s)| s.clone());
            // From the last to the first: hours until a price holds at all hours.
            for (when, schedule) in prices.iter().rev() {
                if let When::Daily(window) = when {
                    let windows = vec![window.clone()];
                    tariff.hours.push(Hours { windows, schedule: schedule.clone() });
                } else if when.holds(*start) {
                    tariff.schedule = schedule.clone();
                    break;
                }
            }
            for (service, _, schedule) in variants.iter().filter(|(_, w, _)| w.holds(*start)) {
                match tariff.variants.iter_mut().find(|variant| variant.service == *service) {
                    // The first that matches decides, kind by kind.
                    Some(known) => known.schedule = schedule.overlaid(&known.schedule),
                    None => tariff
                        .variants
                        .push(Variant { service: service.clone(), schedule: schedule.clone() }),
                }
            }
            tariffs.push(tariff);
        }
        tariffs
    }
}
