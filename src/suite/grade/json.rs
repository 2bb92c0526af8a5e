//! JSON by what is expected of its fields.
//!
//! The rule: the last object or list that parses, in a code fence or in the text; a strict problem
//! takes nothing around it but a fence.
//!
//! Invariant: types count (`"36"` is no 36), the order of fields does not; a field that was not asked
//! for is wrong. Guarded by the table of awkward replies.

use super::pattern::Pattern;
use super::place::Judged;
use super::text::fence;
use serde_json::Value;

/// A document that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What each part has to be.
    pub expected: Expected,
    /// Whether nothing may stand around it.
    pub strict: bool,
}

/// What a part of a document has to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// This value; numbers by value.
    Is(Value),
    /// An object of these fields and no others.
    Fields(Vec<(String, Expected)>),
    /// A list of so many of these.
    Items(Vec<Expected>),
    /// Any text that the pattern fits.
    Like(Pattern),
    /// Any whole number between these.
    Whole(i64, i64),
}

impl Expected {
    /// From a JSON document. An object with `$pattern` or `$whole` (two bounds) says what a value
    /// has to be like.
    pub fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(fields) => {
                if let Some(pattern) = fields.get("$pattern") {
                    let pattern = pattern.as_str().ok_or("`$pattern` is not text")?;
                    return Pattern::parse(pattern).map(Self::Like);
                }
                if let Some(bounds) = fields.get("$whole") {
                    let bound = |place| bounds.get(place).and_then(Value::as_i64);
                    let pair = bound(0).zip(bound(1)).ok_or("`$whole` is not two whole numbers")?;
                    return Ok(Self::Whole(pair.0, pair.1));
                }
                let fields =
                    fields.iter().map(|(name, value)| Ok((name.clone(), Self::parse(value)?)));
                fields.collect::<Result<_, String>>().map(Self::Fields)
            }
            Value::Array(items) => {
                items.iter().map(Self::parse).collect::<Result<_, _>>().map(Self::Items)
            }
            _ => Ok(Self::Is(value.clone())),
        }
    }

    fn met(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Is(Value::Number(wanted)), Value::Number(given)) => {
                // By their digits where those are the same, else by value: 36 is 36.0.
                wanted == given
                    || wanted
                        .as_f64()
                        .zip(given.as_f64())
                        .is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
            }
            (Self::Is(wanted), given) => wanted == given,
            (Self::Fields(wanted), Value::Object(given)) => {
                wanted.len() == given.len()
                    && wanted
                        .iter()
                        .all(|(name, one)| given.get(name).is_some_and(|value| one.met(value)))
            }
            (Self::Items(wanted), Value::Array(given)) => {
                wanted.len() == given.len()
                    && wanted.iter().zip(given).all(|(one, value)| one.met(value))
            }
            (Self::Like(pattern), Value::String(text)) => pattern.fits(text),
            (Self::Whole(from, to), Value::Number(given)) => {
                given.as_i64().is_some_and(|given| (*from..=*to).contains(&given))
            }
            _ => false,
        }
    }

    /// A document that meets it, where all of it is given.
    pub(super) fn plainest(&self) -> Option<Value> {
        match self {
            Self::Is(value) => Some(value.clone()),
            Self::Fields(fields) => fields
                .iter()
                .map(|(name, one)| Some((name.clone(), one.plainest()?)))
                .collect::<Option<serde_json::Map<_, _>>>()
                .map(Value::Object),
            Self::Items(items) => {
                items.iter().map(Self::plainest).collect::<Option<_>>().map(Value::Array)
            }
            Self::Whole(from, _) => Some(Value::from(*from)),
            Self::Like(_) => None,
        }
    }
}

impl Document {
    pub(super) fn judge(&self, spoken: &str) -> Option<Judged> {
        let reply = spoken.trim();
        let whole = serde_json::from_str::<Value>(reply).ok();
        let fenced = || {
            let only = reply.starts_with("```") && reply.ends_with("```");
            (only || !self.strict)
                .then(|| fence(reply))
                .flatten()
                .and_then(|text| serde_json::from_str(text.trim()).ok())
        };
        let bare = whole.or_else(fenced);
        if let Some(value) = bare.or_else(|| if self.strict { None } else { last(reply) }) {
            return Some(Judged::new(self.expected.met(&value), value.to_string()));
        }
        // Something like a document that can't be read, or with words around it, is an answer.
        let like = reply.contains(['{', '[']);
        like.then(|| Judged::new(false, reply))
    }
}

/// The last object or list in a text that is not part of another.
fn last(text: &str) -> Option<Value> {
    /// Openings that are tried, so that a reply of braces alone takes no long time.
    const TRIED_MAX: usize = 200;
    let mut found = None;
    let (mut from, mut tried) = (0, 0);
    while let Some(start) = text[from..].find(['{', '[']).map(|place| from + place) {
        tried += 1;
        if tried > TRIED_MAX {
            break;
        }
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        from = match values.next() {
            Some(Ok(value)) => {
                let end = start + values.byte_offset();
                found = Some(value);
                end
            }
            _ => start + 1,
        };
    }
    found
}
