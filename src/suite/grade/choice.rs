//! One of several labelled options, and yes or no.
//!
//! The rule for options: a letter that is boxed, announced, alone, in parentheses or followed by a
//! point; otherwise the text of an option. A letter that stands with another option's text
//! contradicts itself and is wrong. "A" before a small letter is an article.
//!
//! Invariant: the right letter alone is right, every other wrong, two joined by "or" wrong. Guarded
//! by the table of awkward replies and by the suite's properties.

use super::mention::{Mention, mentions, settled};
use super::place::{Judged, Place, denied_after, denied_before, lower, near, sentences};
use super::plain::unmarked;

/// Options of which one is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What can be chosen, in the order of the letters from A.
    pub options: Vec<String>,
    /// Which is right.
    pub right: usize,
}

/// The letter of an option.
pub fn letter(option: usize) -> char {
    u8::try_from(option)
        .ok()
        .filter(|option| *option < 26)
        .map_or('?', |option| char::from(b'A' + option))
}

impl Choice {
    pub(super) fn judge(&self, text: &str, place: Place) -> Option<Judged> {
        let all = sentences(text);
        let text = &unmarked(
            &all.iter().filter(|one| !one.ends_with('?')).copied().collect::<Vec<_>>().join("\n"),
        );
        let letters = self.letters(text, place);
        let names: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let Some((first, rest)) = letters.split_first() else {
            let named = settled(text, &names, &[]);
            let said = named.iter().map(|&option| names[option]).collect::<Vec<_>>().join(" or ");
            return (!named.is_empty()).then(|| Judged::new(named == [self.right], said));
        };
        // Of what is announced the first counts; of loose mentions the last that isn't denied.
        let chosen = if place == Place::Stated { first } else { rest.last().unwrap_or(first) };
        let mut said = chosen.0.to_string();
        for other in letters.iter().filter(|other| other.0 != chosen.0) {
            let (from, to) =
                if other.1 > chosen.1 { (chosen.2, other.1) } else { (other.2, chosen.1) };
            let between = lower(&text[from.min(to)..to]);
            let bare = between.trim_matches(|c: char| !c.is_alphanumeric());
            if bare == "or"
                || bare == "and"
                || (place == Place::Stated && between.contains(" or ") && between.len() < 40)
            {
                said = format!("{said} or {}", other.0);
            }
        }
        if said.len() > 1 {
            return Some(Judged::undecided(said));
        }
        // The text behind the letter, in the same line.
        let line = text[chosen.2..].lines().next().unwrap_or_default();
        let with: Vec<usize> = mentions(line, &names)
            .into_iter()
            .filter(|one| line[..one.start].chars().all(|c| !c.is_alphanumeric()))
            .map(|one| one.name)
            .collect();
        let option = usize::from(u8::try_from(chosen.0).unwrap_or(b'A') - b'A');
        if with.first().is_some_and(|with| names[*with] != names[option]) {
            return Some(Judged::undecided(format!("{said} {}", line.trim())));
        }
        Some(Judged::new(option == self.right, said))
    }

    /// Letters that stand for options: the letter, where it begins and where what encloses it ends.
    fn letters(&self, text: &str, place: Place) -> Vec<(char, usize, usize)> {
        let last = letter(self.options.len().saturating_sub(1));
        let alone = text.chars().filter(|c| c.is_alphanumeric()).count() == 1;
        let mut found = Vec::new();
        for (at, c) in text.char_indices() {
            let upper = c.to_ascii_uppercase();
            if !('A'..=last).contains(&upper) {
                continue;
            }
            let before = text[..at].chars().next_back();
            let end = at + 1;
            let after = text[end..].chars().next();
            let joined =
                |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '\'' || c == '-');
            if joined(before) || joined(after) {
                continue;
            }
            let enclosed = before == Some('(') && after == Some(')');
            let delimited = matches!(after, Some(')' | '.' | ':')) && starts_line(text, at);
            let says_option = ["option ", "choice ", "letter ", "answer "]
                .iter()
                .any(|word| lower(&text[..at]).ends_with(word));
            let stands = place == Place::Stated && (at == 0 || before == Some('"'));
            let strong = alone || enclosed || delimited || says_option || stands;
            let article = upper == 'A' || upper == 'I';
            let next = text[end..].trim_start();
            let says = ["or ", "and ", "is ", "because ", "since "];
            let stated = at == 0 && says.iter().any(|word| next.starts_with(word));
            let next_word = !stated && next.starts_with(char::is_lowercase);
            if (c.is_lowercase() && !strong) || (article && next_word && !enclosed && !says_option)
            {
                continue;
            }
            if denied_before(text, at) || denied_after(text, end) {
                continue;
            }
            let end = end + usize::from(matches!(after, Some(')' | '.' | ':')));
            found.push((upper, at, end));
        }
        found
    }
}

/// Whether only signs stand before a place in its line.
fn starts_line(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
    text[line..at].chars().all(|c| !c.is_alphanumeric())
}

const YES: [&str; 14] = [
    "yes",
    "true",
    "correct",
    "yep",
    "yeah",
    "ja",
    "sí",
    "si",
    "oui",
    "да",
    "是",
    "はい",
    "हाँ",
    "نعم",
];
const NO: [&str; 13] = [
    "no",
    "false",
    "incorrect",
    "nope",
    "nein",
    "non",
    "нет",
    "不是",
    "否",
    "いいえ",
    "नहीं",
    "لا",
    "not",
];

/// Yes or no: the word that is announced or begins the reply; otherwise the last.
pub(super) fn yes_or_no(wanted: bool, text: &str, place: Place) -> Option<Judged> {
    let text = &unmarked(text);
    let names: Vec<&str> = YES.iter().chain(&NO).copied().collect();
    let says = |mention: &Mention| mention.name < YES.len();
    let found = mentions(text, &names);
    let first = found.first()?;
    let opening = text[..first.start].chars().all(|c| !c.is_alphanumeric());
    if place == Place::Loose && !opening {
        // Reasoning says "not" and "no" of much else.
        let plain =
            |one: &&Mention| !["not", "no", "correct", "incorrect"].contains(&names[one.name]);
        let chosen = found.iter().rev().find(plain).or(found.last())?;
        let before = lower(near(text, chosen.start));
        let denied = before.ends_with("not ") || before.ends_with("n't ");
        return Some(Judged::new((says(chosen) != denied) == wanted, names[chosen.name]));
    }
    if let Some(second) = found.get(1) {
        let between = lower(text.get(first.end..second.start).unwrap_or_default());
        let between = between.trim_matches([' ', ',', '.']);
        if says(first) != says(second) && ["or", "and", "/", "and also"].contains(&between) {
            return Some(Judged::undecided(text[first.start..second.end].trim()));
        }
    }
    // "Not true" denies; so does "not" alone.
    Some(Judged::new(says(first) == wanted, names[first.name]))
}
