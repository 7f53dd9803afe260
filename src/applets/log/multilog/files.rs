//! The files of a log directory by their names. Others may have put something else there: a symbolic link, another name of a
//! file that is theirs, a FIFO that would have to be waited for, a device. Nothing is written through any of them.

use crate::files::file_id::FileId;
use crate::files::lock_wait;
use crate::files::sight;
use crate::sys::lock::{self, Kind};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How long a lock may outlive who has held it: a processor lets go of it at its start.
const STILL_HELD: Duration = Duration::from_millis(200);

/// What the name itself stands for; `None` if there is none.
pub fn sight(directory: impl AsFd, name: &str) -> nix::Result<Option<FileStat>> {
    match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// Whether this is neither a regular file nor what cannot be opened as one: then opening it might do something.
pub fn is_special(seen: &FileStat) -> bool {
    let kind = SFlag::from_bits_truncate(seen.st_mode & SFlag::S_IFMT.bits());
    !matches!(kind, SFlag::S_IFREG | SFlag::S_IFLNK | SFlag::S_IFDIR)
}

/// Opens a file of the directory itself, never one that a symbolic link leads to, and waits for nothing.
pub fn open(directory: impl AsFd, name: &str, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
    openat(directory, name, flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, mode)
}

/// Makes a file to write to, in the place of whatever has the name: what a multilog that was killed has left, or what
/// somebody has linked there to have it written over.
pub fn create(directory: impl AsFd, name: &str, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
    let flags = flags | OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    match openat(&directory, name, flags, mode) {
        Err(Errno::EEXIST) => {
            unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir)?;
            openat(&directory, name, flags, mode)
        }
        outcome => outcome,
    }
}

/// Opens a regular file to read. What is none is gone, says ESTALE: somebody has put something else there.
pub fn read(directory: impl AsFd, name: &str) -> nix::Result<OwnedFd> {
    let is_regular = |seen: FileStat| sight::is_regular(seen.st_mode);
    if sight(&directory, name)?.is_some_and(|seen| !is_regular(seen)) {
        return Err(Errno::ESTALE);
    }
    let file = open(directory, name, OFlag::O_RDONLY, Mode::empty())?;
    if !is_regular(fstat(&file)?) {
        return Err(Errno::ESTALE);
    }
    // as a processor has always found it
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(file)
}

/// Locks the directory. What is `held` already is kept, if it is this one's lock.
///
/// # Errors
/// EAGAIN if another multilog has it.
pub fn lock(directory: impl AsFd, held: Option<&OwnedFd>) -> nix::Result<OwnedFd> {
    if let Some(held) = held
        && sight(&directory, "lock")?.map(|seen| FileId::of(&seen)) == Some(FileId::of_open(held)?)
    {
        return held.try_clone().map_err(|_| Errno::EMFILE);
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND;
    let lock = open(&directory, "lock", flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    // the processor of a multilog that was killed may not have let go of it yet
    let attempt =
        || Some(lock::acquire(lock.as_fd(), Kind::Flock, false, false)).filter(|got| *got != Err(Errno::EAGAIN));
    attempt().or_else(|| lock_wait::poll(Some(STILL_HELD), attempt)).unwrap_or(Err(Errno::EAGAIN))?;
    Ok(lock)
}
