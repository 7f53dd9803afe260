//! Closing several descriptors, now or at the next exec.

use super::descriptor::is_owned;
use nix::errno::Errno;
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};

/// Closes an inherited descriptor, or one that has been given away to the programs to come. One that has an owner here stays
/// open.
pub fn close_unowned(number: RawFd) {
    if is_owned(number) == Some(false) {
        // SAFETY: nobody here owns it.
        unsafe { libc::close(number) };
    }
}

/// Has an exec close all descriptors from `first` on.
///
/// # Errors
/// As close_range(2), CLOSE_RANGE_CLOEXEC; EINVAL before Linux 5.11.
pub fn close_on_exec_from(first: RawFd) -> nix::Result<()> {
    // SAFETY: numbers; nothing is closed.
    let outcome = unsafe { libc::syscall(libc::SYS_close_range, first, RawFd::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(outcome).map(drop)
}

/// Has an exec close a descriptor.
///
/// # Errors
/// EBADF if it is not open.
pub fn close_on_exec(number: RawFd) -> nix::Result<()> {
    // SAFETY: F_SETFD takes any number; nothing is closed.
    Errno::result(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// Closes every descriptor from `first` on but those of `kept`, which is sorted.
///
/// # Safety
/// Whoever owns what is closed is never used again, nor dropped.
///
/// # Errors
/// As close_range(2), or where that is not to be had as readdir(3), of /proc/self/fd.
pub(super) unsafe fn close_from(first: RawFd, kept: &[RawFd]) -> nix::Result<()> {
    let mut next = first;
    for &number in kept.iter().filter(|&&number| number >= first) {
        if number > next {
            // SAFETY: the caller's promise.
            unsafe { close_range(next, number - 1)? };
        }
        next = number + 1;
    }
    // SAFETY: likewise.
    unsafe { close_range(next, RawFd::MAX) }
}

/// # Safety
/// As for [`close_from`].
unsafe fn close_range(first: RawFd, last: RawFd) -> nix::Result<()> {
    // SAFETY: the caller's promise.
    match Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }) {
        // a kernel before 5.9, or a filter that denies it, with whatever error: one by one, as far as there are any
        Err(reason) => {
            let listed = std::fs::read_dir("/proc/self/fd").map_err(|_| reason)?;
            let numbers = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
            let numbers: Vec<RawFd> = numbers.filter(|number| (first..=last).contains(number)).collect();
            for number in numbers {
                // SAFETY: as above.
                unsafe { libc::close(number) };
            }
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Descriptors a link has open for itself, closed together: neighbours, which is what fresh ones mostly are, cost one
/// system call for all of them.
#[derive(Default)]
pub struct Opened {
    run: Option<(RawFd, RawFd)>,
}

impl Opened {
    /// Takes the descriptor over and lends it back. Closes those before it unless it is their neighbour.
    pub fn keep(&mut self, descriptor: OwnedFd) -> BorrowedFd<'_> {
        let number = descriptor.into_raw_fd();
        match &mut self.run {
            Some((_, last)) if number == *last + 1 => *last = number,
            Some((first, _)) if number == *first - 1 => *first = number,
            _ => {
                self.close();
                self.run = Some((number, number));
            }
        }
        // SAFETY: open until `close`, which needs the borrow to have ended.
        unsafe { BorrowedFd::borrow_raw(number) }
    }

    /// How many are held.
    pub fn count(&self) -> usize {
        self.run.map_or(0, |(first, last)| (last - first + 1).unsigned_abs() as usize)
    }

    /// Closes all that are held.
    pub fn close(&mut self) {
        let Some((first, last)) = self.run.take() else { return };
        // SAFETY: every descriptor of the run was handed over by its owner.
        unsafe {
            if first == last || libc::syscall(libc::SYS_close_range, first, last, 0) != 0 {
                // one, or no such call here
                for number in first..=last {
                    libc::close(number);
                }
            }
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.close();
    }
}
