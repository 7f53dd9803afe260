//! Signals by which the kernel tells a process what happens to an open file (fcntl(2), "Managing signals").

use nix::errno::Errno;
use nix::unistd::{Pid, getpid};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Has this process killed when the pipe, of which this is a writing end, has no reader any more; and each time a reader
/// takes something out. That belongs to the open file: it outlasts an exec as that does, and ends when it is closed.
///
/// # Errors
/// As fcntl(2).
pub fn kill_without_reader(pipe: BorrowedFd<'_>) -> nix::Result<()> {
    /// linux/fcntl.h.
    const F_SETSIG: libc::c_int = 10;
    let number = pipe.as_raw_fd();
    own(pipe)?;
    // SAFETY: an open descriptor and numbers.
    unsafe {
        Errno::result(libc::fcntl(number, F_SETSIG, libc::SIGKILL))?;
        let flags = Errno::result(libc::fcntl(number, libc::F_GETFL))?;
        Errno::result(libc::fcntl(number, libc::F_SETFL, flags | libc::O_ASYNC)).map(drop)
    }
}

/// Whether [`kill_without_reader`] was called for this open file.
pub fn is_deadly(pipe: BorrowedFd<'_>) -> bool {
    // SAFETY: an open descriptor and a number.
    let flags = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_GETFL) };
    flags != -1 && flags & libc::O_ASYNC != 0
}

/// Makes this process the one that the signals go to. With them goes its account as it is now, which is asked whether it may
/// send them.
///
/// # Errors
/// As fcntl(2).
pub fn own(file: BorrowedFd<'_>) -> nix::Result<()> {
    // SAFETY: an open descriptor and a number.
    Errno::result(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETOWN, getpid().as_raw()) }).map(drop)
}

/// Who gets them.
pub fn owner(file: BorrowedFd<'_>) -> Option<Pid> {
    // SAFETY: an open descriptor and a number.
    let pid = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETOWN) };
    (pid > 0).then(|| Pid::from_raw(pid))
}
