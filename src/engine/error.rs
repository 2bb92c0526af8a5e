//! What can go wrong in an engine.

use crate::hint::{Fault, Hint};
use crate::units::Tokens;
use std::any::Any;
use std::path::PathBuf;

/// Why a model can't be loaded or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file can't be opened or read.
    #[error("{0}")]
    Open(std::io::Error),
    /// The engine has no forward pass for this architecture.
    #[error("no forward pass for architecture `{0}`")]
    Architecture(String),
    /// The file is not the model that it says it is.
    #[error("`{}`: {error}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// What candle says.
        error: Box<candle_core::Error>,
    },
    /// The file names a number that the engine can't work with.
    #[error("`{}`: `{key}` is `{value}`", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The metadata's key.
        key: String,
        /// What it holds.
        value: String,
    },
    /// The system gives no threads.
    #[error("no threads to compute with: {0}")]
    Threads(std::io::Error),
    /// CUDA was demanded and can't be had.
    #[error("no CUDA device: {0}")]
    NoCuda(String),
    /// A sequence would outgrow the context.
    #[error("a sequence of {wanted} exceeds this engine's context limit of {limit}")]
    Context {
        /// Tokens, with those that were to be added.
        wanted: Tokens,
        /// The limit.
        limit: Tokens,
    },
    /// A token that the model doesn't know.
    #[error("token `{id}` is outside the vocabulary of {vocabulary}")]
    Token {
        /// The token.
        id: u32,
        /// How many the vocabulary has.
        vocabulary: usize,
    },
    /// A forward pass of nothing, or at a place where the sequence doesn't end.
    #[error("a forward pass of {tokens} token(s) at position {position}, where {held} are held")]
    Position {
        /// Tokens to append.
        tokens: usize,
        /// Where.
        position: usize,
        /// Tokens that the KV cache holds.
        held: usize,
    },
    /// A sequence without the blocks of the KV cache that it needs.
    #[error("{}", match unknown {
        Some(block) => format!("block `{block}` is outside the KV cache"),
        None => format!("a sequence that needs {needed} block(s) was given {given}"),
    })]
    Blocks {
        /// Blocks that its tokens take.
        needed: usize,
        /// Blocks it came with.
        given: usize,
        /// One of them that the cache hasn't.
        unknown: Option<u32>,
    },
    /// Weights in a form that there is no product for.
    #[error("a matrix of {rows} rows of {cols} stored as `{kind}` can't be loaded: {why}")]
    Weights {
        /// How it is stored.
        kind: String,
        /// Its rows.
        rows: usize,
        /// Numbers in a row.
        cols: usize,
        /// What is in the way.
        why: String,
    },
    /// The model lacks a part that its description asks for.
    #[error("the model has no `{0:?}`")]
    Part(crate::model::spec::Part),
    /// A part of the model can't be read.
    #[error(transparent)]
    Model(#[from] Box<crate::model::ModelError>),
    /// There is no room for the KV cache.
    #[error("no room for a KV cache of {bytes}")]
    Memory {
        /// What it takes.
        bytes: crate::units::Bytes,
    },
    /// A forward pass failed.
    #[error("forward pass: {0}")]
    Forward(Box<candle_core::Error>),
    /// A library underneath panicked.
    #[error("panic while {doing}: {message}")]
    Panicked {
        /// What was being done.
        doing: &'static str,
        /// The panic's message.
        message: String,
    },
    /// The tokenizer can't decode a token.
    #[error("token `{id}` has no text: {reason}")]
    Detokenize {
        /// The token.
        id: u32,
        /// What the tokenizer says.
        reason: String,
    },
}

impl Hint for EngineError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Architecture(_) => {
                Some("this version runs GGUF files of architecture `llama` and `qwen2`".into())
            }
            Self::NoCuda(_) if cfg!(feature = "cuda") => {
                Some("check the driver with `nvidia-smi`, or run with `--device cpu`".into())
            }
            Self::NoCuda(_) => {
                Some("build with `--features cuda`, or run with `--device cpu`".into())
            }
            Self::Model(error) => error.hint(),
            Self::Memory { .. } => Some("ask for a smaller one: fewer sequences at once".into()),
            Self::Context { .. } => Some("ask for a shorter prompt or fewer output tokens".into()),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Open(_) | Self::Architecture(_) | Self::Load { .. } | Self::Metadata { .. } => {
                Fault::Input
            }
            Self::Weights { .. } | Self::Part(_) => Fault::Input,
            Self::Model(error) => error.fault(),
            Self::NoCuda(_) | Self::Memory { .. } | Self::Threads(_) => Fault::Environment,
            Self::Context { .. } | Self::Token { .. } => Fault::Usage,
            Self::Position { .. } | Self::Blocks { .. } => Fault::Internal,
            Self::Forward(_) | Self::Panicked { .. } | Self::Detokenize { .. } => Fault::Target,
        }
    }
}

/// What a panic said.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
