//! What is counted of an answer.

use crate::rig::{Looks, Outcome, Rig, options, outcome, request, text};
use crate::server::{STREAM, Server};
use mtok::record::{FailureKind, Finish, Usage};
use mtok::target::Target;
use mtok::target::http::{Http, Patience};
use mtok::units::{Seconds, Tokens};
use std::sync::Arc;
use std::sync::mpsc::channel;

/// A chunk of a chat that says this.
pub(crate) fn says(what: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{what:?}}},"finish_reason":null}}]}}"#)
}

const ROLE: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
const LENGTH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}"#;
const DONE: &str = "[DONE]";

/// What comes of a stream of these events.
fn stream(events: &[&str]) -> Outcome {
    let events: Vec<String> = events.iter().map(|&event| event.to_owned()).collect();
    let server = Server::start(move |_, back| {
        back.events(&events.iter().map(String::as_str).collect::<Vec<_>>());
    });
    Rig::at(&server).ask(request(1, text("hello"), 3))
}

fn usage(prompt: u64, output: u64) -> Usage {
    Usage { prompt: Some(Tokens(prompt)), output: Some(Tokens(output)), ..Usage::default() }
}

#[test]
fn a_role_a_usage_and_an_end_are_no_tokens() {
    let got = stream(&[ROLE, &says("a"), &says("b"), &says("c"), LENGTH, USAGE, DONE]);
    assert_eq!(got.chunks.len(), 3);
    assert_eq!(got.counts, None);
    assert_eq!((got.finish, got.usage), (Finish::Length, usage(9, 3)));
}

#[test]
fn what_comes_with_the_end_is_output() {
    let last = r#"{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}"#;
    let got = stream(&[&says("a"), last, DONE]);
    assert_eq!((got.chunks.len(), got.finish, got.usage), (2, Finish::Stop, Usage::default()));
}

#[test]
fn reasoning_and_calls_are_output() {
    let delta = |fields: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{{fields}}}}}]}}"#);
    let tool =
        |function: &str| delta(&format!(r#""tool_calls":[{{"index":0,"function":{function}}}]"#));
    for (event, chunks) in [
        (delta(r#""reasoning_content":"hm""#), 1),
        (delta(r#""reasoning":"hm","reasoning_content":"hm""#), 1),
        (delta(r#""content":null,"reasoning":null"#), 0),
        (delta(r#""refusal":"no""#), 1),
        (tool(r#"{"name":"look","arguments":""}"#), 1),
        (tool(r#"{"arguments":"{\"a\""}"#), 1),
        (tool(r#"{"arguments":""}"#), 0),
        (delta(r#""tool_calls":[]"#), 0),
        (delta(r#""function_call":{"name":"look"}"#), 1),
    ] {
        assert_eq!(stream(&[&event, LENGTH, DONE]).chunks.len(), chunks, "{event}");
    }
}

#[test]
fn only_the_first_choice_counts() {
    let other = r#"{"choices":[{"index":1,"delta":{"content":"x"},"finish_reason":"stop"}]}"#;
    let both =
        r#"{"choices":[{"index":1,"delta":{"content":"x"}},{"index":0,"delta":{"content":"y"}}]}"#;
    let got = stream(&[other, both, LENGTH, DONE]);
    assert_eq!((got.chunks.len(), got.finish), (1, Finish::Length));
}

#[test]
fn a_completion_is_text() {
    let got = stream(&[
        r#"{"choices":[{"index":0,"text":"a","finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}],"usage":null}"#,
        DONE,
    ]);
    assert_eq!((got.chunks.len(), got.finish), (1, Finish::Length));
}

/// A chunk of this text, at so many tokens.
fn counted(text: &str, tokens: u64) -> String {
    format!(
        r#"{{"choices":[{{"index":0,"delta":{{"content":{text:?}}}}}],"usage":{{"prompt_tokens":9,"completion_tokens":{tokens}}}}}"#
    )
}

#[test]
fn tokens_in_a_chunk_are_what_the_server_counts() {
    // The second makes no text, half a character: its token is in the third's.
    let events = [counted("ab", 2), counted("", 3), counted("é", 4), counted("d", 5)];
    let events: Vec<_> = events.iter().map(String::as_str).chain([LENGTH, DONE]).collect();
    let got = stream(&events);
    assert_eq!((got.chunks.len(), got.counts), (3, Some(vec![2, 2, 1])));
    assert_eq!(got.usage, usage(9, 5));
}

#[test]
fn a_chunk_that_is_not_counted_spoils_the_counts() {
    let got = stream(&[&counted("a", 1), &says("b"), &counted("c", 3), LENGTH, DONE]);
    assert_eq!((got.chunks.len(), got.counts), (3, None));
}

#[test]
fn all_of_a_usage_is_read() {
    let want = Usage { cached: Some(Tokens(4)), reasoning: Some(Tokens(2)), ..usage(9, 3) };
    for usage in [
        r#""usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}"#,
        r#""usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_cache_hit_tokens":4,"reasoning_tokens":2}"#,
        r#""usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":null,"reasoning_tokens":2},"timings":{"cache_n":4,"prompt_n":5,"prompt_ms":1.5}"#,
    ] {
        let got = stream(&[&says("a"), LENGTH, &format!(r#"{{"choices":[],{usage}}}"#), DONE]);
        assert_eq!(got.usage, want, "{usage}");
    }
    // llama.cpp, asked for no usage.
    let timings = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}],"timings":{"cache_n":4,"prompt_n":5,"predicted_n":3}}"#;
    let got = stream(&[&says("a"), timings, DONE]);
    assert_eq!(got.usage, Usage { cached: Some(Tokens(4)), ..usage(9, 3) });
}

/// The same stream in pieces of so many bytes: characters, lines and numbers are cut.
#[test]
fn the_cuts_of_the_network_change_nothing() {
    let events = [ROLE, &counted("é\u{1f600}", 2), &counted("\n", 3), LENGTH, DONE];
    let events: Vec<String> = events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect();
    let stream = events.concat();
    for size in [1, 2, 3, 7, 50, 1_000] {
        let stream = stream.clone();
        let server = Server::start(move |_, back| {
            back.send(STREAM);
            stream.as_bytes().chunks(size).for_each(|piece| back.chunk(piece));
            back.send("0\r\n\r\n");
        });
        let mut asked = request(1, text("hello"), 3);
        asked.keep_text = true;
        let got = Rig::at(&server).ask(asked);
        assert_eq!((got.chunks.len(), got.counts), (2, Some(vec![2, 1])), "{size}");
        assert_eq!(got.text.as_deref(), Some("é\u{1f600}\n"), "{size}");
        assert_eq!(got.finish, Finish::Length);
    }
}

#[test]
fn chunks_that_come_together_have_one_moment() {
    let together: String =
        [&says("a"), &says("b")].map(|event| format!("data: {event}\n\n")).concat();
    let server = Server::start(move |_, back| {
        back.send(STREAM);
        back.chunk(&together);
        back.chunk(format!("data: {}\n\ndata: {LENGTH}\n\ndata: [DONE]\n\n", says("c")));
        back.send("0\r\n\r\n");
    });
    let mut options = options(&server);
    // The looks of the silence's watch would else be time-outs.
    options.patience =
        Patience { first: Seconds(1e9), silence: Seconds(1e9), ..Patience::default() };
    let http = Http::open(&options, Arc::new(Looks::default())).unwrap();
    let (to, inbox) = channel();
    http.submit(request(1, text("hello"), 3), to).unwrap();
    let got = outcome(inbox.iter().collect());
    assert_eq!(got.chunks.len(), 3);
    assert_eq!(got.chunks[0], got.chunks[1]);
    // The head has a moment between; the end is that of the last chunk, not of a later look.
    assert!(got.sent < got.chunks[0] && got.chunks[1] < got.chunks[2]);
    assert_eq!(got.done, got.chunks[2]);
}

#[test]
fn text_and_recount_are_made_only_where_they_are_wanted() {
    let thinks = r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm "}}]}"#;
    let events = [thinks.to_owned(), says("yes"), LENGTH.to_owned(), DONE.to_owned()];
    let server = Server::start(move |_, back| {
        back.events(&events.iter().map(String::as_str).collect::<Vec<_>>());
    });
    let plain = Rig::at(&server);
    assert_eq!(plain.ask(request(1, text("hello"), 3)).text, None);
    let mut options = options(&server);
    options.recount = Some(Arc::new(|text| Some(Tokens(text.len() as u64))));
    let rig = Rig::with(&options);
    let got = rig.ask(request(1, text("hello"), 3));
    assert_eq!((got.text, got.usage.recounted), (None, Some(Tokens(6))));
    let mut asked = request(2, text("hello"), 3);
    asked.keep_text = true;
    assert_eq!(rig.ask(asked).text.as_deref(), Some("yes"));
}

#[test]
fn a_recount_that_fails_costs_no_request() {
    let server = Server::start(|_, back| back.events(&[&says("a"), LENGTH, DONE]));
    let mut options = options(&server);
    options.recount = Some(Arc::new(|text| panic!("planted: {text}")));
    let rig = Rig::with(&options);
    for id in 0..3 {
        let got = rig.ask(request(id, text("hello"), 3));
        assert_eq!((got.finish, got.usage.recounted), (Finish::Length, None));
    }
}

#[test]
fn an_end_without_a_mark_is_an_end_if_the_server_said_so() {
    let got = stream(&[&says("a"), LENGTH]);
    assert_eq!((got.chunks.len(), got.finish), (1, Finish::Length));
    let got = stream(&[&says("a")]);
    assert_eq!((got.chunks.len(), got.failure().kind), (1, FailureKind::BrokenStream));
    // A mark without a reason: the length tells.
    assert_eq!(stream(&[&says("a"), USAGE, DONE]).finish, Finish::Length);
    assert_eq!(stream(&[&says("a"), DONE]).finish, Finish::Stop);
}

#[test]
fn an_answer_in_one_piece_has_no_first_token() {
    let server = Server::start(|asked, back| {
        assert_eq!(asked.body["stream"], false);
        assert_eq!(asked.body.get("stream_options"), None);
        back.json(
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3}}"#,
        );
    });
    let mut options = options(&server);
    options.streaming = false;
    let mut asked = request(1, text("hello"), 3);
    asked.keep_text = true;
    let got = Rig::with(&options).ask(asked);
    assert_eq!((got.chunks.len(), got.finish, got.usage), (0, Finish::Stop, usage(9, 3)));
    assert_eq!(got.text.as_deref(), Some("yes"));
}
