//! One service that is watched: what of it, and by which descriptors.

use crate::files::file_id;
use crate::service::{Home, is_fifo};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, Inotify, InotifyEvent, WatchDescriptor};
use nix::sys::stat::{fstat, lstat};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

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

/// One service.
#[derive(Default)]
pub struct Lookout {
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

impl Lookout {
    /// Whether a supervise runs in the service directory, which is the current one. `has_beside` is whether names in that
    /// matter, too.
    ///
    /// # Errors
    /// As open(2), where that is not a plain no.
    pub fn look(&mut self, inotify: Option<&Inotify>, home: &Home, has_beside: bool) -> nix::Result<bool> {
        self.process = None;
        let mut is_sure = self.watch_home(inotify, home);
        if has_beside {
            is_sure &= replace(inotify, &mut self.beside, OsStr::new("."), NAMES);
        }
        if let Some(ok) = self.ok.as_ref().filter(|ok| !has_lost_reader(ok)) {
            // one whose directory has been removed, and perhaps the service's with it, may be anywhere
            self.is_sure = is_sure && is_at(ok, home);
            return Ok(true);
        }
        self.ok = None;
        let mut outcome = home.ok();
        if let Err(reason @ (Errno::ENOENT | Errno::ENXIO)) = outcome {
            is_sure &= self.watch_around(inotify, home);
            is_sure &= reason == Errno::ENOENT || self.watch_idle(inotify, home);
            // it may have come since it was looked for
            is_sure &= self.watch_home(inotify, home);
            outcome = home.ok();
        }
        self.is_sure = is_sure;
        match outcome {
            Ok(ok) => {
                self.ok = Some(ok);
                // unless the directory has been made just now
                self.is_sure &= self.home.is_some();
                forget(inotify, &mut self.idle);
                if self.around == self.beside {
                    self.around = None;
                }
                forget(inotify, &mut self.around);
                Ok(true)
            }
            Err(Errno::ENOENT | Errno::ENXIO) => Ok(false),
            Err(reason) => {
                // what is in the way may go
                self.is_sure = false;
                Err(reason)
            }
        }
    }

    /// After a look that found no supervise: the end of a process matters, too.
    pub fn follow(&mut self, process: Option<OwnedFd>) {
        self.is_sure &= process.is_some();
        self.process = process;
    }

    /// The service directory cannot be entered.
    pub fn lose(&mut self) {
        (self.ok, self.process) = (None, None);
        self.is_sure = false;
    }

    /// Nobody asks any more.
    pub fn leave(&mut self, inotify: Option<&Inotify>) {
        for descriptor in self.descriptors() {
            forget(inotify, descriptor);
        }
        (self.ok, self.process) = (None, None);
        self.is_over = true;
    }

    /// Whether nobody asks any more.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether nothing can change unnoticed.
    pub fn is_sure(&self) -> bool {
        self.is_sure
    }

    /// What tells by itself: the FIFO when it loses its reader, an error that is told unasked; the process when it ends.
    pub fn held(&self) -> impl Iterator<Item = PollFd<'_>> {
        let ok = self.ok.as_ref().map(|ok| PollFd::new(ok.as_fd(), PollFlags::empty()));
        let process = self.process.as_ref().map(|process| PollFd::new(process.as_fd(), PollFlags::POLLIN));
        ok.into_iter().chain(process)
    }

    /// Whether it has to be looked at after this.
    pub fn concerns(&self, event: &InotifyEvent, beside: &[&str]) -> bool {
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

    /// The kernel no longer watches this.
    pub fn forget(&mut self, ended: WatchDescriptor) {
        for descriptor in self.descriptors() {
            if *descriptor == Some(ended) {
                *descriptor = None;
            }
        }
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
