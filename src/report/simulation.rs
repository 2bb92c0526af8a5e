//! What `mtok runs simulate` prints: latencies of runs beside those of their simulation.
//!
//! Invariant: what the simulation can't know of (a prefix cache's hits) is said in the first lines.

use super::figure::{NOTHING, share, significant, thousands, time};
use super::plan::doubts;
use super::{Document, Table};
use crate::plan::{Point, Profile, Replayed, Serving};
use crate::units::Ratio;
use serde::Serialize;

/// As near as a simulation is to be: within a tenth.
const NEAR: Ratio = Ratio::percent(10.0);

/// Above this share of prompt tokens read from a cache, the simulation computes more than the target did.
const SHARED: Ratio = Ratio::percent(1.0);

/// Runs beside their simulation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimulationReport {
    /// The form of this document: `mtok.simulation/1`.
    pub schema: &'static str,
    /// The runs' names.
    pub runs: Vec<String>,
    /// What the engine was taken to be allowed.
    pub serving: Serving,
    /// What was compared.
    #[serde(flatten)]
    pub replayed: Replayed,
}

/// The comparison in words and a table.
pub fn simulation_document(report: &SimulationReport) -> Document {
    let SimulationReport { runs, replayed, .. } = report;
    let mut document = Document::default();
    let requests: Vec<String> = replayed.requests.iter().copied().map(thousands).collect();
    let mut lines = vec![format!("{} measured, {} requests", runs.join(", "), requests.join(", "))];
    let Profile { name, source, .. } = &replayed.profile;
    lines.push(format!("step times: {name}, {source}{}", doubts(&replayed.profile)));
    if let Some(cached) = replayed.cached.filter(|cached| *cached > SHARED) {
        let cached = share(Some(cached));
        lines.push(format!(
            "{cached} of the prompts was read from a cache, and the simulation computes all of it"
        ));
    }
    document.words(lines.join("\n"));
    document.table(points(replayed));
    let busy = replayed.busy.iter().map(|busy| significant(busy.get(), 3));
    let busy = busy.collect::<Vec<_>>().join(", ");
    if !busy.is_empty() {
        document.words(format!("time in steps, simulated over measured: {busy}"));
    }
    document
}

fn points(replayed: &Replayed) -> Table {
    let columns = ["", "simulated", "measured", "of each run", "off", "within 10 % or spread"];
    let mut table = Table::new("Latencies of the requests due in the measured time", &columns);
    for point in &replayed.points {
        let each = point.measured.iter().copied().map(time);
        table.row([
            format!("{} {}", point.latency, point.percentile),
            time(point.simulated),
            time(point.mean),
            each.collect::<Vec<_>>().join(", "),
            off(point),
            match point.holds(NEAR) {
                Some(true) => "yes",
                Some(false) => "no",
                None => NOTHING,
            }
            .to_owned(),
        ]);
    }
    table
}

/// How far the simulation is off, with its sign.
fn off(point: &Point) -> String {
    point.off.map_or_else(|| NOTHING.to_owned(), |off| format!("{:+.1} %", off.get() * 100.0))
}
