//! From the text of a record of attempts to [`Attempts`], and what a record may not contain.

use super::{Attempt, Attempts, Head, Verdict};
use crate::hint::{Fault, Hint};
use std::collections::BTreeMap;

/// Why a record of attempts can't be read, or can't be gone on with. The caller knows the file and adds
/// its name.
#[derive(Debug, thiserror::Error)]
pub enum AttemptsError {
    /// The first line is no JSON of its form.
    #[error("line 1: {0}")]
    Head(serde_json::Error),
    /// A form that this version doesn't know.
    #[error("line 1: schema `{0}` is not one that this version reads")]
    Schema(String),
    /// A line in the middle is broken.
    #[error("line {line}: {error}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        error: serde_json::Error,
    },
    /// A line contradicts itself, or a line before it.
    #[error("line {line}: task `{task}`, repeat {repeat}: {problem}")]
    Attempt {
        /// Counted from 1.
        line: usize,
        /// The task.
        task: String,
        /// The repeat.
        repeat: u32,
        /// What is wrong with it.
        problem: String,
    },
    /// The record is of something else than what is to be gone on with.
    #[error("the record's {field} is `{found}`, and `{wanted}` was asked for")]
    Other {
        /// What differs.
        field: &'static str,
        /// The record's.
        found: String,
        /// What was asked for.
        wanted: String,
    },
}

impl Hint for AttemptsError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Schema(_) => Some(format!("this version reads `{}`", Head::SCHEMA)),
            Self::Other { .. } => {
                Some("ask for the same again, or begin a record of its own".to_owned())
            }
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Other { .. } => Fault::Usage,
            _ => Fault::Input,
        }
    }
}

impl Attempts {
    /// Reads a record; `None` where it was cut off before its first line was whole: nothing had been
    /// done. A last line without an end is counted, not read.
    ///
    /// # Errors
    /// Where the head is broken or of another form, a whole line is broken, or lines contradict one
    /// another.
    pub fn parse(text: &[u8]) -> Result<Option<Self>, AttemptsError> {
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let mut lines = (1..).zip(text[..whole].split(|byte| *byte == b'\n'));
        let Some((_, first)) = lines.next().filter(|_| whole > 0) else { return Ok(None) };
        let mut read =
            Self { head: head(first)?, attempts: Vec::new(), whole, torn: text.len() - whole };
        let mut places = Places::default();
        for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
            let mut attempt: Attempt = serde_json::from_slice(text)
                .map_err(|error| AttemptsError::Line { line, error })?;
            // What failed and was asked again later is one attempt, with all its tries.
            let same = |one: &Attempt| {
                one.verdict == Verdict::Failed
                    && (&one.task, one.repeat) == (&attempt.task, attempt.repeat)
            };
            if let Some(at) = read.attempts.iter().position(same) {
                let failed = read.attempts.remove(at);
                attempt.tries.splice(0..0, failed.tries);
                places.forget(&attempt);
            }
            places.check(&attempt, &read.head).map_err(|problem| AttemptsError::Attempt {
                line,
                task: attempt.task.clone(),
                repeat: attempt.repeat,
                problem,
            })?;
            read.attempts.push(attempt);
        }
        Ok(Some(read))
    }
}

fn head(line: &[u8]) -> Result<Head, AttemptsError> {
    #[derive(serde::Deserialize)]
    struct Form {
        schema: String,
    }
    let Form { schema } = serde_json::from_slice(line).map_err(AttemptsError::Head)?;
    if schema != Head::SCHEMA {
        return Err(AttemptsError::Schema(schema));
    }
    serde_json::from_slice(line).map_err(AttemptsError::Head)
}

/// Which tasks and repeats there were before.
#[derive(Default)]
struct Places {
    /// Of each task, its family, what it is a variant of, and its repeats.
    tasks: BTreeMap<String, (String, Option<String>, Vec<u32>)>,
}

impl Places {
    /// It is not there any more.
    fn forget(&mut self, attempt: &Attempt) {
        if let Some((_, _, repeats)) = self.tasks.get_mut(&attempt.task) {
            repeats.retain(|repeat| *repeat != attempt.repeat);
        }
    }

    fn check(&mut self, attempt: &Attempt, head: &Head) -> Result<(), String> {
        let Attempt { task, family, variant_of, repeat, .. } = attempt;
        if !(1..=head.repeats).contains(repeat) {
            return Err(format!("the record is of {} repeats", head.repeats));
        }
        if attempt.tries.is_empty() {
            return Err("`tries` is empty".to_owned());
        }
        if variant_of.as_ref() == Some(task) {
            return Err("it is a variant of itself".to_owned());
        }
        let calls = attempt.judge.iter().map(|judge| &judge.usage);
        for usage in attempt.tries.iter().map(|one| &one.usage).chain(calls) {
            for (part, of, whole, in_all) in [
                ("cached", usage.cached, "prompt", usage.prompt),
                ("reasoning", usage.reasoning, "output", usage.output),
            ] {
                if let (Some(part_of), Some(all)) = (of, in_all)
                    && part_of > all
                {
                    return Err(format!("`{part}` is {part_of}, `{whole}` {all}"));
                }
            }
        }
        let before = self.tasks.entry(task.clone());
        let (first_family, original, repeats) =
            before.or_insert_with(|| (family.clone(), variant_of.clone(), Vec::new()));
        if first_family != family || original != variant_of {
            return Err("the same task was of another family or problem before".to_owned());
        }
        if repeats.contains(repeat) {
            return Err("it is there twice".to_owned());
        }
        repeats.push(*repeat);
        Ok(())
    }
}

impl Head {
    /// Whether attempts that are asked for like this belong to the same record.
    ///
    /// # Errors
    /// Names the first thing that differs.
    pub fn goes_on_as(&self, wanted: &Self) -> Result<(), AttemptsError> {
        let text = |of: &Self| {
            [
                ("suite", of.suite.clone()),
                ("suite's version", of.suite_version.clone()),
                ("seed", of.seed.to_string()),
                ("temperature", of.temperature.get().to_string()),
                ("repeats", of.repeats.to_string()),
                ("model", of.model.name.clone()),
                ("model's checksum", of.model.sha256.clone().unwrap_or_default()),
                ("target", of.target.clone()),
            ]
        };
        let differs = text(self).into_iter().zip(text(wanted)).find(|(one, other)| one != other);
        differs.map_or(Ok(()), |((field, found), (_, wanted))| {
            Err(AttemptsError::Other { field, found, wanted })
        })
    }
}
