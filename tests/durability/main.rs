//! Durability: what multilog has been given is in its directory, whatever becomes of it: killed at any moment and at any
//! system call, with a full disk, asked to end at any point, with a processor that fails. What the reference does likewise is
//! shown on it first.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the ground is part of the tests")]

mod directory;
mod disk;
mod every_call;
mod full_disk;
mod inputs;
mod latency;
mod leftovers;
mod lines;
mod logger;
mod missing;
mod processor;
mod processor_failing;
mod processor_late;
mod program;
mod prune;
mod random_kills;
mod removed;
mod signals;
mod signals_at_start;
mod slow;
#[path = "../support/mod.rs"]
mod support;
mod term;
mod troubles;
mod unfinished;
