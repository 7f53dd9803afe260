//! The numbers of descriptors: which are in use, and which are to be left to others.

use crate::number::decimal_in;
use crate::sys::closing::{self, close_unowned};
use crate::sys::descriptor::{STDERR, STDIN, STDOUT, copy_from, is_open, leave_open, limit};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Makes sure that no file opened from here on gets the number of standard input, output or error, which others use. The
/// programs to come find those closed as they were.
pub fn occupy_standard() {
    for number in [STDIN, STDOUT, STDERR].map(|descriptor| descriptor.as_raw_fd()) {
        if !is_open(number) {
            // the lowest free number is this one
            let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
            let null = open(c"/dev/null", flags, Mode::empty());
            // where there is none: what nobody can write to
            let null = null.or_else(|_| open(c"/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()));
            if let Ok(null) = null {
                leave_open(null);
            }
        }
    }
}

/// A copy of `of` with close-on-exec, at the highest number that is free, below 1024 if it can be: the numbers that the
/// next to open something gets are what they would be without it. Never at `taken`, for which somebody has a use.
pub fn copy_out_of_the_way(of: BorrowedFd<'_>, taken: Option<RawFd>) -> nix::Result<OwnedFd> {
    const HIGHEST: RawFd = 1023;
    let highest = RawFd::try_from(limit()?).map_or(HIGHEST, |limit| HIGHEST.min(limit - 1));
    for lowest in (4..=highest).rev().filter(|&number| Some(number) != taken) {
        match copy_from(of, lowest) {
            Err(Errno::EMFILE) => {}
            // the next free one is higher
            Ok(copy) if Some(copy.as_raw_fd()) == taken => {}
            outcome => return outcome,
        }
    }
    copy_from(of, 3)
}

/// The descriptor itself, or in its place a copy, if its number is below `lowest`. Close-on-exec.
pub fn at_least(descriptor: OwnedFd, lowest: RawFd) -> nix::Result<OwnedFd> {
    if descriptor.as_raw_fd() >= lowest { Ok(descriptor) } else { copy_from(descriptor.as_fd(), lowest) }
}

/// The descriptors that are open, from `first` on, in their order.
///
/// # Errors
/// As readdir(3), of /proc/self/fd.
pub fn open_from(first: RawFd) -> std::io::Result<Vec<RawFd>> {
    let listed = std::fs::read_dir("/proc/self/fd")?;
    let numbers = listed.filter_map(|entry| decimal_in(entry.ok()?.file_name().as_encoded_bytes()));
    // the one that lists them is closed by now
    let mut numbers: Vec<RawFd> = numbers.filter(|&number| number >= first).collect();
    numbers.retain(|&number| is_open(number));
    numbers.sort_unstable();
    Ok(numbers)
}

/// Closes every descriptor from `first` on that this program was started with, but those of `kept`.
///
/// # Errors
/// As fcntl(2), F_DUPFD.
pub fn close_inherited_from(first: RawFd, kept: &[RawFd]) -> nix::Result<()> {
    /// Where /proc does not tell, numbers above are looked at no more: a limit may be as high as a thousand million.
    const MOST: u64 = 1 << 16;
    let numbers = match open_from(first) {
        Ok(numbers) => numbers,
        Err(_) => {
            let last = RawFd::try_from(limit()?.min(MOST)).unwrap_or(RawFd::MAX);
            let last = kept.iter().copied().fold(last.max(first), RawFd::max);
            // what is above, from a time of higher limits, the next exec closes
            let _ = closing::close_on_exec_from(last.saturating_add(1));
            (first..=last).collect()
        }
    };
    numbers.into_iter().filter(|number| !kept.contains(number)).for_each(close_unowned);
    Ok(())
}

/// Has an exec close all descriptors from `first` on.
///
/// # Errors
/// As readdir(3), of /proc/self/fd, where there is no close_range(2) for that.
pub fn close_on_exec_from(first: RawFd) -> std::io::Result<()> {
    if closing::close_on_exec_from(first).is_err() {
        for number in open_from(first)? {
            let _ = closing::close_on_exec(number);
        }
    }
    Ok(())
}
