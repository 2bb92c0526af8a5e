//! A problem's numbers and names: drawn from a stream of its own, and put into its texts.
//!
//! Invariant: what is drawn depends on the seed and the problem's own name alone, so the same seed
//! gives the same instance whatever else is asked for. Guarded by `tests::properties`.

use super::expression::{Numbers, holds, value};
use super::rational::Rational;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Times that numbers are drawn again because they don't meet the conditions.
const TRIES_MAX: u32 = 2_000;

/// How a number or a name of a problem is found, as it stands in a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Draw {
    /// It is always this.
    Whole(i64),
    /// It is drawn or computed.
    Drawn(Drawn),
}

/// Either `from` and `to` (and `step`), or `of` (and `take` or `at`), or `is`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drawn {
    from: Option<i64>,
    to: Option<i64>,
    step: Option<i64>,
    of: Option<Vec<String>>,
    take: Option<usize>,
    at: Option<String>,
    is: Option<String>,
}

/// What was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(Rational),
    Text(String),
    List(Vec<String>),
}

/// Values by name.
pub(super) type Values = BTreeMap<String, Value>;

/// What is wrong: the field, its value, the reason.
pub(super) type Wrong = (String, String, String);

/// The stream of a problem's instance.
pub(super) fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    // FNV-1a, then SplitMix64's finaliser, so that near names are far apart.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut z = (hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(seed);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ChaCha8Rng::seed_from_u64(z ^ (z >> 31))
}

/// A whole number below this one, or 0.
pub(super) fn below(draw: &mut ChaCha8Rng, bound: usize) -> usize {
    let product = u128::from(draw.next_u64()) * (bound as u128);
    usize::try_from(product >> 64).unwrap_or(0)
}

/// In an order that is drawn.
pub(super) fn shuffled<T>(draw: &mut ChaCha8Rng, mut items: Vec<T>) -> Vec<T> {
    for place in (1..items.len()).rev() {
        items.swap(place, below(draw, place + 1));
    }
    items
}

/// All values of a problem that meet its conditions.
pub(super) fn drawn(
    from: &BTreeMap<String, Draw>,
    conditions: &[String],
    draw: &mut ChaCha8Rng,
) -> Result<Values, Wrong> {
    for _ in 0..TRIES_MAX {
        let values = once(from, draw)?;
        let numbers = numbers(&values);
        let mut met = true;
        for condition in conditions {
            let wrong = |why| ("where".to_owned(), condition.clone(), why);
            met = met && holds(condition, &numbers).map_err(wrong)?;
        }
        if met {
            return Ok(values);
        }
    }
    let why = format!("{TRIES_MAX} draws did not meet it");
    Err(("where".to_owned(), conditions.join("; "), why))
}

/// Those of the values that expressions see.
pub(super) fn numbers(values: &Values) -> Numbers {
    let number = |(name, value): (&String, &Value)| match value {
        Value::Number(number) => Some((name.clone(), *number)),
        _ => None,
    };
    values.iter().filter_map(number).collect()
}

fn once(from: &BTreeMap<String, Draw>, draw: &mut ChaCha8Rng) -> Result<Values, Wrong> {
    let mut values = Values::new();
    let mut computed = Vec::new();
    for (name, how) in from {
        match how {
            Draw::Whole(number) => {
                values.insert(name.clone(), Value::Number(Rational::whole(i128::from(*number))));
            }
            Draw::Drawn(how) if how.is.is_some() || how.at.is_some() => computed.push((name, how)),
            Draw::Drawn(how) => {
                values.insert(name.clone(), random(name, how, draw)?);
            }
        }
    }
    // What is computed may follow from what is computed: as many rounds as there are.
    let rounds = computed.len();
    for round in 0..rounds {
        for (name, how) in &computed {
            let last = round + 1 == rounds;
            match calculated(how, &numbers(&values)) {
                Ok(value) => {
                    values.insert((*name).clone(), value);
                }
                Err((field, value, why)) if last => {
                    return Err((format!("draw.{name}.{field}"), value, why));
                }
                Err(_) => {}
            }
        }
    }
    Ok(values)
}

fn random(name: &str, how: &Drawn, draw: &mut ChaCha8Rng) -> Result<Value, Wrong> {
    let wrong = |why: &str| (format!("draw.{name}"), format!("{how:?}"), why.to_owned());
    match (how.from, how.to, &how.of) {
        (Some(from), Some(to), None) if from <= to => {
            let step = how.step.unwrap_or(1);
            let count = to.checked_sub(from).filter(|_| step > 0).map(|span| span / step + 1);
            let count = count.and_then(|count| usize::try_from(count).ok());
            let place = below(draw, count.ok_or_else(|| wrong("its steps are not above 0"))?);
            let number = i128::from(from) + i128::from(step) * (place as i128);
            Ok(Value::Number(Rational::whole(number)))
        }
        (None, None, Some(of)) if !of.is_empty() => match how.take {
            None => Ok(Value::Text(of[below(draw, of.len())].clone())),
            Some(take) if take <= of.len() => {
                let mut list = shuffled(draw, of.clone());
                list.truncate(take);
                Ok(Value::List(list))
            }
            Some(_) => Err(wrong("it takes more than there are")),
        },
        _ => Err(wrong("it is neither `from` and `to`, nor `of`, nor `is`")),
    }
}

fn calculated(how: &Drawn, numbers: &Numbers) -> Result<Value, Wrong> {
    if let Some(is) = &how.is {
        let wrong = |why| ("is".to_owned(), is.clone(), why);
        return value(is, numbers).map(Value::Number).map_err(wrong);
    }
    let at = how.at.clone().unwrap_or_default();
    let wrong = |why: String| ("at".to_owned(), at.clone(), why);
    let place =
        value(&at, numbers).map_err(wrong)?.integer().and_then(|at| usize::try_from(at).ok());
    let item = place.and_then(|place| how.of.as_ref()?.get(place));
    item.cloned().map(Value::Text).ok_or_else(|| wrong("nothing stands there".to_owned()))
}

/// A text with its values put in: `{name}`, `{name.form}`. Braces around anything but a small
/// letter are left alone.
pub(super) fn filled(text: &str, values: &Values) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let inside = &rest[open + 1..];
        let length = inside.find(|c: char| {
            !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.')
        });
        let named = inside.starts_with(|c: char| c.is_ascii_lowercase());
        if let Some(length) = length.filter(|&length| named && inside[length..].starts_with('}')) {
            out.push_str(&form(&inside[..length], values)?);
            rest = &inside[length + 1..];
        } else {
            out.push('{');
            rest = inside;
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// A value in the form that is asked for.
fn form(name: &str, values: &Values) -> Result<String, String> {
    let (name, form) = name.split_once('.').map_or((name, ""), |(name, form)| (name, form));
    let value = values.get(name).ok_or_else(|| format!("there is no value `{name}`"))?;
    let none = || format!("`{name}` has no form `{form}`");
    Ok(match (value, form) {
        (Value::Number(number), "") => number.to_string(),
        (Value::Text(text), "") => text.clone(),
        (Value::Text(text), "upper") => text.to_uppercase(),
        (Value::Text(text), "reversed") => text.chars().rev().collect(),
        (Value::List(list), "") => list.join(", "),
        (Value::List(list), "spaced") => list.join(" "),
        (Value::List(list), "last") => list.last().cloned().ok_or_else(none)?,
        (Value::List(list), "reversed") => {
            list.iter().rev().map(String::as_str).collect::<Vec<_>>().join(", ")
        }
        (Value::List(list), "sorted") => {
            let mut list = list.clone();
            list.sort();
            list.join(", ")
        }
        (Value::List(list), place) => {
            let place = place.parse::<usize>().ok().and_then(|place| place.checked_sub(1));
            place.and_then(|place| list.get(place)).cloned().ok_or_else(none)?
        }
        _ => return Err(none()),
    })
}
