//! Writes that end only when all is written.

use super::filter::wait_for;
use nix::errno::Errno;
use nix::poll::PollFlags;
use std::os::fd::BorrowedFd;

/// Writes all, whatever interrupts, and waits for room even where the descriptor's flags say not to.
///
/// # Errors
/// As write(2).
pub fn write_all(output: BorrowedFd<'_>, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match nix::unistd::write(output, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait_for(output, PollFlags::POLLOUT),
            Err(reason) => return Err(reason),
        }
    }
    Ok(())
}
