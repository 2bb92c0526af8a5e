//! The control: about the least that a client of a streaming server can do, on hyper and one thread.
//!
//! What it reaches is what this machine lets a client reach, so other load generators are judged
//! beside it and not beside an ideal. It knows its server (`mock`): the first event of a stream names
//! the role, the next so many are tokens. It parses nothing else. With `--record` it also keeps when
//! each token came.
//!
//! It prints one line of JSON; the CPU time in it is that before anything is written down.

#![expect(clippy::print_stdout, reason = "a program prints what it found")]

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use memchr::memmem::Finder;
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// A closed loop against the mock server, with next to nothing around it.
#[derive(Debug, Parser)]
struct Flags {
    /// Where the server listens: HOST:PORT.
    address: String,
    /// Requests in flight, each on a connection of its own.
    #[arg(long)]
    concurrency: u32,
    /// For how long requests are begun, in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Milliseconds between the first requests of two streams. Streams that begin together stay in step:
    /// that is another load, of fewer wake-ups and longer queues.
    #[arg(long, default_value_t = 1.0)]
    stagger_ms: f64,
    /// Tokens that each request asks for.
    #[arg(long, default_value_t = 100)]
    tokens: u32,
    /// Words of the prompt, which is always the same.
    #[arg(long, default_value_t = 128)]
    prompt: usize,
    /// Keep when each token came, and write it to this file: a request a line.
    #[arg(long)]
    record: Option<PathBuf>,
}

/// A request, in nanoseconds of the monotonic clock.
#[derive(Debug)]
struct Sample {
    sent: u64,
    tokens: Vec<u64>,
}

/// What all the streams share.
struct Plan {
    flags: Flags,
    body: Bytes,
    until: u64,
}

/// What one stream did.
#[derive(Debug, Default)]
struct Tally {
    requests: u64,
    tokens: u64,
    samples: Vec<Sample>,
}

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let flags = Flags::parse();
    let record = flags.record.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tallies = runtime.block_on(LocalSet::new().run_until(load(flags)))?;
    let cpu = nanos(ClockId::ProcessCPUTime);
    let requests: u64 = tallies.iter().map(|tally| tally.requests).sum();
    let tokens: u64 = tallies.iter().map(|tally| tally.tokens).sum();
    if let Some(path) = record {
        let mut file = BufWriter::new(fs_err::File::create(path)?);
        for sample in tallies.iter().flat_map(|tally| &tally.samples) {
            let line = serde_json::json!({ "sent": sample.sent, "tokens": sample.tokens });
            writeln!(file, "{line}")?;
        }
        file.flush()?;
    }
    println!("{{\"requests\":{requests},\"tokens\":{tokens},\"cpu_ns\":{cpu}}}");
    Ok(())
}

async fn load(flags: Flags) -> Result<Vec<Tally>, Failure> {
    let content = "word ".repeat(flags.prompt);
    let body = serde_json::json!({
        "model": "mock",
        "messages": [{ "role": "user", "content": content }],
        "max_tokens": flags.tokens,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let length = u64::try_from(Duration::try_from_secs_f64(flags.seconds)?.as_nanos())?;
    let until = nanos(ClockId::Monotonic) + length;
    let streams = flags.concurrency;
    let plan = Rc::new(Plan { flags, body: body.to_string().into(), until });
    let tasks: Vec<_> =
        (0..streams).map(|n| tokio::task::spawn_local(stream(Rc::clone(&plan), n))).collect();
    let mut tallies = Vec::with_capacity(tasks.len());
    for task in tasks {
        tallies.push(task.await??);
    }
    Ok(tallies)
}

/// One request after the other on one connection.
async fn stream(plan: Rc<Plan>, number: u32) -> Result<Tally, Failure> {
    let wait = plan.flags.stagger_ms / 1e3 * f64::from(number);
    tokio::time::sleep(Duration::try_from_secs_f64(wait)?).await;
    let socket = TcpStream::connect(&plan.flags.address).await?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::task::spawn_local(connection);
    let events = Finder::new(b"data: ");
    let mut tally = Tally::default();
    while nanos(ClockId::Monotonic) < plan.until {
        request(&plan, &mut sender, &events, &mut tally).await?;
    }
    Ok(tally)
}

async fn request(
    plan: &Plan,
    sender: &mut SendRequest<Full<Bytes>>,
    events: &Finder<'_>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/chat/completions")
        .header("host", &plan.flags.address)
        .header("content-type", "application/json")
        .body(Full::new(plan.body.clone()))?;
    let keeps = plan.flags.record.is_some();
    let room = if keeps { plan.flags.tokens as usize } else { 0 };
    let mut sample = Sample { sent: nanos(ClockId::Monotonic), tokens: Vec::with_capacity(room) };
    let mut answer = sender.send_request(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(format!("status {}", answer.status()).into());
    }
    // The role comes before the tokens, the counts and the end after them.
    let mut seen = 0;
    while let Some(frame) = answer.body_mut().frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        for _ in events.find_iter(&data) {
            if keeps && (1..=plan.flags.tokens).contains(&seen) {
                sample.tokens.push(nanos(ClockId::Monotonic));
            }
            seen += 1;
        }
    }
    if seen != plan.flags.tokens + 3 {
        return Err(format!("{seen} events").into());
    }
    tally.requests += 1;
    tally.tokens += u64::from(plan.flags.tokens);
    if keeps {
        tally.samples.push(sample);
    }
    Ok(())
}

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
