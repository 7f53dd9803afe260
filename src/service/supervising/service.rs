//! The service: what is known of it, its processes, and what is due when.

use super::child::Child;
use super::files::Files;
use super::launch::Surroundings;
use super::left::Left;
use super::wishes::{self, Ignored};
use crate::files::pipe::Pipe;
use crate::process::process_id::ProcessId;
use crate::process::start;
use crate::service::info::Info;
use crate::service::status::{Phase, Record, Want};
use crate::service::{Home, Program, is_fifo};
use crate::sys::descriptor::STDIN;
use crate::sys::process::{self, End};
use crate::time::clock::monotonic;
use crate::time::tai64n::Moment;
use crate::voice::dialect::Dialect;
use crate::voice::failure::{describe, say_in_passing};
use nix::unistd::Pid;

/// Nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// Where the service is, with what that needs to know. [`State`](super::table::State) is what commands need to know of it.
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
    pub(super) is_paused: bool,
    /// Whether it has been told to end.
    pub(super) is_stopping: bool,
    /// Whether it has failed for good.
    pub(super) has_failed: bool,
    /// Whether supervise ends with it.
    pub(super) is_leaving: bool,
    /// Whether its directory is no more.
    pub(super) is_gone: bool,
    /// Whether a supervise that was killed left a process running which has ended since.
    is_inherited_in_vain: bool,
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
    pub(super) kill_at: Option<u64>,
    pub(super) retry_at: Option<u64>,
    pub(super) heal_at: Option<u64>,
    /// Whether it has been said that the directory cannot be mended.
    pub(super) is_heal_said: bool,
    /// How often that has failed.
    pub(super) heal_attempts: u8,
    /// What it has left behind.
    pub(super) left: Left,
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
        let own = ProcessId::of_this(start);
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
            is_inherited_in_vain: false,
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
            heal_attempts: 0,
            left: Left::default(),
        };
        let boot = start::boot();
        if let Some(left) = home.info().filter(|left| left.boot == boot) {
            service.take_over(left);
        }
        service.info.boot = boot;
        service.info.supervise = own;
        // an svscan that follows a killed one finds the pipe to the log by it
        let input = nix::sys::stat::fstat(STDIN).ok().filter(is_fifo);
        service.info.input = input.map(|input| input.st_ino);
        service
    }

    /// Goes on where a supervise was killed: a process that it has left running is not started a second time.
    fn take_over(&mut self, left: Info) {
        // without its process, one of those that it has left and that are waited for
        let waits = left.left > 0 && wishes::is_there(c"orphanage");
        let found = Child::adopt(left.process);
        let Some(mut child) = found.or_else(|| Child::adopt(left.left_process).filter(|_| waits)) else {
            self.is_inherited_in_vain = left.process.pid != 0;
            return;
        };
        self.info = left;
        self.info.started = left.started.min(monotonic());
        if left.ready == Some(false) {
            // where it says that it is ready nobody listened for a moment
            let number = self.sensible("notification-fd", wishes::notification(), None);
            let pipe = number.and_then(|number| Pipe::of_process(child.pid(), number, None));
            child.notification = pipe.map(|pipe| pipe.read);
            self.info.ready = child.notification.as_ref().map(|_| false);
        }
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
        if self.is_stopping || self.want == Want::Down {
            // that was an order, and its time begins anew
            self.limit_end();
        }
    }

    /// Whether commands that have come already are to be obeyed before anything is started: what its predecessor left may have
    /// ended because of them, as a logger does once svscan has said `x` and closed the pipe.
    pub fn obeys_first(&self) -> bool {
        self.is_inherited_in_vain
    }

    /// Begins: starts it if it is wanted and does not run.
    pub fn begin(&mut self) {
        if !self.is_over() && self.place == Place::Down && self.want == Want::Up {
            self.start_when_due(0);
        }
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        let is_idle = matches!(self.place, Place::Down | Place::Due(Program::Run, _));
        (self.is_leaving || self.is_gone) && is_idle
    }

    /// Whether it has been told to end, with its service: its directory may be removed meanwhile.
    pub(super) fn is_to_end(&self) -> bool {
        self.is_leaving && self.want == Want::Down
    }

    /// What a file asks for, or what holds without it.
    pub(super) fn sensible<T>(&self, name: &str, asked: Result<T, Ignored>, without: T) -> T {
        asked.unwrap_or_else(|why| {
            let (what, why) = match why {
                Ignored::Unreadable(reason) => ("read ", describe(reason, Dialect::Bernstein)),
                Ignored::Senseless => ("make sense of ", "ignored".into()),
            };
            let (what, name) = (what.as_bytes(), name.as_bytes());
            say_in_passing(&[
                b"supervise: warning: unable to ",
                what,
                self.dir,
                b"/",
                name,
                b": ",
                why.as_bytes(),
                b"\n",
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
        self.left.forget(ended);
        if is_own {
            self.ended(Some(end));
        }
    }

    /// Looks whether an adopted process, or all that an ended one has left behind, is gone.
    pub fn look_at_strangers(&mut self) {
        if self.child.as_ref().is_some_and(|child| child.is_adopted && child.is_gone()) {
            self.ended(None);
        }
        self.look_at_left();
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

    /// When something is to be done next, if nothing happens before.
    pub fn next_time(&self) -> Option<u64> {
        let due = match self.place {
            Place::Due(_, at) => Some(at),
            _ => None,
        };
        let look = self.is_unwatched().then(|| monotonic() + SECOND);
        let strays = self.left.strays.map(|(_, at)| at);
        let times = [due, self.kill_at, self.retry_at, self.heal_at, self.left.word_at, strays, look];
        times.into_iter().flatten().min()
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
        if self.left.word_at.is_some_and(|at| now >= at) {
            self.say_what_is_waited_for();
        }
        if let Some((strays, at)) = self.left.strays
            && now >= at
        {
            self.left.strays = None;
            self.say_strays(strays);
        }
    }

    /// It no longer counts as paused or told to end.
    pub(super) fn forget_commands(&mut self) {
        self.is_paused = false;
        self.is_stopping = false;
        self.kill_at = None;
        self.forget_order();
    }

    /// What was to be killed has ended: what comes behind it has time.
    pub(super) fn forget_timeout(&mut self) {
        self.kill_at = None;
    }
}
