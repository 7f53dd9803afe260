//! multilog: append lines to log directories that rotate by themselves.
//!
//! | module | is |
//! |---|---|
//! | actions, pattern | what a call asks for |
//! | input, feed | standard input, looked at before it is consumed |
//! | lines | lines go through the actions |
//! | destination | where they end |
//! | directory, files, rotation, retention | log directories |
//! | processor, missing | what makes old files of full ones |
//! | removed | log directories that are taken away |
//! | events | signals, time, and what else there is to wait for |
//! | manual | the prose of the manual page |

pub mod actions;
mod destination;
mod directory;
mod events;
mod feed;
mod files;
mod input;
mod lines;
mod manual;
mod missing;
pub mod pattern;
mod processor;
mod removed;
mod retention;
mod rotation;

use crate::applet::{Applet, Dialect, Grammar, Process, Role};
use crate::files::descriptors;
use crate::options::Given;
use crate::process::beside::Beside;
use crate::process::inherited_signals::Inherited;
use crate::sys::descriptor::{self, STDIN};
use crate::voice::exit::{BERNSTEIN, SUCCESS};
use crate::voice::failure::{Failure, UnableTo, is_heard};
use crate::voice::speaker::Speaker;
use directory::LogDirectory;
use events::{Events, GaveUp, WATCHED};
use input::{Input, Look, Rest};
use lines::{Extent, Lines};
use memchr::memchr;
use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use processor::Surroundings;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// How it speaks once it logs: that comes before whoever reads what it says.
const SPEAKER: Speaker<'_> = Speaker::in_passing(APPLET.name);

/// The definition.
pub const APPLET: Applet = Applet {
    name: "multilog",
    about: "Append lines to log directories that rotate by themselves",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "the end of standard input was reached, or TERM was received")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[("[ACTION]...", "What to do with each line, in this order")],
    example: &[],
    manual: manual::MANUAL,
    role: Role::Tool(Grammar::Words(manual::ACTIONS), run),
};

/// How long the rest of a line may take after TERM.
const LAST_LINE: Duration = Duration::from_secs(5);

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    // neither a reader of standard error that is gone nor a limit on files may end a log
    let signals = Inherited::put_aside(&WATCHED).unable_to("block", b"signals")?;
    if !descriptor::is_open(STDIN.as_raw_fd()) {
        return Err(Errno::EBADF).unable_to("read", b"standard input");
    }
    descriptors::occupy_standard();
    let mut events = Events::new().unable_to("watch for", b"signals")?;
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let mut input = Input::new(&events).unable_to("read", b"standard input")?;
    let plan = actions::parse(given.operands().iter().map(|word| word.bytes()));
    for complaint in &plan.complaints {
        Speaker::patient(APPLET.name).warn(&[complaint]);
    }
    // an ignored one takes the ends of children away
    let beside = match plan.has_processor() {
        true => Some(Beside::new().unable_to("watch for", b"children")?),
        false => None,
    };
    let surroundings = Surroundings { environ: process.environ.entries(), signals, beside };
    let mut lines = Lines::open(plan, &process.environ, &surroundings, &mut events)?;
    events.is_started = true;
    process.listeners.tool_runs(APPLET.name);

    let outcome = log(&mut lines, &mut input, &mut events);
    let outcome = outcome.and_then(|()| finish_line(&mut lines, &mut input, &mut events));
    let closed = close(&mut lines, &mut events);
    // who does not read what is said must not keep it from its end
    outcome.and(closed).map(|()| 0).map_err(|error| if is_heard() { error } else { Failure::unspoken().into() })
}

/// Logs what comes, up to the end of the input or TERM.
fn log(lines: &mut Lines<'_>, input: &mut Input, events: &mut Events) -> anyhow::Result<()> {
    /// How many looks there may be before somebody looks for signals.
    const LOOKS: u32 = 4;
    let mut looks = 0;
    loop {
        if looks == 0 {
            events.wait(Some(Duration::ZERO)).unable_to("wait for", b"input")?;
        }
        looks = (looks + 1) % LOOKS;
        see_to_directories(lines, events)?;
        if events.ended.is_some() {
            return Ok(());
        }
        let look = match input.may_wait() && !events.is_ready {
            true => Look::Nothing,
            false => look(lines, input, events, false)?,
        };
        match look {
            Look::More => {
                let done = pass(lines, input, events, if input.may_wait() { Extent::Parts } else { Extent::Lines })?;
                if done == 0 && input.is_full() {
                    pass(lines, input, events, Extent::Parts)?;
                }
            }
            Look::End => return pass(lines, input, events, Extent::All).map(drop),
            Look::Nothing => {
                looks = 0;
                wait(lines, input, events, None)?;
            }
        }
    }
}

/// Looks for more input. If it cannot be read, what has come before is logged.
fn look(lines: &mut Lines<'_>, input: &mut Input, events: &mut Events, byte: bool) -> anyhow::Result<Look> {
    match input.look(events, byte) {
        Ok(look) => Ok(look),
        Err(reason) => {
            let _ = pass(lines, input, events, Extent::All);
            Err(reason).unable_to("read", b"standard input")
        }
    }
}

/// Logs what has been seen, and then consumes it. Gives how many bytes that were.
fn pass(lines: &mut Lines<'_>, input: &mut Input, events: &mut Events, extent: Extent) -> anyhow::Result<usize> {
    let done = lines.log(input.bytes(), extent, events).map_err(Failure::from)?;
    input.finish(done).unable_to("read", b"standard input")?;
    Ok(done)
}

/// Waits for more input, for a signal, or until something is due.
fn wait(lines: &mut Lines<'_>, input: &mut Input, events: &mut Events, end: Option<Instant>) -> anyhow::Result<()> {
    input.be_watched(events).unable_to("watch", b"standard input")?;
    if events.is_ready {
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
            pass(lines, input, events, Extent::Parts)?;
            // what was left may have hidden more
            return input.hold().unable_to("read", b"standard input");
        }
    };
    events.wait(limit).unable_to("wait for", b"input")
}

/// Rotates what is too old, or all if ALRM asks for it, and sees to processors.
fn see_to_directories(lines: &mut Lines<'_>, events: &mut Events) -> anyhow::Result<()> {
    let is_alarmed = std::mem::take(&mut events.is_alarmed);
    for directory in lines.directories() {
        directory.look_after(is_alarmed, events).map_err(|GaveUp| unfinished(directory))?;
    }
    Ok(())
}

/// After TERM: a line that has been begun is logged up to its newline, for which it waits a little.
fn finish_line(lines: &mut Lines<'_>, input: &mut Input, events: &mut Events) -> anyhow::Result<()> {
    let Some(ended) = events.ended else { return Ok(()) };
    let end = ended + LAST_LINE;
    while lines.is_inside() || !input.bytes().is_empty() {
        if let Some(newline) = memchr(b'\n', input.bytes()) {
            let done = lines.log(&input.bytes()[..=newline], Extent::Lines, events).map_err(Failure::from)?;
            input.finish(done).unable_to("read", b"standard input")?;
            // what could not be left to others is logged, too
            if input.holds() {
                continue;
            }
            return Ok(());
        }
        let is_late = Instant::now() >= end;
        let look = match is_late || input.may_wait() && !events.is_ready {
            true => Look::Nothing,
            false => look(lines, input, events, true)?,
        };
        if is_late || look == Look::End {
            return pass(lines, input, events, Extent::All).map(drop);
        }
        if look == Look::Nothing {
            see_to_directories(lines, events)?;
            wait(lines, input, events, Some(end))?;
        } else if memchr(b'\n', input.bytes()).is_none() && (input.is_full() || input.may_wait()) {
            pass(lines, input, events, Extent::Parts)?;
        }
    }
    Ok(())
}

/// Closes all directories cleanly, as far as that can be done.
fn close(lines: &mut Lines<'_>, events: &mut Events) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    // all processors have the same time, however many there are
    for directory in lines.directories() {
        // what is left of it keeps the directory from being closed cleanly
        let _ = directory.await_work(events);
    }
    for directory in lines.directories() {
        if directory.close(events).is_err() && outcome.is_ok() {
            outcome = Err(unfinished(directory));
        }
    }
    outcome
}

/// What is said when TERM came and the last attempts have failed.
fn unfinished(directory: &LogDirectory<'_>) -> anyhow::Error {
    Failure::new([b"exiting with ", directory.name(), b" unfinished"].concat()).into()
}
