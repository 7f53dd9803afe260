//! Which file is meant: the same one may have many names, and one name another file a moment later.

use nix::sys::stat::{FileStat, fstat};
use std::os::fd::AsFd;

/// A file on this machine, as long as it is there: when it is gone, another may have the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Of the file system.
    pub device: libc::dev_t,
    /// Within it.
    pub inode: libc::ino_t,
}

impl FileId {
    /// The file that this says something about.
    pub fn of(seen: &FileStat) -> Self {
        Self { device: seen.st_dev, inode: seen.st_ino }
    }

    /// The file that a descriptor belongs to.
    ///
    /// # Errors
    /// As fstat(2).
    pub fn of_open(file: impl AsFd) -> nix::Result<Self> {
        fstat(file).map(|seen| Self::of(&seen))
    }
}

/// Whether both are the same file.
pub fn is_same(one: &FileStat, other: &FileStat) -> bool {
    FileId::of(one) == FileId::of(other)
}
