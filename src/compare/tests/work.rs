//! The tokens of a piece of work.

use super::near;
use crate::compare::work::{HitsBy, Work, asked};
use crate::plan::{Asked, Traffic};
use crate::prices::TokenKind;
use crate::prices::billing::{Request, Usage};
use crate::record::RequestId;
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens};
use crate::workload::trace::Block;
use crate::workload::{Draft, Preset, Segment, Session, Turn};

#[track_caller]
fn check(work: &Work, requests: u64, uncached: u64, cached: u64, output: u64) {
    let got = work.tokens;
    let tokens = (got.uncached.0, got.cached.0, got.output.0);
    assert_eq!((work.requests, tokens), (requests, (uncached, cached, output)), "{}", work.name);
}

#[test]
fn requests_alike() {
    let (prompt, output, hit) = (Tokens(1_000), Tokens(200), Ratio::percent(30.0));
    let work = Work::alike("w".to_owned(), prompt, output, hit, HitsBy::Stated);
    check(&work, 1, 700, 300, 200);
    let blend = work.blend().unwrap();
    near(blend.input_per_output().get(), 5.0);
    near(blend.hit_rate().get(), 0.3);
    check(&work.with_hits(Ratio::of(0.0)), 1, 1_000, 0, 200);
}

/// Of two prompts of 1,000 that begin with the same 600, the second finds 600.
#[test]
fn what_begins_alike_is_found() {
    let request = |at: f64| Asked {
        at: Seconds(at),
        prompt: Tokens(1_000),
        output: Tokens(10),
        begins: vec![Block { id: 7, tokens: Tokens(600) }].into(),
    };
    let traffic = Traffic::new([request(0.0), request(100.0)]).unwrap();
    let work = Work::trace("t".to_owned(), traffic);
    check(&work, 2, 1_400, 600, 20);
    near(work.rate.unwrap().0, 0.02);
    // Ten times as often: 20 seconds' worth in two.
    let faster = work.clone().at_rate(RequestsPerSecond(0.2), true).unwrap();
    near(faster.rate.unwrap().0, 0.2);
    assert_eq!(faster.tokens, work.tokens);
    assert!(work.at_rate(RequestsPerSecond(0.0), true).is_err());
}

/// A conversation's second request begins with the first, the answer to it, and then its own. What is
/// found is what stood in a prompt before.
#[test]
fn a_turn_holds_what_was_said() {
    let turn = |seed: u64, prompt: u64, output: u64| Turn {
        id: RequestId(0),
        draft: Draft::Prose(vec![Segment { seed, tokens: Tokens(prompt) }]),
        prompt: Tokens(prompt),
        output: Tokens(output),
        think: Seconds(2.0),
        seed: seed + 100,
    };
    let session = Session {
        number: 0,
        due: Some(Seconds(5.0)),
        turns: vec![turn(1, 100, 20), turn(2, 50, 10)],
    };
    let requests = asked(&session, true);
    let said: Vec<_> = requests.iter().map(|one| (one.at.0, one.prompt.0, one.output.0)).collect();
    assert_eq!(said, [(7.0, 100, 20), (9.0, 170, 10)]);
    let covered: Tokens = requests[1].begins.iter().map(|block| block.tokens).sum();
    assert_eq!(covered, Tokens(170));
    check(&Work::trace("s".to_owned(), Traffic::new(requests).unwrap()), 2, 170, 100, 30);
    // What shares nothing is not said to begin with anything.
    assert!(asked(&session, false).iter().all(|one| one.begins.is_empty()));
}

#[test]
fn presets_share_what_they_say() {
    let hits = |preset: Preset| {
        let work = Work::preset(preset).unwrap();
        assert_eq!(work, Work::preset(preset).unwrap(), "the same twice");
        let other = work.clone().at_rate(RequestsPerSecond(0.01), false).unwrap();
        assert_eq!((other.tokens, other.rate), (work.tokens, None), "{preset}");
        work.blend().unwrap().hit_rate().get()
    };
    near(hits(Preset::Chat), 0.0);
    near(hits(Preset::Aa1k), 0.0);
    // 500 of all; 2,000 of 30 %, of which about a third are the first with one of 50 documents: 0.9k of
    // prompts of 4.6k.
    assert!((0.18..0.21).contains(&hits(Preset::Rag)), "{}", hits(Preset::Rag));
    // Ten turns, each with all before it.
    assert!((0.75..0.95).contains(&hits(Preset::Agent)), "{}", hits(Preset::Agent));
}

#[test]
fn a_log_has_its_own_hits() {
    let at = "2026-11-20T00:00:00Z".parse().unwrap();
    let usage = |kinds: &[(TokenKind, u64)]| {
        kinds.iter().fold(Usage::default(), |usage, (kind, n)| usage.with(*kind, Tokens(*n)))
    };
    let one =
        usage(&[(TokenKind::Input, 100), (TokenKind::CacheWrite, 50), (TokenKind::Output, 9)]);
    let two = usage(&[(TokenKind::CachedInput, 150), (TokenKind::Reasoning, 11)]);
    let mut sum = Request::new(at, one);
    sum.count = 3;
    let work = Work::metered("l".to_owned(), vec![sum, Request::new(at, two)]).unwrap();
    check(&work, 4, 150, 150, 20);
    let none = Work::metered("l".to_owned(), Vec::new()).unwrap_err();
    assert_eq!(none.to_string(), "`l`: 0 requests with 0 tokens have no price per token");
}
