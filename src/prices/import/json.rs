//! JSON whose numbers keep their own digits.
//!
//! Invariant: a price never passes through a binary float. JSON readers turn `1.5e-07` into the
//! nearest double, which is another number; so numbers are put in quotes before the text is read,
//! and become decimals from their digits: `1.5e-07` USD per token is 0.15 USD/Mtok, exactly.
//!
//! A number of more than [`DIGITS_MAX`] digits was computed in doubles by whoever wrote it:
//! `2.0000000000000002e-07`. Fifteen digits are what a double holds of any decimal (C's `DBL_DIG`),
//! so it is rounded to them, which gives back what was meant, and counted as cleaned.

use rust_decimal::Decimal;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Significant digits that survive a double.
pub const DIGITS_MAX: usize = 15;

/// What marks a quoted number: a character that no sane text begins with.
const MARK: char = '\0';

/// A JSON value; of a key that stands twice in a map, both are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// Its digits, as written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&quoted(text))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.fields().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Map(fields) => fields,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<Exact> {
        match self {
            Self::Number(digits) => Exact::of(digits),
            _ => None,
        }
    }

    /// A whole number from zero up, however it is written: `256000`, `256000.0`, `2.56e5`.
    pub(super) fn whole(&self) -> Option<u64> {
        let number = self.number()?.value;
        if number.is_integer() { u64::try_from(number).ok() } else { None }
    }

    /// What stands there, short, for a message.
    pub(super) fn shown(&self) -> String {
        let whole = match self {
            Self::Null => "null".to_owned(),
            Self::Bool(yes) => yes.to_string(),
            Self::Number(text) | Self::Text(text) => text.clone(),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Map(fields) => format!("a map of {}", fields.len()),
        };
        whole.chars().take(60).collect()
    }
}

/// A number's exact value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exact {
    pub(super) value: Decimal,
    /// Whether it had more digits than a double holds, and was rounded to those.
    pub(super) cleaned: bool,
}

impl Exact {
    /// The value of a number's digits; `None` where it isn't one, or too large or small to hold.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let digits = digits.trim_matches('0');
        if digits.is_empty() {
            return Some(Self { value: Decimal::ZERO, cleaned: false });
        }
        // The value is 0.digits × 10^point.
        let point = i32::try_from(whole.len()).ok()? - i32::try_from(leading).ok()?;
        let point = point.checked_add(exponent)?;
        let cleaned = digits.len() > DIGITS_MAX;
        let (number, length) =
            if cleaned { rounded(digits)? } else { (digits.parse().ok()?, digits.len()) };
        let scale = i32::try_from(length).ok()?.checked_sub(point)?;
        let number: i128 = if negative { -number } else { number };
        let value = match u32::try_from(scale) {
            Ok(scale) => Decimal::try_from_i128_with_scale(number, scale).ok()?,
            Err(_) => Decimal::try_from_i128_with_scale(number, 0)
                .ok()?
                .checked_mul(power_of_ten(scale.unsigned_abs())?)?,
        };
        Some(Self { value: value.normalize(), cleaned })
    }
}

/// The first [`DIGITS_MAX`] digits, the rest rounded half to even, and their count.
fn rounded(digits: &str) -> Option<(i128, usize)> {
    let (kept, rest) = digits.split_at(DIGITS_MAX);
    let number: i128 = kept.parse().ok()?;
    let half = format!("5{}", "0".repeat(rest.len() - 1));
    let up = rest > half.as_str() || (rest == half && number % 2 == 1);
    Some((number + i128::from(up), DIGITS_MAX))
}

fn power_of_ten(power: u32) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(10_i128.checked_pow(power)?, 0).ok()
}

/// The text with every number outside of strings in quotes, behind the mark.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let (mut in_string, mut escaped, mut in_number) = (false, false, false);
    for c in text.chars() {
        let digit = matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
        if in_number && !digit {
            out.push('"');
            in_number = false;
        }
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c == '"' {
            in_string = true;
        } else if !in_number && matches!(c, '0'..='9' | '-') {
            out.push_str("\"\\u0000");
            in_number = true;
        }
        out.push(c);
    }
    if in_number {
        out.push('"');
    }
    out
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Json, E> {
        Ok(Json::Bool(yes))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Json, E> {
        Ok(match text.strip_prefix(MARK) {
            Some(digits) => Json::Number(digits.to_owned()),
            None => Json::Text(text.to_owned()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: &str, cleaned: bool) {
        let got = Exact::of(text).unwrap();
        assert_eq!((got.value.to_string().as_str(), got.cleaned), (want, cleaned), "{text}");
    }

    #[test]
    fn a_number_is_what_its_digits_say() {
        check("1.5e-07", "0.00000015", false);
        check("0.15", "0.15", false);
        check("3", "3", false);
        check("-1", "-1", false);
        check("0", "0", false);
        check("0.0e-400", "0", false);
        check("256000.0", "256000", false);
        check("2.56E+5", "256000", false);
        check("100", "100", false);
        check("0.00100", "0.001", false);
        check("1e10", "10000000000", false);
    }

    #[test]
    fn what_doubles_added_is_taken_off() {
        check("2.0000000000000002e-07", "0.0000002", true);
        check("9.499999999999999e-07", "0.00000095", true);
        check("0.27999999999999997", "0.28", true);
        check("4.285999999999999e-06", "0.000004286", true);
        check("0.08333333333333334", "0.0833333333333333", true);
        // Half to even, as everywhere.
        check("1000000000000005", "1000000000000000", true);
        check("1000000000000015", "1000000000000020", true);
        check("9999999999999995", "10000000000000000", true);
        // Fifteen digits are left alone.
        check("0.123456789012345", "0.123456789012345", false);
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", "1.2.3", "1-2", "e5", ".5", "1e", "1e99", "1e-40", "1e99999999999"] {
            assert_eq!(Exact::of(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_texts_theirs() {
        let json =
            Json::parse(r#"{"a": 1.50, "b": "1.50", "c": [-2e-3, null, true], "a": "x\"3"}"#);
        let json = json.unwrap();
        assert_eq!(json.get("a"), Some(&Json::Number("1.50".to_owned())));
        assert_eq!(json.get("b"), Some(&Json::Text("1.50".to_owned())));
        let list = vec![Json::Number("-2e-3".to_owned()), Json::Null, Json::Bool(true)];
        assert_eq!(json.get("c"), Some(&Json::List(list)));
        assert_eq!(json.fields()[3].1, Json::Text("x\"3".to_owned()));
        assert_eq!(Json::parse("12").unwrap(), Json::Number("12".to_owned()));
    }

    #[test]
    fn broken_json_stays_broken() {
        for text in ["", "{", "12abc", r#"{"a" 1}"#, r#"["a]"#, &"[".repeat(100_000)] {
            assert!(Json::parse(text).is_err(), "{}", &text[..text.len().min(20)]);
        }
    }

    proptest! {
        #[test]
        fn a_doubles_shortest_digits_come_back(number in 0.0_f64..1e6) {
            // Seventeen digits at most: the cleaned value differs by less than what a double holds.
            let exact = Exact::of(&format!("{number:e}")).unwrap();
            let back: f64 = exact.value.to_string().parse().unwrap();
            prop_assert!((back - number).abs() <= number * 1e-14, "{number}: {back}");
        }

        #[test]
        fn no_text_is_a_panic(text in ".{0,200}") {
            let _ = Json::parse(&text);
            let _ = Exact::of(&text);
        }
    }
}
