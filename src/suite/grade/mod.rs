//! Graders: whether a reply solves a problem, by rules that are written down.
//!
//! Invariant: every reply gets exactly one verdict, by the text alone, the same every time; no text
//! makes a grader panic; reasoning between `<think>` marks is no answer; a reply that was cut off is
//! solved only where its answer was announced and ended before the cut. What is expected, written
//! plainly, is always solved. Guarded by the table of awkward replies and the properties in
//! `suite::tests`; the rules in words are in `docs/TASKS.md`.

mod choice;
mod json;
mod mention;
mod number;
mod pattern;
mod place;
mod plain;
mod read;
mod refuse;
mod set;
mod text;
mod unit;
mod worded;

pub use choice::{Choice, letter};
pub use json::{Document, Expected};
pub use mention::Fact;
pub use number::Number;
pub use pattern::Pattern;
pub use set::Members;
pub use text::Exact;
pub use unit::{Dimension, Unit};

use super::rational::Rational;
use place::{Judged, Place, decide};
use serde::{Deserialize, Serialize};

/// What a grader is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// What was said, its reasoning included or not.
    pub text: &'a str,
    /// Whether it ended because no more tokens were allowed.
    pub cut: bool,
}

/// What became of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The answer is right.
    Solved {
        /// The answer as it was found.
        extracted: String,
    },
    /// There is an answer, and it is wrong; also where it is several.
    Wrong {
        /// The answer as it was found.
        extracted: String,
    },
    /// It declines.
    Refused {
        /// The words that do.
        said: String,
    },
    /// It gives no answer.
    NoAnswer {
        /// What is the matter.
        why: Lack,
    },
}

impl Verdict {
    /// Whether the problem is solved.
    pub fn solved(&self) -> bool {
        matches!(self, Self::Solved { .. })
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// Nothing was said.
    Empty,
    /// All of it was reasoning.
    OnlyReasoning,
    /// It was cut off before the answer.
    CutOff,
    /// It says that it doesn't know.
    Unknown,
    /// Nothing in it is an answer of the kind that was asked for.
    NoneOfItsKind,
}

/// How a problem's replies are graded, with what is expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Grader {
    /// A number, exactly.
    Number(Number),
    /// One of several options.
    Choice(Choice),
    /// Yes (true) or no.
    Yes(bool),
    /// A name or a short phrase.
    Fact(Fact),
    /// Several things.
    Set(Members),
    /// A text that the pattern fits.
    Pattern(Pattern),
    /// A JSON document.
    Json(Document),
    /// A text, character by character.
    Text(Exact),
}

impl Grader {
    /// The verdict on a reply.
    pub fn grade(&self, reply: Reply) -> Verdict {
        let said = plain::spoken(reply.text);
        if said.trim().is_empty() {
            let silent = reply.text.trim().is_empty();
            let why = match (reply.cut, silent) {
                (true, _) => Lack::CutOff,
                (false, true) => Lack::Empty,
                (false, false) => Lack::OnlyReasoning,
            };
            return Verdict::NoAnswer { why };
        }
        let text = plain::plain(&said);
        let found = match self {
            Self::Number(number) => {
                decide(&text, reply.cut, |text, place| number.judge(text, place))
            }
            Self::Choice(choice) => {
                decide(&text, reply.cut, |text, place| choice.judge(text, place))
            }
            Self::Yes(yes) => {
                decide(&text, reply.cut, |text, place| choice::yes_or_no(*yes, text, place))
            }
            Self::Fact(fact) => decide(&text, reply.cut, |text, place| fact.judge(text, place)),
            Self::Set(set) => decide(&text, reply.cut, |text, place| set.judge(text, place)),
            Self::Pattern(pattern) => whole(reply.cut, Some(fitting(pattern, said.trim()))),
            Self::Json(document) => whole(reply.cut, document.judge(&said)),
            Self::Text(exact) => whole(reply.cut, exact.judge(&said)),
        };
        verdict(found, &text, reply.cut)
    }

    /// The expected answer as one would write it most plainly, where there is one such.
    pub fn plainest(&self) -> Option<String> {
        match self {
            Self::Number(number) if number.percent => Some(format!("{}%", number.value)),
            Self::Number(number) => Some(number.value.to_string()),
            Self::Choice(choice) => Some(letter(choice.right).to_string()),
            Self::Yes(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
            Self::Fact(fact) => fact.accepted.first().cloned(),
            Self::Set(set) => {
                let names: Vec<&str> =
                    set.all.iter().filter_map(|names| names.first().map(String::as_str)).collect();
                Some(names.join(", "))
            }
            Self::Pattern(_) => None,
            Self::Json(document) => document.expected.plainest().map(|value| value.to_string()),
            Self::Text(exact) => exact.accepted.first().cloned(),
        }
    }

    /// Its name, as it stands in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Number(_) => "number",
            Self::Choice(_) => "choice",
            Self::Yes(_) => "yes",
            Self::Fact(_) => "fact",
            Self::Set(_) => "set",
            Self::Pattern(_) => "pattern",
            Self::Json(_) => "json",
            Self::Text(_) => "text",
        }
    }

    /// A grader of this number alone.
    pub fn number(value: Rational) -> Self {
        Self::Number(Number::of(value))
    }
}

/// What is judged as a whole can't be told from its beginning.
fn whole(cut: bool, judged: Option<Judged>) -> Option<(Judged, Place)> {
    judged.filter(|_| !cut).map(|judged| (judged, Place::Loose))
}

fn fitting(pattern: &Pattern, reply: &str) -> Judged {
    let forms = text::forms(reply);
    let fits = forms.iter().find(|form| pattern.fits(form));
    Judged::new(fits.is_some(), *fits.unwrap_or(&reply))
}

fn verdict(found: Option<(Judged, Place)>, text: &str, cut: bool) -> Verdict {
    let of = |judged: Judged| {
        let extracted = plain::shown(&judged.extracted);
        if judged.right { Verdict::Solved { extracted } } else { Verdict::Wrong { extracted } }
    };
    let loose = match found {
        Some((judged, Place::Stated)) => return of(judged),
        Some((judged, Place::Loose)) => Some(judged),
        None => None,
    };
    let bare = plain::unmarked(text);
    if let Some(said) = refuse::refusal(&bare) {
        return Verdict::Refused { said: said.trim().to_owned() };
    }
    if refuse::unknowing(&bare) {
        return Verdict::NoAnswer { why: Lack::Unknown };
    }
    let why = if cut { Lack::CutOff } else { Lack::NoneOfItsKind };
    loose.map_or(Verdict::NoAnswer { why }, of)
}
