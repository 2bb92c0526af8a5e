//! The driver that sends a plan to a target and journals what comes back.
