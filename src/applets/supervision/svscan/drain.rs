//! The end of a log: it reads what is left, up to the end of its input, and is told to end if it does not come to that.

use super::farewell::{AGAIN, PATIENCE};
use super::watched::RunningSupervise;
use crate::service::scan_directory::ScanDirectory;
use crate::sys::process;
use crate::time::clock::{SECOND, monotonic};
use nix::unistd::Pid;

/// How long svscan's own log may read nothing. It comes after all others, and where nothing is read all is to be over
/// before the ten seconds that a container is given.
pub const OWN_PATIENCE: u64 = 2 * SECOND;

/// How long a log's supervise that takes no commands is waited for before nothing more comes to its logger.
const DEAF: u64 = SECOND;

/// How often it is looked whether something has been read.
const LOOK: u64 = SECOND / 2;

/// How far a log is.
pub struct Drain {
    /// How long it may read nothing.
    patience: u64,
    /// When it has begun.
    begun: Option<u64>,
    /// Since when nothing has been read.
    quiet_since: u64,
    /// The least that has been in the pipe.
    least: usize,
    looked_at: u64,
    /// Since when patience is at an end.
    late_since: Option<u64>,
    /// Who has been told to exit with its logger.
    told: Option<Pid>,
    /// When that is to be tried again.
    again_at: Option<u64>,
    /// When it is to be told to end once more.
    insist_at: u64,
    /// How much has been said of it.
    words: u8,
}

impl Drain {
    /// One that has not begun.
    pub fn new(patience: u64) -> Self {
        Self {
            patience,
            begun: None,
            quiet_since: 0,
            least: 0,
            looked_at: 0,
            late_since: None,
            told: None,
            again_at: None,
            insist_at: 0,
            words: 0,
        }
    }

    /// From the beginning: its supervise is to be started once more for what a killed one has left running.
    pub fn restart(&mut self) {
        *self = Self { words: self.words, ..Self::new(self.patience) };
    }

    /// When something is to be done, if nothing happens before.
    pub fn next_time(&self) -> Option<u64> {
        self.begun?;
        let look = (self.least > 0 && self.late_since.is_none()).then_some(self.looked_at + LOOK);
        let late = match self.late_since {
            None => self.quiet_since + self.patience,
            Some(since) if self.words < 2 => (since + PATIENCE).min(self.insist_at),
            Some(_) => self.insist_at,
        };
        [look, Some(late), self.again_at].into_iter().flatten().min()
    }

    /// Whether this one is to be told, and nobody waits before that.
    pub fn owes(&self, pid: Pid) -> bool {
        !self.has_told(pid) && self.again_at.is_none()
    }

    /// Whether this one has been told.
    pub fn has_told(&self, pid: Pid) -> bool {
        self.told == Some(pid)
    }

    /// Whether patience is at an end.
    pub fn is_late(&self) -> bool {
        self.late_since.is_some()
    }

    /// Whether it has been tried for long enough to tell its supervise.
    pub fn is_deaf(&self) -> bool {
        self.is_late() || self.begun.is_some_and(|begun| monotonic() >= begun + DEAF)
    }

    /// Notes how much is in the pipe. A log that is at work is not too late, however slow it is. Gives whether this is the
    /// first look.
    pub fn watch(&mut self, left: usize) -> bool {
        let now = monotonic();
        let is_first = self.begun.is_none();
        if is_first || left < self.least {
            (self.quiet_since, self.least) = (now, left);
        }
        self.begun.get_or_insert(now);
        self.looked_at = now;
        if self.late_since.is_none() && now >= self.quiet_since + self.patience {
            self.late_since = Some(now);
        }
        is_first
    }

    /// It is not to be told yet, but soon.
    pub fn put_off(&mut self) {
        self.again_at = Some(monotonic() + AGAIN);
    }

    /// There is nobody to be told.
    pub fn is_absent(&mut self) {
        self.again_at = None;
    }

    /// Tells its supervise to exit when the logger does, as long as that takes commands; and to end the logger if that has
    /// not come to its end for long.
    pub fn tell(&mut self, base: &ScanDirectory<'_>, runs: &RunningSupervise) {
        let now = monotonic();
        if !self.has_told(runs.pid) && self.again_at.is_none_or(|at| now >= at) {
            match base.command(runs.pid, b"x") {
                Ok(()) => (self.told, self.again_at) = (Some(runs.pid), None),
                Err(_) => self.again_at = Some(now + AGAIN),
            }
        }
        if self.is_late() && now >= self.insist_at {
            self.insist_at = now + PATIENCE;
            if base.command(runs.pid, b"dx").is_err() {
                let _ = process::send(runs.pid, libc::SIGTERM);
            }
        }
    }

    /// What is to be said of a log that has not ended, of each thing once. `is_held` is whether something may still write to it.
    pub fn word(&mut self, left: usize, is_held: bool) -> Option<(&'static str, &'static str)> {
        let since = self.late_since?;
        match self.words {
            0 => {
                self.words = 1;
                let why = match (left, is_held) {
                    (1.., _) => "it does not read what is left",
                    (0, true) => "something still holds its pipe",
                    (0, false) => "it does not end by itself",
                };
                Some(("ending", why))
            }
            1 if monotonic() >= since + PATIENCE => {
                self.words = 2;
                Some(("waiting for", "it has been told to end"))
            }
            _ => None,
        }
    }
}
