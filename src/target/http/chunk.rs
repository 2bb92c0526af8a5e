//! One chunk of an answer, as servers write it: what of it matters, and how it is read.
//!
//! A chunk is read for every token of every stream, so it is read in one pass and without allocating:
//! words are borrowed from the event, fields that don't matter are skipped. Whether the output's text
//! is kept is a type ([`Weight`] or [`Word`]): where nobody wants it, only whether there is any is
//! noted. (An escape within a string still makes the JSON parser allocate a scratch buffer.)
//!
//! The fields are those of the API's reference (platform.openai.com/docs/api-reference/chat), of the
//! legacy completions, and what servers add: `reasoning_content` and `reasoning` (vLLM, `SGLang`,
//! llama.cpp), `timings` (llama.cpp), `prompt_cache_hit_tokens` (`DeepSeek`), `reasoning_tokens` beside
//! the other counts (`SGLang`).

use super::trouble::{Loose, Trouble};
use crate::record::Usage;
use crate::units::Tokens;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Output as far as it is wanted.
pub(super) trait Output {
    /// Whether there is none.
    fn is_empty(&self) -> bool;

    /// Its text, where that is kept.
    fn text(&self) -> Option<&str>;
}

/// Whether there is any text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight(bool);

impl Output for Weight {
    fn is_empty(&self) -> bool {
        !self.0
    }

    fn text(&self) -> Option<&str> {
        None
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Weight;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Weight, E> {
                Ok(Weight(!text.is_empty()))
            }
        }
        from.deserialize_str(Text)
    }
}

/// Text, borrowed where it has no escapes. (Serde borrows a `Cow` only where it is a field itself, not
/// within an `Option`.)
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word<'a>(pub(super) Cow<'a, str>);

impl Output for Word<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn text(&self) -> Option<&str> {
        Some(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Text<'a> {
            type Value = Word<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Word<'a>, E> {
                Ok(Word(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Word<'a>, E> {
                Ok(Word(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Text(PhantomData))
    }
}

/// A chunk, or a whole answer that came in one piece.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Output + Deserialize<'de>"))]
pub(super) struct Chunk<'a, T> {
    /// The first choice; others are not asked for.
    #[serde(borrow, default = "none", deserialize_with = "first")]
    pub(super) choices: Option<Choice<'a, T>>,
    #[serde(default)]
    pub(super) usage: Option<Counts>,
    #[serde(default)]
    pub(super) timings: Option<Timings>,
    #[serde(borrow, default)]
    pub(super) error: Option<Trouble<'a>>,
    /// `error` in an old form of an error, which has its message beside it.
    #[serde(borrow, default)]
    object: Option<Word<'a>>,
    #[serde(borrow, default)]
    message: Option<Loose<'a>>,
    #[serde(borrow, default)]
    code: Option<Loose<'a>>,
}

/// `#[serde(default)]` alone would demand that the type has a default.
fn none<T>() -> Option<T> {
    None
}

impl<'a, T> Chunk<'a, T> {
    /// The error that it tells, in either form.
    pub(super) fn trouble(&mut self) -> Option<Trouble<'a>> {
        self.error.take().or_else(|| {
            let old = self.object.as_ref().is_some_and(|object| object.0 == "error");
            old.then(|| Trouble::new(self.message.take(), self.code.take()))
        })
    }
}

/// One choice.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Output + Deserialize<'de>"))]
pub(super) struct Choice<'a, T> {
    #[serde(default)]
    index: Option<u32>,
    /// Of a chunk.
    #[serde(default = "none")]
    delta: Option<Said<T>>,
    /// Of an answer in one piece.
    #[serde(default = "none")]
    message: Option<Said<T>>,
    /// Of a completion.
    #[serde(default = "none")]
    text: Option<T>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Option<Word<'a>>,
}

impl<T> Choice<'_, T> {
    fn said(&self) -> Option<&Said<T>> {
        self.delta.as_ref().or(self.message.as_ref())
    }

    /// Whether the model put out anything: text, reasoning, a part of a call. A role is nothing.
    pub(super) fn has_output(&self) -> bool
    where
        T: Output,
    {
        let some = |text: Option<&T>| text.is_some_and(|text| !text.is_empty());
        some(self.text.as_ref()) || self.said().is_some_and(Said::has_output)
    }

    /// The answer's text in it: what the next turn of a conversation repeats.
    pub(super) fn answer(&self) -> Option<&str>
    where
        T: Output,
    {
        let content = self.said().and_then(|said| said.content.as_ref());
        self.text.as_ref().or(content).and_then(Output::text)
    }

    /// What it says in an answer's place.
    pub(super) fn refusal(&self) -> Option<&str>
    where
        T: Output,
    {
        self.said().and_then(|said| said.refusal.as_ref()).and_then(Output::text)
    }

    /// All that the model put out: reasoning, text, refusal, calls.
    pub(super) fn output(&self) -> impl Iterator<Item = &str>
    where
        T: Output,
    {
        let said = self.said();
        let reasoning = said.and_then(Said::reasoning).and_then(Output::text);
        let calls = said.and_then(|said| said.tool_calls.as_ref()).map(|calls| &*calls.text);
        let call = said.and_then(|said| said.function_call.as_ref());
        let call = call.into_iter().flat_map(Function::parts).filter_map(Output::text);
        reasoning.into_iter().chain(self.answer()).chain(self.refusal()).chain(calls).chain(call)
    }
}

/// What a model says in a chunk, or in all.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Output + Deserialize<'de>"))]
struct Said<T> {
    #[serde(default = "none")]
    content: Option<T>,
    #[serde(default = "none")]
    reasoning_content: Option<T>,
    /// The same; some servers send both.
    #[serde(default = "none")]
    reasoning: Option<T>,
    #[serde(default = "none")]
    refusal: Option<T>,
    #[serde(default = "none")]
    tool_calls: Option<Calls<T>>,
    #[serde(default = "none")]
    function_call: Option<Function<T>>,
}

impl<T> Said<T> {
    fn reasoning(&self) -> Option<&T> {
        self.reasoning_content.as_ref().or(self.reasoning.as_ref())
    }

    fn has_output(&self) -> bool
    where
        T: Output,
    {
        let texts = [&self.content, &self.reasoning_content, &self.reasoning, &self.refusal];
        texts.into_iter().flatten().any(|text| !text.is_empty())
            || self.tool_calls.as_ref().is_some_and(|calls| calls.any)
            || self.function_call.as_ref().is_some_and(|call| !call.is_empty())
    }
}

/// A call's name and arguments, or pieces of them.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Output + Deserialize<'de>"))]
struct Function<T> {
    #[serde(default = "none")]
    name: Option<T>,
    #[serde(default = "none")]
    arguments: Option<T>,
}

impl<T> Function<T> {
    fn parts(&self) -> impl Iterator<Item = &T> {
        self.name.iter().chain(&self.arguments)
    }

    fn is_empty(&self) -> bool
    where
        T: Output,
    {
        self.parts().all(Output::is_empty)
    }
}

/// Calls of tools: whether there is any output in them, and their text where it is kept.
#[derive(Debug)]
struct Calls<T> {
    any: bool,
    text: String,
    kept: PhantomData<T>,
}

impl<'de, T: Output + Deserialize<'de>> Deserialize<'de> for Calls<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(bound(deserialize = "T: Output + Deserialize<'de>"))]
        struct Call<T> {
            #[serde(default = "none")]
            function: Option<Function<T>>,
        }
        struct List<T>(PhantomData<T>);
        impl<'de, T: Output + Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Calls<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of calls")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Calls<T>, A::Error> {
                let mut calls = Calls { any: false, text: String::new(), kept: PhantomData };
                while let Some(call) = list.next_element::<Call<T>>()? {
                    for part in call.function.iter().flat_map(Function::parts) {
                        calls.any |= !part.is_empty();
                        calls.text.push_str(part.text().unwrap_or_default());
                    }
                }
                Ok(calls)
            }
        }
        from.deserialize_seq(List(PhantomData))
    }
}

/// The choice of index 0, of a list that may be empty or missing.
fn first<'de: 'a, 'a, D, T>(from: D) -> Result<Option<Choice<'a, T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Output + Deserialize<'de>,
{
    struct List<'a, T>(PhantomData<Choice<'a, T>>);
    impl<'de: 'a, 'a, T: Output + Deserialize<'de>> Visitor<'de> for List<'a, T> {
        type Value = Option<Choice<'a, T>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of choices")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
            from.deserialize_seq(self)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(choice) = list.next_element::<Choice<'a, T>>()? {
                if found.is_none() && choice.index.unwrap_or(0) == 0 {
                    found = Some(choice);
                }
            }
            Ok(found)
        }
    }
    from.deserialize_option(List(PhantomData))
}

/// A server's counts of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<OutputDetails>,
    prompt_cache_hit_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

impl Counts {
    /// What it says of a request, over what was said before.
    pub(super) fn over(self, before: Usage) -> Usage {
        let cached = self.prompt_tokens_details.and_then(|details| details.cached_tokens);
        let reasoning = self.completion_tokens_details.and_then(|details| details.reasoning_tokens);
        Usage {
            prompt: self.prompt_tokens.map(Tokens).or(before.prompt),
            cached: cached.or(self.prompt_cache_hit_tokens).map(Tokens).or(before.cached),
            output: self.completion_tokens.map(Tokens).or(before.output),
            reasoning: reasoning.or(self.reasoning_tokens).map(Tokens).or(before.reasoning),
            recounted: before.recounted,
        }
    }
}

/// llama.cpp's counts of a request; its README for the server lists them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "llama.cpp's own names")]
pub(super) struct Timings {
    /// Prompt tokens that its cache had.
    cache_n: Option<u64>,
    /// Prompt tokens besides these.
    prompt_n: Option<u64>,
    /// Output tokens.
    predicted_n: Option<u64>,
}

impl Timings {
    /// The same as usage, where the server's own `usage` doesn't tell.
    pub(super) fn under(self, usage: Usage) -> Usage {
        let prompt =
            self.cache_n.zip(self.prompt_n).map(|(cached, read)| cached.saturating_add(read));
        Usage {
            prompt: usage.prompt.or(prompt.map(Tokens)),
            cached: usage.cached.or(self.cache_n.map(Tokens)),
            output: usage.output.or(self.predicted_n.map(Tokens)),
            ..usage
        }
    }
}
