//! svscan and svscanboot: which services run, what they are given, how they end together, and what becomes of
//! them when svscan is killed. What is daemontools' behaviour is shown on the reference first, where that is installed; where
//! ours differs on purpose the test has both outcomes.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the ground is part of the tests")]

mod all_at_once;
mod boot;
mod changes;
mod claim;
mod first;
mod ground;
mod lines;
mod orphans;
mod processes;
mod removal;
mod removal_by_svc;
mod restarts;
mod scanning;
mod shutdown;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod takeover;
mod tree;
mod voice;
mod waits;
mod warden;
mod warnings;
