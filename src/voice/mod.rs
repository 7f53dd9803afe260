//! What catena says, and what it exits with: one writer to standard error, one speller of reasons, one list of codes.

pub mod dialect;
pub mod exit;
pub mod failure;
pub mod foreign;
pub mod ignored;
pub mod line;
pub mod once_a_minute;
pub mod out_of_memory;
pub mod reason;
pub mod speaker;
