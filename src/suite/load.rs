//! Problems of others: the user's own, GSM8K's, and multiple choice as MMLU has it.
//!
//! Invariant: a file is taken whole or refused by file, line, field and value; no line is skipped.
//! Guarded by the tests below and by GSM8K's own file, where it is.

use super::answer::{RawAnswer, choice};
use super::draw::{Values, Wrong};
use super::error::SuiteError;
use super::grade::{Grader, Number};
use super::instance::{Instance, Kind, Message};
use super::rational::Rational;
use crate::units::Tokens;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Output that a loaded problem may take where it doesn't say.
const MAX_OUTPUT: Tokens = Tokens(2_048);

/// How the answer to a loaded problem is to be announced.
const ANNOUNCE: &str =
    "Answer the question. End with a line that begins with `Answer:` and holds only the answer.";
const LETTER: &str = "Choose the right option. End with a line that begins with `Answer:` and holds only its letter.";

/// A line of the user's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    question: String,
    answer: Value,
    id: Option<String>,
    family: Option<String>,
    system: Option<String>,
    variant_of: Option<String>,
    max_output: Option<u64>,
    licence: Option<String>,
}

struct Place<'a> {
    file: &'a str,
    line: usize,
}

impl Place<'_> {
    fn wrong(&self, (field, value, problem): Wrong) -> SuiteError {
        SuiteError::Line { file: self.file.to_owned(), line: self.line, field, value, problem }
    }

    fn field(&self, field: &str, value: impl Into<String>, problem: &str) -> SuiteError {
        self.wrong((field.to_owned(), value.into(), problem.to_owned()))
    }

    fn form(&self, problem: impl Into<String>) -> SuiteError {
        SuiteError::Form { file: self.file.to_owned(), line: self.line, problem: problem.into() }
    }
}

/// A file of problems in any of the known forms, told apart by its content: a CSV begins with
/// `question,`, GSM8K's answers are texts that hold `####`.
///
/// # Errors
/// Names file, line, field and value.
pub fn problems(file: &str, text: &str) -> Result<Vec<Instance>, SuiteError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !first.trim_start().starts_with('{') {
        return mmlu(file, text);
    }
    let entry: Option<Map<String, Value>> = serde_json::from_str(first).ok();
    let answer = entry.as_ref().and_then(|entry| entry.get("answer")?.as_str());
    if answer.is_some_and(|answer| answer.contains("####")) {
        gsm8k(file, text)
    } else {
        own(file, text)
    }
}

/// What tells two files of problems apart: the beginning of their text's SHA-256.
pub fn version_of(text: &str) -> String {
    use sha2::Digest as _;
    let sum = sha2::Sha256::digest(text.as_bytes());
    let words = sum
        .first_chunk()
        .map_or(0, |six: &[u8; 6]| six.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte)));
    format!("{words:012x}")
}

/// Lines of JSON with their numbers.
fn lines<'a>(
    file: &'a str,
    text: &'a str,
) -> impl Iterator<Item = (Place<'a>, Result<Value, SuiteError>)> {
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    numbered.map(move |(number, line)| {
        let place = Place { file, line: number + 1 };
        let value = serde_json::from_str(line).map_err(|error| place.form(json(&error)));
        (place, value)
    })
}

/// What the parser found, without its own line number.
fn json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(problem, _)| problem.to_owned())
}

fn some(file: &str, found: Vec<Instance>) -> Result<Vec<Instance>, SuiteError> {
    if found.is_empty() { Err(SuiteError::Empty { file: file.to_owned() }) } else { Ok(found) }
}

/// The user's own JSONL; `docs/TASKS.md` has the fields.
///
/// # Errors
/// Names file, line, field and value.
pub fn own(file: &str, text: &str) -> Result<Vec<Instance>, SuiteError> {
    let mut found: Vec<Instance> = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    for (place, value) in lines(file, text) {
        let line: Own = serde_json::from_value(value?).map_err(|error| place.form(json(&error)))?;
        if line.question.trim().is_empty() {
            return Err(place.field("question", line.question, "it is empty"));
        }
        let raw = match RawAnswer::bare(&line.answer) {
            Some(raw) => raw,
            None => serde_json::from_value(line.answer.clone())
                .map_err(|error| place.field("answer", line.answer.to_string(), &json(&error)))?,
        };
        let (grader, options) = raw
            .grader(&Values::new(), &mut |options| rotated(place.line, options))
            .map_err(|(field, value, why)| place.wrong((format!("answer.{field}"), value, why)))?;
        let max_output = match line.max_output {
            None => MAX_OUTPUT,
            Some(0) => {
                return Err(place.field("max_output", "0", "an answer takes at least 1 token"));
            }
            Some(tokens) => Tokens(tokens),
        };
        let family = line.family.unwrap_or_else(|| "own".to_owned());
        let name = line.id.unwrap_or_else(|| place.line.to_string());
        let id = format!("{family}/{name}");
        if !known.insert(id.clone()) {
            return Err(place.field("id", name, "it is there twice"));
        }
        let kind = match line.variant_of {
            None => Kind::Base,
            Some(of) => {
                let of = format!("{family}/{of}");
                if !known.contains(&of) {
                    return Err(place.field(
                        "variant_of",
                        of,
                        "there is no such problem before it",
                    ));
                }
                Kind::Variant { of }
            }
        };
        let letters = matches!(grader, Grader::Choice(_));
        let system = line
            .system
            .unwrap_or_else(|| (if letters { LETTER } else { system_of(&grader) }).to_owned());
        found.push(Instance {
            kind,
            max_output,
            licence: line.licence,
            ..instance(file, id, family, &system, format!("{}{options}", line.question), grader)
        });
    }
    some(file, found)
}

/// What is said before a question, by what is expected: formats are not announced.
fn system_of(grader: &Grader) -> &'static str {
    match grader {
        Grader::Text(_) | Grader::Json(_) | Grader::Pattern(_) => {
            "Answer with what is asked for and nothing else."
        }
        _ => ANNOUNCE,
    }
}

/// Options in an order that depends on their line, so that the right one is not always last.
fn rotated(line: usize, mut options: Vec<String>) -> Vec<String> {
    let by = line % options.len().max(1);
    options.rotate_left(by);
    options
}

fn instance(
    file: &str,
    id: String,
    family: String,
    system: &str,
    ask: String,
    grader: Grader,
) -> Instance {
    let message = |role: &str, content: String| Message { role: role.to_owned(), content };
    Instance {
        id,
        family,
        kind: Kind::Base,
        messages: vec![message("system", system.to_owned()), message("user", ask)],
        few_shot: None,
        grader,
        max_output: MAX_OUTPUT,
        source: file.to_owned(),
        licence: None,
    }
}

/// GSM8K: `question`, and an `answer` that ends in `#### N`.
///
/// # Errors
/// Names file, line, field and value.
pub fn gsm8k(file: &str, text: &str) -> Result<Vec<Instance>, SuiteError> {
    let mut found = Vec::new();
    for (place, value) in lines(file, text) {
        let value = value?;
        let field = |name: &str| {
            let text =
                value.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            text.ok_or_else(|| place.field(name, value.to_string(), "it is not there, or no text"))
        };
        let (question, answer) = (field("question")?, field("answer")?);
        let number = answer.rsplit_once("####").map(|(_, number)| number.trim());
        let number =
            number.ok_or_else(|| place.field("answer", answer, "there is no `####` in it"))?;
        let read = decimal(&number.replace([',', '$'], ""));
        let read =
            read.ok_or_else(|| place.field("answer", number, "it is no number behind `####`"))?;
        let id = format!("gsm8k/{}", place.line);
        let grader = Grader::Number(Number::of(read));
        found.push(Instance {
            licence: Some("MIT".to_owned()),
            ..instance(file, id, "gsm8k".to_owned(), ANNOUNCE, question.to_owned(), grader)
        });
    }
    some(file, found)
}

/// Digits with a sign and a point.
fn decimal(text: &str) -> Option<Rational> {
    let (sign, bare) = text.strip_prefix('-').map_or((1, text), |bare| (-1, bare));
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    let digits = format!("{whole}{fraction}");
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    let number: i128 = digits.parse().ok().filter(|_| plain)?;
    let places = u32::try_from(fraction.len()).ok()?;
    Rational::new(sign * number, 10_i128.checked_pow(places)?)
}

/// Multiple choice as MMLU has it: `question,A,B,C,D,answer`, the answer a letter or its number from
/// 0; with a first line of names, or without one.
///
/// # Errors
/// Names file, line, field and value.
pub fn mmlu(file: &str, text: &str) -> Result<Vec<Instance>, SuiteError> {
    const FIELDS: usize = 6;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut found = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            let line = usize::try_from(line).unwrap_or(usize::MAX);
            SuiteError::Form { file: file.to_owned(), line, problem: error.to_string() }
        })?;
        let line = record.position().map_or(1, csv::Position::line);
        let place = Place { file, line: usize::try_from(line).unwrap_or(usize::MAX) };
        if record.len() != FIELDS {
            return Err(place.form(format!(
                "it has {} fields and not question, A, B, C, D, answer",
                record.len()
            )));
        }
        let [question, options @ .., answer] =
            &record.iter().map(str::trim).collect::<Vec<_>>()[..]
        else {
            continue;
        };
        if found.is_empty()
            && question.eq_ignore_ascii_case("question")
            && answer.eq_ignore_ascii_case("answer")
        {
            continue;
        }
        if question.is_empty() {
            return Err(place.field("question", "", "it is empty"));
        }
        let right = ["A", "B", "C", "D"].iter().position(|letter| letter == answer);
        let right =
            right.or_else(|| ["0", "1", "2", "3"].iter().position(|number| number == answer));
        let right =
            right.ok_or_else(|| place.field("answer", *answer, "it is none of A, B, C, D"))?;
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let right = options.get(right).cloned().unwrap_or_default();
        let (grader, lines) = choice(options, &right)
            .map_err(|(_, value, why)| place.wrong(("A to D".to_owned(), value, why)))?;
        let id = format!("mmlu/{}", place.line);
        found.push(instance(
            file,
            id,
            "mmlu".to_owned(),
            LETTER,
            format!("{question}{lines}"),
            grader,
        ));
    }
    some(file, found)
}

#[cfg(test)]
mod tests;
