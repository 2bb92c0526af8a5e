//! From the text of a record to a [`Run`].
//!
//! A journal is read whatever became of its writer: an end that was cut off in mid-line is counted,
//! not an error. A broken line with whole lines behind it is damage, and is.

use super::{Done, Event, Header, Moment, Request, RequestId, Run, Step};
use crate::hint::{Fault, Hint};
use std::collections::BTreeMap;

/// Why a record can't be read. The caller knows the file and adds its name.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The header is no JSON of its form.
    #[error("`run.json`: {0}")]
    Header(serde_json::Error),
    /// A form that this version doesn't know.
    #[error("`run.json`: schema `{0}` is not one that this version reads")]
    Schema(String),
    /// A line in the middle of the journal is broken.
    #[error("`journal.jsonl` line {line}: {error}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        error: serde_json::Error,
    },
    /// An event names a request that was never sent, or is sent twice.
    #[error("`journal.jsonl` line {line}: request {id} {problem}")]
    Request {
        /// Counted from 1.
        line: usize,
        /// The request's number.
        id: u32,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Hint for RecordError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Schema(_) => Some(format!("this version reads `{}`", Header::SCHEMA)),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}

/// Reads the head of a record.
///
/// # Errors
/// Where it is broken or of another form.
pub fn parse_header(text: &str) -> Result<Header, RecordError> {
    #[derive(serde::Deserialize)]
    struct Form {
        schema: String,
    }
    let Form { schema } = serde_json::from_str(text).map_err(RecordError::Header)?;
    if schema != Header::SCHEMA {
        return Err(RecordError::Schema(schema));
    }
    serde_json::from_str(text).map_err(RecordError::Header)
}

/// Reads a record out of the text of its header and of its journal.
///
/// # Errors
/// Where the header is broken or of another form, where a line that isn't the last is broken, or
/// where events of a request don't fit together.
pub fn parse(header: &str, journal: &[u8]) -> Result<Run, RecordError> {
    let header = parse_header(header)?;
    // A line counts once its end is on disk.
    let whole = journal.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut building = Building::new(header, journal.len() - whole);
    for (index, line) in journal[..whole].split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let event = serde_json::from_slice(line)
            .map_err(|error| RecordError::Line { line: index + 1, error })?;
        building.add(event, index + 1)?;
    }
    Ok(building.finish())
}

struct Building {
    run: Run,
    requests: BTreeMap<RequestId, Request>,
}

impl Building {
    fn new(header: Header, torn: usize) -> Self {
        let run = Run {
            header,
            phases: Vec::new(),
            requests: Vec::new(),
            unsent: Vec::new(),
            steps: Vec::new(),
            readings: Vec::new(),
            gaps: Vec::new(),
            outcome: None,
            last: Moment(0),
            torn,
        };
        Self { run, requests: BTreeMap::new() }
    }

    fn add(&mut self, event: Event, line: usize) -> Result<(), RecordError> {
        let at = match event {
            Event::Phase { at, phase } => {
                self.run.phases.push((at, phase));
                at
            }
            Event::Sent { id, due, at, held, turn, prompt, planned } => {
                let closed = self.run.header.workload.arrivals.is_closed();
                let request = Request {
                    id,
                    due,
                    sent: at,
                    from: if closed { at } else { due },
                    held,
                    turn,
                    prompt,
                    planned,
                    chunks: Vec::new(),
                    counts: Vec::new(),
                    done: None,
                };
                if self.requests.insert(id, request).is_some() {
                    let problem = "is sent twice";
                    return Err(RecordError::Request { line, id: id.0, problem });
                }
                at
            }
            Event::Unsent { id, due } => {
                self.run.unsent.push((id, due));
                due
            }
            Event::Tokens { id, at, counts } => {
                let last = at.last().copied().unwrap_or_default();
                let request = self.request(id, line)?;
                if counts.as_ref().is_some_and(|counts| counts.len() != at.len()) {
                    let problem = "has not a count of tokens for each chunk";
                    return Err(RecordError::Request { line, id: id.0, problem });
                }
                // Told of all of a request's chunks, or of none.
                match counts {
                    Some(counts) if request.counts.len() == request.chunks.len() => {
                        request.counts.extend(counts);
                    }
                    _ => request.counts.clear(),
                }
                request.chunks.extend(at);
                last
            }
            Event::Done { id, at, finish, usage } => {
                let request = self.request(id, line)?;
                request.prompt = usage.prompt.unwrap_or(request.prompt);
                request.done = Some(Done { at, finish, usage });
                at
            }
            Event::Step(step @ Step { span, .. }) => {
                self.run.steps.push(step);
                span.to
            }
            Event::Reading(reading) => {
                let at = reading.at;
                self.run.readings.push(*reading);
                at
            }
            Event::Gap(gap) => {
                let at = gap.at;
                self.run.gaps.push(gap);
                at
            }
            Event::End { at, outcome } => {
                self.run.outcome = Some(outcome);
                at
            }
        };
        self.run.last = self.run.last.max(at);
        Ok(())
    }

    fn request(&mut self, id: RequestId, line: usize) -> Result<&mut Request, RecordError> {
        let unknown = RecordError::Request { line, id: id.0, problem: "was never sent" };
        self.requests.get_mut(&id).ok_or(unknown)
    }

    fn finish(mut self) -> Run {
        self.run.requests = self.requests.into_values().collect();
        self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Arrivals;
    use crate::record::builder::RunBuilder;
    use crate::units::{RequestsPerSecond, Seconds};

    const SENT: &str = r#"{"event":"sent","id":0,"due":1,"at":2,"prompt":3,"planned":4}"#;

    fn read(journal: &str) -> Result<Run, RecordError> {
        let header = serde_json::to_string(&RunBuilder::new().build().header).unwrap();
        parse(&header, journal.as_bytes())
    }

    #[test]
    fn an_end_that_was_cut_off_is_counted_and_the_rest_is_kept() {
        let whole = format!("{SENT}\n{{\"event\":\"tokens\",\"id\":0,\"at\":[5,6]}}\n");
        for torn in [
            "",
            "{",
            r#"{"event":"tokens","id":0,"at":[7"#,
            r#"{"event":"tokens","id":0,"at":[7]}"#,
        ] {
            let run = read(&format!("{whole}{torn}")).unwrap();
            let chunks: usize = run.requests.iter().map(|request| request.chunks.len()).sum();
            assert_eq!((run.torn, chunks, run.last), (torn.len(), 2, Moment(6)));
            assert_eq!(run.outcome, None);
        }
    }

    /// Sent a nanosecond late, with its first token four after: five after it was due.
    #[test]
    fn latencies_begin_when_due_and_in_a_closed_loop_when_sent() {
        let journal = format!("{SENT}\n{{\"event\":\"tokens\",\"id\":0,\"at\":[6]}}\n");
        let ttft = |arrivals| {
            let mut header = RunBuilder::new().build().header;
            header.workload.arrivals = arrivals;
            let header = serde_json::to_string(&header).unwrap();
            parse(&header, journal.as_bytes()).unwrap().requests[0].ttft()
        };
        let open = Arrivals::Poisson { rate: RequestsPerSecond(1.0) };
        assert_eq!(ttft(open), Some(Seconds::from_nanos(5)));
        assert_eq!(ttft(Arrivals::Closed { in_flight: 1 }), Some(Seconds::from_nanos(4)));
    }

    #[test]
    fn an_empty_journal_is_a_run_of_nothing() {
        let run = read("").unwrap();
        assert!(run.requests.is_empty() && run.measured().is_none() && run.outcome.is_none());
    }

    #[track_caller]
    fn check_damage(journal: &str, want: &str) {
        let error = read(journal).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    }

    #[test]
    fn damage_is_named_by_its_line() {
        check_damage("{\n{}\n", "`journal.jsonl` line 1: ");
        check_damage(
            &format!("{SENT}\n{SENT}\n"),
            "`journal.jsonl` line 2: request 0 is sent twice",
        );
        let stray = r#"{"event":"tokens","id":9,"at":[1]}"#;
        check_damage(&format!("{stray}\n"), "`journal.jsonl` line 1: request 9 was never sent");
    }

    #[test]
    fn another_schema_is_refused_by_name() {
        let error = parse(r#"{"schema":"mtok.run/9"}"#, b"").unwrap_err();
        assert!(error.to_string().contains("`mtok.run/9`") && error.hint().is_some());
    }
}
