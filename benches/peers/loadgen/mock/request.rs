//! What clients ask, off the wire: HTTP/1.1 with a stated length, one request at a time.

use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::net::TcpStream;

/// The longest head and the longest body that are read, in bytes.
const HEAD_MAX: usize = 64 << 10;
const BODY_MAX: usize = 256 << 20;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    Chat,
    Completions,
    Models,
    Health,
    Metrics,
    /// The truth, as JSON lines.
    Log,
    /// Begin anew.
    Reset,
    Unknown,
}

/// A request as it came.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) path: Path,
    pub(super) body: Vec<u8>,
}

/// What a completion's request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) path: Path,
    pub(super) stream: bool,
    pub(super) tokens: Option<u32>,
    pub(super) usage: bool,
    pub(super) usage_in_chunks: bool,
    /// The prompt's tokens: its ids where it is given as ids, else a number for each word that
    /// white space parts. The roles and the template are not counted.
    pub(super) prompt: Vec<u64>,
}

impl Asked {
    pub(super) fn is_chat(&self) -> bool {
        self.path == Path::Chat
    }
}

/// A connection's bytes, cut into requests.
pub(super) struct Buffer<'a> {
    stream: &'a TcpStream,
    bytes: Vec<u8>,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(stream: &'a TcpStream) -> Self {
        Self { stream, bytes: Vec::with_capacity(8 << 10) }
    }

    /// The next request; `None` where the connection ends between two.
    pub(super) fn next(&mut self) -> io::Result<Option<Incoming>> {
        let head = loop {
            if let Some(end) = memchr::memmem::find(&self.bytes, b"\r\n\r\n") {
                break end + 4;
            }
            if self.bytes.len() > HEAD_MAX || self.more()? == 0 {
                return Ok(None);
            }
        };
        let text = String::from_utf8_lossy(&self.bytes[..head]).into_owned();
        let header = |name: &str| {
            let mut fields = text.lines().skip(1).filter_map(|line| line.split_once(':'));
            fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        if header("expect").is_some() {
            let mut stream = self.stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = header("content-length").map_or(Ok(0), str::parse::<usize>);
        let length = length.ok().filter(|length| *length <= BODY_MAX);
        let (Some(length), None) = (length, header("transfer-encoding")) else {
            return Err(io::Error::other("a body without a stated length"));
        };
        let path = path(&text);
        while self.bytes.len() < head + length {
            if self.more()? == 0 {
                return Ok(None);
            }
        }
        let rest = self.bytes.split_off(head + length);
        let body = std::mem::replace(&mut self.bytes, rest).split_off(head);
        Ok(Some(Incoming { path, body }))
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut part = [0; 16 << 10];
        let count = self.stream.read(&mut part)?;
        self.bytes.extend_from_slice(&part[..count]);
        Ok(count)
    }
}

fn path(head: &str) -> Path {
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (method, path.split('?').next().unwrap_or_default()) {
        ("POST", "/v1/chat/completions") => Path::Chat,
        ("POST", "/v1/completions") => Path::Completions,
        ("GET", "/v1/models") => Path::Models,
        ("GET", "/health") => Path::Health,
        ("GET", "/metrics") => Path::Metrics,
        ("GET", "/__log") => Path::Log,
        ("POST", "/__reset") => Path::Reset,
        _ => Path::Unknown,
    }
}

/// What the body says, or what is wrong with it.
pub(super) fn asked(incoming: &Incoming) -> Result<Asked, String> {
    let body: Value = serde_json::from_slice(&incoming.body)
        .map_err(|error| format!("the body is no JSON: {error}"))?;
    let flag = |value: &Value, name: &str| value[name].as_bool().unwrap_or(false);
    let tokens = [&body["max_completion_tokens"], &body["max_tokens"]];
    let tokens = tokens.into_iter().find(|value| !value.is_null());
    let tokens = tokens.map(|value| {
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
        count.filter(|count| *count > 0).ok_or_else(|| format!("no number of tokens: `{value}`"))
    });
    let (field, name) = if incoming.path == Path::Chat {
        (&body["messages"], "messages")
    } else {
        (&body["prompt"], "prompt")
    };
    if field.is_null() {
        return Err(format!("no `{name}`"));
    }
    let mut prompt = Vec::new();
    count(field, &mut prompt);
    Ok(Asked {
        path: incoming.path,
        stream: flag(&body, "stream"),
        tokens: tokens.transpose()?,
        usage: flag(&body["stream_options"], "include_usage"),
        usage_in_chunks: flag(&body["stream_options"], "continuous_usage_stats"),
        prompt,
    })
}

/// A prompt in any of its forms: text, ids, messages, or parts of a message.
fn count(value: &Value, into: &mut Vec<u64>) {
    match value {
        Value::String(text) => into.extend(text.split_whitespace().map(|word| {
            let mut hasher = DefaultHasher::new();
            word.hash(&mut hasher);
            hasher.finish()
        })),
        Value::Array(items) => items.iter().for_each(|item| count(item, into)),
        Value::Object(fields) => {
            if let Some(part) = fields.get("content").or_else(|| fields.get("text")) {
                count(part, into);
            }
        }
        Value::Number(id) => into.extend(id.as_u64()),
        Value::Null | Value::Bool(_) => {}
    }
}
