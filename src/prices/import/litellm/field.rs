//! Of what a field of LiteLLM's is, by its name.
//!
//! Invariant: a name is taken apart from its end (service, then tier), and what is left must be in a
//! table here; nothing is recognised by a part of its name.

use crate::prices::rates::TokenKind;
use crate::prices::tariff::Service;
use crate::units::Tokens;

/// What a field that holds a price is of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) target: Target,
    pub(super) above: Option<Tokens>,
    pub(super) service: Option<Service>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Tokens(TokenKind),
    Unit(String),
    Request,
}

impl Field {
    pub(super) fn named(name: &str) -> Option<Self> {
        let (name, service) = SERVICES
            .iter()
            .find_map(|(end, service)| Some((name.strip_suffix(end)?, Some(*service))))
            .unwrap_or((name, None));
        let (name, above) = tiered(name).unwrap_or((name, None));
        let kind = TOKENS.iter().find(|(known, _)| *known == name);
        let target = match kind {
            Some((_, kind)) => Target::Tokens(*kind),
            None if name == "input_cost_per_request" => Target::Request,
            None => Target::Unit(unit(name)?),
        };
        let service = service.map(|name| Service::from(name.to_owned()));
        Some(Self { target, above, service })
    }
}

/// The end `_above_272k_tokens` of a field's name, taken off.
fn tiered(name: &str) -> Option<(&str, Option<Tokens>)> {
    let (rest, length) = name.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
    let length: u64 = length.parse().ok()?;
    Some((rest, Some(Tokens(length.checked_mul(1_000)?))))
}

const SERVICES: &[(&str, &str)] = &[
    ("_batches", "batch"),
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_ultrafast", "ultrafast"),
    ("_balanced", "balanced"),
    ("_decisions", "decisions"),
];

const TOKENS: &[(&str, TokenKind)] = &[
    ("input_cost_per_token", TokenKind::Input),
    ("output_cost_per_token", TokenKind::Output),
    ("cache_read_input_token_cost", TokenKind::CachedInput),
    ("input_cost_per_token_cache_hit", TokenKind::CachedInput),
    ("explicit_cache_read_input_token_cost", TokenKind::CachedInputExplicit),
    ("cache_creation_input_token_cost", TokenKind::CacheWrite),
    ("cache_creation_input_token_cost_above_1hr", TokenKind::CacheWrite1h),
    ("cache_creation_input_token_cost_above_12hr", TokenKind::CacheWrite12h),
    ("output_cost_per_reasoning_token", TokenKind::Reasoning),
    ("citation_cost_per_token", TokenKind::Citation),
    ("input_cost_per_audio_token", TokenKind::InputAudio),
    ("cache_read_input_audio_token_cost", TokenKind::CachedAudio),
    ("cache_creation_input_audio_token_cost", TokenKind::CacheWriteAudio),
    ("output_cost_per_audio_token", TokenKind::OutputAudio),
    ("input_cost_per_image_token", TokenKind::InputImage),
    ("cache_read_input_image_token_cost", TokenKind::CachedImage),
    ("output_cost_per_image_token", TokenKind::OutputImage),
    ("input_cost_per_video_token", TokenKind::InputVideo),
    ("output_cost_per_video_token", TokenKind::OutputVideo),
];

const UNITS: &[(&str, &str)] = &[
    ("input_cost_per_image", "input image"),
    ("output_cost_per_image", "output image"),
    ("input_cost_per_pixel", "input pixel"),
    ("output_cost_per_pixel", "output pixel"),
    ("input_cost_per_character", "input character"),
    ("output_cost_per_character", "output character"),
    ("input_cost_per_second", "second of input"),
    ("output_cost_per_second", "second of output"),
    ("cost_per_second", "second"),
    ("input_cost_per_audio_per_second", "second of input audio"),
    ("input_cost_per_video_per_second", "second of input video"),
    ("input_cost_per_video_per_second_above_8s_interval", "second of input video beyond 8 s"),
    ("input_cost_per_video_per_second_above_15s_interval", "second of input video beyond 15 s"),
    ("output_cost_per_video_per_second", "second of output video"),
    ("input_cost_per_query", "query"),
    ("input_cost_per_text_message", "text message"),
    ("google_maps_grounding_cost_per_query", "map query"),
    ("ocr_cost_per_page", "page"),
    ("ocr_cost_per_credit", "credit"),
    ("annotation_cost_per_page", "annotated page"),
    ("code_interpreter_cost_per_session", "code interpreter session"),
];

/// Fields whose end says which picture: `output_cost_per_second_1080p`.
const UNITS_OF: &[(&str, &str)] =
    &[("output_cost_per_image_", "output image"), ("output_cost_per_second_", "second of output")];
const RESOLUTIONS: &[&str] =
    &["0.5K", "1K", "2K", "4K", "512", "1024", "1536", "480p", "720p", "768p", "1080p", "2k", "4k"];

fn unit(name: &str) -> Option<String> {
    if let Some((_, unit)) = UNITS.iter().find(|(known, _)| *known == name) {
        return Some((*unit).to_owned());
    }
    UNITS_OF.iter().find_map(|(start, unit)| {
        let end = name.strip_prefix(start).filter(|end| RESOLUTIONS.contains(end))?;
        Some(format!("{unit}, {end}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, target: Target, above: Option<u64>, service: Option<&str>) {
        let service = service.map(|name| Service::from(name.to_owned()));
        let want = Field { target, above: above.map(Tokens), service };
        assert_eq!(Field::named(name), Some(want), "{name}");
    }

    #[test]
    fn names_are_taken_apart_from_their_end() {
        use TokenKind::{CacheWrite1h, CacheWrite12h, CachedInput, Input, Output};
        check("input_cost_per_token", Target::Tokens(Input), None, None);
        check("output_cost_per_token_batches", Target::Tokens(Output), None, Some("batch"));
        check(
            "cache_creation_input_token_cost_above_12hr_above_272k_tokens_ultrafast",
            Target::Tokens(CacheWrite12h),
            Some(272_000),
            Some("ultrafast"),
        );
        let hour = "cache_creation_input_token_cost_above_1hr";
        check(hour, Target::Tokens(CacheWrite1h), None, None);
        let read = "cache_read_input_token_cost_above_200k_tokens_priority";
        check(read, Target::Tokens(CachedInput), Some(200_000), Some("priority"));
        check("input_cost_per_request", Target::Request, None, None);
        let image = Target::Unit("output image, 0.5K".to_owned());
        check("output_cost_per_image_0.5K", image, None, None);
        let page = Target::Unit("page".to_owned());
        check("ocr_cost_per_page_batches", page, None, Some("batch"));
    }

    #[test]
    fn a_name_that_is_only_like_a_known_one_is_not_known() {
        for name in [
            "input_cost_per_token_above_many_k_tokens",
            "input_cost_per_token_above_200k",
            "input_cost_per_token_turbo",
            "output_cost_per_image_huge",
            "my_input_cost_per_token",
            "input_cost_per_token_above_99999999999999999999k_tokens",
        ] {
            assert_eq!(Field::named(name), None, "{name}");
        }
    }
}
