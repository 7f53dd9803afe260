//! What standard input is, and the calls that look at it and take from it.

use super::events::Events;
use crate::sys::descriptor::{self, STDIN, uninterrupted};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{SockType, getsockopt, sockopt};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{Whence, lseek, pipe2, read};
use std::os::fd::{AsFd, OwnedFd};

/// Bytes looked at at a time: what a pipe mostly holds.
pub const ROOM: usize = 64 * 1024;

/// Bytes read at a time from what cannot be looked at.
pub const SMALL: usize = 1024;

/// What standard input is.
pub enum Feed {
    /// With a pipe of our own.
    Pipe(OwnedFd, OwnedFd),
    /// A stream.
    Socket,
    /// With the offset of the next byte.
    File(i64),
    /// With how many bytes are read at a time.
    Other(usize),
}

impl Feed {
    /// What it is, and whether it is watched by now. Reads nothing.
    ///
    /// # Errors
    /// EBADF if it is closed.
    pub fn of_standard_input(events: &Events) -> nix::Result<(Self, bool)> {
        let mode = SFlag::from_bits_truncate(fstat(STDIN)?.st_mode & SFlag::S_IFMT.bits());
        let is_stream = || getsockopt(&STDIN, sockopt::SockType).is_ok_and(|kind| kind == SockType::Stream);
        let mut is_watched = false;
        let feed = match mode {
            SFlag::S_IFIFO => pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
                .map_or(Self::Other(SMALL), |(from, to)| Self::Pipe(from, to)),
            SFlag::S_IFSOCK if is_stream() => Self::Socket,
            // a datagram is lost but for what is read at once
            SFlag::S_IFSOCK => Self::Other(ROOM),
            SFlag::S_IFREG | SFlag::S_IFBLK => {
                // what can be waited for, as /proc/kmsg can, is none of these files
                is_watched = events.add_input(STDIN, false).is_ok();
                match lseek(STDIN, 0, Whence::SeekCur) {
                    Ok(offset) if !is_watched => Self::File(offset),
                    _ => Self::Other(SMALL),
                }
            }
            _ => Self::Other(SMALL),
        };
        Ok((feed, is_watched))
    }
}

/// Whether that is so of standard input now; a hang-up always counts.
pub fn is_now(what: PollFlags) -> bool {
    let mut input = [PollFd::new(STDIN, what)];
    let _ = poll(&mut input, PollTimeout::ZERO);
    // a bit that nix has no name for is none of its answers
    input[0].any().unwrap_or(true)
}

/// How many bytes a pipe holds.
///
/// # Errors
/// As fcntl(2), F_GETPIPE_SZ.
pub fn pipe_size(pipe: impl AsFd) -> nix::Result<usize> {
    fcntl(pipe, FcntlArg::F_GETPIPE_SZ).map(|size| size.unsigned_abs() as usize)
}

/// Reads what tee(2) has put into our own pipe, `copy` being as long as that. Gives false if the input keeps writes apart and
/// that was not known: these copies do, too. A read ends with a write, and what is not read of one is gone.
///
/// # Errors
/// As read(2).
pub fn fill(from: &OwnedFd, copy: &mut [u8], is_packets: bool) -> nix::Result<bool> {
    /// What has more comes in several, if writes are kept apart.
    const LARGEST_PACKET: usize = 4096;
    let (most, mut filled) = (copy.len(), 0);
    let mut next = |end: usize| {
        let count = uninterrupted(|| read(from, &mut copy[filled..end]))?;
        filled += count;
        Ok(filled)
    };
    if is_packets {
        while next(most)? < most {}
        return Ok(true);
    }
    // one write looks like any other bytes, but for what is left when it is read in part
    let first = if most <= LARGEST_PACKET { most.saturating_sub(1) } else { most };
    let is_whole = (first == 0 || next(first)? == first) && (first == most || next(most) == Ok(most));
    if !is_whole {
        while uninterrupted(|| read(from, &mut [0; 512])) != Err(Errno::EAGAIN) {}
    }
    Ok(is_whole)
}

/// Reads without waiting for anything: another process may have been quicker. `can` tells, and learns, whether one call can do
/// that; of a FIFO that was opened by its name it cannot.
///
/// # Errors
/// As read(2); EAGAIN if nothing is there.
pub fn read_what_is_there(part: &mut [u8], can: &mut bool) -> nix::Result<usize> {
    if *can {
        match descriptor::read_at_once(STDIN, part) {
            Err(Errno::EOPNOTSUPP) => *can = false,
            outcome => return outcome,
        }
    }
    if is_now(PollFlags::POLLIN) { read(STDIN, part) } else { Err(Errno::EAGAIN) }
}
