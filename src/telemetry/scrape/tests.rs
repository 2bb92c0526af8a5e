//! Pages of each server, read; and what can go wrong on the way.

use super::super::testing::{Answer, Server};
use super::*;
use crate::hint::{Fault, Hint};
use crate::record::reading::{Gpm, GpuInfo, GpuReading, Throttle};
use crate::units::{Joules, Ratio, Seconds, Tokens, Watts};
use proptest::prelude::*;

macro_rules! page {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/metrics/", $name, ".txt"))
    };
}

#[track_caller]
fn check(text: &str, dialect: Dialect, want: ServerReading) {
    let got = Scraped::of(text).unwrap();
    assert_eq!((got.dialect, got.server), (Some(dialect), Some(want)));
}

const NOTHING: ServerReading = ServerReading {
    running: None,
    waiting: None,
    kv_used: None,
    prefix_queried: None,
    prefix_hit: None,
    preemptions: None,
    prompt_tokens: None,
    output_tokens: None,
    requests: None,
    started: None,
};

#[test]
fn vllm_of_the_first_generation() {
    let want = ServerReading {
        running: Some(8),
        waiting: Some(3),
        kv_used: Some(Ratio::of(0.25)),
        preemptions: Some(2),
        prompt_tokens: Some(Tokens(123_456)),
        output_tokens: Some(Tokens(7_890)),
        // Declared, and no request has ended.
        requests: Some(0),
        started: Some(Seconds(1_737_716_123.59)),
        ..NOTHING
    };
    check(page!("vllm_v0"), Dialect::Vllm, want);
}

#[test]
fn vllm_of_the_second_generation_with_two_engines() {
    let want = ServerReading {
        running: Some(11),
        waiting: Some(1),
        kv_used: Some(Ratio::of(0.4125)),
        prefix_queried: Some(Tokens(90_000)),
        prefix_hit: Some(Tokens(48)),
        preemptions: Some(1),
        prompt_tokens: Some(Tokens(90_000)),
        output_tokens: Some(Tokens(23_000)),
        requests: Some(90),
        started: Some(Seconds(1_795_321_010.25)),
    };
    check(page!("vllm_v1"), Dialect::Vllm, want);
}

/// V1 began with V0's prefix `gpu_`.
#[test]
fn vllm_between_its_generations() {
    let text = "vllm:gpu_cache_usage_perc{engine=\"0\"} 0.5\n\
                vllm:gpu_prefix_cache_queries_total{engine=\"0\"} 1000.0\n\
                vllm:gpu_prefix_cache_hits_total{engine=\"0\"} 250.0\n";
    let want = ServerReading {
        kv_used: Some(Ratio::of(0.5)),
        prefix_queried: Some(Tokens(1_000)),
        prefix_hit: Some(Tokens(250)),
        ..NOTHING
    };
    check(text, Dialect::Vllm, want);
    check(&text.replace("vllm:", "vllm_"), Dialect::Vllm, want);
}

#[test]
fn sglang_with_two_ranks() {
    let want = ServerReading {
        running: Some(16),
        waiting: Some(2),
        kv_used: Some(Ratio::of(0.28)),
        prefix_queried: Some(Tokens(9_128)),
        prefix_hit: Some(Tokens(96)),
        preemptions: Some(0),
        prompt_tokens: Some(Tokens(9_128)),
        output_tokens: Some(Tokens(8_057)),
        requests: Some(64),
        started: None,
    };
    check(page!("sglang"), Dialect::Sglang, want);
}

/// The fullest pool counts where there are several.
#[test]
fn sglang_with_two_kinds_of_attention() {
    let text = "sglang:token_usage 0.1\nsglang:full_token_usage 0.1\nsglang:swa_token_usage 0.6\n";
    check(text, Dialect::Sglang, ServerReading { kv_used: Some(Ratio::of(0.6)), ..NOTHING });
}

/// Two requests of 5 prompt tokens, of which 4 came from the cache; 7 and 5 output tokens.
#[test]
fn llama_cpp_as_it_was_recorded() {
    let want = ServerReading {
        running: Some(0),
        waiting: Some(0),
        prefix_queried: Some(Tokens(10)),
        prefix_hit: Some(Tokens(4)),
        prompt_tokens: Some(Tokens(10)),
        output_tokens: Some(Tokens(12)),
        ..NOTHING
    };
    check(page!("llama_cpp"), Dialect::LlamaCpp, want);
}

/// Without the cached ones, its prompt tokens are not those of the prompts.
#[test]
fn llama_cpp_that_tells_less() {
    let text = "llamacpp:prompt_tokens_total 1024\nllamacpp:tokens_predicted_total 1.5e+06\n\
                llamacpp:kv_cache_usage_ratio 0.25\n";
    let want = ServerReading {
        kv_used: Some(Ratio::of(0.25)),
        output_tokens: Some(Tokens(1_500_000)),
        ..NOTHING
    };
    check(text, Dialect::LlamaCpp, want);
}

#[test]
fn tensor_rt_llm() {
    let want = ServerReading {
        running: Some(3),
        waiting: Some(1),
        kv_used: Some(Ratio::of(0.42)),
        prefix_queried: Some(Tokens(25_000)),
        prefix_hit: Some(Tokens(640)),
        prompt_tokens: Some(Tokens(25_000)),
        output_tokens: Some(Tokens(12_345)),
        requests: Some(25),
        ..NOTHING
    };
    check(page!("tensorrt_llm"), Dialect::TensorRtLlm, want);
    // Dynamo up to 0.7 put a colon behind the prefix.
    check(&page!("tensorrt_llm").replace("trtllm_", "trtllm:"), Dialect::TensorRtLlm, want);
}

/// Its counters are declared even where counting is switched off: no zeros then.
#[test]
fn tensor_rt_llm_that_does_not_count() {
    let text = "# TYPE trtllm_prompt_tokens_total counter\n\
                # TYPE trtllm_generation_tokens_total counter\ntrtllm_num_requests_running 2\n";
    check(text, Dialect::TensorRtLlm, ServerReading { running: Some(2), ..NOTHING });
}

#[test]
fn triton() {
    let (running, waiting, kv_used) = (Some(4), Some(3), Some(Ratio::of(0.25)));
    check(page!("triton"), Dialect::Triton, ServerReading { running, waiting, kv_used, ..NOTHING });
}

#[test]
fn dynamo() {
    let want = ServerReading {
        running: Some(12),
        prefix_queried: Some(Tokens(46_592)),
        prefix_hit: Some(Tokens(256)),
        prompt_tokens: Some(Tokens(46_592)),
        output_tokens: Some(Tokens(9_100)),
        requests: Some(91),
        ..NOTHING
    };
    check(page!("dynamo_frontend"), Dialect::Dynamo, want);
    let (running, requests, kv_used) = (Some(9), Some(91), Some(Ratio::of(0.5)));
    let want = ServerReading { running, kv_used, requests, ..NOTHING };
    check(page!("dynamo_worker"), Dialect::Dynamo, want);
    // Its engine's own metrics say more.
    let both = format!("{}{}", page!("dynamo_worker"), "vllm:num_requests_running 3\n");
    check(&both, Dialect::Vllm, ServerReading { running: Some(3), ..NOTHING });
}

#[test]
fn what_can_be_no_count_is_none() {
    for value in ["-1", "NaN", "+Inf", "1e300"] {
        let text = format!("vllm:num_requests_running {value}\nvllm:prompt_tokens_total {value}\n");
        check(&text, Dialect::Vllm, NOTHING);
    }
    check("vllm:kv_cache_usage_perc 41.25\n", Dialect::Vllm, NOTHING);
}

#[test]
fn cards_of_an_exporter() {
    let scraped = Scraped::of(page!("dcgm")).unwrap();
    assert_eq!((scraped.dialect, scraped.server), (None, None));
    let info = |index, letter: &str| GpuInfo {
        index,
        name: "NVIDIA H100 80GB HBM3".to_owned(),
        uuid: format!("GPU-{}-0000-0000-0000-000000000000", letter.repeat(8)),
        ..GpuInfo::default()
    };
    let lacks = |fields: &[&str]| fields.iter().map(|&field| field.to_owned()).collect();
    let first = Exported {
        info: GpuInfo {
            memory: Some(Bytes(81_559 << 20)),
            gpm: true,
            lacks: lacks(&["process share"]),
            ..info(0, "a")
        },
        reading: GpuReading {
            index: 0,
            busy: Some(Ratio::percent(97.0)),
            memory_busy: Some(Ratio::percent(44.0)),
            memory_used: Some(Bytes(75_497_472_000)),
            power: Some(Watts(612.5)),
            energy: Some(Joules(7_299_606.5)),
            sm_clock_mhz: Some(1_980),
            memory_clock_mhz: Some(2_619),
            temperature_c: Some(64),
            throttle: Some(vec![Throttle::SwPowerCap]),
            process_busy: None,
            gpm: Some(Gpm {
                sm: Some(Ratio::of(0.875)),
                dram: Some(Ratio::of(0.625)),
                ..Gpm::default()
            }),
        },
    };
    // What its instance uses isn't what the card uses, and DCGM's mark is no utilization.
    let second = Exported {
        info: GpuInfo {
            mig: Some(true),
            lacks: lacks(&["busy", "memory", "energy", "process share", "GPM"]),
            ..info(1, "b")
        },
        reading: GpuReading {
            index: 1,
            power: Some(Watts(71.25)),
            sm_clock_mhz: Some(345),
            memory_clock_mhz: Some(2_619),
            temperature_c: Some(31),
            throttle: Some(vec![Throttle::GpuIdle]),
            ..GpuReading::default()
        },
    };
    assert_eq!(scraped.gpus, [first, second]);
}

#[test]
fn a_page_of_something_else_is_none() {
    for text in ["", "<html>vllm: hello</html>", "up 1\nnode_load1 0.5\n", "{\"a\": 1}"] {
        assert_eq!(Scraped::of(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn no_page_breaks_it(
        lines in prop::collection::vec(
            ("(vllm:|sglang:|dynamo_|DCGM_FI_DEV_)[a-zA-Z_]{1,20}", "[^\n]{0,40}"), 0..30,
        ),
    ) {
        let text: Vec<_> = lines.iter().map(|(name, rest)| [&name[..], rest].concat()).collect();
        let text = text.join("\n");
        if let Some(Scraped { server: Some(server), .. }) = Scraped::of(&text) {
            prop_assert!(server.kv_used.is_none_or(|used| (0.0..=1.0).contains(&used.get())));
        }
    }
}

fn target(url: String) -> MetricsAt {
    MetricsAt::Target { url, key: None }
}

#[track_caller]
fn check_places(url: &str, want: &[&str]) {
    assert_eq!(target(url.to_owned()).candidates().unwrap(), want);
}

#[test]
fn metrics_lie_at_the_targets_root() {
    let want = ["http://h:8000/metrics", "http://h:8000/prometheus/metrics"];
    check_places("http://h:8000", &want);
    check_places("http://h:8000/v1", &want);
    check_places(" http://h:8000/v1/chat/completions?x=1 ", &want);
    check_places("https://[::1]/", &["https://[::1]/metrics", "https://[::1]/prometheus/metrics"]);
    for url in ["", "h:8000", "ftp://h/metrics", "http:///v1", "http://"] {
        let error = target(url.to_owned()).candidates().unwrap_err();
        assert_eq!((&error, error.fault()), (&ScrapeError::Url { url: url.into() }, Fault::Usage));
    }
    let at = MetricsAt::Url("http://h:9400/custom?x=1".to_owned());
    assert_eq!(at.candidates().unwrap(), ["http://h:9400/custom?x=1"]);
}

#[test]
fn nothing_secret_is_shown() {
    assert_eq!(shown("http://me:pass@h:8000/metrics?token=1#x"), "http://h:8000/metrics");
    assert_eq!(shown("http://h"), "http://h");
    assert_eq!(format!("{:?}", Secret::new(" k\n")), "Some(***)");
    assert_eq!(Secret::new(" "), None);
}

#[test]
fn the_own_machine_is_asked_directly() {
    for url in ["http://localhost:8/m", "http://127.0.0.2/m", "http://a:b@[::1]:8/m"] {
        assert!(is_loopback(url), "{url}");
    }
    for url in ["http://h:8/m", "http://10.0.0.1/m", "http://127.0.0.1@h/m", "h"] {
        assert!(!is_loopback(url), "{url}");
    }
}

#[test]
fn a_page_is_read_over_one_connection() {
    let server = Server::of(page!("vllm_v1"));
    let key = Secret::new("k3y");
    let at = MetricsAt::Target { url: server.at("/v1"), key };
    let (scraper, first) = Scraper::open(&at).unwrap();
    assert_eq!(scraper.read().unwrap(), first);
    assert_eq!(scraper.shown(), server.at("/metrics"));
    assert_eq!(*server.connections.lock().unwrap(), 1);
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|head| head.contains("authorization: Bearer k3y")), "{asked:?}");
}

/// A key belongs to the target, not to whatever else is asked.
#[test]
fn a_page_elsewhere_sees_no_key() {
    let server = Server::of(page!("dcgm"));
    Scraper::open(&MetricsAt::Url(server.at("/metrics"))).unwrap();
    assert!(!server.asked.lock().unwrap()[0].contains("authorization"));
}

#[test]
fn the_next_place_is_tried() {
    let server = Server::start(|path| match path {
        "/prometheus/metrics" => Answer::Page(page!("tensorrt_llm").to_owned()),
        _ => Answer::Page("[{\"iter\": 1}]".to_owned()),
    });
    let (scraper, scraped) = Scraper::open(&target(server.at("/v1"))).unwrap();
    assert_eq!(scraped.dialect, Some(Dialect::TensorRtLlm));
    assert_eq!(scraper.shown(), server.at("/prometheus/metrics"));
}

#[track_caller]
fn check_failure(server: &Server, words: &str) {
    let error = Scraper::open(&target(server.root.clone())).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(error.fault(), Fault::Target);
    assert!(error.hint().is_some());
}

#[test]
fn what_may_come_instead_of_a_page() {
    check_failure(&Server::start(|_| Answer::Status(501)), "/metrics` answers with status 501");
    check_failure(&Server::of("up 1\n"), "/metrics` has no metrics of a server");
    let raw = |bytes: &'static [u8]| Server::start(move |_| Answer::Raw(bytes.to_vec()));
    check_failure(&raw(b"no HTTP at all\r\n\r\n"), "can't be reached");
    let (head, line) = ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", "# 3456789\n");
    let long = format!("{head}{}", line.repeat(1 + (8 << 20) / line.len()));
    let long = Server::start(move |_| Answer::Raw(long.clone().into_bytes()));
    check_failure(&long, "sends more than 8 MiB");
    let gone = Scraper::open(&MetricsAt::Url("http://127.0.0.1:9/metrics".into())).unwrap_err();
    assert!(matches!(gone, ScrapeError::Unreachable { .. }), "{gone}");
}

/// A page whose end is missing would lack counters, or cut a number short.
#[test]
fn half_a_page_is_none() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 90\r\nconnection: close\r\n\r\nvllm:x 12";
    let server = Server::start(move |_| Answer::Raw(half.as_bytes().to_vec()));
    let url = server.at("/metrics");
    let agent = agent(&url, Duration::from_millis(100));
    let error = Scraper { agent, url, key: None }.read().unwrap_err();
    assert!(matches!(error, ScrapeError::Unreachable { .. }), "{error}");
}

#[test]
fn silence_is_not_waited_out() {
    let server = Server::start(|_| Answer::Silence);
    let url = server.at("/metrics");
    let agent = agent(&url, Duration::from_millis(50));
    let error = Scraper { agent, url, key: None }.read().unwrap_err();
    assert!(matches!(error, ScrapeError::Unreachable { .. }), "{error}");
}

#[test]
fn a_byte_that_is_no_text_costs_its_label_alone() {
    let body = b"vllm:num_requests_running{model_name=\"a\xffb\"} 4\n";
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let bytes = [head.as_bytes(), body].concat();
    let server = Server::start(move |_| Answer::Raw(bytes.clone()));
    let (_, scraped) = Scraper::open(&target(server.root.clone())).unwrap();
    assert_eq!(scraped.server.unwrap().running, Some(4));
}
