//! What declines, and what says that it doesn't know.
//!
//! Invariant: these are looked for in what the reply says of itself, never in place of an answer
//! that it announces. Guarded by the table of awkward replies.

use super::place::lower;

/// The words with which a reply declines.
pub(super) fn refusal(text: &str) -> Option<String> {
    const CANNOT: [&str; 12] = [
        "can't",
        "cannot",
        "can not",
        "unable to",
        "not able to",
        "won't",
        "will not",
        "must decline to",
        "not comfortable",
        "have to decline to",
        "refuse to",
        "not going to",
    ];
    const DO: [&str; 22] = [
        "help",
        "assist",
        "answer",
        "comply",
        "provide",
        "fulfil",
        "fulfill",
        "solve",
        "discuss",
        "do that",
        "continue",
        "respond",
        "share",
        "support",
        "complete",
        "engage",
        "answering",
        "helping",
        "participate",
        "give",
        "process",
        "calculate",
    ];
    const WHOLE: [&str; 19] = [
        "i must decline",
        "i have to decline",
        "i decline",
        "against my guidelines",
        "against my programming",
        "i'd rather not",
        "no puedo ayudar",
        "lo siento, pero no puedo",
        "je ne peux pas",
        "kann ich nicht",
        "kann dir dabei nicht",
        "ich kann dir nicht",
        "ich kann ihnen",
        "não posso",
        "non posso",
        "не могу",
        "我无法",
        "申し訳",
        "as an ai language model, i",
    ];
    let low = lower(text).replace('’', "'");
    let line = |at: usize| {
        let rest = &text[at..];
        rest[..rest.find(['\n', '.']).unwrap_or(rest.len())].to_owned()
    };
    if let Some(at) = WHOLE.iter().filter_map(|words| low.find(words)).min() {
        return Some(line(at));
    }
    CANNOT.iter().find_map(|word| {
        low.match_indices(word).find_map(|(at, _)| {
            let near = low[..at].trim_end();
            let own = near.ends_with('i')
                || near.ends_with("i'm")
                || near.ends_with("i am")
                || near.is_empty()
                || near.ends_with("we");
            let after = low[at + word.len()..].trim_start();
            let does = DO.iter().any(|verb| after.starts_with(verb)) || after.starts_with("with ");
            (own && does).then(|| line(at))
        })
    })
}

/// Whether a reply says that it doesn't know, and guesses nothing.
pub(super) fn unknowing(text: &str) -> bool {
    const UNKNOWN: [&str; 17] = [
        "i don't know",
        "i do not know",
        "i'm not sure",
        "i am not sure",
        "cannot be determined",
        "can't be determined",
        "cannot determine",
        "can't determine",
        "no idea",
        "not enough information",
        "insufficient information",
        "impossible to say",
        "i can't say",
        "i don't have",
        "weiß ich nicht",
        "no lo sé",
        "je ne sais pas",
    ];
    const GUESS: [&str; 13] = [
        "guess",
        "i think",
        "probably",
        "maybe",
        "perhaps",
        "i believe",
        "my best",
        "i'd say",
        "i would say",
        "likely",
        ", but it",
        "assume",
        "it could be",
    ];
    let low = lower(text).replace('’', "'");
    UNKNOWN.iter().any(|words| low.contains(words)) && !GUESS.iter().any(|word| low.contains(word))
}
