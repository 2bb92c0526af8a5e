//! Readings and gaps of pages that come and go.

use super::super::testing::{Answer, Server};
use super::super::{METRICS_PERIOD, Sources, Telemetry};
use super::*;
use crate::clock::{FakeClock, RunClock};
use crate::record::reading::{GpuInfo, TelemetryInfo};
use crate::telemetry::scrape::MetricsAt;
use crate::units::{Joules, Tokens};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, channel};

const DCGM: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/metrics/dcgm.txt"));

/// A machine without NVML and RAPL, and these pages.
fn open(urls: &[String]) -> Telemetry {
    let nothing = std::path::PathBuf::from("/nonexistent");
    let sources = Sources {
        nvml: nothing.join("nvml.so").into(),
        root: nothing,
        metrics: urls.iter().cloned().map(MetricsAt::Url).collect(),
        metrics_period: Seconds(0.01),
    };
    Telemetry::open(&sources, Seconds(0.1))
}

/// Events of metrics alone.
fn events(telemetry: Telemetry) -> (super::super::Sampler, Receiver<Event>) {
    let (to, from) = channel();
    let sink = move |event: Event| {
        let own = match &event {
            Event::Reading(reading) => reading.cpu_time.is_none(),
            _ => true,
        };
        if own {
            drop(to.send(event));
        }
    };
    (telemetry.sample(Arc::new(RunClock::start()), sink).unwrap(), from)
}

/// What a script of pages makes of a run: each time that the page is asked for, the next answer, the
/// last one from then on. The first answer is spent on opening.
fn run(script: &'static [Option<&'static str>], count: usize) -> Vec<Event> {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        let index = asked.fetch_add(1, Ordering::SeqCst).min(script.len() - 1);
        script[index].map_or(Answer::Status(503), |page| Answer::Page(page.to_owned()))
    });
    let (sampler, from) = events(open(&[server.at("/metrics")]));
    let events = from.iter().take(count).collect();
    sampler.stop();
    events
}

fn server(event: &Event) -> Option<ServerReading> {
    match event {
        Event::Reading(reading) => reading.server,
        _ => None,
    }
}

fn output(event: &Event) -> Option<u64> {
    server(event)?.output_tokens.map(|tokens| tokens.0)
}

#[test]
fn a_reading_is_there_before_anything_is_sent_and_after_everything_is() {
    let server = Server::of("vllm:generation_tokens_total 7\n");
    let mut telemetry = open(&[server.at("/metrics")]);
    // Longer than the test: what comes is the first and the last.
    telemetry.metrics_period = Seconds(3_600.0);
    let (sampler, from) = events(telemetry);
    let first = from.try_recv().unwrap();
    assert_eq!(output(&first), Some(7));
    assert!(from.try_recv().is_err());
    sampler.stop();
    assert_eq!(from.iter().map(|event| output(&event)).collect::<Vec<_>>(), [Some(7)]);
}

#[test]
fn a_restart_shows() {
    const BEFORE: &str = "process_start_time_seconds 100\nvllm:generation_tokens_total 500\n";
    const AFTER: &str = "process_start_time_seconds 200\nvllm:generation_tokens_total 20\n";
    let events = run(&[Some(BEFORE), Some(BEFORE), Some(AFTER)], 2);
    assert_eq!(events.iter().map(output).collect::<Vec<_>>(), [Some(500), Some(20)]);
    let started: Vec<_> = events.iter().map(|event| server(event).unwrap().started).collect();
    assert_eq!(started, [Some(Seconds(100.0)), Some(Seconds(200.0))]);
}

#[test]
fn a_failure_is_one_gap_until_the_page_is_back() {
    const PAGE: &str = "llamacpp:tokens_predicted_total 5\n";
    let events = run(&[Some(PAGE), Some(PAGE), None, None, None, Some(PAGE), None], 4);
    let told: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Gap(gap) => format!("gap of {}", gap.source),
            event => format!("{:?}", output(event)),
        })
        .collect();
    assert_eq!(told, ["Some(5)", "gap of server metrics", "Some(5)", "gap of server metrics"]);
    let Event::Gap(Gap { reason, .. }) = &events[1] else { panic!() };
    assert!(reason.ends_with("/metrics` answers with status 503"), "{reason}");
}

/// A page that forgets the server is no page of it.
#[test]
fn a_page_that_tells_less_is_a_gap() {
    let events = run(&[Some("vllm:generation_tokens_total 5\n"), Some("up 1\n")], 1);
    assert!(matches!(&events[0], Event::Gap(gap) if gap.source == "server metrics"));
}

#[test]
fn servers_are_read_as_their_sum_or_not_at_all() {
    let fails = Arc::new(AtomicBool::new(false));
    let failing = Arc::clone(&fails);
    let one = Server::of("vllm:generation_tokens_total 7\nvllm:num_requests_running 2\n");
    let two = Server::start(move |_| {
        let page = Answer::Page("vllm:generation_tokens_total 30\n".to_owned());
        if failing.load(Ordering::SeqCst) { Answer::Status(500) } else { page }
    });
    let (sampler, from) = events(open(&[one.at("/metrics"), two.at("/metrics")]));
    let first = server(&from.recv().unwrap()).unwrap();
    assert_eq!((first.output_tokens, first.running), (Some(Tokens(37)), None));
    fails.store(true, Ordering::SeqCst);
    let after = from.iter().skip_while(|event| server(event).is_some());
    assert!(matches!(after.take(1).next(), Some(Event::Gap(_))));
    // Seven alone would look like a restart.
    sampler.stop();
    assert!(from.iter().all(|event| server(&event).is_none()));
}

#[test]
fn exporters_cards_join_those_of_this_machine() {
    let server = Server::of(DCGM);
    let urls = [server.at("/metrics")];
    let telemetry = open(&urls);
    let info = telemetry.info().clone();
    let names = |gpus: &[GpuInfo]| gpus.iter().map(|gpu| gpu.index).collect::<Vec<_>>();
    assert_eq!(names(&info.gpus), [0, 1]);
    assert!(info.sources[1].starts_with("DCGM exporter at `http://127.0.0.1:"), "{info:?}");
    let (sampler, from) = events(telemetry);
    let Event::Reading(reading) = from.recv().unwrap() else { panic!() };
    assert_eq!(reading.server, None);
    assert_eq!(reading.gpus[0].energy, Some(Joules(7_299_606.5)));
    assert_eq!(reading.gpus[1].sm_clock_mhz, Some(345));
    sampler.stop();
}

/// Of two readers of one card's counter one is late, so its energy would go back and forth.
#[test]
fn a_card_that_nvml_reads_is_not_read_twice() {
    let card = |index, uuid: &str| GpuInfo { index, uuid: uuid.to_owned(), ..GpuInfo::default() };
    let exported = |index, uuid: &str| crate::telemetry::scrape::Exported {
        info: card(index, uuid),
        reading: GpuReading { index, ..GpuReading::default() },
    };
    let mut info = TelemetryInfo { gpus: vec![card(0, "here")], ..TelemetryInfo::default() };
    let found = [exported(0, "there"), exported(1, "here"), exported(5, "far")];
    let indexes = crate::telemetry::adopt(&found, METRICS_PERIOD, &mut info);
    let want = BTreeMap::from([("there".to_owned(), 1), ("far".to_owned(), 5)]);
    assert_eq!(indexes, want);
    let scraped = |index, uuid| GpuInfo { period: Some(METRICS_PERIOD), ..card(index, uuid) };
    assert_eq!(info.gpus, [card(0, "here"), scraped(1, "there"), scraped(5, "far")]);
}

#[test]
fn lost_cards_are_gaps_of_their_own() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Page(DCGM.to_owned()),
        _ => Answer::Status(500),
    });
    let (sampler, from) = events(open(&[server.at("/metrics")]));
    let lost: Vec<_> = from
        .iter()
        .take(2)
        .map(|event| matches!(event, Event::Gap(gap) if gap.is_of_gpu(0) || gap.is_of_gpu(1)))
        .collect();
    assert_eq!(lost, [true, true]);
    sampler.stop();
}

#[test]
fn what_is_not_there_at_the_start_is_named_and_not_asked_again() {
    let telemetry = open(&["http://127.0.0.1:9/metrics".to_owned(), "nonsense".to_owned()]);
    let missing = &telemetry.info().missing;
    let says = |words: &str| missing.iter().any(|line| line.contains(words));
    assert!(says("server metrics: `http://127.0.0.1:9/metrics` can't be reached"), "{missing:?}");
    assert!(says("server metrics: `nonsense` is no `http` or `https` URL"), "{missing:?}");
    assert!(telemetry.watched.is_empty());
}

#[test]
fn an_engine_in_this_process_is_asked_too() {
    let mut telemetry = open(&[]);
    telemetry.watch_engine(|| Some(ServerReading { running: Some(3), ..ServerReading::default() }));
    assert_eq!(telemetry.info().sources.last().unwrap(), "the engine's own counts");
    let (sampler, from) = events(telemetry);
    assert_eq!(server(&from.try_recv().unwrap()).unwrap().running, Some(3));
    sampler.stop();
}

/// Telemetry is asked at a pace of its own, whatever time a page takes.
#[test]
fn a_reading_is_of_the_middle_and_paced() {
    let clock = Arc::new(FakeClock::default());
    let (to, from) = channel();
    let asked = Arc::clone(&clock);
    // Each question takes 200 ms.
    let engine = move || {
        asked.advance(Seconds(0.2));
        Some(ServerReading::default())
    };
    let (sink, stop) = (Sink::new(move |event| drop(to.send(event))), Arc::default());
    let mut watch = Watch {
        watched: Watched::Engine(Box::new(engine)),
        period: METRICS_PERIOD,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        sink,
        stop: Arc::clone(&stop),
    };
    watch.round();
    assert!(!watch.wait(Moment(1_000_000_000)));
    watch.round();
    let at: Vec<_> = from
        .try_iter()
        .map(|event| match event {
            Event::Reading(reading) => reading.at,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(at, [Moment(100_000_000), Moment(1_100_000_000)]);
    stop.store(true, Ordering::Relaxed);
    assert!(watch.wait(Moment(u64::MAX)));
}

#[test]
fn what_one_server_does_not_tell_their_sum_does_not_either() {
    let one = ServerReading {
        running: Some(2),
        kv_used: Some(Ratio::of(0.2)),
        started: Some(Seconds(5.0)),
        requests: Some(4),
        ..ServerReading::default()
    };
    let two = ServerReading {
        kv_used: Some(Ratio::of(0.7)),
        started: Some(Seconds(3.0)),
        requests: Some(5),
        ..ServerReading::default()
    };
    let both = ServerReading {
        kv_used: Some(Ratio::of(0.7)),
        started: Some(Seconds(5.0)),
        requests: Some(9),
        ..ServerReading::default()
    };
    assert_eq!((together(one, two), together(two, one)), (both, both));
}
