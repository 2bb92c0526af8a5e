//! Tokens that are recognised in a text before anything is merged, and those with a role.

use super::{Control, TokenId, TokenKind};
use crate::model::gguf::{GgufError, Metadata, Texts};
use std::collections::HashMap;

/// Texts that end a generation whatever the file says of them: files of many models name only one
/// of theirs. This list and the next are those of llama.cpp's `llama_vocab::impl::load`
/// (<https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp>).
const ENDS: &[&str] = &[
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    // A code model that begins another file or repository has ended this one.
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
];

/// Texts that are control tokens whatever the file says of them, and end nothing.
const CONTROLS: &[&str] = &[
    "<|fim_prefix|>",
    "<fim-prefix>",
    "<fim_prefix>",
    "<|fim_suffix|>",
    "<fim-suffix>",
    "<fim_suffix>",
    "<|fim_middle|>",
    "<fim-middle>",
    "<fim_middle>",
];

/// Sets right the kinds of tokens that files often call normal.
pub(super) fn mend(kinds: &mut [TokenKind], tokens: &Texts) {
    for (kind, text) in kinds.iter_mut().zip(tokens.iter()) {
        if ENDS.contains(&text) || CONTROLS.contains(&text) {
            *kind = TokenKind::Control;
        }
    }
}

/// Tokens that end a generation by their text.
pub(super) fn ends(tokens: &Texts) -> impl Iterator<Item = TokenId> {
    (0..).zip(tokens.iter()).filter(|(_, text)| ENDS.contains(text)).map(|(id, _)| id)
}

/// A stretch of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fragment<'a> {
    /// A recognised token.
    Token(TokenId),
    /// Text to be merged.
    Text(&'a str),
}

/// The tokens to recognise.
pub(super) struct Specials {
    by_text: HashMap<String, Special>,
    /// The lengths of their texts, longest first.
    lengths: Vec<usize>,
    /// Which bytes they begin with: most positions of a text need no second look.
    first: [bool; 256],
}

#[derive(Clone, Copy)]
struct Special {
    id: TokenId,
    /// Recognised even in a stranger's text: part of the vocabulary, not of the protocol.
    user_defined: bool,
}

impl Specials {
    pub(super) fn of(tokens: &Texts, kinds: &[TokenKind]) -> Self {
        let mut specials =
            Self { by_text: HashMap::new(), lengths: Vec::new(), first: [false; 256] };
        for ((id, text), kind) in (0..).zip(tokens.iter()).zip(kinds) {
            let user_defined = match kind {
                TokenKind::UserDefined => true,
                TokenKind::Control | TokenKind::Unknown => false,
                _ => continue,
            };
            let Some(&first) = text.as_bytes().first() else { continue };
            specials.first[usize::from(first)] = true;
            specials.lengths.push(text.len());
            specials.by_text.insert(text.to_owned(), Special { id, user_defined });
        }
        specials.lengths.sort_unstable_by(|left, right| right.cmp(left));
        specials.lengths.dedup();
        specials
    }

    /// Cuts a text at the tokens in it. The longest are looked for first, in all of the text, then
    /// shorter ones in what is left: llama.cpp's order, which matters where two overlap.
    pub(super) fn split<'a>(&self, text: &'a str, control: Control) -> Vec<Fragment<'a>> {
        let mut fragments = vec![Fragment::Text(text)];
        for &length in &self.lengths {
            let mut next = Vec::with_capacity(fragments.len());
            for fragment in fragments {
                match fragment {
                    Fragment::Text(text) => self.cut(text, length, control, &mut next),
                    token @ Fragment::Token(_) => next.push(token),
                }
            }
            fragments = next;
        }
        fragments
    }

    fn cut<'a>(
        &self,
        text: &'a str,
        length: usize,
        control: Control,
        onto: &mut Vec<Fragment<'a>>,
    ) {
        let mut from = 0;
        let mut at = 0;
        while at + length <= text.len() {
            let found = self.first[usize::from(text.as_bytes()[at])]
                .then(|| text.get(at..at + length))
                .flatten()
                .and_then(|candidate| self.by_text.get(candidate))
                .filter(|special| control == Control::Recognised || special.user_defined);
            match found {
                Some(special) => {
                    push_text(&text[from..at], onto);
                    onto.push(Fragment::Token(special.id));
                    at += length;
                    from = at;
                }
                None => at += 1,
            }
        }
        push_text(&text[from..], onto);
    }
}

fn push_text<'a>(text: &'a str, onto: &mut Vec<Fragment<'a>>) {
    if !text.is_empty() {
        onto.push(Fragment::Text(text));
    }
}

/// The tokens with a role.
pub(super) struct Ids {
    pub(super) bos: Option<TokenId>,
    pub(super) eos: Option<TokenId>,
    pub(super) add_bos: bool,
    pub(super) add_eos: bool,
    /// In ascending order.
    pub(super) end_of_generation: Vec<TokenId>,
}

impl Ids {
    pub(super) fn of(metadata: &Metadata, tokens: &Texts, scored: bool) -> Result<Self, GgufError> {
        let id = |name: &str| -> Result<Option<TokenId>, GgufError> {
            let key = format!("tokenizer.ggml.{name}_token_id");
            let id: Option<TokenId> = metadata.get(&key)?;
            match id {
                Some(id) if usize::try_from(id).map_or(true, |index| index >= tokens.len()) => {
                    let why = format!("there are {} tokens", tokens.len());
                    Err(metadata.refuse(&key, id, &why))
                }
                id => Ok(id),
            }
        };
        let (bos, eos) = (id("bos")?, id("eos")?);
        let mut end_of_generation: Vec<_> =
            [eos, id("eot")?, id("eom")?].into_iter().flatten().collect();
        end_of_generation.extend(ends(tokens));
        end_of_generation.sort_unstable();
        end_of_generation.dedup();
        // Where the file says nothing: sentencepiece models begin with the token, of the byte-level
        // ones Llama 3 alone.
        let llama3 = matches!(
            metadata.get::<&str>("tokenizer.ggml.pre")?,
            Some("llama3" | "llama-v3" | "llama-bpe" | "falcon3")
        );
        let add = |name: &str| metadata.get::<bool>(&format!("tokenizer.ggml.add_{name}_token"));
        Ok(Self {
            bos,
            eos,
            add_bos: add("bos")?.unwrap_or(scored || llama3),
            add_eos: add("eos")?.unwrap_or(false),
            end_of_generation,
        })
    }
}
