//! The process that is watched: a child, or one that a killed supervise has left behind.

use crate::process::life;
use crate::process::process_id::{Found, ProcessId};
use crate::sys::process;
use nix::unistd::{Pid, getpgid};
use std::os::fd::{AsFd, OwnedFd};

/// A process to watch and to send signals to.
pub struct Child {
    /// Who it is.
    pub identity: ProcessId,
    /// Readable when it has ended; `None` where the kernel has none such.
    pub watched: Option<OwnedFd>,
    /// Whether it was started by another supervise, so that nobody here learns how it ends.
    pub is_adopted: bool,
    /// Where it says that it is ready, until it has.
    pub notification: Option<OwnedFd>,
}

impl Child {
    /// The process that these numbers mean, if it still runs.
    pub fn adopt(identity: ProcessId) -> Option<Self> {
        let Found { id, watched } = identity.found()?;
        Some(Self { identity: id, watched, is_adopted: true, notification: None })
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.identity.pid as i32)
    }

    /// Whether it is certain to run no more. Only for one that nothing else tells about.
    pub fn is_gone(&self) -> bool {
        self.identity.is_gone(self.watched.as_ref().map(AsFd::as_fd))
    }

    /// Sends it a signal, or its process group if it leads one. That it has just ended is no error.
    pub fn send(&self, signal: i32, to_group: bool) {
        let pid = self.pid();
        // a child has its number until it is waited for; one that is adopted, as long as it runs
        let is_there = !self.is_adopted || !self.is_gone();
        if to_group && is_there && getpgid(Some(pid)) == Ok(pid) {
            let _ = process::send(Pid::from_raw(-pid.as_raw()), signal);
            return;
        }
        let _ = life::send_to(pid, self.watched.as_ref().map(AsFd::as_fd), signal);
    }
}
