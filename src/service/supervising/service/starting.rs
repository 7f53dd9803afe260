//! Starts: of the service, and of the programs around it.

use super::{Place, Service};
use crate::files::descriptors;
use crate::process::process_id::ProcessId;
use crate::process::{start, table};
use crate::service::Program;
use crate::service::status::Phase;
use crate::service::supervising::child::Child;
use crate::service::supervising::launch::{self, Arguments, Launched};
use crate::service::supervising::{SPEAKER, requests};
use crate::sys::descriptor;
use crate::sys::process::{self, End};
use crate::time::clock::monotonic;
use crate::time::tai64n::Moment;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{getpid, pipe2};
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// What a child exits with that cannot become the program.
const NOT_RUN: u8 = 111;

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
    pub(super) fn plan_start(&mut self, distance: u64) -> u64 {
        let due = if self.info.started == 0 { 0 } else { self.info.started.saturating_add(distance) };
        self.wanted.forget_failure();
        self.place = Place::Due(Program::Run, due);
        due
    }

    /// `run` directly behind `start`, which is no restart.
    pub(super) fn launch_first_run(&mut self) {
        let restarts = self.info.restarts;
        self.launch(Program::Run);
        self.info.restarts = restarts;
    }

    /// Starts a program. Where `start` is to run before `run`, that.
    pub(super) fn launch(&mut self, program: Program) {
        let program = match program {
            Program::Run if self.round.is_first() && requests::is_script(c"./start") => Program::Start,
            other => other,
        };
        let now = monotonic();
        let before = (self.round, self.info.restarts);
        if program == Program::Run {
            self.info.restarts += u64::from(self.round.go_on());
        }
        let is_start = matches!(program, Program::Run | Program::Start);
        if is_start {
            self.info.started = now.max(1);
            self.forget_commands();
            self.left.clear();
            self.adopt_orphans();
        }
        (self.info.ready, self.info.ready_at) = (None, None);
        let (arguments, notification) = match program {
            Program::Run => (Arguments::NONE, self.notification_pipe()),
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
        let outcome = launch::start(file(program), &arguments, self.inheritance, lent, true, || {
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
            Launched::Runs(started) => {
                let pid = started.pid.as_raw().unsigned_abs();
                self.pace.forked();
                self.not_run.keep(|&(said, _)| said != program);
                self.round.started(program);
                self.since = Moment::now();
                self.child = Some(Child {
                    identity: ProcessId { pid, start },
                    watched: started.watched,
                    is_adopted: false,
                    notification: notification.map(|(read, ..)| read),
                });
                self.place = Place::Runs(program);
                self.notify(program, "start", pid, 0);
                if self.left.is_to_end() {
                    self.expect_end();
                }
            }
            Launched::NotForked(reason) => {
                // `start` is found again by way of `run`
                let program = if program == Program::Start { Program::Run } else { program };
                self.place = Place::Due(program, now + self.pace.not_forked());
                (self.round, self.info.restarts) = before;
                self.info.ready = None;
                SPEAKER.warn_unable_to("fork for", &[self.dir], reason);
            }
            Launched::NotRun(reason) => {
                self.complain(program, reason);
                self.since = Moment::now();
                self.place = Place::Runs(program);
                self.after(program, Some(End::Exited(NOT_RUN)));
            }
        }
    }

    /// A pipe for the service to say on that it is ready, and the number that its end is to have, if that is asked for.
    fn notification_pipe(&self) -> Option<(OwnedFd, OwnedFd, RawFd)> {
        let number = self.sensible("notification-fd", requests::notification(), None)?;
        let (read, write) = match pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK) {
            Ok(pipe) => pipe,
            Err(reason) => {
                SPEAKER.warn_unable_to("create pipe for", &[self.dir, b"/notification-fd"], reason);
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
        match self.round.last() {
            Some(End::Exited(code)) => Arguments::numbers(&[code.into(), 0]),
            Some(End::Killed(signal)) => Arguments::numbers(&[256, signal.into()]),
            None => Arguments::numbers(&[256, 0]),
        }
    }

    /// Says why a program could not be run; once a minute if that does not change.
    fn complain(&mut self, program: Program, reason: Errno) {
        self.not_run.keep(|&said| said == (program, reason));
        if self.not_run.is_due((program, reason), monotonic()) {
            SPEAKER.give_up_unable_to("start", &[self.dir, b"/", program.name().as_bytes()], reason);
        }
    }

    /// Has `notify` told, if there is one. Nobody waits for it.
    pub(super) fn notify(&mut self, program: Program, what: &str, pid: u32, code: u8) {
        if !requests::is_script(c"./notify") {
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
        if let Launched::Runs(started) = launch::start(c"./notify", &arguments, self.inheritance, None, false, close) {
            self.left.leave_out(started.pid);
        }
    }

    /// What `run` starts and leaves behind becomes a child of this process, if that is asked for.
    fn adopt_orphans(&mut self) {
        if requests::is_there(c"orphanage") {
            self.left.leave_out_all(table::children_of(getpid()));
            let _ = process::adopt_orphans();
        }
    }
}
