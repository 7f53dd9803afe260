//! The supervise directory: its lock, its FIFOs, and the two files that tell how the service is.

use super::written::Written;
use crate::files::file_id::FileId;
use crate::files::sight;
use crate::service::{Home, info, is_fifo, status};
use crate::sys::directory;
use crate::sys::lock::{self, Kind};
use crate::time::clock::SECOND;
use crate::voice::failure::{Failure, UnableTo};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlink};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, lstat};
use nix::unistd::{geteuid, mkdir, mkfifoat};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How long after a write that failed the next attempt is made.
const RETRY: u64 = 5 * SECOND;

const OWNER_ONLY: Mode = Mode::from_bits_truncate(0o600);

/// The supervise directory of a service that is supervised here.
pub struct SuperviseDirectory {
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
    /// When what could not be written is tried again.
    retry_at: Option<u64>,
    /// Whether no new name is to appear here, since all of it may be about to be removed.
    is_closing: bool,
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

impl SuperviseDirectory {
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
        let ok = None;
        let (has_removed, retry_at, is_closing) = (false, None, false);
        Ok(Self { shown, directory, lock, control, ok, status, info, has_removed, retry_at, is_closing })
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
            && (!self.status.is_current() || is_there(self.status.name()))
            && (!self.info.is_current() || is_there(self.info.name()))
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
        fresh.status.set_as(&self.status);
        fresh.info.set_as(&self.info);
        fresh.retry_at = self.retry_at;
        *self = fresh;
        self.flush();
        Ok(())
    }

    /// What the status file is to say.
    pub fn set_status(&mut self, bytes: [u8; status::LENGTH]) {
        self.status.set(&bytes);
    }

    /// What the info file is to say.
    pub fn set_info(&mut self, info: &info::Info) {
        let mut text = [0; info::LIMIT];
        let length = info.encode(&mut text);
        self.info.set(&text[..length]);
    }

    /// From here on, or no longer, files are overwritten where they are, so that a removal of the directory finds no new one in it.
    pub fn set_closing(&mut self, is_closing: bool) {
        self.is_closing = is_closing;
    }

    /// Has the next [`SuperviseDirectory::flush`] try again what could not be written, if it is time.
    pub fn try_again_if_due(&mut self, now: u64) {
        if self.retry_at.take_if(|at| now >= *at).is_some() {
            self.status.try_again();
            self.info.try_again();
        }
    }

    /// Sees to it that what could not be written is tried again.
    pub fn plan_retry(&mut self, now: u64) {
        let is_behind = !(self.status.is_current() && self.info.is_current());
        self.retry_at = is_behind.then(|| self.retry_at.unwrap_or(now + RETRY));
    }

    /// When that is.
    pub fn retry_at(&self) -> Option<u64> {
        self.retry_at
    }

    /// Brings both files up to date, but for what has failed before.
    pub fn flush(&mut self) {
        self.flush_status();
        self.flush_info();
    }

    /// Brings `status` up to date.
    pub fn flush_status(&mut self) {
        self.has_removed |= self.status.replace(&self.directory, &self.shown, self.is_closing);
    }

    /// Brings `info` up to date.
    pub fn flush_info(&mut self) {
        self.has_removed |= self.info.replace(&self.directory, &self.shown, self.is_closing);
    }

    /// Whether a removal that the kernel tells of may have been one's own, or a renaming.
    pub fn may_have_removed(&mut self) -> bool {
        std::mem::take(&mut self.has_removed)
    }

    /// Whether something could not be written because the directory is no longer there.
    pub fn is_lost(&self) -> bool {
        self.status.is_lost() || self.info.is_lost()
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
