//! Run records on disk: finding and reading them.
//!
//! Invariant: a folder that a run has made is readable whatever became of the run, and nothing here
//! writes into one. Deliberately absent: decisions.

pub mod attempts;

use crate::hint::{Fault, Hint};
use crate::record::{Header, RecordError, Run, parse, parse_header};
use fs_err as fs;
use std::path::{Path, PathBuf};

/// Why a run can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of it can't be read; the error names it.
    #[error("the run can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// A file of it is damaged, or of a form that this version doesn't know.
    #[error("`{}`: {error}", folder.display())]
    Record {
        /// The run's folder.
        folder: PathBuf,
        /// What is wrong in it.
        error: RecordError,
    },
    /// There is no run of this name.
    #[error("no run `{name}` in `{}`", runs.display())]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        runs: PathBuf,
    },
    /// There is no run at all.
    #[error("no run in `{}`", .0.display())]
    None(PathBuf),
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => Some("`mtok runs list` shows those that there are".to_owned()),
            Self::None(_) => Some("`mtok bench` makes one".to_owned()),
            Self::Record { error, .. } => error.hint(),
            Self::Io(_) => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}

/// Reads the run in a folder.
///
/// # Errors
/// Where its files can't be read, or are damaged elsewhere than at the journal's end.
pub fn read(folder: &Path) -> Result<Run, StoreError> {
    let header = fs::read_to_string(folder.join("run.json"))?;
    let journal = fs::read(folder.join("journal.jsonl"))?;
    parse(&header, &journal)
        .map_err(|error| StoreError::Record { folder: folder.to_owned(), error })
}

/// The folders of all runs, the newest first: names begin with the time.
///
/// # Errors
/// Where the folder of runs can't be listed.
pub fn list(runs: &Path) -> Result<Vec<PathBuf>, StoreError> {
    if !runs.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(runs)? {
        let path = entry?.path();
        // A run that was killed before it had a header has recorded nothing.
        if path.join("run.json").is_file() {
            folders.push(path);
        }
    }
    folders.sort_by(|a, b| b.file_name().cmp(&a.file_name()));
    Ok(folders)
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The folder of a run.
    Run(PathBuf),
    /// The folders of the runs of a sweep, in the order in which they were made.
    Sweep(Vec<PathBuf>),
}

/// What a name means: `last`, a run's name, a sweep's, or the path of a run's folder. The last is a
/// sweep where the last run is part of one.
///
/// # Errors
/// Where there is none, or where the last run's head can't be read.
pub fn find(runs: &Path, name: &str) -> Result<Found, StoreError> {
    if name == "last" {
        let last =
            list(runs)?.into_iter().next().ok_or_else(|| StoreError::None(runs.to_owned()))?;
        return match head(&last)?.sweep {
            Some(sweep) => Ok(Found::Sweep(of_sweep(runs, &sweep.name)?)),
            None => Ok(Found::Run(last)),
        };
    }
    let candidates = [runs.join(name), PathBuf::from(name)];
    if let Some(folder) = candidates.into_iter().find(|path| path.join("run.json").is_file()) {
        return Ok(Found::Run(folder));
    }
    match of_sweep(runs, name)? {
        none if none.is_empty() => {
            Err(StoreError::Unknown { name: name.to_owned(), runs: runs.to_owned() })
        }
        folders => Ok(Found::Sweep(folders)),
    }
}

/// The folders of a sweep's runs. A head that can't be read tells of no sweep.
fn of_sweep(runs: &Path, name: &str) -> Result<Vec<PathBuf>, StoreError> {
    let index = |folder: PathBuf| {
        let sweep = head(&folder).ok()?.sweep.filter(|sweep| sweep.name == name)?;
        Some((sweep.index, folder))
    };
    let mut found: Vec<_> = list(runs)?.into_iter().filter_map(index).collect();
    found.sort();
    Ok(found.into_iter().map(|(_, folder)| folder).collect())
}

fn head(folder: &Path) -> Result<Header, StoreError> {
    let text = fs::read_to_string(folder.join("run.json"))?;
    parse_header(&text).map_err(|error| StoreError::Record { folder: folder.to_owned(), error })
}
