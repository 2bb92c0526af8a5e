//! What goes over the wire: bodies, connections, protocols.

use crate::rig::{Rig, options, request, text};
use crate::server::Server;
use mtok::engine::sampler::SamplerParams;
use mtok::engine::stop::StopRules;
use mtok::hint::{Fault, Hint};
use mtok::record::{Finish, RequestId};
use mtok::target::http::{Endpoint, Extras, HttpOptions, Protocol, Software};
use mtok::target::{Prompt, Request, Target, TargetError};
use mtok::units::Tokens;
use mtok::workload::Message;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

const END: &str = r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#;

/// The body of a request, as the server reads it, and where it went.
fn body(change: impl FnOnce(&mut HttpOptions), asked: Request) -> (String, Value) {
    let (to, bodies) = channel();
    let to = Mutex::new(to);
    let server = Server::start(move |asked, back| {
        to.lock().unwrap().send((asked.what.clone(), asked.body.clone())).unwrap();
        back.events(&[END, "[DONE]"]);
    });
    let mut options = options(&server);
    change(&mut options);
    assert_eq!(Rig::with(&options).ask(asked).finish, Finish::Stop);
    bodies.recv().unwrap()
}

fn extras(software: Software) -> impl FnOnce(&mut HttpOptions) {
    move |options| options.extras = Some(Extras::of(Some(software)))
}

fn completions(software: Software) -> impl FnOnce(&mut HttpOptions) {
    move |options| {
        options.extras = Some(Extras::of(Some(software)));
        options.endpoint = Endpoint::Completions;
    }
}

#[test]
fn a_text_is_a_message_of_the_user() {
    let got = body(|_| (), request(1, text("hello"), 3));
    let want = json!({
        "model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3,
        "temperature": 0.0, "stream": true, "stream_options": {"include_usage": true},
    });
    assert_eq!(got, ("POST /v1/chat/completions".to_owned(), want));
}

#[test]
fn all_that_is_asked_is_sent_to_who_understands_it() {
    let message =
        |role: &str, content: &str| Message { role: role.into(), content: content.into() };
    let asked = Request::of(
        RequestId(1),
        Prompt::Messages(vec![message("system", "be brief"), message("user", "hi")]),
        Tokens(4),
        SamplerParams {
            temperature: 0.5,
            top_k: std::num::NonZeroU32::new(40),
            top_p: Some(0.9),
            min_p: None,
            seed: 1 << 40 | 7,
        },
        StopRules { tokens: vec![2], strings: vec!["\n".into()], ..StopRules::exactly(Tokens(8)) },
    );
    let (_, got) = body(extras(Software::Vllm), asked);
    let want = json!({
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "max_tokens": 8, "ignore_eos": true, "temperature": 0.5, "top_k": 40, "top_p": 0.9, "seed": 7,
        "stop": ["\n"], "stop_token_ids": [2], "stream": true,
        "stream_options": {"include_usage": true, "continuous_usage_stats": true},
    });
    assert_eq!(got, want);
}

#[test]
fn what_a_server_does_not_understand_is_not_sent() {
    let asked = || {
        let stop = StopRules::exactly(Tokens(8));
        Request::of(RequestId(1), text("hi"), Tokens(1), SamplerParams::GREEDY, stop)
    };
    let (_, got) = body(extras(Software::OpenAi), asked());
    let want = json!({
        "model": "m", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 8,
        "temperature": 0.0, "stream": true, "stream_options": {"include_usage": true},
    });
    assert_eq!(got, want);
    let (_, got) = body(|options| options.extras = Some(Extras::default()), asked());
    assert_eq!((got.get("stream_options"), got.get("ignore_eos")), (None, None));
    // Who can't pass over the end may hold it off.
    let holds = Extras { min_tokens: true, cache_salt: Some("s".into()), ..Extras::default() };
    let (_, got) = body(|options| options.extras = Some(holds), asked());
    assert_eq!((&got["min_tokens"], &got["cache_salt"]), (&json!(8), &json!("s")));
}

#[test]
fn a_completion_takes_text_or_ids() {
    let (what, got) = body(completions(Software::LlamaCpp), request(1, vec![5, 6], 3));
    assert_eq!((what.as_str(), &got["prompt"]), ("POST /v1/completions", &json!([5, 6])));
    let (_, got) = body(completions(Software::LlamaCpp), request(1, text("hi"), 3));
    assert_eq!((&got["prompt"], got.get("messages")), (&json!("hi"), None));
}

#[test]
fn what_the_api_has_no_words_for_is_refused_at_once() {
    let server = Server::start(|_, _| ());
    let refused = |options: &HttpOptions, asked: Request| {
        let rig = Rig::with(options);
        let error = rig.http.submit(asked, rig.to.clone()).unwrap_err();
        drop(rig.to);
        assert!(rig.inbox.recv().is_err(), "a delivery of what was refused");
        (error.fault(), error.hint().is_some(), error.to_string())
    };
    let chat = options(&server);
    let plain = HttpOptions { endpoint: Endpoint::Completions, ..options(&server) };
    let said = |options, asked, what: &str, endpoint: &str| {
        let want = format!("{what} can't be sent to `{endpoint}`");
        assert_eq!(refused(options, asked), (Fault::Usage, true, want));
    };
    said(&chat, request(1, vec![5], 3), "a prompt of token ids", "/chat/completions");
    said(&plain, request(1, vec![5], 3), "a prompt of token ids", "/completions");
    let message = Message { role: "user".into(), content: "hi".into() };
    let conversation = Prompt::Messages(vec![message]);
    said(&plain, request(1, conversation, 3), "a conversation", "/completions");
    let rig = Rig::with(&chat);
    let empty = rig.http.submit(request(1, text(""), 3), rig.to.clone());
    assert!(matches!(empty, Err(TargetError::EmptyPrompt)));
}

#[test]
fn one_connection_serves_one_after_another() {
    let server = Server::start(|_, back| back.events(&[END, "[DONE]"]));
    let rig = Rig::at(&server);
    for id in 0..20 {
        assert_eq!(rig.ask(request(id, text("hello"), 3)).finish, Finish::Stop);
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_connection_that_was_closed_while_idle_is_replaced() {
    // Without a word, as servers do after a time of keeping alive.
    let server = Server::start(|_, back| {
        back.events(&[END, "[DONE]"]);
        back.close();
    });
    let rig = Rig::at(&server);
    for id in 0..20 {
        assert_eq!(rig.ask(request(id, text("hello"), 3)).finish, Finish::Stop, "{id}");
        // Until the worker has seen it close; a request in between may be lost on the way, as to any
        // client.
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 20);
}

#[test]
fn requests_are_spread_over_the_workers() {
    let waiting = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&waiting);
    let server = Server::start(move |_, back| {
        count.fetch_add(1, Ordering::SeqCst);
        back.wait_for_leave();
    });
    let mut options = options(&server);
    options.workers = std::num::NonZeroUsize::new(3);
    let rig = Rig::with(&options);
    (0..9).for_each(|id| rig.submit(request(id, text("hello"), 3)));
    while waiting.load(Ordering::SeqCst) < 9 {
        std::thread::yield_now();
    }
    drop(rig.http);
    drop(rig.to);
    let threes = rig.inbox.iter().count();
    // A `Sent` and a `Done` each.
    assert_eq!(threes, 18);
}

/// A server that speaks HTTP/2 from the first byte, and nothing else.
#[test]
fn http_2_is_spoken_without_asking() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    let connections = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&connections);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let io = hyper_util::rt::TokioIo::new(stream);
                let executor = hyper_util::rt::TokioExecutor::new();
                let service = hyper::service::service_fn(|_| async {
                    let body = format!("data: {END}\n\ndata: [DONE]\n\n");
                    let body = http_body_util::Full::new(bytes::Bytes::from(body));
                    Ok::<_, std::convert::Infallible>(hyper::Response::new(body))
                });
                let serving = hyper::server::conn::http2::Builder::new(executor)
                    .serve_connection(io, service);
                tokio::spawn(serving);
            }
        });
    });
    let options = HttpOptions {
        model: Some("m".to_owned()),
        extras: Some(Extras::default()),
        workers: std::num::NonZeroUsize::new(1),
        protocol: Protocol::Http2,
        ..HttpOptions::new(&url)
    };
    let rig = Rig::with(&options);
    for id in 0..5 {
        let got = rig.ask(request(id, text("hello"), 3));
        assert_eq!((got.chunks.len(), got.finish), (1, Finish::Stop));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
