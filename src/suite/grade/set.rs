//! Several answers: all of them, none else; in their order where it matters.
//!
//! The rule: of the announcement, or of the last line that lists something, the parts between
//! commas, semicolons, bullets and "and". Numbers are compared as numbers.
//!
//! Invariant: a set is right only where each member is named and nothing else is. Guarded by the
//! table of awkward replies.

use super::mention::key;
use super::number::Number;
use super::place::{Judged, Place, lower, sentences};
use super::plain::unmarked;
use super::read::numbers;

/// Several things that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Ways of writing each, the plainest first.
    pub all: Vec<Vec<String>>,
    /// Whether they have to stand in this order.
    pub ordered: bool,
}

/// Words around a member that say nothing.
const FILLERS: [&str; 17] = [
    "the", "a", "an", "and", "number", "numbers", "are", "is", "x", "y", "only", "then", "finally",
    "first", "lastly", "both", "or",
];

impl Members {
    pub(super) fn judge(&self, text: &str, place: Place) -> Option<Judged> {
        let text = &unmarked(text);
        if place == Place::Stated {
            return self.listed(text);
        }
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let bullets: Vec<&str> =
            lines.iter().copied().filter(|line| bullet(line).is_some()).collect();
        if bullets.len() > 1 {
            let items: Vec<String> =
                bullets.iter().filter_map(|line| bullet(line)).map(str::to_owned).collect();
            return self.compared(&items);
        }
        if lines.len() == self.all.len() && lines.len() > 1 {
            let items: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            if let Some(judged) = self.compared(&items).filter(|judged| judged.right) {
                return Some(judged);
            }
        }
        sentences(text).into_iter().rev().find_map(|sentence| {
            let colon = sentence.rsplit_once(": ").map_or(sentence, |(_, list)| list);
            self.listed(colon)
        })
    }

    fn numeric(&self) -> bool {
        self.all.iter().flatten().all(
            |name| matches!(&numbers(name)[..], [one] if one.start == 0 && one.end == name.len()),
        )
    }

    fn listed(&self, text: &str) -> Option<Judged> {
        if self.numeric() {
            let spaced = text.replace([',', ';'], " ; ");
            let found = if numbers(text).len() == self.all.len() {
                numbers(text)
            } else {
                numbers(&spaced)
            };
            let items: Vec<String> = found.iter().map(|one| one.value.to_string()).collect();
            return (!items.is_empty()).then(|| self.compared(&items))?;
        }
        let low = lower(text);
        let start = [" are ", " is ", ":"]
            .iter()
            .filter_map(|word| low.find(word).map(|at| at + word.len()))
            .max();
        let list = start.map_or(text, |start| &text[start..]);
        let list = list
            .replace(" and ", ",")
            .replace(" & ", ",")
            .replace(" then ", ",")
            .replace("->", ",")
            .replace('→', ",");
        let mut items: Vec<String> = list
            .split([',', ';', '\n', '/', '|'])
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect();
        if let [one] = &items[..]
            && self.all.len() > 1
        {
            items = one.split_whitespace().map(str::to_owned).collect();
        }
        (!items.is_empty()).then(|| self.compared(&items))?
    }

    fn compared(&self, items: &[String]) -> Option<Judged> {
        let said = items.join(", ");
        let places: Option<Vec<usize>> = items.iter().map(|item| self.member(item)).collect();
        let known = items.iter().any(|item| self.member(item).is_some());
        let right = places.is_some_and(|mut places| {
            if !self.ordered {
                places.sort_unstable();
                places.dedup();
            }
            places.iter().copied().eq(0..self.all.len())
        });
        (known || items.len() > 1 || right)
            .then(|| Judged::new(right, said.clone()))
            .or_else(|| (said.split_whitespace().count() <= 4).then(|| Judged::new(false, said)))
    }

    /// Which member a part names.
    fn member(&self, item: &str) -> Option<usize> {
        let words = key(item);
        let bare: Vec<&str> = words.split(' ').filter(|word| !FILLERS.contains(word)).collect();
        let bare = bare.join(" ");
        let same = |name: &String| {
            let number = |text: &str| match &numbers(text)[..] {
                [one] => Some(one.value),
                _ => None,
            };
            match number(name) {
                Some(value) if self.numeric() => number(item).is_some_and(|_| {
                    Number::of(value).judge(item, Place::Stated).is_some_and(|judged| judged.right)
                }),
                _ => key(name) == words || key(name) == bare,
            }
        };
        self.all.iter().position(|names| names.iter().any(same))
    }
}

/// What stands behind a bullet or a number of a list.
fn bullet(line: &str) -> Option<&str> {
    let trimmed = line.trim_start();
    if let Some(item) = ["- ", "* ", "• "].iter().find_map(|sign| trimmed.strip_prefix(sign)) {
        return Some(item.trim());
    }
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let item = trimmed[digits..].strip_prefix(['.', ')'])?.strip_prefix(' ')?;
    (digits > 0).then(|| item.trim())
}
