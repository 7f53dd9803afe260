//! File locks.

use nix::errno::Errno;
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
            // SAFETY: all-zero is a valid record: from the start, of no length, which means the whole file.
            let mut lock: libc::flock = unsafe { std::mem::zeroed() };
            lock.l_type = (if shared { libc::F_RDLCK } else { libc::F_WRLCK }) as libc::c_short;
            lock.l_whence = libc::SEEK_SET as libc::c_short;
            let how = if wait { libc::F_SETLKW } else { libc::F_SETLK };
            // SAFETY: an open descriptor and a valid record, which the kernel only reads.
            unsafe { libc::fcntl(number, how, &raw const lock) }
        }
    };
    Errno::result(outcome).map(drop)
}
