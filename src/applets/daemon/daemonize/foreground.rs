//! The parent: waits until it knows how the start has gone.

mod ending;

use super::descent::{ENDING, comes_from, is_ours};
use super::readiness::{Heard, Offer};
use super::{APPLET, tell};
use crate::files::lock_wait;
use crate::pidfile::claim::Trace;
use crate::process::life::is_running;
use crate::process::table;
use crate::start_report::{self, Listeners, ParentEnd, Record, Told};
use crate::sys::descriptor::STDERR;
use crate::sys::process;
use crate::voice::failure::{Failure, say_last, say_last_with, say_unharmed};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Pid, getpid};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// What a daemon has from SIGTERM to SIGKILL, and the kernel from there to its end.
const GRACE: Duration = Duration::from_secs(5);

/// When to look again at what the kernel does not tell by itself.
const SOON: Duration = Duration::from_millis(20);

/// After how long something is said of a wait.
const SILENCE: Duration = Duration::from_secs(10);

/// What the parent has to know. It is all its own: the child may have used every other bit of memory by then.
pub struct StartWait {
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How long the daemon must live.
    pub settle: Duration,
    /// Whether a daemon that is late goes on.
    pub keeps_late: bool,
    /// Whether descendants of the daemon may say that it is ready.
    pub admits_all: bool,
    /// Whether the daemon has a session of its own.
    pub has_session: bool,
    /// Whether it is not the child itself.
    pub forks_twice: bool,
    /// Whether to say what is heard.
    pub verbose: bool,
    /// The pid file as it was opened.
    pub pid_file: Option<Trace>,
    /// How many bytes at the end of a text are how an applet is called.
    pub usage_at_end: fn(&[u8]) -> usize,
}

impl StartWait {
    /// Waits until the daemon is up; `listeners` wait for this process in turn. Gives the exit code.
    pub fn for_start(self, child: Pid, waiting: ParentEnd, offer: Offer, listeners: Listeners) -> u8 {
        process::set_name(APPLET.name);
        let deadline = self.timeout.and_then(|limit| Instant::now().checked_add(limit));
        let mut foreground = Foreground {
            wanted: &self,
            waiting,
            offer,
            child,
            daemon: child,
            claimant: child,
            subject: b"the daemon".to_vec(),
            deadline,
            watch: None,
        };
        let Err(failure) = foreground.wait() else { return 0 };
        if let Some(file) = &self.pid_file
            && !is_running(foreground.daemon)
            && ends_soon(foreground.claimant)
        {
            file.clean_up(foreground.claimant);
        }
        tell_failure(&listeners, &failure)
    }
}

/// Says why the start has failed, to the user and to those who wait for this process in turn. Gives the code.
fn tell_failure(listeners: &Listeners, failure: &Failure) -> u8 {
    let code = failure.code().unwrap_or(APPLET.codes.failure);
    let text = failure.in_words_of(APPLET.dialect);
    if text.is_empty() {
        listeners.failed(code, STDERR, &[], b"");
    } else {
        let line = [APPLET.name.as_bytes(), b": ", &text, b"\n"];
        let _ = say_last(STDERR, &line);
        listeners.failed(code, STDERR, &line, b"");
    }
    code
}

/// The state of the wait.
struct Foreground<'a> {
    wanted: &'a StartWait,
    waiting: ParentEnd,
    offer: Offer,
    /// Whom daemonize has forked; the leader of the session, if there is one.
    child: Pid,
    /// Who goes on.
    daemon: Pid,
    /// Whose pid is in the pid file.
    claimant: Pid,
    /// Who the messages are about: the daemon, or its program once that is known.
    subject: Vec<u8>,
    deadline: Option<Instant>,
    /// Polls readable once the daemon has ended.
    watch: Option<OwnedFd>,
}

impl Foreground<'_> {
    fn wait(&mut self) -> Result<(), Failure> {
        let (is_started, told) = self.hear_of_chain()?;
        if let Some(told) = told {
            self.watch();
            self.wait_for_end(GRACE);
            return Err(repeat(&told, self.wanted.usage_at_end));
        }
        if !is_started {
            self.watch();
            // without a word of the second child, it is the first whose end this would be
            let is_daemons = !self.wanted.forks_twice || self.claimant != self.child;
            let end = self.wait_for_end(GRACE).filter(|()| is_daemons).and_then(|()| self.end());
            return Err(self.ended(end, "before it had run a program"));
        }
        if self.offer.ear().is_some() {
            self.watch();
            self.hear_of_readiness()?;
        }
        if !self.wanted.settle.is_zero() {
            self.watch();
            if self.wait_for_end(self.wanted.settle).is_some() {
                let when = format!("within {} ms of its start", self.wanted.settle.as_millis());
                return Err(self.gone(&when));
            }
        }
        Ok(())
    }

    /// Listens until the chain has come to its end. Gives whether a last program was to run, and the failure there was.
    fn hear_of_chain(&mut self) -> Result<(bool, Option<Told>), Failure> {
        let mut is_started = false;
        let mut failure = None;
        // Not for each record, only for the end: every time this process wakes up costs more than all it hears.
        let is_at_end = |limit| self.is_there(self.waiting.as_fd(), PollFlags::empty(), limit);
        let first = Instant::now() + SILENCE;
        let is_quick = is_at_end(Some(self.deadline.map_or(first, |deadline| deadline.min(first))));
        if !is_quick && !is_over(self.deadline) {
            // a start is not given up because nothing can be told of it
            let _ = self.take_note();
            self.tell_of_wait("has not started its program yet");
        }
        if !is_quick && !self.is_there(self.waiting.as_fd(), PollFlags::empty(), self.deadline) {
            self.take_note()?;
            return Err(self.late("started"));
        }
        loop {
            match self.waiting.hear() {
                Ok(start_report::Report::Record(Record::Exec(name))) => {
                    is_started = true;
                    self.subject = [b"\"", name.as_slice(), b"\""].concat();
                }
                Ok(start_report::Report::Record(Record::Pid(pid))) => self.hear_of_process(pid),
                Ok(start_report::Report::Record(Record::Failure(told))) => failure = failure.or(Some(told)),
                Ok(start_report::Report::Nothing | start_report::Report::End) => return Ok((is_started, failure)),
                Err(reason) => return Err(self.deaf(reason)),
            }
        }
    }

    /// Takes in what has been said before the end, as far as it says whom this is about.
    fn take_note(&mut self) -> Result<(), Failure> {
        for record in self.waiting.noted().map_err(|reason| self.deaf(reason))? {
            match record {
                Record::Exec(name) => self.subject = [b"\"", name.as_slice(), b"\""].concat(),
                Record::Pid(pid) => self.hear_of_process(pid),
                Record::Failure(_) => {}
            }
        }
        Ok(())
    }

    /// Says once what is waited for: it may be for ever.
    fn tell_of_wait(&self, what: &str) {
        let daemon = self.daemon;
        let name = table::command(daemon).map_or(String::new(), |name| format!(" ({name})"));
        let line = format!("daemonize: still waiting: pid {daemon}{name} {what}\n");
        let _ = say_unharmed(STDERR, &[line.as_bytes()]);
    }

    /// Follows the daemon to a process that has been forked for it.
    fn hear_of_process(&mut self, pid: Pid) {
        // the first is daemonize's own second child, which writes the pid file
        let is_own = self.wanted.forks_twice && self.claimant == self.child;
        if is_own {
            self.claimant = pid;
        }
        // Whoever may look into a link that has become another account could write into its pipe. So a pid alone is not
        // enough: it must come from this process, as all do that the chain forks, because it adopts orphans.
        if is_own || is_ours(pid) {
            self.daemon = pid;
            self.watch = process::watch(pid).ok();
        }
    }

    /// Listens until the daemon says that it is ready.
    fn hear_of_readiness(&mut self) -> Result<(), Failure> {
        let mut quiet = Some(Instant::now() + SILENCE);
        loop {
            let Some(ear) = self.offer.ear() else { return Ok(()) };
            if is_over(self.deadline) {
                return Err(self.late("ready"));
            }
            let (is_heard, has_ended) = self.first_of(ear, [self.deadline, quiet].into_iter().flatten().min());
            // what it said before it ended still counts
            if is_heard {
                match self.offer.hear(|sender| self.is_admitted(sender)) {
                    Ok(Heard::Ready) => return Ok(()),
                    Ok(Heard::Nothing) => {}
                    Ok(Heard::Status(status)) => tell(self.wanted.verbose, &[b"Status: ", &status]),
                    Ok(Heard::End) => return Err(self.silent()),
                    Err(reason) => return Err(self.deaf(reason)),
                }
            } else if has_ended {
                return Err(self.gone("before it was ready"));
            } else if is_over(quiet) {
                quiet = None;
                if !is_over(self.deadline) {
                    self.tell_of_wait("has not said yet that it is ready");
                }
            }
        }
    }

    /// Whose messages count. Of a process that is gone already it cannot be known where it came from, and anybody can be
    /// gone.
    fn is_admitted(&self, sender: Pid) -> bool {
        // all that the daemon forks comes from this process, too, and comes back to it when its own parents are gone
        sender == self.daemon || self.wanted.admits_all && comes_from(sender, getpid())
    }

    /// Gets hold of the daemon, as far as the kernel lets it.
    fn watch(&mut self) {
        if self.watch.is_none() {
            self.watch = process::watch(self.daemon).ok();
        }
    }

    /// Waits for something to be read. Gives whether there is anything.
    fn is_heard(&self, ear: BorrowedFd<'_>, deadline: Option<Instant>) -> bool {
        self.is_there(ear, PollFlags::POLLIN, deadline)
    }

    /// Waits for these events on a descriptor, or its end.
    fn is_there(&self, ear: BorrowedFd<'_>, events: PollFlags, deadline: Option<Instant>) -> bool {
        let mut watched = [PollFd::new(ear, events)];
        loop {
            match poll(&mut watched, left(deadline)) {
                Ok(0) if is_over(deadline) => return false,
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return true,
                Err(_) if is_over(deadline) => return false,
                Err(_) => std::thread::sleep(SOON),
            }
        }
    }

    /// Waits for something to be heard, or the daemon's end. Gives which of the two there is; neither when time is over.
    fn first_of(&self, ear: BorrowedFd<'_>, deadline: Option<Instant>) -> (bool, bool) {
        let Some(watch) = &self.watch else {
            // no pidfd: look now and then
            loop {
                let soon = Instant::now() + SOON;
                let next = deadline.map_or(soon, |deadline| deadline.min(soon));
                let state = (self.is_heard(ear, Some(next)), !is_running(self.daemon));
                if state != (false, false) || is_over(deadline) {
                    return state;
                }
            }
        };
        loop {
            let mut watched = [PollFd::new(ear, PollFlags::POLLIN), PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
            match poll(&mut watched, left(deadline)) {
                Ok(0) if is_over(deadline) => return (false, false),
                Ok(0) | Err(Errno::EINTR) => {}
                Err(_) if is_over(deadline) => return (false, false),
                Err(_) => std::thread::sleep(SOON),
                Ok(_) => {
                    let [ear, end] = watched.map(|one| one.any().unwrap_or(false));
                    return (ear, end);
                }
            }
        }
    }
}

/// Whether a link that has forked ends now that its child has.
fn ends_soon(pid: Pid) -> bool {
    let end = || (!is_running(pid)).then_some(());
    end().or_else(|| lock_wait::poll(Some(ENDING), end)).is_some()
}

/// What a link has said where nobody reads it, said again. The chain ends with its code.
fn repeat(told: &Told, usage_at_end: fn(&[u8]) -> usize) -> Failure {
    if !told.was_said_here() {
        // It may be another account by now. So what counts as more than a line is only what is ours word by word.
        let (line, own) = told.text.split_at(told.text.len() - usage_at_end(&told.text));
        let _ = say_last_with(STDERR, &[line], own);
    }
    Failure::silent(told.code)
}

fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}

/// What poll(2) takes for the time until then, rounded up.
fn left(deadline: Option<Instant>) -> PollTimeout {
    let Some(deadline) = deadline else { return PollTimeout::NONE };
    let left = deadline.saturating_duration_since(Instant::now());
    let milliseconds = left.as_nanos().div_ceil(1_000_000);
    i32::try_from(milliseconds).map_or(PollTimeout::MAX, |time| PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX))
}
