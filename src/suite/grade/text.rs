//! Exact text: for copying and for formats.
//!
//! The rule: the reply is the text, give or take space around it, a code fence, quotes or an
//! announcement; letters' case counts where the problem says so.
//!
//! Invariant: inside the text no character may differ. Guarded by the table of awkward replies.

use super::place::Judged;
use super::plain::{plain, unmarked};

/// A text that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exact {
    /// The texts that are right, the plainest first.
    pub accepted: Vec<String>,
    /// Whether capitals count.
    pub case: bool,
}

/// What may stand before the text.
const OPENINGS: [&str; 8] =
    ["answer", "output", "result", "sure", "here is", "here's", "the text", "certainly"];

impl Exact {
    /// Judges a whole reply, as it was said.
    pub(super) fn judge(&self, spoken: &str) -> Option<Judged> {
        let reply = spoken.trim();
        if reply.is_empty() {
            return None;
        }
        let forms = forms(reply);
        let same = |form: &&str| {
            self.accepted.iter().any(|wanted| {
                if self.case {
                    *form == wanted
                } else {
                    form.to_lowercase() == wanted.to_lowercase()
                }
            })
        };
        let plain_form = unmarked(&plain(unquoted(reply)));
        let right = forms.iter().find(|form| same(form)).copied();
        let right = right.or_else(|| same(&plain_form.trim()).then_some(plain_form.trim()));
        Some(Judged::new(right.is_some(), right.unwrap_or(reply)))
    }
}

/// The reply, and what it may wrap: a quotation, what stands in a code fence or behind an opening.
pub(super) fn forms(reply: &str) -> Vec<&str> {
    let mut forms = vec![reply, unquoted(reply)];
    forms.extend(fence(reply).iter().flat_map(|text| [text.trim(), unquoted(text.trim())]));
    if let Some((first, rest)) = reply.split_once(':')
        && OPENINGS
            .iter()
            .any(|word| first.trim_start_matches('*').to_lowercase().starts_with(word))
        && !first.contains('\n')
    {
        let rest = rest.trim_start_matches('*').trim();
        forms.extend([rest, unquoted(rest)]);
        forms.extend(fence(rest).map(str::trim));
    }
    forms
}

/// Without one pair of quotes, asterisks or backticks.
fn unquoted(text: &str) -> &str {
    [("**", "**"), ("\"", "\""), ("'", "'"), ("`", "`"), ("“", "”"), ("«", "»"), ("*", "*")]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close))
        .unwrap_or(text)
        .trim()
}

/// What stands in the last code fence.
pub(super) fn fence(text: &str) -> Option<&str> {
    let (before, _) = text.rsplit_once("```")?;
    let (_, inside) = before.rsplit_once("```")?;
    let (language, body) = inside.split_once('\n').unwrap_or(("", inside));
    Some(if language.chars().all(char::is_alphanumeric) { body } else { inside })
}
