//! supervise from outside: what it does with a service directory, with each command in each state, with each file
//! that asks for something. What daemontools does likewise is shown on the distribution's program first; and either's
//! tools drive either's supervise.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the ground is part of the tests")]

mod adoption;
mod bytes;
mod cases;
mod dismantled;
mod elsewhere;
mod failures;
mod group;
#[path = "../support/hostile.rs"]
mod hostile;
mod in_scripts;
mod info;
mod inherits;
mod interop;
mod interop_sv;
mod kept;
#[path = "../support/launch.rs"]
mod launch;
mod lines;
mod notify;
mod orphans;
mod places;
#[path = "../support/probe.rs"]
mod probe;
mod random;
mod readiness;
mod recorder;
#[path = "../support/report.rs"]
mod report;
mod scripts;
mod sequences;
mod service;
mod signals;
mod startup;
mod status;
mod stopping;
mod strays;
mod suite;
mod supervised;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod timing;
mod unforkable;
mod unstartable;
mod waiting;
