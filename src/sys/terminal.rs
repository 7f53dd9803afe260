//! Terminals.

use std::os::fd::{AsRawFd, BorrowedFd};

/// How many lines a terminal shows; `None` for what is none, or does not know.
pub fn height(terminal: BorrowedFd<'_>) -> Option<usize> {
    // SAFETY: all-zero is a valid record, which the kernel fills.
    unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        let is_known = libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) == 0 && size.ws_row > 0;
        is_known.then_some(size.ws_row.into())
    }
}
