//! What is told about the service: the status file and the info file, and the directory that they are in.

use super::{Place, Service};
use crate::process::process_id::ProcessId;
use crate::process::table;
use crate::service::Program;
use crate::service::status::{Phase, Status};
use crate::service::supervising::table::State;
use crate::service::supervising::{SPEAKER, requests};
use crate::time::clock::{SECOND, monotonic};
use crate::voice::dialect::Dialect;
use crate::voice::failure::{Failure, explained};
use nix::errno::Errno;

/// How long after the directory could not be mended the next attempt is made.
const RETRY: u64 = 5 * SECOND;

/// How long a directory of which something has been removed is left alone: whoever removes one thing mostly removes more.
const QUIET: u64 = SECOND / 4;

/// Whether there is nothing that could be the service.
fn is_without_program() -> bool {
    requests::is_missing(c"run") && requests::is_missing(c"start")
}

impl Service<'_> {
    /// Something has been removed from the supervise directory.
    pub fn lose(&mut self) {
        if self.healing.at().is_none() && self.files.may_have_removed() && self.files.is_whole(self.home) {
            return;
        }
        self.healing.plan(monotonic() + QUIET);
    }

    /// Mends the supervise directory.
    pub(super) fn heal(&mut self) {
        self.healing.begin();
        if self.files.is_whole(self.home) {
            return;
        }
        self.look_for_home();
        if self.wanted.is_gone() || self.wanted.is_to_end() {
            return;
        }
        if is_without_program() {
            // it is being taken apart, and nothing must get in the way of that; or put together again
            self.healing.put_off(monotonic() + SECOND);
            return;
        }
        if let Err(error) = self.files.heal(self.home, self.dir) {
            let is_missing = error.downcast_ref::<Failure>().and_then(Failure::reason) == Some(Errno::ENOENT);
            if self.healing.fail(is_missing) {
                return self.lose();
            }
            self.healing.put_off(monotonic() + RETRY);
            if self.healing.is_to_be_said() {
                SPEAKER.warn(&[&explained(&error, Dialect::Bernstein)]);
            }
            return;
        }
        self.healing.succeed();
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
        if self.wanted.lose_directory() {
            SPEAKER.warn(&[self.dir, b" has been removed: ending when the service is down"]);
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
        let is_paused = self.ordered.is_paused() && self.state() == State::Running;
        let want = self.wanted.want();
        let status = Status { since: self.since, pid: identity.pid, is_paused, want, phase: Some(phase) };
        self.files.set_status(status.encode(self.in_finish()));
        self.info.process = identity;
        self.info.program = match self.place {
            Place::Runs(program) => Some(program),
            _ => None,
        };
        self.info.phase = Some(phase);
        self.info.left = u32::try_from(self.left.seen().len()).unwrap_or(u32::MAX);
        let first = self.left.seen().first().copied();
        let number = first.map_or(0, |pid| pid.as_raw().unsigned_abs());
        if number != self.info.left_process.pid {
            let start = first.and_then(table::start_of).unwrap_or_default();
            self.info.left_process = ProcessId { pid: number, start };
        }
        self.info.backoff = self.pace.backoff();
        self.info.next_start = match self.place {
            Place::Due(_, at) => Some(at),
            _ => None,
        };
        self.files.set_info(&self.info);
    }

    /// Brings the files up to date, or sees to it that another attempt is made.
    pub fn write(&mut self) {
        self.files.try_again_if_due(monotonic());
        self.announce();
        self.files.set_closing(self.wanted.is_to_end());
        self.files.flush();
        self.files.plan_retry(monotonic());
        let may_end = self.wanted.is_gone() || self.wanted.is_to_end();
        if self.files.is_lost() && !may_end && self.healing.at().is_none() {
            self.lose();
        }
    }

    fn phase(&self) -> Phase {
        match self.place {
            Place::Runs(Program::Start) => Phase::Starting,
            Place::Started => Phase::Started,
            Place::Runs(Program::Run) if self.ordered.is_stopping() => Phase::Stopping,
            Place::Runs(Program::Run) => Phase::Running,
            Place::Runs(Program::Stop | Program::Finish) | Place::Leaves(_) => Phase::Stopping,
            Place::Down | Place::Due(..) if self.wanted.has_failed() => Phase::Failed,
            Place::Down | Place::Due(..) => Phase::Stopped,
        }
    }

    fn in_finish(&self) -> bool {
        matches!(self.place, Place::Runs(Program::Stop | Program::Finish))
    }
}
