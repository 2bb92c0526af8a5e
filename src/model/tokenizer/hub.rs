//! The tokenizer in a folder as on the hub: `tokenizer.json`, and the files that say which of its
//! tokens begin and end a text.
//!
//! `tokenizer.json` is the `tokenizers` library's own form, which does all of the work. Ours is to
//! take in only what is known to give the same tokens every time, and to turn tokens back into bytes
//! one by one.

use super::error::TokenizerError;
use super::pieces::Pieces;
use super::{Control, Encoder, Kind, TokenId, TokenKind, Tokenizer, special};
use crate::model::gguf::Texts;
use crate::model::safetensors::{Folder, FolderError, Json, Problem, read};
use serde::Deserialize;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

const FILE: &str = "tokenizer.json";
/// Gemma's, the largest known, has 33 MB.
const BYTES_MAX: u64 = 64 << 20;
/// The other files have some kilobytes, or a list of all added tokens.
const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// What is taken from the file beside what the library reads.
#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    added_tokens: Vec<Added>,
    decoder: Option<Value>,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    id: TokenId,
    content: String,
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    dropout: Option<f32>,
    #[serde(default)]
    byte_fallback: bool,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
}

impl Tokenizer {
    /// The tokenizer beside a model's weights, whose embedding table has `vocabulary` rows. Tokens
    /// beyond them (of pictures, say) are not known here.
    ///
    /// # Errors
    /// Where a file is missing, damaged, or of a kind that is not known here.
    pub fn of_folder(folder: &Folder, vocabulary: u32) -> Result<Self, TokenizerError> {
        let path = folder.path().join(FILE);
        let bytes = read(&path, BYTES_MAX)?;
        let fail = |problem| FolderError { path: path.clone(), problem };
        let outline: Outline = serde_json::from_slice(&bytes)
            .map_err(|error| fail(Problem::Json(error.to_string())))?;
        let kind = outline.check().map_err(|why| fail(Problem::NotRunnable(why)))?;
        let library = library(&bytes).map_err(|why| fail(Problem::Json(why)))?;
        let (texts, kinds) = outline.tokens(&library, vocabulary, kind);
        let (before, after) = around(&library)?;
        let roles = Roles::of(folder, &library, &texts)?;
        Ok(Self {
            pieces: Arc::new(Pieces::of(kind, &texts, &kinds)),
            encoder: Encoder::hub(library),
            space_first: kind == Kind::Scored && outline.strips_space(),
            bos: roles.bos,
            eos: roles.eos,
            before,
            after,
            end_of_generation: roles.ends,
        })
    }
}

/// The library's reading of the file.
fn library(bytes: &[u8]) -> Result<tokenizers::Tokenizer, String> {
    // Its readers trust what they read in places: a merge may index past its buffer.
    let read = AssertUnwindSafe(|| {
        let mut library = tokenizers::Tokenizer::from_bytes(bytes)?;
        library.with_truncation(None)?;
        library.with_padding(None);
        Ok(library)
    });
    match catch_unwind(read) {
        Ok(read) => read.map_err(|error: tokenizers::Error| error.to_string()),
        Err(_) => Err("the tokenizer library panics at it".to_owned()),
    }
}

impl Outline {
    /// Which way its tokens stand for bytes, where that is known and always the same.
    fn check(&self) -> Result<Kind, String> {
        if self.model.kind.as_deref().is_some_and(|kind| kind != "BPE") {
            let kind = self.model.kind.as_deref().unwrap_or_default();
            return Err(format!("its tokenizer is `{kind}`, and only `BPE` is known"));
        }
        if self.model.dropout.is_some_and(|share| share > 0.0) {
            return Err("its tokenizer drops merges by chance".to_owned());
        }
        let parts = [&self.model.continuing_subword_prefix, &self.model.end_of_word_suffix];
        if parts.into_iter().flatten().any(|part| !part.is_empty()) {
            return Err("its tokenizer marks parts of words".to_owned());
        }
        if self.decoders(&|kind, _| kind == "ByteLevel") {
            Ok(Kind::ByteLevel)
        } else if self.decoders(&|kind, _| matches!(kind, "ByteFallback" | "Metaspace")) {
            Ok(Kind::Scored)
        } else {
            Err("its tokenizer turns tokens into text in a way that is not known here".to_owned())
        }
    }

    /// Whether some step of the decoder is as asked.
    fn decoders(&self, is: &dyn Fn(&str, &Value) -> bool) -> bool {
        let Some(decoder) = &self.decoder else { return false };
        let steps = decoder["decoders"].as_array().map_or(std::slice::from_ref(decoder), |all| all);
        steps.iter().any(|step| step["type"].as_str().is_some_and(|kind| is(kind, step)))
    }

    /// Whether a space at the beginning of a text is the tokenizer's own.
    fn strips_space(&self) -> bool {
        self.decoders(&|kind, step| match kind {
            "Strip" => step["start"].as_u64().is_some_and(|start| start > 0),
            "Metaspace" => step["prepend_scheme"].as_str() != Some("never"),
            _ => false,
        })
    }

    /// The text and kind of each token below `vocabulary`; one that doesn't exist has no text.
    fn tokens(
        &self,
        library: &tokenizers::Tokenizer,
        vocabulary: u32,
        kind: Kind,
    ) -> (Texts, Vec<TokenKind>) {
        let index = |id: TokenId| usize::try_from(id).ok().filter(|_| id < vocabulary);
        let all = library.get_vocab(true);
        let count = all.values().filter_map(|&id| index(id)).max().map_or(0, |last| last + 1);
        let mut texts = vec![""; count];
        let mut kinds = vec![TokenKind::Unused; count];
        let bytes = self.model.byte_fallback && kind == Kind::Scored;
        for (text, &id) in &all {
            let Some(index) = index(id) else { continue };
            let byte = bytes && text.len() == 6 && text.starts_with("<0x");
            texts[index] = text;
            kinds[index] = if byte { TokenKind::Byte } else { TokenKind::Normal };
        }
        for Added { id, content, special } in &self.added_tokens {
            let Some(index) = index(*id).filter(|&index| index < count) else { continue };
            texts[index] = content;
            kinds[index] = if *special { TokenKind::Control } else { TokenKind::UserDefined };
        }
        (texts.into_iter().collect(), kinds)
    }
}

/// The tokens that go before and after a prompt.
fn around(library: &tokenizers::Tokenizer) -> Result<(Vec<TokenId>, Vec<TokenId>), TokenizerError> {
    let plain = library.encode_fast("a", false)?;
    let whole = library.encode_fast("a", true)?;
    let (plain, whole) = (plain.get_ids(), whole.get_ids());
    let at = whole.windows(plain.len().max(1)).position(|window| window == plain);
    let Some(at) = at else {
        return Err(tokenizers::Error::from("its tokens in a prompt are others").into());
    };
    Ok((whole[..at].to_vec(), whole[at + plain.len()..].to_vec()))
}

/// `tokenizer_config.json`, or nothing where there is none.
pub(in crate::model) struct Config(Option<Json>);

impl Config {
    pub(in crate::model) fn of(folder: &Folder) -> Result<Self, FolderError> {
        let path = folder.path().join("tokenizer_config.json");
        path.is_file().then(|| Json::open(&path, CONFIG_BYTES_MAX)).transpose().map(Self)
    }

    pub(in crate::model) fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new(""), Json::path)
    }

    /// The text of a token with a role: a text, or an object with one.
    pub(in crate::model) fn text_of(&self, role: &str) -> Option<&str> {
        let token = self.0.as_ref()?.value(role)?;
        token.as_str().or_else(|| token["content"].as_str())
    }

    /// The chat template: a text, or the one called `default` of several.
    pub(in crate::model) fn chat_template(&self) -> Result<Option<&str>, FolderError> {
        let Some(json) = &self.0 else { return Ok(None) };
        match json.value("chat_template") {
            Some(Value::Array(several)) => {
                let default = several.iter().find(|one| one["name"] == "default");
                Ok(default.and_then(|one| one["template"].as_str()))
            }
            _ => json.text("chat_template"),
        }
    }
}

/// The tokens with a role.
struct Roles {
    bos: Option<TokenId>,
    eos: Option<TokenId>,
    /// In ascending order.
    ends: Vec<TokenId>,
}

impl Roles {
    fn of(
        folder: &Folder,
        library: &tokenizers::Tokenizer,
        texts: &Texts,
    ) -> Result<Self, FolderError> {
        let config = Config::of(folder)?;
        let exists = |id: &TokenId| usize::try_from(*id).is_ok_and(|index| index < texts.len());
        let token = |role: &str| config.text_of(role).and_then(|text| library.token_to_id(text));
        let path = folder.path().join("generation_config.json");
        let generation = path.is_file().then(|| Json::open(&path, CONFIG_BYTES_MAX)).transpose()?;
        let listed = |key: &str| -> Vec<TokenId> {
            let files = [Some(folder.config()), generation.as_ref()];
            files.into_iter().flatten().flat_map(|json| ids(json.value(key))).collect()
        };
        let (eos_ids, bos_ids) = (listed("eos_token_id"), listed("bos_token_id"));
        let eos = token("eos_token").or(eos_ids.first().copied()).filter(exists);
        let bos = token("bos_token").or(bos_ids.first().copied()).filter(exists);
        let mut ends: Vec<_> = eos.into_iter().chain(eos_ids).filter(exists).collect();
        ends.extend(special::ends(texts));
        ends.sort_unstable();
        ends.dedup();
        Ok(Self { bos, eos, ends })
    }
}

/// A token's number, or several.
fn ids(value: Option<&Value>) -> Vec<TokenId> {
    let one = |value: &Value| value.as_u64().and_then(|id| TokenId::try_from(id).ok());
    match value {
        Some(Value::Array(several)) => several.iter().filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The library with its own way of finding control tokens, once for each [`Control`].
pub(super) struct Library {
    recognised: tokenizers::Tokenizer,
    /// Made when it is first needed: it is as large as the other.
    literal: std::sync::OnceLock<tokenizers::Tokenizer>,
}

impl Library {
    pub(super) fn new(recognised: tokenizers::Tokenizer) -> Self {
        Self { recognised, literal: std::sync::OnceLock::new() }
    }

    pub(super) fn encode(
        &self,
        text: &str,
        control: Control,
    ) -> Result<Vec<TokenId>, TokenizerError> {
        let library = match control {
            Control::Recognised => &self.recognised,
            Control::Literal => self.literal.get_or_init(|| {
                let mut literal = self.recognised.clone();
                literal.set_encode_special_tokens(true);
                literal
            }),
        };
        Ok(library.encode_fast(text, false)?.get_ids().to_vec())
    }
}
