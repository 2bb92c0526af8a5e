//! The mock server does what it says, and its log is what a client sees: nothing that is measured
//! against it can be truer than it is.

#![expect(clippy::unwrap_used, reason = "a test whose server is not there has to stop")]

#[path = "../benches/peers/loadgen/mock/server.rs"]
mod mock;

use mock::{Config, Entry, Fault, Mock, Outcome, Role, Stall, UsageIn};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const MS: u64 = 1_000_000;

/// Quick answers, for tests that look at bytes.
fn quick() -> Config {
    Config {
        ttft: Duration::from_millis(2),
        itl: Duration::from_millis(1),
        tokens: 4,
        ..Config::default()
    }
}

/// A stream's answer as its client saw it: the head, and each event with when it came.
struct Seen {
    head: String,
    events: Vec<(u64, String)>,
}

impl Seen {
    fn json(&self) -> Vec<Value> {
        self.events.iter().filter_map(|(_, event)| serde_json::from_str(event).ok()).collect()
    }

    /// When each event with tokens came.
    fn tokens(&self) -> Vec<u64> {
        let has_tokens = |event: &str| event.contains("content\":\" ");
        self.events.iter().filter(|(_, event)| has_tokens(event)).map(|(at, _)| *at).collect()
    }
}

fn send(mock: &Mock, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(mock.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream
}

fn ask(mock: &Mock, options: &str) -> TcpStream {
    let message = r#"{"messages":[{"role":"user","content":"one two  three"}],"stream":true"#;
    send(mock, "POST", "/v1/chat/completions", &format!("{message}{options}}}"))
}

/// Reads until the answer ends, or the connection does.
fn see(mut stream: TcpStream) -> Seen {
    let (mut bytes, mut events, mut done) = (Vec::new(), Vec::new(), 0);
    let mut part = [0; 4096];
    let head_end = |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n");
    loop {
        let count = stream.read(&mut part).unwrap_or(0);
        let at = Mock::now();
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        while let Some(end) = text[done..].find("\n\n") {
            let event = text[done..done + end].rsplit("data: ").next().unwrap();
            events.push((at, event.to_owned()));
            done += end + 2;
        }
        if count == 0 || text.ends_with("0\r\n\r\n") {
            let head = text[..head_end(&bytes).unwrap_or(text.len())].to_owned();
            return Seen { head, events };
        }
    }
}

/// The answer to a request that is no stream: its status and its body.
fn whole(stream: TcpStream) -> (u16, String) {
    let (head, body) = headed(stream);
    (head[9..12].parse().unwrap(), body)
}

/// The same with the whole head.
fn headed(mut stream: TcpStream) -> (String, String) {
    let mut text = String::new();
    let mut part = [0; 4096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (_, length) = head.split_once("Content-Length: ").unwrap();
            let length = length.lines().next().unwrap().parse::<usize>().unwrap();
            if body.len() >= length {
                return (head.to_owned(), body.to_owned());
            }
        }
        let count = stream.read(&mut part).unwrap();
        assert!(count > 0, "the answer broke off: {text}");
        text.push_str(&String::from_utf8_lossy(&part[..count]));
    }
}

fn ended(mock: &Mock, count: usize) -> Vec<Entry> {
    for _ in 0..2_000 {
        let log = mock.log();
        if log.len() >= count {
            return log;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{} of {count} requests ended", mock.log().len());
}

#[test]
fn a_stream_is_a_role_its_tokens_its_counts_and_an_end() {
    let mock = Mock::start(quick()).unwrap();
    let seen = see(ask(&mock, r#","max_tokens":3,"stream_options":{"include_usage":true}"#));
    assert!(seen.head.starts_with("HTTP/1.1 200 OK"), "{}", seen.head);
    assert_eq!(seen.events.last().unwrap().1, "[DONE]");
    let json = seen.json();
    let delta = |index: usize| &json[index]["choices"][0]["delta"];
    assert_eq!(delta(0)["content"], "");
    assert_eq!(delta(0)["role"], "assistant");
    for index in 1..4 {
        assert_eq!(delta(index)["content"], " word");
    }
    assert_eq!(json[2]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(json[3]["choices"][0]["finish_reason"], "length");
    assert_eq!(json[4]["usage"]["prompt_tokens"], 3);
    assert_eq!(json[4]["usage"]["completion_tokens"], 3);
    assert_eq!(json.len(), 5);
}

#[test]
fn the_log_is_before_what_the_client_sees_and_no_token_is_early() {
    let mock = Mock::start(Config { tokens: 20, ..Config::default() }).unwrap();
    let sent = Mock::now();
    let seen = see(ask(&mock, "")).tokens();
    let log = mock.log();
    let [entry] = &log[..] else { panic!("{log:?}") };
    assert_eq!((entry.outcome, entry.output, entry.prompt), (Outcome::Done, 20, 3));
    assert!(sent <= entry.read);
    assert_eq!(seen.len(), entry.writes.len());
    for (index, (seen, written)) in seen.iter().zip(&entry.writes).enumerate() {
        assert!(written <= seen, "token {index}");
        let due = entry.read + 50 * MS + 5 * MS * index as u64;
        assert!(*written >= due, "token {index} is {} ns early", due - written);
    }
}

#[test]
fn chunks_of_three_hold_all_the_tokens() {
    let mock = Mock::start(Config { per_chunk: 3, usage: UsageIn::EveryChunk, ..quick() }).unwrap();
    let seen = see(ask(&mock, r#","max_tokens":7"#));
    let json = seen.json();
    let counts: Vec<_> =
        json.iter().filter_map(|chunk| chunk["usage"]["completion_tokens"].as_u64()).collect();
    assert_eq!(counts, [3, 6, 7, 7], "the counts so far, and at the end");
    assert_eq!(json[1]["choices"][0]["delta"]["content"], " word word word");
    assert_eq!(json[3]["choices"][0]["delta"]["content"], " word");
    assert_eq!(mock.log()[0].output, 7);
}

#[test]
fn the_role_comes_with_the_first_token_or_not_at_all() {
    for (role, roles) in [(Role::WithFirst, 1), (Role::Never, 0)] {
        let mock = Mock::start(Config { role, ..quick() }).unwrap();
        let seen = see(ask(&mock, ""));
        let named = seen
            .json()
            .iter()
            .filter(|chunk| !chunk["choices"][0]["delta"]["role"].is_null())
            .count();
        assert_eq!((named, seen.tokens().len()), (roles, 4), "{role:?}");
    }
}

#[test]
fn thoughts_come_first() {
    let mock = Mock::start(Config { reasoning: 2, ..quick() }).unwrap();
    let seen = see(ask(&mock, r#","stream_options":{"include_usage":true}"#));
    let json = seen.json();
    let thinks = |index: usize| !json[index]["choices"][0]["delta"]["reasoning_content"].is_null();
    assert_eq!([1, 2, 3, 4].map(thinks), [true, true, false, false]);
    assert_eq!(json[5]["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
}

#[test]
fn an_answer_in_one_piece_takes_as_long_as_its_stream() {
    let mock = Mock::start(Config { tokens: 5, ..Config::default() }).unwrap();
    let body = r#"{"prompt":[5,6],"max_tokens":5}"#;
    let (status, body) = whole(send(&mock, "POST", "/v1/completions", body));
    let json: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(json["choices"][0]["text"], " word word word word word");
    assert_eq!(json["usage"]["prompt_tokens"], 2);
    let entry = &mock.log()[0];
    assert_eq!((entry.writes.len(), entry.output), (1, 5));
    assert!(entry.writes[0] >= entry.read + 70 * MS, "50 ms and four gaps of 5");
}

#[test]
fn what_goes_wrong_is_what_was_asked_for() {
    let faults = vec![
        (1, Fault::RateLimited { retry_after_s: 7 }),
        (2, Fault::ServerError),
        (3, Fault::Refused),
        (4, Fault::Broken { after: 2 }),
        (5, Fault::Malformed),
    ];
    let mock = Mock::start(Config { faults, ..quick() }).unwrap();
    let (limited, _) = headed(ask(&mock, ""));
    assert!(limited.starts_with("HTTP/1.1 429") && limited.contains("Retry-After: 7"), "{limited}");
    assert_eq!(whole(ask(&mock, "")).0, 500);
    assert_eq!(whole(ask(&mock, "")).0, 400);
    let broken = see(ask(&mock, ""));
    assert_eq!((broken.tokens().len(), broken.events.len()), (2, 3), "a role, two tokens, no end");
    let malformed = see(ask(&mock, ""));
    assert_eq!(malformed.events[1].1, "{\"id\": no json");
    assert_eq!(see(ask(&mock, "")).tokens().len(), 4, "the sixth is answered");
    let outcomes: Vec<_> = mock.log().iter().map(|entry| entry.outcome).collect();
    let refused = Outcome::Refused;
    let done = Outcome::Done;
    assert_eq!(outcomes, [refused(429), refused(500), refused(400), Outcome::Broken, done, done]);
}

#[test]
fn a_request_without_a_slot_waits_for_one() {
    let mock = Mock::start(Config { slots: Some(1), tokens: 20, ..Config::default() }).unwrap();
    let streams: Vec<_> = (0..2)
        .map(|_| {
            let stream = ask(&mock, "");
            std::thread::sleep(Duration::from_millis(20));
            stream
        })
        .collect();
    let (_, metrics) = whole(send(&mock, "GET", "/metrics", ""));
    assert!(metrics.contains("running{engine=\"0\",model_name=\"mock\"} 1"), "{metrics}");
    assert!(metrics.contains("waiting{engine=\"0\",model_name=\"mock\"} 1"), "{metrics}");
    for stream in streams {
        assert_eq!(see(stream).tokens().len(), 20);
    }
    let log = mock.log();
    assert_eq!(log[0].started, Some(log[0].read));
    assert_eq!(log[1].started, log[0].writes.last().copied());
    assert!(log[1].writes[0] >= log[0].writes[19] + 50 * MS);
}

#[test]
fn a_client_that_goes_away_is_logged_and_holds_no_slot() {
    let mock = Mock::start(Config { slots: Some(1), tokens: 1_000, ..Config::default() }).unwrap();
    // It has the slot before the next one asks.
    let mut first = ask(&mock, "");
    first.read_exact(&mut [0]).unwrap();
    drop(first);
    let seen = see(ask(&mock, r#","max_tokens":1"#));
    assert_eq!(seen.tokens().len(), 1);
    let outcomes: Vec<_> = ended(&mock, 2).iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, [Outcome::Gone, Outcome::Done]);
    assert_eq!(see(ask(&mock, r#","max_tokens":1"#)).tokens().len(), 1, "nobody waits, one comes");
}

#[test]
fn in_a_stall_nothing_is_written() {
    let stall = Stall { at: 100 * MS, length: 300 * MS };
    let mock = Mock::start(Config { stalls: vec![stall], ..Config::default() }).unwrap();
    let first = ask(&mock, "");
    let first = std::thread::spawn(|| see(first));
    std::thread::sleep(Duration::from_millis(200));
    let second = ask(&mock, "");
    let second = see(second);
    let seen = [first.join().unwrap(), second];
    let log = mock.log();
    let origin = log[0].read;
    let over = origin + 400 * MS;
    for (seen, entry) in seen.iter().zip(&log) {
        // Due before the stall may be written a little into it, by a machine that is busy.
        let inside = |at: &&u64| (origin + 150 * MS..over).contains(*at);
        assert_eq!(entry.writes.iter().filter(inside).count(), 0);
        assert!(!seen.events.iter().any(|(at, _)| inside(&at)), "not even a role");
    }
    // 50 ms to its first token and ten gaps until the stall; the eleventh token is due at its begin.
    assert!(log[0].writes[9] < over && log[0].writes[10] >= over);
    assert!(log[1].writes[0] >= over + 50 * MS, "its prompt is computed after the stall");
}

#[test]
fn a_prompt_that_was_seen_is_cached_in_whole_blocks_but_for_its_end() {
    let mock = Mock::start(Config { prefix_cache: true, ..quick() }).unwrap();
    let cached = |prompt: &str| {
        let body = format!(r#"{{"prompt":"{prompt}","max_tokens":1}}"#);
        let (_, body) = whole(send(&mock, "POST", "/v1/completions", &body));
        let json: Value = serde_json::from_str(&body).unwrap();
        json["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap()
    };
    let (a, b) = ("a ".repeat(16), "b ".repeat(16));
    assert_eq!(cached(&format!("{a}{b}")), 0);
    assert_eq!(cached(&format!("{a}{b}")), 16, "the last block holds the last token");
    assert_eq!(cached(&format!("{a}{b}x")), 32);
    assert_eq!(cached(&format!("{a}a a a a")), 16);
    assert_eq!(cached(&format!("{b}x")), 0, "it was seen, but never at the beginning");
}

#[test]
fn it_begins_anew_when_told_to() {
    let mock = Mock::start(quick()).unwrap();
    see(ask(&mock, ""));
    assert_eq!(whole(send(&mock, "POST", "/__reset", "")).0, 200);
    assert_eq!(mock.log(), []);
    see(ask(&mock, ""));
    let (_, lines) = whole(send(&mock, "GET", "/__log", ""));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["number"], &lines[0]["outcome"]), (&1.into(), &"done".into()));
    assert_eq!(lines[0]["writes"].as_array().unwrap().len(), 4);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mock = Mock::start(quick()).unwrap();
    let post = |body: &str| whole(send(&mock, "POST", "/v1/completions", body)).0;
    assert_eq!(post("{"), 400);
    assert_eq!(post("{}"), 400);
    assert_eq!(post(r#"{"prompt":"a","max_tokens":0}"#), 400);
    assert_eq!(post(r#"{"prompt":"a"}"#), 200);
    assert_eq!(whole(send(&mock, "GET", "/v2", "")).0, 404);
}
