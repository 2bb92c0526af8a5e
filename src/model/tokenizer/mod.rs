//! Text to tokens and back, as the model's own file says.
//!
//! Invariant: the ids are llama.cpp's, for any text (`tests/fixtures/peers/*.tokenizer.json`, a list
//! of awkward strings in many scripts, recorded from it). A token more or less is a price more or
//! less, so a vocabulary whose rules are not known here is an error, never a guess.
//!
//! The merging is the `tokenizers` crate's. Ours are the rules around it: which splitter a
//! vocabulary wants, merges rebuilt from scores, where control tokens are recognised, and bytes back.

mod error;
pub(super) mod hub;
mod merges;
mod pieces;
mod special;
mod splitter;
mod stream;
#[cfg(test)]
mod tests;

pub use error::TokenizerError;
pub use stream::Detokenizer;

use super::gguf::{Gguf, GgufError, Texts};
use pieces::Pieces;
use special::Specials;
use std::sync::Arc;
use tokenizers::models::bpe::{BPE, Vocab};

/// A token's number in its vocabulary.
pub type TokenId = u32;

/// Whether the text of a control token (`<|im_start|>`) in a prompt is that token or just text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// It is the token: for what a chat template has rendered.
    Recognised,
    /// It is text: for what a stranger has written.
    Literal,
}

/// A vocabulary and its rules.
pub struct Tokenizer {
    encoder: Encoder,
    pieces: Arc<Pieces>,
    /// Sentencepiece models may put a space before a text.
    space_first: bool,
    bos: Option<TokenId>,
    eos: Option<TokenId>,
    /// What goes before a prompt.
    before: Vec<TokenId>,
    /// What goes after it.
    after: Vec<TokenId>,
    end_of_generation: Vec<TokenId>,
}

/// From text to tokens.
enum Encoder {
    /// Control tokens are found here, what is between them is merged by the library.
    Gguf { merger: Box<tokenizers::Tokenizer>, specials: Box<Specials> },
    /// The library does everything.
    Hub(Box<hub::Library>),
}

impl Encoder {
    fn hub(library: tokenizers::Tokenizer) -> Self {
        Self::Hub(Box::new(hub::Library::new(library)))
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("tokens", &self.pieces.len())
            .field("bos", &self.bos)
            .field("eos", &self.eos)
            .finish_non_exhaustive()
    }
}

/// The two ways in which GGUF vocabularies work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `gpt2`: byte-level BPE with a list of merges and a splitter.
    ByteLevel,
    /// `llama`: sentencepiece, with scores and bytes of its own for what it doesn't know.
    Scored,
}

/// A kind of token, `tokenizer.ggml.token_type` (`enum llama_token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

impl TokenKind {
    fn of(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }
}

const MODEL: &str = "tokenizer.ggml.model";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
/// Longer than any token (runs of 128 spaces have 256 bytes). Rebuilding merges takes the square of it.
const TOKEN_BYTES_MAX: usize = 1_024;

impl Tokenizer {
    /// The tokenizer that a file describes.
    pub fn of(gguf: &Gguf) -> Result<Self, TokenizerError> {
        let metadata = gguf.metadata();
        let kind = match metadata.need::<&str>(MODEL)? {
            "gpt2" => Kind::ByteLevel,
            "llama" => Kind::Scored,
            other => {
                return Err(metadata
                    .refuse(MODEL, other, "`gpt2` and `llama` are known here")
                    .into());
            }
        };
        let tokens: &Texts = metadata.need(TOKENS)?;
        let mut kinds = kinds(gguf, tokens.len())?;
        special::mend(&mut kinds, tokens);
        if let Some(token) = tokens.iter().find(|token| token.len() > TOKEN_BYTES_MAX) {
            let found = format!("a token of {} bytes", token.len());
            let why = format!("a token has at most {TOKEN_BYTES_MAX}");
            return Err(metadata.refuse(TOKENS, found, &why).into());
        }
        let mut vocab = Vocab::default();
        for (id, token) in (0..).zip(tokens.iter()) {
            // Of two equal texts the later is found, as in llama.cpp.
            vocab.insert(token.to_owned(), id);
        }
        let mut bpe = BPE::builder().byte_fallback(kind == Kind::Scored);
        let merges = match kind {
            Kind::ByteLevel => {
                bpe = bpe.ignore_merges(splitter::of(metadata)?.whole_words_first);
                merges::listed(metadata, &vocab)?
            }
            Kind::Scored => {
                // What neither the vocabulary nor its byte tokens cover is not lost in silence.
                bpe = match metadata.get::<u32>("tokenizer.ggml.unknown_token_id")? {
                    Some(id) => bpe.unk_token(pieces::text_of(metadata, tokens, id)?.to_owned()),
                    None => bpe,
                };
                merges::from_scores(metadata, tokens, &vocab)?
            }
        };
        let bpe = bpe.vocab_and_merges(vocab, merges).build()?;
        let mut inner = tokenizers::Tokenizer::new(bpe);
        let space_first = kind == Kind::Scored
            && metadata.get("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
        match kind {
            Kind::ByteLevel => {
                inner.with_pre_tokenizer(Some(splitter::of(metadata)?.build()?));
            }
            Kind::Scored => {
                inner.with_normalizer(Some(splitter::spaces_as_marks(space_first)?))?;
            }
        }
        let ids = special::Ids::of(metadata, tokens, kind == Kind::Scored)?;
        let specials = Box::new(Specials::of(tokens, &kinds));
        Ok(Self {
            encoder: Encoder::Gguf { merger: Box::new(inner), specials },
            pieces: Arc::new(Pieces::of(kind, tokens, &kinds)),
            space_first,
            bos: ids.bos,
            eos: ids.eos,
            before: ids.bos.filter(|_| ids.add_bos).into_iter().collect(),
            after: ids.eos.filter(|_| ids.add_eos).into_iter().collect(),
            end_of_generation: ids.end_of_generation,
        })
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pieces.len() == 0
    }

    /// The token that begins a text, if the model has one.
    pub fn bos(&self) -> Option<TokenId> {
        self.bos
    }

    /// The token that ends a text, if the model has one.
    pub fn eos(&self) -> Option<TokenId> {
        self.eos
    }

    /// Whether a generation ends with this token: end of text, of a turn, of a message.
    pub fn ends_generation(&self, id: TokenId) -> bool {
        self.end_of_generation.contains(&id)
    }

    /// All tokens that end a generation, in ascending order.
    pub fn end_of_generation(&self) -> &[TokenId] {
        &self.end_of_generation
    }

    /// The tokens of a text and nothing else.
    pub fn encode(&self, text: &str, control: Control) -> Result<Vec<TokenId>, TokenizerError> {
        let (merger, specials) = match &self.encoder {
            Encoder::Gguf { merger, specials } => (merger, specials),
            Encoder::Hub(library) => {
                let ids = library.encode(text, control)?;
                let tokens = self.len();
                return match ids.iter().find(|&&id| id as usize >= tokens) {
                    Some(&id) => Err(TokenizerError::Beyond { id, tokens }),
                    None => Ok(ids),
                };
            }
        };
        let mut ids = Vec::new();
        for fragment in specials.split(text, control) {
            match fragment {
                special::Fragment::Token(id) => ids.push(id),
                special::Fragment::Text(text) => {
                    ids.extend(merger.encode_fast(text, false)?.get_ids());
                }
            }
        }
        Ok(ids)
    }

    /// The tokens of a prompt, with those before and after it that the model asks for.
    pub fn encode_prompt(
        &self,
        text: &str,
        control: Control,
    ) -> Result<Vec<TokenId>, TokenizerError> {
        let ids = self.encode(text, control)?;
        Ok([&self.before[..], &ids, &self.after].concat())
    }

    /// The tokens of what a chat template has rendered: control tokens are recognised, and a
    /// beginning token is added only where the template has not written it.
    pub fn encode_chat(&self, prompt: &str) -> Result<Vec<TokenId>, TokenizerError> {
        let ids = self.encode(prompt, Control::Recognised)?;
        if ids.starts_with(&self.before) {
            return Ok(ids);
        }
        Ok([&self.before[..], &ids].concat())
    }

    /// The text of tokens that begin a text. Control tokens are left out; bytes that make no
    /// character become U+FFFD.
    pub fn decode(&self, ids: &[TokenId]) -> String {
        let mut stream = self.stream();
        let mut text: String = ids.iter().map(|&id| stream.push(id)).collect();
        text.push_str(&stream.finish());
        if self.space_first && text.starts_with(' ') {
            text.remove(0);
        }
        text
    }

    /// A decoder for tokens that come one by one, after a prompt.
    pub fn stream(&self) -> Detokenizer {
        Detokenizer::new(Arc::clone(&self.pieces), false)
    }

    /// The same, but control tokens are shown as their text.
    pub fn stream_with_control(&self) -> Detokenizer {
        Detokenizer::new(Arc::clone(&self.pieces), true)
    }

    /// The bytes that a token stands for; a control token's are its text. `None`: no such token.
    pub fn piece(&self, id: TokenId) -> Option<&[u8]> {
        self.pieces.get(id).map(|piece| piece.bytes)
    }
}

/// The kind of each token. Without the key, all are normal.
fn kinds(gguf: &Gguf, count: usize) -> Result<Vec<TokenKind>, GgufError> {
    let metadata = gguf.metadata();
    let Some(numbers) = metadata.get::<&[i32]>(TYPES)? else {
        return Ok(vec![TokenKind::Normal; count]);
    };
    if numbers.len() != count {
        let why = format!("there are {count} tokens");
        return Err(metadata.refuse(TYPES, format!("{} types", numbers.len()), &why));
    }
    numbers
        .iter()
        .map(|&number| {
            TokenKind::of(number)
                .ok_or_else(|| metadata.refuse(TYPES, number, "the types are 1 to 6"))
        })
        .collect()
}
