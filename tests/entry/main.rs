//! How catena starts: what it is called as, what a set-user-id launcher hands to it, and what a filter on system calls
//! takes away from it.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the ground is part of the tests")]

mod denied;
mod launch;
mod names;
mod secure;
#[path = "../support/mod.rs"]
mod support;
