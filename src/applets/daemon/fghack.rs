//! fghack: stay in the foreground for a program that puts itself in the background, until all that came of it has ended.

use crate::applet::{Applet, Dialect, Manual, Meaning, OwnWay, Process, Role};
use crate::attributes::descriptors::{self, WITNESSES};
use crate::attributes::pid::{self, FORKS};
use crate::attributes::{Boundaries, Fact, View};
use crate::options::Flag;
use crate::process::beside::{Beside, Missing, Side};
use crate::process::table;
use crate::sys::descriptor::{self, uninterrupted};
use crate::sys::process::{self, End};
use crate::sys::signal::{self, Set};
use crate::voice::exit::{ANOTHERS, BERNSTEIN};
use crate::voice::failure::{Failure, UnableTo};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{Pid, getpid};
use std::os::fd::{AsFd, OwnedFd};

const SUBREAPER: Flag =
    Flag::new("subreaper", "Wait for all descendants, without descriptors, and hand signals on to them");

/// The definition.
pub const APPLET: Applet = Applet {
    name: "fghack",
    about: "Run a program that backgrounds itself, and wait until all of it has ended",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(ANOTHERS, "what the program exited with; 111 if a signal killed it")],
    changes: &[FORKS, WITNESSES],
    on_request: &[],
    options: &[SUBREAPER.line()],
    operands: &[],
    example: &[],
    manual: Manual {
        description: &[
            "For supervise(1), which can watch only what stays in the foreground. Forks, and runs the program in \
             the child, which gets the writing end of a pipe on 31 descriptors, the lowest that are free. The \
             parent reads from the pipe until every process that inherited one of them has closed it or ended, then \
             waits for the program, and exits with its code. What is written into the pipe is thrown away.",
            "A program that closes all descriptors gives itself up to nobody's notice: then fghack ends as soon as \
             the program has. A signal sent to fghack does not reach the program.",
            "`--subreaper` has neither fault. fghack becomes the parent of every descendant whose own parent ends \
             (PR_SET_CHILD_SUBREAPER), gives the program no descriptors, and waits until none is left. HUP, INT, \
             QUIT, TERM, USR1, USR2, ALRM, CONT and WINCH go on to the program, or once that has ended, to all \
             processes that have become fghack's children. Signals that were ignored at the start are not handed \
             on. Children that the process had before it was fghack are not waited for.",
        ],
        sections: &[],
        examples: &[
            ("fghack /usr/sbin/oldd", "In a run script, for a daemon that cannot be told to stay in the foreground."),
            ("fghack --subreaper /usr/sbin/oldd", "The same, so that it can be stopped as well."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "`--subreaper` is an addition.",
            "`--` ends the options; the reference takes it for the program.",
            "The child is waited for also where SIGCHLD was ignored; the reference fails there.",
        ],
        see_also: &["supervise(1)", "daemonize(1)", "prctl(2)"],
    },
    role: Role::Link(|given| Meaning::own_way(Fghack { adopts: given.has(SUBREAPER) })),
};

struct Fghack {
    adopts: bool,
}

/// The descriptors that the program gets besides the first.
const COPIES: usize = 30;

/// What `--subreaper` hands on.
const HANDED_ON: [i32; 9] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGCONT,
    libc::SIGWINCH,
];

impl OwnWay for Fghack {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let mut facts = vec![pid::forked()];
        if !self.adopts {
            let open = descriptors::open(view)?;
            let closed = (0..).filter(|number| !open.contains(number));
            facts.extend(closed.take(1 + COPIES).map(|number| descriptors::is(number, b"pipe:")));
        }
        Ok(facts)
    }

    fn apply(&self, process: &mut Process) -> anyhow::Result<Boundaries> {
        if self.adopts { adopt(process) } else { hold(process) }
    }
}

fn failed(verb: &'static str) -> impl Fn(Errno) -> Failure {
    move |reason| Failure::new(format!("unable to {verb}")).because(reason)
}

fn no_child(missing: Missing) -> Failure {
    let verb = match missing {
        Missing::Fork(_) => "fork",
        Missing::Signal(_) => "set SIGCHLD",
        Missing::Mask(_) => "unblock signals",
    };
    failed(verb)(missing.reason())
}

/// The way of the reference.
fn hold(process: &mut Process) -> anyhow::Result<Boundaries> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(failed("create pipe"))?;
    let beside = Beside::new().map_err(failed("set SIGCHLD"))?;
    match beside.fork().map_err(no_child)? {
        Side::Child => {
            process.listeners.follow();
            drop(read);
            let first = descriptor::keep_across_exec(write).unable_to("keep open", b"the pipe")?;
            for _ in 0..COPIES {
                // as many as the limit lets it have
                if descriptor::leave_copy(first).is_err() {
                    break;
                }
            }
            Ok(Boundaries::NONE)
        }
        Side::Parent(child) => {
            process.listeners.leave();
            process::set_name(APPLET.name);
            drop(write);
            read_to_end(&read);
            let end = child.wait().map_err(failed("wait"))?;
            Err(outcome(end).into())
        }
    }
}

fn read_to_end(pipe: &OwnedFd) {
    let mut room = [0; 512];
    while let Ok(1..) = uninterrupted(|| nix::unistd::read(pipe.as_fd(), &mut room)) {}
}

/// What the parent ends with.
fn outcome(end: End) -> Failure {
    match end {
        End::Exited(code) => Failure::silent(code),
        End::Killed(_) => Failure::new("child crashed"),
    }
}

/// By the kernel's help.
fn adopt(process: &mut Process) -> anyhow::Result<Boundaries> {
    // Children that are there already are not the program's, and could not be told from those to come; a child of this
    // process has none.
    if process::has_children()
        && let Some(parent) = Watcher::fork(process)?
    {
        return Err(outcome(parent.wait(false).map_err(failed("wait"))?).into());
    }
    process::adopt_orphans().map_err(failed("adopt orphans"))?;
    match Watcher::fork(process)? {
        Some(parent) => Err(outcome(parent.wait(true).map_err(failed("wait"))?).into()),
        None => Ok(Boundaries::NONE),
    }
}

/// A parent that hands signals on.
struct Watcher {
    child: Pid,
    /// What it waits for: the signals to hand on, and SIGCHLD.
    signals: Set,
}

impl Watcher {
    /// Forks. Gives the parent's part in the parent; the child finds mask and dispositions as they were.
    fn fork(process: &mut Process) -> anyhow::Result<Option<Self>> {
        let mut signals = vec![libc::SIGCHLD];
        for signal in HANDED_ON {
            if !signal::current(signal).map_err(failed("look at signals"))?.is_ignored() {
                signals.push(signal);
            }
        }
        let signals = Set::of(&signals);
        // before the fork, so that none is lost
        let mask = signal::block(signals).map_err(failed("block signals"))?;
        let beside = Beside::new().map_err(failed("set SIGCHLD"))?.with_former_mask(mask);
        match beside.fork().map_err(no_child)? {
            Side::Child => {
                process.listeners.follow();
                Ok(None)
            }
            Side::Parent(child) => {
                process.listeners.leave();
                process::set_name(APPLET.name);
                Ok(Some(Self { child: child.pid(), signals }))
            }
        }
    }

    /// Waits for the child, or for all children this process has or comes to have. Gives how the child ended.
    fn wait(self, for_all: bool) -> nix::Result<End> {
        let mut end = None;
        let mut received = None;
        loop {
            // before a signal is handed on: one who has ended already takes none
            loop {
                match (process::next_ended(if for_all { None } else { Some(self.child) }), end) {
                    (Ok((pid, how)), _) if pid == self.child => end = Some(how),
                    (Ok(_), _) => {}
                    (Err(Errno::ECHILD), Some(end)) => return Ok(end),
                    (Err(Errno::EAGAIN), _) => break,
                    (Err(reason), _) => return Err(reason),
                }
            }
            if let Some(signal) = received.take() {
                self.hand_on(signal, end.is_none());
            }
            let signal = uninterrupted(|| signal::take_pending(self.signals, false))?;
            received = Some(signal).filter(|&signal| signal != libc::SIGCHLD);
        }
    }

    /// Sends a signal to the child, or once that has ended to all who have become children.
    fn hand_on(&self, signal: i32, is_running: bool) {
        let to = if is_running { vec![self.child] } else { table::children_of(getpid()) };
        for pid in to {
            let _ = process::send(pid, signal);
        }
    }
}
