//! Commands: what the table says, done.

use super::{Place, Service};
use crate::service::Program;
use crate::service::status::Want;
use crate::service::supervising::requests;
use crate::service::supervising::table::{State, Step, steps};
use crate::sys::process;
use crate::time::clock::{SECOND, monotonic};

impl Service<'_> {
    /// What commands need to know of where it is.
    pub(super) fn state(&self) -> State {
        match self.place {
            Place::Down => State::Down,
            Place::Due(Program::Run, _) => State::Waiting,
            Place::Runs(Program::Run) => State::Running,
            Place::Started => State::Started,
            Place::Leaves(_) => State::Left,
            Place::Due(..) | Place::Runs(_) => State::Script,
        }
    }

    /// Does what a command asks for. `to_group` is whether signals go to the process group.
    pub fn command(&mut self, command: u8, to_group: bool) {
        let steps = steps(command, self.state());
        for &step in steps {
            match step {
                Step::Want(want) => self.set_want(want),
                // all are written together, before anybody waits again
                Step::Announce => {}
                Step::Start => {
                    if self.place == Place::Down {
                        self.round.begin();
                    }
                    // by hand: it need not wait for more than the second
                    self.start_when_due(SECOND);
                }
                Step::Cancel => {
                    self.place = Place::Down;
                    self.put_away();
                }
                Step::Stop => {
                    self.ordered.end();
                    self.end_it(to_group);
                }
                Step::Bounce => {
                    self.ordered.bounce();
                    self.end_it(to_group);
                }
                Step::Signal(signal) => {
                    let to_group = to_group || signal == libc::SIGKILL && requests::is_there(c"killpg");
                    self.signal(signal, to_group);
                }
                Step::Paused(is_paused) => self.ordered.pause(is_paused),
                Step::Leave => self.wanted.leave(),
                Step::End => self.clear_up(),
            }
        }
        if steps.iter().any(|step| matches!(step, Step::Want(Want::Down) | Step::Bounce)) {
            // also for a script that only runs because of it
            self.limit_end();
        }
    }

    /// Supervise is to end, with its service. Who says that twice has said it once.
    pub fn end(&mut self) {
        if !self.wanted.is_to_end() {
            self.command(b'd', false);
            self.command(b'x', false);
        }
    }

    fn set_want(&mut self, want: Want) {
        let former = self.wanted.change(want);
        // a restart that has been ordered goes on
        if want != Want::Down && former == Want::Down {
            self.ordered.take_back_end();
            self.expect_no_end();
        }
    }

    /// It is to end: from here on the time counts, and what is waited for too long is said. Who says it again does not give
    /// it more time.
    pub(super) fn limit_end(&mut self) {
        if self.child.is_none() && !matches!(self.place, Place::Leaves(_)) {
            return;
        }
        self.left.end();
        self.expect_end();
        if !self.ordered.is_limited() {
            let limit = self.sensible("timeout-kill", requests::timeout_kill(), None);
            self.ordered.limit(limit.map(|limit| monotonic().saturating_add(limit)));
        }
    }

    /// The down signal, and CONT so that it is noticed: to what runs, or to what is left of it.
    fn end_it(&mut self, to_group: bool) {
        if self.child.is_none() {
            return self.tell_left_again();
        }
        let signal = self.down_signal();
        let to_group = to_group || requests::is_there(c"killpg");
        self.signal(signal, to_group);
        self.signal(libc::SIGCONT, to_group);
    }

    /// What tells the service to end.
    pub(super) fn down_signal(&self) -> i32 {
        self.sensible("down-signal", requests::down_signal(), libc::SIGTERM)
    }

    /// Sends a signal to what runs, or to what is left of it.
    pub(super) fn signal(&self, signal: i32, to_group: bool) {
        match &self.child {
            Some(child) => child.send(signal, to_group),
            None => {
                for left in self.left_behind() {
                    let _ = process::send(left, signal);
                }
            }
        }
    }
}
