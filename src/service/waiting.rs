//! Waiting until services are up, down or ready: svwait, and svc with `--wait`.

use super::info::Info;
use super::leftover;
use super::origin::Origin;
use super::status::{Phase, StatusFile};
use super::watch::{News, ServiceWatch};
use super::{Home, is_s6};
use crate::environ::Environ;
use crate::process::start;
use crate::time::tai64n::Moment;
use crate::voice::dialect::Dialect;
use crate::voice::exit::{BERNSTEIN, SUPERVISE_ENDED, TIMED_OUT, WAIT_FAILED};
use crate::voice::failure::{Failure, describe};
use crate::voice::speaker::Speaker;
use nix::errno::Errno;
use std::time::{Duration, Instant};

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// It runs: not only `start`, `stop` or `finish`.
    Up,
    /// Nothing of it runs.
    Down,
    /// It is up, and has said that it is ready if it ever says so.
    Ready,
}

impl Goal {
    /// The goal of that name.
    pub fn named(name: &[u8]) -> Option<Self> {
        [Self::Up, Self::Down, Self::Ready].into_iter().find(|goal| goal.name().as_bytes() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Ready => "ready",
        }
    }
}

/// What to wait for, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// What all of the services, or one of them, are to be.
    pub goal: Goal,
    /// Whether one of them is enough.
    pub any: bool,
    /// For how long at most.
    pub limit: Option<Duration>,
    /// Whether a supervise that does not run yet is waited for, too.
    pub appear: bool,
}

/// What is known of the supervise of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet.
    Unknown,
    /// It has been there.
    Supervised,
    /// A command found none. One that comes now has not heard it.
    Unsupervised,
}

/// Which process of a service: a pid, and since when.
pub type Incarnation = (Moment, u32);

/// One service to wait for.
#[derive(Clone, Copy, Debug)]
pub struct Awaited {
    /// Its directory.
    pub dir: &'static [u8],
    /// What is known of its supervise.
    pub standing: Standing,
    /// The process that is waited for in place of a supervise, once that has been said.
    pub told: Option<i32>,
    /// What was up before a command that ends it, and does not count.
    pub former: Option<Incarnation>,
    /// What had failed before a command that starts it anew, likewise.
    pub failed: Option<Incarnation>,
}

impl Awaited {
    /// Of which nothing is known.
    pub fn new(dir: &'static [u8]) -> Self {
        Self { dir, standing: Standing::Unknown, told: None, former: None, failed: None }
    }
}

/// Why a service will not come to what is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hindrance {
    TimedOut,
    Died,
    Failed,
    Unsupervised,
    Foreign,
    NoEntry(Errno),
    System(Errno),
}

impl Hindrance {
    fn code(self) -> u8 {
        match self {
            Self::TimedOut => TIMED_OUT,
            Self::Died => SUPERVISE_ENDED,
            Self::Failed => WAIT_FAILED,
            Self::Unsupervised | Self::Foreign | Self::NoEntry(_) | Self::System(_) => BERNSTEIN.failure,
        }
    }

    fn words(self) -> std::borrow::Cow<'static, str> {
        match self {
            Self::TimedOut => "timed out".into(),
            Self::Died | Self::Unsupervised => "supervise not running".into(),
            Self::Foreign => "not a daemontools service (s6)".into(),
            Self::Failed => "it has failed".into(),
            Self::NoEntry(reason) | Self::System(reason) => describe(reason, Dialect::Bernstein),
        }
    }
}

/// Waits. Gives the exit code; `name` says what keeps the services from what is waited for.
///
/// # Errors
/// If there is no way back to where the names are seen from, or to wait.
pub fn wait(
    name: &str,
    origin: &Origin,
    environ: &Environ,
    wish: Wish,
    mut awaited: Vec<Awaited>,
) -> anyhow::Result<u8> {
    let end = wish.limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut watch = ServiceWatch::new(awaited.len(), &[]);
    // `None` as long as there is hope
    let mut hindrances: Vec<Option<Hindrance>> = vec![None; awaited.len()];
    let mut open = awaited.len();
    let mut places: Vec<usize> = (0..awaited.len()).collect();
    loop {
        // what is seen from then on is the last word, whatever goes on happening
        let is_late = end.is_some_and(|end| Instant::now() >= end);
        for place in places {
            let outcome = match origin.enter(awaited[place].dir) {
                Ok(()) => look(&mut watch, place, environ, wish, &mut awaited[place]),
                Err(reason) => Err(Hindrance::NoEntry(reason)),
            };
            origin.back()?;
            match outcome {
                Ok(Finding::Leftover(pid)) => {
                    announce(name, &mut awaited[place], pid);
                    continue;
                }
                Ok(Finding::Open) => continue,
                Ok(Finding::Reached) if wish.any => return Ok(0),
                Ok(Finding::Reached) => {}
                Err(hindrance) => {
                    hindrances[place] = Some(hindrance);
                    if !wish.any {
                        say_hindrances(name, wish.goal, &awaited, &hindrances);
                        return Ok(hindrance.code());
                    }
                }
            }
            watch.leave(place);
            open -= 1;
        }
        if open == 0 {
            say_hindrances(name, wish.goal, &awaited, &hindrances);
            return Ok(hindrances.iter().flatten().next().map_or(0, |hindrance| hindrance.code()));
        }
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let news = if is_late { Ok(News::TimeOver) } else { watch.wait(left, None) };
        places = match news.map_err(|reason| Failure::new("unable to wait").because(reason))? {
            News::Of(places) => places,
            News::TimeOver | News::NoReader => {
                for place in watch.left() {
                    hindrances[place] = Some(Hindrance::TimedOut);
                }
                say_hindrances(name, wish.goal, &awaited, &hindrances);
                return Ok(TIMED_OUT);
            }
        };
    }
}

/// Says what keeps each of them.
fn say_hindrances(name: &str, goal: Goal, awaited: &[Awaited], hindrances: &[Option<Hindrance>]) {
    let speaker = Speaker::patient(name);
    for (awaited, hindrance) in awaited.iter().zip(hindrances) {
        let Some(hindrance) = hindrance else { continue };
        let (verb, object) = match hindrance {
            Hindrance::Unsupervised => {
                speaker.give_up(&[b"no supervise runs for ", awaited.dir]);
                continue;
            }
            Hindrance::NoEntry(_) => ("chdir to", &[awaited.dir][..]),
            _ => ("wait until", &[awaited.dir, b" is ", goal.name().as_bytes()][..]),
        };
        speaker.give_up_unable_to_as(verb, object, hindrance.words().as_bytes());
    }
}

/// Says once which process is waited for, since nobody is there to end it.
fn announce(name: &str, awaited: &mut Awaited, pid: i32) {
    if awaited.told.replace(pid) != Some(pid) {
        let what = format!(": waiting for the end of process {pid}");
        Speaker::patient(name).warn(&[b"no supervise runs for ", awaited.dir, what.as_bytes()]);
    }
}

/// What a look at a service finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// What is waited for.
    Reached,
    /// What may still become of it.
    Open,
    /// No supervise, but this process, whose end is waited for.
    Leftover(i32),
}

impl Finding {
    fn is(reached: bool) -> Self {
        if reached { Self::Reached } else { Self::Open }
    }
}

/// Looks at the service in the current directory.
fn look(
    watch: &mut ServiceWatch,
    place: usize,
    environ: &Environ,
    wish: Wish,
    awaited: &mut Awaited,
) -> Result<Finding, Hindrance> {
    let home = Home::here(environ).map_err(Hindrance::System)?;
    let is_supervised = watch.look(place, &home).map_err(Hindrance::System)?;
    match wish.goal {
        _ if !is_supervised && is_s6(&home) => return Err(Hindrance::Foreign),
        Goal::Down if !is_supervised => {
            let Some(left) = leftover::find(&home) else { return Ok(Finding::Reached) };
            let pid = left.pid().as_raw();
            watch.follow(place, left.watched);
            return Ok(Finding::Leftover(pid));
        }
        Goal::Down => {}
        _ if awaited.standing == Standing::Unsupervised => return Err(Hindrance::Unsupervised),
        _ if is_supervised => {}
        _ if awaited.standing == Standing::Supervised => return Err(Hindrance::Died),
        _ if wish.appear => return Ok(Finding::Open),
        _ => return Err(Hindrance::Unsupervised),
    }
    awaited.standing = Standing::Supervised;
    let record = match home.status() {
        Ok(record) => record,
        // it is about to be written
        Err(Errno::ENOENT | Errno::EPROTO) => return Ok(Finding::Open),
        Err(reason) => return Err(Hindrance::System(reason)),
    };
    let incarnation = Some(incarnation(&record));
    match wish.goal {
        Goal::Down => Ok(Finding::is(is_down(&record))),
        _ if record.main.phase == Some(Phase::Failed) && incarnation != awaited.failed => Err(Hindrance::Failed),
        _ if !is_up(&record) || incarnation == awaited.former => Ok(Finding::Open),
        Goal::Up => Ok(Finding::Reached),
        Goal::Ready => Ok(Finding::is(is_ready(&record, home.info()))),
    }
}

/// Which process of the service the record tells of.
pub fn incarnation(record: &StatusFile) -> Incarnation {
    (record.main.since, record.main.pid)
}

fn is_down(record: &StatusFile) -> bool {
    record.main.pid == 0 && !matches!(record.main.phase, Some(Phase::Starting | Phase::Started | Phase::Stopping))
}

fn is_up(record: &StatusFile) -> bool {
    match record.main.phase {
        Some(Phase::Started) => true,
        Some(Phase::Starting | Phase::Stopping | Phase::Failed) => false,
        Some(Phase::Stopped | Phase::Running) | None => record.main.pid != 0 && !record.in_finish,
    }
}

/// Whether a service that is up is ready.
fn is_ready(record: &StatusFile, info: Option<Info>) -> bool {
    match info {
        // nobody tells, or who told has gone: there is nothing more to come
        None => true,
        Some(info) if info.process.pid == record.main.pid => info.ready != Some(false),
        Some(info) => !is_current(&info),
    }
}

/// Whether the supervise that has written this still runs.
pub fn is_current(info: &Info) -> bool {
    // times are since the start of the machine
    info.boot == start::boot() && info.supervise.is_alive()
}
