//! Telling a supervise to end, and again if it does not.

use super::contact::Base;
use super::watched::{Running, SECOND};
use crate::sys::process::{self, monotonic};
use nix::unistd::Pid;

/// How long a supervise that has been told to end is left to it before it is told in another way.
const PATIENCE: u64 = 5 * SECOND;

/// How long before commands are written again that nobody has taken.
const AGAIN: u64 = SECOND / 10;

/// Which of the two supervises of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It ends the service, and then itself.
    Service,
    /// It ends when the logger has, which does so at the end of its input.
    Log,
}

/// How far that is.
#[derive(Clone, Copy, Default)]
pub struct Farewell {
    /// Who has been told.
    told: Option<Pid>,
    /// When it is to be tried again.
    again_at: Option<u64>,
    /// When patience is at an end.
    late_at: Option<u64>,
    is_late: bool,
}

impl Farewell {
    /// When something is to be done, if nothing happens before.
    pub fn next_time(&self) -> Option<u64> {
        [self.again_at, self.late_at].into_iter().flatten().min()
    }

    /// Whether it has begun.
    pub fn is_begun(&self) -> bool {
        self.late_at.is_some() || self.is_late
    }

    /// Whether this one is to be told, and nobody waits before that.
    pub fn owes(&self, pid: Pid) -> bool {
        !self.has_told(pid) && self.again_at.is_none()
    }

    /// Whether this one has been told.
    pub fn has_told(&self, pid: Pid) -> bool {
        self.told == Some(pid)
    }

    /// Whether patience comes to its end now.
    pub fn is_due(&self) -> bool {
        self.late_at.is_some_and(|at| monotonic() >= at)
    }

    /// As much patience again.
    pub fn extend(&mut self) {
        self.late_at = Some(monotonic() + PATIENCE);
    }

    /// It is not to be told yet, but soon.
    pub fn put_off(&mut self) {
        let now = monotonic();
        if !self.is_begun() {
            self.late_at = Some(now + PATIENCE);
        }
        self.again_at = Some(now + AGAIN);
    }

    /// Whether patience is at an end.
    pub fn is_late(&self) -> bool {
        self.is_late || self.is_due()
    }

    /// There is nobody to be told, but there will be.
    pub fn wait_for_start(&mut self) {
        if !self.is_begun() {
            // it may take as long as a restart
            self.late_at = Some(monotonic() + 2 * PATIENCE);
        }
        self.again_at = None;
        if self.is_late() {
            (self.late_at, self.is_late) = (None, true);
        }
    }

    /// Tells it, once, as long as it takes commands; and in another way if that was long ago.
    pub fn take(&mut self, base: &Base<'_>, runs: &Running, kind: Kind) {
        let now = monotonic();
        if !self.is_begun() {
            self.late_at = Some(now + PATIENCE);
        }
        let is_told = self.told == Some(runs.pid);
        if !is_told && self.again_at.is_none_or(|at| now >= at) {
            // who has been told already, as by a key that all of a session hear of, is not told twice
            let is_service = kind == Kind::Service && !base.is_told(runs.pid);
            let commands: &[u8] = if is_service { b"dx" } else { b"x" };
            match base.command(runs.pid, commands) {
                Ok(()) => (self.told, self.again_at) = (Some(runs.pid), None),
                // it has no FIFO yet, and takes this as well
                Err(_) if kind == Kind::Service && runs.is_ours => {
                    (self.told, self.again_at) = (Some(runs.pid), None);
                    let _ = process::send(runs.pid, libc::SIGTERM);
                }
                Err(_) => self.again_at = Some(now + AGAIN),
            }
        }
        if self.late_at.is_some_and(|at| now >= at) {
            // it may have been told just when it was started anew
            (self.late_at, self.is_late) = (Some(now + PATIENCE), true);
            self.insist(base, runs, kind);
        }
    }

    /// Who has been told has its own time to end. A supervise of another make dies of TERM and leaves its service running,
    /// so that is the last resort.
    fn insist(&self, base: &Base<'_>, runs: &Running, kind: Kind) {
        let is_reached = match kind {
            Kind::Service => self.told == Some(runs.pid),
            // something holds the pipe that does not end
            Kind::Log => base.command(runs.pid, b"dx").is_ok(),
        };
        if !is_reached {
            let _ = process::send(runs.pid, libc::SIGTERM);
        }
    }
}
