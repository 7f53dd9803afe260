//! How a claim is made good.
//!
//! The program that is to run may be another account's, and inherits the descriptor that its lock belongs to. So this is one
//! for reading, and the lock a read lock: who has that descriptor cannot write the file, and whoever wants to lock it as a
//! writer is kept out all the same. What a read lock does not do is keep out another reader. Of several starts one at a time
//! decides, as long as it has the guard (guard.rs); and a read lock counts only as that of a process which has the file open as
//! no mere reader can (../holder.rs), whatever the file says.
//!
//! | step | of two starts | a writer of another kind | who can only read |
//! |---|---|---|---|
//! | guard | the second waits, up to a second | | cannot open it |
//! | write lock, and is it held? | | is told of, or kept out | is gone by |
//! | write the pid | | | |
//! | close what can write, with which the lock goes | the second waits | may come: then he has it | |
//! | read lock | the second finds it | is kept out | |
//! | guard removed | | | |
//!
//! Where no guard can be had, as in a directory that is not the caller's, the write lock decides alone, readers are in the
//! way, and in the instant without a lock it is the pid in the file, and that its process has the file open, which keeps the
//! second out; where that cannot be seen, who has written last stays.

use super::guard::{Guard, Unguarded};
use super::{ATTEMPTS, Claim, Denied, Terms};
use crate::files::descriptors;
use crate::files::file_id;
use crate::files::lock_wait::{self, LockWait};
use crate::files::sight;
use crate::pidfile::holder::Holder;
use crate::pidfile::text;
use crate::sys::descriptor::{self, uninterrupted};
use crate::sys::lock::{self, Kind};
use crate::sys::process;
use crate::sys::words::Word;
use crate::voice::failure::{Failure, UnableTo};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::{Pid, getpid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// How long another's lock may last that is given back as soon as it has been looked at.
const GLANCE: Duration = Duration::from_secs(1);

impl Claim {
    /// Makes the file this process's: locks it, does `work`, which is to write the pid into this file or another, and gives
    /// the descriptor that the lock belongs to. It can read; it can write only where the file, or its file system, lets
    /// nobody lock what he can only read. `text` is where the pid of whoever runs is written. `work` may come more than
    /// once: for a file that has been replaced meanwhile.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn make_good(
        mut self,
        kind: Kind,
        patience: LockWait,
        waiter: &str,
        text: impl Fn(BorrowedFd<'_>) -> Vec<u8>,
        work: impl Fn(&Self) -> anyhow::Result<()>,
    ) -> Result<OwnedFd, Denied> {
        let mut wait = Wait::new(patience, waiter);
        let mut replaced = 0;
        while replaced < ATTEMPTS {
            let terms = self.terms;
            let outcome = match kind {
                Kind::Record => self.by_record(wait.left(), &text, &work)?,
                Kind::Flock => self.by_flock(&mut wait, &text, &work)?,
            };
            match outcome {
                Outcome::Held(file) => return Ok(file),
                Outcome::Replaced => replaced += 1,
                Outcome::Denied(holder) => wait.for_end_of(holder)?,
            }
            // anew, whatever it was
            self = Self::open(terms).map_err(|unfit| unfit.explain(terms.file))?;
        }
        let text = [b"unable to lock ", self.terms.file.bytes(), b": it is replaced again and again"].concat();
        Err(Failure::new(text).into())
    }

    fn by_record(
        mut self,
        patience: LockWait,
        text: &impl Fn(BorrowedFd<'_>) -> Vec<u8>,
        work: &impl Fn(&Self) -> anyhow::Result<()>,
    ) -> Result<Outcome, Denied> {
        self.reserve_number()?;
        let guard = match Guard::take(self.terms.file, patience) {
            Ok(guard) => Some(guard),
            Err(Unguarded::Unavailable) => None,
            Err(Unguarded::Taken(pid)) => return Ok(Outcome::Denied(pid.map_or(Holder::Unseen, Holder::Process))),
        };
        // to be let go of before the guard, whatever comes
        let mut claim = self;
        // before there is a lock, which goes with any descriptor of the file
        let reader = claim.marked_reader()?;
        if reader.is_none() {
            claim.put_in_place()?;
        }
        let passes_readers = guard.is_some() && reader.is_some();
        match uninterrupted(|| lock::acquire(claim.file.as_fd(), Kind::Record, false, false)) {
            Ok(()) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => {
                let holder = Holder::in_the_way(claim.file.as_fd(), &text(claim.file.as_fd()), &claim.seen);
                match holder.unable_to("learn who holds", claim.terms.file.bytes())? {
                    Some(Holder::Reader(_)) if passes_readers => {}
                    Some(holder) => return Ok(Outcome::Denied(holder)),
                    // it has gone meanwhile
                    None => return Ok(Outcome::Replaced),
                }
            }
            Err(reason) => return Err(Failure::unable_to("lock", claim.terms.file.bytes(), reason).into()),
        }
        if !claim.is_still_there() {
            return Ok(Outcome::Replaced);
        }
        let careless = || claim.predecessor().or_else(|| Holder::careless(&text(claim.file.as_fd()), &claim.seen));
        if let Some(holder) = careless() {
            return Ok(Outcome::Denied(holder));
        }
        claim.take_over()?;
        claim.set_mode()?;
        work(&claim)?;
        match reader {
            None => Ok(Outcome::Held(claim.file)),
            Some(reader) => claim.change_locks(reader, text),
        }
    }

    /// Closes the descriptor that can write, and locks by the one that can only read.
    fn change_locks(self, reader: OwnedFd, text: &impl Fn(BorrowedFd<'_>) -> Vec<u8>) -> Result<Outcome, Denied> {
        let Self { terms, file, seen, is_new, reserved: _ } = self;
        drop(file);
        let attempt = || match uninterrupted(|| lock::acquire(reader.as_fd(), Kind::Record, true, false)) {
            Err(Errno::EAGAIN | Errno::EACCES) => None,
            outcome => Some(outcome),
        };
        match attempt().or_else(|| lock_wait::poll(Some(GLANCE), attempt)) {
            Some(Ok(())) => {}
            Some(Err(reason)) => {
                take_back(&terms, &seen, is_new);
                return Err(Failure::unable_to("lock", terms.file.bytes(), reason).into());
            }
            None => {
                let holder = Holder::of(reader.as_fd()).unable_to("learn who holds", terms.file.bytes())?;
                take_back(&terms, &seen, false);
                return Ok(Outcome::Denied(holder.unwrap_or(Holder::Unseen)));
            }
        }
        // without a guard two may have come this far: who has written last stays
        let now = text(reader.as_fd());
        if now != text::of(getpid()) {
            return Ok(text::pid(&now).map_or(Outcome::Replaced, |pid| Outcome::Denied(Holder::Unlocked(pid))));
        }
        Ok(if super::is_at(terms.file.as_c_str(), &seen) { Outcome::Held(reader) } else { Outcome::Replaced })
    }

    fn by_flock(
        mut self,
        wait: &mut Wait<'_>,
        text: &impl Fn(BorrowedFd<'_>) -> Vec<u8>,
        work: &impl Fn(&Self) -> anyhow::Result<()>,
    ) -> Result<Outcome, Denied> {
        self.reserve_number()?;
        let mut reader = self.reader()?;
        let patience = wait.left();
        let acquire = |file: BorrowedFd<'_>| {
            patience.acquire(wait.waiter, |waits| lock::acquire(file, Kind::Flock, false, waits))
        };
        let outcome = match &reader {
            Some(reader) => acquire(reader.as_fd()),
            None => Err(Errno::EBADF),
        };
        let outcome = match outcome {
            // on NFS it is a record lock, for which one must be able to write
            Err(Errno::EBADF) => {
                reader = None;
                self.put_in_place()?;
                acquire(self.file.as_fd())
            }
            outcome => outcome,
        };
        match outcome {
            Ok(()) => {}
            Err(Errno::EAGAIN) => {
                return Err(Denied::Held(Holder::Flock(text::pid(&text(self.file.as_fd())))));
            }
            Err(reason) => return Err(Failure::unable_to("lock", self.terms.file.bytes(), reason).into()),
        }
        if !self.is_still_there() {
            return Ok(Outcome::Replaced);
        }
        self.take_over()?;
        self.set_mode()?;
        work(&self)?;
        Ok(Outcome::Held(reader.unwrap_or(self.file)))
    }

    /// Keeps what is opened meanwhile from getting the number that is to be the lock's.
    fn reserve_number(&mut self) -> anyhow::Result<()> {
        let Some(number) = self.terms.number else { return Ok(()) };
        let copy = descriptor::copy_from(self.file.as_fd(), 3).unable_to("open", self.terms.file.bytes())?;
        if copy.as_raw_fd() == number {
            // the lock's takes its place
            self.reserved = Some(copy);
            return Ok(());
        }
        let reserved = descriptor::move_to(std::mem::replace(&mut self.file, copy), number);
        self.reserved = Some(reserved.map_err(|reason| no_number(number, reason))?);
        Ok(())
    }

    /// A descriptor of the file that can only read, under the number where it is to stay. `None` where the file is not to be
    /// read by its name.
    fn reader(&mut self) -> anyhow::Result<Option<OwnedFd>> {
        match self.marked_reader()? {
            None => self.reader_by(OFlag::empty()),
            marked => Ok(marked),
        }
    }

    /// The same, with O_NOATIME, which only the owner and root can ask for: it tells this descriptor from any reader's. `None`
    /// also where this process cannot.
    fn marked_reader(&mut self) -> anyhow::Result<Option<OwnedFd>> {
        self.reader_by(OFlag::O_NOATIME)
    }

    fn reader_by(&mut self, how: OFlag) -> anyhow::Result<Option<OwnedFd>> {
        let flags = OFlag::O_RDONLY | sight::CAREFULLY | how;
        let opened = uninterrupted(|| open(self.terms.file.as_c_str(), flags, Mode::empty()));
        // another file under this name will be noticed
        let file = opened.ok().filter(|file| fstat(file).is_ok_and(|seen| self.is(&seen)));
        file.map(|file| self.placed(file)).transpose()
    }

    /// Gives the descriptor that the file has been opened with the number where it is to stay.
    fn put_in_place(&mut self) -> anyhow::Result<()> {
        let copy = descriptor::copy_from(self.file.as_fd(), 3).unable_to("open", self.terms.file.bytes())?;
        self.file = self.placed(copy)?;
        Ok(())
    }

    fn placed(&mut self, file: OwnedFd) -> anyhow::Result<OwnedFd> {
        match self.terms.number {
            Some(number) => match self.reserved.take() {
                Some(reserved) => in_place_of(reserved, file),
                None => descriptor::move_to(file, number),
            }
            .map_err(|reason| no_number(number, reason).into()),
            None => out_of_reach(file).unable_to("open", self.terms.file.bytes()),
        }
    }
}

/// `unable to use descriptor 8: …`.
pub(super) fn no_number(number: RawFd, reason: Errno) -> Failure {
    Failure::unable_to("use descriptor", number.to_string().as_bytes(), reason)
}

/// Gives a file the number of another, which is closed.
fn in_place_of(mut other: OwnedFd, file: OwnedFd) -> nix::Result<OwnedFd> {
    uninterrupted(|| nix::unistd::dup3(&file, &mut other, OFlag::O_CLOEXEC))?;
    Ok(other)
}

/// The descriptor under a number that no redirection of a shell script can have (they are single digits): a script that
/// uses 3 for something else would drop the lock. Where so many are not to be had, any but the standard ones.
fn out_of_reach(file: OwnedFd) -> nix::Result<OwnedFd> {
    match descriptor::copy_from(file.as_fd(), super::FIRST) {
        Err(Errno::EINVAL | Errno::EMFILE) => descriptors::at_least(file, 3),
        outcome => outcome,
    }
}

/// Empties the file of this name that a descriptor belongs to, which itself may only read it.
pub fn empty(file: BorrowedFd<'_>, name: Word) {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let opened = uninterrupted(|| open(path.as_str(), flags, Mode::empty()));
    // where there is no /proc
    let opened = opened.or_else(|_| uninterrupted(|| open(name.as_c_str(), flags | OFlag::O_NOFOLLOW, Mode::empty())));
    if let (Ok(writer), Ok(seen)) = (opened, fstat(file))
        && fstat(&writer).is_ok_and(|it| file_id::is_same(&it, &seen))
    {
        let _ = nix::unistd::ftruncate(writer, 0);
    }
}

/// Takes this process's pid back from a file that it could not lock, or the file itself if it `is_new`. To be called with the
/// guard held, if there is one.
fn take_back(terms: &Terms, seen: &FileStat, is_new: bool) {
    let flags = OFlag::O_RDWR | sight::CAREFULLY;
    let Ok(file) = uninterrupted(|| open(terms.file.as_c_str(), flags, Mode::empty())) else { return };
    let claim = Claim { terms: *terms, file, seen: *seen, is_new, reserved: None };
    let is_same = fstat(&claim.file).is_ok_and(|now| claim.is(&now));
    if is_same && Claim::text(claim.file.as_fd()) == text::of(getpid()) {
        claim.withdraw();
    }
}

/// What has become of an attempt.
enum Outcome {
    /// The file is this process's, by this descriptor.
    Held(OwnedFd),
    /// It is another file now, or something else has changed: to be looked at anew.
    Replaced,
    /// Somebody has it.
    Denied(Holder),
}

/// The wait for a file that somebody has.
struct Wait<'a> {
    patience: LockWait,
    waiter: &'a str,
    start: Instant,
    pause: Duration,
    /// Whose end would tell nothing any more.
    ended: Option<Pid>,
}

impl<'a> Wait<'a> {
    /// From pause to pause twice as long, up to this: a lock may be given back by who runs on.
    const LONGEST: Duration = Duration::from_secs(1);

    fn new(patience: LockWait, waiter: &'a str) -> Self {
        Self { patience, waiter, start: Instant::now(), pause: Duration::from_millis(1), ended: None }
    }

    fn left(&self) -> LockWait {
        self.patience.after(self.start)
    }

    /// Waits for the end of whoever has it, or for a while.
    ///
    /// # Errors
    /// That he has it, when there is no more time.
    fn for_end_of(&mut self, holder: Holder) -> Result<(), Denied> {
        let pause = match self.left().limit() {
            Some(Duration::ZERO) => return Err(Denied::Held(holder)),
            Some(left) => self.pause.min(left),
            None => self.pause,
        };
        process::set_name(self.waiter);
        let pid = holder.pid().filter(|&pid| Some(pid) != self.ended);
        let watch = pid.and_then(|pid| process::watch(pid).ok());
        let mut watched: Vec<PollFd<'_>> =
            watch.iter().map(|watch| PollFd::new(watch.as_fd(), PollFlags::POLLIN)).collect();
        // up to the next millisecond, so that the limit has passed when it is looked at
        let timeout = u16::try_from(pause.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        if poll(&mut watched, PollTimeout::from(timeout)).is_ok_and(|ready| ready > 0) {
            self.ended = pid;
        }
        self.pause = (self.pause * 2).min(Self::LONGEST);
        Ok(())
    }
}
