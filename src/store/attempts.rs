//! Records of attempts at tasks on disk: a folder each time that tasks were put to models, a file a model.
//!
//! Invariant: nothing here writes. A record that holds no whole head yet has nothing in it, and is passed
//! over.

use crate::hint::{Fault, Hint};
use crate::record::attempts::{Attempts, AttemptsError};
use fs_err as fs;
use std::path::{Path, PathBuf};

/// Why records of attempts can't be read.
#[derive(Debug, thiserror::Error)]
pub enum AttemptsStoreError {
    /// A file can't be read; the error names it.
    #[error("the record can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// A file is damaged, or of a form that this version doesn't know.
    #[error("`{}`: {error}", file.display())]
    Record {
        /// The file.
        file: PathBuf,
        /// What is wrong in it.
        error: AttemptsError,
    },
    /// There is no record of this name.
    #[error("no record of tasks `{name}` in `{}`", folder.display())]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
}

impl Hint for AttemptsStoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => {
                Some("`mtok tasks` makes one, and says where; `last` is the newest".to_owned())
            }
            Self::Record { error, .. } => error.hint(),
            Self::Io(_) => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}

/// The folder that a name means: `last`, a folder's name, or its path.
///
/// # Errors
/// Where there is none.
pub fn find(records: &Path, name: &str) -> Result<PathBuf, AttemptsStoreError> {
    let unknown =
        || AttemptsStoreError::Unknown { name: name.to_owned(), folder: records.to_owned() };
    if name != "last" {
        let candidates = [records.join(name), PathBuf::from(name)];
        return candidates.into_iter().find(|path| path.is_dir()).ok_or_else(unknown);
    }
    if !records.is_dir() {
        return Err(unknown());
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(records)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    // Names begin with the time.
    folders.into_iter().max().ok_or_else(unknown)
}

/// The records of a folder, in the order of their files' names.
///
/// # Errors
/// Where one can't be read, or is damaged elsewhere than at its end.
pub fn read(folder: &Path) -> Result<Vec<Attempts>, AttemptsStoreError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let read = Attempts::parse(&fs::read(&file)?);
        let read = read.map_err(|error| AttemptsStoreError::Record { file, error })?;
        found.extend(read);
    }
    Ok(found)
}
