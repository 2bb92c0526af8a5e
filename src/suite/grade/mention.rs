//! Names as answers: which of several a reply settles on.
//!
//! The rule: questions are passed over, and what is denied; among what is left, mentions in a clause
//! with the question's key word go before others; the first of those is the answer, unless another
//! is joined to it by "or". After a denial ("not Sydney") the other name stands.
//!
//! Invariant: a mention is a whole word or phrase, whatever its case, accents and punctuation; the
//! longest name that fits is the one that is mentioned. Guarded by the table of awkward replies.

use super::place::{Judged, Place, denied_after, denied_before, lower, sentences};
use super::plain::unmarked;
use super::refuse::{refusal, unknowing};

/// A name that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Ways of writing the right one, the plainest first.
    pub accepted: Vec<String>,
    /// What else a reply may name: the answers that are wrong.
    pub rivals: Vec<String>,
    /// Words of the question in whose clause the answer is looked for first.
    pub about: Vec<String>,
}

/// A mention of a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mention {
    /// Which of the names.
    pub(super) name: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Letters without their accents, for those that names have.
fn folded(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' => 'a',
        'è' | 'é' | 'ê' | 'ë' | 'ē' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' => 'o',
        'ù' | 'ú' | 'û' | 'ü' | 'ū' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        _ => c,
    }
}

/// A text as names are compared: lower case, no accents, one space between words; with the place in
/// the original of each of its characters.
fn normal(text: &str) -> (Vec<char>, Vec<usize>) {
    let (mut letters, mut places) = (Vec::new(), Vec::new());
    for (place, c) in text.char_indices() {
        if c.is_alphanumeric() {
            for low in c.to_lowercase() {
                letters.push(folded(low));
                places.push(place);
            }
        } else if letters.last().is_some_and(|last| *last != ' ') && c != '\'' {
            letters.push(' ');
            places.push(place);
        }
    }
    (letters, places)
}

/// A name as it is compared.
pub(super) fn key(name: &str) -> String {
    let (letters, _) = normal(name);
    letters.into_iter().collect::<String>().trim().to_owned()
}

/// All mentions of names, in their order.
pub(super) fn mentions(text: &str, names: &[&str]) -> Vec<Mention> {
    let (letters, places) = normal(text);
    let keys: Vec<Vec<char>> = names.iter().map(|name| key(name).chars().collect()).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let begins = at == 0 || letters[at - 1] == ' ' || !letters[at].is_ascii();
        let best = keys
            .iter()
            .enumerate()
            .filter(|(_, key)| begins && !key.is_empty() && letters[at..].starts_with(key))
            .filter(|(_, key)| {
                let last = key.last().copied().unwrap_or(' ');
                letters
                    .get(at + key.len())
                    .is_none_or(|c| *c == ' ' || !last.is_ascii() || !c.is_ascii())
            })
            .max_by_key(|(number, key)| (key.len(), usize::MAX - number));
        if let Some((name, key)) = best {
            let end = places.get(at + key.len()).copied().unwrap_or(text.len());
            found.push(Mention { name, start: places[at], end });
            at += key.len();
        } else {
            at += 1;
        }
    }
    found
}

/// The names a text settles on: one, or several between which it does not choose.
pub(super) fn settled(text: &str, names: &[&str], about: &[String]) -> Vec<usize> {
    let kept: Vec<&str> = sentences(text)
        .into_iter()
        .filter(|one| !unmarked(one).trim_end().ends_with('?'))
        .collect();
    let text = kept.join("\n");
    let affirmed: Vec<Mention> = mentions(&text, names)
        .into_iter()
        .filter(|one| !denied_before(&text, one.start) && !denied_after(&text, one.end))
        .collect();
    let words: Vec<&str> = about.iter().map(String::as_str).collect();
    let in_question: Vec<Mention> = affirmed
        .iter()
        .copied()
        .filter(|one| !mentions(clause(&text, one.start), &words).is_empty())
        .collect();
    let chosen = if in_question.is_empty() { &affirmed } else { &in_question };
    let Some(first) = chosen.first() else { return Vec::new() };
    let mut settled = vec![first.name];
    let mut last = *first;
    for other in &affirmed {
        if other.start < last.end {
            continue;
        }
        let between = lower(&text[last.end..other.start]);
        let joined = between.split(|c: char| !c.is_alphanumeric()).any(|word| word == "or");
        if !joined || between.len() > 40 || between.contains('\n') {
            break;
        }
        settled.push(other.name);
        last = *other;
    }
    settled
}

/// The part of a sentence around a place, up to a comma or a joining word.
fn clause(text: &str, place: usize) -> &str {
    let low = lower(text);
    let borders = [
        ", ",
        "; ",
        ". ",
        "\n",
        " but ",
        " while ",
        " whereas ",
        " although ",
        " though ",
        ": ",
        " and ",
    ];
    let from = borders
        .iter()
        .filter_map(|border| low[..place].rfind(border).map(|at| at + border.len()))
        .max()
        .unwrap_or(0);
    let to = borders
        .iter()
        .filter_map(|border| low[place..].find(border).map(|at| place + at))
        .min()
        .unwrap_or(text.len());
    &text[from.min(to)..to]
}

impl Fact {
    pub(super) fn judge(&self, text: &str, place: Place) -> Option<Judged> {
        let names: Vec<&str> =
            self.accepted.iter().chain(&self.rivals).map(String::as_str).collect();
        let settled = settled(text, &names, &self.about);
        let said = || settled.iter().map(|&name| names[name]).collect::<Vec<_>>().join(" or ");
        if !settled.is_empty() {
            let right = settled.iter().all(|&name| name < self.accepted.len());
            return Some(Judged::new(right, said()));
        }
        // Something else was named.
        let first =
            sentences(text).into_iter().find(|one| one.chars().any(char::is_alphanumeric))?;
        let line = unmarked(first);
        if refusal(&line).is_some() || unknowing(&line) {
            return None;
        }
        let named = place == Place::Stated || line.split_whitespace().count() <= 6;
        named.then(|| Judged::new(false, line.trim()))
    }
}
