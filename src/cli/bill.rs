//! `mtok bill`: a usage log on entries of the price book, and two periods' bills taken apart.

use super::books::{self, Opened};
use super::checked::{Bill, Billed};
use super::failure::Failure;
use super::output;
use super::raw::Format;
use crate::hint::Fault;
use crate::prices::{
    Entry, Export, Metered, Period, Request, Service, bill, bill_as_of, difference,
};
use crate::report::{
    BillDifference, BillReport, EntryBill, ExportCard, bill_difference_document, bill_document,
};
use jiff::Timestamp;
use jiff::civil::Date;
use std::path::Path;

/// Bills a usage, or takes the difference of two apart.
pub(crate) fn run(asked: &Bill, format: Format) -> Result<(), Failure> {
    let opened = books::open(asked.book.as_deref())?;
    let service = asked.service.as_ref();
    match &asked.billed {
        Billed::Usage { file, models, at } => usage(&opened, file, models, *at, service, format),
        Billed::Difference { old, new } => {
            let [old, new] = [old, new].map(|(file, model)| side(&opened, file, model, service));
            taken_apart(&opened, &old?, &new?, format)
        }
    }
}

fn requests(export: &Export, service: Option<&Service>) -> Vec<Request> {
    let mut requests: Vec<Request> = export.lines.iter().map(Metered::request).collect();
    if let Some(service) = service {
        for request in &mut requests {
            request.service = Some(service.clone());
        }
    }
    requests
}

fn usage(
    opened: &Opened,
    file: &Path,
    models: &[String],
    at: Option<Date>,
    service: Option<&Service>,
    format: Format,
) -> Result<(), Failure> {
    let entries: Vec<&Entry> =
        models.iter().map(|model| books::one(&opened.book, model)).collect::<Result<_, _>>()?;
    let export = books::usage(file)?;
    let requests = requests(&export, service);
    let mut bills = Vec::new();
    for entry in entries {
        let (id, tariffs) = (entry.id.as_str(), &entry.tariffs);
        let billed = match at {
            None => bill(id, tariffs, &requests),
            Some(day) => {
                let Some(tariff) = entry.tariff_on(day) else {
                    let why = format!("`{id}`: no tariff holds on {day}");
                    bills.push(EntryBill::of(id, Err(why)));
                    continue;
                };
                let as_of = tariff.from.unwrap_or(Timestamp::MIN);
                bill_as_of(id, tariffs, as_of, &requests)
            }
        };
        bills.push(EntryBill::of(id, billed.as_ref().map_err(ToString::to_string)));
    }
    // What can't be billed stands last.
    bills.sort_by_key(|bill| (bill.total.is_none(), bill.total));
    let none = bills.iter().all(|bill| bill.total.is_none());
    let usage = ExportCard::of(&file.display().to_string(), &export);
    let book = opened.name.clone();
    let report = BillReport { schema: "mtok.bill/1", book, usage, bills };
    output::print(format, &bill_document(&report), &report)?;
    if none {
        return Err(Failure::new(Fault::Input, "none of the entries can bill this usage")
            .hint("`mtok prices show ENTRY` lists the tariffs' dates and what they price"));
    }
    Ok(())
}

/// A period that is billed.
struct Asked<'b> {
    entry: &'b Entry,
    as_of: Timestamp,
    requests: Vec<Request>,
    card: ExportCard,
}

fn side<'b>(
    opened: &'b Opened,
    file: &Path,
    model: &str,
    service: Option<&Service>,
) -> Result<Asked<'b>, Failure> {
    let entry = books::one(&opened.book, model)?;
    let export = books::usage(file)?;
    let requests = requests(&export, service);
    let name = file.display().to_string();
    let first = requests.iter().map(|request| request.at).min();
    let as_of = first.ok_or_else(|| {
        Failure::new(Fault::Input, format!("`{name}`: no request of a model stands there"))
    })?;
    Ok(Asked { entry, as_of, requests, card: ExportCard::of(&name, &export) })
}

fn taken_apart(
    opened: &Opened,
    old: &Asked<'_>,
    new: &Asked<'_>,
    format: Format,
) -> Result<(), Failure> {
    let effects = difference(
        Period::of(old.entry, old.as_of, &old.requests),
        Period::of(new.entry, new.as_of, &new.requests),
    )?;
    let report = BillDifference {
        schema: "mtok.bill_difference/1",
        book: opened.name.clone(),
        old_entry: old.entry.id.clone(),
        new_entry: new.entry.id.clone(),
        old_usage: old.card.clone(),
        new_usage: new.card.clone(),
        effects,
    };
    output::print(format, &bill_difference_document(&report), &report)
}
