//! The HTTP target against a server that is told what to send, byte by byte: what is counted, what is
//! a failure and of which kind, and that every request ends once.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to stop")]

#[path = "http_target/failures.rs"]
mod failures;
#[path = "http_target/hail.rs"]
mod hail;
#[path = "http_target/open.rs"]
mod open;
#[path = "http_target/rig.rs"]
mod rig;
#[path = "http_target/server.rs"]
mod server;
#[path = "http_target/streams.rs"]
mod streams;
#[path = "http_target/tls.rs"]
mod tls;
#[path = "http_target/wire.rs"]
mod wire;
