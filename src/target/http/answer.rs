//! What a server's answer says: which chunks hold output, how many tokens, how it ended.
//!
//! Invariant: only output makes a moment. A chunk that tells the role, the usage or the end alone is
//! none, or the time to first token would be that of the role, and every rate too high. Guarded by
//! `tests/http_target/streams.rs`.
//!
//! A chunk is not a token: its tokens are counted only where the server counts them, chunk by chunk,
//! from the first to the last.

use super::chunk::{Chunk, Output, Weight, Word};
use super::sse::{EVENT_BYTES_MAX, Sse};
use super::trouble::Trouble;
use crate::record::{Failure, FailureKind, Finish, Moment, Usage};
use crate::target::Said;
use crate::units::Tokens;

/// Output that came and was not delivered yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// When each chunk came.
    pub(super) at: Vec<Moment>,
    /// How many tokens each holds; fewer numbers than moments where the server doesn't say.
    pub(super) counts: Vec<u32>,
}

/// What is kept of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keep {
    /// What the answer says.
    pub(super) answer: bool,
    /// All that the model put out.
    pub(super) output: bool,
}

/// An answer of which more is to come.
#[derive(Debug)]
pub(super) struct Answer {
    sse: Sse,
    story: Story,
}

/// What the answer has said so far.
#[derive(Debug)]
struct Story {
    keep: Keep,
    said: Said,
    output: String,
    usage: Usage,
    /// How it ended, by the server's word.
    finish: Option<Finish>,
    /// The mark of the stream's end came.
    done: bool,
    has_output: bool,
    /// Output tokens by the last chunk that made a moment.
    counted: u64,
    /// Every chunk of output so far told how many tokens there are.
    counts: bool,
}

/// The mark that ends a stream.
const DONE: &[u8] = b"[DONE]";

impl Answer {
    pub(super) fn new(keep: Keep) -> Self {
        let story = Story {
            keep,
            said: Said::default(),
            output: String::new(),
            usage: Usage::default(),
            finish: None,
            done: false,
            has_output: false,
            counted: 0,
            counts: true,
        };
        Self { sse: Sse::default(), story }
    }

    /// Takes what came of a stream at one moment. True: the stream has ended, well or not.
    pub(super) fn feed(&mut self, bytes: &[u8], at: Moment, batch: &mut Batch) -> bool {
        let story = &mut self.story;
        let fed = self.sse.feed(bytes, |data| story.event(data, at, batch));
        if fed.is_err() && !story.is_over() {
            let reason = format!("an event is longer than {EVENT_BYTES_MAX} bytes");
            story.fail(FailureKind::Malformed, reason);
        }
        story.is_over()
    }

    /// The stream is over, without a mark of its end.
    pub(super) fn finish(&mut self, at: Moment, batch: &mut Batch) {
        if self.story.is_over() {
            return;
        }
        let story = &mut self.story;
        self.sse.finish(|data| story.event(data, at, batch));
        let malformed =
            matches!(&story.finish, Some(Finish::Failed(f)) if f.kind == FailureKind::Malformed);
        // Half an event at the end is no other grammar: the stream broke within it.
        if malformed || story.finish.is_none() && !story.done {
            story.fail(FailureKind::BrokenStream, BROKE.to_owned());
        }
    }

    /// Takes an answer that came in one piece.
    pub(super) fn whole(&mut self, body: &[u8]) {
        let story = &mut self.story;
        // No moments: when its first token came is unknown.
        story.event(body, Moment::default(), &mut Batch::default());
        story.done = true;
    }

    /// How it ended, what the server counted, and the texts that were kept. `asked`: the most output
    /// tokens.
    pub(super) fn close(&mut self, asked: Tokens) -> Closed {
        let story = &mut self.story;
        let finish = match story.finish.take() {
            Some(finish) => finish,
            None if story.usage.output == Some(asked) => Finish::Length,
            None if story.has_output => Finish::Stop,
            None => {
                let reason = "the answer holds neither output nor a reason to end";
                Finish::Failed(Failure::new(FailureKind::Malformed, reason))
            }
        };
        Closed {
            finish,
            usage: story.usage,
            said: story.keep.answer.then(|| std::mem::take(&mut story.said)),
            output: story.keep.output.then(|| std::mem::take(&mut story.output)),
        }
    }
}

const BROKE: &str = "the stream broke off before its end";

/// What is left of an answer.
#[derive(Debug, PartialEq)]
pub(super) struct Closed {
    pub(super) finish: Finish,
    pub(super) usage: Usage,
    pub(super) said: Option<Said>,
    pub(super) output: Option<String>,
}

impl Story {
    fn is_over(&self) -> bool {
        self.done || matches!(self.finish, Some(Finish::Failed(_)))
    }

    fn fail(&mut self, kind: FailureKind, reason: String) {
        self.finish =
            Some(Finish::Failed(Failure { kind, status: Some(200), retry_after: None, reason }));
    }

    fn event(&mut self, data: &[u8], at: Moment, batch: &mut Batch) {
        if self.is_over() || data.is_empty() {
            return;
        }
        if data.trim_ascii() == DONE {
            self.done = true;
            return;
        }
        // A list would be read as an object's fields in their order.
        if data.trim_ascii_start().first() != Some(&b'{') {
            let reason = "what came is no answer of this API: it is no JSON object";
            self.fail(FailureKind::Malformed, reason.to_owned());
            return;
        }
        let read = if self.keep.answer || self.keep.output {
            serde_json::from_slice(data).map(|chunk| self.chunk::<Word>(chunk, at, batch))
        } else {
            serde_json::from_slice(data).map(|chunk| self.chunk::<Weight>(chunk, at, batch))
        };
        if let Err(error) = read {
            self.fail(
                FailureKind::Malformed,
                format!("what came is no answer of this API: {error}"),
            );
        }
    }

    fn chunk<T: Output>(&mut self, mut chunk: Chunk<'_, T>, at: Moment, batch: &mut Batch) {
        if let Some(trouble) = chunk.trouble() {
            self.trouble(&trouble);
            return;
        }
        let counted = chunk.usage.and_then(|usage| usage.completion_tokens);
        if let Some(usage) = chunk.usage {
            self.usage = usage.over(self.usage);
        }
        if let Some(timings) = chunk.timings {
            self.usage = timings.under(self.usage);
        }
        let Some(choice) = &chunk.choices else { return };
        if choice.has_output() {
            self.has_output = true;
            self.note(counted, at, batch);
        }
        if self.keep.answer {
            self.said.text.push_str(choice.answer().unwrap_or_default());
            self.said.refusal.push_str(choice.refusal().unwrap_or_default());
        }
        if self.keep.output {
            self.output.extend(choice.output());
        }
        if let Some(reason) = &choice.finish_reason {
            self.finish = Some(finish(&reason.0));
            if self.keep.answer {
                self.said.reason = Some(reason.0.clone().into_owned());
            }
        }
    }

    /// A chunk of output came, with the server's count of all tokens so far.
    fn note(&mut self, counted: Option<u64>, at: Moment, batch: &mut Batch) {
        batch.at.push(at);
        match counted {
            // What came without output since (half a character) is counted here: these tokens are
            // in this chunk's text.
            Some(all) if self.counts => {
                let tokens = all.saturating_sub(self.counted);
                batch.counts.push(u32::try_from(tokens).unwrap_or(u32::MAX));
                self.counted = all;
            }
            _ => self.counts = false,
        }
    }

    fn trouble(&mut self, trouble: &Trouble<'_>) {
        let kind = match trouble.status() {
            Some(429) => FailureKind::RateLimited,
            Some(400..500) => FailureKind::Refused,
            _ => FailureKind::Server,
        };
        let reason = trouble.message().unwrap_or("an error without a message").to_owned();
        self.fail(kind, reason);
    }
}

/// A server's word for how an answer ended.
fn finish(word: &str) -> Finish {
    match word {
        "length" | "max_tokens" => Finish::Length,
        "abort" | "error" | "cancelled" | "insufficient_system_resource" => {
            let reason = format!("the server gave the request up: `{word}`");
            Finish::Failed(Failure {
                status: Some(200),
                ..Failure::new(FailureKind::Server, reason)
            })
        }
        // `stop`, `tool_calls`, `content_filter`, …: the model or the server ended it in its own time.
        _ => Finish::Stop,
    }
}
