//! Whether the machine gave what it has.

use crate::record::Run;
use crate::summary::doubt::Doubt;
use crate::summary::telemetry::TelemetrySummary;

/// A GPU whose clocks were held down, or fell, for more than this share of the time is not what it
/// could be.
const HELD: f64 = 0.05;

/// Clocks that were held down or fell. GPUs that stood by while the CPU worked don't count; those of
/// a server elsewhere are not in the record.
pub(super) fn clocks(run: &Run, machine: &TelemetrySummary) -> Vec<Doubt> {
    if run.header.host.gpu.is_none() {
        return Vec::new();
    }
    let mut doubts = Vec::new();
    for gpu in &machine.gpus {
        let over = |share: &crate::units::Ratio| share.get() > HELD;
        if let Some(share) = gpu.throttled.filter(over) {
            doubts.push(Doubt::Throttled { gpu: gpu.index, share });
        } else if let Some(share) = gpu.clock_fell.filter(over) {
            doubts.push(Doubt::ClockFell { gpu: gpu.index, share });
        }
    }
    doubts
}
