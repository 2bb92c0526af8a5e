//! How a text is cut into words before merging. A merge never crosses a cut.
//!
//! The rules of each `tokenizer.ggml.pre` are those of llama.cpp's `llm_tokenizer_bpe`
//! (<https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp>), which took them from
//! the models' own `tokenizer.json`.

use crate::model::gguf::{GgufError, Metadata};
use tokenizers::normalizers::{Prepend, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizerWrapper, SplitDelimiterBehavior};

const PRE: &str = "tokenizer.ggml.pre";

/// GPT-2's words: contractions, a space with what follows it, runs of letters, of digits, of signs.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Each digit by itself.
const DIGITS: &str = r"\p{N}";
/// Llama 3's words: digits in groups of three.
const LLAMA3: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen 2's words: Llama 3's, each digit by itself.
const QWEN2: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How sentencepiece writes a space.
pub(super) const SPACE_MARK: char = '▁';

/// The rules of a byte-level vocabulary.
pub(super) struct Splitter {
    /// Patterns whose matches become words of their own, each applied to what the last one left.
    patterns: &'static [&'static str],
    /// Whether a word that is a token needs no merging.
    pub(super) whole_words_first: bool,
}

/// The splitter that a file names.
pub(super) fn of(metadata: &Metadata) -> Result<Splitter, GgufError> {
    let name: &str = metadata.need(PRE)?;
    let (patterns, whole_words_first): (&'static [&'static str], bool) = match name {
        "gpt-2" | "phi-2" | "mpt" | "olmo" => (&[GPT2], false),
        "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" => (&[DIGITS, GPT2], false),
        "llama3" | "llama-v3" | "llama-bpe" | "falcon3" => (&[LLAMA3], true),
        "qwen2" | "deepseek-r1-qwen" => (&[QWEN2], false),
        other => {
            let why = "its rules are not known here, and a guess would miscount tokens";
            return Err(metadata.refuse(PRE, other, why));
        }
    };
    Ok(Splitter { patterns, whole_words_first })
}

impl Splitter {
    pub(super) fn build(&self) -> Result<PreTokenizerWrapper, tokenizers::Error> {
        let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
        for pattern in self.patterns {
            let pattern = SplitPattern::Regex((*pattern).to_owned());
            steps.push(Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?.into());
        }
        // Bytes to their printable stand-ins; no prefix space, no second splitting.
        steps.push(ByteLevel::new(false, false, false).into());
        Ok(Sequence::new(steps).into())
    }
}

/// Sentencepiece has no splitter: it merges across the whole text, spaces written as marks.
pub(super) fn spaces_as_marks(space_first: bool) -> Result<NormalizerWrapper, tokenizers::Error> {
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if space_first {
        steps.push(Prepend::new(SPACE_MARK.to_string()).into());
    }
    steps.push(Replace::new(" ", SPACE_MARK.to_string())?.into());
    Ok(Normalizers::new(steps).into())
}
