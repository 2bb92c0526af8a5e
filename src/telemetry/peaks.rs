//! A CPU's peaks.
