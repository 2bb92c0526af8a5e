//! `mtok plan`: machines, load and dollars for real traffic.

use super::checked::{Plan, Sizing, StepsFrom};
use super::failure::Failure;
use super::home::Home;
use super::raw::Format;
use super::{input, output, runs};
use crate::clock::today;
use crate::hint::Fault;
use crate::plan::{
    Capacity, Fleet, Outcome, Profile, Scaling, Size, Task, Tried, beside, capacity,
};
use crate::prices::{Book, Entry};
use crate::report::{PlanReport, plan_document};
use crate::units::Ratio;
use std::path::Path;

/// The share of its capacity that a machine of a fleet that scales is to have to do: what comes while
/// another starts has to have room.
const SCALED_SHARE: Ratio = Ratio::percent(70.0);

/// Simulates and prints.
pub(crate) fn run(plan: &Plan, format: Format) -> Result<(), Failure> {
    let (profile, family) = profile(&plan.machine.steps)?;
    let book = Book::embedded()?;
    let day = plan.as_of.unwrap_or_else(today);
    // Before the simulation, which takes longer than a slip of the pen.
    let entries = entries(&book, &plan.apis, family.as_deref())?;
    let found = match &plan.slo {
        Some(slo) => Some(capacity(&plan.traffic, &profile, plan.machine.serving, slo)?),
        None => None,
    };
    let (outcome, tried) = outcome(plan, &profile, found.as_ref())?;
    let apis = beside(&plan.traffic, &entries, day, outcome.bill.per_token);
    let report = PlanReport {
        schema: "mtok.plan/1",
        trace: plan.trace.clone(),
        left_out: plan.left_out,
        profile,
        capacity: found,
        tried,
        outcome,
        day,
        apis,
    };
    output::print(format, &plan_document(&report), &report)
}

/// The step times, and the family of the model that they are of, where that is known.
pub(super) fn profile(steps: &StepsFrom) -> Result<(Profile, Option<String>), Failure> {
    match steps {
        StepsFrom::Run(name) => {
            let run = runs::single(&Home::find()?.runs(), name)?;
            Ok((Profile::of_run(&run)?, run.header.model.family))
        }
        StepsFrom::File(path) => Ok((read(path)?, None)),
    }
}

fn read(path: &Path) -> Result<Profile, Failure> {
    let profile: Profile = serde_json::from_str(&input::read(path)?).map_err(|error| {
        let message = format!("`{}` is no profile: {error}", path.display());
        Failure::new(Fault::Input, message)
            .hint("`mtok runs profile RUN --out FILE` writes one; docs/PLAN.md shows the form")
    })?;
    profile.check()?;
    Ok(profile)
}

/// The entries that go by these names, each once: an id, a model's name, or a family.
fn entries<'a>(
    book: &'a Book,
    names: &[String],
    family: Option<&str>,
) -> Result<Vec<&'a Entry>, Failure> {
    let of_family = |name: &str| -> Vec<&Entry> {
        let is = |entry: &&Entry| entry.family.as_deref() == Some(name);
        book.entries().iter().filter(is).collect()
    };
    if names.is_empty() {
        return Ok(family.map(of_family).unwrap_or_default());
    }
    let mut all: Vec<&Entry> = Vec::new();
    for name in names {
        let mut found = of_family(name.trim());
        if found.is_empty() {
            found = book.find(name).map_err(|error| Failure::flag("--api", &error))?;
        }
        found.retain(|entry| all.iter().all(|other| other.id != entry.id));
        all.extend(found);
    }
    Ok(all)
}

/// What comes of it, and the sizes that were tried where the least was looked for.
fn outcome(
    plan: &Plan,
    profile: &Profile,
    capacity: Option<&Capacity>,
) -> Result<(Outcome, Vec<Tried>), Failure> {
    let at_capacity = || capacity.map(|one| one.in_flight_at(SCALED_SHARE));
    let size = match plan.sizing {
        Sizing::Fixed(nodes) => Size::Fixed { nodes },
        Sizing::Fewest(_) => Size::Fixed { nodes: 1 },
        Sizing::Scaled { most, in_flight } => {
            // `checked` has seen to it that one of the two is there.
            let in_flight = in_flight.or_else(at_capacity).unwrap_or(1);
            Size::Scaled(Scaling::between(1, most, in_flight))
        }
    };
    let Plan { router, node, seed, .. } = *plan;
    let fleet = Fleet { serving: plan.machine.serving, router, node, size, seed };
    let task = Task {
        traffic: &plan.traffic,
        profile,
        fleet: &fleet,
        slo: plan.slo.as_ref(),
        capacity,
        window: plan.window,
    };
    if let Sizing::Fewest(most) = plan.sizing {
        let least = task.least(most)?;
        return Ok((least.outcome, least.tried));
    }
    Ok((task.simulate()?, Vec::new()))
}
