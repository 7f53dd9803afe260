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

use super::{Home, is_fifo};
use crate::files::file_id;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use nix::sys::stat::{fstat, lstat};
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// Between two looks at what cannot be watched.
const PERIOD: Duration = Duration::from_millis(100);

/// How many buffers of events are taken together.
const READS: usize = 16;

/// What happens to names in a directory, and to the directory itself.
const NAMES: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVE)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_ONLYDIR);

/// Likewise, and what is written into its files.
const FILES: AddWatchFlags = NAMES.union(AddWatchFlags::IN_MODIFY);

/// That somebody opens the FIFO; once.
const OPENED: AddWatchFlags =
    AddWatchFlags::IN_OPEN.union(AddWatchFlags::IN_ONESHOT).union(AddWatchFlags::IN_DONT_FOLLOW);

/// Services that are watched, by their place in a list.
pub struct ServiceWatch {
    inotify: Option<Inotify>,
    places: Vec<Lookout>,
    /// Names in the service directories themselves that matter.
    beside: &'static [&'static str],
}

/// One service.
#[derive(Default)]
struct Lookout {
    /// The service directory, if names in it matter.
    beside: Option<WatchDescriptor>,
    /// The directory in which the supervise directory is, or will be.
    around: Option<WatchDescriptor>,
    /// What the supervise directory is called there.
    name: Vec<u8>,
    /// The supervise directory.
    home: Option<WatchDescriptor>,
    /// The FIFO `ok`, while it has no reader.
    idle: Option<WatchDescriptor>,
    /// The same, while it has one.
    ok: Option<OwnedFd>,
    /// A process whose end matters.
    process: Option<OwnedFd>,
    /// Whether nothing can change unnoticed.
    is_sure: bool,
    /// Whether nobody asks any more.
    is_over: bool,
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
        let inotify = self.inotify.as_ref();
        let place = &mut self.places[place];
        place.process = None;
        let mut is_sure = place.watch_home(inotify, home);
        if !self.beside.is_empty() {
            is_sure &= replace(inotify, &mut place.beside, OsStr::new("."), NAMES);
        }
        if let Some(ok) = place.ok.as_ref().filter(|ok| !has_lost_reader(ok)) {
            // one whose directory has been removed, and perhaps the service's with it, may be anywhere
            place.is_sure = is_sure && is_at(ok, home);
            return Ok(true);
        }
        place.ok = None;
        let mut outcome = home.ok();
        if let Err(reason @ (Errno::ENOENT | Errno::ENXIO)) = outcome {
            is_sure &= place.watch_around(inotify, home);
            is_sure &= reason == Errno::ENOENT || place.watch_idle(inotify, home);
            // it may have come since it was looked for
            is_sure &= place.watch_home(inotify, home);
            outcome = home.ok();
        }
        place.is_sure = is_sure;
        match outcome {
            Ok(ok) => {
                place.ok = Some(ok);
                // unless the directory has been made just now
                place.is_sure &= place.home.is_some();
                forget(inotify, &mut place.idle);
                if place.around == place.beside {
                    place.around = None;
                }
                forget(inotify, &mut place.around);
                Ok(true)
            }
            Err(Errno::ENOENT | Errno::ENXIO) => Ok(false),
            Err(reason) => {
                // what is in the way may go
                place.is_sure = false;
                Err(reason)
            }
        }
    }

    /// After a look that found no supervise: the end of a process matters, too. Without a descriptor of it there are looks.
    pub fn follow(&mut self, place: usize, process: Option<OwnedFd>) {
        let place = &mut self.places[place];
        place.is_sure &= process.is_some();
        place.process = process;
    }

    /// The service directory cannot be entered.
    pub fn lose(&mut self, place: usize) {
        let place = &mut self.places[place];
        (place.ok, place.process) = (None, None);
        place.is_sure = false;
    }

    /// Those that somebody still asks for.
    pub fn left(&self) -> impl Iterator<Item = usize> {
        self.places.iter().enumerate().filter(|(_, place)| !place.is_over).map(|(place, _)| place)
    }

    /// Nobody asks for this one any more.
    pub fn leave(&mut self, place: usize) {
        let place = &mut self.places[place];
        for descriptor in place.descriptors() {
            forget(self.inotify.as_ref(), descriptor);
        }
        (place.ok, place.process) = (None, None);
        place.is_over = true;
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
            let is_sure = self.places.iter().all(|place| place.is_over || place.is_sure);
            let pause = if is_sure { left } else { Some(left.map_or(PERIOD, |left| left.min(PERIOD))) };
            let (mut changed, is_read) = self.poll(pause, output)?;
            if !is_read {
                return Ok(News::NoReader);
            }
            if changed.is_empty() && !is_sure {
                let unsure = |&(_, place): &(usize, &Lookout)| !place.is_over && !place.is_sure;
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
            if let Some(ok) = &place.ok {
                watched.push(PollFd::new(ok.as_fd(), nothing));
                held.push(number);
            }
            if let Some(process) = &place.process {
                watched.push(PollFd::new(process.as_fd(), PollFlags::POLLIN));
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
        let is_ended = event.mask.contains(AddWatchFlags::IN_IGNORED);
        for (number, place) in self.places.iter_mut().enumerate() {
            let is_changed = is_lost || place.concerns(event, beside);
            if is_changed && !place.is_over {
                changed.push(number);
            }
            for descriptor in place.descriptors() {
                if is_ended && *descriptor == Some(event.wd) {
                    *descriptor = None;
                }
            }
        }
    }
}

impl Lookout {
    /// Whether it has to be looked at after this.
    fn concerns(&self, event: &InotifyEvent, beside: &[&str]) -> bool {
        let from = Some(event.wd);
        let Some(name) = event.name.as_deref() else {
            // the end of a watch for the first opening follows it
            let is_end = event.mask.contains(AddWatchFlags::IN_IGNORED);
            return [self.beside, self.around, self.home].contains(&from) || from == self.idle && !is_end;
        };
        let name = name.as_bytes();
        from == self.home && matches!(name, b"status" | b"info" | b"ok")
            || from == self.around && name == self.name
            || from == self.beside && beside.iter().any(|other| other.as_bytes() == name)
    }

    fn descriptors(&mut self) -> [&mut Option<WatchDescriptor>; 4] {
        [&mut self.beside, &mut self.around, &mut self.home, &mut self.idle]
    }

    /// Watches the supervise directory that is there now. Gives false if that cannot be done.
    fn watch_home(&mut self, inotify: Option<&Inotify>, home: &Home) -> bool {
        replace(inotify, &mut self.home, home.directory(), FILES)
    }

    /// Watches the directory in which it is to appear.
    fn watch_around(&mut self, inotify: Option<&Inotify>, home: &Home) -> bool {
        let (around, name) = home.place();
        self.name = name.to_vec();
        // what is not there may still be a link, and what it leads to come without a word
        let is_unseen = self.home.is_none() && lstat(home.directory()).is_ok();
        replace(inotify, &mut self.around, OsStr::from_bytes(around), NAMES) && self.around.is_some() && !is_unseen
    }

    /// Watches the FIFO that has no reader. What is none will have none: another file has to take its place, and that is seen.
    fn watch_idle(&mut self, inotify: Option<&Inotify>, home: &Home) -> bool {
        if !lstat(OsStr::from_bytes(&home.file("ok"))).is_ok_and(|ok| is_fifo(&ok)) {
            forget(inotify, &mut self.idle);
            return true;
        }
        replace(inotify, &mut self.idle, OsStr::from_bytes(&home.file("ok")), OPENED)
    }
}

/// Watches what has the name now, and no more what had it. That nothing has it is no failure.
fn replace(
    inotify: Option<&Inotify>,
    descriptor: &mut Option<WatchDescriptor>,
    path: &OsStr,
    mask: AddWatchFlags,
) -> bool {
    let Some(inotify) = inotify else { return false };
    let fresh = inotify.add_watch(path, mask);
    if let Some(former) = descriptor.take()
        && fresh != Ok(former)
    {
        let _ = inotify.rm_watch(former);
    }
    *descriptor = fresh.ok();
    matches!(fresh, Ok(_) | Err(Errno::ENOENT))
}

fn forget(inotify: Option<&Inotify>, descriptor: &mut Option<WatchDescriptor>) {
    if let (Some(inotify), Some(descriptor)) = (inotify, descriptor.take()) {
        let _ = inotify.rm_watch(descriptor);
    }
}

/// Whether the FIFO is the one that has the name.
fn is_at(ok: &OwnedFd, home: &Home) -> bool {
    let named = lstat(OsStr::from_bytes(&home.file("ok")));
    named.is_ok_and(|named| fstat(ok).is_ok_and(|held| file_id::is_same(&held, &named)))
}

/// Whether nobody has the FIFO open for reading any more.
fn has_lost_reader(fifo: &OwnedFd) -> bool {
    let mut watched = [PollFd::new(fifo.as_fd(), PollFlags::empty())];
    !matches!(poll(&mut watched, PollTimeout::ZERO), Ok(0))
}

/// Rounded up: a wait that ends too early would be repeated at once, again and again.
fn in_milliseconds(limit: Option<Duration>) -> PollTimeout {
    let Some(limit) = limit else { return PollTimeout::NONE };
    let milliseconds = i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
}
