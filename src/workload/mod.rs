//! Workloads: a plan as a pure function of a seed.
//!
//! Invariant: the same seed gives the same plan, request by request, whatever is asked of it in
//! which order. Deliberately absent: clocks, sockets, tokenizers (whoever needs token ids hands in
//! the function that makes them).

mod plan;
mod prose;
mod session;

pub use plan::Plan;
pub use prose::{Encode, prompt};
pub use session::{Draft, Message, Segment, Session, Turn};
