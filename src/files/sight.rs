//! What a name leads to, and what may be learnt of it.

use super::file_id::FileId;
use crate::sys::file::{list_attributes, statx, statx_open};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{fstat, stat};
use std::ffi::CStr;
use std::os::fd::BorrowedFd;

/// How a file is opened that anybody may have put in the place of another: no link is followed, nothing is waited for, no
/// terminal becomes this process's, and no program gets it.
pub const CAREFULLY: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// Whether a file of this mode is a regular one.
pub fn is_regular(mode: u32) -> bool {
    mode & libc::S_IFMT == libc::S_IFREG
}

/// Which file a name leads to, and through which mount.
#[derive(Clone, Copy, Debug)]
pub struct Location {
    file: FileId,
    /// `None` where the kernel does not tell (before 5.8, and where a filter denies statx).
    mount: Option<u64>,
}

impl Location {
    /// Whether both are one file, whatever the mounts.
    pub fn is_same_file(self, other: Self) -> bool {
        self.file == other.file
    }

    /// Whether both are one file and sure to be reached through one mount.
    pub fn is_same(self, other: Self) -> bool {
        self.is_same_file(other) && self.mount.is_some() && self.mount == other.mount
    }
}

/// What the exec routine wants to know of a file.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Which it is.
    pub location: Location,
    /// Type and permission bits.
    pub mode: u32,
}

impl Sight {
    /// Whether an exec of the file changes the user or group id.
    pub fn is_set_id(&self) -> bool {
        self.mode & (libc::S_ISUID | libc::S_ISGID) != 0
    }
}

/// Looks at the file behind `name`, following symbolic links.
///
/// # Errors
/// As stat(2).
pub fn of(name: &CStr) -> nix::Result<Sight> {
    const WANTED: u32 = libc::STATX_TYPE | libc::STATX_MODE | libc::STATX_INO | libc::STATX_MNT_ID;
    let seen = match statx(name, WANTED) {
        Ok(seen) => seen,
        Err(reason @ (Errno::ENOENT | Errno::ENOTDIR)) => return Err(reason),
        Err(_) => return by_stat(name),
    };
    let device = libc::makedev(seen.stx_dev_major, seen.stx_dev_minor);
    let mount = (seen.stx_mask & libc::STATX_MNT_ID != 0).then_some(seen.stx_mnt_id);
    let location = Location { file: FileId { device, inode: seen.stx_ino }, mount };
    Ok(Sight { location, mode: seen.stx_mode.into() })
}

/// The same where there is no statx: a kernel before 4.11, or a filter that denies it, with whatever error.
#[cold]
fn by_stat(name: &CStr) -> nix::Result<Sight> {
    let seen = stat(name)?;
    Ok(Sight { location: Location { file: FileId::of(&seen), mount: None }, mode: seen.st_mode })
}

/// When a file was made, in seconds since 1970; where its file system does not keep that, when it was last written.
///
/// # Errors
/// As fstat(2).
pub fn birth(file: BorrowedFd<'_>) -> nix::Result<i64> {
    let Ok(seen) = statx_open(file, libc::STATX_BTIME | libc::STATX_MTIME) else {
        // see `by_stat`
        return fstat(file).map(|seen| seen.st_mtime);
    };
    let has_birth = seen.stx_mask & libc::STATX_BTIME != 0;
    Ok(if has_birth { seen.stx_btime.tv_sec } else { seen.stx_mtime.tv_sec })
}

/// Whether the file carries neither capabilities nor an access list, so that its permission bits say all there is
/// about executing it. `false` where that cannot be learnt.
pub fn has_plain_permissions(name: &CStr) -> bool {
    let mut list = [0_u8; 256];
    match list_attributes(name, &mut list) {
        Ok(length) => !list[..length]
            .split(|&byte| byte == 0)
            .any(|attribute| matches!(attribute, b"security.capability" | b"system.posix_acl_access")),
        Err(reason) => reason == Errno::EOPNOTSUPP,
    }
}
