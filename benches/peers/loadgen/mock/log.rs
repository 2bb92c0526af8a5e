//! What happened, on the machine's monotonic clock: the truth that clients are compared with.

use std::fmt::Write as _;

/// A request that ended. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number, from 1, in the order of arrival.
    pub(crate) number: u64,
    /// When its last byte was read.
    pub(crate) read: u64,
    /// When it got a slot, and its clock began to run.
    pub(crate) started: Option<u64>,
    /// When each write of tokens was begun.
    pub(crate) writes: Vec<u64>,
    /// Tokens in its prompt, by the server's count.
    pub(crate) prompt: u64,
    /// Of these, tokens that the prefix cache had, where there is one.
    pub(crate) cached: Option<u64>,
    /// Tokens written.
    pub(crate) output: u64,
    /// When its last tokens were written, or it was given up.
    pub(crate) end: u64,
    /// How it ended.
    pub(crate) outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was written.
    Done,
    /// The client went away, or left too much unread.
    Gone,
    /// The server broke it off, as it was told to.
    Broken,
    /// It was answered with this status.
    Refused(u16),
}

impl Entry {
    pub(super) fn begun(
        number: u64,
        read: u64,
        prompt: u64,
        cached: Option<u64>,
        chunks: u32,
    ) -> Self {
        Self {
            number,
            read,
            started: None,
            writes: Vec::with_capacity(chunks as usize),
            prompt,
            cached,
            output: 0,
            end: read,
            outcome: Outcome::Gone,
        }
    }

    pub(super) fn refused(number: u64, read: u64, status: u16) -> Self {
        Self { outcome: Outcome::Refused(status), ..Self::begun(number, read, 0, None, 0) }
    }

    /// From when it was read to its first token, in nanoseconds.
    pub(crate) fn ttft(&self) -> Option<u64> {
        self.writes.first().map(|first| first - self.read)
    }

    /// The gaps between its writes, in nanoseconds.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = u64> + '_ {
        self.writes.windows(2).map(|pair| pair[1] - pair[0])
    }
}

/// One JSON object a line.
pub(super) fn lines(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        let (outcome, status) = match entry.outcome {
            Outcome::Done => ("done", None),
            Outcome::Gone => ("gone", None),
            Outcome::Broken => ("broken", None),
            Outcome::Refused(status) => ("refused", Some(u64::from(status))),
        };
        let number =
            |value: Option<u64>| value.map_or("null".to_owned(), |value| value.to_string());
        // Writing into a string can't fail.
        let _ = write!(
            text,
            "{{\"number\":{},\"read\":{},\"started\":{},\"prompt\":{},\"cached\":{},\"output\":{},\
             \"end\":{},\"outcome\":\"{outcome}\",\"status\":{},\"writes\":[",
            entry.number,
            entry.read,
            number(entry.started),
            entry.prompt,
            number(entry.cached),
            entry.output,
            entry.end,
            number(status),
        );
        for (index, at) in entry.writes.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(text, "{comma}{at}");
        }
        text.push_str("]}\n");
    }
    text
}
