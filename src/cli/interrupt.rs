//! Ctrl-C: once to stop and keep what there is, twice to leave at once.
//!
//! A process has one handler for its signals, so this is the one flag that is global.

use super::failure::Failure;
use crate::hint::Fault;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// A flag that Ctrl-C (and SIGTERM) sets.
pub(crate) fn flag() -> Result<&'static AtomicBool, Failure> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Fault::Interrupted.code()));
        }
        eprintln!("stopping; what was measured is kept (again to leave at once)");
    })
    .map_err(|error| Failure::new(Fault::Internal, format!("no handler for Ctrl-C: {error}")))?;
    Ok(&STOP)
}
