//! When a process was started, in hundredths of a second since the machine was, and which start of the machine that is.

use super::table::start_of;
use crate::time::clock;
use nix::unistd::getpid;

/// What [`start_of`] gives for this process, which was started at `before` by [`start_now`] or a little later: that if there
/// was no time for more than the next hundredth of a second, as is mostly so, since to look into /proc costs a new process
/// more than all else it does.
pub fn own_start(before: u64) -> u64 {
    if start_now() <= before + 1 { before } else { start_of(getpid()).unwrap_or(before) }
}

/// What [`start_of`] gives for a process that is started now, but for a hundredth of a second more or less.
pub fn start_now() -> u64 {
    /// USER_HZ, in which all of them counts, is 100 wherever Rust runs.
    const HUNDREDTH: u64 = 10_000_000;
    clock::since_boot() / HUNDREDTH
}

/// Which start of the machine this is: no two have the same. 0 where /proc does not tell. Asked for once.
pub fn boot() -> u64 {
    static BOOT: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits = text.iter().filter_map(|&digit| char::from(digit).to_digit(16));
        digits.take(16).fold(0, |number, digit| number << 4 | u64::from(digit))
    })
}
