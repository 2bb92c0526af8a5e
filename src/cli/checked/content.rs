//! What is asked: a preset, lengths and shapes, a trace or a dataset.

use super::{Failure, optional, value};
use crate::cli::input::read;
use crate::cli::raw::{CacheMode, RawContent, RawCut, TextKind};
use crate::hint::{Fault, Hint};
use crate::record::Lengths;
use crate::units::{Ratio, Seconds, Tokens};
use crate::workload::trace::Cut;
use crate::workload::{
    Cache, Content, Conversation, Dataset, Mix, Preset, Sizes, Text, Think, Trace, Turns, spec,
};
use std::path::Path;

/// Lengths where nothing is said.
const PROMPT: Lengths = Lengths::Fixed { tokens: Tokens(128) };
const OUTPUT: Lengths = Lengths::Fixed { tokens: Tokens(64) };

/// What is asked, and what comes with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asking {
    /// What users call it.
    pub(crate) name: Option<String>,
    /// What is sent.
    pub(crate) content: Content,
    /// The loads that a preset is made for.
    pub(crate) ladder: &'static [u32],
    /// How long a preset measures each point.
    pub(crate) measure: Option<Seconds>,
}

impl TryFrom<&RawContent> for Asking {
    type Error = Failure;

    fn try_from(raw: &RawContent) -> Result<Self, Failure> {
        if let Some(path) = &raw.trace {
            let (name, trace) = trace(path, &raw.cut)?;
            return Ok(Self::named(name, Content::Trace(trace)));
        }
        if let Some(path) = &raw.dataset {
            let data = Dataset::parse(&read(path)?).map_err(|error| of_file(path, &error))?;
            let content = Content::Dataset {
                data,
                output: lengths("--output-tokens", raw.output_tokens.as_deref())?.unwrap_or(OUTPUT),
                think: think(raw)?.unwrap_or(Think::NONE),
                cache: cache(raw),
            };
            return Ok(Self::named(file_name(path), content));
        }
        let preset: Option<Preset> = optional("--preset", raw.preset.as_deref())?;
        let shape = preset.map(Preset::shape);
        let base = shape.as_ref().map_or_else(|| Mix::plain(PROMPT, OUTPUT), |s| s.mix.clone());
        Ok(Self {
            name: preset.map(|preset| preset.name().to_owned()),
            content: Content::Mix(mix(base, raw)?),
            ladder: shape.as_ref().map_or(&[], |shape| shape.ladder),
            measure: shape.and_then(|shape| shape.measure),
        })
    }
}

impl Asking {
    fn named(name: String, content: Content) -> Self {
        Self { name: Some(name), content, ladder: &[], measure: None }
    }
}

/// A preset, or plain requests, with what was said changed.
fn mix(base: Mix, raw: &RawContent) -> Result<Mix, Failure> {
    let (prompt, output) = match &base.sizes {
        Sizes::Apart { prompt, output } => (*prompt, *output),
        Sizes::Joint(_) => (PROMPT, OUTPUT),
    };
    let prompt = lengths("--prompt-tokens", raw.prompt_tokens.as_deref())?.unwrap_or(prompt);
    let output = lengths("--output-tokens", raw.output_tokens.as_deref())?.unwrap_or(output);
    let prefix = match &raw.prefix {
        Some(text) => spec::prefix(text).map_err(|error| Failure::flag("--prefix", &error))?,
        None => base.prefix,
    };
    let text = match raw.text {
        Some(TextKind::Prose) => Text::Prose,
        Some(TextKind::Random) => Text::RandomIds,
        None => base.text,
    };
    let conversation = conversation(base.conversation, prompt, raw)?;
    let sizes = Sizes::Apart { prompt, output };
    Ok(Mix { sizes, text, cache: cache(raw), prefix, conversation })
}

fn conversation(
    base: Option<Conversation>,
    prompt: Lengths,
    raw: &RawContent,
) -> Result<Option<Conversation>, Failure> {
    let turns = raw.turns.as_deref().map(spec::turns).transpose();
    let turns = turns.map_err(|error| Failure::flag("--turns", &error))?;
    let follow_up = lengths("--follow-up", raw.follow_up.as_deref())?;
    let think = think(raw)?;
    if base.is_none() && turns.is_none() {
        let said = [("--follow-up", follow_up.is_some()), ("--think", think.is_some())];
        if let Some((flag, _)) = said.iter().find(|(_, said)| *said) {
            let message = format!("`{flag}` says nothing of requests that stand alone");
            return Err(Failure::new(Fault::Usage, message).hint("say how many turns: `--turns 3`"));
        }
        return Ok(None);
    }
    let base = base.unwrap_or(Conversation {
        turns: Turns::Fixed(1),
        follow_up: prompt,
        think: Think::NONE,
    });
    Ok(Some(Conversation {
        turns: turns.unwrap_or(base.turns),
        follow_up: follow_up.unwrap_or(base.follow_up),
        think: think.unwrap_or(base.think),
    }))
}

/// A part of the trace in a file, and what the file is called.
pub(super) fn trace(path: &Path, raw: &RawCut) -> Result<(String, Trace), Failure> {
    let whole = Trace::parse(&read(path)?).map_err(|error| of_file(path, &error))?;
    let speed = match &raw.speed {
        Some(text) => spec::times(text).map_err(|error| Failure::flag("--trace-speed", &error))?,
        None => Ratio::ONE,
    };
    let cut = Cut {
        from: optional("--trace-from", raw.from.as_deref())?.unwrap_or(Seconds(0.0)),
        length: optional("--trace-length", raw.length.as_deref())?,
        tokens: optional("--trace-max-tokens", raw.max_tokens.as_deref())?,
        requests: raw.requests,
        speed,
    };
    let part = whole.cut(&cut).map_err(|error| of_file(path, &error))?;
    Ok((file_name(path), part))
}

fn lengths(flag: &str, text: Option<&str>) -> Result<Option<Lengths>, Failure> {
    text.map(spec::lengths).transpose().map_err(|error| Failure::flag(flag, &error))
}

fn think(raw: &RawContent) -> Result<Option<Think>, Failure> {
    let think = raw.think.as_deref().map(spec::think).transpose();
    think.map_err(|error| Failure::flag("--think", &error))
}

fn cache(raw: &RawContent) -> Cache {
    match raw.cache {
        CacheMode::Bust => Cache::Bust,
        CacheMode::Warm => Cache::Warm,
    }
}

/// An error of a file's content, by the file's name.
fn of_file(path: &Path, error: &impl Hint) -> Failure {
    Failure::of(&path.display().to_string(), error)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A time of a flag, above nothing.
pub(super) fn time(flag: &str, text: &str) -> Result<Seconds, Failure> {
    let time = value(flag, text)?;
    if time > Seconds(0.0) {
        return Ok(time);
    }
    let message = format!("`{flag}`: `{text}` measures nothing");
    Err(Failure::new(Fault::Usage, message).hint("write it like `40s`"))
}
