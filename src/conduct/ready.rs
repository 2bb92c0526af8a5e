//! What a measurement needs of whatever answers, in this process or on a server.

use super::MeasureError;
use crate::clock::Clock;
use crate::load::Past;
use crate::record::reading::ServerReading;
use crate::record::reading::TelemetryInfo;
use crate::record::{Model, Peaks, Server};
use crate::target::{Request, Target};
use crate::telemetry::scrape::MetricsAt;
use crate::units::Tokens;
use crate::workload::{Plan, Turn};
use std::sync::Arc;

/// Tells how an engine stands.
pub(super) type Reading = Box<dyn Fn() -> Option<ServerReading> + Send>;

/// Something that answers, once it is opened.
pub(super) trait Ready: Sync {
    /// The model, as far as it is known before anything is opened.
    fn model(&self) -> Model;

    /// The server; `None`: this process answers.
    fn server(&self) -> Option<Server>;

    /// Whether a GPU of this machine computes, by what the machine says of itself.
    fn on_gpu(&self, telemetry: &TelemetryInfo) -> bool;

    /// Refuses what can't be served.
    ///
    /// # Errors
    /// Where the plan's longest request doesn't fit.
    fn check(&self, plan: &Plan) -> Result<(), MeasureError>;

    /// What the machine could reach at most, where that has to be probed. Asked before it is opened.
    ///
    /// # Errors
    /// Where the probe fails.
    fn probe(&self, _: &dyn Clock) -> Result<Option<Peaks>, MeasureError> {
        Ok(None)
    }

    /// Opens it: from now on there is a target. Called where there is none yet.
    ///
    /// # Errors
    /// Where it can't be loaded.
    fn open(&mut self, _: Arc<dyn Clock>) -> Result<(), MeasureError> {
        Ok(())
    }

    /// The target; `None` before it is opened.
    fn target(&self) -> Option<&dyn Target>;

    /// Tokens at the beginning of every prompt, the same in all, which any prefix cache has after the
    /// first: a chat template's.
    fn template(&self) -> Tokens {
        Tokens(0)
    }

    /// Where metrics are read beside a run.
    fn metrics(&self) -> Vec<MetricsAt> {
        Vec::new()
    }

    /// What tells how an engine in this process stands, once it is opened.
    fn reading(&self) -> Option<Reading> {
        None
    }

    /// A turn's request, after what was said before.
    fn request(&self, turn: &Turn, past: Option<Past>) -> Request;
}
