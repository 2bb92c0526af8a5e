//! LiteLLM's map: USD per token, tiers and services in the fields' names.
//!
//! Invariant: a tier is a cliff, as LiteLLM's own calculator charges the whole request at it, in
//! `above_…k_tokens` fields and in `tiered_pricing`. Two fields for one price must agree.

mod field;

use super::draft::{Per, always, blank, tokens};
use super::json::Json;
use super::{Draft, Format, Import, Snapshot};
use crate::prices::entry::{Entry, Kind};
use crate::prices::hours::{Hours, Window};
use crate::prices::rates::Rates;
use crate::prices::schedule::{Schedule, Tier};
use crate::prices::tariff::{Service, Tariff, Variant};
use crate::prices::terms::Percent;
use crate::units::Tokens;
use field::{Field, Target};
use jiff::civil::Time;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, HashSet};

/// Not an entry: LiteLLM's own description of one.
const SPECIMEN: &str = "sample_spec";

pub(super) fn read(
    json: &Json,
    snapshot: &Snapshot,
    import: &mut Import,
) -> Result<Vec<Draft>, String> {
    let all = json.fields();
    if !all.iter().any(|(_, entry)| entry.get("litellm_provider").is_some()) {
        return Err("no entry has a `litellm_provider`".to_owned());
    }
    let keys: HashSet<&str> = all.iter().map(|(key, _)| key.as_str()).collect();
    let drafts = all.iter().filter(|(key, _)| key != SPECIMEN).map(|(key, fields)| {
        let mut reading = Reading { import, parts: Parts::default() };
        (key.clone(), reading.entry(key, fields, snapshot, &keys))
    });
    Ok(drafts.collect())
}

fn kind(mode: &str) -> Option<Kind> {
    Some(match mode {
        "chat" | "responses" => Kind::Chat,
        "completion" => Kind::Completion,
        "embedding" => Kind::Embedding,
        "rerank" => Kind::Rerank,
        "image_generation" | "image_edit" => Kind::Image,
        "video_generation" => Kind::Video,
        "audio_transcription" => Kind::Transcription,
        "audio_speech" => Kind::Speech,
        "realtime" => Kind::Realtime,
        "ocr" | "extraction" => Kind::Document,
        "search" | "vector_store" => Kind::Search,
        "moderation" | "guardrail" => Kind::Moderation,
        "evaluation" | "decisions" => Kind::Other,
        _ => return None,
    })
}

/// Prices as they are met, field by field.
#[derive(Default)]
struct Prices {
    rates: Rates,
    tiers: BTreeMap<Tokens, Rates>,
    rest: Schedule,
}

impl Prices {
    fn schedule(self) -> Schedule {
        let tiers = self.tiers.into_iter().map(|(above, rates)| Tier { above, rates }).collect();
        Schedule { rates: self.rates, tiers, ..self.rest }
    }
}

#[derive(Default)]
struct Parts {
    standard: Prices,
    services: BTreeMap<Service, Prices>,
}

struct Reading<'a> {
    import: &'a mut Import,
    parts: Parts,
}

impl Reading<'_> {
    fn entry(
        &mut self,
        key: &str,
        json: &Json,
        snapshot: &Snapshot,
        keys: &HashSet<&str>,
    ) -> Result<Entry, String> {
        if json.get("rules").is_some() {
            return Err("rules about names, not a model".to_owned());
        }
        let provider = json.get("litellm_provider").and_then(Json::text);
        let provider = provider.ok_or("`litellm_provider` is missing")?;
        let model = key.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
        // A bare key beside the same key with its provider is an entry of its own.
        let twin = model.is_none() && keys.contains(format!("{provider}/{key}").as_str());
        let mut entry = blank(provider, model.unwrap_or(key), None);
        if twin {
            key.clone_into(&mut entry.id);
        } else if entry.id != key {
            entry.aliases.push(key.to_owned());
        }
        let url = json.get("source").and_then(Json::text).filter(|url| url.starts_with("http"));
        let mut tariff = always(snapshot, key, url);
        for (field, value) in json.fields().iter().filter(|(_, value)| *value != Json::Null) {
            self.field(field, value, &mut entry, &mut tariff)?;
        }
        let Parts { standard, services } = std::mem::take(&mut self.parts);
        tariff.schedule = standard.schedule();
        tariff.variants = services
            .into_iter()
            .map(|(service, prices)| Variant { service, schedule: prices.schedule() })
            .collect();
        entry.tariffs.push(tariff);
        Ok(entry)
    }

    fn field(
        &mut self,
        field: &str,
        value: &Json,
        entry: &mut Entry,
        tariff: &mut Tariff,
    ) -> Result<(), String> {
        match field {
            "litellm_provider" | "source" => {}
            "mode" => {
                entry.kind = value.text().and_then(kind);
                if entry.kind.is_none() {
                    self.import.understands_not(&format!("mode: {}", value.shown()));
                }
            }
            "max_input_tokens" => entry.context = tokens(Some(value)),
            "max_output_tokens" => entry.max_output = tokens(Some(value)),
            "token_count_tokenizer" => entry.tokenizer = value.text().map(str::to_owned),
            "prompt_cache_min_tokens" => tariff.terms.cache_minimum = tokens(Some(value)),
            "deprecation_date" => {
                entry.ends = value.text().and_then(|text| text.parse().ok());
                if entry.ends.is_none() {
                    self.import.understands_not(field);
                }
            }
            "regional_processing_uplift_multiplier_eu" => {
                self.uplift("eu", field, value, tariff)?;
            }
            "regional_processing_uplift_multiplier_us" => {
                self.uplift("us", field, value, tariff)?;
            }
            "regional_endpoint_uplift_multiplier" => {
                self.uplift("regional endpoint", field, value, tariff)?;
            }
            "provider_specific_entry" => {
                for (name, value) in value.fields() {
                    let field = format!("{field}.{name}");
                    match name.as_str() {
                        "us" | "fast" => self.uplift(name, &field, value, tariff)?,
                        _ => self.import.passes_over(Format::Litellm, &field),
                    }
                }
            }
            // As the unit is called here.
            "web_search_billing_unit" if value.text() == Some("per_query") => {}
            "search_context_cost_per_query" => self.units("web search", field, value)?,
            "guardrail_cost_per_unit" => self.units("guardrail", field, value)?,
            "tiered_pricing" => self.ranges(value)?,
            "off_peak_pricing" => tariff.hours.push(self.off_peak(value)?),
            _ => match Field::named(field) {
                Some(known) => self.priced(known, field, value)?,
                None => self.import.passes_over(Format::Litellm, field),
            },
        }
        Ok(())
    }

    /// A factor on the price, as a percentage.
    fn uplift(
        &mut self,
        name: &str,
        field: &str,
        value: &Json,
        tariff: &mut Tariff,
    ) -> Result<(), String> {
        let factor = self.import.amount(field, value, Per::One)?;
        let percent = factor.checked_mul(Decimal::ONE_HUNDRED);
        let percent = percent.ok_or_else(|| format!("`{field}`: `{factor}` is too large"))?;
        tariff.terms.uplifts.insert(name.to_owned(), Percent(percent.normalize()));
        Ok(())
    }

    /// A map of amounts, each of its own unit.
    fn units(&mut self, what: &str, field: &str, value: &Json) -> Result<(), String> {
        for (name, value) in value.fields() {
            let usd = self.import.usd(&format!("{field}.{name}"), value, Per::One)?;
            let size = name.trim_start_matches("search_context_size_");
            self.parts.standard.rest.per_unit.insert(format!("{what}, {size}"), usd);
        }
        Ok(())
    }

    fn priced(&mut self, known: Field, field: &str, value: &Json) -> Result<(), String> {
        let Field { target, above, service } = known;
        let prices = match service {
            Some(service) => self.parts.services.entry(service).or_default(),
            None => &mut self.parts.standard,
        };
        match target {
            Target::Tokens(kind) => {
                let price = self.import.price(field, value, Per::Token)?;
                let rates = match above {
                    Some(above) => prices.tiers.entry(above).or_default(),
                    None => &mut prices.rates,
                };
                // Two names for one price are fine as long as they agree.
                if rates.get(kind).is_some_and(|already| already != price) {
                    self.import.understands_not(field);
                } else {
                    rates.set(kind, price);
                }
            }
            Target::Unit(unit) => {
                let usd = self.import.usd(field, value, Per::One)?;
                let unit = match above {
                    Some(above) => format!("{unit}, prompts above {} tokens", above.0),
                    None => unit,
                };
                prices.rest.per_unit.insert(unit, usd);
            }
            Target::Request => {
                prices.rest.per_request = Some(self.import.usd(field, value, Per::One)?);
            }
        }
        Ok(())
    }

    /// `[{"range": [0, 256000], "input_cost_per_token": …}, …]`; or by the number of results.
    fn ranges(&mut self, value: &Json) -> Result<(), String> {
        for band in value.items() {
            let results = band.get("max_results_range");
            let range = band.get("range").or(results).map_or(&[][..], Json::items);
            let [Some(start), Some(end)] = [range.first(), range.get(1)].map(|n| n?.whole()) else {
                return Err("`tiered_pricing`: a band without a range".to_owned());
            };
            let fields = band.fields().iter().filter(|(f, _)| !f.ends_with("range"));
            for (field, value) in fields {
                let path = format!("tiered_pricing.{field}");
                match Field::named(field) {
                    Some(Field { target: Target::Unit(unit), above: None, service: None })
                        if results.is_some() =>
                    {
                        let usd = self.import.usd(&path, value, Per::One)?;
                        let unit = format!("{unit} of {start} to {end} results");
                        self.parts.standard.rest.per_unit.insert(unit, usd);
                    }
                    Some(Field {
                        target: target @ Target::Tokens(_),
                        above: None,
                        service: None,
                    }) => {
                        let above = (start > 0).then_some(Tokens(start));
                        self.priced(Field { target, above, service: None }, &path, value)?;
                    }
                    _ => self.import.understands_not(&path),
                }
            }
        }
        Ok(())
    }

    fn off_peak(&mut self, value: &Json) -> Result<Hours, String> {
        let mut rates = Rates::default();
        let mut windows = Vec::new();
        let day_offset_hours = match value.get("weekday_timezone").and_then(Json::text) {
            None | Some("UTC") => 0,
            // China has one time, and no summer time.
            Some("Asia/Shanghai") => 8,
            Some(other) => return Err(format!("`off_peak_pricing`: unknown time zone `{other}`")),
        };
        for (field, value) in value.fields() {
            let path = format!("off_peak_pricing.{field}");
            match Field::named(field) {
                Some(Field { target: Target::Tokens(kind), above: None, service: None }) => {
                    rates.set(kind, self.import.price(&path, value, Per::Token)?);
                }
                None if field == "windows" => {
                    for window in value.items() {
                        windows.extend(stretches(window, day_offset_hours)?);
                    }
                }
                None if field == "weekday_timezone" => {}
                _ => self.import.understands_not(&path),
            }
        }
        Ok(Hours { windows, schedule: Schedule { rates, ..Schedule::default() } })
    }
}

/// `{"hours_utc": "00:00-01:00" or a list of such, "weekdays": [1, 2]}`.
fn stretches(json: &Json, day_offset_hours: i8) -> Result<Vec<Window>, String> {
    let bad = || "`off_peak_pricing`: a window without hours".to_owned();
    let hours = json.get("hours_utc").ok_or_else(bad)?;
    let texts = match hours {
        Json::List(items) => items.iter().map(Json::text).collect::<Option<Vec<_>>>(),
        one => one.text().map(|text| vec![text]),
    };
    let days = json.get("weekdays").map_or(&[][..], Json::items).iter();
    let days = days.map(|day| i8::try_from(day.whole()?).ok()).collect::<Option<Vec<i8>>>();
    let (texts, days) = (texts.ok_or_else(bad)?, days.ok_or_else(bad)?);
    let window = |text: &str| {
        let (from, until) = text.split_once('-')?;
        let [from, until] = [from, until].map(|time| time.trim().parse::<Time>().ok());
        Some(Window { days: days.clone(), day_offset_hours, ..Window::daily(from?, until?) })
    };
    texts.into_iter().map(window).collect::<Option<Vec<_>>>().ok_or_else(bad)
}
