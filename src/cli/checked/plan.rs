//! What is to be planned: traffic, a machine, a fleet.

use super::content::{time, trace};
use super::{Failure, grain, optional, optional_day, value};
use crate::cli::raw::{FleetKind, RawFleet, RawMachine, RawPlan, RawTraffic, RouterKind};
use crate::cost::Slo;
use crate::hint::Fault;
use crate::plan::{Node, PerHour, Router, Serving, Traffic};
use crate::units::{Ratio, Seconds, Tokens, UsdPerHour};
use jiff::civil::Date;
use std::path::PathBuf;

/// The length of a window where nothing is said: of a trace, and of a day that was made of one.
const WINDOW: Seconds = Seconds(300.0);
const WINDOW_OF_A_DAY: Seconds = Seconds(3_600.0);

/// A larger fleet than this is not looked for.
const NODES_MAX: u32 = 4_096;

/// What is to be planned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// What the trace is called.
    pub(crate) trace: String,
    /// Requests of it that were left out.
    pub(crate) left_out: u32,
    /// What is asked for.
    pub(crate) traffic: Traffic,
    /// What serves it.
    pub(crate) machine: Machine,
    /// How requests are shared out.
    pub(crate) router: Router,
    /// What is rented.
    pub(crate) node: Node,
    /// How many of it.
    pub(crate) sizing: Sizing,
    /// What latencies shall keep to.
    pub(crate) slo: Option<Slo>,
    /// How long a window is.
    pub(crate) window: Seconds,
    /// What chance is drawn from.
    pub(crate) seed: u64,
    /// The APIs beside it, by name.
    pub(crate) apis: Vec<String>,
    /// The day of their prices; `None`: today.
    pub(crate) as_of: Option<Date>,
}

/// One copy of the model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Machine {
    /// Where step times come from.
    pub(crate) steps: StepsFrom,
    /// What it may use.
    pub(crate) serving: Serving,
}

/// Where step times come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepsFrom {
    /// A file.
    File(PathBuf),
    /// A run.
    Run(String),
}

/// How many nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizing {
    /// So many.
    Fixed(u32),
    /// The fewest that keep to the objectives, at most so many.
    Fewest(u32),
    /// As many as requests need.
    Scaled {
        /// The most.
        most: u32,
        /// Requests in flight that a machine is to have; `None`: by its capacity.
        in_flight: Option<u32>,
    },
}

impl TryFrom<RawPlan> for Plan {
    type Error = Failure;

    fn try_from(raw: RawPlan) -> Result<Self, Failure> {
        let slo = optional("--slo", raw.slo.as_deref())?;
        let node = node(&raw.fleet)?;
        let sizing = sizing(&raw.fleet, &node, slo.is_some())?;
        let (name, left_out, traffic) = traffic(&raw.traffic)?;
        let usual = if traffic.made_up().is_some() { WINDOW_OF_A_DAY } else { WINDOW };
        let window = raw.window.as_deref().map(|text| time("--window", text)).transpose()?;
        let router = match raw.fleet.router {
            RouterKind::LeastLoaded => Router::LeastLoaded,
            RouterKind::RoundRobin => Router::RoundRobin,
            RouterKind::PrefixAffinity => Router::PrefixAffinity,
        };
        Ok(Self {
            trace: name,
            left_out,
            traffic,
            machine: raw.machine.try_into()?,
            router,
            node,
            sizing,
            slo,
            window: window.unwrap_or(usual),
            seed: raw.seed,
            apis: raw.api,
            as_of: optional_day("--as-of", raw.as_of.as_deref())?,
        })
    }
}

impl TryFrom<RawMachine> for Machine {
    type Error = Failure;

    fn try_from(raw: RawMachine) -> Result<Self, Failure> {
        Ok(Self { serving: serving(&raw)?, steps: steps(raw)? })
    }
}

fn traffic(raw: &RawTraffic) -> Result<(String, u32, Traffic), Failure> {
    let (name, trace) = trace(&raw.trace, &raw.cut)?;
    let traffic = Traffic::of_trace(&trace)?;
    let traffic = match raw.day_night.as_deref() {
        Some(text) => {
            let (swing, peak) = day_night(text)?;
            traffic.over_a_day(swing, peak).map_err(|error| Failure::flag("--day-night", &error))?
        }
        None => traffic,
    };
    Ok((name, trace.left_out(), traffic))
}

fn day_night(text: &str) -> Result<(Ratio, Seconds), Failure> {
    let Some((swing, peak)) = text.split_once('@') else {
        let message = format!("`--day-night`: `{text}` is not a swing and the time of the peak");
        return Err(Failure::new(Fault::Usage, message).hint("write it like `60%@14h`"));
    };
    Ok((value("--day-night", swing)?, value("--day-night", peak)?))
}

fn steps(raw: RawMachine) -> Result<StepsFrom, Failure> {
    match (raw.profile, raw.run) {
        (Some(file), None) => Ok(StepsFrom::File(file)),
        (None, Some(run)) => Ok(StepsFrom::Run(run)),
        // The flags' own rules let neither pass.
        _ => Err(Failure::new(Fault::Usage, "one of `--profile` and `--run` is needed")),
    }
}

fn serving(raw: &RawMachine) -> Result<Serving, Failure> {
    let kv: Tokens = value("--kv-tokens", &raw.kv_tokens)?;
    let serving = Serving {
        sequences_max: raw.max_sequences,
        step_tokens_max: raw.step_tokens,
        chunk_max: raw.step_tokens,
        prefix_cache: !raw.no_prefix_cache,
        ..Serving::with_room_for(kv)
    };
    serving.check()?;
    Ok(serving)
}

fn node(raw: &RawFleet) -> Result<Node, Failure> {
    let price: UsdPerHour = value("--price", &raw.price)?;
    if price <= UsdPerHour(0.0) {
        return Err(Failure::new(Fault::Usage, "`--price`: a machine for nothing has no plan"));
    }
    let (gpus, of_node) = (raw.gpus.get(), raw.node_gpus.unwrap_or(raw.gpus).get());
    if of_node % gpus != 0 {
        let message =
            format!("`--node-gpus`: `{of_node}` GPUs are no whole number of machines of {gpus}");
        return Err(Failure::new(Fault::Usage, message).hint("`--gpus` says how many one has"));
    }
    let machines = of_node / gpus;
    Ok(Node {
        // A node costs what its machines cost.
        price: price * Ratio::of(f64::from(machines)),
        machines,
        start_up: optional("--start-up", raw.start_up.as_deref())?.unwrap_or(Seconds(0.0)),
        grain: raw.billing.map(grain).unwrap_or_default(),
        interruptions: raw.spot.as_deref().map(per_hour).transpose()?.unwrap_or_default(),
    })
}

fn sizing(raw: &RawFleet, node: &Node, judged: bool) -> Result<Sizing, Failure> {
    let stated = match raw.machines.as_str() {
        "auto" => None,
        text => match text.parse::<u32>() {
            Ok(machines) if machines > 0 => Some(node.nodes_for(machines)),
            _ => {
                let message = format!("`--machines`: `{text}` is no number of machines");
                return Err(
                    Failure::new(Fault::Usage, message).hint("write a number above 0, or `auto`")
                );
            }
        },
    };
    let in_flight = raw.in_flight.map(std::num::NonZero::get);
    if let Some(nodes) = stated.filter(|nodes| *nodes > NODES_MAX) {
        let message = format!("`--machines`: `{nodes}` nodes are more than {NODES_MAX}");
        return Err(Failure::new(Fault::Usage, message));
    }
    match (raw.fleet, stated) {
        (FleetKind::Fixed, _) if in_flight.is_some() => {
            let message = "`--in-flight` says nothing of a fleet that is always as large";
            Err(Failure::new(Fault::Usage, message).hint("add `--fleet autoscale`"))
        }
        (FleetKind::Fixed, Some(nodes)) => Ok(Sizing::Fixed(nodes)),
        (FleetKind::Fixed, None) if judged => Ok(Sizing::Fewest(NODES_MAX)),
        (FleetKind::Fixed, None) => {
            let message = "`--machines auto` looks for the fewest that keep to `--slo`, \
                           and there is none";
            Err(Failure::new(Fault::Usage, message)
                .hint("add `--slo 'ttft.p99<=2s'`, or say how many: `--machines 4`"))
        }
        (FleetKind::Autoscale, most) => {
            if !judged && in_flight.is_none() {
                let message = "`--fleet autoscale` scales by a machine's capacity, \
                               and without `--slo` it has none";
                return Err(Failure::new(Fault::Usage, message)
                    .hint("add `--slo 'ttft.p99<=2s'`, or say it: `--in-flight 32`"));
            }
            Ok(Sizing::Scaled { most: most.unwrap_or(NODES_MAX), in_flight })
        }
    }
}

fn per_hour(text: &str) -> Result<PerHour, Failure> {
    let number = text.trim().strip_suffix("/h").and_then(|number| number.trim().parse().ok());
    match number {
        Some(number) if (0.0..=PerHour::MOST.0).contains(&number) => Ok(PerHour(number)),
        _ => {
            let most = PerHour::MOST;
            let message = format!("`--spot`: `{text}` is no rate from 0/h to {most}");
            Err(Failure::new(Fault::Usage, message).hint("write it like `0.05/h`"))
        }
    }
}
