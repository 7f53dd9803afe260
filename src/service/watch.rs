//! Tells when another look at a service would find something else, without looking again and again: inotify for the files of
//! supervise, and the FIFO `ok` for supervise itself, which this side holds open as long as the other has it.
//!
//! | what changes | how it is noticed |
//! |---|---|
//! | `status`, `info` | renamed or written in the supervise directory |
//! | supervise ends | the FIFO `ok`, held for writing, has lost its reader |
//! | supervise begins | `ok` is made, or opened: an open of ours that finds no reader counts as none |
//! | the supervise directory comes or goes | made or removed in the service directory |
//! | a process that a supervise has left behind ends | its pidfd |
//!
//! No look of one's own is among these: what is not a FIFO is not opened, and what is opened is not watched for that any more.
//!
//! Where one of these cannot be watched, as for want of the right to read a directory, there is a look every tenth of a
//! second.

mod lookout;

use super::Home;
use lookout::Lookout;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Between two looks at what cannot be watched.
const PERIOD: Duration = Duration::from_millis(100);

/// How many buffers of events are taken together.
const READS: usize = 16;

/// Services that are watched, by their place in a list.
pub struct ServiceWatch {
    inotify: Option<Inotify>,
    places: Vec<Lookout>,
    /// Names in the service directories themselves that matter.
    beside: &'static [&'static str],
}

/// What a wait ended with.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// These are to be looked at again.
    Of(Vec<usize>),
    /// The time is over.
    TimeOver,
    /// Whoever reads the output has gone.
    NoReader,
}

impl ServiceWatch {
    /// For so many services. Names of `beside` matter in the service directories.
    pub fn new(count: usize, beside: &'static [&'static str]) -> Self {
        // a descriptor for each
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok();
        Self { inotify, places: std::iter::repeat_with(Lookout::default).take(count).collect(), beside }
    }

    /// One more. Gives its place.
    pub fn add(&mut self) -> usize {
        self.places.push(Lookout::default());
        self.places.len() - 1
    }

    /// Whether a supervise runs in the service directory, which is the current one. What changes from here on is noticed:
    /// any other look at the service comes after this one.
    ///
    /// # Errors
    /// As open(2), where that is not a plain no.
    pub fn look(&mut self, place: usize, home: &Home) -> nix::Result<bool> {
        self.places[place].look(self.inotify.as_ref(), home, !self.beside.is_empty())
    }

    /// After a look that found no supervise: the end of a process matters, too. Without a descriptor of it there are looks.
    pub fn follow(&mut self, place: usize, process: Option<OwnedFd>) {
        self.places[place].follow(process);
    }

    /// The service directory cannot be entered.
    pub fn lose(&mut self, place: usize) {
        self.places[place].lose();
    }

    /// Those that somebody still asks for.
    pub fn left(&self) -> impl Iterator<Item = usize> {
        self.places.iter().enumerate().filter(|(_, place)| !place.is_over()).map(|(place, _)| place)
    }

    /// Nobody asks for this one any more.
    pub fn leave(&mut self, place: usize) {
        self.places[place].leave(self.inotify.as_ref());
    }

    /// Waits until one of the services is to be looked at again. `output` is where the answers go, if that matters.
    ///
    /// # Errors
    /// As poll(2).
    pub fn wait(&mut self, limit: Option<Duration>, output: Option<BorrowedFd<'_>>) -> nix::Result<News> {
        // beyond what can be counted there is no end
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let is_sure = self.places.iter().all(|place| place.is_over() || place.is_sure());
            let pause = if is_sure { left } else { Some(left.map_or(PERIOD, |left| left.min(PERIOD))) };
            let (mut changed, is_read) = self.poll(pause, output)?;
            if !is_read {
                return Ok(News::NoReader);
            }
            if changed.is_empty() && !is_sure {
                let unsure = |&(_, place): &(usize, &Lookout)| !place.is_over() && !place.is_sure();
                changed.extend(self.places.iter().enumerate().filter(unsure).map(|(place, _)| place));
            }
            if !changed.is_empty() {
                changed.sort_unstable();
                changed.dedup();
                return Ok(News::Of(changed));
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(News::TimeOver);
            }
        }
    }

    /// Waits for anything at all. Gives what is to be looked at again, and whether the output still has a reader.
    fn poll(&mut self, pause: Option<Duration>, output: Option<BorrowedFd<'_>>) -> nix::Result<(Vec<usize>, bool)> {
        // an error, such as the loss of the other side, is told unasked
        let nothing = PollFlags::empty();
        let mut watched = Vec::with_capacity(self.places.len() + 2);
        watched.extend(output.map(|output| PollFd::new(output, nothing)));
        watched.extend(self.inotify.as_ref().map(|inotify| PollFd::new(inotify.as_fd(), PollFlags::POLLIN)));
        let others = watched.len();
        let mut held = Vec::with_capacity(self.places.len());
        for (number, place) in self.places.iter().enumerate() {
            for one in place.held() {
                watched.push(one);
                held.push(number);
            }
        }
        match poll(&mut watched, in_milliseconds(pause)) {
            Err(Errno::EINTR) => return Ok((Vec::new(), true)),
            outcome => outcome?,
        };
        let is_told = |one: &PollFd<'_>| one.any().unwrap_or(true);
        let is_read = output.is_none() || !is_told(&watched[0]);
        let mut changed: Vec<usize> =
            held.iter().zip(&watched[others..]).filter(|(_, one)| is_told(one)).map(|(&number, _)| number).collect();
        drop(watched);
        // what is left the next poll tells: whoever makes more all the time must not keep this one
        for _ in 0..READS {
            let Some(Ok(events)) = self.inotify.as_ref().map(Inotify::read_events) else { break };
            for event in events {
                self.take(&event, &mut changed);
            }
        }
        Ok((changed, is_read))
    }

    fn take(&mut self, event: &InotifyEvent, changed: &mut Vec<usize>) {
        let beside = self.beside;
        let is_lost = event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
        for (number, place) in self.places.iter_mut().enumerate() {
            let is_changed = is_lost || place.concerns(event, beside);
            if is_changed && !place.is_over() {
                changed.push(number);
            }
            if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                place.forget(event.wd);
            }
        }
    }
}

/// Rounded up: a wait that ends too early would be repeated at once, again and again.
fn in_milliseconds(limit: Option<Duration>) -> PollTimeout {
    let Some(limit) = limit else { return PollTimeout::NONE };
    let milliseconds = i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
}
