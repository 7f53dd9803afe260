//! What multilog waits for: input, TERM and ALRM, processors, and the time.

use crate::process::inherited_signals::Signals;
use crate::sys::descriptor::STDERR;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// How long after a failure the next attempt is made.
pub const PAUSE: Duration = Duration::from_secs(5);

/// How long attempts go on after TERM, and a processor may run. svscan has waited five seconds for the log by then, and container
/// runtimes kill all of it after ten.
const LAST_ATTEMPTS: Duration = Duration::from_secs(3);

/// TERM came long ago, and what has to be done before the end still fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GaveUp;

/// The one place where multilog waits.
pub struct Events {
    epoll: Epoll,
    signals: Signals,
    /// When TERM came.
    pub ended: Option<Instant>,
    /// Whether ALRM has come since somebody last looked.
    pub is_alarmed: bool,
    /// Whether input has come since somebody last looked.
    pub is_ready: bool,
    /// Whether the input has no writer any more.
    pub is_hung_up: bool,
    /// When to give up, once something failed after TERM.
    deadline: Option<Instant>,
    /// Whether all is open: before that no attempt is repeated.
    pub is_started: bool,
}

/// The signals that are watched for.
pub const WATCHED: [i32; 2] = [libc::SIGTERM, libc::SIGALRM];

/// What has happened, in the kernel's record of it.
#[derive(Clone, Copy)]
enum Source {
    Input = 0,
    Signal = 1,
    Child = 2,
}

impl Events {
    /// Begins to watch for TERM and ALRM, which have been blocked.
    ///
    /// # Errors
    /// As epoll_create(2) and signalfd(2).
    pub fn new() -> nix::Result<Self> {
        let signals = Signals::new(&WATCHED)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&signals, EpollEvent::new(EpollFlags::EPOLLIN, Source::Signal as u64))?;
        Ok(Self {
            epoll,
            signals,
            ended: None,
            is_alarmed: false,
            is_ready: false,
            is_hung_up: false,
            deadline: None,
            is_started: false,
        })
    }

    /// Watches the input. With `each`, each arrival of bytes counts, also while earlier ones are still unread.
    ///
    /// # Errors
    /// EPERM for what can always be read.
    pub fn add_input(&self, input: BorrowedFd<'_>, each: bool) -> nix::Result<()> {
        let kind = if each { EpollFlags::EPOLLET } else { EpollFlags::empty() };
        let what = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP | kind;
        self.epoll.add(input, EpollEvent::new(what, Source::Input as u64))
    }

    /// Watches for the end of a child, by a descriptor of it.
    ///
    /// # Errors
    /// As epoll_ctl(2).
    pub fn add_child(&self, child: BorrowedFd<'_>) -> nix::Result<()> {
        self.epoll.add(child, EpollEvent::new(EpollFlags::EPOLLIN, Source::Child as u64))
    }

    /// Waits until something happens, or for so long. With zero, only looks.
    ///
    /// # Errors
    /// As epoll_wait(2).
    pub fn wait(&mut self, limit: Option<Duration>) -> nix::Result<()> {
        let limit = limit.map_or(EpollTimeout::NONE, in_milliseconds);
        let mut events = [EpollEvent::empty(); 4];
        let count = match self.epoll.wait(&mut events, limit) {
            Err(Errno::EINTR) => 0,
            outcome => outcome?,
        };
        for event in &events[..count] {
            match event.data() {
                source if source == Source::Signal as u64 => self.take_signals(),
                source if source == Source::Input as u64 => {
                    self.is_ready = true;
                    self.is_hung_up |= event.events().intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLRDHUP);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn take_signals(&mut self) {
        while let Some(taken) = self.signals.take() {
            match taken {
                libc::SIGTERM => self.ended = self.ended.or_else(|| Some(Instant::now())),
                _ => self.is_alarmed = true,
            }
        }
    }

    /// Until when something may still be waited for, once TERM has come.
    pub fn last_moment(&self) -> Option<Instant> {
        self.ended.map(|ended| ended + LAST_ATTEMPTS)
    }

    /// From now on all is as if TERM had come.
    pub fn end(&mut self) {
        self.ended.get_or_insert_with(Instant::now);
    }

    /// Waits after a failure, before the next attempt: five seconds, or until TERM.
    ///
    /// # Errors
    /// If it is long ago that TERM came.
    pub fn pause(&mut self) -> Result<(), GaveUp> {
        self.take_signals();
        let now = Instant::now();
        let mut end = now + PAUSE;
        if let Some(deadline) = self.deadline {
            if now >= deadline {
                return Err(GaveUp);
            }
            end = end.min(deadline);
        }
        loop {
            if self.ended.is_some() && self.deadline.is_none() {
                // the one attempt at once
                self.deadline = Some(Instant::now() + LAST_ATTEMPTS);
                return Ok(());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.wait_for(&[], Some(left));
        }
    }

    /// Waits for the child's end, for so long at most. Input stays unread.
    pub fn wait_for_child(&mut self, child: BorrowedFd<'_>, limit: Duration) {
        self.wait_for(&[(child, PollFlags::POLLIN)], Some(limit));
    }

    /// Waits for so long, or until a signal comes.
    pub fn rest(&mut self, limit: Duration) {
        self.wait_for(&[], Some(limit));
    }

    /// Waits until standard error takes something. Gives false if TERM has come and it does not.
    pub fn wait_to_show(&mut self) -> bool {
        loop {
            let limit = self.ended.map(|_| Duration::ZERO);
            if self.wait_for(&[(STDERR, PollFlags::POLLOUT)], limit) {
                return true;
            }
            if limit.is_some() {
                return false;
            }
        }
    }

    /// Waits for a signal, or for what others are to be ready for. Gives true if one of them is.
    fn wait_for(&mut self, others: &[(BorrowedFd<'_>, PollFlags)], limit: Option<Duration>) -> bool {
        let mut watched = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        watched.extend(others.iter().map(|&(other, what)| PollFd::new(other, what)));
        let limit = limit.map(|limit| i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
        let limit = limit.map_or(PollTimeout::NONE, |limit| PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX));
        let _ = poll(&mut watched, limit);
        let is_ready = watched[1..].iter().any(|one| one.any().unwrap_or(true));
        drop(watched);
        self.take_signals();
        is_ready
    }
}

/// Rounded up: a wait that ends too early would be repeated at once, again and again.
fn in_milliseconds(limit: Duration) -> EpollTimeout {
    let milliseconds = limit.as_nanos().div_ceil(1_000_000);
    EpollTimeout::try_from(i32::try_from(milliseconds).unwrap_or(i32::MAX)).unwrap_or(EpollTimeout::MAX)
}
