//! The truth about a start: a pipe from a process that a link has forked to the parent that waits to exit with the right
//! code. It is close-on-exec, so an exec that succeeds ends it without a word, and a chain that fails writes its code.

use crate::sys::descriptor::{self, uninterrupted};
use nix::fcntl::OFlag;
use std::os::fd::{AsFd, OwnedFd};

/// The end of the process that goes on.
pub struct Status {
    pipe: OwnedFd,
}

/// The end of the parent that waits.
pub struct Waiting {
    pipe: OwnedFd,
}

/// Both ends.
///
/// # Errors
/// As pipe2(2).
pub fn pipe() -> nix::Result<(Waiting, Status)> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    // where 1 or 2 was closed, what is said there must not be taken for a code
    let write = descriptor::copy_from(write.as_fd(), 3)?;
    Ok((Waiting { pipe: read }, Status { pipe: write }))
}

impl Status {
    /// Tells the parent that the chain ends with `code`. The message has been written already: both have one
    /// descriptor 2.
    pub fn failed(&self, code: u8) {
        // a parent that is gone needs no answer
        let _ = uninterrupted(|| nix::unistd::write(&self.pipe, &[code]));
    }
}

impl Waiting {
    /// Waits until the other process has started its program, has failed, or is gone. Gives the code of a failure.
    pub fn failure(self) -> Option<u8> {
        let mut code = [0];
        match uninterrupted(|| nix::unistd::read(&self.pipe, &mut code)) {
            Ok(1) => Some(code[0]),
            _ => None,
        }
    }
}
