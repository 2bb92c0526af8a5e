//! Numbers in words: English up to the millions, Chinese up to the ten thousands.
//!
//! Invariant: only whole number words count ("seven", "forty-two", "a dozen"); "one" counts where
//! it stands for a number and not for a thing ("no one", "this one"). Read only where a text has no
//! digits. Guarded by the tests below and the table of replies.

use super::super::rational::Rational;
use super::place::lower;
use super::read::Found;
use super::unit::unit_at;

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const PARTS: [(&str, i128); 14] = [
    ("half", 2),
    ("halves", 2),
    ("third", 3),
    ("thirds", 3),
    ("quarter", 4),
    ("quarters", 4),
    ("fourth", 4),
    ("fourths", 4),
    ("fifth", 5),
    ("fifths", 5),
    ("sixth", 6),
    ("sixths", 6),
    ("eighth", 8),
    ("eighths", 8),
];

/// A word and where it stands.
struct Word<'a> {
    text: &'a str,
    start: usize,
    end: usize,
}

fn words(low: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut start = None;
    for (place, c) in low.char_indices().chain([(low.len(), ' ')]) {
        match (start, c.is_alphabetic()) {
            (None, true) => start = Some(place),
            (Some(begin), false) => {
                found.push(Word { text: &low[begin..place], start: begin, end: place });
                start = None;
            }
            _ => {}
        }
    }
    found
}

fn small(word: &str) -> Option<i128> {
    let place = |list: &[&str]| list.iter().position(|known| !known.is_empty() && *known == word);
    place(&SMALL)
        .and_then(|n| i128::try_from(n).ok())
        .or_else(|| place(&TENS).and_then(|n| i128::try_from(n * 10).ok()))
}

fn large(word: &str) -> Option<i128> {
    match word {
        "hundred" => Some(100),
        "thousand" => Some(1_000),
        "million" => Some(1_000_000),
        "dozen" => Some(12),
        _ => None,
    }
}

/// All numbers in words.
pub(super) fn worded(text: &str) -> Vec<Found> {
    let low = lower(text);
    let words = words(&low);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match number(&low, &words, at) {
            Some((value, next)) => {
                found.extend(
                    stands(text, &words, at, next).then(|| made(text, value, &words, at, next)),
                );
                at = next;
            }
            None => at += 1,
        }
    }
    if found.is_empty() {
        found.extend(ordinal(text, &words));
    }
    found.extend(chinese(text));
    found
}

fn made(text: &str, value: Rational, words: &[Word], at: usize, next: usize) -> Found {
    let (start, end) = (words[at].start, words[next - 1].end);
    let rest = text[end..].trim_start();
    let percent =
        rest.starts_with("percent") || rest.starts_with("per cent") || rest.starts_with('%');
    let (unit, after) = unit_at(text, end);
    let negative = at > 0 && ["minus", "negative"].contains(&words[at - 1].text);
    let value = if negative { value.negated().unwrap_or(value) } else { value };
    Found { value, decimals: 0, digits: 0, percent, unit, symbolic: false, start, end, after }
}

/// "Third", where little else is said, or of a place or a day.
fn ordinal(text: &str, words: &[Word]) -> Option<Found> {
    const ORDINALS: [&str; 12] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth", "eleventh", "twelfth",
    ];
    const OF: [&str; 3] = ["place", "day", "position"];
    let few = words.len() <= 3;
    words.iter().enumerate().find_map(|(at, word)| {
        let place = ORDINALS.iter().position(|known| *known == word.text)?;
        let of = words.get(at + 1).is_some_and(|next| OF.contains(&next.text));
        let value = Rational::whole(i128::try_from(place + 1).ok()?);
        (few || of).then(|| made(text, value, words, at, at + 1))
    })
}

/// Whether `one` is a number here.
fn stands(text: &str, words: &[Word], at: usize, next: usize) -> bool {
    if words[at].text != "one" || next > at + 1 {
        return true;
    }
    let before = at.checked_sub(1).map_or("", |before| words[before].text);
    let after = words.get(next).map_or("", |after| after.text);
    let thing = [
        "no", "this", "that", "which", "each", "every", "the", "any", "another", "other", "some",
        "first",
    ];
    let alone = text[words[at].end..].trim_start().is_empty();
    !thing.contains(&before)
        && (alone || !["of", "can", "must", "has", "way", "another", "by", "at"].contains(&after))
}

/// The number that begins at a word, and the word after it.
fn number(low: &str, words: &[Word], at: usize) -> Option<(Rational, usize)> {
    let adjacent = |one: usize| {
        let between = &low[words[one - 1].end..words[one].start];
        between.chars().all(|c| c == ' ' || c == '-')
    };
    let (mut total, mut group, mut next) = (0_i128, 0_i128, at);
    let mut last = i128::MAX;
    while next < words.len() && (next == at || adjacent(next)) {
        let word = words[next].text;
        if let Some(value) = small(word) {
            // "twenty two" is one number, "two three" is two.
            let fits = last == i128::MAX || last >= 100 || (last >= 20 && (1..10).contains(&value));
            if !fits {
                break;
            }
            group += value;
            last = value;
        } else if let Some(value) = large(word).filter(|_| next > at) {
            if value == 100 || value == 12 {
                group = group.checked_mul(value)?;
            } else {
                total = total.checked_add(group.checked_mul(value)?)?;
                group = 0;
            }
            last = value;
        } else if word == "and"
            && last == 100
            && words.get(next + 1).is_some_and(|w| small(w.text).is_some())
        {
            // "one hundred and two"
        } else {
            break;
        }
        next += 1;
    }
    let article = |known: &dyn Fn(&str) -> bool| {
        ["a", "an"].contains(&words[at].text)
            && words.get(at + 1).is_some_and(|word| known(word.text))
    };
    if next == at {
        if article(&|word| large(word).is_some()) {
            return Some((Rational::whole(large(words[at + 1].text)?), at + 2));
        }
        let part =
            |word: &str| PARTS.iter().find(|(name, _)| *name == word).map(|(_, under)| *under);
        if article(&|word| ["half", "third", "quarter", "fifth"].contains(&word)) {
            return Some((Rational::new(1, part(words[at + 1].text)?)?, at + 2));
        }
        return (words[at].text == "half").then(|| Some((Rational::new(1, 2)?, at + 1)))?;
    }
    let value = total.checked_add(group)?;
    if let Some((_, under)) =
        words.get(next).and_then(|word| PARTS.iter().find(|(name, _)| *name == word.text))
        && adjacent(next)
    {
        return Some((Rational::new(value, *under)?, next + 1));
    }
    Some((Rational::whole(value), next))
}

/// Chinese numerals.
fn chinese(text: &str) -> Vec<Found> {
    const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    let power = |c: char| match c {
        '十' => Some(10),
        '百' => Some(100),
        '千' => Some(1_000),
        '万' => Some(10_000_i128),
        _ => None,
    };
    let digit = |c: char| {
        let place = if c == '两' { Some(2) } else { DIGITS.iter().position(|d| *d == c) };
        place.and_then(|place| i128::try_from(place).ok())
    };
    let known = |c: char| digit(c).is_some() || power(c).is_some();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(known).map(|place| at + place) {
        let length = text[start..].find(|c| !known(c)).unwrap_or(text.len() - start);
        let end = start + length;
        let (mut total, mut group, mut waiting) = (0_i128, 0_i128, None);
        for c in text[start..end].chars() {
            match (digit(c), power(c)) {
                (Some(value), _) => waiting = Some(value),
                (_, Some(10_000)) => {
                    total = total.saturating_add(
                        (group + waiting.take().unwrap_or(0)).saturating_mul(10_000),
                    );
                    group = 0;
                }
                (_, Some(value)) => {
                    group = group.saturating_add(waiting.take().unwrap_or(1) * value);
                }
                _ => {}
            }
        }
        let value = total.saturating_add(group).saturating_add(waiting.unwrap_or(0));
        found.push(Found {
            value: Rational::whole(value),
            decimals: 0,
            digits: 0,
            percent: false,
            unit: None,
            symbolic: false,
            start,
            end,
            after: end,
        });
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got: Vec<_> = worded(text).iter().map(|one| one.value.to_string()).collect();
        assert_eq!(got.join(" "), want, "{text}");
    }

    #[test]
    fn words_as_numbers() {
        check("seven", "7");
        check("Forty-two apples", "42");
        check("one hundred and two", "102");
        check("two thousand three hundred", "2300");
        check("two, three", "2 3");
        check("two dozen, a dozen", "24 12");
        check("three quarters; a half; two-thirds", "3/4 1/2 2/3");
        check("minus five", "-5");
        check("no one knows which one", "");
        check("one", "1");
        check("四十二, 一百零五, 两万", "42 105 20000");
        check("canine weight attend", "");
    }
}
