//! A source on this machine: one body, one `ETag`, and a note of what it was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server; its thread ends with the process.
pub(crate) struct Server {
    /// Where it is.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    #[allow(dead_code, reason = "each test program uses a part of it")]
    /// The `If-None-Match` of each request, empty where there was none.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Serves a body with a status; 304 to who has it already.
pub(crate) fn serve(status: u16, body: &'static str, etag: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/prices.json", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(&stream, status, body, etag, &log);
        }
    });
    Server { url, asked }
}

fn answer(mut stream: &TcpStream, status: u16, body: &str, etag: &str, log: &Mutex<Vec<String>>) {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut known = String::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("if-none-match")
        {
            value.clone_into(&mut known);
        }
    }
    let same = status == 200 && known == etag;
    log.lock().unwrap().push(known);
    let (status, body) = if same { (304, "") } else { (status, body) };
    let head = format!("HTTP/1.1 {status} So\r\nETag: {etag}\r\nConnection: close\r\n");
    let length = if same { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    write!(stream, "{head}{length}\r\n{body}").ok();
}
