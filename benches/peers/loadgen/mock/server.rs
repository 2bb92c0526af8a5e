//! An OpenAI-compatible server whose latencies are known: what load generators are checked against.
//!
//! Invariant: the log is the truth. It holds, on the machine's monotonic clock, when the last byte of
//! each request was read and when each write of tokens was begun; a client on the same machine can
//! see nothing earlier. Every write has a due time of its own, counted from when the request was
//! read, so lateness never adds up. Guarded by `tests/mock_openai.rs`.
//!
//! One thread reads each connection, one thread makes all the writes: nothing on the way of a token
//! takes a lock that anybody else holds for long, and every token is one write of bytes that were
//! made ready before.
//!
//! It stands alone: a test includes it by its path.
#![allow(dead_code, unused_imports, reason = "who includes it needs a part of it")]

mod answer;
mod counts;
mod log;
mod pace;
mod request;
pub(crate) mod stall;

pub(crate) use log::{Entry, Outcome};
pub(crate) use stall::Stall;

use counts::{Counters, cached, metrics};
use pace::{Job, Pace};
use request::{Incoming, Path};
use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What the server does. The default is 50 ms to the first token, 5 ms between tokens, 100 tokens.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// From when a request was read, or got a slot, to its first token.
    pub(crate) ttft: Duration,
    /// From one write of tokens to the next.
    pub(crate) itl: Duration,
    /// Tokens of an answer to a request that doesn't say how many.
    pub(crate) tokens: u32,
    /// Tokens in each chunk; the last has what is left.
    pub(crate) per_chunk: u32,
    /// The empty chunk that names the role.
    pub(crate) role: Role,
    /// Where token counts are sent.
    pub(crate) usage: UsageIn,
    /// So many tokens of each answer come as `reasoning_content`.
    pub(crate) reasoning: u32,
    /// How many requests run at once; others wait in order of arrival. `None`: all.
    pub(crate) slots: Option<usize>,
    /// When the server stands still, counted from its first request; in order, apart.
    pub(crate) stalls: Vec<Stall>,
    /// What goes wrong, by the request's number, counted from 1.
    pub(crate) faults: Vec<(u64, Fault)>,
    /// Whether a prompt's beginnings are remembered, so that `cached_tokens` are counted. A cached
    /// prompt is not answered sooner.
    pub(crate) prefix_cache: bool,
    /// The name of its one model.
    pub(crate) model: String,
    /// The text of each token.
    pub(crate) word: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ttft: Duration::from_millis(50),
            itl: Duration::from_millis(5),
            tokens: 100,
            per_chunk: 1,
            role: Role::AtOnce,
            usage: UsageIn::AsAsked,
            reasoning: 0,
            slots: None,
            stalls: Vec::new(),
            faults: Vec::new(),
            prefix_cache: false,
            model: "mock".to_owned(),
            word: " word".to_owned(),
        }
    }
}

/// When the empty chunk that names the role is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// With the headers: who takes it for a token sees a first token at once.
    AtOnce,
    /// In the write of the first token.
    WithFirst,
    /// Never.
    Never,
}

/// Where a stream's token counts are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsageIn {
    /// As `stream_options` say.
    AsAsked,
    /// Nowhere, as old servers do.
    Nowhere,
    /// In every chunk and at the end, asked or not.
    EveryChunk,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 429, to be tried again after so many seconds.
    RateLimited {
        /// The header `Retry-After`.
        retry_after_s: u32,
    },
    /// 400.
    Refused,
    /// 500.
    ServerError,
    /// The connection is closed after so many writes of tokens.
    Broken {
        /// How many.
        after: u32,
    },
    /// A chunk that is no JSON takes the place of the first token's.
    Malformed,
    /// It is read, and never answered.
    Silence,
}

/// A connection: its reader fills `gone`, the writer writes.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    gone: AtomicBool,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    config: Config,
    counters: Counters,
    log: Mutex<Vec<Entry>>,
    pace: Pace,
    /// Requests for completions so far.
    requests: AtomicU64,
    /// When the first of them was read; 0: none was.
    origin: AtomicU64,
    prefixes: Mutex<HashSet<u64>>,
    connections: Mutex<Vec<Arc<Connection>>>,
    stop: AtomicBool,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Mock {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Mock {
    /// Starts on a free port of the loopback interface.
    pub(crate) fn start(config: Config) -> io::Result<Self> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), config)
    }

    /// Starts where it is told to.
    pub(crate) fn start_on(address: SocketAddr, config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            config,
            counters: Counters::default(),
            log: Mutex::default(),
            pace: Pace::default(),
            requests: AtomicU64::new(0),
            origin: AtomicU64::new(0),
            prefixes: Mutex::default(),
            connections: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let writer = thread::Builder::new().name("mock-writer".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || pace::run(&shared)
        })?;
        let accepter = thread::Builder::new().name("mock-accept".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        })?;
        Ok(Self { address, shared, threads: vec![writer, accepter] })
    }

    /// Its address as a base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that have ended, in the order in which they did.
    pub(crate) fn log(&self) -> Vec<Entry> {
        self.shared.log().clone()
    }

    /// Forgets its log, its numbers, its prefixes and when its first request came.
    pub(crate) fn reset(&self) {
        reset(&self.shared);
    }

    /// Now, on the log's clock.
    pub(crate) fn now() -> u64 {
        now()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.pace.wake();
        // Whoever waits in `accept` or `read` is woken by what it waits for.
        drop(TcpStream::connect(self.address));
        let connections = self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for connection in connections.iter() {
            drop(connection.stream.shutdown(Shutdown::Both));
        }
        drop(connections);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn reset(shared: &Shared) {
    shared.log().clear();
    shared.requests.store(0, Ordering::SeqCst);
    shared.origin.store(0, Ordering::SeqCst);
    shared.prefixes.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The machine's monotonic clock, in nanoseconds.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        // A client that leaves so much unread that a write waits is dropped: all wait with it.
        let ready = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_write_timeout(Some(Duration::from_millis(1))));
        if ready.is_err() {
            continue;
        }
        let connection = Arc::new(Connection { stream, gone: AtomicBool::new(false) });
        let mut all = shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|each| !each.gone.load(Ordering::Relaxed));
        all.push(Arc::clone(&connection));
        drop(all);
        let shared = Arc::clone(shared);
        let reader = thread::Builder::new().stack_size(256 * 1024).spawn(move || {
            read(&connection, &shared);
            connection.gone.store(true, Ordering::Relaxed);
        });
        drop(reader);
    }
}

/// Reads a connection's requests until it ends. Completions are the writer's to answer, everything
/// else is answered here, which is no race: a client has one request on a connection at a time.
fn read(connection: &Arc<Connection>, shared: &Shared) {
    let mut buffer = request::Buffer::new(&connection.stream);
    while let Ok(Some(incoming)) = buffer.next() {
        let read = now();
        let answer = match incoming.path {
            Path::Chat | Path::Completions => {
                match completion(connection, shared, &incoming, read) {
                    Some(answer) => answer,
                    None => continue,
                }
            }
            Path::Models => answer::models(&shared.config.model),
            Path::Health => answer::plain(200, "text/plain", &[], ""),
            Path::Metrics => answer::plain(
                200,
                "text/plain; version=0.0.4",
                &[],
                &metrics(&shared.counters, &shared.config.model),
            ),
            Path::Log => {
                answer::plain(200, "application/jsonl", &[], &log::lines(&shared.log().clone()))
            }
            Path::Reset => {
                reset(shared);
                answer::plain(200, "text/plain", &[], "")
            }
            Path::Unknown => answer::error(404, "not_found", "no such path", &[]),
        };
        // A log is long; the writes' limit is for streams.
        let whole = connection
            .stream
            .set_write_timeout(None)
            .and_then(|()| io::Write::write_all(&mut &connection.stream, &answer))
            .and_then(|()| connection.stream.set_write_timeout(Some(Duration::from_millis(1))));
        if whole.is_err() {
            return;
        }
    }
}

/// Hands a request to the writer, or says what to answer at once.
fn completion(
    connection: &Arc<Connection>,
    shared: &Shared,
    incoming: &Incoming,
    read: u64,
) -> Option<Vec<u8>> {
    let number = shared.requests.fetch_add(1, Ordering::SeqCst) + 1;
    // Only the first finds it unset.
    let _ = shared.origin.compare_exchange(0, read, Ordering::SeqCst, Ordering::SeqCst);
    let fault = shared.config.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
    let asked = match request::asked(incoming) {
        Ok(asked) => asked,
        Err(why) => {
            shared.log().push(Entry::refused(number, read, 400));
            return Some(answer::error(400, "invalid_request_error", &why, &[]));
        }
    };
    let refusal = match fault {
        Some(Fault::RateLimited { retry_after_s }) => {
            let header = format!("Retry-After: {retry_after_s}");
            Some((429, answer::error(429, "rate_limit_exceeded", "too many requests", &[&header])))
        }
        Some(Fault::Refused) => {
            Some((400, answer::error(400, "invalid_request_error", "it is refused", &[])))
        }
        Some(Fault::ServerError) => {
            Some((500, answer::error(500, "internal_error", "something broke", &[])))
        }
        _ => None,
    };
    if let Some((status, bytes)) = refusal {
        shared.log().push(Entry::refused(number, read, status));
        return Some(bytes);
    }
    let prompt = asked.prompt.len() as u64;
    let cached = shared.config.prefix_cache.then(|| {
        let mut seen = shared.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        cached(&mut seen, &asked.prompt)
    });
    shared.counters.prompt.fetch_add(prompt, Ordering::Relaxed);
    if let Some(hits) = cached {
        shared.counters.cache_queries.fetch_add(prompt, Ordering::Relaxed);
        shared.counters.cache_hits.fetch_add(hits, Ordering::Relaxed);
    }
    let answer = answer::Answer::new(&shared.config, &asked, number, cached);
    let entry = Entry::begun(number, read, prompt, cached, answer.chunks());
    shared.pace.add(Job { connection: Arc::clone(connection), answer, entry, fault });
    None
}
