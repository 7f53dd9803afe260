//! What is told about the service: the status file and the info file, and the directory that they are in.

use super::service::{Place, SECOND, Service};
use super::table::State;
use super::wishes;
use crate::process::process_id::ProcessId;
use crate::process::table;
use crate::service::Program;
use crate::service::status::{Phase, Status};
use crate::time::clock::monotonic;
use crate::voice::dialect::Dialect;
use crate::voice::failure::{Failure, explained, say_in_passing};
use nix::errno::Errno;

/// How long after a write that failed the next attempt is made.
const RETRY: u64 = 5 * SECOND;

/// How long a directory of which something has been removed is left alone: whoever removes one thing mostly removes more.
const QUIET: u64 = SECOND / 4;

/// How often the directory is made anew in quick succession.
const ATTEMPTS: u8 = 20;

/// Whether there is nothing that could be the service.
fn is_without_program() -> bool {
    wishes::is_missing(c"run") && wishes::is_missing(c"start")
}

impl Service<'_> {
    /// Something has been removed from the supervise directory.
    pub fn lose(&mut self) {
        if self.heal_at.is_none() && self.files.may_have_removed() && self.files.is_whole(self.home) {
            return;
        }
        self.heal_at.get_or_insert_with(|| monotonic() + QUIET);
    }

    /// Mends the supervise directory.
    pub(super) fn heal(&mut self) {
        self.heal_at = None;
        if self.files.is_whole(self.home) {
            return;
        }
        self.look_for_home();
        if self.is_gone || self.is_to_end() {
            return;
        }
        if is_without_program() {
            // it is being taken apart, and nothing must get in the way of that; or put together again
            self.heal_at = Some(monotonic() + SECOND);
            return;
        }
        if let Err(error) = self.files.heal(self.home, self.dir) {
            let is_missing = error.downcast_ref::<Failure>().and_then(Failure::reason) == Some(Errno::ENOENT);
            self.heal_attempts = self.heal_attempts.saturating_add(1);
            // whoever removes it may be at it still, but not for ever
            if is_missing && self.heal_attempts <= ATTEMPTS {
                return self.lose();
            }
            self.heal_at = Some(monotonic() + RETRY);
            if !std::mem::replace(&mut self.is_heal_said, true) {
                let reason = explained(&error, Dialect::Bernstein);
                say_in_passing(&[b"supervise: warning: ", &reason, b"\n"]);
            }
            return;
        }
        self.heal_attempts = 0;
        self.is_heal_said = false;
    }

    /// Looks whether the service directory itself has been removed. Of one that is down it is enough that there is neither a
    /// program nor a supervise directory any more.
    pub(super) fn look_for_home(&mut self) {
        let is_removed = nix::sys::stat::stat(c".").is_ok_and(|here| here.st_nlink == 0);
        let is_down = self.child.is_none() && !matches!(self.place, Place::Started | Place::Leaves(_));
        let is_apart = || is_down && is_without_program() && !self.files.is_whole(self.home);
        if !(is_removed || is_apart()) {
            return;
        }
        if !std::mem::replace(&mut self.is_gone, true) {
            let text = b" has been removed: ending when the service is down\n";
            say_in_passing(&[b"supervise: warning: ", self.dir, text]);
        }
        if self.place == Place::Started {
            // there is nothing whose end could be waited for
            self.clear_up();
        }
    }

    /// Has the files say how it is now.
    pub fn announce(&mut self) {
        let phase = self.phase();
        let identity = self.child.as_ref().map_or_else(ProcessId::default, |child| child.identity);
        let is_paused = self.is_paused && self.state() == State::Running;
        let status = Status { since: self.since, pid: identity.pid, is_paused, want: self.want, phase: Some(phase) };
        self.files.set_status(status.encode(self.in_finish()));
        self.info.process = identity;
        self.info.program = match self.place {
            Place::Runs(program) => Some(program),
            _ => None,
        };
        self.info.phase = Some(phase);
        self.info.left = u32::try_from(self.left.seen.len()).unwrap_or(u32::MAX);
        let first = self.left.seen.first().copied();
        let number = first.map_or(0, |pid| pid.as_raw().unsigned_abs());
        if number != self.info.left_process.pid {
            let start = first.and_then(table::start_of).unwrap_or_default();
            self.info.left_process = ProcessId { pid: number, start };
        }
        self.info.backoff = if self.gap > SECOND { self.gap / 1_000_000 } else { 0 };
        self.info.next_start = match self.place {
            Place::Due(_, at) => Some(at),
            _ => None,
        };
        self.files.set_info(&self.info);
    }

    /// Brings the files up to date, or sees to it that another attempt is made.
    pub fn write(&mut self) {
        if self.retry_at.is_some_and(|at| monotonic() >= at) {
            self.retry_at = None;
            self.files.try_again();
        }
        self.announce();
        self.files.set_closing(self.is_to_end());
        self.files.flush();
        match self.files.is_behind() {
            true => self.retry_at = self.retry_at.or_else(|| Some(monotonic() + RETRY)),
            false => self.retry_at = None,
        }
        if self.files.is_lost() && !self.is_gone && !self.is_to_end() && self.heal_at.is_none() {
            self.lose();
        }
    }

    fn phase(&self) -> Phase {
        match self.place {
            Place::Runs(Program::Start) => Phase::Starting,
            Place::Started => Phase::Started,
            Place::Runs(Program::Run) if self.is_stopping => Phase::Stopping,
            Place::Runs(Program::Run) => Phase::Running,
            Place::Runs(Program::Stop | Program::Finish) | Place::Leaves(_) => Phase::Stopping,
            Place::Down | Place::Due(..) if self.has_failed => Phase::Failed,
            Place::Down | Place::Due(..) => Phase::Stopped,
        }
    }

    fn in_finish(&self) -> bool {
        matches!(self.place, Place::Runs(Program::Stop | Program::Finish))
    }
}
