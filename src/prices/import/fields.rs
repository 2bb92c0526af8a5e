//! Fields of other people's books that are known and none of ours, each with the reason.
//!
//! Invariant: a field is passed over on purpose or not at all; what isn't in this table is counted
//! as not understood.

use super::Format;

/// A field that is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPrice {
    /// The book it stands in.
    pub format: Format,
    /// Its name; one that ends in `*` stands for all that begin so.
    pub field: &'static str,
    /// Why it is passed over.
    pub reason: &'static str,
}

/// Why a field is passed over, if it is.
pub fn not_a_price(format: Format, field: &str) -> Option<NotAPrice> {
    let matches = |known: &str| match known.strip_suffix('*') {
        Some(start) => field.starts_with(start),
        None => field == known,
    };
    TABLES
        .iter()
        .filter(|(of, _, _)| *of == format)
        .find_map(|(_, reason, fields)| Some((*reason, *fields.iter().find(|f| matches(f))?)))
        .map(|(reason, field)| NotAPrice { format, field, reason })
}

const ABILITY: &str = "what the model can do, not what it costs";
const LIMIT: &str = "a limit on requests, not a price";
const CALLER: &str = "tells LiteLLM how to call the API";
const WORDS: &str = "words";
const OTHER_MONEY: &str = "in Databricks units, whose price in dollars differs by contract";
const MATCHING: &str = "likeness between names, which is a guess; only exact names are aliases";
const FREE: &str = "a free allowance of an account, which depends on all its requests";
const FREE_PIECES: &str = "pieces of each request that are free; bills are of tokens alone";
const SUBSCRIPTION: &str = "by the month, not by the token";
const HISTORY: &str = "how the book itself came by the price";
const PLACE: &str = "where and how the API is reached";
const SCORES: &str = "what others measured of the model";

type Table = (Format, &'static str, &'static [&'static str]);

const TABLES: &[Table] = &[
    (
        Format::Litellm,
        ABILITY,
        &[
            "supports_*",
            "supported_*",
            "output_vector_size",
            "thinking_always_on",
            "reasoning_*",
            "default_reasoning_effort",
            "gemini_*",
            "max_*",
            "bedrock_converse_supports_strict_tools",
            "bedrock_output_config_effort_ceiling",
        ],
    ),
    (Format::Litellm, LIMIT, &["rpm", "tpm"]),
    (Format::Litellm, FREE, &["search_free_requests"]),
    (Format::Litellm, FREE_PIECES, &["provider_specific_entry.minimax_free_input_images"]),
    (Format::Litellm, OTHER_MONEY, &["input_dbu_cost_per_token", "output_dbu_cost_per_token"]),
    (Format::Litellm, WORDS, &["metadata", "comment"]),
    (
        Format::Litellm,
        CALLER,
        &[
            "audio_transcription_config",
            "use_openai_responses_path",
            "uses_embed_content",
            "vertex_ai_audio_api",
            "token_count_framing",
            "token_count_model",
            "provider_specific_entry.bedrock_invocation_schema",
            "provider_specific_entry.dashscope_video_reference_input",
            "provider_specific_entry.volcengine_video_frames",
        ],
    ),
    (Format::GenaiPrices, WORDS, &["__t", "description"]),
    (Format::GenaiPrices, MATCHING, &["match.*"]),
    (Format::ModelPrices, SUBSCRIPTION, &["plans"]),
    (Format::ModelPrices, MATCHING, &["estimates", "aliases.providers"]),
    (Format::ModelPrices, HISTORY, &["bases", "models_dev", "schema", "updated_at"]),
    (Format::ModelPrices, HISTORY, &["recorded", "valid_from", "valid_from_basis", "model"]),
    (
        Format::ModelsDev,
        ABILITY,
        &[
            "attachment",
            "reasoning",
            "reasoning_options",
            "tool_call",
            "interleaved",
            "structured_output",
            "temperature",
            "knowledge",
            "release_date",
            "last_updated",
            "modalities",
            "description",
        ],
    ),
    (Format::ModelsDev, PLACE, &["provider", "license", "links", "weights", "limit.input"]),
    (Format::ModelsDev, SCORES, &["benchmarks"]),
    (
        Format::Openrouter,
        ABILITY,
        &[
            "supported_parameters",
            "supported_voices",
            "default_parameters",
            "reasoning",
            "architecture.*",
            "knowledge_cutoff",
            "top_provider.is_moderated",
            "top_provider.context_length",
        ],
    ),
    (Format::Openrouter, LIMIT, &["per_request_limits"]),
    (Format::Openrouter, WORDS, &["description", "created", "links", "hugging_face_id"]),
    (Format::Openrouter, SCORES, &["benchmarks"]),
    (Format::Openrouter, PLACE, &["provider", "provider_underlying"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_in_its_own_book_only() {
        let known = not_a_price(Format::Litellm, "supports_vision").unwrap();
        assert_eq!((known.field, known.reason), ("supports_*", ABILITY));
        assert_eq!(not_a_price(Format::GenaiPrices, "supports_vision"), None);
        assert_eq!(not_a_price(Format::Litellm, "rpmx"), None);
        assert_eq!(not_a_price(Format::Litellm, "input_cost_per_token"), None);
    }

    #[test]
    fn nothing_that_is_called_a_cost_is_passed_over_unless_it_is_in_other_money() {
        for (_, reason, fields) in TABLES {
            for field in *fields {
                assert!(!field.contains("cost") || *reason == OTHER_MONEY, "{field}");
            }
        }
    }
}
