//! Daemons: a start with daemonize says the truth. Its exit code and its one line on standard error tell what has become of
//! the whole chain, and a start that failed leaves nothing behind.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the ground is part of the tests")]

mod blocked;
mod failing;
mod failures;
mod files;
mod ground;
mod hidden;
mod late;
mod logs;
mod newline;
mod notify;
mod options;
mod orphaned;
mod pidfile_account;
mod pidfile_claim;
mod pidfile_failures;
mod pidfile_ground;
mod pidfile_instants;
mod pidfile_lockfile;
mod pidfile_options;
mod pidfiles;
mod planted;
mod races;
mod run;
mod settle;
#[path = "../support/mod.rs"]
mod support;
mod takeover;
