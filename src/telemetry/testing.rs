//! A small HTTP server for the tests of what reads metrics.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What it answers.
pub(super) enum Answer {
    /// A page.
    Page(String),
    /// Nothing but a status.
    Status(u16),
    /// These very bytes.
    Raw(Vec<u8>),
    /// Nothing; the connection stays.
    Silence,
}

/// A server on a port of its own; it ends with the process.
pub(super) struct Server {
    pub(super) root: String,
    /// The head of each request, in order.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    /// How many connections there were.
    pub(super) connections: Arc<Mutex<usize>>,
}

impl Server {
    /// `answer` sees a request's path.
    pub(super) fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let (asked, connections) = (Arc::default(), Arc::default());
        let server =
            Self { root, asked: Arc::clone(&asked), connections: Arc::clone(&connections) };
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                *connections.lock().unwrap() += 1;
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream.unwrap(), &asked, &*answer));
            }
        });
        server
    }

    /// A server with one page at any path.
    pub(super) fn of(page: &'static str) -> Self {
        Self::start(|_| Answer::Page(page.to_owned()))
    }

    /// A URL below its root.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }
}

fn serve(stream: &TcpStream, asked: &Mutex<Vec<String>>, answer: &dyn Fn(&str) -> Answer) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        asked.lock().unwrap().push(head);
        let bytes = match answer(&path) {
            Answer::Page(page) => {
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len()).into()
            }
            Answer::Status(status) => {
                format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").into_bytes()
            }
            Answer::Raw(bytes) => bytes,
            Answer::Silence => continue,
        };
        if writer.write_all(&bytes).is_err() {
            return;
        }
    }
}
