//! The service: what is known of it, its processes, and what is due when.
//!
//! | module | is |
//! |---|---|
//! | wanted | what is wanted of it, and for how long it is supervised |
//! | ordered | what its process has been told, and when it is killed |
//! | round | how far it is from `start` to `stop` |
//! | pace | how long it is from one start to the next |
//! | left | what it has left behind, and saying what is waited for |
//! | healing | when its supervise directory is mended |
//! | following | going on where a supervise was killed |
//! | commands | doing what the table says |
//! | starting, ending | from a start to an end to the next start |
//! | telling | what is told about it |

mod commands;
mod ending;
mod following;
mod healing;
mod left;
mod ordered;
mod pace;
mod round;
mod starting;
mod telling;
mod wanted;

use super::SPEAKER;
use super::child::Child;
use super::files::SuperviseDirectory;
use super::launch::Inheritance;
use super::requests;
use crate::service::info::Info;
use crate::service::request_file::Unusable;
use crate::service::status::Want;
use crate::service::{Home, Program};
use crate::sys::process;
use crate::time::clock::{SECOND, monotonic};
use crate::time::tai64n::Moment;
use crate::voice::once_a_minute::OnceAMinute;
use healing::Healing;
use left::Left;
use nix::errno::Errno;
use nix::unistd::Pid;
use ordered::Ordered;
use pace::Pace;
use round::Round;
use std::os::fd::{AsFd, BorrowedFd};
use wanted::Wanted;

pub use following::Estate;

/// Where the service is, with what that needs to know. [`State`](super::table::State) is what commands need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing runs, and nothing is going to.
    Down,
    /// This program is started then.
    Due(Program, u64),
    /// This program runs.
    Runs(Program),
    /// `start` has run, and there is no `run`.
    Started,
    /// This program has ended, but not all that it has started.
    Leaves(Program),
}

/// A service that is supervised.
pub struct Service<'a> {
    /// As the caller has named its directory.
    dir: &'a [u8],
    home: &'a Home,
    inheritance: Inheritance<'a>,
    files: SuperviseDirectory,
    /// What runs.
    child: Option<Child>,
    place: Place,
    wanted: Wanted,
    ordered: Ordered,
    round: Round,
    pace: Pace,
    /// What it has left behind.
    left: Left,
    healing: Healing,
    /// Since when the pid is what it is.
    since: Moment,
    /// What else is told about it.
    info: Info,
    /// Which programs could not be run, and why.
    not_run: OnceAMinute<(Program, Errno)>,
}

impl<'a> Service<'a> {
    /// A service that is down.
    pub fn new(
        dir: &'a [u8],
        home: &'a Home,
        files: SuperviseDirectory,
        inheritance: Inheritance<'a>,
        is_wanted: bool,
    ) -> Self {
        Self {
            dir,
            home,
            inheritance,
            files,
            child: None,
            place: Place::Down,
            wanted: Wanted::new(if is_wanted { Want::Up } else { Want::Down }),
            ordered: Ordered::default(),
            round: Round::new(),
            pace: Pace::new(),
            left: Left::default(),
            healing: Healing::default(),
            since: Moment::now(),
            info: Info::default(),
            not_run: OnceAMinute::default(),
        }
    }

    /// From here on svok succeeds.
    ///
    /// # Errors
    /// What keeps from that.
    pub fn tell_ok(&mut self) -> anyhow::Result<()> {
        self.files.tell_ok()
    }

    /// Begins: starts it if it is wanted and does not run.
    pub fn begin(&mut self) {
        if !self.is_over() && self.place == Place::Down && self.wanted.want() == Want::Up {
            self.start_when_due(0);
        }
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        let is_idle = matches!(self.place, Place::Down | Place::Due(Program::Run, _));
        self.wanted.ends_supervise() && is_idle
    }

    /// The FIFO that commands come by.
    pub fn control(&self) -> BorrowedFd<'_> {
        self.files.control()
    }

    /// What becomes readable when the process has ended, if there is such.
    pub fn end_of_child(&self) -> Option<BorrowedFd<'_>> {
        self.child.as_ref()?.watched.as_ref().map(AsFd::as_fd)
    }

    /// What becomes readable when the process says that it is ready, if that is waited for.
    pub fn notification(&self) -> Option<BorrowedFd<'_>> {
        self.child.as_ref()?.notification.as_ref().map(AsFd::as_fd)
    }

    /// What a file asks for, or what holds without it.
    fn sensible<T>(&self, name: &str, asked: Result<T, Unusable>, without: T) -> T {
        asked.unwrap_or_else(|why| {
            let file = [self.dir, b"/", name.as_bytes()];
            match why {
                Unusable::Unreadable(reason) => SPEAKER.warn_unable_to("read", &file, reason),
                Unusable::Senseless => SPEAKER.warn_unable_to_as("make sense of", &file, b"ignored"),
            }
            without
        })
    }

    /// A child has ended that is left to be waited for.
    pub fn reap(&mut self, ended: Pid) {
        let own = self.child.as_ref().filter(|child| !child.is_adopted && child.pid() == ended);
        if let Some(child) = own
            && requests::is_there(c"killpg")
        {
            // now, while nobody else can have its number
            child.send(libc::SIGKILL, true);
        }
        let is_own = own.is_some();
        let Ok((_, end)) = process::next_ended(Some(ended)) else { return };
        self.left.forget(ended);
        if is_own {
            self.ended(Some(end));
        }
    }

    /// Looks whether an adopted process, or all that an ended one has left behind, is gone.
    pub fn look_at_strangers(&mut self) {
        if self.child.as_ref().is_some_and(|child| child.is_adopted && child.is_gone()) {
            self.ended(None);
        }
        self.look_at_left();
    }

    /// Whether only a look now and then tells of the process.
    pub fn is_unwatched(&self) -> bool {
        self.child.as_ref().is_some_and(|child| child.is_adopted && child.watched.is_none())
    }

    /// The service has said something about whether it is ready.
    pub fn hear(&mut self) {
        let Some(child) = &mut self.child else { return };
        let Some(notification) = &child.notification else { return };
        let mut text = [0; 64];
        match nix::unistd::read(notification, &mut text) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Ok(length) if length > 0 && !text[..length].contains(&b'\n') => {}
            outcome => {
                child.notification = None;
                if outcome.is_ok_and(|length| length > 0) {
                    (self.info.ready, self.info.ready_at) = (Some(true), Some(monotonic()));
                    self.announce();
                    self.files.flush_info();
                }
            }
        }
    }

    /// When something is to be done next, if nothing happens before.
    pub fn next_time(&self) -> Option<u64> {
        let due = match self.place {
            Place::Due(_, at) => Some(at),
            _ => None,
        };
        let look = self.is_unwatched().then(|| monotonic() + SECOND);
        let times =
            [due, self.ordered.kill_at(), self.files.retry_at(), self.healing.at(), self.left.next_time(), look];
        times.into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn attend(&mut self) {
        let now = monotonic();
        if let Place::Due(program, at) = self.place
            && now >= at
            && !self.is_over()
        {
            self.launch(program);
        }
        if self.ordered.is_late(now) {
            if self.child.is_some() {
                self.signal(libc::SIGKILL, requests::is_there(c"killpg"));
            } else if matches!(self.place, Place::Leaves(_)) {
                self.signal(libc::SIGKILL, false);
                // who forks may have got away
                self.ordered.limit(Some(now + SECOND));
            }
        }
        if self.healing.at().is_some_and(|at| now >= at) {
            self.heal();
        }
        self.say_what_is_due(now);
    }

    /// It no longer counts as paused or told to end.
    fn forget_commands(&mut self) {
        self.ordered = Ordered::default();
        self.left.forget_order();
    }
}
