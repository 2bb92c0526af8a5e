//! The bytes of answers, made before they are due.

use super::request::Asked;
use super::{Config, Fault, Role, UsageIn};
use std::fmt::Write as _;

/// An answer to one request.
#[derive(Debug)]
pub(super) struct Answer {
    /// The headers, and the role's chunk where it comes at once; empty where there is no stream.
    pub(super) head: Vec<u8>,
    /// Writes before the first token's in the same write.
    before: Vec<u8>,
    reasoning: Vec<u8>,
    token: Vec<u8>,
    last: Vec<u8>,
    /// The counts, and the stream's end, in a write of their own as from real servers; where there is
    /// no stream, everything.
    pub(super) tail: Vec<u8>,
    /// Tokens in all, in a chunk, and of reasoning.
    tokens: u32,
    per_chunk: u32,
    thought: u32,
    /// Writes counts into every chunk, where asked to.
    running_usage: Option<Frames>,
}

/// What a stream's chunks have in common.
#[derive(Debug, Clone)]
struct Frames {
    id: String,
    chat: bool,
    model: String,
    word: String,
    prompt: usize,
    cached: Option<u64>,
}

impl Answer {
    pub(super) fn new(config: &Config, asked: &Asked, number: u64, cached: Option<u64>) -> Self {
        let tokens = asked.tokens.unwrap_or(config.tokens).max(1);
        let per_chunk = config.per_chunk.max(1);
        let thought = if asked.is_chat() { config.reasoning.min(tokens) } else { 0 };
        let frames = Frames {
            id: format!("{}-mock-{number:08}", if asked.is_chat() { "chatcmpl" } else { "cmpl" }),
            chat: asked.is_chat(),
            model: config.model.clone(),
            word: config.word.clone(),
            prompt: asked.prompt.len(),
            cached,
        };
        let mut answer = Self {
            head: Vec::new(),
            before: Vec::new(),
            reasoning: Vec::new(),
            token: Vec::new(),
            last: Vec::new(),
            tail: Vec::new(),
            tokens,
            per_chunk,
            thought,
            running_usage: None,
        };
        if asked.stream {
            answer.stream(config, asked, &frames);
        } else {
            answer.tail = frames.whole(tokens, thought);
        }
        answer
    }

    fn stream(&mut self, config: &Config, asked: &Asked, frames: &Frames) {
        self.head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
            Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
        match (config.role, asked.is_chat()) {
            (Role::AtOnce, true) => self.head.extend(frames.role()),
            (Role::WithFirst, true) => self.before = frames.role(),
            _ => {}
        }
        let nowhere = config.usage == UsageIn::Nowhere;
        let always = config.usage == UsageIn::EveryChunk;
        if always || (asked.usage_in_chunks && !nowhere) {
            self.running_usage = Some(frames.clone());
        }
        let in_last = match self.tokens % self.per_chunk {
            0 => self.per_chunk,
            rest => rest,
        };
        let last_is_thought = self.thought == self.tokens;
        self.token = frames.chunk(self.per_chunk, false, false, None);
        self.reasoning = frames.chunk(self.per_chunk, true, false, None);
        self.last = frames.chunk(in_last, last_is_thought, true, None);
        if always || (asked.usage && !nowhere) {
            self.tail = frames.usage(self.tokens, self.thought);
        }
        self.tail.extend(framed("[DONE]"));
        self.tail.extend(b"0\r\n\r\n");
    }

    /// How many writes of tokens there will be.
    pub(super) fn chunks(&self) -> u32 {
        if self.is_stream() { self.tokens.div_ceil(self.per_chunk) } else { 1 }
    }

    /// How many times `itl` passes from the first token to the last write: an answer in one piece
    /// takes as long as its stream would have.
    pub(super) fn gaps_before(&self, chunk: u32) -> u32 {
        if self.is_stream() { chunk } else { self.tokens.div_ceil(self.per_chunk) - 1 }
    }

    pub(super) fn is_stream(&self) -> bool {
        !self.head.is_empty()
    }

    /// Tokens in the write of this number, counted from 0.
    pub(super) fn tokens_in(&self, chunk: u32) -> u32 {
        if self.is_stream() {
            self.per_chunk.min(self.tokens - chunk * self.per_chunk)
        } else {
            self.tokens
        }
    }

    /// The bytes of the write of this number, counted from 0. A chunk is of reasoning where its first
    /// token is. Made anew only where something goes before it, or counts go into it.
    pub(super) fn bytes(&self, chunk: u32, fault: Option<Fault>) -> std::borrow::Cow<'_, [u8]> {
        if chunk == 0 && fault == Some(Fault::Malformed) {
            return framed("{\"id\": no json").into();
        }
        let is_last = chunk + 1 == self.chunks();
        let thinks = chunk * self.per_chunk < self.thought;
        if let Some(frames) = &self.running_usage {
            let so_far = chunk * self.per_chunk + self.tokens_in(chunk);
            let usage = frames.counts(so_far, so_far.min(self.thought));
            let own = frames.chunk(self.tokens_in(chunk), thinks, is_last, Some(&usage));
            return if chunk == 0 { [&self.before[..], &own].concat().into() } else { own.into() };
        }
        let own = match (is_last, thinks) {
            (true, _) => &self.last,
            (false, true) => &self.reasoning,
            (false, false) => &self.token,
        };
        if chunk == 0 && !self.before.is_empty() {
            return [&self.before[..], own].concat().into();
        }
        own.into()
    }
}

impl Frames {
    fn open(&self, kind: &str) -> String {
        format!(
            "{{\"id\":\"{}\",\"object\":\"{kind}\",\"created\":1700000000,\"model\":\"{}\"",
            self.id, self.model
        )
    }

    fn kind(&self) -> &'static str {
        if self.chat { "chat.completion.chunk" } else { "text_completion" }
    }

    fn role(&self) -> Vec<u8> {
        framed(&format!(
            "{},\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\"content\":\"\"}},\
             \"logprobs\":null,\"finish_reason\":null}}]}}",
            self.open(self.kind())
        ))
    }

    fn chunk(&self, tokens: u32, thinks: bool, last: bool, usage: Option<&str>) -> Vec<u8> {
        let text = serde_json::Value::from(self.text(tokens));
        let finish = if last { "\"length\"" } else { "null" };
        let content = match (self.chat, thinks) {
            (true, true) => format!("\"delta\":{{\"reasoning_content\":{text}}}"),
            (true, false) => format!("\"delta\":{{\"content\":{text}}}"),
            (false, _) => format!("\"text\":{text}"),
        };
        let usage = usage.map(|usage| format!(",\"usage\":{usage}")).unwrap_or_default();
        framed(&format!(
            "{},\"choices\":[{{\"index\":0,{content},\"logprobs\":null,\
             \"finish_reason\":{finish}}}]{usage}}}",
            self.open(self.kind())
        ))
    }

    fn text(&self, tokens: u32) -> String {
        self.word.repeat(tokens as usize)
    }

    fn usage(&self, output: u32, thought: u32) -> Vec<u8> {
        let counts = self.counts(output, thought);
        framed(&format!("{},\"choices\":[],\"usage\":{counts}}}", self.open(self.kind())))
    }

    fn counts(&self, output: u32, thought: u32) -> String {
        let mut counts = format!(
            "{{\"prompt_tokens\":{},\"total_tokens\":{},\"completion_tokens\":{output}",
            self.prompt,
            self.prompt + output as usize
        );
        if let Some(cached) = self.cached {
            // Writing into a string can't fail.
            let _ = write!(counts, ",\"prompt_tokens_details\":{{\"cached_tokens\":{cached}}}");
        }
        if thought > 0 {
            let _ =
                write!(counts, ",\"completion_tokens_details\":{{\"reasoning_tokens\":{thought}}}");
        }
        counts + "}"
    }

    /// An answer that is no stream.
    fn whole(&self, tokens: u32, thought: u32) -> Vec<u8> {
        let text = |count| serde_json::Value::from(self.text(count));
        let kind = if self.chat { "chat.completion" } else { "text_completion" };
        let content = if self.chat {
            let thoughts = if thought > 0 {
                format!(",\"reasoning_content\":{}", text(thought))
            } else {
                String::new()
            };
            let said = text(tokens - thought);
            format!("\"message\":{{\"role\":\"assistant\",\"content\":{said}{thoughts}}}")
        } else {
            format!("\"text\":{}", text(tokens))
        };
        let body = format!(
            "{},\"choices\":[{{\"index\":0,{content},\"finish_reason\":\"length\"}}],\"usage\":{}}}",
            self.open(kind),
            self.counts(tokens, thought)
        );
        plain(200, "application/json", &[], &body)
    }
}

/// A server-sent event as one chunk of HTTP/1.1.
fn framed(data: &str) -> Vec<u8> {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

/// An answer in one piece.
pub(super) fn plain(status: u16, kind: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    };
    let headers = headers.iter().map(|header| [header, "\r\n"].concat()).collect::<String>();
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An error in OpenAI's form.
pub(super) fn error(status: u16, kind: &str, message: &str, headers: &[&str]) -> Vec<u8> {
    let message = serde_json::Value::from(message);
    let body = format!(
        "{{\"error\":{{\"message\":{message},\"type\":\"{kind}\",\"param\":null,\"code\":{status}}}}}"
    );
    plain(status, "application/json", headers, &body)
}

/// The list of its one model.
pub(super) fn models(name: &str) -> Vec<u8> {
    let name = serde_json::Value::from(name);
    let body = format!(
        "{{\"object\":\"list\",\"data\":[{{\"id\":{name},\"object\":\"model\",\
         \"created\":1700000000,\"owned_by\":\"mock\",\"max_model_len\":1048576}}]}}"
    );
    plain(200, "application/json", &[], &body)
}
