//! A made-up hub, which does what it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a made-up hub does with the one file that it has.
#[derive(Clone, Default)]
pub(super) struct Manner {
    pub(super) body: Vec<u8>,
    pub(super) etag: String,
    /// Closes the connection after so many bytes of the first body it sends.
    pub(super) cut_once_after: Option<usize>,
    pub(super) ignores_range: bool,
    pub(super) sends_more: bool,
    pub(super) status: Option<u16>,
    pub(super) wants_token: Option<&'static str>,
}

/// A hub on a loopback port; its thread ends with the listener, when the process does.
pub(super) struct Server {
    pub(super) endpoint: String,
    /// The request lines with their `Range`, in order.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

pub(super) fn serve(manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut manner = manner;
        for stream in listener.incoming().flatten() {
            answer(&stream, &mut manner, &log);
        }
    });
    Server { endpoint, asked }
}

fn answer(mut stream: &TcpStream, manner: &mut Manner, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        headers.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let range = header("range");
    log.lock().unwrap().push(format!("{request} {}", range.clone().unwrap_or_default()));
    let status = match (manner.status, manner.wants_token) {
        (Some(status), _) => Some(status),
        (_, Some(token)) if header("authorization") != Some(format!("Bearer {token}")) => Some(401),
        _ => None,
    };
    if let Some(status) = status {
        write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .ok();
        return;
    }
    let from = range
        .filter(|_| !manner.ignores_range)
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let body = &manner.body[from.unwrap_or(0).min(manner.body.len())..];
    let head = match from {
        Some(from) => format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
            manner.body.len() - 1,
            manner.body.len()
        ),
        None => "200 OK".to_owned(),
    };
    let length = body.len() + usize::from(manner.sends_more && request.starts_with("GET"));
    write!(
        stream,
        "HTTP/1.1 {head}\r\nETag: \"{}\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        manner.etag
    )
    .ok();
    if request.starts_with("GET") {
        let cut = manner.cut_once_after.take().unwrap_or(body.len()).min(body.len());
        stream.write_all(&body[..cut]).ok();
        if manner.sends_more {
            stream.write_all(b"!").ok();
        }
    }
}
