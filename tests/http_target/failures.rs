//! Failures, each of its kind, and what came before them.

use crate::rig::{Outcome, PATIENCE, Rig, options, request, text};
use crate::server::{Back, STREAM, Server};
use crate::streams::says;
use mtok::record::{Failure, FailureKind, Finish, RequestId};
use mtok::secret::Secret;
use mtok::target::{Target, What};
use mtok::units::Seconds;
use std::time::Duration;

/// What comes of an answer.
fn answered(answer: impl Fn(&mut Back) + Send + Sync + 'static) -> Outcome {
    let server = Server::start(move |_, back| answer(back));
    Rig::at(&server).ask(request(1, text("hello"), 3))
}

#[track_caller]
fn check(got: &Outcome, chunks: usize, kind: FailureKind, reason: &str) {
    let failure = got.failure();
    assert_eq!((got.chunks.len(), failure.kind), (chunks, kind), "{failure:?}");
    assert!(failure.reason.contains(reason), "{failure:?}");
}

#[test]
fn a_status_is_a_kind() {
    for (status, kind) in [
        ("400 Bad Request", FailureKind::Refused),
        ("401 Unauthorized", FailureKind::Refused),
        ("404 Not Found", FailureKind::Refused),
        ("429 Too Many Requests", FailureKind::RateLimited),
        ("500 Internal Server Error", FailureKind::Server),
        ("503 Service Unavailable", FailureKind::Server),
    ] {
        let got = answered(move |back| {
            let body = r#"{"error":{"message":"the reason","type":"x"}}"#;
            back.answer(status, "content-type: application/json\r\n", body);
        });
        check(&got, 0, kind, "the reason");
        assert_eq!(got.failure().status, status[..3].parse().ok());
    }
    let got = answered(|back| back.answer("502 Bad Gateway", "", "<html>much</html>"));
    check(&got, 0, FailureKind::Server, "Bad Gateway");
}

#[test]
fn a_limit_says_when_to_come_back() {
    let now = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (wait, seconds) in [
        ("7", 7.0),
        ("Sun, 06 Nov 1994 08:50:07 GMT", 30.0),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0.0),
    ] {
        let headers = format!("{now}retry-after: {wait}\r\n");
        let got = answered(move |back| back.answer("429 Too Many Requests", &headers, ""));
        check(&got, 0, FailureKind::RateLimited, "Too Many Requests");
        assert_eq!(got.failure().retry_after, Some(Seconds(seconds)), "{wait}");
    }
}

#[test]
fn pointers_are_not_followed() {
    let got =
        answered(|back| back.answer("307 Temporary Redirect", "location: /elsewhere\r\n", ""));
    check(&got, 0, FailureKind::Malformed, "/elsewhere");
}

#[test]
fn an_error_in_a_stream_is_told_with_what_came_before() {
    for (event, kind) in [
        (r#"{"error":{"message":"the reason","code":500}}"#, FailureKind::Server),
        (r#"{"error":{"message":"the reason","type":"x","code":null}}"#, FailureKind::Server),
        (r#"{"error":{"message":"the reason","code":"429"}}"#, FailureKind::RateLimited),
        (r#"{"error":"the reason"}"#, FailureKind::Server),
        (r#"{"object":"error","message":"the reason","code":400}"#, FailureKind::Refused),
    ] {
        let got = answered(move |back| back.events(&[&says("a"), event, &says("b"), "[DONE]"]));
        check(&got, 1, kind, "the reason");
        assert_eq!(got.failure().status, Some(200));
    }
    let abort = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}"#;
    let got = answered(move |back| back.events(&[&says("a"), abort, "[DONE]"]));
    check(&got, 1, FailureKind::Server, "abort");
}

#[test]
fn an_error_in_the_place_of_a_stream_is_told() {
    let got = answered(|back| back.json(r#"{"error":{"message":"the reason"}}"#));
    check(&got, 0, FailureKind::Server, "the reason");
    let whole = r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}"#;
    let got = answered(|back| back.json(whole));
    check(&got, 0, FailureKind::Malformed, "in one piece");
}

#[test]
fn a_stream_that_breaks_off_is_no_answer() {
    // The connection closes: between chunks of the transfer, within one, before the head is over.
    let got = answered(|back| {
        back.send(STREAM);
        back.chunk(format!("data: {}\n\n", says("a")));
        back.close();
    });
    check(&got, 1, FailureKind::BrokenStream, "");
    let got = answered(|back| {
        back.send(STREAM);
        back.chunk(format!("data: {}\n\n", says("a")));
        back.send("400\r\ndata: {");
        back.close();
    });
    check(&got, 1, FailureKind::BrokenStream, "");
    // A first connection, so that nothing is tried again.
    let got = answered(|back| {
        back.send("HTTP/1.1 200 OK\r\ncontent-ty");
        back.close();
    });
    check(&got, 0, FailureKind::BrokenStream, "no answer came");
    let got = answered(Back::close);
    check(&got, 0, FailureKind::BrokenStream, "no answer came");
    // The transfer ends well, and the answer doesn't: in an event.
    let got = answered(|back| {
        back.send(STREAM);
        back.chunk(format!("data: {}\n\ndata: {{\"choices\":[{{\"ind", says("a")));
        back.send("0\r\n\r\n");
    });
    check(&got, 1, FailureKind::BrokenStream, "broke off");
    // Nothing at all.
    let got = answered(|back| back.events(&[]));
    check(&got, 0, FailureKind::BrokenStream, "broke off");
}

#[test]
fn what_is_none_of_the_api_is_malformed() {
    for event in ["hello", "{", "[]", "7", r#"{"choices":[{"delta":{"content":7}}]}"#] {
        let got = answered(move |back| back.events(&[&says("a"), event, "[DONE]"]));
        check(&got, 1, FailureKind::Malformed, "no answer");
    }
    check(&answered(|back| back.events(&["[DONE]"])), 0, FailureKind::Malformed, "neither output");
    let got = answered(|back| {
        back.send("SSH-2.0-OpenSSH_9\r\n\r\n");
        back.close();
    });
    check(&got, 0, FailureKind::Malformed, "");
    let got = answered(|back| {
        back.send(STREAM);
        back.chunk(format!("data: {}\n\n", says("a")));
        back.send("hello\r\n");
        back.close();
    });
    check(&got, 1, FailureKind::Malformed, "");
}

#[test]
fn an_event_without_end_is_malformed() {
    let got = answered(|back| {
        back.send(STREAM);
        back.chunk(format!("data: {}\n\ndata: ", says("a")));
        (0..6).for_each(|_| back.chunk("x".repeat(1 << 20)));
    });
    check(&got, 1, FailureKind::Malformed, "longer than");
}

#[test]
fn nobody_there_is_no_connection() {
    let server = Server::start(|_, _| ());
    let mut nobody = options(&server);
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    nobody.base_url = format!("http://127.0.0.1:{port}");
    let got = Rig::with(&nobody).ask(request(1, text("hello"), 3));
    check(&got, 0, FailureKind::Connect, "refused");
    // No name has a part of more than 63 bytes (RFC 1035), so nobody need be asked for it.
    nobody.base_url = format!("http://{}.test", "n".repeat(64));
    let got = Rig::with(&nobody).ask(request(1, text("hello"), 3));
    check(&got, 0, FailureKind::Connect, "");
    // Somebody who doesn't speak TLS.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    nobody.base_url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = std::io::Write::write_all(
                &mut stream.unwrap(),
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
            );
        }
    });
    let got = Rig::with(&nobody).ask(request(1, text("hello"), 3));
    check(&got, 0, FailureKind::Connect, "");
}

/// Moves the clock on until something comes.
#[track_caller]
fn outcome_in_time(rig: &Rig, id: RequestId) -> Outcome {
    let mut deliveries = Vec::new();
    for _ in 0..PATIENCE.as_millis() / 10 {
        match rig.inbox.recv_timeout(Duration::from_millis(10)) {
            Ok(delivery) => {
                assert_eq!(delivery.id, id);
                let over = matches!(delivery.what, What::Done { .. });
                deliveries.push(delivery);
                if over {
                    return crate::rig::outcome(deliveries);
                }
            }
            Err(_) => rig.clock.advance(Seconds(20.0)),
        }
    }
    panic!("no end");
}

#[test]
fn silence_is_a_time_out() {
    let server = Server::start(|_, back| back.wait_for_leave());
    let rig = Rig::at(&server);
    rig.submit(request(1, text("hello"), 3));
    let got = outcome_in_time(&rig, RequestId(1));
    check(&got, 0, FailureKind::TimeOut, "nothing came for 600 s");

    let server = Server::start(|_, back| {
        back.send(STREAM);
        back.chunk(format!("data: {}\n\n", says("a")));
        back.wait_for_leave();
    });
    let rig = Rig::at(&server);
    rig.submit(request(2, text("hello"), 3));
    let got = outcome_in_time(&rig, RequestId(2));
    check(&got, 1, FailureKind::TimeOut, "the answer stopped: nothing came for 120 s");
}

#[test]
fn a_request_that_is_given_up_ends_and_leaves() {
    let (left, gone) = std::sync::mpsc::channel();
    let left = std::sync::Mutex::new(left);
    let server = Server::start(move |_, back| {
        back.send(STREAM);
        back.chunk(format!("data: {}\n\n", says("a")));
        back.wait_for_leave();
        left.lock().unwrap().send(()).unwrap();
    });
    let rig = Rig::at(&server);
    rig.submit(request(1, text("hello"), 3));
    // Sent, and the chunk.
    let first: Vec<_> = (0..2).map(|_| rig.inbox.recv_timeout(PATIENCE).unwrap()).collect();
    rig.http.cancel(RequestId(7));
    rig.http.cancel(RequestId(1));
    rig.http.cancel(RequestId(1));
    let end = rig.inbox.recv_timeout(PATIENCE).unwrap();
    let got = crate::rig::outcome(first.into_iter().chain([end]).collect());
    assert_eq!((got.chunks.len(), got.finish), (1, Finish::Cancelled));
    gone.recv_timeout(PATIENCE).expect("the server sees it leave");
}

#[test]
fn a_request_without_a_consumer_is_given_up() {
    let (left, gone) = std::sync::mpsc::channel();
    let left = std::sync::Mutex::new(left);
    let (go, going) = std::sync::mpsc::channel();
    let going = std::sync::Mutex::new(going);
    let server = Server::start(move |_, back| {
        back.send(STREAM);
        going.lock().unwrap().recv().unwrap();
        back.chunk(format!("data: {}\n\n", says("a")));
        back.wait_for_leave();
        left.lock().unwrap().send(()).unwrap();
    });
    let rig = Rig::at(&server);
    let (to, inbox) = std::sync::mpsc::channel();
    rig.http.submit(request(1, text("hello"), 3), to).unwrap();
    // Sent; then nobody listens for what comes.
    inbox.recv_timeout(PATIENCE).unwrap();
    drop(inbox);
    go.send(()).unwrap();
    gone.recv_timeout(PATIENCE).expect("the server sees it leave");
}

#[test]
fn a_target_that_goes_ends_its_requests() {
    let server = Server::start(|_, back| back.wait_for_leave());
    let Rig { http, to, inbox, .. } = Rig::at(&server);
    for id in 0..5 {
        http.submit(request(id, text("hello"), 3), to.clone()).unwrap();
    }
    drop(http);
    drop(to);
    let ends: Vec<_> = inbox.iter().filter(|it| matches!(it.what, What::Done { .. })).collect();
    assert_eq!(ends.len(), 5);
    assert!(ends.iter().all(|it| matches!(&it.what, What::Done { finish: Finish::Cancelled, .. })));
}

#[test]
fn no_failure_repeats_a_key() {
    let server = Server::start(|asked, back| {
        assert_eq!(asked.header("authorization"), Some("Bearer sk-very-secret"));
        let body = r#"{"error":{"message":"no such key: sk-very-secret, my-other-key"}}"#;
        back.answer("401 Unauthorized", "", body);
    });
    let mut options = options(&server);
    options.key = Secret::new("sk-very-secret");
    options.headers = vec![("api-key".to_owned(), "my-other-key".to_owned())];
    let said = format!("{options:?}");
    assert!(!said.contains("secret") && !said.contains("my-other-key"), "{said}");
    let got = Rig::with(&options).ask(request(1, text("hello"), 3));
    let want = Failure {
        status: Some(401),
        ..Failure::new(FailureKind::Refused, "no such key: ***, ***")
    };
    assert_eq!(got.failure(), &want);
}
