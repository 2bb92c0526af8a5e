//! `mtok tasks`: what models solve, with how many tokens, and what a solved task costs.

use super::checked::{Paid, Running, Tasks, What, Who};
use super::failure::Failure;
use super::home::Home;
use super::progress::Line;
use super::raw::Format;
use super::{input, interrupt, output, weights};
use crate::clock::wall;
use crate::conduct::{self, Local, Subject};
use crate::cost::Load;
use crate::hardware::example_cpu_price;
use crate::hint::Fault;
use crate::model::Loaded;
use crate::prices::{Book, Entry};
use crate::record::Finish;
use crate::record::attempts::{Attempt, Attempts, Verdict};
use crate::report::{TasksReport, tasks_document, tasks_page};
use crate::store::attempts as records;
use crate::suite::{self, Instance, Suite};
use crate::tasks::{Contestant, Judging, Price, Shares, TaskTable};
use crate::telemetry::driver::cuda_driver;
use crate::units::UsdPerHour;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Asks, judges, prints.
pub(crate) fn run(tasks: &Tasks, format: Format) -> Result<(), Failure> {
    let home = Home::find()?;
    let book = Book::embedded()?;
    // Before anything is asked, which takes longer than a slip of the pen.
    let entries = entries(&book, &tasks.paid)?;
    if let Who::Local { models, .. } = &tasks.who {
        fits(entries.len(), models.len())?;
    }
    let (folders, whole) = match &tasks.who {
        Who::Recorded(names) => {
            let find = |name: &String| records::find(&home.tasks(), name);
            (names.iter().map(find).collect::<Result<Vec<_>, _>>()?, true)
        }
        Who::Local { .. } | Who::Remote { .. } => {
            let (folder, whole) = ask(tasks, &home)?;
            (vec![folder], whole)
        }
    };
    let mut attempts: Vec<Attempts> = Vec::new();
    for folder in &folders {
        attempts.extend(records::read(folder)?);
    }
    if let Who::Recorded(_) = &tasks.who {
        fits(entries.len(), attempts.len())?;
    }
    let printed = print(tasks, &attempts, &entries, format);
    if whole {
        printed?;
        return answered(&attempts);
    }
    let folder = folders.first().map_or(Path::new(""), PathBuf::as_path);
    let message = format!("stopped; what was answered is in `{}`", folder.display());
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Err(Failure::new(Fault::Interrupted, message)
        .hint(format!("the same command with `--resume {name}` goes on")))
}

/// One entry for each model, or one for all.
fn fits(entries: usize, models: usize) -> Result<(), Failure> {
    if entries <= 1 || entries == models {
        return Ok(());
    }
    let message = format!("`--api` names {entries} entries, and there are {models} models");
    Err(Failure::new(Fault::Usage, message)
        .hint("name one for each, in their order, or one for all"))
}

fn print(
    tasks: &Tasks,
    attempts: &[Attempts],
    entries: &[&Entry],
    format: Format,
) -> Result<(), Failure> {
    let report = TasksReport::new(table(tasks, attempts, entries)?);
    output::print(format, &tasks_document(&report.table), &report)?;
    match &tasks.report {
        Some(path) => output::write(path, &tasks_page(&report.table)?),
        None => Ok(()),
    }
}

/// Where nothing at all was answered, that is said by the exit code too.
fn answered(attempts: &[Attempts]) -> Result<(), Failure> {
    let all = || attempts.iter().flat_map(|of| &of.attempts);
    let failed = all().all(|one| one.verdict == Verdict::Failed);
    match all().filter_map(Attempt::last).next_back().map(|last| &last.finish) {
        Some(Finish::Failed(failure)) if failed => {
            let message = format!("no question was answered: {}", failure.reason);
            Err(Failure::new(Fault::Target, message)
                .hint("the same command with `--resume last` asks again what failed"))
        }
        _ => Ok(()),
    }
}

/// Puts the tasks to each model; returns where the answers are, and whether all were asked.
fn ask(tasks: &Tasks, home: &Home) -> Result<(PathBuf, bool), Failure> {
    let stop = interrupt::flag()?;
    let subjects = subjects(&tasks.who, home, stop)?;
    let (suite, version, instances) = instances(tasks, &subjects)?;
    let put = conduct::Tasks {
        suite,
        version,
        seed: tasks.seed,
        instances,
        repeats: tasks.repeats,
        manner: tasks.manner,
    };
    let folder = folder(tasks, home)?;
    eprintln!("record: {}", folder.display());
    for (number, subject) in subjects.iter().enumerate() {
        let file = folder.join(format!("{:02}.jsonl", number + 1));
        let mut line = Line::new();
        let whole = put.put_to(subject, &file, stop, &mut |name, progress| {
            line.tasks(name, progress);
        });
        line.done();
        if !whole? {
            return Ok((folder, false));
        }
    }
    Ok((folder, true))
}

/// The record's folder: that of `--resume`, else a new one, named by the time.
fn folder(tasks: &Tasks, home: &Home) -> Result<PathBuf, Failure> {
    let resume = match &tasks.who {
        Who::Local { resume, .. } | Who::Remote { resume, .. } => resume.as_deref(),
        Who::Recorded(_) => None,
    };
    match resume {
        Some(name) => Ok(records::find(&home.tasks(), name)?),
        None => Ok(home.tasks().join(wall().strftime("%Y-%m-%dT%H-%M-%SZ").to_string())),
    }
}

/// What is asked, what it is called together, and in which version. Limits other than the tasks' own are
/// a part of the version.
fn instances(
    tasks: &Tasks,
    subjects: &[Subject],
) -> Result<(String, String, Vec<Instance>), Failure> {
    let (name, mut version, mut instances) = drawn(tasks, subjects)?;
    if let Some(most) = tasks.max_output {
        version = format!("{version}, {} tokens at most", most.0);
        for one in &mut instances {
            one.max_output = one.max_output.min(most);
        }
    }
    Ok((name, version, instances))
}

fn drawn(tasks: &Tasks, subjects: &[Subject]) -> Result<(String, String, Vec<Instance>), Failure> {
    match &tasks.what {
        What::Suite { families, limit } => {
            let small: Vec<String> = suite::FOR_SMALL_MODELS.map(str::to_owned).to_vec();
            let families = if families.is_empty() && has_small(subjects)? {
                eprintln!("families: {} (--families asks others)", small.join(", "));
                &small
            } else {
                families
            };
            let instances = Suite::embedded()?.instances(tasks.seed, families, *limit)?;
            Ok(("mtok".to_owned(), suite::VERSION.to_owned(), instances))
        }
        What::File { path, limit } => {
            let text = input::read(path)?;
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let mut instances = suite::load::problems(&path.display().to_string(), &text)?;
            instances.truncate(limit.unwrap_or(usize::MAX));
            Ok((name, suite::load::version_of(&text), instances))
        }
    }
}

/// Whether a model is among them that is too small for long answers. How large a server's is, nobody
/// says.
fn has_small(subjects: &[Subject]) -> Result<bool, Failure> {
    for subject in subjects {
        if let Subject::Local(local) = subject
            && Loaded::open(&local.weights.path)?.shape.parameters < suite::SMALL_MODEL
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Who is asked, weights at hand.
fn subjects(who: &Who, home: &Home, stop: &AtomicBool) -> Result<Vec<Subject>, Failure> {
    match who {
        Who::Local { models, running: Running { device, engine, threads }, .. } => {
            let local = |model: &String| {
                let weights = weights::at_hand(model, home, stop)?;
                let (device, engine, threads) = (*device, *engine, *threads);
                Ok(Subject::Local(Local { weights, device, engine, threads }))
            };
            models.iter().map(local).collect()
        }
        Who::Remote { remote, .. } => Ok(vec![Subject::Remote(remote.as_ref().clone())]),
        Who::Recorded(_) => Ok(Vec::new()),
    }
}

/// The entries of the book that are asked for.
fn entries<'a>(book: &'a Book, paid: &Paid) -> Result<Vec<&'a Entry>, Failure> {
    let Paid::Apis(names) = paid else { return Ok(Vec::new()) };
    let find = |name: &String| {
        let found = book.find(name).map_err(|error| Failure::flag("--api", &error))?;
        match found.as_slice() {
            [one] => Ok(*one),
            several => {
                let ids: Vec<_> = several.iter().map(|entry| format!("`{}`", entry.id)).collect();
                let message = format!("`--api`: `{name}` is sold by {}", several.len());
                Err(Failure::new(Fault::Usage, message)
                    .hint(format!("name one of them: {}", ids.join(", "))))
            }
        }
    };
    names.iter().map(find).collect()
}

/// What the machine's time costs that answered; `None`: nobody says, and it is none of ours.
fn own(price: Option<UsdPerHour>, load: Load, attempts: &Attempts) -> Option<Price<'static>> {
    let example = example_cpu_price();
    let (hour, machine) = match price {
        Some(hour) => (hour, format!("{hour}, as given")),
        // No weights of a server are known, and whose GPU it is neither.
        None if attempts.head.model.shape.is_none() || cuda_driver().is_some() => return None,
        None => (example.price, format!("{}, {}", example.price, example.note)),
    };
    Some(Price::Time { machine, hour, load, shares: Shares::of(attempts) })
}

fn table(tasks: &Tasks, attempts: &[Attempts], entries: &[&Entry]) -> Result<TaskTable, Failure> {
    let mut contestants: Vec<Contestant<'_>> = Vec::new();
    for (number, of) in attempts.iter().enumerate() {
        let plain = &of.head.model.name;
        let before = contestants.iter().filter(|one| one.attempts.head.model.name == *plain);
        let name = match before.count() {
            0 => plain.clone(),
            before => format!("{plain} ({})", before + 1),
        };
        let price = match (&tasks.paid, entries) {
            (Paid::Hour { price, load }, _) => own(*price, *load, of),
            (Paid::Apis(_), []) => None,
            (Paid::Apis(_), [one]) => Some(Price::Api { entry: one, service: None, as_of: None }),
            (Paid::Apis(_), each) => {
                each.get(number).map(|entry| Price::Api { entry, service: None, as_of: None })
            }
        };
        contestants.push(Contestant { name, attempts: of, price, judge: None });
    }
    let seed = attempts.first().map_or(tasks.seed, |first| first.head.seed);
    let judging = Judging { seed, reference: tasks.reference.clone() };
    Ok(TaskTable::of(&contestants, &judging)?)
}
