//! Points in time, their TAI64N labels, and what a clock on the wall makes of them.

pub mod calendar;
pub mod local;
pub mod tai64n;
pub mod zone;

/// Nanoseconds of a second, as the monotonic clock counts them.
pub const SECOND: u64 = 1_000_000_000;
