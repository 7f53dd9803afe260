//! Supervision under faults: whatever is killed, filled up, removed, set back or flooded, there is never a second copy of a
//! service, never one without a supervisor, every line is in the log, and the state is right again within seconds. What the
//! reference does likewise is shown on it first, and where it does otherwise, that.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the ground is part of the tests")]

mod clock;
mod ends;
mod every_call;
mod flood;
mod full_disk;
mod keeper;
mod log;
mod many;
mod place;
mod process;
mod random_kills;
mod removed;
mod restarts;
mod roles;
mod service;
mod status;
mod suite;
#[path = "../support/mod.rs"]
mod support;
mod tracer;
mod tree;
