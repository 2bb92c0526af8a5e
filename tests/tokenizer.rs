//! Token ids and chat prompts of real models against llama.cpp's, as recorded in
//! `tests/fixtures/peers`; of tiny folders as on the hub against transformers'.

#![allow(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod common;

use mtok::model::{Control, Loaded, Rendering};
use mtok::workload::Message;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    detokenized: String,
}

#[derive(Deserialize)]
struct Listed {
    add_special: bool,
    parse_special: bool,
    cases: Vec<Case>,
}

#[track_caller]
fn check(name: &str) {
    let loaded = Loaded::open(&common::model(name)).unwrap();
    let tokenizer = &loaded.tokenizer;
    let fixture = common::peer(&format!("{name}.tokenizer.json"));
    let mut failures = Vec::new();
    let mut count = 0;
    for list in ["plain", "with_special", "literal"] {
        let cases: Listed = serde_json::from_value(fixture[list].clone()).unwrap();
        let control = if cases.parse_special { Control::Recognised } else { Control::Literal };
        for case in cases.cases {
            count += 1;
            let ids = if cases.add_special {
                tokenizer.encode_prompt(&case.text, control).unwrap()
            } else {
                tokenizer.encode(&case.text, control).unwrap()
            };
            if ids != case.ids {
                failures.push(format!("{list} {:?}\n  {ids:?}\n  {:?}", case.text, case.ids));
            }
            let mut stream = tokenizer.stream_with_control();
            let mut text: String = case.ids.iter().map(|&id| stream.push(id)).collect();
            text.push_str(&stream.finish());
            if text != case.detokenized {
                failures.push(format!("{list} back: {text:?}, want {:?}", case.detokenized));
            }
        }
    }
    assert!(count >= 60, "{name}: {count} cases");
    assert!(failures.is_empty(), "{name}, {} of {count}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn smollm2_counts_tokens_as_llama_cpp_does() {
    check("smollm2");
}

#[test]
fn qwen_counts_tokens_as_llama_cpp_does() {
    check("qwen2.5-coder");
}

#[test]
fn gemma_counts_tokens_as_llama_cpp_does() {
    check("gemma-3-270m");
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Message>,
    add_generation_prompt: bool,
    llama_cpp: String,
    jinja2: String,
    ids: Vec<u32>,
}

/// The prompt is the template's literal rendering; where llama.cpp departs from it the fixture has
/// both, and jinja2 is the template's own language.
#[track_caller]
fn check_chat(name: &str) {
    let loaded = Loaded::open(&common::model(name)).unwrap();
    let chat = loaded.chat.expect("an instruct model has a template");
    let now = jiff::civil::date(2026, 11, 22).at(0, 0, 0, 0);
    let cases: Vec<Chat> =
        serde_json::from_value(common::peer(&format!("{name}.chat.json"))["cases"].clone())
            .unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let rendering = Rendering { add_generation_prompt: case.add_generation_prompt, now };
        let prompt = chat.render(&case.messages, rendering).unwrap();
        assert_eq!(prompt, case.jinja2, "{:?}", case.messages);
        if case.jinja2 == case.llama_cpp {
            let ids = loaded.tokenizer.encode_chat(&prompt).unwrap();
            assert_eq!(ids, case.ids, "{:?}", case.messages);
        }
    }
}

#[test]
fn smollm2_renders_conversations_as_its_template_says() {
    check_chat("smollm2");
}

#[test]
fn qwen_renders_conversations_as_its_template_says() {
    check_chat("qwen2.5-coder");
}

#[test]
fn a_base_model_has_no_template() {
    assert!(Loaded::open(&common::model("gemma-3-270m")).unwrap().chat.is_none());
}

/// What transformers makes of some texts and a conversation, beside a tiny model.
#[derive(Deserialize)]
struct Hub {
    tokens: usize,
    bos: u32,
    eos: u32,
    texts: Vec<HubText>,
    conversation: Vec<Message>,
    chat: String,
    chat_ids: Vec<u32>,
}

#[derive(Deserialize)]
struct HubText {
    text: String,
    ids: Vec<u32>,
    prompt: Vec<u32>,
    literal: Vec<u32>,
}

#[track_caller]
fn check_hub(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/families").join(name);
    let loaded = Loaded::open(&folder).unwrap();
    let tokenizer = &loaded.tokenizer;
    let want: Hub =
        serde_json::from_slice(&fs_err::read(folder.join("tokens.json")).unwrap()).unwrap();
    assert_eq!(tokenizer.len(), want.tokens);
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(want.bos), Some(want.eos)));
    assert!(tokenizer.ends_generation(want.eos) && !tokenizer.ends_generation(want.bos));
    for HubText { text, ids, prompt, literal } in &want.texts {
        assert_eq!(tokenizer.encode(text, Control::Recognised).unwrap(), *ids, "{text:?}");
        assert_eq!(tokenizer.encode_prompt(text, Control::Recognised).unwrap(), *prompt);
        assert_eq!(tokenizer.encode(text, Control::Literal).unwrap(), *literal, "{text:?}");
        // Nothing is lost on the way back.
        assert_eq!(tokenizer.decode(literal), *text);
    }
    let now = jiff::civil::date(2026, 11, 22).at(0, 0, 0, 0);
    let rendering = Rendering { add_generation_prompt: true, now };
    let chat = loaded.chat.unwrap().render(&want.conversation, rendering).unwrap();
    assert_eq!(chat, want.chat);
    assert_eq!(tokenizer.encode_chat(&chat).unwrap(), want.chat_ids);
}

#[test]
fn a_byte_level_folder_is_read_as_transformers_reads_it() {
    check_hub("smollm2");
}

#[test]
fn a_sentencepiece_folder_is_read_as_transformers_reads_it() {
    check_hub("mistral");
}
