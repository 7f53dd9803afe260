//! Telling the supervise of a service to end with it, and in another way if it does not hear.

use super::watched::RunningSupervise;
use crate::service::scan_directory::ScanDirectory;
use crate::sys::process;
use crate::time::clock::{SECOND, monotonic};
use nix::unistd::Pid;

/// How long a supervise that has been told to end is left to it before it is told in another way.
pub const PATIENCE: u64 = 5 * SECOND;

/// How long before commands are written again that nobody has taken.
pub const AGAIN: u64 = SECOND / 10;

/// How far that is.
#[derive(Clone, Copy, Default)]
pub struct Farewell {
    /// Who has been told.
    told: Option<Pid>,
    /// When it is to be tried again.
    again_at: Option<u64>,
    /// When patience is at an end.
    late_at: Option<u64>,
    /// Whether it has been said who is waited for.
    is_said: bool,
}

impl Farewell {
    /// When something is to be done, if nothing happens before.
    pub fn next_time(&self) -> Option<u64> {
        [self.again_at, self.late_at].into_iter().flatten().min()
    }

    /// Whether this one is to be told, and nobody waits before that.
    pub fn owes(&self, pid: Pid) -> bool {
        self.told != Some(pid) && self.again_at.is_none()
    }

    /// It has ended.
    pub fn is_over(&mut self) {
        *self = Self { is_said: self.is_said, ..Self::default() };
    }

    /// Tells it, once, as long as it takes commands; and in another way if that was long ago. Gives what is then to be said
    /// of it, once.
    pub fn take(&mut self, base: &ScanDirectory<'_>, runs: &RunningSupervise) -> Option<&'static str> {
        let now = monotonic();
        let late_at = *self.late_at.get_or_insert(now + PATIENCE);
        if self.told != Some(runs.pid) && self.again_at.is_none_or(|at| now >= at) {
            // who has been told already, as by a key that all of a session hear of, is not told twice
            let commands: &[u8] = if base.is_told(runs.pid) { b"x" } else { b"dx" };
            match base.command(runs.pid, commands) {
                Ok(()) => (self.told, self.again_at) = (Some(runs.pid), None),
                // it has no FIFO yet, and takes this as well
                Err(_) if runs.is_ours && now >= runs.hears_at => {
                    (self.told, self.again_at) = (Some(runs.pid), None);
                    let _ = process::send(runs.pid, libc::SIGTERM);
                }
                Err(_) => self.again_at = Some(now + AGAIN),
            }
        }
        if now < late_at {
            return None;
        }
        // it may have been told just when it was started anew
        self.late_at = Some(now + PATIENCE);
        // Who has been told has its own time to end. A supervise of another make dies of TERM and leaves its service running,
        // so that is the last resort.
        let is_reached = self.told == Some(runs.pid);
        if !is_reached {
            let _ = process::send(runs.pid, libc::SIGTERM);
        }
        let why = if is_reached { "it has been told to end" } else { "its supervise takes no commands" };
        (!std::mem::replace(&mut self.is_said, true)).then_some(why)
    }
}
