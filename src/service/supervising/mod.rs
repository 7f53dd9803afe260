//! What a supervise does: keep a service running. The applet does it in a process of its own, svscan in a fork.
//!
//! | module | is |
//! |---|---|
//! | table | what each command does in each state |
//! | service | what is known of the service, its processes, and what is due |
//! | launch, child | making a process of it, and watching it |
//! | files, written | the supervise directory, and the files of it that are replaced |
//! | requests | small files that ask for something |

mod child;
mod files;
mod launch;
mod requests;
mod service;
pub mod table;
mod written;

use crate::environ::Environ;
use crate::process::inherited_signals::{Inherited, Signals};
use crate::service::Home;
use crate::sys::process::peek_ended;
use crate::sys::signal;
use crate::time::clock::monotonic;
use crate::voice::failure::{Failure, UnableTo};
use crate::voice::speaker::Speaker;
use files::SuperviseDirectory;
use launch::Inheritance;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use service::{Estate, Service};
use std::os::fd::AsFd;
use std::time::Duration;

/// The name of who does it.
pub const NAME: &str = "supervise";

/// How it speaks: the service comes before whoever reads that.
const SPEAKER: Speaker<'_> = Speaker::in_passing(NAME);

/// What it waits for. TERM, INT and HUP mean that the service is to end; QUIT that it is to be left alone; IO that something
/// has been removed from the supervise directory.
pub const WATCHED: [i32; 6] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGCHLD, libc::SIGIO];

/// How far a supervise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing has been started yet, and nothing keeps it from that any more.
    Begins,
    /// svok succeeds, and the service has been started, if it is wanted.
    IsUp,
}

/// Supervises the service in `dir` until it is told to exit. Gives the exit code. `signals` are as they were before
/// [`WATCHED`] were put aside; `start` is when this process was started; `tell` is called as it gets on.
///
/// # Errors
/// What keeps from that, before anything has been started.
pub fn supervise(
    dir: &[u8],
    environ: &Environ,
    signals: &Inherited,
    start: u64,
    mut tell: impl FnMut(Progress),
) -> anyhow::Result<u8> {
    nix::unistd::chdir(dir).unable_to("chdir to", dir)?;
    let is_wanted = match nix::sys::stat::stat(c"down") {
        Ok(_) => false,
        Err(Errno::ENOENT) => true,
        Err(reason) => return Err(reason).unable_to("stat", &[dir, b"/down"].concat()),
    };
    // an ignored one would take the service's end away
    signal::set_default(libc::SIGCHLD).unable_to("watch for", b"children")?;
    let arrived = Signals::new(&WATCHED).unable_to("watch for", b"signals")?;
    let home = Home::here(environ).unable_to("find the way to", dir)?;
    let files = SuperviseDirectory::open(&home, dir, None)?;
    let inheritance = Inheritance { environ: environ.entries(), signals };
    let mut service = Service::new(dir, &home, files, inheritance, is_wanted);
    let estate = service.follow(start);
    service.write();
    service.tell_ok()?;
    tell(Progress::Begins);
    if estate == Estate::Ended {
        obey(&mut service);
    }
    service.begin();
    service.write();
    tell(Progress::IsUp);
    while !service.is_over() {
        match attend(&mut service, &arrived) {
            Ok(Go::On) => {}
            Ok(Go::Away) => return Ok(0),
            Err(reason) => return Err(Failure::unable_to("wait for", b"events", reason).into()),
        }
    }
    Ok(0)
}

/// Whether to go on.
enum Go {
    On,
    /// At once, and the service is left alone.
    Away,
}

/// Waits for something to happen, and does what it asks for.
fn attend(service: &mut Service<'_>, arrived: &Signals) -> nix::Result<Go> {
    let limit = service.next_time().map(|at| Duration::from_nanos(at.saturating_sub(monotonic())));
    let ready = wait(service, arrived, limit)?;
    if ready.signal {
        while let Some(signal) = arrived.take() {
            match signal {
                libc::SIGTERM | libc::SIGINT | libc::SIGHUP => service.end(),
                libc::SIGQUIT => return Ok(Go::Away),
                libc::SIGIO => service.lose(),
                // the dead are looked for in any case
                _ => {}
            }
        }
    }
    if ready.notification {
        service.hear();
    }
    if ready.signal || ready.child {
        while let Ok(ended) = peek_ended() {
            service.reap(ended);
        }
    }
    if ready.signal || ready.child || service.is_unwatched() {
        service.look_at_strangers();
    }
    if ready.control {
        obey(service);
    }
    service.attend();
    service.write();
    Ok(Go::On)
}

/// What has happened.
struct Happened {
    signal: bool,
    control: bool,
    child: bool,
    notification: bool,
}

fn wait(service: &Service<'_>, arrived: &Signals, limit: Option<Duration>) -> nix::Result<Happened> {
    let what = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
    let nothing = || what(arrived.as_fd());
    let mut watched_for = [
        what(arrived.as_fd()),
        what(service.control()),
        service.end_of_child().map_or_else(nothing, what),
        service.notification().map_or_else(nothing, what),
    ];
    match ppoll(&mut watched_for, limit.map(TimeSpec::from_duration), None) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(reason) => return Err(reason),
    }
    let [signal, control, child, notification] = watched_for.map(|one| one.any().unwrap_or(true));
    Ok(Happened { signal, control, child, notification })
}

/// Obeys the commands that have come. Many are obeyed in turns, so that who sends ever more does not keep supervise from
/// all else.
fn obey(service: &mut Service<'_>) {
    /// Bytes read at once, and in a turn.
    const ROOM: usize = 256;
    const TURN: usize = 4096;
    let mut to_group = false;
    // commands for a log inside the same supervise, of which there is none
    let mut is_for_log = false;
    for _ in 0..TURN / ROOM {
        let mut commands = [0; ROOM];
        let count = nix::unistd::read(service.control(), &mut commands).unwrap_or(0);
        for &command in &commands[..count] {
            match command {
                b'+' => to_group = true,
                b'=' => to_group = false,
                b'L' => (is_for_log, to_group) = (true, false),
                b'l' => (is_for_log, to_group) = (false, false),
                _ if is_for_log => {}
                // it has been told to exit while the service is down, and does so before all else
                _ if service.is_over() => return,
                command => service.command(command, to_group),
            }
        }
        if count < ROOM {
            break;
        }
    }
}
