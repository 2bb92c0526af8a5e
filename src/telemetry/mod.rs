//! What the machine says of itself while it works: NVML, CPU time, RAPL.
