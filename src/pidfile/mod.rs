//! Pid files: what their text says, who holds them, and how a process makes one its own.
//!
//! A pid file is a claim, and what makes it true is the lock on it. A POSIX record lock lives exactly as long as the
//! process that took it, a child does not keep it, and the kernel tells the holder's pid: so stale text, a pid used
//! again and descriptors that leaked to helpers mislead nobody.

pub mod claim;
pub mod holder;
pub mod replacing;
mod takeover;
pub mod text;
