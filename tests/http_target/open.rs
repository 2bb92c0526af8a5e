//! What is found out about a server before it is measured.

use crate::rig::{Rig, request, text};
use crate::server::{Asked, Back, Server};
use mtok::clock::FakeClock;
use mtok::hint::{Fault, Hint};
use mtok::record::Finish;
use mtok::target::Target;
use mtok::target::http::{Extras, Http, HttpError, HttpOptions, Software};
use mtok::units::Tokens;
use mtok::workload::Gauge;
use std::sync::Arc;

fn open(options: &HttpOptions) -> Result<Http, HttpError> {
    Http::open(options, Arc::new(FakeClock::default()))
}

/// A server that answers these paths with these bodies, and others with 404.
fn pages(pages: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(move |asked: &Asked, back: &mut Back| {
        match pages.iter().find(|(path, _)| asked.what == format!("GET {path}")) {
            Some((_, body)) => back.json(body),
            None => back.answer("404 Not Found", "", r#"{"detail":"Not Found"}"#),
        }
    })
}

#[track_caller]
fn check(server: &Server, software: Option<Software>, describes: &str) {
    let http = open(&HttpOptions::new(&server.url)).unwrap();
    assert_eq!((http.model(), http.discovery().software), ("m", software));
    assert_eq!(http.extras(), &Extras::of(software));
    assert_eq!(http.describe(), format!("{describes} at {}/v1/chat/completions", server.url));
}

#[test]
fn software_is_recognised_by_what_it_says() {
    let vllm = pages(&[
        ("/v1/models", r#"{"data":[{"id":"m","owned_by":"vllm","max_model_len":4096}]}"#),
        ("/version", r#"{"version":"0.11.0"}"#),
    ]);
    check(&vllm, Some(Software::Vllm), "vLLM 0.11.0");
    assert_eq!(open(&HttpOptions::new(&vllm.url)).unwrap().discovery().context, Some(4_096));
    let sglang = pages(&[
        ("/v1/models", r#"{"data":[{"id":"m","owned_by":"sglang"}]}"#),
        ("/get_server_info", r#"{"version":"0.5.4","tp_size":1}"#),
    ]);
    check(&sglang, Some(Software::Sglang), "SGLang 0.5.4");
    let llama = pages(&[
        ("/v1/models", r#"{"models":[],"data":[{"id":"m","owned_by":"llamacpp","meta":{}}]}"#),
        ("/props", r#"{"build_info":"b6900-abc"}"#),
    ]);
    check(&llama, Some(Software::LlamaCpp), "llama.cpp b6900-abc");
    let tensorrt = pages(&[("/v1/models", r#"{"data":[{"id":"m","owned_by":"tensorrt_llm"}]}"#)]);
    check(&tensorrt, Some(Software::TensorRtLlm), "TensorRT-LLM");
    // A list that was written anew, and a page that only one has.
    let hidden = pages(&[
        ("/v1/models", r#"{"data":[{"id":"m"}]}"#),
        ("/get_model_info", r#"{"model_path":"m","tokenizer_path":"m"}"#),
    ]);
    check(&hidden, Some(Software::Sglang), "SGLang");
    let unknown = pages(&[("/v1/models", r#"{"data":[{"id":"m","owned_by":"me"}]}"#)]);
    check(&unknown, None, "a server that was not recognised");
}

#[test]
fn the_model_must_be_clear() {
    let refused = |server: &Server| {
        let error = open(&HttpOptions::new(&server.url)).err().unwrap();
        (error.fault(), error.hint().is_some(), error.to_string().replace(&server.url, "URL"))
    };
    let two = pages(&[("/v1/models", r#"{"data":[{"id":"a"},{"id":"b"}]}"#)]);
    let want = "`URL/v1/models` lists 2 models: `a`, `b`".to_owned();
    assert_eq!(refused(&two), (Fault::Usage, true, want));
    let none = pages(&[("/v1/models", r#"{"data":[]}"#)]);
    assert_eq!(refused(&none), (Fault::Target, true, "`URL/v1/models` lists no model".to_owned()));
    let elsewhere = pages(&[]);
    let want = "`URL/v1/models` answered with status 404: Not Found".to_owned();
    assert_eq!(refused(&elsewhere), (Fault::Target, true, want));
    // One that is named needs no list.
    let named = HttpOptions { model: Some("c".into()), ..HttpOptions::new(&elsewhere.url) };
    assert_eq!(open(&named).unwrap().model(), "c");
    let named = HttpOptions { model: Some("b".into()), ..HttpOptions::new(&two.url) };
    assert_eq!(open(&named).unwrap().model(), "b");
}

#[test]
fn nobody_there_is_said_at_once() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = HttpOptions::new(&format!("http://127.0.0.1:{port}"));
    let error = open(&options).err().unwrap();
    assert!(matches!(&error, HttpError::Unreachable { reason, .. } if reason.contains("refused")));
    assert_eq!((error.fault(), error.hint().is_some()), (Fault::Target, true));
    let named = HttpOptions { model: Some("m".into()), ..options };
    assert!(matches!(open(&named), Err(HttpError::Unreachable { .. })));
}

#[test]
fn what_is_no_address_is_refused() {
    let error = open(&HttpOptions::new("localhost:8000")).err().unwrap();
    assert_eq!((error.fault(), error.hint().is_some()), (Fault::Usage, true));
}

/// One token for 4 characters, and 11 besides.
fn counts(asked: &Asked, back: &mut Back) {
    assert_eq!((&asked.body["stream"], &asked.body["max_tokens"]), (&false.into(), &1.into()));
    let text = asked.body["messages"][0]["content"].as_str().unwrap();
    let tokens = text.chars().count() / 4 + 11;
    back.json(&format!(
        r#"{{"choices":[{{"message":{{"content":"a"}},"finish_reason":"length"}}],"usage":{{"prompt_tokens":{tokens}}}}}"#
    ));
}

#[test]
fn a_gauge_tells_length_and_overhead() {
    let server = Server::start(counts);
    let http = open(&crate::rig::options(&server)).unwrap();
    let (short, long) = ("a".repeat(400), "a".repeat(1_600));
    let want = Gauge::fit((&short, Tokens(100 + 11)), (&long, Tokens(400 + 11)));
    assert_eq!(Some(http.gauge(&short, &long).unwrap()), want);
}

#[test]
fn a_gauge_needs_counts() {
    let server = Server::start(|_, back| back.json(r#"{"choices":[{"message":{"content":"a"}}]}"#));
    let error =
        open(&crate::rig::options(&server)).unwrap().gauge("hello", "hello, world").unwrap_err();
    assert!(matches!(error, HttpError::NoUsage { .. }));
    assert!(error.hint().is_some());
}

/// From the list to an answer.
#[test]
fn a_server_that_was_found_is_asked() {
    let server = Server::start(|asked, back| match asked.what.as_str() {
        "GET /v1/models" => back.json(r#"{"data":[{"id":"m","owned_by":"llamacpp"}]}"#),
        "POST /v1/chat/completions" => {
            assert_eq!(asked.body["model"], "m");
            let end = r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
            back.events(&[end, "[DONE]"]);
        }
        _ => back.answer("404 Not Found", "", ""),
    });
    let rig = Rig::with(&HttpOptions::new(&server.url));
    assert_eq!(rig.ask(request(1, text("hello"), 3)).finish, Finish::Stop);
    let server = rig.http.server();
    assert!(server.local);
    assert_eq!(server.endpoint, "/v1/chat/completions");
}
