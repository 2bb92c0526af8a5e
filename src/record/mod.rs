//! The run record: plain data that the measuring leg writes and the judging leg reads.
//!
//! Invariant: a record holds what was seen, in the order in which it was seen, and no price. A
//! [`Header`] says what ran on what; a journal of [`Event`]s says what happened. Everything else
//! (rates, intervals, dollars) is derived from them and can be derived again on another machine.
//! [`attempts`] are the same of tasks that were tried: a verdict and the billed tokens of each.
//!
//! Deliberately absent: files, clocks, prices.

pub mod attempts;
#[cfg(test)]
pub(crate) mod builder;
mod event;
mod header;
mod moment;
mod parse;
pub mod reading;
mod run;
mod workload;

pub use event::{
    Event, Failure, FailureKind, Finish, Outcome, Phase, RequestId, Step, Turn, Usage,
};
pub use header::{Header, Host, Model, Peaks, Server, Shape, Sweep};
pub use moment::{Moment, Span};
pub use parse::{RecordError, parse, parse_header};
pub use run::{Done, Request, Run};
pub use workload::{Arrivals, Lengths, Level, Workload};
