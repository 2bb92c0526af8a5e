//! What a download tells whoever is watching, and how a watcher stops it.
//!
//! No bar is drawn here: a shell draws, a test counts, a server logs, all from the same events.

use super::Failure;
use crate::units::Bytes;
use std::ops::ControlFlow;

/// What is being done to the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bytes come over the network.
    Downloading,
    /// Parts are unpacked and joined.
    Assembling,
    /// The file is read back and its checksum taken.
    Verifying,
}

/// Something to tell.
#[derive(Debug)]
pub enum Event<'a> {
    /// Another process is fetching the same file; this one waits for it.
    Waiting,
    /// A source is about to be asked.
    Trying {
        /// Its name, for people.
        source: &'a str,
    },
    /// A source failed; the next one follows, if there is one.
    Failed {
        /// Which, and why.
        failure: &'a Failure,
    },
    /// So far.
    Progress {
        /// What is being done.
        stage: Stage,
        /// Bytes done in this stage, those of an earlier, interrupted run included.
        done: Bytes,
        /// Bytes that this stage will come to, where known.
        total: Option<Bytes>,
    },
}

/// Somebody who watches a download. [`ControlFlow::Break`] stops it; what has come stays and is
/// resumed next time.
pub trait Watch {
    /// Called at every event, for progress many times a second.
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(Event<'_>) -> ControlFlow<()>> Watch for F {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        self(event)
    }
}
