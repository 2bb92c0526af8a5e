//! Files that hold prices and usage: where they are looked for, and what is said where they aren't.

use super::failure::Failure;
use super::home::Home;
use super::input::read;
use crate::hint::Fault;
use crate::prices::{Book, Entry, Export, PriceError};
use std::collections::BTreeSet;
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
    let book = Book::parse(&name, &read(&path)?).map_err(|error| match error {
        PriceError::Form { .. } => Failure::from(error)
            .hint("`mtok prices import FILE --out BOOK` makes such a book of somebody else's"),
        other => Failure::from(other),
    })?;
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

/// The entries that go by a name; of a family, which is none's, where it is sold.
pub(crate) fn find<'b>(book: &'b Book, name: &str) -> Result<Vec<&'b Entry>, Failure> {
    book.find(name).map_err(|error| of_a_family(book, name, error))
}

/// The one entry that goes by a name.
pub(crate) fn one<'b>(book: &'b Book, name: &str) -> Result<&'b Entry, Failure> {
    book.one(name).map_err(|error| of_a_family(book, name, error))
}

fn of_a_family(book: &Book, name: &str, error: PriceError) -> Failure {
    let family = book.entries().iter().filter(|entry| entry.family.as_deref() == Some(name));
    let ids: Vec<String> = family.map(|entry| format!("`{}`", entry.id)).collect();
    let failure = Failure::from(error);
    if ids.is_empty() {
        return failure;
    }
    failure.hint(format!("`{name}` is a family of models; it is sold as {}", ids.join(", ")))
}

/// That a provider sells anything in a book.
pub(crate) fn known_provider(book: &Book, provider: Option<&str>) -> Result<(), Failure> {
    let Some(provider) = provider else { return Ok(()) };
    let name = provider.trim().to_lowercase();
    let all: BTreeSet<&str> = book.entries().iter().map(|entry| entry.provider.as_str()).collect();
    if all.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Ok(());
    }
    let like = all.iter().map(|known| (strsim::jaro_winkler(&name, known), known));
    let nearest = like.filter(|(likeness, _)| *likeness > ALIKE);
    let nearest = nearest.max_by(|(a, _), (b, _)| a.total_cmp(b));
    let message = format!("`--provider`: `{provider}` sells nothing in this book");
    Err(Failure::new(Fault::Usage, message).hint(match nearest {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => "`mtok prices list` shows every entry, its provider first".to_owned(),
    }))
}

/// Names less alike than this are no slips of each other.
const ALIKE: f64 = 0.7;

/// A usage export.
pub(crate) fn usage(path: &Path) -> Result<Export, Failure> {
    let text = read(path)?;
    Export::parse(&text).map_err(|error| Failure::of(&path.display().to_string(), &error))
}

/// The entries of a family, wherever it is sold.
pub(crate) fn of_family<'a>(book: &'a Book, family: &str) -> Vec<&'a Entry> {
    let is = |entry: &&Entry| entry.family.as_deref() == Some(family);
    book.entries().iter().filter(is).collect()
}

/// The entries that go by these names of `--api`, each once: an id, a model's name, or a family.
pub(crate) fn entries<'a>(book: &'a Book, names: &[String]) -> Result<Vec<&'a Entry>, Failure> {
    let mut all: Vec<&Entry> = Vec::new();
    for name in names {
        let mut found = of_family(book, name.trim());
        if found.is_empty() {
            found = book.find(name).map_err(|error| Failure::flag("--api", &error))?;
        }
        found.retain(|entry| all.iter().all(|other| other.id != entry.id));
        all.extend(found);
    }
    Ok(all)
}
