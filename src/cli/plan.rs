//! `mtok plan`: machines, load and dollars for real traffic.

use super::checked::{Plan, Sizing, StepsFrom};
use super::failure::Failure;
use super::home::Home;
use super::raw::Format;
use super::{books, input, output, runs};
use crate::clock::today;
use crate::hardware::Nodes;
use crate::hint::Fault;
use crate::plan::{
    Capacity, Fleet, Outcome, Profile, Scaling, Size, Task, Tried, beside, capacity,
};
use crate::prices::Book;
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
    let entries = if plan.apis.is_empty() {
        family.map(|family| books::of_family(&book, &family)).unwrap_or_default()
    } else {
        books::entries(&book, &plan.apis)?
    };
    let found = match &plan.slo {
        Some(slo) => Some(capacity(&plan.traffic, &profile, plan.machine.serving, slo)?),
        None => None,
    };
    let (outcome, tried, nodes) = outcome(plan, &profile, found.as_ref())?;
    let apis = beside(&plan.traffic, &entries, day, outcome.bill.per_token);
    let report = PlanReport {
        schema: "mtok.plan/1",
        trace: plan.trace.clone(),
        left_out: plan.left_out,
        profile,
        capacity: found,
        tried,
        nodes,
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

/// What comes of it, the sizes that were tried where the least was looked for, and what is rented where
/// the provider's sizes are known.
fn outcome(
    plan: &Plan,
    profile: &Profile,
    capacity: Option<&Capacity>,
) -> Result<(Outcome, Vec<Tried>, Option<Nodes>), Failure> {
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
    let task = |fleet| Task {
        traffic: &plan.traffic,
        profile,
        fleet,
        slo: plan.slo.as_ref(),
        capacity,
        window: plan.window,
    };
    let (outcome, tried) = match plan.sizing {
        Sizing::Fewest(most) => {
            let least = task(&fleet).least(most)?;
            (least.outcome, least.tried)
        }
        _ => (task(&fleet).simulate()?, Vec::new()),
    };
    let (Some(of), Size::Fixed { nodes }) = (&plan.sizes, outcome.fleet.size) else {
        return Ok((outcome, tried, None));
    };
    // How many are needed is known now, and so what they pay for beside themselves.
    let rented = node.in_nodes(nodes, of.gpus, &of.sizes);
    let (node, rented) = rented.map_err(|error| Failure::flag("--node-sizes", &error))?;
    let paid = Fleet { node, size: outcome.fleet.size, ..fleet };
    Ok((task(&paid).simulate()?, tried, Some(rented)))
}
