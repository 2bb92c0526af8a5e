//! From raw samples to rates and latencies with intervals, purely.

pub mod telemetry;
