//! Traces: what was sent to a real service, when.
//!
//! Invariant: a trace's requests are in the order of their times, the first at 0; none has no
//! tokens. Requests without tokens in or out, most of them failed ones, can't be asked for again:
//! they are left out and counted. Guarded by the tests below and those of each form.

mod azure;
mod burstgpt;
mod mooncake;
mod own;
#[cfg(test)]
mod tests;

use super::content::{Pair, Sizes};
use super::error::{TraceError, of_json};
use super::spec::TOKENS_MAX;
use crate::record::Arrivals;
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens};
use std::num::NonZeroU32;
use std::sync::Arc;

/// A trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    form: Form,
    requests: Arc<[Traced]>,
    left_out: u32,
}

/// A request of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// When it was sent, since the first.
    pub at: Seconds,
    /// Prompt tokens, at least 1.
    pub prompt: Tokens,
    /// Output tokens, at least 1.
    pub output: Tokens,
    /// What its prompt begins with: requests whose first blocks are alike share a prefix. What they
    /// don't cover is its own.
    pub blocks: Box<[Block]>,
}

/// A stretch of a prompt that others may have, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// What it is known by.
    pub id: u64,
    /// Its length.
    pub tokens: Tokens,
}

/// The forms that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Azure,
    BurstGpt,
    Mooncake,
    Own,
}

impl Form {
    /// By the first line: a header's columns, or an object's keys.
    fn of(line: &str) -> Option<Self> {
        let columns: Vec<&str> = line.split(',').map(str::trim).collect();
        let has = |name: &str| columns.contains(&name);
        if has("TIMESTAMP") && has("ContextTokens") && has("GeneratedTokens") {
            return Some(Self::Azure);
        }
        if has("Timestamp") && has("Request tokens") && has("Response tokens") {
            return Some(Self::BurstGpt);
        }
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
        if object.contains_key("input_length") {
            Some(Self::Mooncake)
        } else {
            object.contains_key("prompt").then_some(Self::Own)
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Azure => "Azure's form",
            Self::BurstGpt => "BurstGPT's form",
            Self::Mooncake => "Mooncake's form",
            Self::Own => "mtok's form",
        }
    }
}

/// Which part of a trace to replay, and how fast. In this order: the part, by the trace's own time;
/// what of it is short enough; the first requests of that; the speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Where it begins, since the trace's first request.
    pub from: Seconds,
    /// How long it is; `None`: to the end.
    pub length: Option<Seconds>,
    /// Requests of more prompt and output tokens together are left out; `None`: none is.
    pub tokens: Option<Tokens>,
    /// The most requests; `None`: all.
    pub requests: Option<NonZeroU32>,
    /// How many times as fast as it was: at 2, in half the time.
    pub speed: Ratio,
}

impl Cut {
    /// All of it, as it was.
    pub const NONE: Self =
        Self { from: Seconds(0.0), length: None, tokens: None, requests: None, speed: Ratio::ONE };
}

impl Trace {
    /// Reads a trace in any known form.
    ///
    /// # Errors
    /// Where its form is unknown, a line can't be read, or no request in it has tokens.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let form = Form::of(first)
            .ok_or_else(|| TraceError::Unknown { line: first.chars().take(80).collect() })?;
        let all = match form {
            Form::Azure => azure::parse(text),
            Form::BurstGpt => burstgpt::parse(text),
            Form::Mooncake => mooncake::parse(text),
            Form::Own => own::parse(text),
        }?;
        let found = all.len();
        let with_tokens = |one: &Traced| one.prompt > Tokens(0) && one.output > Tokens(0);
        let mut requests: Vec<Traced> = all.into_iter().filter(with_tokens).collect();
        let left_out = count(found - requests.len());
        requests.sort_by(|one, other| one.at.0.total_cmp(&other.at.0));
        begin_at(&mut requests, None)?;
        Ok(Self { form, requests: requests.into(), left_out })
    }

    /// A part of it, at a speed.
    ///
    /// # Errors
    /// Where no request is in that part, or the speed is none.
    pub fn cut(&self, cut: &Cut) -> Result<Self, TraceError> {
        let speed = cut.speed.get();
        if !(speed.is_finite() && speed > 0.0) {
            return Err(TraceError::Speed { speed: cut.speed });
        }
        let to = cut.length.map_or(f64::INFINITY, |length| cut.from.0 + length.0);
        let inside = |one: &&Traced| one.at.0 >= cut.from.0 && one.at.0 < to;
        let mut requests: Vec<Traced> = self.requests.iter().filter(inside).cloned().collect();
        if requests.is_empty() {
            return Err(TraceError::NoneLeft {
                from: cut.from,
                length: cut.length.map_or_else(|| "the rest".to_owned(), |one| one.to_string()),
                last: self.last(),
            });
        }
        let mut left_out = self.left_out;
        if let Some(most) = cut.tokens {
            let before = requests.len();
            requests.retain(|one| one.prompt + one.output <= most);
            left_out = left_out.saturating_add(count(before - requests.len()));
            if requests.is_empty() {
                return Err(TraceError::TooLong { most });
            }
        }
        if let Some(most) = cut.requests {
            requests.truncate(usize::try_from(most.get()).unwrap_or(usize::MAX));
        }
        begin_at(&mut requests, Some(cut.from))?;
        for request in &mut requests {
            request.at = Seconds(request.at.0 / speed);
        }
        Ok(Self { form: self.form, requests: requests.into(), left_out })
    }

    /// Its requests, in the order of their times.
    pub fn requests(&self) -> &[Traced] {
        &self.requests
    }

    /// Requests that were left out: of the whole file those without tokens in or out, and of the part
    /// those that were too long.
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Its arrivals. The mean rate is that up to the last request; of a trace shorter than a second,
    /// that over a second.
    pub fn arrivals(&self) -> Arrivals {
        let requests = count(self.requests.len());
        let rate = f64::from(requests) / self.last().0.max(1.0);
        Arrivals::Trace { requests, rate: RequestsPerSecond(rate) }
    }

    /// Its lengths alone, to be drawn from under other arrivals.
    pub fn sizes(&self) -> Sizes {
        let pair = |one: &Traced| Pair { prompt: one.prompt, output: one.output };
        Sizes::Joint(self.requests.iter().map(pair).collect())
    }

    /// The longest prompt and output together.
    pub(super) fn longest(&self) -> Tokens {
        self.requests.iter().map(|one| one.prompt + one.output).max().unwrap_or_default()
    }

    /// What it is, in words.
    pub(super) fn words(&self) -> String {
        let words = format!("natural text, of the lengths of a trace in {}", self.form.word());
        match self.left_out {
            0 => words,
            some => format!("{words}; {some} requests left out"),
        }
    }

    fn last(&self) -> Seconds {
        self.requests.last().map_or(Seconds(0.0), |one| one.at)
    }
}

/// Lets time begin here, or with the first request.
fn begin_at(requests: &mut [Traced], from: Option<Seconds>) -> Result<(), TraceError> {
    let first = requests.first().ok_or(TraceError::Empty)?.at;
    let from = from.unwrap_or(first);
    for request in requests {
        request.at = request.at - from;
    }
    Ok(())
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

const TOKENS: &str = "a whole number of tokens up to 10M";

/// A number of tokens that can be sent: text is made of it.
fn bounded(line: u64, field: &'static str, tokens: u64) -> Result<Tokens, TraceError> {
    let tokens = Tokens(tokens);
    if tokens > TOKENS_MAX {
        let value = tokens.0.to_string();
        return Err(TraceError::Field { line, field, value, wanted: TOKENS });
    }
    Ok(tokens)
}

/// Reads each line that isn't empty as an object.
fn objects<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<(u64, T)>, TraceError> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(line, text)| match serde_json::from_str(text) {
            Ok(object) => Ok((line, object)),
            Err(error) => Err(TraceError::Line { line, problem: of_json(&error) }),
        })
        .collect()
}

/// A table with named columns.
struct Table<'a> {
    columns: csv::StringRecord,
    rows: csv::StringRecordsIntoIter<&'a [u8]>,
}

/// A row of it.
struct Row<'a> {
    line: u64,
    columns: &'a csv::StringRecord,
    cells: csv::StringRecord,
}

impl<'a> Table<'a> {
    fn open(text: &'a str) -> Result<Self, TraceError> {
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let columns = reader.headers().map_err(|error| broken(&error))?.clone();
        Ok(Self { columns, rows: reader.into_records() })
    }

    fn read<T>(self, of: impl Fn(&Row<'_>) -> Result<T, TraceError>) -> Result<Vec<T>, TraceError> {
        let Self { columns, rows } = self;
        rows.map(|cells| {
            let cells = cells.map_err(|error| broken(&error))?;
            let line = cells.position().map_or(0, csv::Position::line);
            of(&Row { line, columns: &columns, cells })
        })
        .collect()
    }
}

impl Row<'_> {
    fn cell(&self, field: &'static str) -> &str {
        let at = self.columns.iter().position(|column| column == field);
        at.and_then(|at| self.cells.get(at)).unwrap_or_default()
    }

    fn tokens(&self, field: &'static str) -> Result<Tokens, TraceError> {
        let tokens: u64 = self.cell(field).parse().map_err(|_| self.wrong(field, TOKENS))?;
        bounded(self.line, field, tokens)
    }

    fn wrong(&self, field: &'static str, wanted: &'static str) -> TraceError {
        TraceError::Field { line: self.line, field, value: self.cell(field).to_owned(), wanted }
    }
}

fn broken(error: &csv::Error) -> TraceError {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields instead of {expected_len}")
        }
        _ => error.to_string(),
    };
    TraceError::Line { line, problem }
}
