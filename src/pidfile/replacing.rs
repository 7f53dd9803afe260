//! A pid file that is not locked itself, and is replaced by a new one each time.

use super::beside;
use super::claim::{Claim, Terms, flaw, remove, unusable, write};
use crate::files::renaming;
use crate::files::sight;
use crate::sys::descriptor::uninterrupted;
use crate::sys::words::Word;
use crate::voice::failure::{Failure, UnableTo};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, renameat};
use nix::sys::stat::{Mode, fchmod, fstat, fstatat};
use nix::unistd::getpid;
use std::os::fd::{AsFd, OwnedFd};

/// Whether there is anything to replace. What is there must be fit to be a pid file, as [`Claim::open`] sees it.
///
/// # Errors
/// `unable to use FILE: …`.
pub fn look(terms: &Terms) -> Result<bool, Failure> {
    // what keeps from looking keeps from creating, too, and is told then
    let seen = fstatat(AT_FDCWD, terms.file.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
    let Ok(seen) = seen else { return Ok(false) };
    match flaw(&seen, terms) {
        Some(reason) => Err(unusable(terms.file, &reason)),
        None => Ok(true),
    }
}

/// Writes this process's pid to a file that takes the place of the old one in one step. Gives the new file.
///
/// # Errors
/// `unable to use …`, `unable to create …`, `unable to write …`, `unable to replace …`.
pub fn replace(terms: &Terms) -> anyhow::Result<OwnedFd> {
    look(terms)?;
    let new = Word::leak(beside(terms.file.bytes(), getpid().to_string().as_bytes()));
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let permissions = Mode::from_bits_truncate(terms.mode.unwrap_or(terms.new_mode));
    let create = || uninterrupted(|| open(new.as_c_str(), flags, permissions));
    let file = match create() {
        // left by a process of the same pid that was killed
        Err(Errno::EEXIST) => remove(new.as_c_str()).and_then(|()| create()),
        outcome => outcome,
    }
    .unable_to("create", new.bytes())?;
    let written = match terms.mode {
        Some(_) => fchmod(&file, permissions).and_then(|()| write(file.as_fd())),
        None => write(file.as_fd()),
    }
    .unable_to("write", new.bytes());
    if let Err(error) = written.and_then(|()| put_in_place(new, terms)) {
        let _ = remove(new.as_c_str());
        return Err(error);
    }
    Ok(file)
}

/// Gives the new file its name. A name that was free is never taken from what has come there since. Where a file is to go,
/// it is looked at again right before: an exchange of the two would let one look afterwards, but shows a reader of the
/// directory a file that goes.
fn put_in_place(new: Word, terms: &Terms) -> anyhow::Result<()> {
    let (from, to) = (new.as_c_str(), terms.file.as_c_str());
    let moved = if look(terms)? {
        renameat(AT_FDCWD, from, AT_FDCWD, to)
    } else {
        renaming::rename_to_free_name(AT_FDCWD, from, to)
    };
    moved.unable_to("replace", terms.file.bytes())
}

/// The text of a file under this name, if it is a regular one.
pub fn text_at(name: Word) -> Vec<u8> {
    let flags = OFlag::O_RDONLY | sight::CAREFULLY;
    match uninterrupted(|| open(name.as_c_str(), flags, Mode::empty())) {
        Ok(file) if fstat(&file).is_ok_and(|seen| sight::is_regular(seen.st_mode)) => Claim::text(file.as_fd()),
        _ => Vec::new(),
    }
}
