//! What multilog does with lines, compared with daemontools' multilog: every expectation is proven on the reference, where
//! that is installed, and where ours differs on purpose the case has both outcomes and the reason.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the ground is part of the tests")]

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod additions;
mod case;
mod descriptors;
mod directory;
mod generator;
mod ground;
mod handover;
mod input;
mod links;
mod model;
mod planted;
mod rotating;
mod running;
mod streams;
mod table;
mod unheard;
