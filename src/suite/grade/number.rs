//! Numbers as answers.
//!
//! The rule: a boxed or announced number is the answer; of several in the announcement the first, or
//! the side of an equation that is worked out. Otherwise a first line that is nothing but a number;
//! otherwise, in the last sentence with numbers, the only bold one, or the last. Parentheses,
//! reasons ("because"), questions, checks and what is denied are passed over. Several joined by "or"
//! or a range are no answer unless all are right.
//!
//! Invariant: a number is right where its value is the expected one, exactly, or, for a value that
//! has no end as a decimal, correctly rounded to three digits or more; units convert. Guarded by the
//! table of awkward replies and by the property that another number is never right.

use super::super::rational::Rational;
use super::place::{Judged, Place, denied_after, denied_before, lower, near, sentences};
use super::plain::{BOLD, unmarked};
use super::read::{Found, numbers};
use super::unit::Unit;
use super::worded::worded;

/// A number that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The right one: in percent, or in the unit, where one is given.
    pub value: Rational,
    /// It is a percentage: `25` and `25%` are right, `0.25` is not.
    pub percent: bool,
    /// What it is counted in; a reply in another unit of the dimension is converted.
    pub unit: Option<Unit>,
}

/// Fewest digits of a rounded decimal that count as the number.
const DIGITS_MIN: u32 = 3;

impl Number {
    /// A bare number.
    pub fn of(value: Rational) -> Self {
        Self { value, percent: false, unit: None }
    }

    fn right(&self, found: &Found) -> bool {
        if found.symbolic {
            return false;
        }
        let (mut wanted, mut value) = (Some(self.value), Some(found.value));
        match (self.unit, found.unit) {
            (Some(asked), Some(given)) if asked == given => {}
            (Some(asked), Some(given)) if asked.dimension == given.dimension => {
                (wanted, value) = (asked.of(self.value), given.of(found.value));
            }
            (Some(_), Some(_)) => return false,
            _ => {}
        }
        if found.percent && !self.percent {
            wanted = self.value.times(Rational::whole(100));
        }
        let (Some(wanted), Some(value)) = (wanted, value) else { return false };
        wanted == value || rounded(wanted, value, found)
    }

    /// What the number is, or that several are.
    fn among(&self, text: &str, found: &[Found], first: bool) -> Option<Judged> {
        let fitting: Vec<usize> =
            (0..found.len()).filter(|&number| self.fits(&found[number])).collect();
        let all: Vec<usize> = (0..found.len()).collect();
        let order = if fitting.is_empty() { &all } else { &fitting };
        let &chosen = if first { order.first() } else { order.last() }?;
        let (mut low, mut high) = (chosen, chosen);
        while low > 0 && either(text, &found[low - 1], &found[low]) {
            low -= 1;
        }
        while high + 1 < found.len() && either(text, &found[high], &found[high + 1]) {
            high += 1;
        }
        let said = text[found[low].start..found[high].after].trim();
        Some(Judged::new(found[low..=high].iter().all(|one| self.right(one)), said))
    }

    fn fits(&self, found: &Found) -> bool {
        match self.unit {
            Some(unit) => found.unit.is_some_and(|given| given.dimension == unit.dimension),
            None => self.percent && found.percent,
        }
    }

    /// In an announcement, or in a sentence.
    fn stated(&self, text: &str, first: bool) -> Option<Judged> {
        let text = &equals(&essential(text));
        let found = candidates(text);
        match side(text) {
            // Of an equation the side that is worked out; of its numbers the first, since words
            // may follow it.
            Side::Of(side) => return self.among(side, &candidates(side), true),
            Side::Unfinished => return Some(Judged::undecided(text.trim())),
            Side::None => {}
        }
        let first = first && !CONCLUDING.iter().any(|word| lower(text).contains(word));
        self.among(text, &found, first)
    }

    pub(super) fn judge(&self, text: &str, place: Place) -> Option<Judged> {
        match place {
            Place::Stated => {
                sentences(text).into_iter().find_map(|sentence| self.stated(sentence, true))
            }
            Place::Loose => self.loose(text),
        }
    }

    fn loose(&self, text: &str) -> Option<Judged> {
        let text = &unnumbered(text);
        let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        if bare(&unmarked(first)) {
            return self.stated(&unmarked(first), true);
        }
        let all = sentences(text);
        let spoken = |sentence: &&&str| {
            let low = lower(&unmarked(sentence));
            let aside = [
                "check",
                "verif",
                "note",
                "let me know",
                "would you",
                "p.s",
                "(note",
                "source",
                "i hope",
                "hope this",
                "if you have",
                "feel free",
                "here is how",
                "here's how",
            ];
            !low.trim_end().ends_with('?')
                && !aside.iter().any(|word| low.trim_start().starts_with(word))
        };
        let mut unfinished = None;
        for sentence in all.iter().rev().filter(spoken) {
            if candidates(&essential(&unmarked(sentence))).is_empty() {
                continue;
            }
            let bold: Vec<&str> = sentence
                .split(BOLD.0)
                .skip(1)
                .filter_map(|piece| piece.split(BOLD.1).next())
                .filter(|piece| !candidates(piece).is_empty())
                .collect();
            let judged = match bold[..] {
                [one] => self.stated(one, true),
                _ => self.stated(&unmarked(sentence), false),
            };
            // A sum that nobody worked out is an answer only where there is no other.
            if side(&equals(&essential(&unmarked(sentence)))) == Side::Unfinished {
                unfinished = unfinished.or(judged);
                continue;
            }
            return judged;
        }
        unfinished
    }
}

/// Words behind which the result stands, and not its parts.
const CONCLUDING: [&str; 9] = [
    "to get ",
    " gives ",
    " equals ",
    " yields ",
    " which is ",
    " totals ",
    " makes ",
    " adds up to ",
    " comes to ",
];

/// Whether a value is the wanted one correctly rounded, where that one has no end at these places.
fn rounded(wanted: Rational, value: Rational, found: &Found) -> bool {
    let close = || {
        let unit = Rational::whole(10).power(i128::from(found.decimals))?;
        let endless = wanted.times(unit)?.integer().is_none();
        let apart = wanted.minus(value)?.size()?.times(unit)?.times(Rational::whole(2))?;
        Some(endless && apart <= Rational::ONE)
    };
    found.decimals > 0 && found.digits >= DIGITS_MIN && close().unwrap_or(false)
}

/// The numbers that may be answers: no numbering, nothing denied; times of several units as one.
fn candidates(text: &str) -> Vec<Found> {
    let mut found = joined(text, numbers(text));
    if found.is_empty() {
        found = worded(text);
    } else if let Some(last) = found.last().map(|last| last.after) {
        // "1 and 1 make two."
        let verbs = [" make ", " makes ", " is ", " are ", " equals ", " gives "];
        let said = |one: &Found| {
            let before = lower(near(text, one.start));
            one.start >= last && verbs.iter().any(|verb| before.ends_with(verb))
        };
        found.extend(worded(text).into_iter().filter(said));
    }
    found.retain(|one| !numbering(text, one));
    let affirmed: Vec<Found> = found
        .iter()
        .filter(|one| !denied_before(text, one.start) && !denied_after(text, one.after))
        .cloned()
        .collect();
    affirmed
}

/// "Step 2" and the like.
fn numbering(text: &str, found: &Found) -> bool {
    const NUMBERED: [&str; 11] = [
        "step", "case", "example", "question", "problem", "part", "equation", "option", "method",
        "figure", "no.",
    ];
    let before = lower(near(text, found.start));
    let line = before.rsplit('\n').next().unwrap_or_default();
    NUMBERED.iter().any(|word| line.trim_end().ends_with(word))
}

/// Lists without their numbers: lines that are numbered from 1 on.
fn unnumbered(text: &str) -> String {
    let number = |line: &str| {
        let bare = line.trim_start_matches([' ', '#', BOLD.0]);
        let digits = bare.find(|c: char| !c.is_ascii_digit())?;
        let rest = bare[digits..].strip_prefix(['.', ')'])?;
        let rest = rest.starts_with([' ', BOLD.1]).then(|| rest.to_owned())?;
        Some((bare[..digits].parse::<usize>().ok()?, rest))
    };
    let numbers: Vec<usize> = text.lines().filter_map(number).map(|(number, _)| number).collect();
    if numbers.len() < 2 || numbers.iter().enumerate().any(|(at, number)| *number != at + 1) {
        return text.to_owned();
    }
    let lines: Vec<String> =
        text.lines().map(|line| number(line).map_or(line.to_owned(), |(_, rest)| rest)).collect();
    lines.join("\n")
}

/// `2 h 30 min` is one number.
fn joined(text: &str, found: Vec<Found>) -> Vec<Found> {
    let mut out: Vec<Found> = Vec::new();
    for one in found {
        let whole = out.last().and_then(|last| {
            let (large, small) = (last.unit?, one.unit?);
            let between = text[last.after..one.start].trim_matches([' ', ',']);
            let smaller = large.dimension == small.dimension
                && large.of(Rational::ONE)? > small.of(Rational::ONE)?;
            if !smaller || !["", "and"].contains(&between) {
                return None;
            }
            let sum = large.of(last.value)?.plus(small.of(one.value)?)?;
            Some(Found {
                value: sum.by(small.of(Rational::ONE)?)?,
                start: last.start,
                ..one.clone()
            })
        });
        match whole {
            Some(whole) => {
                out.pop();
                out.push(whole);
            }
            None => out.push(one),
        }
    }
    out
}

/// The text without what stands in parentheses and without reasons, where a number is left.
fn essential(text: &str) -> String {
    let mut depth = 0_u32;
    let outside: String = text
        .chars()
        .filter(|c| {
            depth += u32::from(*c == '(');
            let inside = depth > 0;
            depth = depth.saturating_sub(u32::from(*c == ')'));
            !inside
        })
        .collect();
    let outside =
        if candidates(&outside).is_empty() || touching(text) { text.to_owned() } else { outside };
    let low = lower(&outside);
    let reason = [
        "because",
        "since",
        "one day before",
        "one day after",
        "given that",
        " as there ",
        " as each",
        "assuming",
        "if you",
    ]
    .iter()
    .filter_map(|word| low.find(word))
    .filter(|&at| !candidates(&outside[..at]).is_empty())
    .min();
    reason.map_or(outside.clone(), |at| outside[..at].to_owned())
}

/// Words that stand for the sign of an equation, as the sign.
fn equals(text: &str) -> String {
    let signed = text.replace(" equals ", " = ").replace(" equal to ", " = ");
    // "1 + 1 is 2".
    if worked(&signed) { signed.replace(" is ", " = ").replace(" makes ", " = ") } else { signed }
}

/// Whether parentheses are part of a formula.
fn touching(text: &str) -> bool {
    text.contains(['=', '√']) || text.contains(")/") || text.contains("/(") || text.contains("^(")
}

/// Whether a line is a number and its unit, and nothing else.
fn bare(line: &str) -> bool {
    let [one] = &candidates(line)[..] else { return false };
    let words =
        line[..one.start].chars().chain(line[one.after..].chars()).filter(|c| c.is_alphabetic());
    words.count() <= if line[..one.start].trim().is_empty() { 12 } else { 0 }
}

/// Whether two numbers are offered for a choice.
fn either(text: &str, one: &Found, other: &Found) -> bool {
    let Some(between) = text.get(one.after..other.start) else { return false };
    let low = lower(between);
    let low = low.trim();
    let before = lower(near(text, one.start));
    ["-", "–", "—", "to", "±", "/"].contains(&low)
        || low == "and" && before.trim_end().ends_with("between")
        || low.split_whitespace().any(|word| word == "or") && low.len() < 30
}

/// Whether an arithmetic sign stands between two numbers.
fn operator(text: &str, one: &Found, other: &Found) -> bool {
    let Some(between) = text.get(one.end..other.start) else { return false };
    let between = between.trim_matches([' ', '(', ')']);
    ["+", "*", "×", "·", "⋅", "÷", "/", "x", "^", "times", "plus", "minus", "**"].contains(&between)
        || between == "-" && text[one.end..other.start].starts_with(' ')
}

/// What an equation says.
#[derive(PartialEq, Eq)]
enum Side<'a> {
    /// There is no equation, and nothing to work out.
    None,
    /// The last side that is worked out.
    Of(&'a str),
    /// No side is.
    Unfinished,
}

fn side(text: &str) -> Side<'_> {
    let found = candidates(text);
    let equation = text.contains(['=', '≈']) && found.len() > 1;
    let sum = found.iter().zip(found.iter().skip(1)).any(|(a, b)| operator(text, a, b));
    if !equation && !sum {
        return Side::None;
    }
    let mut sides =
        text.split(['=', '≈', '⇒', '→']).rev().filter(|side| !candidates(side).is_empty());
    sides.find(|side| !worked(side)).map_or(Side::Unfinished, Side::Of)
}

/// Whether a side of an equation is still to be worked out.
fn worked(side: &str) -> bool {
    let found = numbers(side);
    found.iter().zip(found.iter().skip(1)).any(|(a, b)| operator(side, a, b))
        || found
            .iter()
            .any(|one| side[one.end..].trim_start().starts_with(['+', '×', '*', '÷', '^']))
}
