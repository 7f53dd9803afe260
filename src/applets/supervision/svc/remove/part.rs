//! The service, or its log, on the way to its end. The current directory is its own wherever it is looked at.

use super::super::write;
use crate::files::pipe::Pipe;
use crate::process::table;
use crate::service::status::Want;
use crate::service::watch::ServiceWatch;
use crate::service::{Home, leftover, waiting};
use crate::sys::lock::{self, Kind};
use crate::voice::failure::Failure;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Between two looks at what nothing tells of.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a supervise that does not show itself may still be about to: it may have been started just before the renaming, or mend
/// its directory.
const SETTLED: Duration = Duration::from_millis(500);

/// How long a log may outlive its service before it is told itself: svscan sees to it sooner. Where none does, as with
/// daemontools', nothing else would end it.
const GRACE: Duration = Duration::from_secs(7);

/// How long svscan may take to start a log again that is not there.
const RESTART: Duration = Duration::from_millis(1200);

/// The service itself.
pub struct MainPart {
    home: Home,
    begin: Instant,
    is_told: bool,
    /// Held so that no supervise starts any more.
    lock: Option<OwnedFd>,
    /// A process that runs although no supervise does.
    left: Option<i32>,
    /// Whether nothing of it runs any more.
    pub is_over: bool,
}

impl MainPart {
    /// One that has just been renamed.
    pub fn new(home: Home, begin: Instant) -> Self {
        Self { home, begin, is_told: false, lock: None, left: None, is_over: false }
    }

    /// Tells it to end as soon as somebody hears it, and looks whether it has. Gives when it is to be looked at again at the latest.
    ///
    /// # Errors
    /// If it cannot be told.
    pub fn look(&mut self, watch: &mut ServiceWatch, place: usize) -> anyhow::Result<Option<Instant>> {
        let again = Some(Instant::now() + PAUSE);
        let unable = |reason| Failure::new("unable to control").because(reason);
        if watch.look(place, &self.home).map_err(unable)? {
            if !self.is_told {
                match tell(&self.home) {
                    Ok(()) => self.is_told = true,
                    // it has just ended
                    Err(Errno::ENXIO | Errno::EPIPE | Errno::ENOENT) => return Ok(again),
                    Err(reason) => return Err(unable(reason).into()),
                }
            }
            return Ok(None);
        }
        if self.lock.is_none() {
            match acquire(&self.home) {
                Ok(lock) => self.lock = Some(lock),
                // somebody begins or ends
                Err(Errno::EAGAIN) => return Ok(again),
                Err(_) if self.begin.elapsed() < SETTLED => return Ok(again),
                Err(_) => {}
            }
            // now that nobody can come
            if self.home.ok().is_ok() {
                return Ok(again);
            }
        }
        match leftover::find(&self.home) {
            Some(left) => {
                self.left = Some(left.pid().as_raw());
                watch.follow(place, left.watched);
            }
            None => self.is_over = true,
        }
        Ok(None)
    }

    /// What it is that is waited for.
    pub fn process(&self) -> String {
        match self.left {
            Some(pid) => format!("; its supervise has ended, but not {}", named(pid)),
            None => shown(&self.home),
        }
    }
}

/// Its log, which svscan ends when it has read all there is.
pub struct LogPart {
    home: Home,
    was_seen: bool,
    is_told: bool,
    /// Whether no supervise of it runs any more.
    pub is_over: bool,
}

impl LogPart {
    /// One that may run.
    pub fn new(home: Home) -> Self {
        Self { home, was_seen: false, is_told: false, is_over: false }
    }

    /// Looks whether it has ended, and sees to that where nobody else does. `ended` is since when the service has. Gives when it is to
    /// be looked at again at the latest.
    pub fn look(&mut self, watch: &mut ServiceWatch, place: usize, ended: Instant) -> Option<Instant> {
        if !watch.look(place, &self.home).unwrap_or(true) {
            self.is_over = self.was_seen || ended.elapsed() >= RESTART;
            return Some(ended + RESTART).filter(|_| !self.is_over);
        }
        self.was_seen = true;
        if self.is_told {
            return None;
        }
        if ended.elapsed() >= GRACE && self.has_read_all() {
            self.is_told = tell(&self.home).is_ok();
            return Some(Instant::now() + PAUSE);
        }
        Some((ended + GRACE).max(Instant::now() + PAUSE))
    }

    /// Whether there is nothing in its pipe: to read, or ever to be read. In doubt there is.
    fn has_read_all(&self) -> bool {
        let supervise = self.home.info().filter(waiting::is_current).map(|info| info.supervise.pid);
        // without that, who reads has it, too
        let status = self.home.status().ok().map(|record| record.main);
        let reader = supervise.or_else(|| status.map(|status| status.pid)).and_then(|pid| i32::try_from(pid).ok());
        match reader.filter(|&pid| pid > 0).map(Pid::from_raw) {
            Some(pid) => Pipe::of_process(pid, 0, None).is_some_and(|pipe| pipe.unread() == 0),
            None => status.is_some_and(|status| status.want == Want::Down),
        }
    }

    /// What it is that is waited for.
    pub fn process(&self) -> String {
        shown(&self.home)
    }
}

fn tell(home: &Home) -> nix::Result<()> {
    write(&home.control()?, b"dx")
}

/// The lock of a supervise that does not run. Made if it is not there: one that has got no further than its directory comes too
/// late then, however long it takes.
fn acquire(home: &Home) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_CREAT | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let lock = open(home.file("lock").as_slice(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    lock::acquire(lock.as_fd(), Kind::Flock, false, false)?;
    Ok(lock)
}

/// The process of a service, or one that it has left behind.
fn shown(home: &Home) -> String {
    let main = home.status().map_or(0, |record| record.main.pid);
    let left = home.info().map_or(0, |info| info.left_process.pid);
    match i32::try_from(if main == 0 { left } else { main }) {
        Ok(pid @ 1..) => format!(": {}", named(pid)),
        _ => String::new(),
    }
}

/// A process by number and name.
fn named(pid: i32) -> String {
    match table::command(Pid::from_raw(pid)) {
        Some(name) => format!("pid {pid} ({name})"),
        None => format!("pid {pid}"),
    }
}
