//! Whatever a server does, each request ends once, and in order.

use crate::rig::{PATIENCE, Rig, options, outcome, request, text};
use crate::server::{Back, STREAM, Server};
use crate::streams::says;
use mtok::record::RequestId;
use mtok::target::{Delivery, Target, What};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Something that a server does.
#[derive(Debug, Clone)]
enum Act {
    /// The head of a stream.
    Head,
    /// An event of this, as a chunk of the transfer.
    Event(String),
    /// Bytes, as they are.
    Raw(Vec<u8>),
    /// Bytes within a chunk of the transfer.
    Chunk(Vec<u8>),
    /// An answer of this status.
    Status(u16),
    /// The end of the transfer.
    End,
    /// It closes.
    Close,
    /// It waits until the client leaves.
    Hang,
}

fn act(act: &Act, back: &mut Back) {
    match act {
        Act::Head => back.send(STREAM),
        Act::Event(event) => back.chunk(format!("data: {event}\n\n")),
        Act::Raw(bytes) => back.send(bytes),
        Act::Chunk(bytes) => back.chunk(bytes),
        Act::Status(status) => back.answer(&format!("{status} x"), "", "why"),
        Act::End => back.send("0\r\n\r\n"),
        Act::Close => back.close(),
        Act::Hang => back.wait_for_leave(),
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let end =
        r#"{"choices":[{"delta":{},"finish_reason":"length"}],"usage":{"completion_tokens":3}}"#;
    let event = prop_oneof![
        4 => Just(says("a")),
        1 => Just(end.to_owned()),
        1 => Just("[DONE]".to_owned()),
        1 => Just(r#"{"error":{"message":"no"}}"#.to_owned()),
        1 => Just(r#"{"choices":[],"usage":null}"#.to_owned()),
        1 => ".{0,20}",
    ];
    let any = prop_oneof![
        8 => event.prop_map(Act::Event),
        1 => Just(Act::Head),
        1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Act::Raw),
        1 => prop::collection::vec(any::<u8>(), 1..60).prop_map(Act::Chunk),
        1 => (100_u16..600).prop_map(Act::Status),
        2 => Just(Act::End),
        1 => Just(Act::Close),
        1 => Just(Act::Hang),
    ];
    // Most begin as a stream does.
    (prop::bool::weighted(0.9), prop::collection::vec(any, 0..12)).prop_map(|(head, mut acts)| {
        if head {
            acts.insert(0, Act::Head);
        }
        // It always closes at last, or each case would take as long as silence is borne.
        acts.push(Act::Close);
        acts
    })
}

/// What a client does, besides asking.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// It waits for the ends, and cancels what hangs.
    Stays,
    /// It cancels these at once.
    Cancels(u32),
    /// It drops the target.
    Leaves,
}

fn manners() -> impl Strategy<Value = Manner> {
    prop_oneof![
        2 => Just(Manner::Stays),
        2 => any::<u32>().prop_map(Manner::Cancels),
        1 => Just(Manner::Leaves),
    ]
}

/// What comes until these have ended; after some quiet, what hangs is cancelled.
fn collect(rig: &Rig, requests: usize) -> BTreeMap<RequestId, Vec<Delivery>> {
    let mut got: BTreeMap<RequestId, Vec<Delivery>> = BTreeMap::new();
    let mut ended = 0;
    let mut quiet = Duration::ZERO;
    let pause = Duration::from_millis(100);
    while ended < requests && quiet < PATIENCE {
        if let Ok(delivery) = rig.inbox.recv_timeout(pause) {
            ended += usize::from(matches!(delivery.what, What::Done { .. }));
            got.entry(delivery.id).or_default().push(delivery);
        } else {
            quiet += pause;
            for id in 0..requests {
                rig.http.cancel(RequestId(u32::try_from(id).unwrap()));
            }
        }
    }
    got
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn every_request_ends_once(
        scripts in prop::collection::vec(acts(), 1..12),
        workers in 1_usize..3,
        manner in manners(),
    ) {
        let count = scripts.len();
        let server = Server::start(move |asked, back| {
            let number = asked.body["messages"][0]["content"].as_str().unwrap();
            for it in &scripts[number.parse::<usize>().unwrap()] {
                act(it, back);
            }
        });
        let mut options = options(&server);
        options.workers = NonZeroUsize::new(workers);
        let rig = Rig::with(&options);
        for id in 0..u32::try_from(count).unwrap() {
            rig.submit(request(id, text(&id.to_string()), 3));
        }
        if let Manner::Cancels(which) = manner {
            (0..32).filter(|id| which >> id & 1 == 1).for_each(|id| rig.http.cancel(RequestId(id)));
        }
        let mut got = match manner {
            Manner::Leaves => BTreeMap::new(),
            Manner::Stays | Manner::Cancels(_) => collect(&rig, count),
        };
        // Nothing follows, unless there was no end yet.
        let Rig { http, to, inbox, .. } = rig;
        drop(http);
        drop(to);
        for delivery in inbox {
            got.entry(delivery.id).or_default().push(delivery);
        }
        prop_assert_eq!(got.len(), count);
        for deliveries in got.into_values() {
            outcome(deliveries);
        }
    }
}
