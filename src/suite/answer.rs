//! What a problem expects, as files say it, made into a grader.
//!
//! Invariant: exactly one kind of answer is given, and each of its parts belongs to that kind.
//! Guarded by the tests of `load` and `family`.

use super::draw::{Values, Wrong, filled, numbers};
use super::expression;
use super::grade::{
    Choice, Document, Exact, Expected, Fact, Grader, Members, Number, Pattern, Unit, letter,
};
use serde::Deserialize;

/// The fields of an answer. Texts may hold values, `{name}`; numbers are expressions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are a file's, each of one kind of answer")]
pub(super) struct RawAnswer {
    number: Option<Scalar>,
    #[serde(default)]
    percent: bool,
    unit: Option<String>,
    fact: Option<Many>,
    #[serde(default)]
    rivals: Vec<String>,
    #[serde(default)]
    about: Vec<String>,
    yes: Option<Scalar>,
    choice: Option<String>,
    #[serde(default)]
    others: Vec<String>,
    set: Option<Many>,
    #[serde(default)]
    ordered: bool,
    pattern: Option<String>,
    json: Option<serde_json::Value>,
    #[serde(default)]
    strict: bool,
    text: Option<Many>,
    #[serde(default)]
    case: bool,
}

/// A number, a truth or an expression.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Truth(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Truth(truth) => u8::from(*truth).to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// One text or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Many {
    One(String),
    All(Vec<String>),
}

impl Many {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::All(all) => all,
        }
    }
}

/// Puts options into an order, given which is right; for a problem of options alone.
pub(super) type Order<'a> = &'a mut dyn FnMut(Vec<String>) -> Vec<String>;

impl RawAnswer {
    /// The answer that a bare value in a file means: a number, or a name.
    pub(super) fn bare(value: &serde_json::Value) -> Option<Self> {
        let scalar = match value {
            serde_json::Value::Bool(truth) => {
                return Some(Self { yes: Some(Scalar::Truth(*truth)), ..Self::default() });
            }
            // As it is written, so that no digit is lost.
            serde_json::Value::Number(number) => Scalar::Text(number.to_string()),
            serde_json::Value::String(text) => {
                return Some(Self { fact: Some(Many::One(text.clone())), ..Self::default() });
            }
            _ => return None,
        };
        Some(Self { number: Some(scalar), ..Self::default() })
    }

    /// The grader, and what is put behind the question (the options).
    pub(super) fn grader(&self, values: &Values, order: Order) -> Result<(Grader, String), Wrong> {
        self.of_one_kind()?;
        let fill = |field: &str, text: &str| {
            filled(text, values).map_err(|why| (field.to_owned(), text.to_owned(), why))
        };
        let fill_all = |field: &str, texts: &[String]| -> Result<Vec<String>, Wrong> {
            texts.iter().map(|text| fill(field, text)).collect()
        };
        let count = |field: &str, scalar: &Scalar| {
            let text = scalar.text();
            expression::value(&text, &numbers(values)).map_err(|why| (field.to_owned(), text, why))
        };
        if let Some(number) = &self.number {
            let unit = match &self.unit {
                None => None,
                Some(name) => Some(
                    Unit::named(name)
                        .ok_or_else(|| wrong("unit", name, "it is no unit that is known"))?,
                ),
            };
            let value = count("number", number)?;
            return Ok((
                Grader::Number(Number { value, percent: self.percent, unit }),
                String::new(),
            ));
        }
        if let Some(yes) = &self.yes {
            return Ok((Grader::Yes(count("yes", yes)? != super::Rational::ZERO), String::new()));
        }
        if let Some(fact) = &self.fact {
            let accepted = fill_all("fact", fact.all())?;
            if accepted.iter().any(|name| !name.chars().any(char::is_alphanumeric))
                || accepted.is_empty()
            {
                return Err(wrong("fact", &accepted.join(", "), "there is no name in it"));
            }
            // A name that is accepted is no rival, whatever was drawn.
            let rivals = fill_all("rivals", &self.rivals)?
                .into_iter()
                .filter(|rival| !accepted.contains(rival))
                .collect();
            let about = fill_all("about", &self.about)?;
            return Ok((Grader::Fact(Fact { accepted, rivals, about }), String::new()));
        }
        if let Some(right) = &self.choice {
            let right = fill("choice", right)?;
            let mut options = fill_all("others", &self.others)?;
            options.push(right.clone());
            return choice(order(options), &right);
        }
        if let Some(set) = &self.set {
            let all = fill_all("set", set.all())?;
            let members = all.iter().flat_map(|text| text.split(", "));
            let all: Vec<Vec<String>> =
                members.map(|names| names.split('|').map(str::to_owned).collect()).collect();
            if all.iter().flatten().any(|name| name.trim().is_empty()) {
                return Err(wrong("set", &format!("{all:?}"), "a member has no name"));
            }
            return Ok((Grader::Set(Members { all, ordered: self.ordered }), String::new()));
        }
        if let Some(pattern) = &self.pattern {
            let pattern = fill("pattern", pattern)?;
            let read =
                Pattern::parse(&pattern).map_err(|why| ("pattern".to_owned(), pattern, why))?;
            return Ok((Grader::Pattern(read), String::new()));
        }
        if let Some(json) = &self.json {
            let expected = document(json, &fill)?;
            return Ok((Grader::Json(Document { expected, strict: self.strict }), String::new()));
        }
        let accepted = self.text.as_ref().map(|text| fill_all("text", text.all())).transpose()?;
        let accepted = accepted.unwrap_or_default();
        if accepted.iter().any(|text| text.trim() != text || text.is_empty()) || accepted.is_empty()
        {
            return Err(wrong(
                "text",
                &accepted.join(", "),
                "it is empty, or begins or ends in space",
            ));
        }
        Ok((Grader::Text(Exact { accepted, case: self.case }), String::new()))
    }

    fn of_one_kind(&self) -> Result<(), Wrong> {
        let kinds = [
            ("number", self.number.is_some()),
            ("fact", self.fact.is_some()),
            ("yes", self.yes.is_some()),
            ("choice", self.choice.is_some()),
            ("set", self.set.is_some()),
            ("pattern", self.pattern.is_some()),
            ("json", self.json.is_some()),
            ("text", self.text.is_some()),
        ];
        let given: Vec<&str> = kinds.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        let [kind] = given[..] else {
            let why = "it is not one of `number`, `fact`, `yes`, `choice`, `set`, `pattern`, `json`, `text`";
            return Err(wrong("answer", &given.join(", "), why));
        };
        let parts = [
            ("percent", "number", self.percent),
            ("unit", "number", self.unit.is_some()),
            ("rivals", "fact", !self.rivals.is_empty()),
            ("about", "fact", !self.about.is_empty()),
            ("others", "choice", !self.others.is_empty()),
            ("ordered", "set", self.ordered),
            ("strict", "json", self.strict),
            ("case", "text", self.case),
        ];
        match parts.iter().find(|(_, of, is)| *is && *of != kind) {
            Some((part, of, _)) => Err(wrong(part, kind, &format!("it belongs to `{of}`"))),
            None => Ok(()),
        }
    }
}

/// A document: a TOML text that holds JSON, or JSON itself.
fn document(
    json: &serde_json::Value,
    fill: &dyn Fn(&str, &str) -> Result<String, Wrong>,
) -> Result<Expected, Wrong> {
    let parsed = match json {
        serde_json::Value::String(text) => {
            let text = fill("json", text)?;
            serde_json::from_str(&text)
                .map_err(|error| ("json".to_owned(), text, error.to_string()))?
        }
        other => other.clone(),
    };
    Expected::parse(&parsed).map_err(|why| ("json".to_owned(), parsed.to_string(), why))
}

/// A choice between these options, and the lines that list them.
pub(super) fn choice(options: Vec<String>, right: &str) -> Result<(Grader, String), Wrong> {
    let place = options.iter().position(|option| option == right);
    let twice = (1..options.len()).any(|at| options[..at].contains(&options[at]));
    let fits = (2..=26).contains(&options.len()) && !twice;
    let Some(place) = place.filter(|_| fits) else {
        return Err(wrong(
            "choice",
            &options.join(", "),
            "there are not 2 to 26 different options",
        ));
    };
    let lines: Vec<String> = options
        .iter()
        .enumerate()
        .map(|(at, option)| format!("\n{}) {option}", letter(at)))
        .collect();
    let lines = lines.concat();
    Ok((Grader::Choice(Choice { options, right: place }), lines))
}

/// What is wrong with a field.
pub(super) fn wrong(field: &str, value: &str, why: &str) -> Wrong {
    (field.to_owned(), value.to_owned(), why.to_owned())
}
