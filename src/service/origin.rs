//! Where a client was started: it enters one service directory after the other, and comes back here in between, since their
//! names may be relative.

use crate::files::descriptors;
use crate::voice::failure::Failure;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, fchdir};
use std::os::fd::OwnedFd;

/// The directory that the client was started in.
pub struct Origin(OwnedFd);

impl Origin {
    /// Remembers the current directory. No file opened from here on gets the number of a standard descriptor: what is said
    /// there must never get into a FIFO of a service.
    ///
    /// # Errors
    /// If the current directory cannot be opened.
    pub fn open() -> anyhow::Result<Self> {
        descriptors::occupy_standard();
        let here = open(c".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        here.map(Self).map_err(|reason| Failure::new("unable to open current directory").because(reason).into())
    }

    /// Enters a service directory, whose name is seen from here.
    ///
    /// # Errors
    /// As chdir(2).
    pub fn enter(&self, dir: &[u8]) -> nix::Result<()> {
        chdir(dir)
    }

    /// Comes back.
    ///
    /// # Errors
    /// If that cannot be done: then no other name means what it is to mean.
    pub fn back(&self) -> anyhow::Result<()> {
        fchdir(&self.0).map_err(|reason| Failure::new("unable to set directory").because(reason).into())
    }
}
