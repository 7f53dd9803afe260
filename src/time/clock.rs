//! Clocks that nobody sets.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// Nanoseconds by a clock that stands still while the machine sleeps (CLOCK_MONOTONIC).
pub fn monotonic() -> u64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

/// Nanoseconds since the machine was started (CLOCK_BOOTTIME).
pub fn since_boot() -> u64 {
    nanoseconds(ClockId::CLOCK_BOOTTIME)
}

fn nanoseconds(clock: ClockId) -> u64 {
    // it fails only for a clock that does not exist
    clock_gettime(clock).map_or(0, |now| now.tv_sec() as u64 * SECOND + now.tv_nsec() as u64)
}
