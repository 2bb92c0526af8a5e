//! Langfuse's observations, of which generations use tokens; a line each.
//!
//! Its kinds of usage don't overlap: `input` is what is left of the prompt when the cached part,
//! `input_cached_tokens`, is taken away, and `total` is the sum. A kind that isn't known here is an
//! error: leaving it out would make the bill too small in silence.
//!
//! Sources: langfuse.com, "Blob storage export field reference" and "Token & cost tracking", and the
//! API's description, read in November 2026.

use super::place::Place;
use super::{Export, ExportError, Metered};
use crate::prices::billing::{Counting, Reported};
use crate::units::Tokens;

pub(super) fn read<'a>(
    places: impl Iterator<Item = Place<'a>>,
    export: &mut Export,
) -> Result<(), ExportError> {
    for place in places {
        let kind = place.get("type").and_then(Place::string).unwrap_or("GENERATION");
        let usage = ["usageDetails", "usage_details"].iter().find_map(|name| place.get(name));
        match usage {
            _ if !["GENERATION", "EMBEDDING"].contains(&kind) => {
                export.leave_out("no generation");
            }
            Some(usage) if usage.fields().next().is_some() => {
                let line = generation(place, usage)?;
                export.lines.push(line);
            }
            _ => export.leave_out("a generation without usage"),
        }
    }
    Ok(())
}

fn generation(place: Place<'_>, usage: Place<'_>) -> Result<Metered, ExportError> {
    let mut counts = Reported::default();
    for (key, value) in usage.fields() {
        let tokens = Tokens(value.count(key)?);
        let into = match key {
            "total" | "total_tokens" => continue,
            "input" | "input_tokens" | "prompt_tokens" => &mut counts.input,
            "input_cached_tokens"
            | "input_cache_read"
            | "cache_read_input_tokens"
            | "input_cached" => &mut counts.cached,
            "cache_creation_input_tokens" | "input_cache_creation" | "input_cache_creation_5m" => {
                &mut counts.cache_write
            }
            "input_cache_creation_1h" => &mut counts.cache_write_1h,
            "input_audio_tokens" | "input_audio" => &mut counts.input_audio,
            "input_image_tokens" | "input_image" => &mut counts.input_image,
            "output" | "output_tokens" | "completion_tokens" => &mut counts.output,
            "output_reasoning_tokens" | "output_reasoning" => &mut counts.reasoning,
            "output_audio_tokens" | "output_audio" => &mut counts.output_audio,
            "output_image_tokens" | "output_image" => &mut counts.output_image,
            _ => return Err(value.fault(key, "of a kind of usage that is known")),
        };
        *into += tokens;
    }
    // Audio and images stand beside the rest, too, where `Reported` has them within.
    counts.input += counts.input_audio + counts.input_image;
    counts.output += counts.output_audio + counts.output_image;
    let beside = Counting { input_includes_cached: false, output_includes_reasoning: false };
    let first = |names: [&'static str; 3]| {
        names.into_iter().find(|name| place.get(name).is_some()).unwrap_or(names[0])
    };
    let mut billed = None;
    for path in [
        "totalCost",
        "total_cost",
        "calculatedTotalCost",
        "costDetails.total",
        "cost_details.total",
    ] {
        billed = billed.or(place.usd(path)?);
    }
    Ok(Metered {
        line: place.line,
        at: place.time(first(["startTime", "start_time", "timestamp"]))?,
        model: place.text(first(["model", "providedModelName", "provided_model_name"]))?.to_owned(),
        provider: None,
        requests: 1,
        usage: place.usage(&counts, beside)?,
        service: None,
        billed,
    })
}
