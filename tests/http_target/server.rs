//! A server that does what a test tells it, byte by byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a client asked.
pub(crate) struct Asked {
    /// `POST /v1/chat/completions`.
    pub(crate) what: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// `null` where there is none.
    pub(crate) body: serde_json::Value,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// The way back. What it can't write any more is lost: clients may leave.
pub(crate) struct Back {
    stream: TcpStream,
    open: bool,
}

/// The head of a stream in chunks.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

impl Back {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// One chunk of the transfer.
    pub(crate) fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let mut all = format!("{:x}\r\n", bytes.len()).into_bytes();
        all.extend_from_slice(bytes);
        all.extend_from_slice(b"\r\n");
        self.send(all);
    }

    /// A whole stream of these events, each a chunk of the transfer.
    pub(crate) fn events(&mut self, events: &[&str]) {
        self.send(STREAM);
        for event in events {
            self.chunk(format!("data: {event}\n\n"));
        }
        self.send("0\r\n\r\n");
    }

    /// A whole answer of this status and these headers.
    pub(crate) fn answer(&mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.send(format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}"));
    }

    /// A whole answer in JSON.
    pub(crate) fn json(&mut self, body: &str) {
        self.answer("200 OK", "content-type: application/json\r\n", body);
    }

    pub(crate) fn close(&mut self) {
        self.open = false;
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Waits until the client has left.
    pub(crate) fn wait_for_leave(&mut self) {
        let mut byte = [0];
        while matches!(self.stream.read(&mut byte), Ok(read) if read > 0) {}
        self.open = false;
    }
}

/// A server on a port of its own, until it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    address: std::net::SocketAddr,
}

impl Server {
    /// Answers each request as told.
    pub(crate) fn start(answer: impl Fn(&Asked, &mut Back) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (answer, count, ended) =
            (Arc::new(answer), Arc::clone(&connections), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&answer);
                let Ok(stream) = stream else { continue };
                stream.set_nodelay(true).unwrap();
                std::thread::spawn(move || {
                    let mut back = Back { stream, open: true };
                    while back.open {
                        let Some(asked) = read(&mut back.stream) else { break };
                        answer(&asked, &mut back);
                    }
                });
            }
        });
        Self { url: format!("http://{address}"), connections, stop, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// One request; `None` where the client has left.
pub(crate) fn read(stream: &mut impl Read) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let what = lines.next()?.strip_suffix(" HTTP/1.1")?.to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Asked { what, headers, body })
}
