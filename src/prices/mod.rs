//! What APIs charge: the dated, sourced price book.
//!
//! Invariant: every price is an exact decimal with a source and a day, or the book doesn't load.
//! Nothing is averaged between books: where two disagree an entry carries both. Guarded by `book`'s
//! tests, and against the snapshots themselves by `tests/books.rs` and `tests/price_books.rs`.
//!
//! Missing is not zero: without a price for cached input, cached tokens cost the input price.
//! Deliberately absent: today's date, which is passed in, and what a run cost, which is `cost`.

mod age;
pub mod billing;
mod book;
mod check;
mod comparable;
mod diff;
pub mod difference;
mod entry;
mod error;
pub mod export;
mod file;
mod hours;
pub mod import;
mod merge;
mod mix;
mod rates;
pub mod reconcile;
mod schedule;
mod tariff;
mod terms;

pub use age::{STALE_AFTER_DAYS, is_stale};
pub use billing::{Bill, BillError, Request, Usage, bill, bill_as_of};
pub use book::Book;
pub use check::{EntryFault, PRICE_MAX};
pub use diff::{Change, Changed, Diff, Place, What, listed, prices};
pub use difference::{Effects, Period, difference};
pub use entry::{Ending, Entry, Figures, Kind, OtherSource, Size};
pub use error::PriceError;
pub use export::{Export, ExportError, Metered};
pub use hours::{Hours, Window};
pub use merge::{Merged, merge};
pub use mix::Mix;
pub use rates::{Rates, TokenKind};
pub use reconcile::{Priced, Reconciliation, reconcile};
pub use schedule::{Band, Schedule, Tier, Tiering};
pub use tariff::{Service, Source, Tariff, Variant};
pub use terms::{Direction, Percent, Rounding, Terms};
