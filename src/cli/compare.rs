//! `mtok compare`: a workload on the own machine and on APIs, side by side.

use super::books::{self, Opened};
use super::checked::{Compare, OwnSide, WorkSide};
use super::failure::Failure;
use super::home::Home;
use super::raw::Format;
use super::{bench, estimate, output, runs};
use crate::clock::today;
use crate::compare::{Chosen, Own, Question, Sheet, Work, shortlist};
use crate::cost::{Assumptions, Judgement, MachinePrice};
use crate::estimate::{Calibration, Deployment, Traffic};
use crate::hardware::Rentals;
use crate::hint::Fault;
use crate::prices::{Book, Entry, Metered};
use crate::report::{compare_document, compare_page};
use crate::units::UsdPerHour;
use jiff::civil::Date;

/// Compares and prints.
pub(crate) fn run(asked: &Compare, format: Format) -> Result<(), Failure> {
    let Opened { name: book_name, book } = books::open(asked.book.as_deref())?;
    let today = today();
    let day = asked.as_of.unwrap_or(today);
    let (own, work) = sides(asked, &book, today)?;
    let (entries, chosen) = apis(asked, &book, &own, &work, day)?;
    let question = Question {
        own: &own,
        work: &work,
        entries: &entries,
        chosen,
        loads: &asked.loads,
        day,
        book: &book_name,
        cut: asked.cut,
    };
    let sheet = Sheet::of(&question)?;
    output::print(format, &compare_document(&sheet), &sheet)?;
    match &asked.report {
        Some(path) => output::write(path, &compare_page(&sheet)?),
        None => Ok(()),
    }
}

/// The own machine, and the work at its rate.
fn sides(asked: &Compare, book: &Book, today: Date) -> Result<(Own, Work), Failure> {
    let work = asked.work.as_ref().map(known).transpose()?;
    let (own, work) = match &asked.own {
        OwnSide::Run { name, price } => of_run(name, *price, work, today)?,
        OwnSide::Rate { rate, price, model } => {
            let mut own = Own::of_rate(*price, *rate);
            if let Some(model) = model {
                own.family = Some(family(book, model)?);
                own.name = format!("{model} on {}", own.name);
            }
            (own, work)
        }
        OwnSide::Estimate(estimate) => {
            let own = work.as_ref().map(|work| of_estimate(estimate, work, book, today));
            (own.transpose()?.ok_or_else(no_work)?, work)
        }
    };
    let work = work.ok_or_else(no_work)?;
    let work = match asked.hits {
        Some(share) => work.with_hits(share),
        None => work,
    };
    let work = match asked.rate {
        Some(rate) => work.at_rate(rate, true)?,
        None => own.paced(work)?,
    };
    Ok((own, work))
}

fn no_work() -> Failure {
    // `checked` has seen to it that there is some, or a run.
    Failure::new(Fault::Input, "the run delivered no tokens: there is no work like its")
        .hint("name some: `--workload chat`")
}

fn known(work: &WorkSide) -> Result<Work, Failure> {
    match work {
        WorkSide::Known(work) => Ok(work.as_ref().clone()),
        WorkSide::Usage(path) => {
            let export = books::usage(path)?;
            let requests = export.lines.iter().map(Metered::request).collect();
            Ok(Work::metered(path.display().to_string(), requests)?)
        }
    }
}

fn of_run(
    name: &str,
    price: Option<UsdPerHour>,
    work: Option<Work>,
    today: Date,
) -> Result<(Own, Option<Work>), Failure> {
    let run = runs::single(&Home::find()?.runs(), name)?;
    let books = bench::books()?;
    let price = price.map(MachinePrice::given);
    let assumptions = Assumptions { price, ..Assumptions::on(today) };
    let judgement = Judgement::of(&run, &books, &assumptions);
    let own = Own::of_run(&judgement, &books)?;
    Ok((own, work.or_else(|| Work::of_run(&judgement))))
}

fn of_estimate(
    asked: &super::checked::Estimate,
    work: &Work,
    book: &Book,
    today: Date,
) -> Result<Own, Failure> {
    let model = estimate::model(&asked.shape, today)?;
    let (prompt, output) = work.lengths();
    let question = crate::estimate::Question {
        asked: &asked.asked,
        deployment: Deployment {
            model: &model,
            gpu: &asked.gpu,
            gpus: asked.gpus,
            weights: asked.weights.unwrap_or(model.native),
            cache: asked.cache,
        },
        traffic: Traffic { prompt, output },
        batches: &asked.batches,
        price: asked.price.clone(),
        at_most: asked.at_most,
        today,
    };
    let mix = work.blend().ok_or_else(no_work)?.input_per_output();
    let (calibration, rentals) = (Calibration::embedded()?, Rentals::embedded()?);
    let others = work.other_mixes();
    Ok(Own::of_estimate(&question, mix, &others, &calibration, &rentals, book)?)
}

/// The price book's family of a model by any of its names.
fn family(book: &Book, model: &str) -> Result<String, Failure> {
    if !books::of_family(book, model).is_empty() {
        return Ok(model.to_owned());
    }
    let found = book.find(model).map_err(|error| Failure::flag("--model", &error))?;
    found.iter().find_map(|entry| entry.family.clone()).ok_or_else(|| {
        let message = format!("`--model`: the price book doesn't say what `{model}` is");
        Failure::new(Fault::Usage, message).hint("leave it out, and name APIs with `--api`")
    })
}

fn apis<'a>(
    asked: &Compare,
    book: &'a Book,
    own: &Own,
    work: &Work,
    day: Date,
) -> Result<(Vec<&'a Entry>, Chosen), Failure> {
    if !asked.apis.is_empty() {
        return Ok((books::entries(book, &asked.apis)?, Chosen::Named));
    }
    let mix = work.mix().ok_or_else(no_work)?;
    Ok(shortlist(book, own.family.as_deref(), own.parameters, mix, day))
}
