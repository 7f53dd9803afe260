//! From a start to an end and to the next start.

use super::child::Child;
use super::launch::{self, Arguments, Outcome};
use super::service::{Place, SECOND, Service};
use super::wishes;
use crate::files::descriptors;
use crate::process::process_id::ProcessId;
use crate::process::start;
use crate::process::table;
use crate::service::Program;
use crate::service::status::{Phase, Want};
use crate::sys::descriptor;
use crate::sys::process::{self, End};
use crate::time::clock::monotonic;
use crate::time::tai64n::Moment;
use crate::voice::dialect::Dialect;
use crate::voice::failure::{describe, say_in_passing};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{getpid, pipe2};
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// What `run` exits with when starting it again would change nothing (daemontools-encore).
const GIVES_UP: u8 = 100;

/// What a child exits with that cannot become the program.
const NOT_RUN: u8 = 111;

/// The longest pause after a fork that failed.
const LONGEST_PAUSE: u64 = 60 * SECOND;

fn file(program: Program) -> &'static CStr {
    match program {
        Program::Start => c"./start",
        Program::Run => c"./run",
        Program::Stop => c"./stop",
        Program::Finish => c"./finish",
    }
}

/// What the service is doing while it runs.
fn phase(program: Program) -> Phase {
    match program {
        Program::Start => Phase::Starting,
        Program::Run => Phase::Running,
        Program::Stop | Program::Finish => Phase::Stopping,
    }
}

impl Service<'_> {
    /// Starts it, as soon as it has been so long since the last start.
    pub(super) fn start_when_due(&mut self, distance: u64) {
        let due = self.plan_start(distance);
        if monotonic() >= due {
            self.launch(Program::Run);
        }
    }

    /// It is to be started as soon as it has been so long since the last start. Gives when that is.
    fn plan_start(&mut self, distance: u64) -> u64 {
        let due = if self.info.started == 0 { 0 } else { self.info.started.saturating_add(distance) };
        self.has_failed = false;
        self.place = Place::Due(Program::Run, due);
        due
    }

    /// Starts a program. Where `start` is to run before `run`, that.
    pub(super) fn launch(&mut self, program: Program) {
        let program = match program {
            Program::Run if self.is_first && wishes::is_script(c"./start") => Program::Start,
            other => other,
        };
        let now = monotonic();
        let before = (self.is_first, self.info.restarts);
        if program == Program::Run {
            self.info.restarts += u64::from(!self.is_first);
            self.is_first = false;
        }
        let is_start = matches!(program, Program::Run | Program::Start);
        if is_start {
            self.info.started = now.max(1);
            self.forget_commands();
            self.left.seen.clear();
            self.adopt_orphans();
        }
        (self.info.ready, self.info.ready_at) = (None, None);
        let (arguments, notification) = match program {
            Program::Run => (Arguments::NONE, self.notification()),
            Program::Finish => (self.how_it_ended(), None),
            _ => (Arguments::NONE, None),
        };
        if notification.is_some() {
            self.info.ready = Some(false);
        }
        // so that the files say what is so if supervise is killed before the child is known
        let mut start = start::start_now();
        self.info.phase = Some(phase(program));
        self.info.next_start = None;
        let lent = notification.as_ref().map(|(_, write, number)| (write.as_fd(), *number));
        let (files, mut info) = (&mut self.files, self.info);
        let outcome = launch::start(file(program), &arguments, self.surroundings, lent, true, || {
            info.program = Some(program);
            start = start::own_start(start);
            info.process = ProcessId::of_this(start);
            if is_start {
                // the next start keeps its distance from here: this one may have been late
                info.started = monotonic();
            }
            files.set_info(&info);
            files.flush_info();
        });
        self.info.started = info.started;
        match outcome {
            Outcome::Runs(started) => {
                let pid = started.pid.as_raw().unsigned_abs();
                self.fork_pause = 0;
                self.said = self.said.filter(|&(said, ..)| said != program);
                self.has_begun = program != Program::Stop;
                self.since = Moment::now();
                self.child = Some(Child {
                    identity: ProcessId { pid, start },
                    watched: started.watched,
                    is_adopted: false,
                    notification: notification.map(|(read, ..)| read),
                });
                self.place = Place::Runs(program);
                self.notify(program, "start", pid, 0);
                if self.left.is_to_end {
                    self.expect_end();
                }
            }
            Outcome::NotForked(reason) => {
                self.fork_pause = (self.fork_pause * 2).clamp(SECOND, LONGEST_PAUSE);
                // `start` is found again by way of `run`
                let program = if program == Program::Start { Program::Run } else { program };
                self.place = Place::Due(program, now + self.fork_pause);
                (self.is_first, self.info.restarts) = before;
                self.info.ready = None;
                let reason = describe(reason, Dialect::Bernstein);
                let text = b"supervise: warning: unable to fork for ";
                say_in_passing(&[text, self.dir, b": ", reason.as_bytes(), b"\n"]);
            }
            Outcome::NotRun(reason) => {
                self.complain(program, reason);
                self.since = Moment::now();
                self.place = Place::Runs(program);
                self.after(program, Some(End::Exited(NOT_RUN)));
            }
        }
    }

    /// A pipe for the service to say on that it is ready, and the number that its end is to have, if that is asked for.
    fn notification(&self) -> Option<(OwnedFd, OwnedFd, RawFd)> {
        let number = self.sensible("notification-fd", wishes::notification(), None)?;
        let (read, write) = match pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK) {
            Ok(pipe) => pipe,
            Err(reason) => {
                let reason = describe(reason, Dialect::Bernstein);
                let text = b"supervise: warning: unable to create pipe for ";
                say_in_passing(&[text, self.dir, b"/notification-fd: ", reason.as_bytes(), b"\n"]);
                return None;
            }
        };
        // the end of another number is the child's alone, and waits like any pipe
        let _ = nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_SETFL(OFlag::empty()));
        if read.as_raw_fd() == number {
            let moved = descriptor::copy_from(read.as_fd(), number + 1).ok()?;
            return Some((moved, write, number));
        }
        Some((read, write, number))
    }

    /// How `run` ended, as `finish` is told: the code, or 256 and the signal.
    fn how_it_ended(&self) -> Arguments {
        match self.last {
            Some(End::Exited(code)) => Arguments::numbers(&[code.into(), 0]),
            Some(End::Killed(signal)) => Arguments::numbers(&[256, signal.into()]),
            None => Arguments::numbers(&[256, 0]),
        }
    }

    /// Says why a program could not be run; once a minute if that does not change.
    fn complain(&mut self, program: Program, reason: Errno) {
        const MINUTE: u64 = 60 * SECOND;
        let now = monotonic();
        let is_said =
            |&(what, why, when): &(Program, Errno, u64)| (what, why) == (program, reason) && now < when + MINUTE;
        if self.said.as_ref().is_some_and(is_said) {
            return;
        }
        self.said = Some((program, reason, now));
        let reason = describe(reason, Dialect::Bernstein);
        let name = program.name().as_bytes();
        let text = b"supervise: fatal: unable to start ";
        say_in_passing(&[text, self.dir, b"/", name, b": ", reason.as_bytes(), b"\n"]);
    }

    /// Has `notify` told, if there is one. Nobody waits for it.
    fn notify(&mut self, program: Program, what: &str, pid: u32, code: u8) {
        if !wishes::is_script(c"./notify") {
            return;
        }
        let mut arguments = Arguments::NONE;
        arguments.push(format_args!("{}", program.name()));
        arguments.push(format_args!("{what}"));
        arguments.push(format_args!("{pid}"));
        arguments.push(format_args!("{code}"));
        // it gets nothing but the standard descriptors
        let close = || {
            let _ = descriptors::close_on_exec_from(3);
        };
        if let Outcome::Runs(started) = launch::start(c"./notify", &arguments, self.surroundings, None, false, close) {
            self.others.push(started.pid);
        }
    }

    /// What `run` starts and leaves behind becomes a child of this process, if that is asked for.
    fn adopt_orphans(&mut self) {
        if wishes::is_there(c"orphanage") {
            self.others = table::children_of(getpid());
            let _ = process::adopt_orphans();
        }
    }

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
    fn after(&mut self, program: Program, end: Option<End>) {
        self.look_for_home();
        match program {
            Program::Run => {
                self.last = end;
                (self.info.ready, self.info.ready_at) = (None, None);
                (self.info.last_exit, self.info.last_signal) = match end {
                    Some(End::Exited(code)) => (Some(code), None),
                    Some(End::Killed(signal)) => (None, Some(signal)),
                    None => (None, None),
                };
                if end == Some(End::Exited(GIVES_UP)) {
                    self.fail();
                }
                self.set_gap();
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
            Program::Start if self.has_failed => self.settle(),
            Program::Start if self.want == Want::Down || self.is_leaving => self.settle(),
            Program::Start if wishes::is_missing(c"./run") => self.place = Place::Started,
            Program::Start => {
                self.is_first = false;
                self.launch_first_run();
            }
            Program::Run => {
                self.forget_timeout();
                self.clear_up();
            }
            Program::Stop | Program::Finish => self.settle(),
        }
    }

    /// `run` directly behind `start`, which is no restart.
    fn launch_first_run(&mut self) {
        let restarts = self.info.restarts;
        self.launch(Program::Run);
        self.info.restarts = restarts;
    }

    /// Runs what is to run after the end.
    pub(super) fn clear_up(&mut self) {
        self.was_final = self.is_leaving || self.want != Want::Up;
        match wishes::is_script(c"./finish") {
            true => self.launch(Program::Finish),
            false if self.was_final => self.put_away(),
            false => self.settle(),
        }
    }

    /// Runs what is to run once the end is for good; not `finish`, which has run after the last `run`.
    pub(super) fn put_away(&mut self) {
        self.was_final = true;
        if self.has_begun && wishes::is_script(c"./stop") && !wishes::is_script(c"./finish") {
            self.launch(Program::Stop);
        } else {
            self.settle();
        }
    }

    /// Nothing runs: waits for the next start, or for nothing.
    fn settle(&mut self) {
        self.place = Place::Down;
        self.forget_order();
        if self.want == Want::Up && !self.is_leaving {
            self.is_first |= std::mem::take(&mut self.was_final);
            // commands that are there already come first: x may be among them
            self.plan_start(self.gap);
        }
    }

    fn fail(&mut self) {
        self.has_failed = true;
        self.want = Want::Down;
        self.left.is_to_end = true;
    }

    /// The distance to the next start: a second, or, if that is asked for, twice the last one after each run of less than
    /// five seconds, up to one of a minute.
    fn set_gap(&mut self) {
        let Some(longest) = self.sensible("backoff", wishes::backoff(), None) else {
            self.gap = SECOND;
            return;
        };
        let longest = wishes::nanoseconds(longest).max(SECOND);
        match (monotonic() - self.info.started) / SECOND {
            0..5 => self.gap = (self.gap * 2).min(longest),
            60.. => self.gap = SECOND,
            _ => self.gap = self.gap.min(longest),
        }
    }
}
