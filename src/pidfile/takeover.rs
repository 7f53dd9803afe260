//! The pid file of a predecessor that gave it to the daemon's account, as bmc/daemonize does. It becomes this process's own
//! where nobody else could have put it there, and once nobody runs whom it names: who left it holds no lock.

use super::claim::{Claim, Denied};
use super::holder::Holder;
use super::text;
use crate::process::life;
use crate::process::table;
use crate::voice::failure::UnableTo;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FileStat, fstatat};
use nix::unistd::{Uid, getegid, geteuid};
use std::os::fd::AsFd;
use std::path::Path;

/// What keeps a file of another account from being taken over by its name, if anything does: that account, or any other,
/// could have put there what is not its to give.
pub fn obstacle(file: &[u8]) -> Option<&'static str> {
    let directory = match file.iter().rposition(|&byte| byte == b'/') {
        Some(0) => &b"/"[..],
        Some(slash) => &file[..slash],
        None => b".",
    };
    let directory = Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(directory));
    let Ok(seen) = fstatat(AT_FDCWD, directory, AtFlags::empty()) else {
        return Some("in a directory that cannot be seen");
    };
    let owner = Uid::from_raw(seen.st_uid);
    if !owner.is_root() && owner != geteuid() {
        Some("in a directory that is another user's")
    } else if seen.st_mode & 0o022 != 0 {
        Some("in a directory that group or others may write to")
    } else {
        None
    }
}

/// The process that such a file names, if it runs as the file's owner.
fn predecessor(text: &[u8], file: &FileStat) -> Option<Holder> {
    let pid = text::pid(text).filter(|&pid| pid != nix::unistd::getpid() && life::is_running(pid))?;
    // one of another account has got the number of the predecessor, which is gone
    let is_owners = table::users_of(pid).is_none_or(|users| users.contains(&file.st_uid));
    is_owners.then_some(Holder::Unlocked(pid))
}

impl Claim {
    /// Whether the file is an account's that is neither root nor this process's.
    fn is_anothers(&self) -> bool {
        let owner = Uid::from_raw(self.seen().st_uid);
        !owner.is_root() && owner != geteuid()
    }

    /// Whoever has left it, if he runs.
    pub(super) fn predecessor(&self) -> Option<Holder> {
        if self.is_anothers() { predecessor(&Self::text(self.as_fd()), self.seen()) } else { None }
    }

    /// Makes a file that another account owns, and that is locked, this process's own, unless it is to stay that account's.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn take_over(&self) -> Result<(), Denied> {
        if let Some(holder) = self.predecessor() {
            return Err(Denied::Held(holder));
        }
        if self.is_anothers() && self.terms().owner != Some(Uid::from_raw(self.seen().st_uid)) {
            nix::unistd::fchown(self, Some(geteuid()), Some(getegid()))
                .unable_to("change the owner of", self.terms().file.bytes())?;
        }
        Ok(())
    }
}
