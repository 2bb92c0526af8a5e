//! `mtok prices update`: what the sources say today, laid over the book under the user's home.

use super::{understood, write};
use crate::cli::failure::Failure;
use crate::cli::home::Home;
use crate::cli::input::read;
use crate::cli::output;
use crate::cli::raw::Format;
use crate::clock::today;
use crate::fetch::page;
use crate::hint::Fault;
use crate::prices::{Book, merge};
use crate::report::{BookChange, ImportCard, SourceUpdate, UpdateReport, update_document};
use crate::units::Seconds;
use std::path::Path;

/// The book that updates make.
const BOOK: &str = "book.jsonl";
/// How long a source may take, in all.
const PATIENCE: Seconds = Seconds(120.0);

/// Asks each source, lays what it says over the book, and writes the book if any could be read.
pub(crate) fn run(sources: &[String], format: Format) -> Result<(), Failure> {
    let folder = Home::find()?.prices();
    let file = folder.join(BOOK);
    let name = file.display().to_string();
    // The book that updates have made before, else the one inside the program.
    let mut book =
        if file.exists() { Book::parse(&name, &read(&file)?)? } else { Book::embedded()? };
    let mut updates = Vec::new();
    for url in sources {
        let update = match one(url, &folder.join("sources"), &name, &mut book) {
            Ok(update) => update,
            Err(failure) => {
                eprintln!("{failure}");
                let failed = Some(failure.message().to_owned());
                let url = url.clone();
                SourceUpdate { url, unchanged: false, import: None, book: None, failed }
            }
        };
        updates.push(update);
    }
    let failed = updates.iter().filter(|update| update.failed.is_some()).count();
    let file = if failed < updates.len() {
        write(&file, &book)?;
        Some(name)
    } else {
        None
    };
    let report = UpdateReport { schema: "mtok.price_update/1", file, sources: updates };
    output::print(format, &update_document(&report), &report)?;
    if failed > 0 {
        let count = report.sources.len();
        let message = format!("{failed} of {count} sources could not be read");
        return Err(Failure::new(Fault::Environment, message)
            .hint("`mtok prices import FILE` reads a file that was fetched otherwise"));
    }
    Ok(())
}

fn one(url: &str, kept: &Path, name: &str, book: &mut Book) -> Result<SourceUpdate, Failure> {
    let page = page(url, kept, PATIENCE)?;
    let day = today();
    let (form, import) = understood(url, &page.text, None, day)?;
    let merged = merge(name, book, &import)?;
    let change = BookChange::of(name, &merged);
    *book = merged.book;
    Ok(SourceUpdate {
        url: url.to_owned(),
        unchanged: page.unchanged,
        import: Some(ImportCard::of(url, form, day, &import)),
        book: Some(change),
        failed: None,
    })
}
