//! The C library's look-ups, through the `users` crate.

use super::{Answer, Directory, Id, User, is_usable};
use crate::files::descriptors::open_from;
use crate::sys::signal::{self, Set};
use crate::sys::words::Word;
use crate::voice::failure::Failure;
use nix::errno::Errno;
use nix::unistd::Gid;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use users::os::unix::UserExt;

/// The C library.
pub struct System;

/// Asks the C library, and undoes what the modules that it loads leave behind: descriptors that were not there before are
/// closed; and signals that the C library keeps to itself are blocked again if they were, which a module unblocks that blocks
/// signals for a while and puts its own idea of the mask back (systemd's does).
fn undisturbed<T>(ask: impl FnOnce() -> T) -> T {
    // nothing is told, and so nothing closed, where /proc is not mounted
    let before = open_from(0);
    let mask = signal::block(Set::of(&[]));
    let answer = ask();
    if let Ok(mask) = mask {
        let _ = signal::set_mask(mask);
    }
    if let (Ok(before), Ok(after)) = (before, open_from(0)) {
        for stranger in after.into_iter().filter(|number| !before.contains(number)) {
            let _ = nix::unistd::close(stranger);
        }
    }
    answer
}

/// The crate tells an error from a miss only by errno, which glibc and musl set to 0 on a miss.
fn look_up<T>(name: &[u8], ask: impl FnOnce(&OsStr) -> Option<T>) -> Answer<T> {
    if name.contains(&0) {
        return Ok(None);
    }
    let (found, reason) = undisturbed(|| {
        Errno::clear();
        (ask(OsStr::from_bytes(name)), Errno::last())
    });
    match reason {
        // what getpwnam_r(3) lists as "not found", depending on the module
        _ if found.is_some() => Ok(found),
        Errno::UnknownErrno | Errno::ENOENT | Errno::ESRCH | Errno::EBADF | Errno::EPERM => Ok(None),
        reason => Err(Failure::unable_to("look up", name, reason)),
    }
}

impl Directory for System {
    fn user(&mut self, name: &[u8]) -> Answer<User> {
        look_up(name, |name| {
            let user = users::get_user_by_name(name)?;
            let home = user.home_dir().as_os_str().as_bytes().to_vec();
            Some(User { id: user.uid(), group: user.primary_group_id(), home })
        })
        .map(|user| user.filter(|user| is_usable(user.id) && is_usable(user.group)))
    }

    fn group(&mut self, name: &[u8]) -> Answer<Id> {
        look_up(name, |name| Some(users::get_group_by_name(name)?.gid()))
            .map(|group| group.filter(|&group| is_usable(group)))
    }

    fn groups_of(&mut self, name: &[u8]) -> Answer<Vec<Id>> {
        let Some(User { group: primary, .. }) = self.user(name)? else { return Ok(None) };
        // not get_user_groups: it drops ids without a name, and gives up above 1024
        let name = Word::leak(name.to_vec());
        let groups = undisturbed(|| nix::unistd::getgrouplist(name.as_c_str(), Gid::from_raw(primary)));
        match groups {
            Ok(groups) => Ok(Some(groups.into_iter().map(Gid::as_raw).filter(|&group| is_usable(group)).collect())),
            Err(reason) => Err(Failure::unable_to("look up the groups of", name.bytes(), reason)),
        }
    }
}
