//! Going on where a supervise was killed.

use super::ordered::Ordered;
use super::round::Round;
use super::{Place, Service};
use crate::files::pipe::Pipe;
use crate::process::process_id::ProcessId;
use crate::process::start;
use crate::service::info::Info;
use crate::service::status::{Phase, StatusFile, Want};
use crate::service::supervising::child::Child;
use crate::service::supervising::requests;
use crate::service::{Program, is_fifo};
use crate::sys::descriptor::STDIN;
use crate::time::clock::monotonic;

/// What a supervise that was killed has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estate {
    /// Nothing.
    Nothing,
    /// A process, which has been taken over.
    Running,
    /// A process that has ended since.
    Ended,
}

impl Service<'_> {
    /// Goes on where a supervise was killed, and is from here on the one that tells of the service. `start` is when this
    /// process was started. Gives what was left: where that has ended, commands that have come already are to be obeyed before
    /// anything is started, since it may have ended because of them, as a logger does once svscan has said `x` and closed the pipe.
    pub fn follow(&mut self, start: u64) -> Estate {
        let boot = start::boot();
        let estate = match self.home.info().filter(|left| left.boot == boot) {
            Some(left) => self.take_over(left),
            None => Estate::Nothing,
        };
        self.info.boot = boot;
        self.info.supervise = ProcessId::of_this(start);
        // an svscan that follows a killed one finds the pipe to the log by it
        let input = nix::sys::stat::fstat(STDIN).ok().filter(is_fifo);
        self.info.input = input.map(|input| input.st_ino);
        estate
    }

    /// A process that was left running is not started a second time.
    fn take_over(&mut self, left: Info) -> Estate {
        // without its process, one of those that it has left and that are waited for
        let waits = left.left > 0 && requests::is_there(c"orphanage");
        let found = Child::adopt(left.process);
        let Some(mut child) = found.or_else(|| Child::adopt(left.left_process).filter(|_| waits)) else {
            return if left.process.pid == 0 { Estate::Nothing } else { Estate::Ended };
        };
        self.info = left;
        self.info.started = left.started.min(monotonic());
        if left.ready == Some(false) {
            // where it says that it is ready nobody listened for a moment
            let number = self.sensible("notification-fd", requests::notification(), None);
            let pipe = number.and_then(|number| Pipe::of_process(child.pid(), number, None));
            child.notification = pipe.map(|pipe| pipe.read);
            self.info.ready = child.notification.as_ref().map(|_| false);
        }
        let mut is_paused = false;
        if let Ok(StatusFile { main, .. }) = self.home.status() {
            self.wanted.change(main.want);
            if main.pid == child.identity.pid {
                (self.since, is_paused) = (main.since, main.is_paused);
            }
        }
        self.ordered = Ordered::before(is_paused, left.phase == Some(Phase::Stopping));
        self.info.process = child.identity;
        self.round = Round::resumed();
        self.place = Place::Runs(left.program.unwrap_or(Program::Run));
        self.child = Some(child);
        if self.ordered.is_stopping() || self.wanted.want() == Want::Down {
            // that was an order, and its time begins anew
            self.limit_end();
        }
        Estate::Running
    }
}
