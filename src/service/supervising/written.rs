//! A small file that is replaced whole: who reads it never sees a part of it.

use super::SPEAKER;
use crate::files::sight::is_regular;
use crate::sys::descriptor::uninterrupted;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::CStr;
use std::os::fd::OwnedFd;

const READABLE: Mode = Mode::from_bits_truncate(0o644);

/// The file, with room for so many bytes.
pub struct Written<const SIZE: usize> {
    name: &'static CStr,
    temporary: &'static CStr,
    /// What it should say.
    text: [u8; SIZE],
    length: usize,
    /// Whether it does.
    is_current: bool,
    /// Whether that was tried, and failed.
    has_failed: bool,
    /// Why it could not be replaced; said already.
    trouble: Option<Errno>,
}

impl<const SIZE: usize> Written<SIZE> {
    /// One that is not to say anything yet. It is written under the other name and then renamed.
    pub fn new(name: &'static CStr, temporary: &'static CStr) -> Self {
        Self { name, temporary, text: [0; SIZE], length: 0, is_current: false, has_failed: false, trouble: None }
    }

    /// Its name.
    pub fn name(&self) -> &'static CStr {
        self.name
    }

    /// What it is to say, of which no more than there is room for.
    pub fn set(&mut self, text: &[u8]) {
        let text = &text[..text.len().min(SIZE)];
        if &self.text[..self.length] != text {
            self.text[..text.len()].copy_from_slice(text);
            self.length = text.len();
            (self.is_current, self.has_failed) = (false, false);
        }
    }

    /// It is to say what another was to say.
    pub fn set_as(&mut self, other: &Self) {
        self.set(&other.text[..other.length]);
    }

    /// Whether it says what it should.
    pub fn is_current(&self) -> bool {
        self.is_current
    }

    /// Whether it could not be replaced because its directory is no longer there.
    pub fn is_lost(&self) -> bool {
        self.trouble == Some(Errno::ENOENT)
    }

    /// What has failed is tried again by the next [`Written::replace`].
    pub fn try_again(&mut self) {
        self.has_failed = false;
    }

    /// Writes a new file and renames it. Where that fails, and the old one may be written, it is overwritten by one call: that
    /// needs neither a new block on a full disk nor the right to write to the directory. Where the directory is closing, that
    /// is done first. `shown` is the directory as messages name it. Gives whether something has been renamed or removed.
    pub fn replace(&mut self, directory: &OwnedFd, shown: &[u8], is_closing: bool) -> bool {
        if self.is_current || self.has_failed {
            return false;
        }
        let text = &self.text[..self.length];
        if is_closing {
            match overwrite(directory, self.name, text) {
                Ok(()) => (self.is_current, self.trouble) = (true, None),
                Err(Errno::ENOENT) => self.has_failed = true,
                Err(_) => {}
            }
            if self.is_current || self.has_failed {
                return false;
            }
        }
        let rename = || renameat(directory, self.temporary, directory, self.name);
        let outcome = write_new(directory, self.temporary, text).map_err(|reason| ("write", reason));
        let outcome = outcome.and_then(|()| rename().map_err(|reason| ("replace", reason)));
        let Err((verb, reason)) = outcome else {
            (self.is_current, self.trouble) = (true, None);
            return true;
        };
        let _ = unlinkat(directory, self.temporary, UnlinkatFlags::NoRemoveDir);
        self.is_current = overwrite(directory, self.name, text).is_ok();
        self.has_failed = !self.is_current;
        // one warning for each trouble; a directory that is gone is made anew without a word
        if self.trouble.replace(reason) != Some(reason) && reason != Errno::ENOENT {
            let name = if verb == "write" { self.temporary } else { self.name };
            SPEAKER.warn_unable_to(verb, &[shown, b"/", name.to_bytes()], reason);
        }
        true
    }
}

/// A file of its own, whatever has the name: what a killed supervise has left, or what somebody has linked there to have it
/// written over.
fn write_new(directory: &OwnedFd, name: &CStr, text: &[u8]) -> nix::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let file = match openat(directory, name, flags, READABLE) {
        Err(Errno::EEXIST) => {
            unlinkat(directory, name, UnlinkatFlags::NoRemoveDir)?;
            openat(directory, name, flags, READABLE)?
        }
        outcome => outcome?,
    };
    match uninterrupted(|| nix::unistd::write(&file, text))? {
        count if count == text.len() => Ok(()),
        _ => Err(Errno::ENOSPC),
    }
}

fn overwrite(directory: &OwnedFd, name: &CStr, text: &[u8]) -> nix::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(directory, name, flags, Mode::empty())?;
    let seen = fstat(&file)?;
    // under another name it is another file, whoever has linked it here
    if !is_regular(seen.st_mode) || seen.st_nlink != 1 {
        return Err(Errno::EPERM);
    }
    match uninterrupted(|| nix::sys::uio::pwrite(&file, text, 0))? {
        count if count == text.len() => nix::unistd::ftruncate(&file, text.len() as i64),
        _ => Err(Errno::ENOSPC),
    }
}
