//! `OpenAI`'s usage: buckets of time with the sums of a model's tokens, a page or a bucket a line.
//! Grouped by model, or there would be nothing to look up; by batch and service where they are used.
//!
//! Usage comes without amounts. Costs come from another address, by line items like `gpt-4o-mini,
//! cached input`; where they stand in the same text, each usage gets the sum of its model's items of
//! its bucket, if it is the bucket's only usage of that model: items don't tell batches apart.
//!
//! Sources: `OpenAI`'s API reference, "Completions usage object" and "Costs object"; the form of line
//! items is not documented, and was taken from what public programs parse, in November 2026.

use super::place::Place;
use super::{Billed, Export, ExportError, Metered};
use crate::prices::billing::{Counting, Reported};
use crate::prices::tariff::Service;
use crate::units::PicoUsd;
use jiff::Timestamp;
use std::collections::BTreeMap;

pub(super) fn read<'a>(
    places: impl Iterator<Item = Place<'a>>,
    export: &mut Export,
) -> Result<(), ExportError> {
    let mut costs: BTreeMap<(Timestamp, String), Billed> = BTreeMap::new();
    for place in places {
        let buckets: Vec<Place<'_>> = match place.get("data") {
            Some(data) => data.items().collect(),
            None => vec![place],
        };
        for bucket in buckets {
            let at = bucket.time("start_time")?;
            for result in bucket.get("results").into_iter().flat_map(Place::items) {
                if result.get("input_tokens").is_some() {
                    export.lines.push(usage(result, at)?);
                } else if result.get("amount").is_some() {
                    cost(result, at, &mut costs, export)?;
                } else {
                    export.leave_out("neither completions nor costs");
                }
            }
        }
    }
    let mut usages: BTreeMap<(Timestamp, String), u32> = BTreeMap::new();
    for line in &export.lines {
        *usages.entry((line.at, line.model.clone())).or_default() += 1;
    }
    for line in &mut export.lines {
        let key = (line.at, line.model.clone());
        if usages.get(&key) == Some(&1) {
            line.billed = costs.get(&key).copied();
        }
    }
    Ok(())
}

fn usage(result: Place<'_>, at: Timestamp) -> Result<Metered, ExportError> {
    let requests = result.get("num_model_requests");
    let requests = requests.map_or(Ok(1), |place| place.count("num_model_requests"))?;
    let counts = Reported {
        input: result.tokens(&["input_tokens"])?,
        cached: result.tokens(&["input_cached_tokens"])?,
        cache_write: result.tokens(&["input_cache_write_tokens"])?,
        output: result.tokens(&["output_tokens"])?,
        input_audio: result.tokens(&["input_audio_tokens"])?,
        output_audio: result.tokens(&["output_audio_tokens"])?,
        ..Reported::default()
    };
    let batch = result.get("batch").is_some_and(Place::is_true);
    Ok(Metered {
        line: result.line,
        at,
        model: result.text("model")?.to_owned(),
        provider: Some("openai".to_owned()),
        requests,
        usage: result.usage(&counts, Counting::INCLUSIVE)?,
        service: if batch { Some(Service::Batch) } else { result.service("service_tier") },
        billed: None,
    })
}

/// Adds a line item's amount to those of its model.
fn cost(
    result: Place<'_>,
    at: Timestamp,
    costs: &mut BTreeMap<(Timestamp, String), Billed>,
    export: &mut Export,
) -> Result<(), ExportError> {
    let item = result.get("line_item").and_then(Place::string);
    let Some((model, _)) = item.and_then(|item| item.split_once(',')) else {
        export.leave_out("a cost that names no model's tokens");
        return Ok(());
    };
    let currency = result.get("amount.currency").and_then(Place::string);
    if currency.is_some_and(|currency| !currency.eq_ignore_ascii_case("usd")) {
        return Err(result.wrong("amount.currency", "`usd`"));
    }
    let Some(amount) = result.usd("amount.value")? else {
        return Err(result.wrong("amount.value", "an amount in USD"));
    };
    let nothing = Billed { amount: PicoUsd(0), decimals: 0 };
    let sum = costs.entry((at, model.trim().to_owned())).or_insert(nothing);
    sum.amount += amount.amount;
    sum.decimals = sum.decimals.max(amount.decimals);
    Ok(())
}
