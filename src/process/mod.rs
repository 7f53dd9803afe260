//! This process and others: which they are, what they were started with, and what becomes of signals meanwhile.

pub mod beside;
pub mod deadly_writes;
pub mod inherited_signals;
pub mod life;
pub mod process_id;
pub mod search;
pub mod signal_names;
pub mod start;
pub mod table;
