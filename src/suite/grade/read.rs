//! Numbers in plain text: their value, what was written behind them, and where they stand.
//!
//! Invariant: a number is read once and whole. `1,234.5` is no 1 and no 234; a date, a version, a
//! time of day and the 2 of `x2` are no numbers. Thousands are separated by commas, points, spaces,
//! apostrophes or low lines in threes (or by commas as in India); one comma before other than three
//! digits is a decimal comma, one point always a decimal point. No text panics. Guarded by the tests
//! below.

use super::super::rational::Rational;
use super::plain::{DOLLAR, TIGHT};
use super::unit::{Unit, unit_at};

/// A number that was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// What it comes to; a percentage as it stands, not divided.
    pub(super) value: Rational,
    /// Digits after the point, of those given as decimals.
    pub(super) decimals: u32,
    /// Digits altogether, without leading zeros.
    pub(super) digits: u32,
    /// Whether `%` or "percent" follows.
    pub(super) percent: bool,
    /// The unit that follows.
    pub(super) unit: Option<Unit>,
    /// It is a factor of something that is no number: `2π`, `3√2`, `5x`.
    pub(super) symbolic: bool,
    /// Its bytes in the text, with sign and without unit.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// Where it ends with its unit.
    pub(super) after: usize,
}

/// All numbers of a text in their order.
pub(super) fn numbers(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while let Some(place) = text[at..].find(|c: char| c.is_ascii_digit()).map(|place| at + place) {
        let end_before = found.last().map_or(0, |last| last.end);
        match number(text, place, end_before) {
            Ok(number) => {
                at = number.end;
                found.push(number);
            }
            Err(end) => at = end.max(place + 1),
        }
    }
    found
}

/// The digits from here on.
fn digits(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())]
}

fn next(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

/// The number whose first digit stands here, or where to go on.
fn number(text: &str, place: usize, end_before: usize) -> Result<Found, usize> {
    let before = text[..place].chars().next_back();
    let first = digits(text, place);
    let word = |c: char| c.is_alphabetic() || c == '^' || c == '#' || c == '_';
    if before.is_some_and(word) && !text[..place].ends_with("####") {
        return Err(place + first.len());
    }
    let (mut start, point) = match before {
        // `.5` without a zero, unless it ends a sentence.
        Some('.') if !text[..place - 1].ends_with(|c: char| c.is_alphanumeric()) => {
            (place - 1, true)
        }
        _ => (place, false),
    };
    let (whole, mut end) = if point { (String::new(), start) } else { grouped(text, place) };
    let (fraction, after) = if point {
        (first, place + first.len())
    } else {
        decimals(text, &whole, end, end - place > first.len())
    };
    end = after;
    if let Some(skip) = not_a_number(text, place, end, fraction.is_empty()) {
        return Err(skip);
    }
    let written = format!("{whole}{fraction}");
    let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    let value =
        written.parse().ok().and_then(|number| Rational::new(number, 10_i128.checked_pow(places)?));
    let mut value = value.ok_or(end)?;
    let mut decimal_places = places;
    if fraction.is_empty() && !point {
        (value, end) = over(text, value, end)?;
    }
    (value, end) = scaled(text, value, end, &mut decimal_places).ok_or(end)?;
    let (negative, from) = sign(text, start, end_before);
    start = from;
    if negative {
        value = value.negated().ok_or(end)?;
    }
    let (percent, after) = percent(text, end);
    let (unit, after) = if percent { (None, after) } else { unit_at(text, end) };
    let dollars = text[..place].ends_with(DOLLAR).then(|| Unit::named("dollars")).flatten();
    let unit = unit.or(dollars);
    Ok(Found {
        value,
        decimals: decimal_places,
        digits: u32::try_from(written.trim_start_matches('0').len()).unwrap_or(u32::MAX),
        percent,
        symbolic: unit.is_none() && symbolic(text, start, end),
        unit,
        start,
        end,
        after,
    })
}

/// The whole part with its thousands, and where it ends.
fn grouped(text: &str, place: usize) -> (String, usize) {
    let first = digits(text, place);
    let plain = (first.to_owned(), place + first.len());
    if first.len() > 3 || first == "0" {
        return plain;
    }
    let Some(separator) = next(text, place + first.len()) else { return plain };
    if ![',', '.', '\'', '_', ' ', TIGHT].contains(&separator) {
        return plain;
    }
    let mut whole = first.to_owned();
    let mut end = place + first.len();
    let (mut groups, mut pairs) = (0, 0);
    while next(text, end) == Some(separator) {
        let group = digits(text, end + separator.len_utf8());
        // As in India: 12,34,567.
        let pair = separator == ',' && group.len() == 2 && {
            let after = end + 1 + group.len();
            next(text, after) == Some(',') && (2..=3).contains(&digits(text, after + 1).len())
        };
        if group.len() != 3 && !pair {
            break;
        }
        whole.push_str(group);
        end += separator.len_utf8() + group.len();
        groups += 1;
        pairs += usize::from(pair);
    }
    let ends_in_three = pairs == 0 || whole.len() >= 6;
    let point_follows = next(text, end) == Some(',') && !digits(text, end + 1).is_empty();
    let enough = match separator {
        '.' => groups > 1 || (groups == 1 && point_follows),
        // `1,234,5` is a list.
        ',' => groups > 0 && !point_follows && ends_in_three,
        _ => groups > 0,
    };
    if enough { (whole, end) } else { plain }
}

/// The digits behind the point, and where they end.
fn decimals<'a>(text: &'a str, whole: &str, end: usize, grouped: bool) -> (&'a str, usize) {
    let none = ("", end);
    let Some(point @ ('.' | ',')) = next(text, end) else { return none };
    let fraction = digits(text, end + 1);
    let after = end + 1 + fraction.len();
    let again = next(text, after) == Some(point) && !digits(text, after + 1).is_empty();
    let thousands =
        point == ',' && fraction.len() == 3 && whole.len() <= 3 && whole != "0" && !grouped;
    // A list, or thousands that were not all well-formed, is not this number's fraction.
    if fraction.is_empty() || (point == ',' && (again || thousands)) {
        return none;
    }
    (fraction, after)
}

/// Where to go on if this is a version, a time, a ratio or a date.
fn not_a_number(text: &str, place: usize, end: usize, whole: bool) -> Option<usize> {
    let run = |signs: &[char]| {
        let rest = &text[end..];
        let stop = rest.find(|c: char| !c.is_ascii_digit() && !signs.contains(&c));
        end + stop.unwrap_or(rest.len())
    };
    let then = |sign: char| next(text, end) == Some(sign) && !digits(text, end + 1).is_empty();
    if then('.') && !whole {
        return Some(run(&['.']));
    }
    if then(':') {
        return Some(run(&[':']));
    }
    let dated = |sign: char| {
        let middle = digits(text, end + 1).len();
        let last = end + 1 + middle;
        then(sign) && next(text, last) == Some(sign) && !digits(text, last + 1).is_empty()
    };
    if dated('/') || (dated('-') && (end - place == 4 || end - place == 2)) {
        return Some(run(&['/', '-']));
    }
    None
}

/// `3/4`, and `2 3/4`.
fn over(text: &str, value: Rational, end: usize) -> Result<(Rational, usize), usize> {
    let part = |at: usize| -> Option<(Rational, usize)> {
        let rest = text.get(at..)?;
        let slash = at + rest.len() - rest.trim_start_matches([' ', TIGHT]).len();
        let after = text.get(slash..)?.strip_prefix('/')?;
        let under = slash + 1 + after.len() - after.trim_start_matches(' ').len();
        let written = digits(text, under);
        let number = written.parse().ok().filter(|number| *number != 0)?;
        Some((Rational::whole(number), under + written.len()))
    };
    if let Some((under, after)) = part(end) {
        return value.by(under).map(|value| (value, after)).ok_or(after);
    }
    // "1 out of 3", "1 in 3".
    for (words, only) in [(" out of ", None), (" in ", Some(Rational::ONE))] {
        let Some(after) = text[end..].strip_prefix(words) else { continue };
        let under = digits(after, 0);
        let number = under.parse().ok().map(Rational::whole).filter(|number| *number >= value);
        if let Some(number) =
            number.filter(|n| *n > Rational::ONE && only.is_none_or(|o| o == value))
        {
            let after = end + words.len() + under.len();
            return value.by(number).map(|value| (value, after)).ok_or(after);
        }
    }
    let gap = text[end..].len() - text[end..].trim_start_matches([' ', TIGHT]).len();
    let second = digits(text, end + gap);
    if gap > 0
        && !second.is_empty()
        && second.len() <= 3
        && let Some((under, after)) = part(end + gap + second.len())
        && let Ok(number) = second.parse()
        && Rational::whole(number) < under
    {
        let rest = Rational::whole(number).by(under);
        return rest.and_then(|rest| value.plus(rest)).map(|value| (value, after)).ok_or(after);
    }
    Ok((value, end))
}

/// Powers, powers of ten and words for them.
fn scaled(text: &str, value: Rational, end: usize, places: &mut u32) -> Option<(Rational, usize)> {
    if let Some((exponent, after)) =
        text.get(end..)?.strip_prefix('^').and_then(|_| exponent(text, end + 1))
    {
        return Some((value.power(exponent)?, after));
    }
    if let Some('e' | 'E') = next(text, end)
        && let Some((exponent, after)) = exponent(text, end + 1)
    {
        return Some((value.times(Rational::whole(10).power(exponent)?)?, after));
    }
    let rest = text.get(end..)?;
    let trimmed = rest.trim_start_matches([' ', TIGHT]);
    for sign in ['×', 'x', '*', '·', '⋅'] {
        let Some(after) = trimmed.strip_prefix(sign) else { continue };
        let Some(after) = after.trim_start_matches([' ', TIGHT]).strip_prefix("10^") else {
            continue;
        };
        let at = text.len() - after.len();
        if let Some((exponent, after)) = exponent(text, at) {
            *places = 0;
            return Some((value.times(Rational::whole(10).power(exponent)?)?, after));
        }
    }
    let adjacent = trimmed.len() == rest.len();
    let word = &trimmed[..trimmed.find(|c: char| !c.is_alphabetic()).unwrap_or(trimmed.len())];
    let power = match word {
        "k" | "K" if adjacent => 3,
        "thousand" => 3,
        "M" if adjacent => 6,
        "million" | "millions" | "mn" => 6,
        "billion" | "billions" | "bn" => 9,
        "trillion" | "trillions" => 12,
        _ => return Some((value, end)),
    };
    *places = 0;
    let end = text.len() - trimmed.len() + word.len();
    Some((value.times(Rational::whole(10).power(power)?)?, end))
}

/// A whole exponent, with or without sign and parentheses.
fn exponent(text: &str, at: usize) -> Option<(i128, usize)> {
    let rest = text.get(at..)?;
    let inner = rest.strip_prefix('(').unwrap_or(rest);
    let sign = if inner.starts_with('-') { -1 } else { 1 };
    let bare = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let written = digits(bare, 0);
    let number: i128 = written.parse().ok().filter(|number| *number <= 60)?;
    let mut after = text.len() - bare.len() + written.len();
    if inner.len() < rest.len() {
        after += usize::from(next(text, after)? == ')');
    }
    Some((sign * number, after))
}

/// Whether a sign belongs to the number, and where it then begins. After another number, `-` takes
/// away.
fn sign(text: &str, start: usize, end_before: usize) -> (bool, usize) {
    let before = &text[..start];
    let of_currency = before.trim_end_matches(['€', '£', '¥', '₹', DOLLAR]);
    for word in ["-", "–", "minus ", "negative ", "Minus ", "Negative "] {
        let Some(left) = of_currency.strip_suffix(word) else { continue };
        let previous = left.trim_end_matches(' ');
        let dash = ["-", "–"].contains(&word);
        let behind = previous.ends_with(|c: char| c.is_alphanumeric() || c == ')' || c == '%');
        let taken_from = behind
            && (dash && (left.len() == previous.len() || previous.len() == end_before)
                || word == "minus " && previous.len() == end_before && end_before > 0);
        return if taken_from { (false, start) } else { (true, left.len()) };
    }
    (false, start)
}

fn percent(text: &str, end: usize) -> (bool, usize) {
    let rest = text[end..].trim_start_matches([' ', TIGHT]);
    ["%", "percent", "per cent", "pct", "Prozent", "por ciento", "pour cent"]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .map_or((false, end), |after| (true, text.len() - after.len()))
}

/// Whether the number multiplies something that has no digits.
fn symbolic(text: &str, start: usize, end: usize) -> bool {
    let after = text[end..].trim_start_matches([' ', TIGHT, '·', '×']);
    let letter = |c: char| ['x', 'y', 'z', 'n', 'i'].contains(&c);
    let mut adjacent = text[end..].chars();
    let variable =
        adjacent.next().is_some_and(letter) && !adjacent.next().is_some_and(char::is_alphanumeric);
    after.starts_with(['π', '√'])
        || variable
        || text[..start].ends_with(['√', 'π'])
        || text[..start].ends_with("√(")
}
