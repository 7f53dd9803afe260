//! svc: command services. Each command is a letter, and all letters go into the FIFO of a service in one write.
//!
//! | module | is |
//! |---|---|
//! | commands | what a call asks for, and the letters that say it |
//! | remove | `--remove` |
//! | manual | the prose of the manual page |

pub mod commands;
mod manual;
mod remove;

use crate::applet::{Applet, Dialect, Grammar, Process, Role};
use crate::environ::Environ;
use crate::number::seconds;
use crate::options::Given;
use crate::service::Home;
use crate::service::origin::Origin;
use crate::service::request_file::Unusable;
use crate::service::status::StatusFile;
use crate::service::waiting::{self, Awaited, Goal, Standing, Wish};
use crate::sys::signal;
use crate::voice::exit::{ANOTHERS, BERNSTEIN, Code, NOT_UP, SUCCESS, TIMED_OUT};
use crate::voice::failure::WrongUsage;
use crate::voice::speaker::Speaker;
use commands::Commands;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// The definition.
pub const APPLET: Applet = Applet {
    name: "svc",
    about: "Tell services to go up or down, or send them signals",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[
        (SUCCESS, "every DIR has been tried, whatever came of it"),
        (Code::Number(NOT_UP), "with --check: a DIR is not supervised"),
        (Code::Number(BERNSTEIN.failure), "with --check: a DIR could not be told"),
        (ANOTHERS, "with --wait, a code of svwait(1)"),
        (Code::Number(TIMED_OUT), "with --remove: the time is over"),
        (Code::Number(BERNSTEIN.failure), "with --remove: a DIR could not be removed"),
    ],
    changes: &[],
    on_request: &[],
    options: commands::OPTIONS,
    operands: &[("[DIR]...", "Service directories")],
    example: &[],
    manual: manual::MANUAL,
    role: Role::Tool(Grammar::Options, run),
};

/// How it speaks.
const SPEAKER: Speaker<'_> = Speaker::patient(APPLET.name);

/// How long a FIFO may be full.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of telling a service. Worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reception {
    Told,
    NotSupervised,
    Failed,
}

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let commands = Commands::asked_for(given);
    let wish = given.last("wait").map(|value| wish(value.bytes()).ok_or(WrongUsage)).transpose()?;
    let removes = given.has("remove");
    if removes
        && (given.operands().is_empty()
            || wish.is_some()
            || given.has("check")
            || commands.has_log()
            || !commands.is_empty())
    {
        return Err(WrongUsage.into());
    }
    let limit = given.last("remove").map(|value| seconds(value.bytes()).ok_or(WrongUsage)).transpose()?;
    let _ = signal::ignore(libc::SIGPIPE);
    process.listeners.tool_runs(APPLET.name);
    let origin = Origin::open()?;
    let environ = &process.environ;
    if removes {
        return remove::remove(&origin, environ, given.operands().iter().map(|dir| dir.bytes()), limit);
    }

    let mut worst = Reception::Told;
    let mut awaited = Vec::new();
    for dir in given.operands().iter().map(|dir| dir.bytes()) {
        let outcome = match origin.enter(dir) {
            Ok(()) => {
                let mut service = if wish.is_some() { before(&commands, environ, dir) } else { Awaited::new(dir) };
                let outcome = tell(&commands, environ, dir)?;
                service.standing = match outcome {
                    Reception::Told => Standing::Supervised,
                    // or its log is not
                    _ if commands.has_log() => Standing::Unknown,
                    _ => Standing::Unsupervised,
                };
                awaited.push(service);
                outcome
            }
            Err(reason) => warn("chdir to", dir, reason),
        };
        origin.back()?;
        worst = worst.max(outcome);
    }
    match (wish, worst) {
        // one that is not supervised may be what is waited for, or else waiting finds that out
        (Some(wish), Reception::Told | Reception::NotSupervised) => {
            waiting::wait(APPLET.name, &origin, environ, wish, awaited)
        }
        (Some(_), Reception::Failed) => Ok(APPLET.codes.failure),
        (None, _) if !given.has("check") => Ok(0),
        (None, Reception::Told) => Ok(0),
        (None, Reception::NotSupervised) => Ok(NOT_UP),
        (None, Reception::Failed) => Ok(APPLET.codes.failure),
    }
}

/// `up`, `down` or `ready`, and perhaps a comma and seconds.
fn wish(value: &[u8]) -> Option<Wish> {
    let comma = value.iter().position(|&byte| byte == b',');
    let goal = Goal::named(&value[..comma.unwrap_or(value.len())])?;
    let limit = match comma {
        Some(comma) => Some(seconds(&value[comma + 1..])?),
        None => None,
    };
    Some(Wish { goal, any: false, limit, appear: false })
}

/// The service before it is told: what it is then must not be taken for what comes of it.
fn before(commands: &Commands, environ: &Environ, dir: &'static [u8]) -> Awaited {
    let record = Home::here(environ).and_then(|home| home.status()).ok();
    let incarnation = record.as_ref().map(waiting::incarnation);
    Awaited {
        former: incarnation.filter(|_| commands.ends()),
        failed: incarnation.filter(|_| commands.starts()),
        ..Awaited::new(dir)
    }
}

/// Tells the service in the current directory, and its log.
///
/// # Errors
/// If there is no way back from the log.
fn tell(commands: &Commands, environ: &Environ, dir: &[u8]) -> anyhow::Result<Reception> {
    let home = match Home::here(environ) {
        Ok(home) => home,
        Err(reason) => return Ok(warn("control", dir, reason)),
    };
    let record = if commands.looks() { home.status().ok() } else { None };
    if !commands.has_log() || record.is_some_and(|record| record.log.is_some()) {
        return Ok(send(dir, &home, commands.letters(&home, record.as_ref())));
    }
    // a log with a supervise of its own; who comes first is told first
    let service = Origin::open()?;
    let mut worst = Reception::Told;
    for is_log in commands.recipients() {
        let outcome = match is_log {
            false => send(dir, &home, commands.letters_for(false, &home, record.as_ref())),
            true => tell_log(commands, environ, &[dir, b"/log"].concat()),
        };
        service.back()?;
        worst = worst.max(outcome);
    }
    Ok(worst)
}

/// Tells the service in the directory `log` of the current one, which is left.
fn tell_log(commands: &Commands, environ: &Environ, dir: &[u8]) -> Reception {
    if let Err(reason) = nix::unistd::chdir(c"log") {
        return warn("chdir to", dir, reason);
    }
    match Home::here(environ) {
        Ok(home) => {
            let record: Option<StatusFile> = home.status().ok();
            send(dir, &home, commands.letters_for(true, &home, record.as_ref()))
        }
        Err(reason) => warn("control", dir, reason),
    }
}

fn send(dir: &[u8], home: &Home, letters: Result<Vec<u8>, Unusable>) -> Reception {
    let letters = match letters {
        Ok(letters) => letters,
        Err(Unusable::Unreadable(reason)) => return warn("read", &[dir, b"/reload-signal"].concat(), reason),
        Err(Unusable::Senseless) => {
            let why = b"no signal that a command can send";
            SPEAKER.warn_unable_to_as("use", &[dir, b"/reload-signal"], why);
            return Reception::Failed;
        }
    };
    let outcome = home.control().and_then(|control| write(&control, &letters));
    match outcome {
        Ok(()) => Reception::Told,
        // it has gone since the FIFO was opened
        Err(Errno::ENXIO | Errno::EPIPE) => {
            SPEAKER.warn_unable_to_as("control", &[dir], b"supervise not running");
            Reception::NotSupervised
        }
        Err(Errno::ENOENT) => {
            warn("control", dir, Errno::ENOENT);
            Reception::NotSupervised
        }
        Err(reason) => warn("control", dir, reason),
    }
}

/// Puts all letters into the FIFO at once, so that those of another svc cannot come in between.
fn write(control: &OwnedFd, letters: &[u8]) -> nix::Result<()> {
    let start = Instant::now();
    loop {
        match nix::unistd::write(control, letters) {
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let left = PATIENCE.saturating_sub(start.elapsed());
                // others may fill it again whenever there is room
                if left.is_zero() {
                    return Err(Errno::ETIMEDOUT);
                }
                let left = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
                match poll(&mut [PollFd::new(control.as_fd(), PollFlags::POLLOUT)], left) {
                    Ok(0) => return Err(Errno::ETIMEDOUT),
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(reason) => return Err(reason),
                }
            }
            // as many as fit at once always: pipe(7), PIPE_BUF
            outcome => return outcome.map(drop),
        }
    }
}

fn warn(verb: &str, dir: &[u8], reason: Errno) -> Reception {
    SPEAKER.warn_unable_to(verb, &[dir], reason);
    Reception::Failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_a_state_and_perhaps_seconds() {
        let found = |text: &str| wish(text.as_bytes()).map(|wish| (wish.goal, wish.limit));
        assert_eq!(found("up"), Some((Goal::Up, None)));
        assert_eq!(found("down,5"), Some((Goal::Down, Some(Duration::from_secs(5)))));
        assert_eq!(found("ready,0.5"), Some((Goal::Ready, Some(Duration::from_millis(500)))));
        for bad in ["", "Up", "up,", ",5", "up,x", "up,-1", "up,5,5", "upp", "u", "down 5"] {
            assert_eq!(found(bad), None, "{bad}");
        }
    }
}
