//! Datasets: prompts that somebody wrote down, as JSON lines or as one JSON array.
//!
//! An entry is `{"prompt": "…"}`, OpenAI's `{"messages": […]}` (asked as it stands, less an answer
//! at its end) or `ShareGPT`'s `{"conversations": [{"from": "human", "value": "…"}]}`, whose human
//! turns become turns: the recorded answers are dropped, for the target gives its own. Output tokens
//! are the entry's `output_tokens`, `max_tokens` or `max_completion_tokens`, else those of the
//! recorded answer.
//!
//! Invariant: without a tokenizer, lengths are estimates, at [`CHARACTERS_PER_TOKEN`], and the
//! longest is a bound by bytes; [`Dataset::counted`] replaces both by what a tokenizer says.
//! Entries that ask nothing are left out and counted. Guarded by `dataset::tests`.

#[cfg(test)]
mod tests;

use super::content::{Pair, Sizes};
use super::error::{DatasetError, of_json};
use super::session::Message;
use super::spec::TOKENS_MAX;
use crate::units::Tokens;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Characters of English in a token, as OpenAI's help pages have it: about four.
pub const CHARACTERS_PER_TOKEN: u64 = 4;

/// Tokens that a chat template can add to a message, at the most: role, delimiters, line breaks.
const TEMPLATE_TOKENS_MAX: u64 = 16;

/// Conversations to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    talks: Arc<[Talk]>,
    left_out: u32,
    counted: bool,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// At least one.
    pub turns: Vec<Ask>,
}

/// One turn of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What is said, after what was said before.
    pub messages: Arc<[Message]>,
    /// Its length, by estimate unless the dataset was counted.
    pub prompt: Tokens,
    /// How long the answer is to be, where the dataset says so.
    pub output: Option<Tokens>,
}

impl Dataset {
    /// Reads a dataset.
    ///
    /// # Errors
    /// Where it isn't JSON, an entry has no known form, or nothing in it can be asked.
    pub fn parse(text: &str) -> Result<Self, DatasetError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let entries = if text.trim_start().starts_with('[') { array(text) } else { lines(text) }?;
        let found = entries.len();
        let mut talks = Vec::with_capacity(found);
        for (place, entry) in entries {
            talks.extend(talk(&place, &entry)?);
        }
        if talks.is_empty() {
            return Err(DatasetError::Empty);
        }
        let left_out = u32::try_from(found - talks.len()).unwrap_or(u32::MAX);
        Ok(Self { talks: talks.into(), left_out, counted: false })
    }

    /// The same with every length as a tokenizer has it, chat template and all.
    #[must_use]
    pub fn counted(&self, count: &dyn Fn(&[Message]) -> Tokens) -> Self {
        let counted = |ask: &Ask| Ask { prompt: count(&ask.messages), ..ask.clone() };
        let talks =
            self.talks.iter().map(|talk| Talk { turns: talk.turns.iter().map(counted).collect() });
        Self { talks: talks.collect(), left_out: self.left_out, counted: true }
    }

    /// The conversations that come to no more than so many tokens, unsaid outputs being at most so
    /// long; by bytes unless it was counted.
    ///
    /// # Errors
    /// Where none is as short as that.
    pub fn within(&self, most: Tokens, output: Tokens) -> Result<Self, DatasetError> {
        let fits = |talk: &&Talk| self.length(talk, output) <= most;
        let talks: Arc<[Talk]> = self.talks.iter().filter(fits).cloned().collect();
        if talks.is_empty() {
            return Err(DatasetError::TooLong { most });
        }
        let longer = u32::try_from(self.talks.len() - talks.len()).unwrap_or(u32::MAX);
        Ok(Self { talks, left_out: self.left_out.saturating_add(longer), counted: self.counted })
    }

    /// Its conversations.
    pub fn talks(&self) -> &[Talk] {
        &self.talks
    }

    /// The lengths of those turns that say how long their answer is, to be drawn from for text of
    /// ours; `None`: none says so.
    pub fn sizes(&self) -> Option<Sizes> {
        let pair = |ask: &Ask| Some(Pair { prompt: ask.prompt, output: ask.output? });
        let turns = self.talks.iter().flat_map(|talk| &talk.turns);
        let pairs: Arc<[Pair]> = turns.filter_map(pair).collect();
        (!pairs.is_empty()).then_some(Sizes::Joint(pairs))
    }

    /// Entries that are not had: they ask nothing, or are too long.
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// The most tokens that a conversation can come to, where unsaid outputs are at most so long.
    pub(super) fn longest(&self, output: Tokens) -> Tokens {
        self.talks.iter().map(|talk| self.length(talk, output)).max().unwrap_or_default()
    }

    fn length(&self, talk: &Talk, output: Tokens) -> Tokens {
        let prompt = |ask: &Ask| {
            if self.counted {
                return ask.prompt;
            }
            // No byte is more than one token, by any tokenizer in use.
            let bytes = |one: &Message| one.content.len() as u64 + TEMPLATE_TOKENS_MAX;
            Tokens(ask.messages.iter().map(bytes).sum())
        };
        talk.turns.iter().map(|ask| prompt(ask) + ask.output.unwrap_or(output)).sum()
    }
}

fn array(text: &str) -> Result<Vec<(String, Value)>, DatasetError> {
    let entries: Vec<Value> = serde_json::from_str(text)
        .map_err(|error| DatasetError::Json { line: error.line(), problem: of_json(&error) })?;
    Ok((1..).zip(entries).map(|(at, entry)| (format!("entry {at}"), entry)).collect())
}

fn lines(text: &str) -> Result<Vec<(String, Value)>, DatasetError> {
    (1..)
        .zip(text.lines())
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(line, text)| match serde_json::from_str(text) {
            Ok(entry) => Ok((format!("line {line}"), entry)),
            Err(error) => Err(DatasetError::Json { line, problem: of_json(&error) }),
        })
        .collect()
}

/// What an entry asks; `None`: nothing.
fn talk(place: &str, entry: &Value) -> Result<Option<Talk>, DatasetError> {
    let nothing = || DatasetError::Nothing { place: place.to_owned() };
    let entry = entry.as_object().ok_or_else(nothing)?;
    let said = planned(place, entry)?;
    let turns = if let Some(prompt) = entry.get("prompt") {
        let content = string(place, "prompt", prompt)?;
        let message = Message { role: "user".to_owned(), content };
        vec![(vec![message], None)]
    } else if let Some(messages) = entry.get("messages") {
        vec![openai(place, messages)?]
    } else if let Some(conversation) = entry.get("conversations") {
        sharegpt(place, conversation)?
    } else {
        return Err(nothing());
    };
    let turns: Vec<Ask> = turns
        .into_iter()
        .filter(|(messages, _)| messages.iter().any(|one| !one.content.trim().is_empty()))
        .map(|(messages, answered)| Ask {
            prompt: messages.iter().map(|one| estimate(&one.content)).sum(),
            messages: messages.into(),
            output: said.or(answered),
        })
        .collect();
    Ok((!turns.is_empty()).then_some(Talk { turns }))
}

/// Messages of one turn, and how long the recorded answer was.
type Recorded = (Vec<Message>, Option<Tokens>);

fn openai(place: &str, messages: &Value) -> Result<Recorded, DatasetError> {
    let mut messages: Vec<Message> = list(place, "messages", messages)?
        .iter()
        .map(|message| {
            let role = member(place, "role", message)?;
            Ok(Message { role, content: content(place, message)? })
        })
        .collect::<Result<_, DatasetError>>()?;
    let answer = messages.pop_if(|last| last.role == "assistant");
    Ok((messages, answer.map(|answer| estimate(&answer.content))))
}

/// Text, or a list of parts of which all are text.
fn content(place: &str, message: &Value) -> Result<String, DatasetError> {
    match message.get("content") {
        // An assistant's call of a tool says nothing.
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::Array(parts)) => parts.iter().map(|part| member(place, "text", part)).collect(),
        Some(text) => string(place, "content", text),
    }
}

fn sharegpt(place: &str, conversation: &Value) -> Result<Vec<Recorded>, DatasetError> {
    let mut turns: Vec<Recorded> = Vec::new();
    let mut asking: Vec<Message> = Vec::new();
    for message in list(place, "conversations", conversation)? {
        let (from, value) = (member(place, "from", message)?, member(place, "value", message)?);
        match from.as_str() {
            "human" | "user" => asking.push(Message { role: "user".to_owned(), content: value }),
            "system" => asking.push(Message { role: from, content: value }),
            "gpt" | "chatgpt" | "assistant" | "bing" | "bard" | "model" => {
                // An answer to nothing: some conversations begin in their middle.
                if asking.iter().any(|one| one.role == "user") {
                    turns.push((std::mem::take(&mut asking), Some(estimate(&value))));
                }
            }
            _ => {
                let problem = format!("`{from}` is nobody who talks");
                return Err(DatasetError::Field {
                    place: place.to_owned(),
                    field: "from",
                    problem,
                });
            }
        }
    }
    if asking.iter().any(|one| one.role == "user") {
        turns.push((asking, None));
    }
    Ok(turns)
}

/// Output tokens that an entry asks for.
fn planned(place: &str, entry: &Map<String, Value>) -> Result<Option<Tokens>, DatasetError> {
    for field in ["output_tokens", "max_tokens", "max_completion_tokens"] {
        let Some(value) = entry.get(field).filter(|value| !value.is_null()) else { continue };
        let tokens = value
            .as_u64()
            .filter(|tokens| (1..=TOKENS_MAX.0).contains(tokens))
            .ok_or_else(|| {
                let problem = format!("`{value}` is not a whole number from 1 to 10M");
                DatasetError::Field { place: place.to_owned(), field, problem }
            })?;
        return Ok(Some(Tokens(tokens)));
    }
    Ok(None)
}

/// At least one token.
pub(super) fn estimate(text: &str) -> Tokens {
    Tokens((text.chars().count() as u64).div_ceil(CHARACTERS_PER_TOKEN).max(1))
}

fn list<'a>(
    place: &str,
    field: &'static str,
    value: &'a Value,
) -> Result<&'a [Value], DatasetError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| wrong(place, field, "a list"))
}

fn member(place: &str, field: &'static str, of: &Value) -> Result<String, DatasetError> {
    let value = of.get(field).ok_or_else(|| wrong(place, field, "there"))?;
    string(place, field, value)
}

fn string(place: &str, field: &'static str, value: &Value) -> Result<String, DatasetError> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong(place, field, "text"))
}

fn wrong(place: &str, field: &'static str, wanted: &str) -> DatasetError {
    DatasetError::Field { place: place.to_owned(), field, problem: format!("it is not {wanted}") }
}
