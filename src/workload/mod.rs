//! Workloads: a plan as a pure function of a seed.
