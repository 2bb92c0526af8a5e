//! `mtok prices`: the price book, looked at, compared, and made anew.

mod update;

use super::books::{self, Opened};
use super::checked::{self, Side, Wanted};
use super::failure::Failure;
use super::input::read;
use super::output;
use super::raw::{Format, RawPrices};
use crate::clock::today;
use crate::prices::import::{self, Import, Snapshot};
use crate::prices::{Book, Diff, merge};
use crate::report::{
    BookChange, EntryCard, ImportCard, ImportReport, PriceCard, PriceDiff, PriceList, PriceRow,
    Side as ReportSide, import_document, price_diff_document, price_document, price_list_document,
};
use jiff::civil::Date;
use std::path::Path;

/// Lists, shows, imports, compares, updates.
pub(crate) fn run(raw: RawPrices) -> Result<(), Failure> {
    match raw {
        RawPrices::List { provider, open_weights, model, book, output } => {
            let wanted = Wanted { provider, open_weights, model };
            list(&books::open(book.book.as_deref())?, &wanted, output.format())
        }
        RawPrices::Show { model, at, book, output } => {
            let day = checked::optional_day("--at", at.as_deref())?.unwrap_or_else(today);
            show(&books::open(book.book.as_deref())?, &model, day, output.format())
        }
        RawPrices::Import { file, form, date, out, output } => {
            let day = checked::optional_day("--date", date.as_deref())?.unwrap_or_else(today);
            let form = form.map(checked::format);
            import(&file, form, day, out.as_deref(), output.format())
        }
        RawPrices::Diff { a, b, at, book, output } => {
            let day = checked::optional_day("--at", at.as_deref())?.unwrap_or_else(today);
            diff([&a, &b], day, book.book.as_deref(), output.format())
        }
        RawPrices::Update { source, output } => {
            update::run(&checked::sources(source), output.format())
        }
    }
}

fn list(opened: &Opened, wanted: &Wanted, format: Format) -> Result<(), Failure> {
    let day = today();
    let asked = || opened.book.entries().iter().filter(|entry| wanted.holds(entry));
    let sold = asked().filter(|entry| entry.is_sold(day));
    let entries: Vec<PriceRow> = sold.filter_map(|entry| PriceRow::of(entry, day)).collect();
    let left_out = asked().count().saturating_sub(entries.len());
    let book = opened.name.clone();
    let list = PriceList { schema: "mtok.price_list/1", book, day, entries, left_out };
    output::print(format, &price_list_document(&list), &list)
}

fn show(opened: &Opened, model: &str, day: Date, format: Format) -> Result<(), Failure> {
    let found = opened.book.find(model)?;
    let entries = found.iter().map(|entry| EntryCard::of(entry, day)).collect();
    let card = PriceCard { schema: "mtok.price/1", book: opened.name.clone(), day, entries };
    output::print(format, &price_document(&card, &found), &card)
}

fn import(
    file: &Path,
    form: Option<import::Format>,
    day: Date,
    out: Option<&Path>,
    format: Format,
) -> Result<(), Failure> {
    let name = file.display().to_string();
    let text = read(file)?;
    let (form, import) = understood(&name, &text, form, day)?;
    let card = ImportCard::of(&name, form, day, &import);
    let book = out.map(|out| laid(out, &import)).transpose()?;
    let report = ImportReport { schema: "mtok.price_import/1", import: card, book };
    output::print(format, &import_document(&report), &report)
}

/// Reads somebody's book, of a day and of the form that is named or recognised.
fn understood(
    name: &str,
    text: &str,
    form: Option<import::Format>,
    day: Date,
) -> Result<(import::Format, Import), Failure> {
    // Its edition is nowhere in the text: the day is all that is known.
    let of = |form| Snapshot::of(form, &day.to_string(), day);
    match form {
        Some(form) => {
            let import = form.read(text, &of(form));
            Ok((form, import.map_err(|error| Failure::of(name, &error))?))
        }
        None => Ok(import::Format::recognise(name, text, of)?),
    }
}

/// Lays what was read over the book of a file, which is made if it isn't there.
fn laid(out: &Path, import: &Import) -> Result<BookChange, Failure> {
    let name = out.display().to_string();
    let old =
        if out.exists() { Book::parse(&name, &read(out)?)? } else { Book::of(&name, Vec::new())? };
    let merged = merge(&name, &old, import)?;
    write(out, &merged.book)?;
    Ok(BookChange::of(&name, &merged))
}

/// Writes a book, whole or not at all.
fn write(out: &Path, book: &Book) -> Result<(), Failure> {
    use crate::hint::Fault::{Environment, Internal};
    let text = book.to_text().map_err(|error| Failure::new(Internal, error.to_string()))?;
    crate::fetch::replace(out, &text).map_err(|error| {
        Failure::new(Environment, format!("`{}` can't be written: {error}", out.display()))
    })
}

fn diff(sides: [&str; 2], at: Date, book: Option<&Path>, format: Format) -> Result<(), Failure> {
    let side = |text: &str| -> Result<(Opened, Date), Failure> {
        match Side::of(text) {
            Side::Day(day) => Ok((books::open(book)?, day)),
            Side::File(file) => Ok((books::open(Some(&file))?, at)),
        }
    };
    let [a, b] = sides;
    let ((a, a_day), (b, b_day)) = (side(a)?, side(b)?);
    let diff = Diff::between((&a.book, a_day), (&b.book, b_day));
    let named = |opened: Opened, day| ReportSide { book: opened.name, day };
    let report = PriceDiff::of(named(a, a_day), named(b, b_day), &diff);
    output::print(format, &price_diff_document(&report), &report)
}
