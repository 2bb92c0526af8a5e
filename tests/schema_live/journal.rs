//! Runs as the program would have recorded them: made of its own events, written to a folder.

use std::path::Path;

use mtok::record::reading::{Gap, Gpm, GpuReading, Reading, ServerReading, Throttle};
use mtok::record::{
    Event, Failure, FailureKind, Finish, Header, Moment, Outcome, Phase, RequestId, Span, Step,
    Sweep, Turn, Usage,
};
use mtok::units::{Bytes, Joules, Ratio, Seconds, Tokens, Watts};
use serde_json::Value;

pub(crate) const REASONS: [Throttle; 10] = [
    Throttle::GpuIdle,
    Throttle::ApplicationsClocksSetting,
    Throttle::SwPowerCap,
    Throttle::HwSlowdown,
    Throttle::SyncBoost,
    Throttle::SwThermalSlowdown,
    Throttle::HwThermalSlowdown,
    Throttle::HwPowerBrakeSlowdown,
    Throttle::DisplayClockSetting,
    Throttle::Other(9),
];

/// The head of a run, from a fixture.
pub(crate) fn header(fixture: &str) -> Header {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema");
    serde_json::from_str(&fs_err::read_to_string(folder.join(fixture)).unwrap()).unwrap()
}

/// A run's part in a sweep of six.
pub(crate) fn part(index: u32) -> Sweep {
    Sweep { name: "2026-11-22T08-00-01Z-ladder".to_owned(), index, of: Some(6) }
}

/// Writes a record where the program looks for it; `torn` is what a cut-off write left behind.
pub(crate) fn write(home: &Path, header: &Header, events: &[Event], torn: &str) {
    let folder = home.join("runs").join(&header.id);
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("run.json"), serde_json::to_vec_pretty(header).unwrap()).unwrap();
    let mut journal: String =
        events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    journal.push_str(torn);
    fs_err::write(folder.join("journal.jsonl"), journal).unwrap();
}

/// The lines of a journal.
pub(crate) fn lines(events: &[Event]) -> Vec<Value> {
    events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

fn ms(at: u64) -> Moment {
    Moment(at * 1_000_000)
}

fn phase(at: u64, phase: Phase) -> Event {
    Event::Phase { at: ms(at), phase }
}

fn end(at: u64, outcome: Outcome) -> Event {
    Event::End { at: ms(at), outcome }
}

/// A request of 128 tokens and eight more: half its time for the prompt, then a step a token.
fn request(id: u32, due: u64, late: u64, length: u64, finish: Finish) -> Vec<Event> {
    const OUTPUT: u64 = 8;
    let id = RequestId(id);
    let first = due + length / 2;
    let token = |n: u64| first + n * (length / 2) / OUTPUT;
    let span = |from, to| Span { from: ms(from), to: ms(to) };
    let prompt = Step {
        span: span(due, first),
        prefill: Tokens(128),
        decode: 0,
        context: Tokens(8_256),
        prefill_context: None,
        cached_context: None,
    };
    let decoding = (1..OUTPUT).map(|n| Step {
        span: span(token(n - 1), token(n)),
        prefill: Tokens(0),
        decode: 1,
        context: Tokens(128 + n),
        prefill_context: None,
        cached_context: None,
    });
    let mut events = vec![Event::Sent {
        id,
        due: ms(due),
        at: ms(due + late),
        held: None,
        turn: None,
        prompt: Tokens(128),
        planned: Tokens(OUTPUT),
    }];
    events.extend(std::iter::once(prompt).chain(decoding).map(Event::Step));
    events.push(Event::Tokens {
        id,
        at: (0..OUTPUT).map(|n| ms(token(n))).collect(),
        counts: None,
    });
    let usage = Usage {
        prompt: Some(Tokens(128)),
        cached: Some(Tokens(0)),
        output: Some(Tokens(OUTPUT)),
        ..Usage::default()
    };
    events.push(Event::Done { id, at: ms(due + length), finish, usage });
    events
}

/// What a machine tells that tells everything.
fn reading(at: u64, reasons: &[Throttle]) -> Event {
    let seconds = f64::from(u32::try_from(at).unwrap()) / 1e3;
    let share = |share| Some(Ratio::of(share));
    let gpu = GpuReading {
        index: 0,
        busy: share(0.97),
        memory_busy: share(0.4),
        memory_used: Some(Bytes(9 << 30)),
        power: Some(Watts(500.0)),
        energy: Some(Joules(1e6 + 500.0 * seconds)),
        sm_clock_mhz: Some(1_755),
        memory_clock_mhz: Some(2_619),
        temperature_c: Some(61),
        throttle: Some(reasons.to_vec()),
        process_busy: share(0.9),
        gpm: Some(Gpm {
            sm: share(0.9),
            occupancy: share(0.3),
            tensor: share(0.1),
            dram: share(0.4),
        }),
    };
    Event::Reading(Box::new(Reading {
        at: ms(at),
        cpu_time: Some(Seconds(seconds)),
        cpu_energy: Some(Joules(80.0 * seconds)),
        gpus: vec![gpu],
        server: None,
    }))
}

/// A run as it should be, of 40 requests, on a GPU that tells everything but is held back, and is
/// lost once.
pub(crate) fn sound() -> Vec<Event> {
    paced(1_000)
}

/// The same with requests of this mean length.
pub(crate) fn paced(mean: u64) -> Vec<Event> {
    let mut events = vec![phase(0, Phase::WarmUp)];
    events.extend(request(0, 0, 0, mean, Finish::Length));
    events.push(phase(mean, Phase::Measure));
    let mut now = mean;
    for id in 1..=40 {
        let length = mean - 4 + u64::from(id * 7 % 5) * 2;
        events.extend(request(id, now, 0, length, Finish::Length));
        now += length;
    }
    events.extend((0..now / 100).map(|n| {
        let reasons = [REASONS[usize::try_from(n).unwrap() % REASONS.len()]];
        reading(n * 100, &reasons)
    }));
    events.push(Event::Gap(Gap::of_gpu(ms(5_050), 0, "the GPU has fallen off the bus".to_owned())));
    events.push(phase(now, Phase::Drain));
    events.push(end(now, Outcome::Complete));
    events
}

/// A run that was killed, whose requests ended in every way, whose last step was of both kinds, and
/// whose GPU tells its power only.
pub(crate) fn killed() -> Vec<Event> {
    let mut events = vec![phase(0, Phase::WarmUp), phase(100, Phase::Measure)];
    let failed = Finish::Failed(Failure::new(FailureKind::Engine, "out of memory"));
    let ends = [Finish::Length, Finish::Stop, Finish::Cancelled, failed, Finish::Length];
    for (id, finish) in (0..).zip(ends) {
        events.extend(request(id, 100 + u64::from(id) * 1_000, 30, 1_000, finish));
    }
    // The engine decodes one while it reads the rest of a prompt of which a cache had half.
    events.push(Event::Step(Step {
        span: Span { from: ms(5_100), to: ms(5_150) },
        prefill: Tokens(64),
        decode: 1,
        context: Tokens(6_312),
        prefill_context: Some(Tokens(6_176)),
        cached_context: Some(Tokens(4_096)),
    }));
    events.extend((1..50).map(|n| {
        let gpu = GpuReading { power: Some(Watts(60.0)), ..GpuReading::default() };
        Event::Reading(Box::new(Reading { at: ms(n * 100), gpus: vec![gpu], ..Reading::default() }))
    }));
    events
}

/// A run that failed before anything was measured.
pub(crate) fn stillborn() -> Vec<Event> {
    let failed = Outcome::Failed("out of memory".to_owned());
    vec![phase(0, Phase::WarmUp), end(500, failed)]
}

/// A conversation's turn at a server that tells all it can: 128 tokens, of which a cache had 64, and
/// five more in three chunks, of which two are reasoning.
fn turn(id: u32, due: u64, held: u64) -> Vec<Event> {
    let request = RequestId(id);
    let at = [due + held + 50, due + held + 60, due + held + 80].map(ms).to_vec();
    let done = *at.last().unwrap();
    let turn = Turn { conversation: id / 2, index: id % 2 + 1, of: 2 };
    let usage = Usage {
        prompt: Some(Tokens(128)),
        cached: Some(Tokens(64)),
        output: Some(Tokens(5)),
        reasoning: Some(Tokens(2)),
        recounted: Some(Tokens(5)),
    };
    vec![
        Event::Sent {
            id: request,
            due: ms(due),
            at: ms(due + held),
            held: (held > 0).then(|| ms(due + held)),
            turn: Some(turn),
            prompt: Tokens(128),
            planned: Tokens(5),
        },
        Event::Tokens { id: request, at, counts: Some(vec![1, 2, 2]) },
        Event::Done { id: request, at: done, finish: Finish::Length, usage },
    ]
}

/// What a server says of itself that says everything; it has answered so many turns.
fn told(at: u64, turns: u64) -> Event {
    let server = ServerReading {
        running: Some(1),
        waiting: Some(0),
        kv_used: Some(Ratio::of(0.25)),
        prefix_queried: Some(Tokens(128 * turns)),
        prefix_hit: Some(Tokens(64 * turns)),
        preemptions: Some(0),
        prompt_tokens: Some(Tokens(128 * turns)),
        output_tokens: Some(Tokens(5 * turns)),
        requests: Some(turns),
        started: Some(Seconds(1_795_000_000.5)),
    };
    Event::Reading(Box::new(Reading { at: ms(at), server: Some(server), ..Reading::default() }))
}

/// Conversations at a server, each turn sent half a second after the one before: one warms it up, ten
/// are measured, one cools it down. Those that are odd wait for their place.
pub(crate) fn served() -> Vec<Event> {
    let mut events = vec![told(0, 0), phase(0, Phase::WarmUp)];
    for id in 0..12 {
        let due = u64::from(id) * 500;
        match id {
            1 => events.push(phase(due, Phase::Measure)),
            11 => events.push(phase(due, Phase::CoolDown)),
            _ => {}
        }
        events.extend(turn(id, due, u64::from(id % 2) * 20));
        events.push(told(due + 200, u64::from(id) + 1));
    }
    events.extend([phase(6_000, Phase::Drain), end(6_100, Outcome::Complete)]);
    events
}

/// A server that could not keep up: a request failed in each way, one never ended, and one was never
/// sent.
pub(crate) fn overrun() -> Vec<Event> {
    let mut events = vec![phase(0, Phase::WarmUp), phase(100, Phase::Measure)];
    for (id, kind) in (0..).zip(crate::variants::FAILURES) {
        let mut failure = Failure::new(kind, "why");
        if kind == FailureKind::RateLimited {
            (failure.status, failure.retry_after) = (Some(429), Some(Seconds(1.5)));
        }
        events.push(sent(id, 100 + u64::from(id) * 100));
        events.push(Event::Done {
            id: RequestId(id),
            at: ms(150 + u64::from(id) * 100),
            finish: Finish::Failed(failure),
            usage: Usage::default(),
        });
    }
    events.push(sent(100, 1_000));
    events.push(Event::Unsent { id: RequestId(101), due: ms(1_100) });
    // It tells that it was there, and no more.
    let bare =
        Reading { at: ms(500), server: Some(ServerReading::default()), ..Reading::default() };
    events.push(Event::Reading(Box::new(bare)));
    events.push(end(1_200, Outcome::Saturated));
    events
}

/// A request that was sent when it was due.
fn sent(id: u32, due: u64) -> Event {
    Event::Sent {
        id: RequestId(id),
        due: ms(due),
        at: ms(due),
        held: None,
        turn: None,
        prompt: Tokens(128),
        planned: Tokens(5),
    }
}
