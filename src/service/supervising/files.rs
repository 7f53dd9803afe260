//! The supervise directory: its lock, its FIFOs, and the two files that tell how the service is.

use crate::files::file_id::FileId;
use crate::files::sight;
use crate::service::{Home, info, is_fifo, status};
use crate::sys::descriptor::uninterrupted;
use crate::sys::directory;
use crate::sys::lock::{self, Kind};
use crate::voice::dialect::Dialect;
use crate::voice::failure::{Failure, UnableTo, describe, say_in_passing};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlink, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, lstat};
use nix::unistd::{UnlinkatFlags, geteuid, mkdir, mkfifoat, unlinkat};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const OWNER_ONLY: Mode = Mode::from_bits_truncate(0o600);
const READABLE: Mode = Mode::from_bits_truncate(0o644);

/// The supervise directory of a service that is supervised here.
pub struct Files {
    /// As the messages name it.
    shown: Vec<u8>,
    directory: OwnedFd,
    lock: OwnedFd,
    control: OwnedFd,
    ok: Option<OwnedFd>,
    status: Written<{ status::LENGTH }>,
    info: Written<{ info::LIMIT }>,
    /// Whether a file has been renamed or removed here since somebody asked, of which the kernel tells.
    has_removed: bool,
    /// Whether no new name is to appear here, since all of it may be about to be removed.
    is_closing: bool,
}

/// A file that is replaced whole.
struct Written<const SIZE: usize> {
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
    fn new(name: &'static CStr, temporary: &'static CStr) -> Self {
        Self { name, temporary, text: [0; SIZE], length: 0, is_current: false, has_failed: false, trouble: None }
    }
}

/// Makes the directory, or what a symbolic link in its place points to.
fn make(home: &Home) -> nix::Result<()> {
    let mode = Mode::from_bits_truncate(0o700);
    let name = home.directory();
    match mkdir(name, mode) {
        Err(Errno::EEXIST) => {}
        outcome => return outcome,
    }
    let is_link = lstat(name).is_ok_and(|seen| kind(&seen) == SFlag::S_IFLNK);
    if !is_link || nix::sys::stat::stat(name).is_ok() {
        return Ok(());
    }
    match mkdir(&*readlink(name)?, mode) {
        Err(Errno::EEXIST) => Ok(()),
        outcome => outcome,
    }
}

fn kind(file: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(file.st_mode) & SFlag::S_IFMT
}

fn is_same_file(one: &OwnedFd, other: &OwnedFd) -> bool {
    FileId::of_open(one).is_ok_and(|one| FileId::of_open(other) == Ok(one))
}

/// Whether what belongs to this account may be trusted: to this one or to root.
fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == geteuid().as_raw()
}

impl Files {
    /// Makes what is missing, locks, and opens the FIFO for commands. `held` is a lock of this process, which will do if it is
    /// on the very file.
    ///
    /// # Errors
    /// What keeps from that, in the words of the reference; `dir` is how they name the service directory.
    pub fn open(home: &Home, dir: &[u8], held: Option<&OwnedFd>) -> anyhow::Result<Self> {
        let mut shown = home.shown(dir, "");
        shown.pop();
        let file = |name: &[u8]| [&shown, name].concat();
        // what keeps from making it keeps from locking in it
        let made = make(home);
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = match open(home.directory(), flags, Mode::empty()) {
            Err(Errno::ENOENT) => Err(made.err().unwrap_or(Errno::ENOENT)),
            outcome => outcome,
        };
        let directory = directory.unable_to("acquire", &file(b"/lock"))?;
        if let Ok(link) = lstat(home.directory())
            && kind(&link) == SFlag::S_IFLNK
            && !(is_trusted(link.st_uid) && fstat(&directory).is_ok_and(|seen| is_trusted(seen.st_uid)))
        {
            return Err(Errno::EPERM).unable_to("use", &shown);
        }
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let lock = openat(&directory, c"lock", flags | OFlag::O_CLOEXEC, OWNER_ONLY);
        let lock = lock.unable_to("acquire", &file(b"/lock"))?;
        let lock = match held.filter(|held| is_same_file(held, &lock)) {
            Some(held) => held.try_clone().map_err(|_| Errno::EMFILE),
            None => lock::acquire(lock.as_fd(), Kind::Flock, false, false).map(|()| lock),
        };
        let lock = lock.unable_to("acquire", &file(b"/lock"))?;
        let control = fifo(&directory, c"control", OFlag::O_RDWR, &file(b"/control"))?;
        // where the kernel has none of this, the next change finds out
        let _ = directory::tell_of_removals(directory.as_fd());
        let status = Written::new(c"status", c"status.new");
        let info = Written::new(c"info", c"info.new");
        Ok(Self { shown, directory, lock, control, ok: None, status, info, has_removed: false, is_closing: false })
    }

    /// From here on svok succeeds.
    ///
    /// # Errors
    /// What keeps from that.
    pub fn tell_ok(&mut self) -> anyhow::Result<()> {
        self.ok = Some(fifo(&self.directory, c"ok", OFlag::O_RDONLY, &[&self.shown, &b"/ok"[..]].concat())?);
        Ok(())
    }

    /// The FIFO that commands come by.
    pub fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Whether all is where it was: false where somebody has removed it.
    pub fn is_whole(&self, home: &Home) -> bool {
        let is_here = |seen: FileStat| FileId::of_open(&self.directory) == Ok(FileId::of(&seen));
        if !nix::sys::stat::stat(home.directory()).is_ok_and(is_here) {
            return false;
        }
        let look = |name: &CStr| fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let is_there = |name: &CStr| look(name).is_ok();
        let is_ours =
            |name: &CStr, file: &OwnedFd| look(name).is_ok_and(|seen| FileId::of_open(file) == Ok(FileId::of(&seen)));
        is_ours(c"lock", &self.lock)
            && is_ours(c"control", &self.control)
            && self.ok.as_ref().is_none_or(|ok| is_ours(c"ok", ok))
            && (!self.status.is_current || is_there(c"status"))
            && (!self.info.is_current || is_there(c"info"))
    }

    /// Makes anew what somebody has removed, and writes both files.
    ///
    /// # Errors
    /// What keeps from that, such as another supervise that has the new lock.
    pub fn heal(&mut self, home: &Home, dir: &[u8]) -> anyhow::Result<()> {
        let mut fresh = Self::open(home, dir, Some(&self.lock))?;
        if self.ok.is_some() {
            fresh.tell_ok()?;
        }
        (fresh.status.text, fresh.status.length) = (self.status.text, self.status.length);
        (fresh.info.text, fresh.info.length) = (self.info.text, self.info.length);
        *self = fresh;
        self.flush();
        Ok(())
    }

    /// What the status file is to say.
    pub fn set_status(&mut self, bytes: [u8; status::LENGTH]) {
        if self.status.text != bytes || self.status.length == 0 {
            self.status.text = bytes;
            self.status.length = bytes.len();
            (self.status.is_current, self.status.has_failed) = (false, false);
        }
    }

    /// What the info file is to say.
    pub fn set_info(&mut self, info: &info::Info) {
        let mut text = [0; info::LIMIT];
        let length = info.encode(&mut text);
        if self.info.text[..self.info.length] != text[..length] {
            (self.info.text, self.info.length) = (text, length);
            (self.info.is_current, self.info.has_failed) = (false, false);
        }
    }

    /// From here on, or no longer, files are overwritten where they are, so that a removal of the directory finds no new one in it.
    pub fn set_closing(&mut self, is_closing: bool) {
        self.is_closing = is_closing;
    }

    /// What could not be written is tried again by the next [`Files::flush`].
    pub fn try_again(&mut self) {
        (self.status.has_failed, self.info.has_failed) = (false, false);
    }

    /// Brings both files up to date, but for what has failed before.
    pub fn flush(&mut self) {
        self.flush_status();
        self.flush_info();
    }

    /// Brings `status` up to date.
    pub fn flush_status(&mut self) {
        self.has_removed |= replace(&self.directory, &self.shown, &mut self.status, self.is_closing);
    }

    /// Brings `info` up to date.
    pub fn flush_info(&mut self) {
        self.has_removed |= replace(&self.directory, &self.shown, &mut self.info, self.is_closing);
    }

    /// Whether a removal that the kernel tells of may have been one's own, or a renaming.
    pub fn may_have_removed(&mut self) -> bool {
        std::mem::take(&mut self.has_removed)
    }

    /// Whether something could not be written and is to be tried again.
    pub fn is_behind(&self) -> bool {
        !(self.status.is_current && self.info.is_current)
    }

    /// Whether that was because the directory is no longer there.
    pub fn is_lost(&self) -> bool {
        self.status.trouble == Some(Errno::ENOENT) || self.info.trouble == Some(Errno::ENOENT)
    }
}

/// A FIFO of the directory, made if it is not there. One that is there keeps its mode: an administrator may have given it one.
fn fifo(directory: &OwnedFd, name: &CStr, how: OFlag, shown: &[u8]) -> anyhow::Result<OwnedFd> {
    match mkfifoat(directory, name, OWNER_ONLY) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(reason) => return Err(reason).unable_to("create", shown),
    }
    let flags = how | sight::CAREFULLY;
    let fifo = openat(directory, name, flags, Mode::empty()).unable_to("read", shown)?;
    let seen = fstat(&fifo).unable_to("read", shown)?;
    if !is_fifo(&seen) {
        return Err(Failure::new([shown, b" is not a fifo"].concat()).into());
    }
    if !is_trusted(seen.st_uid) {
        return Err(Failure::new([shown, b" belongs to another account"].concat()).into());
    }
    Ok(fifo)
}

/// Writes a new file and renames it. Where that fails, and the old one may be written, it is overwritten by one call: that
/// needs neither a new block on a full disk nor the right to write to the directory. Where the directory is closing, that is
/// done first. Gives whether it has renamed or removed something.
fn replace<const SIZE: usize>(directory: &OwnedFd, shown: &[u8], file: &mut Written<SIZE>, is_closing: bool) -> bool {
    if file.is_current || file.has_failed {
        return false;
    }
    let text = &file.text[..file.length];
    if is_closing {
        match overwrite(directory, file.name, text) {
            Ok(()) => (file.is_current, file.trouble) = (true, None),
            Err(Errno::ENOENT) => file.has_failed = true,
            Err(_) => {}
        }
        if file.is_current || file.has_failed {
            return false;
        }
    }
    let outcome = write_new(directory, file.temporary, text)
        .map_err(|reason| ("write", reason))
        .and_then(|()| renameat(directory, file.temporary, directory, file.name).map_err(|reason| ("replace", reason)));
    let Err((verb, reason)) = outcome else {
        (file.is_current, file.trouble) = (true, None);
        return true;
    };
    let _ = unlinkat(directory, file.temporary, UnlinkatFlags::NoRemoveDir);
    file.is_current = overwrite(directory, file.name, text).is_ok();
    file.has_failed = !file.is_current;
    // one warning for each trouble; a directory that is gone is made anew without a word
    if file.trouble.replace(reason) != Some(reason) && reason != Errno::ENOENT {
        let name = if verb == "write" { file.temporary } else { file.name };
        let reason = describe(reason, Dialect::Bernstein);
        let object = [shown, b"/", name.to_bytes()];
        let [directory, slash, name] = object;
        say_in_passing(&[
            b"supervise: warning: unable to ",
            verb.as_bytes(),
            b" ",
            directory,
            slash,
            name,
            b": ",
            reason.as_bytes(),
            b"\n",
        ]);
    }
    true
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
    if kind(&seen) != SFlag::S_IFREG || seen.st_nlink != 1 {
        return Err(Errno::EPERM);
    }
    match uninterrupted(|| nix::sys::uio::pwrite(&file, text, 0))? {
        count if count == text.len() => nix::unistd::ftruncate(&file, text.len() as i64),
        _ => Err(Errno::ENOSPC),
    }
}
