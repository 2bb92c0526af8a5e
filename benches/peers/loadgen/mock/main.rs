//! The mock server as a program: `cargo run --release --example mock_openai -- --help`.
//!
//! It prints its address as one line of JSON and runs until it is killed. `GET /__log` is the truth
//! so far, a JSON object a line (times in nanoseconds of `CLOCK_MONOTONIC`); `POST /__reset` begins
//! anew.

#![expect(clippy::print_stdout, reason = "a program says where it listens")]

#[path = "server.rs"]
mod server;

use clap::{Parser, ValueEnum};
use server::{Config, Fault, Mock, Role, Stall, UsageIn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// An OpenAI-compatible server with known latencies.
#[derive(Debug, Parser)]
struct Flags {
    /// 0: any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// To the first token, in milliseconds.
    #[arg(long, default_value_t = 50.0)]
    ttft_ms: f64,
    /// Between writes of tokens, in milliseconds.
    #[arg(long, default_value_t = 5.0)]
    itl_ms: f64,
    /// Tokens of an answer to a request that doesn't say how many.
    #[arg(long, default_value_t = 100)]
    tokens: u32,
    /// Tokens in each chunk.
    #[arg(long, default_value_t = 1)]
    per_chunk: u32,
    /// When the empty chunk that names the role is sent.
    #[arg(long, value_enum, default_value_t = RoleFlag::AtOnce)]
    role: RoleFlag,
    /// Where token counts are sent.
    #[arg(long, value_enum, default_value_t = UsageFlag::AsAsked)]
    usage: UsageFlag,
    /// So many tokens of each answer come as `reasoning_content`.
    #[arg(long, default_value_t = 0)]
    reasoning: u32,
    /// How many requests run at once; others wait.
    #[arg(long)]
    slots: Option<usize>,
    /// AT:LENGTH in seconds from the first request: the server stands still. May be repeated.
    #[arg(long, value_parser = stall)]
    stall: Vec<Stall>,
    /// KIND@N, what goes wrong with the N-th request: 429, 400, 500, broken, malformed, silence.
    #[arg(long, value_parser = fault)]
    fault: Vec<(u64, Fault)>,
    /// Count the prompts' tokens that were seen before as cached.
    #[arg(long)]
    prefix_cache: bool,
    /// The name of its one model.
    #[arg(long, default_value = "mock")]
    model: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleFlag {
    AtOnce,
    WithFirst,
    Never,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum UsageFlag {
    AsAsked,
    Nowhere,
    EveryChunk,
}

fn stall(text: &str) -> Result<Stall, String> {
    let (at, length) = text.split_once(':').ok_or("not AT:LENGTH")?;
    let nanos = |text: &str| {
        let seconds = text.parse().map_err(|error| format!("`{text}`: {error}"))?;
        let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
        u64::try_from(duration.as_nanos()).map_err(|error| error.to_string())
    };
    Ok(Stall { at: nanos(at)?, length: nanos(length)? })
}

fn fault(text: &str) -> Result<(u64, Fault), String> {
    let (kind, number) = text.split_once('@').ok_or("not KIND@N")?;
    let fault = match kind {
        "429" => Fault::RateLimited { retry_after_s: 1 },
        "400" => Fault::Refused,
        "500" => Fault::ServerError,
        "broken" => Fault::Broken { after: 10 },
        "malformed" => Fault::Malformed,
        "silence" => Fault::Silence,
        _ => return Err(format!("no fault `{kind}`")),
    };
    Ok((number.parse().map_err(|error| format!("`{number}`: {error}"))?, fault))
}

fn duration(milliseconds: f64) -> io::Result<Duration> {
    Duration::try_from_secs_f64(milliseconds / 1e3).map_err(io::Error::other)
}

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let config = Config {
        ttft: duration(flags.ttft_ms)?,
        itl: duration(flags.itl_ms)?,
        tokens: flags.tokens,
        per_chunk: flags.per_chunk,
        role: match flags.role {
            RoleFlag::AtOnce => Role::AtOnce,
            RoleFlag::WithFirst => Role::WithFirst,
            RoleFlag::Never => Role::Never,
        },
        usage: match flags.usage {
            UsageFlag::AsAsked => UsageIn::AsAsked,
            UsageFlag::Nowhere => UsageIn::Nowhere,
            UsageFlag::EveryChunk => UsageIn::EveryChunk,
        },
        reasoning: flags.reasoning,
        slots: flags.slots,
        stalls: flags.stall,
        faults: flags.fault,
        prefix_cache: flags.prefix_cache,
        model: flags.model,
        ..Config::default()
    };
    let mock = Mock::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, flags.port)), config)?;
    println!("{{\"url\":\"{}\"}}", mock.url());
    loop {
        std::thread::park();
    }
}
