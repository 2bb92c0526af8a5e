//! Files that hold prices and usage: where they are looked for, and what is said where they aren't.

use super::failure::Failure;
use super::home::Home;
use super::input::read;
use crate::prices::{Book, Export};
use std::path::{Path, PathBuf};

/// What the book inside the program is called.
pub(crate) const EMBEDDED: &str = "built in";

/// A price book and what it is called.
pub(crate) struct Opened {
    /// Its file, or [`EMBEDDED`].
    pub(crate) name: String,
    /// The book.
    pub(crate) book: Book,
}

/// The book of `--book`, else the one inside the program.
pub(crate) fn open(file: Option<&Path>) -> Result<Opened, Failure> {
    let Some(file) = file else {
        return Ok(Opened { name: EMBEDDED.to_owned(), book: Book::embedded()? });
    };
    let path = found(file)?;
    let name = path.display().to_string();
    let book = Book::parse(&name, &read(&path)?)?;
    Ok(Opened { name, book })
}

/// A path as it is; a bare name that isn't here under the home's `prices`.
fn found(file: &Path) -> Result<PathBuf, Failure> {
    let bare = file.components().count() == 1;
    if bare && !file.is_file() {
        let kept = Home::find()?.prices().join(file);
        if kept.is_file() {
            return Ok(kept);
        }
    }
    Ok(file.to_owned())
}

/// A usage export.
pub(crate) fn usage(path: &Path) -> Result<Export, Failure> {
    let text = read(path)?;
    Export::parse(&text).map_err(|error| Failure::of(&path.display().to_string(), &error))
}
