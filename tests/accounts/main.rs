//! Whose ids a name stands for: the static build reads the files and asks getent, the dynamic one asks the C library,
//! and both are to answer alike. Each test makes its own /etc, and most put a stand-in over getent that tells what it
//! was asked.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(target_pointer_width = "64")]
mod generated;
#[cfg(target_feature = "crt-static")]
mod getent;
mod local;
mod sandbox;
#[path = "../support/mod.rs"]
mod support;
