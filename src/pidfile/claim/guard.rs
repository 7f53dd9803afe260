//! Who of several starts may decide who gets a pid file. A lock on the file itself cannot say that alone: whoever may read
//! the file may hold a read lock on it, and between the lock of who writes it and that of who runs there is an instant
//! without any.

use super::{ATTEMPTS, Terms, flaw, is_at, remove};
use crate::files::descriptors;
use crate::files::lock_wait::{self, LockWait};
use crate::files::sight;
use crate::pidfile::beside;
use crate::sys::descriptor::uninterrupted;
use crate::sys::lock::{self, Kind};
use crate::sys::words::Word;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::Pid;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How long another may take to decide.
const DECISION: Duration = Duration::from_secs(1);

/// A lock on a file of mode 0600 beside the pid file. The file is there only as long as somebody has the lock, or where he
/// was killed.
pub(super) struct Guard {
    file: GuardFile,
}

/// Why there is none.
pub(super) enum Unguarded {
    /// No such file can be made there, or none that could be trusted.
    Unavailable,
    /// Another process has it, and does not go on.
    Taken(Option<Pid>),
}

impl Guard {
    /// Takes it for the pid file `of`, once whoever has it is done, but within the bound of a patience that has one.
    pub(super) fn take(of: Word, patience: LockWait) -> Result<Self, Unguarded> {
        let limit = patience.limit().filter(|limit| !limit.is_zero()).map_or(DECISION, |limit| limit.min(DECISION));
        let name = Word::leak(beside(of.bytes(), b"claim"));
        for _ in 0..ATTEMPTS {
            let file = GuardFile::open(name).ok_or(Unguarded::Unavailable)?;
            let attempt = || match uninterrupted(|| lock::acquire(file.descriptor.as_fd(), Kind::Record, false, false))
            {
                Err(Errno::EAGAIN | Errno::EACCES) => None,
                outcome => Some(outcome),
            };
            match attempt().or_else(|| lock_wait::poll(Some(limit), attempt)) {
                Some(Ok(())) if is_at(name.as_c_str(), &file.seen) => return Ok(Self { file }),
                // whoever had it has removed it
                Some(Ok(())) => {}
                Some(Err(_)) => return Err(Unguarded::Unavailable),
                None => {
                    let obstacle = lock::obstacle(file.descriptor.as_fd()).ok().flatten();
                    return Err(Unguarded::Taken(obstacle.and_then(|obstacle| obstacle.holder)));
                }
            }
        }
        Err(Unguarded::Unavailable)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // under the lock, which goes with the descriptor: nobody else's file is removed
        if is_at(self.file.name.as_c_str(), &self.file.seen) {
            let _ = remove(self.file.name.as_c_str());
        }
    }
}

struct GuardFile {
    name: Word,
    descriptor: OwnedFd,
    seen: FileStat,
}

impl GuardFile {
    /// `None` where there cannot be one, or there is what others could lock.
    fn open(name: Word) -> Option<Self> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | sight::CAREFULLY;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let descriptor = uninterrupted(|| open(name.as_c_str(), flags, mode)).ok()?;
        let descriptor = descriptors::at_least(descriptor, 3).ok()?;
        let seen = fstat(&descriptor).ok()?;
        let is_fit = seen.st_nlink == 0 || flaw(&seen, &Terms::new(name)).is_none() && seen.st_mode & 0o077 == 0;
        is_fit.then_some(Self { name, descriptor, seen })
    }
}
