//! The cost model: money out of rates, purely.
