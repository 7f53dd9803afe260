//! Time stamps: tai64n and tai64nlocal beside daemontools', and the stamps of multilog, read by a decoder of its own
//! (decode.rs) and by the system's `date`. Where ours differs from the reference on purpose, both outcomes are stated.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what starts the programs is part of the tests")]

#[path = "../support/mod.rs"]
mod support;

mod all_zones;
mod chain;
mod codes;
mod conversions;
mod decode;
mod labels;
mod local;
mod multilog;
mod options;
mod random;
mod run;
mod system_zone;
mod zones;
