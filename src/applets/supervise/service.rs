//! The service and what becomes of it: commands go through the table, deaths and times through here.

use super::child::Child;
use super::files::Files;
use super::launch::Surroundings;
use super::table::{State, Step, steps};
use super::wishes::{self, Senseless};
use crate::failure::{explained, say_in_passing};
use crate::family::Family;
use crate::label::Moment;
use crate::service::info::{Identity, Info};
use crate::service::status::{Phase, Record, Status, Want};
use crate::service::{Home, Program, is_fifo};
use crate::sys::descriptor::STDIN;
use crate::sys::process::{self, End, monotonic};
use nix::unistd::{Pid, getpid};

/// Nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// How long after a write that failed the next attempt is made.
const RETRY: u64 = 5 * SECOND;

/// Where the service is, with what that needs to know. [`State`] is what commands need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing runs, and nothing is going to.
    Down,
    /// This program is started then.
    Due(Program, u64),
    /// This program runs.
    Runs(Program),
    /// `start` has run, and there is no `run`.
    Started,
    /// This program has ended, but not all that it has started.
    Leaves(Program),
}

/// A service that is supervised.
pub struct Service<'a> {
    /// As the caller has named its directory.
    pub dir: &'a [u8],
    pub(super) home: &'a Home,
    pub(super) surroundings: Surroundings<'a>,
    /// Its files.
    pub files: Files,
    /// What runs.
    pub child: Option<Child>,
    pub(super) place: Place,
    pub(super) want: Want,
    is_paused: bool,
    /// Whether it has been told to end.
    pub(super) is_stopping: bool,
    /// Whether it has failed for good.
    pub(super) has_failed: bool,
    /// Whether supervise ends with it.
    pub(super) is_leaving: bool,
    /// Whether its directory is no more.
    is_gone: bool,
    /// Children that are not of the service: `notify`, and those that were there before it.
    pub(super) others: Vec<Pid>,
    /// Whether `start` is to run before `run`.
    pub(super) is_first: bool,
    /// Whether it was to stay down when it last ended.
    pub(super) was_final: bool,
    /// Whether there is something for `stop` to put away.
    pub(super) has_begun: bool,
    /// Since when the pid is what it is.
    pub(super) since: Moment,
    /// What else is told about it.
    pub(super) info: Info,
    /// How `run` last ended; `None` where nobody knows.
    pub(super) last: Option<End>,
    /// The least distance between two starts.
    pub(super) gap: u64,
    /// How long to wait after a fork that failed.
    pub(super) fork_pause: u64,
    /// Why a program could not be run when that was last said, and when that was.
    pub(super) said: Option<(Program, nix::errno::Errno, u64)>,
    kill_at: Option<u64>,
    retry_at: Option<u64>,
    heal_at: Option<u64>,
    /// Whether it has been said that the directory cannot be mended.
    is_heal_said: bool,
}

impl<'a> Service<'a> {
    /// A service that is down, but for one that a killed supervise has left running. `start` is when this process was started.
    pub fn new(
        dir: &'a [u8],
        home: &'a Home,
        files: Files,
        surroundings: Surroundings<'a>,
        is_wanted: bool,
        start: u64,
    ) -> Self {
        let own = Identity { pid: getpid().as_raw().unsigned_abs(), start };
        let mut service = Self {
            dir,
            home,
            surroundings,
            files,
            child: None,
            place: Place::Down,
            want: if is_wanted { Want::Up } else { Want::Down },
            is_paused: false,
            is_stopping: false,
            has_failed: false,
            is_leaving: false,
            is_gone: false,
            others: Vec::new(),
            is_first: true,
            was_final: false,
            has_begun: false,
            since: Moment::now(),
            info: Info::default(),
            last: None,
            gap: SECOND,
            fork_pause: 0,
            said: None,
            kill_at: None,
            retry_at: None,
            heal_at: None,
            is_heal_said: false,
        };
        if let Some(left) = home.info() {
            service.take_over(left);
        }
        service.info.supervise = own;
        // an svscan that follows a killed one finds the pipe to the log by it
        let input = nix::sys::stat::fstat(STDIN).ok().filter(is_fifo);
        service.info.input = input.map(|input| input.st_ino);
        service
    }

    /// Goes on where a supervise was killed: a process that it has left running is not started a second time.
    fn take_over(&mut self, left: Info) {
        let Some(child) = Child::adopt(left.process) else { return };
        self.info = left;
        if let Ok(Record { main, .. }) = self.home.status() {
            self.want = main.want;
            if main.pid == child.identity.pid {
                (self.since, self.is_paused) = (main.since, main.is_paused);
            }
        }
        self.is_stopping = left.phase == Some(Phase::Stopping);
        self.info.process = child.identity;
        self.is_first = false;
        self.has_begun = true;
        self.place = Place::Runs(left.program.unwrap_or(Program::Run));
        self.child = Some(child);
    }

    /// Begins: starts it if it is wanted and does not run.
    pub fn begin(&mut self) {
        if self.place == Place::Down && self.want == Want::Up {
            self.start_when_due(0);
        }
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        let is_idle = matches!(self.place, Place::Down | Place::Due(Program::Run, _));
        (self.is_leaving || self.is_gone) && is_idle
    }

    /// What commands need to know of where it is.
    fn state(&self) -> State {
        match self.place {
            Place::Down => State::Down,
            Place::Due(Program::Run, _) => State::Waiting,
            Place::Runs(Program::Run) => State::Running,
            Place::Started => State::Started,
            Place::Due(..) | Place::Runs(_) | Place::Leaves(_) => State::Script,
        }
    }

    /// Does what a command asks for. `to_group` is whether signals go to the process group.
    pub fn command(&mut self, command: u8, to_group: bool) {
        for &step in steps(command, self.state()) {
            match step {
                Step::Want(want) => self.set_want(want),
                // all are written together, before anybody waits again
                Step::Announce => {}
                Step::Start => {
                    self.is_first |= self.place == Place::Down;
                    // by hand: it need not wait for more than the second
                    self.start_when_due(SECOND);
                }
                Step::Cancel => {
                    self.place = Place::Down;
                    self.put_away();
                }
                Step::Stop => {
                    self.is_stopping = true;
                    self.is_paused = false;
                    self.end_it(to_group);
                }
                Step::Bounce => {
                    self.is_paused = false;
                    self.end_it(to_group);
                }
                Step::Signal(signal) => {
                    let to_group = to_group || signal == libc::SIGKILL && wishes::is_there(c"killpg");
                    self.signal(signal, to_group);
                }
                Step::Paused(is_paused) => self.is_paused = is_paused,
                Step::Leave => self.is_leaving = true,
                Step::End => self.clear_up(),
            }
        }
    }

    fn set_want(&mut self, want: Want) {
        self.want = want;
        match want {
            Want::Down => {
                let is_there = self.child.is_some() || matches!(self.place, Place::Leaves(_));
                // who says it again does not give it more time
                if is_there && self.kill_at.is_none() {
                    let limit = self.sensible("timeout-kill", wishes::timeout_kill(), None);
                    self.kill_at = limit.map(|limit| monotonic().saturating_add(limit.as_nanos() as u64));
                }
            }
            Want::Up | Want::Once => {
                self.is_stopping = false;
                self.kill_at = None;
            }
        }
    }

    /// The down signal, and CONT so that it is noticed.
    fn end_it(&self, to_group: bool) {
        let signal = self.sensible("down-signal", wishes::down_signal(), libc::SIGTERM);
        let to_group = to_group || wishes::is_there(c"killpg");
        self.signal(signal, to_group);
        self.signal(libc::SIGCONT, to_group);
    }

    /// Sends a signal to what runs, or to what is left of it.
    fn signal(&self, signal: i32, to_group: bool) {
        match &self.child {
            Some(child) => child.send(signal, to_group),
            None => {
                for left in self.left_behind() {
                    let _ = process::send(left, signal);
                }
            }
        }
    }

    /// What a file asks for, or what holds without it.
    pub(super) fn sensible<T>(&self, name: &str, asked: Result<T, Senseless>, without: T) -> T {
        asked.unwrap_or_else(|Senseless| {
            say_in_passing(&[
                b"supervise: warning: unable to make sense of ",
                self.dir,
                b"/",
                name.as_bytes(),
                b": ignored\n",
            ]);
            without
        })
    }

    /// A child has ended that is left to be waited for.
    pub fn reap(&mut self, ended: Pid) {
        let own = self.child.as_ref().filter(|child| !child.is_adopted && child.pid() == ended);
        if let Some(child) = own
            && wishes::is_there(c"killpg")
        {
            // now, while nobody else can have its number
            child.send(libc::SIGKILL, true);
        }
        let is_own = own.is_some();
        let Ok((_, end)) = process::next_ended(Some(ended)) else { return };
        self.others.retain(|&other| other != ended);
        if is_own {
            self.ended(Some(end));
        }
    }

    /// Looks whether an adopted process, or all that an ended one has left behind, is gone.
    pub fn look_at_strangers(&mut self) {
        if self.child.as_ref().is_some_and(|child| child.is_adopted && child.is_gone()) {
            self.ended(None);
        }
        if let Place::Leaves(program) = self.place
            && !self.has_left_something()
        {
            self.left(program);
        }
    }

    /// What the service has left behind, of which this process has become the parent.
    fn left_behind(&self) -> Vec<Pid> {
        let mut left = process::children_of(getpid());
        left.retain(|child| !self.others.contains(child));
        left
    }

    /// Whether it has left something behind.
    pub(super) fn has_left_something(&self) -> bool {
        // where /proc does not tell, all that there are count
        process::has_children() && (!process::is_proc_ours() || !self.left_behind().is_empty())
    }

    /// Whether only a look now and then tells of the process.
    pub fn is_unwatched(&self) -> bool {
        self.child.as_ref().is_some_and(|child| child.is_adopted && child.watched.is_none())
    }

    /// The service has said something about whether it is ready.
    pub fn hear(&mut self) {
        let Some(child) = &mut self.child else { return };
        let Some(notification) = &child.notification else { return };
        let mut text = [0; 64];
        match nix::unistd::read(notification, &mut text) {
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => {}
            Ok(length) if length > 0 && !text[..length].contains(&b'\n') => {}
            outcome => {
                child.notification = None;
                if outcome.is_ok_and(|length| length > 0) {
                    (self.info.ready, self.info.ready_at) = (Some(true), Some(monotonic()));
                    self.announce();
                    self.files.flush_info();
                }
            }
        }
    }

    /// Something has been removed from the supervise directory. Who removes one thing mostly removes more.
    pub fn lose(&mut self) {
        if self.heal_at.is_none() && self.files.may_have_removed() && self.files.is_whole() {
            return;
        }
        self.heal_at = Some(monotonic() + SECOND / 10);
    }

    /// When something is to be done next, if nothing happens before.
    pub fn next_time(&self) -> Option<u64> {
        let due = match self.place {
            Place::Due(_, at) => Some(at),
            _ => None,
        };
        let look = self.is_unwatched().then(|| monotonic() + SECOND);
        [due, self.kill_at, self.retry_at, self.heal_at, look].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn attend(&mut self) {
        let now = monotonic();
        if let Place::Due(program, at) = self.place
            && now >= at
            && !self.is_over()
        {
            self.launch(program);
        }
        if self.kill_at.is_some_and(|at| now >= at) {
            self.kill_at = None;
            if self.child.is_some() {
                self.signal(libc::SIGKILL, wishes::is_there(c"killpg"));
            } else if matches!(self.place, Place::Leaves(_)) {
                self.signal(libc::SIGKILL, false);
                // who forks may have got away
                self.kill_at = Some(now + SECOND);
            }
        }
        if self.heal_at.is_some_and(|at| now >= at) {
            self.heal();
        }
    }

    /// Mends the supervise directory.
    fn heal(&mut self) {
        self.heal_at = None;
        if self.files.is_whole() {
            return;
        }
        let is_gone = nix::sys::stat::stat(c".").is_ok_and(|here| here.st_nlink == 0);
        if is_gone {
            if !self.is_gone {
                self.is_gone = true;
                let text = b" has been removed: ending when the service is down\n";
                say_in_passing(&[b"supervise: warning: ", self.dir, text]);
            }
            return;
        }
        if let Err(error) = self.files.heal(self.home, self.dir) {
            self.heal_at = Some(monotonic() + RETRY);
            if !std::mem::replace(&mut self.is_heal_said, true) {
                let reason = explained(&error, Family::Bernstein);
                say_in_passing(&[b"supervise: warning: ", &reason, b"\n"]);
            }
            return;
        }
        self.is_heal_said = false;
    }

    /// Has the files say how it is now.
    pub fn announce(&mut self) {
        let phase = self.phase();
        let identity = self.child.as_ref().map_or_else(Identity::default, |child| child.identity);
        let is_paused = self.is_paused && self.state() == State::Running;
        let status = Status { since: self.since, pid: identity.pid, is_paused, want: self.want, phase: Some(phase) };
        self.files.set_status(status.encode(self.in_finish()));
        self.info.process = identity;
        self.info.program = match self.place {
            Place::Runs(program) => Some(program),
            _ => None,
        };
        self.info.phase = Some(phase);
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
        self.files.flush();
        match self.files.is_behind() {
            true => self.retry_at = self.retry_at.or_else(|| Some(monotonic() + RETRY)),
            false => self.retry_at = None,
        }
        if self.files.is_lost() && !self.is_gone && self.heal_at.is_none() {
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

    /// It no longer counts as paused or told to end.
    pub(super) fn forget_commands(&mut self) {
        self.is_paused = false;
        self.is_stopping = false;
        self.kill_at = None;
    }

    /// What was to be killed has ended: what comes behind it has time.
    pub(super) fn forget_timeout(&mut self) {
        self.kill_at = None;
    }
}
