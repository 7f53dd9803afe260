//! A log that is to be emptied for the program, once it is known that the program can be started: until then a start that
//! comes to nothing must not cost what was logged before.
//!
//! What the links say meanwhile goes behind the old text, and comes to be the beginning of the log when that goes.

use crate::files::descriptors;
use crate::files::file_id;
use crate::files::sight;
use crate::process::deadly_writes;
use crate::sys::descriptor::{self, uninterrupted};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::sys::uio::{pread, pwrite};
use nix::unistd::{Whence, ftruncate, lseek};
use std::ffi::CStr;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A log with an old text.
pub struct Log {
    /// Shares its position with the descriptors that are written to.
    pub(super) file: OwnedFd,
    /// Where the old text ends.
    pub(super) end: i64,
}

impl Log {
    /// Makes a file that has just been opened such a log, if there is any text in it. Its position comes to be the end of that.
    ///
    /// # Errors
    /// As fstat(2), lseek(2), and fcntl(2), F_DUPFD.
    pub fn of(file: BorrowedFd<'_>) -> nix::Result<Option<Self>> {
        let seen = fstat(file)?;
        if !sight::is_regular(seen.st_mode) || seen.st_size == 0 {
            return Ok(None);
        }
        let end = lseek(file, 0, Whence::SeekEnd)?;
        // out of the way of links whose lowest free descriptor can be seen
        Ok(Some(Self { file: descriptors::copy_out_of_the_way(file, None)?, end }))
    }

    /// One that an exec of this very program has handed on: this descriptor, if it is that file.
    pub(super) fn taken_over(number: RawFd, inode: u64, end: u64) -> Option<Self> {
        let end = i64::try_from(end).ok().filter(|&end| end > 0)?;
        let is_it = |seen: nix::sys::stat::FileStat| sight::is_regular(seen.st_mode) && seen.st_ino == inode;
        let is_behind = |file: BorrowedFd<'_>| lseek(file, 0, Whence::SeekCur).is_ok_and(|place| place >= end);
        let file = descriptor::adopt(number, |file| number > 2 && fstat(file).is_ok_and(is_it) && is_behind(file))?;
        Some(Self { file, end })
    }

    /// Takes the old text away. Allocates nothing: memory may be forbidden.
    pub(super) fn empty(&self) {
        let start = deadly_writes::without(libc::SIGXFSZ, || self.move_to_front());
        // where that cannot be had nothing is lost: what comes is added
        if let Ok(start) = start {
            let _ = ftruncate(&self.file, start).and_then(|()| lseek(&self.file, start, Whence::SeekSet));
        }
    }

    /// Whether both are the same file.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        fstat(&self.file).is_ok_and(|own| fstat(&other.file).is_ok_and(|seen| file_id::is_same(&own, &seen)))
    }

    /// Goes to where the other one is in their file, which that has emptied.
    pub(super) fn go_to(&self, other: &Self) {
        let _ = lseek(&other.file, 0, Whence::SeekCur).and_then(|place| lseek(&self.file, place, Whence::SeekSet));
    }

    /// Puts what is behind the old text in its place. Gives how much that is.
    fn move_to_front(&self) -> nix::Result<i64> {
        let size = fstat(&self.file)?.st_size;
        if size <= self.end {
            // less where another process that has this log as well has emptied it already
            return Ok(if size < self.end { size } else { 0 });
        }
        let reader = self.reader()?;
        let mut piece = [0; 1024];
        let mut start = 0;
        loop {
            let count = uninterrupted(|| pread(&reader, &mut piece, self.end + start))?;
            if count == 0 {
                return Ok(start);
            }
            start += i64::try_from(uninterrupted(|| pwrite(&self.file, &piece[..count], start))?).unwrap_or(0);
        }
    }

    /// The same file for reading: as a log it is open for writing alone.
    fn reader(&self) -> nix::Result<OwnedFd> {
        let mut text = [0; 32];
        let _ = write!(&mut text[..], "/proc/self/fd/{}", self.as_raw_fd());
        let name = CStr::from_bytes_until_nul(&text).unwrap_or_default();
        uninterrupted(|| open(name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()))
    }
}

impl AsRawFd for Log {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl AsFd for Log {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
