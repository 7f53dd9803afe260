//! A lock that whoever gets it cannot write to.

use super::file_id;
use super::sight::is_regular;
use crate::sys::descriptor::uninterrupted;
use crate::sys::lock::{Kind, acquire};
use crate::sys::words::Word;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use std::os::fd::{AsFd, OwnedFd};

/// Lets the descriptor that is to have a flock(2) only read, under the number that it has: it reaches the program, which may be
/// another account's, and a lock file need not be its to write. Where the file is no regular one, is not to be read, or has been
/// replaced meanwhile, and where its file system lets only writers lock it, the descriptor stays what it is.
pub fn let_only_read(file: OwnedFd, name: Word, shared: bool) -> OwnedFd {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let copy = || {
        let seen = fstat(&file).ok().filter(|seen| is_regular(seen.st_mode))?;
        let open = |flags| uninterrupted(|| open(name.as_c_str(), flags, Mode::empty()));
        // where it is a pid file, this tells it from any reader's (src/pidfile/holder.rs)
        let copy = open(flags | OFlag::O_NOATIME).or_else(|_| open(flags)).ok()?;
        let same = fstat(&copy).is_ok_and(|it| file_id::is_same(&it, &seen));
        // flock(2): on NFS it is a record lock
        let can_lock = || acquire(copy.as_fd(), Kind::Flock, shared, false) != Err(Errno::EBADF);
        (same && can_lock()).then_some(copy)
    };
    match copy() {
        Some(copy) => {
            let mut file = file;
            let _ = uninterrupted(|| nix::unistd::dup3(&copy, &mut file, OFlag::O_CLOEXEC));
            file
        }
        None => file,
    }
}
