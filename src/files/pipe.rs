//! Pipes whose both ends are kept, and those that another process has.

use crate::number::decimal;
use crate::sys::descriptor;
use nix::fcntl::{OFlag, open, readlink};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, pipe2};
use std::os::fd::{AsFd, OwnedFd, RawFd};

/// Both ends of a pipe, close-on-exec.
pub struct Pipe {
    /// To read from.
    pub read: OwnedFd,
    /// To write to; gone when nothing more is to come.
    pub write: Option<OwnedFd>,
}

impl Pipe {
    /// A new one.
    ///
    /// # Errors
    /// As pipe(2).
    pub fn new() -> nix::Result<Self> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(Self { read, write: Some(write) })
    }

    /// The pipe that a process has as this descriptor, and with this inode if one is given. `None` if it is no pipe, or another
    /// one, or if /proc does not tell.
    pub fn of_process(pid: Pid, number: RawFd, inode: Option<u64>) -> Option<Self> {
        let path = format!("/proc/{pid}/fd/{number}");
        let name = readlink(path.as_str()).ok()?;
        let found = name.as_encoded_bytes().strip_prefix(b"pipe:[")?.strip_suffix(b"]")?;
        if inode.is_some() && decimal(found) != inode {
            return None;
        }
        let reopen = |how: OFlag| open(path.as_str(), how | OFlag::O_CLOEXEC, Mode::empty());
        // with both sides open none of the others has to wait for one
        let _both = reopen(OFlag::O_RDWR).ok()?;
        Some(Self { read: reopen(OFlag::O_RDONLY).ok()?, write: Some(reopen(OFlag::O_WRONLY).ok()?) })
    }

    /// Whether anybody can still write to it.
    pub fn is_held(&self) -> bool {
        let mut watched = [PollFd::new(self.read.as_fd(), PollFlags::POLLIN)];
        let seen = poll(&mut watched, PollTimeout::ZERO);
        seen.is_ok() && !watched[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
    }

    /// How many bytes have not been read. In doubt, none.
    pub fn unread(&self) -> usize {
        descriptor::unread(self.read.as_fd()).unwrap_or(0)
    }
}
