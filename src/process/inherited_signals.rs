//! Signals as a program takes them that stays: those it waits for are blocked from the first moment on and read from a
//! descriptor, so that none is lost and none interrupts anything; those that punish a write are ignored, and the write's
//! error counts. What it starts finds all as it was.

use crate::sys::process;
use crate::sys::signal::{self, Disposition, Set};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use std::os::fd::{AsFd, BorrowedFd};

/// The mask and the dispositions that the program was started with.
pub struct Inherited {
    mask: Set,
    dispositions: [(i32, Disposition); 2],
}

/// What [`Inherited`] is made of: mask and dispositions.
pub type Parts = (Set, [(i32, Disposition); 2]);

impl Inherited {
    /// What it is made of.
    pub fn parts(&self) -> Parts {
        (self.mask, self.dispositions)
    }

    /// Made of that.
    pub fn from_parts((mask, dispositions): Parts) -> Self {
        Self { mask, dispositions }
    }

    /// Blocks the signals to wait for, and ignores those that punish a write.
    ///
    /// # Errors
    /// As sigprocmask(2) and sigaction(2).
    pub fn put_aside(watched: &[i32]) -> nix::Result<Self> {
        let mask = signal::block(Set::of(watched))?;
        let ignore = |number: i32| signal::ignore(number).map(|was| (number, was));
        Ok(Self { mask, dispositions: [ignore(libc::SIGPIPE)?, ignore(libc::SIGXFSZ)?] })
    }

    /// Has other signals blocked instead, besides those that were blocked at first.
    ///
    /// # Errors
    /// As sigprocmask(2).
    pub fn watch_instead(&self, watched: &[i32]) -> nix::Result<()> {
        signal::set_mask(self.mask.with(Set::of(watched)))
    }

    /// Ends the process by SIGPIPE, as a write to a pipe that nobody reads any more would have ended it. Comes back where the
    /// signal was found ignored or blocked: whoever starts a program so wants it to go on.
    pub fn end_by_broken_pipe(&self) {
        let [(number, disposition), _] = &self.dispositions;
        if disposition.is_ignored() || self.mask.with(Set::of(&[*number])) == self.mask {
            return;
        }
        let _ = signal::restore(*number, disposition);
        let _ = process::send(Pid::this(), *number);
        // the first process of a namespace has to do without
        let _ = signal::ignore(*number);
    }

    /// Puts all back, in a child that is going to exec.
    ///
    /// # Errors
    /// As sigprocmask(2) and sigaction(2).
    pub fn put_back(&self) -> nix::Result<()> {
        self.put_back_without(&[])
    }

    /// Likewise, but these signals have their default action and are not blocked.
    ///
    /// # Errors
    /// As [`Inherited::put_back`].
    pub fn put_back_without(&self, signals: &[i32]) -> nix::Result<()> {
        for (number, disposition) in &self.dispositions {
            signal::restore(*number, disposition)?;
        }
        for &number in signals {
            signal::set_default(number)?;
        }
        signal::set_mask(self.mask.without(Set::of(signals)))
    }
}

/// The descriptor that signals are read from.
pub struct Signals(SignalFd);

impl Signals {
    /// For signals that are blocked.
    ///
    /// # Errors
    /// As signalfd(2).
    pub fn new(watched: &[i32]) -> nix::Result<Self> {
        let set = watched.iter().filter_map(|&number| Signal::try_from(number).ok());
        let set = SigSet::from_iter(set);
        SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }

    /// The next one that has come.
    pub fn take(&self) -> Option<i32> {
        self.0.read_signal().ok().flatten().map(|taken| taken.ssi_signo as i32)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
