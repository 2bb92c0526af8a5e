//! The forward pass, the sampler and the stop rules.
