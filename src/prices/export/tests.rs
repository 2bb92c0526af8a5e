//! Exports of each form, by the lines that their makers document.

use super::*;
use crate::prices::rates::TokenKind;
use crate::units::Tokens;
use TokenKind::{CacheWrite, CachedInput, Input, InputAudio, Output, Reasoning};

fn usage(list: &[(TokenKind, u64)]) -> Usage {
    list.iter().fold(Usage::default(), |all, (kind, tokens)| all.with(*kind, Tokens(*tokens)))
}

#[track_caller]
fn read(text: &str) -> Export {
    Export::parse(text).unwrap()
}

#[track_caller]
fn refused(text: &str, want: &str) {
    let error = Export::parse(text).unwrap_err();
    assert_eq!(error.to_string(), want);
}

const OPENAI: &str = r#"
{"object":"page","data":[{"object":"bucket","start_time":1767225600,"end_time":1767312000,"results":[{"object":"organization.usage.completions.result","input_tokens":1000,"input_cached_tokens":400,"input_audio_tokens":100,"output_tokens":50,"output_audio_tokens":0,"num_model_requests":5,"project_id":null,"model":"gpt-4o","batch":false,"service_tier":"default"},{"object":"organization.usage.completions.result","input_tokens":10,"output_tokens":20,"num_model_requests":1,"model":"gpt-4o-mini","batch":true}]}],"has_more":false,"next_page":null}
{"object":"bucket","start_time":1767312000,"results":[{"object":"organization.usage.vector_stores.result","usage_bytes":16}]}
{"object":"bucket","start_time":1767225600,"results":[{"object":"organization.costs.result","amount":{"value":0.00075,"currency":"usd"},"line_item":"gpt-4o, input"},{"object":"organization.costs.result","amount":{"value":5e-4,"currency":"usd"},"line_item":"gpt-4o, output"},{"object":"organization.costs.result","amount":{"value":2.5,"currency":"usd"},"line_item":"web search tool calls"}]}
"#;

#[test]
fn openais_buckets_are_of_several_requests_and_get_their_costs() {
    let export = read(OPENAI);
    assert_eq!(export.form, Form::OpenAi);
    let [one, two] = &export.lines[..] else { panic!("{export:?}") };
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!((one.line, one.at, one.model.as_str(), one.requests), (2, at, "gpt-4o", 5));
    assert_eq!(
        one.usage,
        usage(&[(Input, 500), (CachedInput, 400), (InputAudio, 100), (Output, 50)])
    );
    assert_eq!(one.service, None);
    // 0.00075 + 0.0005.
    assert_eq!(one.billed, Some(Billed { amount: PicoUsd(1_250_000_000), decimals: 5 }));
    assert_eq!((two.service.clone(), two.billed), (Some(Service::Batch), None));
    assert_eq!(two.request().usage, usage(&[(Input, 10), (Output, 20)]));
    let left: Vec<_> = export.left_out.into_iter().collect();
    assert_eq!(
        left,
        [("a cost that names no model's tokens", 1), ("neither completions nor costs", 1)]
    );
}

const LITELLM: &str = r#"{"request_id":"a","call_type":"acompletion","spend":0.0123,"prompt_tokens":1000,"completion_tokens":50,"startTime":"2026-03-02T12:00:00.123000+00:00","model":"claude-sonnet-4","custom_llm_provider":"anthropic","cache_hit":"False","metadata":{"additional_usage_values":{"cache_read_input_tokens":600,"cache_creation_input_tokens":100,"completion_tokens_details":{"reasoning_tokens":30}}}}
{"request_id":"b","spend":1.5e-07,"prompt_tokens":1,"completion_tokens":0,"startTime":"2026-03-02 12:00:00","model":"m","metadata":"{\"usage_object\":{\"prompt_tokens_details\":{\"cached_tokens\":1},\"service_tier\":\"flex\"}}"}
{"request_id":"c","spend":0,"prompt_tokens":1,"completion_tokens":1,"startTime":"2026-03-02 12:00:00","model":"m","cache_hit":"True","metadata":{}}
{"request_id":"d","spend":0,"prompt_tokens":0,"completion_tokens":0,"startTime":"2026-03-02 12:00:00","model":"m","status":"failure"}
"#;

#[test]
fn litellms_prompt_contains_the_cache() {
    let export = read(LITELLM);
    let [one, two] = &export.lines[..] else { panic!("{export:?}") };
    assert_eq!(
        one.usage,
        usage(&[
            (Input, 300),
            (CachedInput, 600),
            (CacheWrite, 100),
            (Output, 20),
            (Reasoning, 30)
        ])
    );
    assert_eq!(one.provider.as_deref(), Some("anthropic"));
    assert_eq!(one.billed, Some(Billed { amount: PicoUsd(12_300_000_000), decimals: 4 }));
    assert_eq!(two.usage, usage(&[(CachedInput, 1)]));
    assert_eq!(two.service, Some(Service::Flex));
    assert_eq!(two.at, "2026-03-02T12:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(two.billed, Some(Billed { amount: PicoUsd(150_000), decimals: 8 }));
    assert_eq!(export.left_out.values().sum::<u64>(), 2);
}

const LANGFUSE: &str = r#"{"id":"1","traceId":"t","type":"GENERATION","startTime":"2026-03-02T12:00:00.000Z","model":"gpt-4o","usageDetails":{"input":300,"input_cached_tokens":700,"output":20,"output_reasoning_tokens":30,"total":1050},"costDetails":{"input":0.001,"total":0.00155}}
{"id":"2","trace_id":"t","type":"SPAN","start_time":"2026-03-02 12:00:00.000000"}
{"id":"3","trace_id":"t","type":"GENERATION","start_time":"2026-03-02 12:00:01.500000","provided_model_name":"gpt-4o","usage_details":{"input":3.0,"output":4},"total_cost":"0.0000475"}
{"id":"4","trace_id":"t","type":"GENERATION","start_time":"2026-03-02 12:00:01.500000","model":"m","usage_details":{}}
"#;

#[test]
fn langfuses_kinds_stand_beside_one_another() {
    let export = read(LANGFUSE);
    let [one, two] = &export.lines[..] else { panic!("{export:?}") };
    assert_eq!(
        one.usage,
        usage(&[(Input, 300), (CachedInput, 700), (Output, 20), (Reasoning, 30)])
    );
    assert_eq!(one.billed, Some(Billed { amount: PicoUsd(1_550_000_000), decimals: 5 }));
    assert_eq!(two.usage, usage(&[(Input, 3), (Output, 4)]));
    assert_eq!((two.line, two.model.as_str()), (3, "gpt-4o"));
    assert_eq!(two.billed, Some(Billed { amount: PicoUsd(47_500_000), decimals: 7 }));
    assert_eq!(export.left_out.len(), 2);
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_field() {
    refused("", "line 1: no known usage export begins with ``");
    refused("\n[1]", "line 2: no known usage export begins with `[1]`");
    refused("{\"a\":1}", "line 1: no known usage export begins with `{\"a\":1}`");
    refused("{", "line 1: EOF while parsing an object at line 1 column 1");
    let litellm = |from: &str, to: &str| LITELLM.replace(from, to);
    let whole = "is not a whole number of tokens or requests";
    refused(&litellm(":1000,", ":-1,"), &format!("line 1, `prompt_tokens`: `-1` {whole}"));
    refused(&litellm(":1000,", ":1.5,"), &format!("line 1, `prompt_tokens`: `1.5` {whole}"));
    refused(&litellm(":1000,", ":\"x\","), &format!("line 1, `prompt_tokens`: `\"x\"` {whole}"));
    refused(&litellm(":1000,", ":699,"), "line 1: `input` is 699 tok, and its parts are 700 tok");
    refused(&litellm("0.0123", "\"x\""), "line 1, `spend`: `\"x\"` is not an amount in USD");
    refused(&litellm("\"m\"", "\"\""), "line 2, `model`: `\"\"` is not a text");
    refused(
        &litellm("2026-03-02 12", "2026-13-02 12"),
        "line 2, `startTime`: `\"2026-13-02 12:00:00\"` is not a time like `2026-03-02T12:00:00Z`",
    );
    refused(
        &LANGFUSE.replace("input_cached_tokens", "input_magic"),
        "line 1, `input_magic`: `700` is not of a kind of usage that is known",
    );
    refused(
        &OPENAI.replace("\"model\":\"gpt-4o\"", "\"model\":null"),
        "line 2, `model`: `null` is not a text",
    );
    refused(
        &OPENAI.replacen("\"usd\"", "\"eur\"", 1),
        "line 4, `amount.currency`: `\"eur\"` is not `usd`",
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(
        cut in 0_usize..2_000, byte in 0_u8..128, form in 0_usize..3,
    ) {
        let mut text = [OPENAI, LITELLM, LANGFUSE][form].as_bytes().to_vec();
        let at = cut % text.len();
        text[at] = byte;
        let _ = Export::parse(&String::from_utf8_lossy(&text));
    }
}
