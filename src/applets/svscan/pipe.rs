//! The pipe between a service and its log. svscan keeps both ends, so that it outlives either side.

use crate::options::decimal;
use crate::sys::descriptor;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlink};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, pipe2};
use std::os::fd::{AsFd, OwnedFd};

/// Both ends of a pipe.
pub struct Pipe {
    /// For the log's standard input.
    pub read: OwnedFd,
    /// For the service's standard output; gone when nothing more is to come.
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

    /// The pipe that a process has as this descriptor: what an earlier svscan has made. `None` if it is no pipe, or not the one with
    /// this inode, or if /proc does not tell.
    pub fn of_process(pid: Pid, number: u8, inode: u64) -> Option<Self> {
        let path = format!("/proc/{pid}/fd/{number}");
        let name = readlink(path.as_str()).ok()?;
        let found = name.as_encoded_bytes().strip_prefix(b"pipe:[")?.strip_suffix(b"]")?;
        if decimal(found) != Some(inode) {
            return None;
        }
        let reopen = |how: OFlag| open(path.as_str(), how | OFlag::O_CLOEXEC, Mode::empty());
        // with both sides open none of the others has to wait for one
        let _both = reopen(OFlag::O_RDWR).ok()?;
        let pipe = Self { read: reopen(OFlag::O_RDONLY).ok()?, write: Some(reopen(OFlag::O_WRONLY).ok()?) };
        Some(pipe)
    }

    /// How many bytes have not been read. In doubt, none.
    pub fn unread(&self) -> usize {
        descriptor::unread(self.read.as_fd()).unwrap_or(0)
    }
}

/// Whether so many descriptors cannot be had.
pub fn is_shortage(reason: Errno) -> bool {
    matches!(reason, Errno::EMFILE | Errno::ENFILE)
}
