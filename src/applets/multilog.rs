//! multilog: append lines to log directories that rotate by themselves.
//!
//! | module | is |
//! |---|---|
//! | actions, pattern | what a call asks for |
//! | input | standard input, looked at before it is consumed |
//! | lines | lines go through the actions |
//! | directory, rotation, retention, processor | where they end |
//! | watch | signals, time, and what else there is to wait for |
//! | manual | the prose of the manual page |

pub mod actions;
mod directory;
mod input;
mod lines;
mod manual;
pub mod pattern;
mod processor;
mod retention;
mod rotation;
mod watch;

use crate::applet::{Applet, Family, Grammar, Group, Process, Role};
use crate::exit::BERNSTEIN;
use crate::failure::{Failure, UnableTo, say};
use crate::options::Given;
use crate::sys::{descriptor, signal};
use directory::LogDirectory;
use input::{Input, Look, Rest};
use lines::Lines;
use memchr::memchr;
use nix::sys::stat::{Mode, umask};
use processor::Surroundings;
use std::time::{Duration, Instant};
use watch::{GaveUp, Watch};

/// The definition.
pub const APPLET: Applet = Applet {
    name: "multilog",
    about: "Append lines to log directories that rotate by themselves",
    group: Group::Logging,
    family: Family::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[("0", "the end of standard input was reached, or TERM was received")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[("[ACTION]...", "What to do with each line, in this order")],
    example: &[],
    manual: manual::MANUAL,
    role: Role::Tool(Grammar::Words, run),
};

/// How long the rest of a line may take after TERM.
const LAST_LINE: Duration = Duration::from_secs(5);

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let mask = watch::block_signals().unable_to("block", b"signals")?;
    descriptor::occupy_standard().unable_to("read", b"standard input")?;
    let mut watch = Watch::new(mask).unable_to("watch for", b"signals")?;
    // neither a reader of standard error that is gone nor a limit on files may end a log
    let surroundings = Surroundings {
        environ: process.environ.entries(),
        mask: watch.mask,
        dispositions: [
            (libc::SIGPIPE, signal::ignore(libc::SIGPIPE).unable_to("ignore", b"SIGPIPE")?),
            (libc::SIGXFSZ, signal::ignore(libc::SIGXFSZ).unable_to("ignore", b"SIGXFSZ")?),
        ],
    };
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let mut input = Input::new().unable_to("read", b"standard input")?;
    let plan = actions::parse(given.operands().iter().map(|word| word.bytes()));
    for (word, why) in &plan.ignored {
        let _ = say(&[b"multilog: warning: ignoring action ", word, b": ", why.as_bytes(), b"\n"]);
    }
    let mut lines = Lines::open(plan, &process.environ, &surroundings, &mut watch)?;
    process.listeners.tool_runs(APPLET.name);

    let outcome = log(&mut lines, &mut input, &mut watch);
    let outcome = outcome.and_then(|()| finish_line(&mut lines, &mut input, &mut watch));
    let closed = close(&mut lines, &mut watch);
    outcome.and(closed).map(|()| 0)
}

/// Logs what comes, up to the end of the input or TERM.
fn log(lines: &mut Lines<'_>, input: &mut Input, watch: &mut Watch) -> anyhow::Result<()> {
    loop {
        watch.wait(Some(Duration::ZERO)).unable_to("wait for", b"input")?;
        see_to_directories(lines, watch)?;
        if watch.ended.is_some() {
            return Ok(());
        }
        let look = match input.may_wait() && !watch.is_ready {
            true => Look::Nothing,
            false => input.look(watch, false).unable_to("read", b"standard input")?,
        };
        match look {
            Look::More | Look::End => {
                let is_all = look == Look::End;
                let done = lines.log(input.bytes(), is_all, watch).map_err(Failure::from)?;
                input.finish(done).unable_to("read", b"standard input")?;
                if is_all {
                    return Ok(());
                }
            }
            Look::Nothing => wait(lines, input, watch, None)?,
        }
    }
}

/// Waits for more input, for a signal, or until something is due.
fn wait(lines: &mut Lines<'_>, input: &mut Input, watch: &mut Watch, end: Option<Instant>) -> anyhow::Result<()> {
    input.be_watched(watch).unable_to("watch", b"standard input")?;
    if watch.is_ready {
        return Ok(());
    }
    let now = Instant::now();
    let due = [lines.due(), end].into_iter().flatten().min().map(|due| due.saturating_duration_since(now));
    let limit = match input.rest() {
        Rest::None => due,
        Rest::Yield => {
            let _ = nix::sched::sched_yield();
            return Ok(());
        }
        Rest::Wait(limit) => Some(due.map_or(limit, |due| due.min(limit))),
        Rest::Hold => {
            input.hold().unable_to("read", b"standard input")?;
            due
        }
    };
    watch.wait(limit).unable_to("wait for", b"input")
}

/// Rotates what is too old, or all if ALRM asks for it, and sees to processors.
fn see_to_directories(lines: &mut Lines<'_>, watch: &mut Watch) -> anyhow::Result<()> {
    let is_alarmed = std::mem::take(&mut watch.is_alarmed);
    for directory in lines.directories() {
        let mut see = || {
            directory.look_after(watch)?;
            if is_alarmed { directory.rotate(watch) } else { Ok(()) }
        };
        see().map_err(|GaveUp| unfinished(directory))?;
    }
    Ok(())
}

/// After TERM: a line that has been begun is logged up to its newline, for which it waits a little.
fn finish_line(lines: &mut Lines<'_>, input: &mut Input, watch: &mut Watch) -> anyhow::Result<()> {
    let Some(ended) = watch.ended else { return Ok(()) };
    let end = ended + LAST_LINE;
    while lines.is_inside() || !input.bytes().is_empty() {
        let newline = memchr(b'\n', input.bytes());
        let is_late = Instant::now() >= end;
        let look = match newline.is_some() || is_late || input.may_wait() && !watch.is_ready {
            true => Look::Nothing,
            false => input.look(watch, true).unable_to("read", b"standard input")?,
        };
        let newline = newline.or_else(|| memchr(b'\n', input.bytes()));
        let is_all = newline.is_none() && (is_late || look == Look::End);
        let bytes = &input.bytes()[..newline.map_or(input.bytes().len(), |newline| newline + 1)];
        let done = lines.log(bytes, is_all, watch).map_err(Failure::from)?;
        input.finish(done).unable_to("read", b"standard input")?;
        if newline.is_some() || is_all {
            break;
        }
        if look == Look::Nothing {
            wait(lines, input, watch, Some(end))?;
        }
    }
    Ok(())
}

/// Closes all directories cleanly, as far as that can be done.
fn close(lines: &mut Lines<'_>, watch: &mut Watch) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for directory in lines.directories() {
        if directory.close(watch).is_err() && outcome.is_ok() {
            outcome = Err(unfinished(directory));
        }
    }
    outcome
}

/// What is said when TERM came and the last attempts have failed.
fn unfinished(directory: &LogDirectory<'_>) -> anyhow::Error {
    Failure::new([b"exiting with ", directory.name(), b" unfinished"].concat()).into()
}
