//! Workloads: a plan as a pure function of a seed.
//!
//! Invariant: the same seed gives the same plan, request by request, whatever is asked of it in
//! which order; only a request's number follows from those before it. Each kind of choice (when,
//! how long, which prefix, which text) has a stream of its own, so that changing one leaves the
//! others as they are: the same requests at another rate. Their text is another at every load, or
//! what one run leaves in a prefix cache would quicken the next. Guarded by `plan::tests`.
//!
//! Deliberately absent: clocks, sockets, tokenizers (whoever needs token ids hands in the function
//! that makes them), and files: datasets and traces are parsed from text that somebody else read.

mod arrive;
mod content;
pub mod dataset;
mod draw;
mod error;
mod mix;
mod plan;
pub mod preset;
mod prose;
mod recorded;
pub mod reuse;
mod session;
mod share;
pub mod spec;
pub mod trace;
mod words;

pub use content::{Cache, Content, Conversation, Level, Mix, Pair, Sizes, Text, Think, Turns};
pub use dataset::Dataset;
pub(crate) use draw::mixed;
pub use error::{DatasetError, SpecError, TraceError};
pub use plan::Plan;
pub use preset::Preset;
pub use prose::{Encode, Gauge, ids, ids_after, random_ids, text};
pub use reuse::{Keeping, Reused, Shelf, reuse};
pub use session::{Draft, Message, Segment, Session, Turn};
pub use trace::Trace;
