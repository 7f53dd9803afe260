//! What a name leads to, and what may be learnt of it.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::FileStat;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// How a file is opened that anybody may have put in the place of another: no link is followed, nothing is waited for, no
/// terminal becomes this process's, and no program gets it.
pub const CAREFULLY: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// Whether both are the same file.
pub fn is_same(one: &FileStat, other: &FileStat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// Whether a file of this mode is a regular one.
pub fn is_regular(mode: u32) -> bool {
    mode & libc::S_IFMT == libc::S_IFREG
}

/// Which file a name leads to, and through which mount.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    device: (u32, u32),
    inode: u64,
    /// `None` where the kernel does not tell (before 5.8, and where a filter denies statx).
    mount: Option<u64>,
}

impl Identity {
    /// Whether both are one file, whatever the mounts.
    pub fn is_same_file(self, other: Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
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
    pub identity: Identity,
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
pub fn sight(name: &CStr) -> nix::Result<Sight> {
    const WANTED: u32 = libc::STATX_TYPE | libc::STATX_MODE | libc::STATX_INO | libc::STATX_MNT_ID;
    let mut seen = std::mem::MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: `name` is NUL-terminated and `seen` has room for the record, which is valid when zero, too.
    let (outcome, seen) = unsafe {
        let outcome = libc::statx(libc::AT_FDCWD, name.as_ptr(), 0, WANTED, seen.as_mut_ptr());
        (Errno::result(outcome), seen.assume_init())
    };
    match outcome {
        Ok(_) => {}
        Err(reason @ (Errno::ENOENT | Errno::ENOTDIR)) => return Err(reason),
        Err(_) => return sight_by_stat(name),
    }
    let knows_mount = seen.stx_mask & libc::STATX_MNT_ID != 0;
    Ok(Sight {
        identity: Identity {
            device: (seen.stx_dev_major, seen.stx_dev_minor),
            inode: seen.stx_ino,
            mount: knows_mount.then_some(seen.stx_mnt_id),
        },
        mode: seen.stx_mode.into(),
    })
}

/// The same where there is no statx: a kernel before 4.11, or a filter that denies it, with whatever error.
#[cold]
fn sight_by_stat(name: &CStr) -> nix::Result<Sight> {
    let seen = nix::sys::stat::stat(name)?;
    let device = (libc::major(seen.st_dev), libc::minor(seen.st_dev));
    Ok(Sight { identity: Identity { device, inode: seen.st_ino, mount: None }, mode: seen.st_mode })
}

/// When a file was made, in seconds since 1970; where its file system does not keep that, when it was last written.
pub fn birth(file: BorrowedFd<'_>) -> nix::Result<i64> {
    let mut seen = std::mem::MaybeUninit::<libc::statx>::zeroed();
    let wanted = libc::STATX_BTIME | libc::STATX_MTIME;
    // SAFETY: an empty name with AT_EMPTY_PATH means the descriptor, and `seen` has room, as in `sight`.
    let (outcome, seen) = unsafe {
        let outcome = libc::statx(file.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, wanted, seen.as_mut_ptr());
        (outcome, seen.assume_init())
    };
    if outcome != 0 {
        // no statx here, see `sight_by_stat`
        return nix::sys::stat::fstat(file).map(|seen| seen.st_mtime);
    }
    let has_birth = seen.stx_mask & libc::STATX_BTIME != 0;
    Ok(if has_birth { seen.stx_btime.tv_sec } else { seen.stx_mtime.tv_sec })
}

/// Whether the file carries neither capabilities nor an access list, so that its permission bits say all there is
/// about executing it. `false` where that cannot be learnt.
pub fn has_plain_permissions(name: &CStr) -> bool {
    let mut list = [0_u8; 256];
    // SAFETY: `name` is NUL-terminated and `list` as long as said.
    let length = unsafe { libc::listxattr(name.as_ptr(), list.as_mut_ptr().cast(), list.len()) };
    match usize::try_from(length) {
        Ok(length) => !list[..length]
            .split(|&byte| byte == 0)
            .any(|attribute| matches!(attribute, b"security.capability" | b"system.posix_acl_access")),
        Err(_) => Errno::last() == Errno::EOPNOTSUPP,
    }
}
