//! setsid: start a session, forking first where the kernel demands it. As util-linux, but the parent that goes away
//! tells whether the program was started.

use crate::applet::{Applet, Dialect, Manual, Meaning, OwnWay, Process, Role};
use crate::attributes::pid::{self, MAY_FORK};
use crate::attributes::session::{self, NewSession, PGID, SESSION};
use crate::attributes::{Attribute, Boundaries, Effect, Fact, Value, View};
use crate::options::{Flag, HELP, VERSION};
use crate::process::beside::{Beside, ForkedChild, Side};
use crate::start_report::Scope;
use crate::sys::descriptor::{STDERR, STDIN};
use crate::sys::process::{self, End};
use crate::voice::exit::{ANOTHERS, KILLED, SETSID, SUCCESS};
use crate::voice::failure::{Failure, say_last};
use nix::unistd::{getpgrp, getpid};

const TERMINAL: Flag = Flag::new("ctty", "Make the terminal on standard input the new session's").or(b'c');
const FORK: Flag = Flag::new("fork", "Fork even where that is not needed").or(b'f');
const WAIT: Flag = Flag::new("wait", "If forked, wait for the program and exit with its status").or(b'w');

/// The definition.
pub const APPLET: Applet = Applet {
    name: "setsid",
    about: "Run a program in a new session",
    dialect: Dialect::UtilLinux,
    codes: SETSID,
    other_codes: &[
        (SUCCESS, "forked, without --wait: the program has been started"),
        (KILLED, "with --wait: signal N killed the program"),
        (ANOTHERS, "the program's own, where it takes this process's place or is waited for"),
    ],
    changes: &[SESSION, MAY_FORK],
    on_request: &[],
    options: &[TERMINAL.line(), FORK.line(), WAIT.line(), HELP.or(b'h').line(), VERSION.or(b'V').line()],
    operands: &[],
    example: &[],
    manual: Manual {
        description: &[
            "Starts a session with setsid(2), so that the program has no controlling terminal and its signals do not \
             reach it, and runs the program in it.",
            "A process that leads a process group, as one typed at a prompt does, cannot start a session: then, or \
             with `--fork`, setsid forks, and the program runs in the child. The parent exits with 0 as soon as the \
             program has been started, or with the code of what prevented it; with `--wait` it waits and exits with \
             the program's status. Without a fork the program simply is this process, and `--wait` changes nothing.",
            "A waiting parent forwards no signals: an interrupt at the terminal ends it and not the program.",
            "The leader of a session without a terminal gains one by opening a terminal without O_NOCTTY.",
        ],
        sections: &[],
        examples: &[
            ("setsid ./server </dev/null >server.log 2>&1", "From a prompt: start a server and return at once."),
            ("setsid --wait make check", "Keep the terminal's signals from a test run, and get its status."),
        ],
        reference: "util-linux 2.38",
        differences: &[
            "A parent that does not wait exits with 126 or 127 where the program could not be run. The reference \
             exits with 0.",
            "`--wait` exits with 128+N where signal N killed the program. The reference exits with N, which a \
             program can exit with as well; only with a core dump it adds 128.",
            "`--wait` waits for the program, not for any child, and also where SIGCHLD was ignored.",
        ],
        see_also: &["daemonize(1)", "pgrphack(1)", "nohup(1)", "setsid(2)", "credentials(7)"],
    },
    role: Role::Link(|given| {
        Meaning::own_way(Setsid { terminal: given.has(TERMINAL), fork: given.has(FORK), wait: given.has(WAIT) })
    }),
};

struct Setsid {
    terminal: bool,
    fork: bool,
    wait: bool,
}

/// The failure in util-linux's words.
const SESSION_OR_FAIL: NewSession = NewSession { failed: Some(|reason| Failure::new("setsid failed").because(reason)) };

impl OwnWay for Setsid {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let mut facts = SESSION_OR_FAIL.facts(view)?;
        if self.fork || view.value(&PGID, b"")? == Value::Own {
            facts.push(pid::forked());
        }
        if self.terminal {
            facts.retain(|fact| fact.name.attribute() != session::TTY.name());
            facts.push(session::terminal_of(STDIN)?);
        }
        Ok(facts)
    }

    fn apply(&self, process: &mut Process) -> anyhow::Result<Boundaries> {
        if self.fork || getpgrp() == getpid() {
            self.go_on_in_child(process)?;
        }
        SESSION_OR_FAIL.make(process)?;
        if self.terminal {
            process::take_terminal(0)
                .map_err(|reason| Failure::new("failed to set the controlling terminal").because(reason))?;
        }
        Ok(Boundaries::NONE)
    }
}

impl Setsid {
    /// Returns only in the child.
    fn go_on_in_child(&self, process: &mut Process) -> anyhow::Result<()> {
        let failed = |reason| Failure::new("fork").because(reason);
        let beside = Beside::new().map_err(failed)?;
        let waiting = process.listeners.pipe(Scope::NextProgram).map_err(failed)?;
        match beside.fork().map_err(|missing| failed(missing.reason()))? {
            Side::Child => {
                process.listeners.follow();
                if !self.wait {
                    process.listeners.going_on(getpid());
                }
                Ok(())
            }
            Side::Parent(child) => {
                // the child alone answers from here on
                process.listeners.leave();
                process::exit(if self.wait { wait(child) } else { waiting.failure().unwrap_or(0) })
            }
        }
    }
}

/// The program's exit code, or 128+N.
fn wait(child: ForkedChild) -> u8 {
    match child.wait() {
        Ok(End::Exited(code)) => code,
        Ok(End::Killed(signal)) => {
            let child = child.pid().to_string();
            let _ = say_last(STDERR, &[b"setsid: child ", child.as_bytes(), b" did not exit normally\n"]);
            128 + signal
        }
        Err(_) => {
            let _ = say_last(STDERR, &[b"setsid: wait failed\n"]);
            SETSID.failure
        }
    }
}
