//! Faults planted in the kernels, each of which must be found.
