//! File locks.

use nix::errno::Errno;
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The two kinds that matter between programs; neither sees the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// flock(2): belongs to the open file description, survives fork.
    Flock,
    /// fcntl(2) F_SETLK on the whole file: belongs to the process.
    Record,
}

/// Takes the lock, or waits for it.
///
/// # Errors
/// EAGAIN, for a record lock also EACCES, where another holds it and `wait` is false.
pub fn acquire(file: BorrowedFd<'_>, kind: Kind, shared: bool, wait: bool) -> nix::Result<()> {
    let number = file.as_raw_fd();
    let outcome = match kind {
        Kind::Flock => {
            let how = if shared { libc::LOCK_SH } else { libc::LOCK_EX };
            // SAFETY: an open descriptor and a valid operation.
            unsafe { libc::flock(number, if wait { how } else { how | libc::LOCK_NB }) }
        }
        Kind::Record => {
            let lock = whole_file(if shared { libc::F_RDLCK } else { libc::F_WRLCK });
            let how = if wait { libc::F_SETLKW } else { libc::F_SETLK };
            // SAFETY: an open descriptor and a valid record, which the kernel only reads.
            unsafe { libc::fcntl(number, how, &raw const lock) }
        }
    };
    Errno::result(outcome).map(drop)
}

fn whole_file(kind: libc::c_int) -> libc::flock {
    // SAFETY: all-zero is a valid record: from the start, of no length, which means the whole file.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock
}

/// A lock that keeps this process from a record lock of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Whether it is a read lock.
    pub shared: bool,
    /// Who holds it; `None` for a process of another pid namespace or machine, or where the lock is the open file's.
    pub holder: Option<Pid>,
}

/// Who, if anybody, keeps this process from a record lock on the whole file. A descriptor for reading will do, and
/// nobody's attempt at a lock is disturbed.
pub fn obstacle(file: BorrowedFd<'_>) -> nix::Result<Option<Obstacle>> {
    let mut lock = whole_file(libc::F_WRLCK);
    // SAFETY: an open descriptor and a valid record, which the kernel fills.
    Errno::result(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) })?;
    Ok(match i32::from(lock.l_type) {
        libc::F_UNLCK => None,
        kind => {
            let holder = (lock.l_pid > 0).then(|| Pid::from_raw(lock.l_pid));
            Some(Obstacle { shared: kind == libc::F_RDLCK, holder })
        }
    })
}

/// Gives a record lock back.
pub fn release(file: BorrowedFd<'_>) -> nix::Result<()> {
    let lock = whole_file(libc::F_UNLCK);
    // SAFETY: an open descriptor and a valid record, which the kernel only reads.
    Errno::result(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) }).map(drop)
}
