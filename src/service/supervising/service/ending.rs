//! Ends: of the service, and of the programs around it, up to the next start.

use super::{Place, Service};
use crate::service::Program;
use crate::service::status::Want;
use crate::service::supervising::requests;
use crate::sys::process::End;
use crate::time::clock::monotonic;
use crate::time::tai64n::Moment;

/// What `run` exits with when starting it again would change nothing (daemontools-encore).
const GIVES_UP: u8 = 100;

impl Service<'_> {
    /// What ran has ended; nobody knows how if it was adopted.
    pub(super) fn ended(&mut self, end: Option<End>) {
        let Place::Runs(program) = self.place else { return };
        let Some(child) = self.child.take() else { return };
        self.since = Moment::now();
        if program == Program::Run {
            self.look_for_strays(&child);
        }
        let (what, code) = match end {
            Some(End::Killed(signal)) => ("killed", signal),
            Some(End::Exited(code)) => ("exit", code),
            None => ("exit", 0),
        };
        self.notify(program, what, child.identity.pid, code);
        self.after(program, end);
    }

    /// What comes after the end of a program.
    pub(super) fn after(&mut self, program: Program, end: Option<End>) {
        self.look_for_home();
        match program {
            Program::Run => {
                self.round.run_has_ended(end);
                (self.info.ready, self.info.ready_at) = (None, None);
                (self.info.last_exit, self.info.last_signal) = match end {
                    Some(End::Exited(code)) => (Some(code), None),
                    Some(End::Killed(signal)) => (None, Some(signal)),
                    None => (None, None),
                };
                if end == Some(End::Exited(GIVES_UP)) {
                    self.fail();
                }
                let longest = self.sensible("backoff", requests::backoff(), None);
                self.pace.run_has_lasted(monotonic() - self.info.started, longest);
            }
            // a `start` whose end nobody saw may have done all it had to do
            Program::Start if end.is_some_and(|end| end != End::Exited(0)) => self.fail(),
            _ => {}
        }
        if self.is_to_wait_for_left() {
            self.wait_for_left(program);
        } else {
            self.left(program);
        }
    }

    /// Nothing of a program runs any more.
    pub(super) fn left(&mut self, program: Program) {
        self.place = Place::Down;
        self.announce();
        self.files.flush_status();
        match program {
            Program::Start if self.wanted.has_failed() => self.settle(),
            Program::Start if self.wanted.want() == Want::Down || self.wanted.is_leaving() => self.settle(),
            Program::Start if requests::is_missing(c"./run") => self.place = Place::Started,
            Program::Start => {
                self.round.go_on();
                self.launch_first_run();
            }
            Program::Run => {
                // what was to be killed has ended: what comes behind it has time
                self.ordered.limit(None);
                self.clear_up();
            }
            Program::Stop | Program::Finish => self.settle(),
        }
    }

    /// Runs what is to run after the end.
    pub(super) fn clear_up(&mut self) {
        let is_final = !self.wanted.is_up();
        self.round.end(is_final);
        match requests::is_script(c"./finish") {
            true => self.launch(Program::Finish),
            false if is_final => self.put_away(),
            false => self.settle(),
        }
    }

    /// Runs what is to run once the end is for good; not `finish`, which has run after the last `run`.
    pub(super) fn put_away(&mut self) {
        self.round.end(true);
        if self.round.has_begun() && requests::is_script(c"./stop") && !requests::is_script(c"./finish") {
            self.launch(Program::Stop);
        } else {
            self.settle();
        }
    }

    /// Nothing runs: waits for the next start, or for nothing.
    fn settle(&mut self) {
        self.place = Place::Down;
        self.left.forget_order();
        if self.wanted.is_up() {
            self.round.next();
            // commands that are there already come first: x may be among them
            self.plan_start(self.pace.gap());
        }
    }

    fn fail(&mut self) {
        self.wanted.fail();
        self.left.end();
    }
}
