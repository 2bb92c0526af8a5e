//! What an engine says of itself, as a server would.

use super::rig::*;
use super::*;
use crate::record::reading::ServerReading;
use std::sync::mpsc::channel;

#[test]
fn a_reading_counts_what_ended() {
    let (open, gate) = channel();
    let Rig { target, begun } = rig(ONE, Some(gate), Serving::default());
    let first = send(&target, request(0, &[1, 2, 3, 4, 5], 2));
    let second = send(&target, request(1, &[1], 3));
    begun.recv().unwrap();
    let reading = target.reading().unwrap();
    let want = ServerReading {
        running: Some(1),
        waiting: Some(1),
        // Two blocks of four tokens, of 500.
        kv_used: Some(Ratio::of(2.0 / 500.0)),
        prefix_queried: Some(Tokens(5)),
        prefix_hit: Some(Tokens(0)),
        preemptions: Some(0),
        prompt_tokens: Some(Tokens(0)),
        output_tokens: Some(Tokens(0)),
        requests: Some(0),
        started: None,
    };
    // Before anything can fail: a target that is dropped waits for its engine.
    drop(open);
    assert_eq!(reading, want);
    // Who has seen the ends sees them counted.
    assert!(first.iter().count() > 0 && second.iter().count() > 0);
    let reading = target.reading().unwrap();
    assert_eq!((reading.running, reading.waiting), (Some(0), Some(0)));
    assert_eq!((reading.prompt_tokens, reading.output_tokens), (Some(Tokens(6)), Some(Tokens(5))));
    assert_eq!(reading.requests, Some(2));
}

/// A request that is given up counts with what it had.
#[test]
fn a_reading_counts_what_was_given_up() {
    let (open, gate) = channel();
    let Rig { target, begun } = rig(ONE, Some(gate), Serving::default());
    let runs = send(&target, request(0, &[1, 2], 4));
    begun.recv().unwrap();
    let waits = send(&target, request(1, &[1, 2, 3], 4));
    target.cancel(RequestId(1));
    let reading = target.reading().unwrap();
    drop(open);
    assert!(waits.iter().count() > 0);
    assert_eq!((reading.requests, reading.prompt_tokens), (Some(1), Some(Tokens(3))));
    assert_eq!(reading.output_tokens, Some(Tokens(0)));
    drop(runs);
}
