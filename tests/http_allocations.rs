//! What a chunk of a stream costs in allocations: nothing that grows with their number, beyond the
//! bytes that the network hands over.
//!
//! The server here allocates nothing while it sends, so that all that is counted is the client's.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to stop")]

use mtok::clock::RunClock;
use mtok::engine::sampler::SamplerParams;
use mtok::engine::stop::StopRules;
use mtok::record::RequestId;
use mtok::target::http::{Extras, Http, HttpOptions};
use mtok::target::{Prompt, Request, Target, What};
use mtok::units::Tokens;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

/// Counts how often something is allocated.
struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; only a number is kept beside it.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `alloc` above, with this `layout`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// An event as vLLM writes it.
const EVENT: &str = "data: {\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\
    \"created\":1700000000,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\
    \"logprobs\":null,\"finish_reason\":null}],\"usage\":{\"prompt_tokens\":9,\"total_tokens\":10,\
    \"completion_tokens\":1}}\n\n";

/// Streams as many chunks as the request's `max_tokens` asks for; an address.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let chunk = format!("{:x}\r\n{EVENT}\r\n", EVENT.len());
        for stream in listener.incoming() {
            serve(stream.unwrap(), &chunk);
        }
    });
    url
}

fn serve(mut stream: TcpStream, chunk: &str) {
    stream.set_nodelay(true).unwrap();
    let mut asked = [0; 4096];
    while let Ok(read) = stream.read(&mut asked) {
        let asked = String::from_utf8_lossy(&asked[..read]);
        let Some((_, rest)) = asked.split_once("\"max_tokens\":") else { return };
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
        let chunks: usize = rest[..digits].parse().unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..chunks {
            stream.write_all(chunk.as_bytes()).unwrap();
        }
        stream.write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n").unwrap();
    }
}

#[test]
fn a_chunk_allocates_nothing() {
    let options = HttpOptions {
        model: Some("m".to_owned()),
        extras: Some(Extras { include_usage: true, continuous_usage: true, ..Extras::default() }),
        workers: NonZeroUsize::new(1),
        ..HttpOptions::new(&server())
    };
    let http = Http::open(&options, Arc::new(RunClock::start())).unwrap();
    // Allocations of a request of so many chunks, and of its deliveries.
    let allocations = |id, chunks: usize| {
        let (to, inbox) = channel();
        let before = COUNT.load(Ordering::Relaxed);
        let stop = StopRules::at_most(Tokens(chunks as u64));
        let prompt = Prompt::Text("hello".to_owned());
        let request = Request::of(RequestId(id), prompt, Tokens(1), SamplerParams::GREEDY, stop);
        http.submit(request, to).unwrap();
        let (mut came, mut deliveries) = (0, 0);
        for delivery in inbox {
            deliveries += 1;
            if let What::Chunks { at, counts } = delivery.what {
                assert_eq!(counts.map(|counts| counts.len()), Some(at.len()));
                came += at.len();
            }
        }
        assert_eq!(came, chunks);
        (COUNT.load(Ordering::Relaxed) - before, deliveries)
    };
    // Buffers grow to their size, and there is a connection.
    allocations(0, 20_000);
    let (few, _) = allocations(1, 200);
    let (many, deliveries) = allocations(2, 20_200);
    // A delivery has two lists of its own, and the channel grows now and then. The network's buffers
    // hold many chunks each: 8 KiB at the least (hyper's `INIT_BUFFER_SIZE`), for chunks of 250 bytes
    // less than one in 20.
    let grown = many.saturating_sub(few + 3 * deliveries);
    assert!(grown < 20_000 / 20, "{grown} allocations of 20000 chunks, {few} of 200");
}
