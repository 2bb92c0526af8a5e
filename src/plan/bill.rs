//! What a course costs: every paid second on one line.
//!
//! ```text
//! input + output + idle + start-up + rounding = price × time billed
//! ```
//!
//! Invariant: the lines add up to the bill. A machine's share of its node's price is one over the
//! node's machines; a step of both kinds is split by `COST_MODEL.md`, section 3. Time that was spent on
//! requests that had to begin again is in input and output: it is paid like the rest, and the tokens
//! that they divide by are the delivered ones. Guarded by `tests::bill`.

use super::fleet::{Course, Fleet};
use super::tick::Tick;
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens, Usd, UsdPerHour, UsdPerMtok};
use serde::Serialize;

/// What a course costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bill {
    /// All of it.
    pub total: Usd,
    /// Reading prompts.
    pub input: Usd,
    /// Writing tokens.
    pub output: Usd,
    /// Machines that were ready and had nothing to do.
    pub idle: Usd,
    /// Nodes that were paid and not ready yet.
    pub start_up: Usd,
    /// What billing in whole minutes or hours adds.
    pub rounding: Usd,
    /// Nodes times the time for which they were paid.
    pub node_time: Seconds,
    /// The whole bill over all delivered tokens, of prompts and of output; `None`: there were none.
    pub per_token: Option<UsdPerMtok>,
    /// Of a token of a prompt, cached or not: input's share of the whole bill, by busy time.
    pub per_input_token: Option<UsdPerMtok>,
    /// Of a token of output.
    pub per_output_token: Option<UsdPerMtok>,
}

/// Tokens that were delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Delivered {
    /// Of prompts.
    pub input: Tokens,
    /// Of these, out of the prefix cache.
    pub cached: Tokens,
    /// Of output.
    pub output: Tokens,
}

impl Bill {
    pub(super) fn of(course: &Course, fleet: &Fleet, delivered: Delivered) -> Self {
        let price = fleet.node.price;
        let sum = |of: &dyn Fn(&super::node::Rented) -> Tick| {
            course.nodes.iter().map(of).sum::<Tick>().seconds()
        };
        let node_time = sum(&|node| node.paid(course.end));
        let starting = sum(&|node| node.starting(course.end));
        let billed =
            |node: &super::node::Rented| fleet.node.grain.billed(node.paid(course.end).seconds());
        let billed: Seconds = course.nodes.iter().map(billed).sum();
        let each =
            |busy: Tick| price * Seconds(busy.seconds().0 / f64::from(fleet.node.machines.max(1)));
        let prefill = each(course.used.prefill);
        let output = each(course.used.busy.since(course.used.prefill));
        let start_up = price * starting;
        let idle = Usd((price * node_time - start_up - prefill - output).0.max(0.0));
        let total = price * billed;
        let per = |part: Usd, tokens: Tokens| (tokens > Tokens(0)).then(|| part / tokens);
        let busy = prefill + output;
        let share = |part: Usd| {
            if busy > Usd(0.0) { total * (part / busy) } else { Usd(0.0) }
        };
        Self {
            total,
            input: prefill,
            output,
            idle,
            start_up,
            rounding: total - price * node_time,
            node_time,
            per_token: per(total, delivered.input + delivered.output),
            per_input_token: per(share(prefill), delivered.input),
            per_output_token: per(share(output), delivered.output),
        }
    }
}

/// What a part of the time costs, without start-up before the traffic and without rounding.
pub(super) fn within(course: &Course, price: UsdPerHour, from: Tick, to: Tick) -> (Seconds, Usd) {
    let paid = course.nodes.iter().map(|node| node.paid_within(from, to, course.end));
    let paid = paid.sum::<Tick>().seconds();
    (paid, price * paid)
}

/// A rate over what so many machines could do; `None` where they could do nothing.
pub(super) fn load(
    rate: RequestsPerSecond,
    capacity: RequestsPerSecond,
    machines: Ratio,
) -> Option<Ratio> {
    let most = capacity * machines;
    (most.0 > 0.0).then(|| rate / most).filter(|load| load.get().is_finite())
}
