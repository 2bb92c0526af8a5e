//! A run's record while it is made.

use super::MeasureError;
use crate::clock::{Clock, LapClock, RunClock};
use crate::load::Journal;
use crate::record::{Event, Header, Outcome, Sweep};
use std::sync::Arc;

/// A run's record while it is made.
pub(super) struct Recording {
    pub(super) header: Header,
    pub(super) journal: Journal,
    pub(super) clock: Arc<LapClock<RunClock>>,
}

impl Recording {
    /// Writes the header anew, with what is known by now.
    pub(super) fn update(&self) -> Result<(), MeasureError> {
        Ok(self.journal.update(&self.header)?)
    }

    /// Notes the sweep that it belongs to, and says the sweep's name.
    pub(super) fn belongs_to(
        &mut self,
        sweep: Option<Sweep>,
    ) -> Result<Option<String>, MeasureError> {
        if self.header.sweep != sweep {
            self.header.sweep.clone_from(&sweep);
            self.update()?;
        }
        Ok(sweep.map(|sweep| sweep.name))
    }

    /// Ends the record. The driver notes how it ended; what failed outside of it is noted here.
    pub(super) fn close(self, failure: Option<&MeasureError>) -> Result<(), MeasureError> {
        if let Some(error) = failure
            && !matches!(error, MeasureError::Driver(_))
        {
            let outcome = Outcome::Failed(error.to_string());
            self.journal.writer().note(Event::End { at: self.clock.now(), outcome });
        }
        Ok(self.journal.close()?)
    }
}
