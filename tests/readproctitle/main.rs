//! readproctitle beside daemontools': which calls it takes, what it shows of what it reads, and where. What it shows is read
//! where ps reads it. Where ours differs from the reference on purpose, both outcomes are stated.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what starts the programs is part of the tests")]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod chain;
mod run;
mod window;
