//! Where in a reply its answer stands.
//!
//! Invariant: what is boxed goes before what is announced ("answer:", "####"), the last of its kind
//! before the ones before it, and a correction behind it before it; loose text is read only where
//! nothing is announced. Of a reply that was cut off, only what was announced and ended counts.
//! Guarded by the table of awkward replies.

use super::plain::{BOX, unmarked};

/// How the answer was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In `\boxed{}`, or behind "answer:" or the like.
    Stated,
    /// Not at all: the whole reply, or what follows a correction.
    Loose,
}

/// What was found in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) right: bool,
    pub(super) extracted: String,
}

impl Judged {
    pub(super) fn new(right: bool, extracted: impl Into<String>) -> Self {
        Self { right, extracted: extracted.into() }
    }

    /// Several answers stand where one was asked for.
    pub(super) fn undecided(extracted: impl Into<String>) -> Self {
        Self::new(false, extracted)
    }
}

struct Span {
    start: usize,
    end: usize,
    /// Where the announced text ends, and whether that was seen.
    ended: bool,
}

/// What the reply answers, by a judge of a place; and whether it stood in a stated place.
pub(super) fn decide(
    text: &str,
    cut: bool,
    judge: impl Fn(&str, Place) -> Option<Judged>,
) -> Option<(Judged, Place)> {
    let boxes = boxes(text);
    for spans in [&boxes, &announced(text)] {
        for (number, span) in spans.iter().enumerate().rev() {
            let corrected = correction(&text[span.start..]);
            if cut && (!span.ended || corrected.is_some()) {
                continue;
            }
            let inside = unmarked(&text[span.start..span.end]);
            let Some(judged) = judge(&inside, Place::Stated) else { continue };
            if let Some(before) = number.checked_sub(1).and_then(|before| spans.get(before))
                && let Some(between) = text.get(before.end..span.start)
                && between.trim_matches(|c: char| !c.is_alphanumeric()) == "or"
            {
                let both = format!("{} or {inside}", &text[before.start..before.end]);
                return Some((Judged::undecided(both), Place::Stated));
            }
            let again = corrected.and_then(|after| judge(&unmarked(after), Place::Loose));
            return Some((again.unwrap_or(judged), Place::Stated));
        }
    }
    if cut {
        return None;
    }
    let corrected = correction(text).and_then(|after| judge(after, Place::Loose));
    corrected.or_else(|| judge(text, Place::Loose)).map(|judged| (judged, Place::Loose))
}

fn boxes(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(BOX.0).map(|place| from + place + BOX.0.len_utf8()) {
        let Some(end) = text[start..].find(BOX.1).map(|place| start + place) else { break };
        found.push(Span { start, end, ended: true });
        from = end;
    }
    found
}

/// Words that announce an answer, and what has to follow them.
const WORDS: &[&str] = &[
    "answer",
    "result",
    "solution",
    "antwort",
    "lösung",
    "respuesta",
    "réponse",
    "risposta",
    "resposta",
    "ответ",
    "答案",
    "答え",
    "回答",
    "答",
    "정답",
    "الجواب",
    "الإجابة",
    "उत्तर",
    "cevap",
    "đáp án",
    "odpowiedź",
    "antwoord",
];
/// Between the word and the answer; what has to follow the word somewhere in the same line.
const LINKS: &[&str] = &[
    ":",
    " is ",
    " is:",
    " are ",
    " = ",
    "=",
    " was ",
    " would be ",
    " should be ",
    " must be ",
    " est ",
    " es ",
    " è ",
    " ist ",
    " lautet ",
    " é ",
    "是",
    "は",
    " — ",
    " -> ",
    " → ",
];
/// Words before "answer" that say it is not the one given here.
const NOT_THIS: &[&str] = &[
    "find",
    "determine",
    "calculate",
    "compute",
    "to get",
    "arrive at",
    "wrong",
    "incorrect",
    "tempting",
    "intuitive",
    "naive",
    "usual",
    "classic",
    "common",
    "mistaken",
    "familiar",
    "popular",
    "memorised",
    "memorized",
    "expected",
    "obvious",
];
/// Words after it that say the same.
const NOT_GIVEN: [&str; 6] =
    ["the question", "format", "this question", "your question", "key", "sheet"];

/// Announcements that are looked at.
const SPANS_MAX: usize = 50;

fn announced(text: &str) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    for (place, _) in text.match_indices("####") {
        found.extend(line_from(text, place + 4));
    }
    let low = lower(text);
    for word in WORDS {
        for (place, _) in low.match_indices(word) {
            let inside = low[..place].ends_with(|c: char| c.is_alphabetic()) && word.is_ascii();
            let line_start = low[..place].rfind('\n').map_or(0, |line| line + 1);
            let mut about = low[line_start..place].char_indices().rev();
            let near = about.nth(40).map_or(line_start, |(at, _)| line_start + at);
            let before = &low[near..place];
            let clause = before.rsplit(['.', ',', ';']).next().unwrap_or(before);
            let after = place + word.len();
            if inside || NOT_THIS.iter().any(|not| clause.contains(not)) {
                continue;
            }
            if NOT_GIVEN.iter().any(|not| low[after..].trim_start().starts_with(not)) {
                continue;
            }
            found.extend(link(&low, after).and_then(|start| line_from(text, start)));
        }
    }
    found.sort_by_key(|span| span.start);
    found.dedup_by_key(|span| span.start);
    // The last ones decide.
    found.drain(..found.len().saturating_sub(SPANS_MAX));
    found
}

/// In lower case, each character where it was.
pub(super) fn lower(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut low = c.to_lowercase();
            match (low.next(), low.next()) {
                (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
                _ => c,
            }
        })
        .collect()
}

/// Where the answer begins, if what follows the word leads to one.
fn link(low: &str, after: usize) -> Option<usize> {
    /// As far as the answer may be announced: "answer to the question of the three doors is".
    const FAR: usize = 120;
    let rest = low.get(after..)?;
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    let sentence = &line[..line.find(". ").unwrap_or(line.len())];
    let (place, link) = LINKS
        .iter()
        .filter_map(|link| Some((sentence.find(link).or_else(|| ends(sentence, link))?, *link)))
        .min_by_key(|(place, link)| (*place, usize::MAX - link.len()))?;
    (place <= FAR).then(|| after + (place + link.len()).min(line.len()))
}

/// A link that the line ends with, its answer on the next one.
fn ends(sentence: &str, link: &str) -> Option<usize> {
    let bare = link.trim_end();
    (bare.len() < link.len() && sentence.ends_with(bare)).then(|| sentence.len() - bare.len())
}

/// The rest of the line, or the next one that isn't empty.
fn line_from(text: &str, start: usize) -> Option<Span> {
    let empty = |c: char| !(c.is_alphanumeric() || "-√π+.$([{'\"".contains(c) || c == BOX.0);
    let rest = text.get(start..)?;
    let begin = start + rest.len() - rest.trim_start_matches(empty).len();
    let length = text[begin..].find('\n');
    let end = length.map_or(text.len(), |length| begin + length);
    (end > begin).then_some(Span { start: begin, end, ended: length.is_some() })
}

/// What follows the last place where the reply takes something back.
fn correction(text: &str) -> Option<&str> {
    const CUES: &[&str] = &[
        "wait,",
        "wait.",
        "wait -",
        "wait!",
        "wait…",
        "wait...",
        "scratch that",
        "oops",
        "correction:",
        "let me correct",
        "i made a mistake",
        "i made an error",
        "my mistake",
        "on second thought",
        "i meant",
        "sorry, that",
        "actually, it",
        "actually it",
        "actually, the",
        "no, it",
        "no, that",
        "strike that",
    ];
    let low = lower(text);
    let place =
        CUES.iter().filter_map(|cue| low.rfind(cue).map(|place| place + cue.len())).max()?;
    Some(&text[place..])
}

/// Sentences of a text: lines, and in them what ends in a point, an exclamation or a question mark
/// before a space.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut start = 0;
        let mut ended = false;
        for (place, c) in line.char_indices() {
            if ended && c.is_whitespace() {
                found.push(line[start..place].trim());
                start = place;
            }
            ended = matches!(c, '.' | '!' | '?')
                || (ended && matches!(c, '"' | '\'' | ')' | '\u{e003}'));
        }
        found.push(line[start..].trim());
    }
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// What stands before a place, as far as one sentence goes: a reply that counts to ten thousand is
/// read once and not ten thousand times.
pub(super) fn near(text: &str, place: usize) -> &str {
    const NEAR: usize = 300;
    &text[text.floor_char_boundary(place.saturating_sub(NEAR))..place]
}

/// Whether words that deny stand before this place, in its own clause.
pub(super) fn denied_before(text: &str, place: usize) -> bool {
    const DENIALS: &[&str] = &[
        "not",
        "isn't",
        "n't",
        "never",
        "neither",
        "nor",
        "rather than",
        "instead of",
        "unlike",
        "other than",
        "mistaken for",
        "mistake for",
        "confused with",
        "might think",
        "may think",
        "would think",
        "used to be",
        "formerly",
        "suppose",
        "assume",
        "assuming",
        "if",
        "people think",
        "people say",
        "many believe",
        "many think",
        "some say",
        "contrary to",
        "no,",
        "aren't",
        "cannot be",
    ];
    let low = lower(near(text, place));
    let clause = low.rsplit(['.', ';', '\n', ':', '!', '?']).next().unwrap_or_default();
    let mut clause = clause;
    for border in [
        ", but",
        " but ",
        ", it is ",
        ", it's ",
        " however",
        ", and ",
        ", so ",
        " although ",
        ", the ",
    ] {
        if let Some(at) = clause.rfind(border) {
            clause = &clause[at + border.len()..];
        }
    }
    // "not 12, 15": the comma ends the denial, once something was denied.
    if let Some((before, after)) = clause.rsplit_once(',')
        && !after.trim().is_empty()
        && has_denial(before, DENIALS)
        && !after.contains(" or ")
    {
        return has_denial(after, DENIALS);
    }
    if let Some((before, after)) = clause.rsplit_once(", ")
        && after.trim().is_empty()
        && has_denial(before, DENIALS)
    {
        return false;
    }
    has_denial(clause, DENIALS)
}

fn has_denial(clause: &str, denials: &[&str]) -> bool {
    denials.iter().any(|denial| {
        clause.match_indices(denial).any(|(at, _)| {
            let begins = *denial == "n't" || !clause[..at].ends_with(char::is_alphanumeric);
            let ends = !clause[at + denial.len()..].starts_with(char::is_alphanumeric);
            // "not only" and "not far from" deny nothing.
            let only = clause[at + denial.len()..].trim_start().starts_with("only");
            begins && ends && !only
        })
    })
}

/// Whether words that deny follow this place.
pub(super) fn denied_after(text: &str, place: usize) -> bool {
    const DENIALS: &[&str] = &[
        "is wrong",
        "is incorrect",
        "is not",
        "isn't",
        "is false",
        "would be wrong",
        "would be incorrect",
        "was wrong",
        "can't be",
        "cannot be",
        "is a common mistake",
        "is a trap",
        "is tempting",
        "is the wrong",
    ];
    let rest = lower(&text[place..text.floor_char_boundary(place + 80)]);
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '.' && c != '\n');
    DENIALS.iter().any(|denial| rest.starts_with(denial))
}
