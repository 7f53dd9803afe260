//! Waiting until services are up, down or ready: svwait, and svc with `--wait`.

use super::info::Info;
use super::leftover;
use super::origin::Origin;
use super::status::{Phase, Record};
use super::watch::{News, Watch};
use super::{Home, is_s6};
use crate::environ::Environ;
use crate::process::start;
use crate::time::tai64n::Moment;
use crate::voice::dialect::Dialect;
use crate::voice::failure::{Failure, describe};
use crate::voice::speaker::Speaker;
use nix::errno::Errno;
use std::time::{Duration, Instant};

/// The time is over. (s6-svwait has this code.)
pub const TIMED_OUT: u8 = 99;

/// The supervise has ended.
pub const DIED: u8 = 102;

/// The service has failed for good.
pub const FAILED: u8 = 1;

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
enum Obstacle {
    TimedOut,
    Died,
    Failed,
    Unsupervised,
    Foreign,
    NoEntry(Errno),
    System(Errno),
}

impl Obstacle {
    fn code(self) -> u8 {
        match self {
            Self::TimedOut => TIMED_OUT,
            Self::Died => DIED,
            Self::Failed => FAILED,
            Self::Unsupervised | Self::Foreign | Self::NoEntry(_) | Self::System(_) => {
                crate::voice::exit::BERNSTEIN.failure
            }
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
    let mut watch = Watch::new(awaited.len(), &[]);
    // `None` as long as there is hope
    let mut obstacles: Vec<Option<Obstacle>> = vec![None; awaited.len()];
    let mut open = awaited.len();
    let mut places: Vec<usize> = (0..awaited.len()).collect();
    loop {
        // what is seen from then on is the last word, whatever goes on happening
        let is_late = end.is_some_and(|end| Instant::now() >= end);
        for place in places {
            let outcome = match origin.enter(awaited[place].dir) {
                Ok(()) => look(&mut watch, place, environ, wish, &mut awaited[place]),
                Err(reason) => Err(Obstacle::NoEntry(reason)),
            };
            origin.back()?;
            match outcome {
                Ok(Sight::Leftover(pid)) => {
                    announce(name, &mut awaited[place], pid);
                    continue;
                }
                Ok(Sight::Open) => continue,
                Ok(Sight::Reached) if wish.any => return Ok(0),
                Ok(Sight::Reached) => {}
                Err(obstacle) => {
                    obstacles[place] = Some(obstacle);
                    if !wish.any {
                        say_obstacles(name, wish.goal, &awaited, &obstacles);
                        return Ok(obstacle.code());
                    }
                }
            }
            watch.leave(place);
            open -= 1;
        }
        if open == 0 {
            say_obstacles(name, wish.goal, &awaited, &obstacles);
            return Ok(obstacles.iter().flatten().next().map_or(0, |obstacle| obstacle.code()));
        }
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let news = if is_late { Ok(News::TimeOver) } else { watch.wait(left, None) };
        places = match news.map_err(|reason| Failure::new("unable to wait").because(reason))? {
            News::Of(places) => places,
            News::TimeOver | News::NoReader => {
                for place in watch.left() {
                    obstacles[place] = Some(Obstacle::TimedOut);
                }
                say_obstacles(name, wish.goal, &awaited, &obstacles);
                return Ok(TIMED_OUT);
            }
        };
    }
}

/// Says what keeps each of them.
fn say_obstacles(name: &str, goal: Goal, awaited: &[Awaited], obstacles: &[Option<Obstacle>]) {
    let speaker = Speaker::patient(name);
    for (awaited, obstacle) in awaited.iter().zip(obstacles) {
        let Some(obstacle) = obstacle else { continue };
        let (verb, object) = match obstacle {
            Obstacle::Unsupervised => {
                speaker.give_up(&[b"no supervise runs for ", awaited.dir]);
                continue;
            }
            Obstacle::NoEntry(_) => ("chdir to", &[awaited.dir][..]),
            _ => ("wait until", &[awaited.dir, b" is ", goal.name().as_bytes()][..]),
        };
        speaker.give_up_unable_to_as(verb, object, obstacle.words().as_bytes());
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
enum Sight {
    /// What is waited for.
    Reached,
    /// What may still become of it.
    Open,
    /// No supervise, but this process, whose end is waited for.
    Leftover(i32),
}

impl Sight {
    fn is(reached: bool) -> Self {
        if reached { Self::Reached } else { Self::Open }
    }
}

/// Looks at the service in the current directory.
fn look(
    watch: &mut Watch,
    place: usize,
    environ: &Environ,
    wish: Wish,
    awaited: &mut Awaited,
) -> Result<Sight, Obstacle> {
    let home = Home::here(environ).map_err(Obstacle::System)?;
    let is_supervised = watch.look(place, &home).map_err(Obstacle::System)?;
    match wish.goal {
        _ if !is_supervised && is_s6(&home) => return Err(Obstacle::Foreign),
        Goal::Down if !is_supervised => {
            let Some(left) = leftover::find(&home) else { return Ok(Sight::Reached) };
            let pid = left.pid().as_raw();
            watch.follow(place, left.watched);
            return Ok(Sight::Leftover(pid));
        }
        Goal::Down => {}
        _ if awaited.standing == Standing::Unsupervised => return Err(Obstacle::Unsupervised),
        _ if is_supervised => {}
        _ if awaited.standing == Standing::Supervised => return Err(Obstacle::Died),
        _ if wish.appear => return Ok(Sight::Open),
        _ => return Err(Obstacle::Unsupervised),
    }
    awaited.standing = Standing::Supervised;
    let record = match home.status() {
        Ok(record) => record,
        // it is about to be written
        Err(Errno::ENOENT | Errno::EPROTO) => return Ok(Sight::Open),
        Err(reason) => return Err(Obstacle::System(reason)),
    };
    let incarnation = Some(incarnation(&record));
    match wish.goal {
        Goal::Down => Ok(Sight::is(is_down(&record))),
        _ if record.main.phase == Some(Phase::Failed) && incarnation != awaited.failed => Err(Obstacle::Failed),
        _ if !is_up(&record) || incarnation == awaited.former => Ok(Sight::Open),
        Goal::Up => Ok(Sight::Reached),
        Goal::Ready => Ok(Sight::is(is_ready(&record, home.info()))),
    }
}

/// Which process of the service the record tells of.
pub fn incarnation(record: &Record) -> Incarnation {
    (record.main.since, record.main.pid)
}

fn is_down(record: &Record) -> bool {
    record.main.pid == 0 && !matches!(record.main.phase, Some(Phase::Starting | Phase::Started | Phase::Stopping))
}

fn is_up(record: &Record) -> bool {
    match record.main.phase {
        Some(Phase::Started) => true,
        Some(Phase::Starting | Phase::Stopping | Phase::Failed) => false,
        Some(Phase::Stopped | Phase::Running) | None => record.main.pid != 0 && !record.in_finish,
    }
}

/// Whether a service that is up is ready.
fn is_ready(record: &Record, info: Option<Info>) -> bool {
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
