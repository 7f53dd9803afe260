//! A claim as it is remembered by who does not make it good himself.

use super::guard::{Guard, Unguarded};
use super::{Claim, text};
use crate::files::lock_wait::LockWait;
use crate::files::sight;
use crate::sys::descriptor::{self, uninterrupted};
use crate::sys::lock::{self, Kind};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::Pid;
use std::os::fd::{AsFd, BorrowedFd};

/// What is remembered of a claim that another process makes good, to take it back if that process comes to nothing.
pub struct Trace(Claim);

impl Claim {
    /// A copy to remember it by.
    ///
    /// # Errors
    /// As fcntl(2), F_DUPFD.
    pub fn trace(&self) -> nix::Result<Trace> {
        let file = descriptor::copy_from(self.file.as_fd(), 3)?;
        Ok(Trace(Self { terms: self.terms, file, seen: self.seen, is_new: self.is_new, reserved: None }))
    }
}

impl AsFd for Trace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Trace {
    /// Takes back what the process `pid` has left: its pid, and the file itself if it is new. A file that says anything
    /// else, or that somebody holds, stays as it is.
    pub fn clean_up(&self, pid: Pid) {
        if self.0.is_still_there() {
            return self.0.forget(pid);
        }
        // it had been replaced when the process came to lock it
        let flags = OFlag::O_RDWR | sight::CAREFULLY;
        let terms = self.0.terms;
        let Ok(file) = uninterrupted(|| open(terms.file.as_c_str(), flags, Mode::empty())) else { return };
        let Ok(seen) = fstat(&file) else { return };
        if sight::is_regular(seen.st_mode) {
            Claim { terms, file, seen, is_new: self.0.is_new, reserved: None }.forget(pid);
        }
    }
}

impl Claim {
    fn forget(&self, pid: Pid) {
        // a start that has written its own pid may be in the instant without a lock
        let _guard = match Guard::take(self.terms.file, LockWait::None) {
            Err(Unguarded::Taken(_)) => return,
            outcome => outcome.ok(),
        };
        let is_free = lock::acquire(self.file.as_fd(), Kind::Record, false, false).is_ok() && self.is_still_there();
        let text = Self::text(self.file.as_fd());
        if is_free && (text == text::of(pid) || self.is_new && text.is_empty()) {
            self.withdraw();
        }
        let _ = lock::release(self.file.as_fd());
    }
}
