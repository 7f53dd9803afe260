//! svc, svok, svup, svstat and svwait: beside daemontools' svc, svok and svstat, and each by itself, on service directories
//! whose supervise a test plays, and on those of real ones: daemontools', runit's, s6's. Where ours differs from the reference
//! on purpose, both outcomes are stated. Not compared by running: daemontools-encore, which no distribution at hand has.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what starts the programs is part of the tests")]

#[path = "../support/mod.rs"]
mod support;

mod driving;
mod foreign;
mod ground;
mod json;
mod own;
mod run;
mod service;
mod status;
mod supervised;
mod svc_bytes;
mod svc_check;
mod svc_full;
mod svc_log;
mod svc_long;
mod svc_messages;
mod svc_remove;
mod svc_wait;
mod svok;
mod svstat_encore;
mod svstat_json;
mod svstat_left;
mod svstat_lines;
mod svstat_logs;
mod svstat_quiet;
mod svstat_table;
mod svstat_watch;
mod svup;
mod svwait;
mod svwait_absent;
mod svwait_events;
mod svwait_flood;
mod svwait_several;
