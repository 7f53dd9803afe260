//! install.sh: what it puts where, what it leaves alone, and that it takes all of it away again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod builds;
mod lifetime;
mod names;
mod placing;
mod stage;
mod strange;
#[path = "../support/mod.rs"]
mod support;
