//! A processor: a command that makes the old log file out of a full one.

use super::APPLET;
use super::events::{Events, WATCHED};
use crate::files::descriptors::at_least;
use crate::process::beside::Beside;
use crate::process::inherited_signals::Inherited;
use crate::sys::descriptor;
use crate::sys::exec::execve_handing;
use crate::sys::process::{self, End};
use crate::sys::words::{Word, Words};
use crate::voice::speaker::Speaker;
use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid, fchdir};
use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How often to look for its end where the kernel has no descriptor that would tell.
const LOOKS: Duration = Duration::from_millis(200);

/// What a processor is run with.
pub struct Surroundings {
    /// The environment.
    pub environ: Words,
    /// The signals as multilog found them.
    pub signals: Inherited,
    /// What was done with SIGCHLD, if that would have taken away the news of a processor's end.
    pub beside: Option<Beside>,
}

/// The files of a processor, by the descriptors that it finds them at.
pub struct ProcessorFiles {
    /// 0: the full log file.
    pub previous: OwnedFd,
    /// 1: what is to become the old one.
    pub processed: OwnedFd,
    /// 4: what the last processor has left for this one.
    pub state: OwnedFd,
    /// 5: what this one leaves.
    pub newstate: OwnedFd,
}

/// A processor that has been started.
pub struct Running {
    pid: Pid,
    /// Readable when it has ended; `None` where the kernel has none such (before 5.3).
    watched: Option<OwnedFd>,
    /// When it was told to end.
    told: Cell<Option<Instant>>,
}

/// How long a signal is given to do its work.
const GRACE: Duration = Duration::from_secs(1);

impl Running {
    /// Starts the command in the directory.
    ///
    /// # Errors
    /// As fork(2) and fcntl(2).
    pub fn start(
        command: Word,
        files: &ProcessorFiles,
        directory: BorrowedFd<'_>,
        surroundings: &Surroundings,
        events: &Events,
    ) -> nix::Result<Self> {
        /// Numbers from here on are not among those that the files go to.
        const ASIDE: i32 = 10;
        let aside = |file: &OwnedFd| descriptor::copy_from(file.as_fd(), ASIDE);
        let copies = [aside(&files.previous)?, aside(&files.processed)?, aside(&files.state)?, aside(&files.newstate)?];
        let directory = at_least(directory.try_clone_to_owned().map_err(|_| Errno::EMFILE)?, ASIDE)?;
        let pid = match process::fork_quietly()? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => process::exit(run(command, &copies, directory.as_fd(), surroundings)),
        };
        let watched = process::watch(pid).ok();
        if let Some(watched) = &watched {
            let _ = events.add_child(watched.as_fd());
        }
        Ok(Self { pid, watched, told: Cell::new(None) })
    }

    /// How it has ended. `None` if it has not after so long; TERM, or ALRM, cuts the wait short.
    ///
    /// # Errors
    /// As waitpid(2).
    pub fn ended(&self, events: &mut Events, limit: Duration) -> nix::Result<Option<End>> {
        match process::next_ended(Some(self.pid)) {
            Err(Errno::EAGAIN) if limit.is_zero() => return Ok(None),
            Err(Errno::EAGAIN) => {}
            outcome => return outcome.map(|(_, end)| Some(end)),
        }
        match &self.watched {
            Some(watched) => events.wait_for_child(watched.as_fd(), limit),
            None => events.rest(limit.min(LOOKS)),
        }
        self.ended(events, Duration::ZERO)
    }

    /// When to look whether it has ended, if nobody tells.
    pub fn look(&self) -> Option<Instant> {
        self.watched.is_none().then(|| Instant::now() + LOOKS)
    }

    /// Its process, for messages.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Tells it to end. Gives false if that was done before.
    pub fn tell(&self) -> bool {
        if self.told.get().is_some() {
            return false;
        }
        let _ = process::send(self.pid, libc::SIGTERM);
        self.told.set(Some(Instant::now()));
        true
    }

    /// Makes it end if it does not, though it has been told.
    pub fn stop(&self, events: &mut Events) {
        let told = self.told.get().unwrap_or_else(Instant::now);
        if self.ends_before(told + GRACE, events) {
            return;
        }
        let _ = process::send(self.pid, libc::SIGKILL);
        self.ends_before(Instant::now() + GRACE, events);
    }

    fn ends_before(&self, end: Instant, events: &mut Events) -> bool {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.ended(events, left) {
                Ok(None) if left.is_zero() => return false,
                Ok(None) => {}
                _ => return true,
            }
        }
    }
}

/// Becomes the command. Gives the exit code if that fails.
fn run(command: Word, files: &[OwnedFd; 4], directory: BorrowedFd<'_>, surroundings: &Surroundings) -> u8 {
    let change = || {
        fchdir(directory)?;
        if let Some(beside) = &surroundings.beside {
            beside.put_back()?;
        }
        surroundings.signals.put_back_without(&WATCHED)
    };
    let reason = match change() {
        Ok(()) => {
            let [previous, processed, state, newstate] = files;
            let handed = [(previous, 0), (processed, 1), (state, 4), (newstate, 5)];
            let handed = handed.map(|(file, number)| (file.as_fd(), number));
            let words = [c"sh", c"-c", command.as_c_str()].into_iter();
            execve_handing(handed, c"/bin/sh", words, surroundings.environ)
        }
        Err(reason) => reason,
    };
    Speaker::patient(APPLET.name).give_up_unable_to("run", &[b"/bin/sh"], reason);
    111
}
