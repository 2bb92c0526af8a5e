//! Chat templates: a conversation to a prompt, by the Jinja program in the model's own file.
//!
//! The program is a stranger's. It gets a sandbox with no loader, no clock and no files; fuel for
//! its steps, a limit on recursion and on what it writes, and a thread of its own with a deep
//! stack, so that neither nesting nor a panic inside the library reaches us. Guarded by the hostile
//! templates in `tests.rs`.
//!
//! Known limit: one step may still build a long text (`x ~ x`, forty times over), which fuel does
//! not see; Jinja offers no hook for that.
//!
//! What it sees is what Hugging Face's tokenizers give it: `messages`, `bos_token`, `eos_token`,
//! `add_generation_prompt`, `tools` and `documents` (none), `raise_exception`, `strftime_now`, and a
//! `tojson` that writes as Python does.

mod json;
#[cfg(test)]
mod tests;

use super::gguf::{Gguf, GgufError, Texts};
use super::safetensors::{self, Folder, FolderError, Problem};
use super::tokenizer::hub;
use crate::hint::{Fault, Hint};
use crate::workload::Message;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use std::error::Error as _;
use std::path::{Path, PathBuf};

const KEY: &str = "tokenizer.chat_template";
/// Beside a model's weights on the hub.
const TEMPLATE: &str = "chat_template.jinja";
/// Longer than any template.
const TEMPLATE_BYTES_MAX: usize = 1 << 18;
/// Steps for the template itself and for each message; real templates use tens for each.
const FUEL: u64 = 20_000;
const FUEL_A_MESSAGE: u64 = 2_000;
const FUEL_MAX: u64 = 400_000;
/// Macros and includes within each other.
const RECURSION_MAX: usize = 64;
/// More than any context holds.
const OUTPUT_BYTES_MAX: usize = 16 << 20;
/// Values nested as deep as the fuel allows are dropped recursively.
const STACK_BYTES: usize = 256 << 20;

/// As templates see it.
fn value(message: &Message) -> Value {
    Value::from_pairs([("role", &message.role), ("content", &message.content)])
}

/// How a conversation is to be rendered.
#[derive(Debug, Clone, Copy)]
pub struct Rendering {
    /// Whether the prompt ends where the model's answer begins.
    pub add_generation_prompt: bool,
    /// What templates that date themselves are told.
    pub now: jiff::civil::DateTime,
}

/// A compiled chat template.
pub struct ChatTemplate {
    environment: Environment<'static>,
    path: PathBuf,
    bos_token: String,
    eos_token: String,
}

impl std::fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatTemplate").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why there is no prompt.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The file says something else than a text.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The folder's files do.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A base model has no template.
    #[error("`{}` has no chat template: it is a base model, which continues text", path.display())]
    NoTemplate {
        /// The model's file.
        path: PathBuf,
    },
    /// The template is not Jinja, or fails on this conversation.
    #[error("`{}`, chat template, line {line}: {reason}", path.display())]
    Template {
        /// The model's file.
        path: PathBuf,
        /// The line of the template; 0 where it is not known.
        line: usize,
        /// What went wrong.
        reason: String,
    },
    /// The template itself refuses the conversation (`raise_exception`).
    #[error("`{}`, chat template, line {line} refuses the conversation: {reason}", path.display())]
    Refused {
        /// The model's file.
        path: PathBuf,
        /// The line of the template.
        line: usize,
        /// The template's own words.
        reason: String,
    },
}

impl Hint for ChatError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Gguf(error) => error.hint(),
            Self::Folder(error) => error.hint(),
            Self::NoTemplate { .. } => {
                Some("send plain prompts, or take the model's instruct variant".to_owned())
            }
            Self::Template { .. } => {
                Some("another conversion of the model may carry a mended template".to_owned())
            }
            Self::Refused { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}

/// Marks an error as the template's own.
#[derive(Debug, thiserror::Error)]
#[error("raised by the template")]
struct Raised;

impl ChatTemplate {
    /// The template of a model; `None` for a base model, which has none.
    pub fn of(gguf: &Gguf) -> Result<Option<Self>, ChatError> {
        let metadata = gguf.metadata();
        let Some(source) = metadata.get::<&str>(KEY)? else { return Ok(None) };
        let tokens: Option<&Texts> = metadata.get("tokenizer.ggml.tokens")?;
        let text = |role: &str| -> Result<String, GgufError> {
            let id: Option<u32> = metadata.get(&format!("tokenizer.ggml.{role}_token_id"))?;
            let index = id.and_then(|id| usize::try_from(id).ok());
            Ok(tokens.zip(index).and_then(|(t, index)| t.get(index)).unwrap_or_default().to_owned())
        };
        Self::new(source, &text("bos")?, &text("eos")?, gguf.path()).map(Some)
    }

    /// The template beside a model's weights: in a file of its own, or in the tokenizer's config;
    /// `None` for a base model.
    pub fn of_folder(folder: &Folder) -> Result<Option<Self>, ChatError> {
        let path = folder.path().join(TEMPLATE);
        let config = hub::Config::of(folder)?;
        let (bos, eos) = (config.text_of("bos_token"), config.text_of("eos_token"));
        let (source, path) = if path.is_file() {
            let bytes = safetensors::read(&path, TEMPLATE_BYTES_MAX as u64)?;
            let text = String::from_utf8(bytes).map_err(|error| FolderError {
                path: path.clone(),
                problem: Problem::Text(error.to_string()),
            })?;
            (text, path)
        } else if let Some(text) = config.chat_template()? {
            (text.to_owned(), config.path().to_path_buf())
        } else {
            return Ok(None);
        };
        Self::new(&source, bos.unwrap_or_default(), eos.unwrap_or_default(), &path).map(Some)
    }

    /// Compiles a template. `path` is where errors say that it came from.
    pub fn new(
        source: &str,
        bos_token: &str,
        eos_token: &str,
        path: &Path,
    ) -> Result<Self, ChatError> {
        let mut environment = Environment::new();
        let whitespace = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(whitespace.map_err(|error| ChatError::Template {
            path: path.to_path_buf(),
            line: 0,
            reason: error.to_string(),
        })?);
        environment.set_recursion_limit(RECURSION_MAX);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message).with_source(Raised))
        });
        environment.add_filter("tojson", |value: &Value, arguments: Kwargs| {
            json::dumps(value, arguments.get("indent")?)
        });
        let template = Self {
            environment,
            path: path.to_path_buf(),
            bos_token: bos_token.to_owned(),
            eos_token: eos_token.to_owned(),
        };
        template.compile(source)
    }

    fn compile(mut self, source: &str) -> Result<Self, ChatError> {
        if source.len() > TEMPLATE_BYTES_MAX {
            let reason =
                format!("it has {} bytes, at most {TEMPLATE_BYTES_MAX} are read", source.len());
            return Err(ChatError::Template { path: self.path, line: 0, reason });
        }
        match self.environment.add_template_owned("chat", source.to_owned()) {
            Ok(()) => Ok(self),
            Err(error) => Err(self.explain(&error)),
        }
    }

    /// The prompt for a conversation.
    pub fn render(&self, messages: &[Message], rendering: Rendering) -> Result<String, ChatError> {
        let rendered = std::thread::scope(|scope| {
            std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                // The error too is taken apart in there: it may hold the template's values.
                .spawn_scoped(scope, || {
                    self.render_here(messages, rendering).map_err(|error| self.explain(&error))
                })
                .map(std::thread::ScopedJoinHandle::join)
        });
        let broken = |reason: &str| ChatError::Template {
            path: self.path.clone(),
            line: 0,
            reason: reason.to_owned(),
        };
        match rendered {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(broken("rendering it made the template library panic")),
            Err(_) => Err(broken("there is no memory for a thread to render it in")),
        }
    }

    fn render_here(&self, messages: &[Message], rendering: Rendering) -> Result<String, Error> {
        let fuel = FUEL + FUEL_A_MESSAGE.saturating_mul(messages.len() as u64);
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(fuel.min(FUEL_MAX)));
        environment.add_function("strftime_now", move |format: &str| {
            jiff::fmt::strtime::format(format, rendering.now)
                .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
        });
        let mut output = Limited(Vec::new());
        environment.get_template("chat")?.render_captured_to(
            context! {
                messages => messages.iter().map(value).collect::<Vec<_>>(),
                bos_token => &self.bos_token,
                eos_token => &self.eos_token,
                add_generation_prompt => rendering.add_generation_prompt,
                tools => (),
                documents => (),
            },
            &mut output,
        )?;
        String::from_utf8(output.0)
            .map_err(|_| Error::new(ErrorKind::BadSerialization, "what it wrote is not UTF-8"))
    }

    fn explain(&self, error: &Error) -> ChatError {
        let path = self.path.clone();
        let mut cause = error.source();
        let mut raised = false;
        while let Some(error) = cause {
            raised |= error.is::<Raised>();
            cause = error.source();
        }
        let line = error.line().unwrap_or(0);
        let detail = error.detail().map(str::to_owned);
        if raised {
            let reason = detail.unwrap_or_default();
            return ChatError::Refused { path, line, reason };
        }
        // The library says only that writing failed; our writer says why.
        let detail = match (error.kind(), error.source()) {
            (ErrorKind::WriteFailure, Some(cause)) => Some(cause.to_string()),
            _ => detail,
        };
        let reason = match detail {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        ChatError::Template { path, line, reason }
    }
}

/// What a template writes, up to the limit.
struct Limited(Vec<u8>);

impl std::io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_BYTES_MAX {
            return Err(std::io::Error::other("the prompt is longer than any context"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
