//! A directory of service directories, which an svscan has for itself: which there are, and reaching the supervise of one by
//! the FIFO of its directory.

mod claim;

use crate::environ::Environ;
use crate::service::info::Info;
use crate::service::status::{Phase, Want};
use crate::service::{Home, is_fifo};
use crate::sys::descriptor::uninterrupted;
use crate::sys::directory::{DirectoryPart, read_directory};
use crate::voice::speaker::Speaker;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlink};
use nix::sys::stat::{Mode, stat};
use nix::unistd::{Pid, chdir, fchdir};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub use claim::claim;

/// Who looks after it.
pub const NAME: &str = "svscan";

/// How that speaks: the services come before whoever reads it.
pub const SPEAKER: Speaker<'_> = Speaker::in_passing(NAME);

/// The directory that svscan scans, and how to come back to it.
#[derive(Clone, Copy)]
pub struct ScanDirectory<'a> {
    /// The directory itself.
    pub directory: BorrowedFd<'a>,
    /// Whose `SUPERVISEDIR` counts.
    pub environ: &'a Environ,
    /// Whether this process is elsewhere, and there was no way back: nobody may enter the directory for now.
    pub is_away: &'a Cell<bool>,
}

impl ScanDirectory<'_> {
    /// Comes back to the directory if there was no way before. Until then no name means what it should.
    ///
    /// # Errors
    /// As fchdir(2).
    pub fn come_back(&self) -> nix::Result<()> {
        if self.is_away.get() {
            fchdir(self.directory)?;
            self.is_away.set(false);
        }
        Ok(())
    }

    /// Does something in a service directory and comes back.
    fn within<T>(&self, place: &CStr, what: impl FnOnce(&Home) -> nix::Result<T>) -> nix::Result<T> {
        self.come_back()?;
        chdir(place)?;
        self.is_away.set(true);
        let outcome = Home::here(self.environ).and_then(|home| what(&home));
        // what fails now is tried again before anything else is done by its name
        let _ = self.come_back();
        outcome
    }

    /// Does something where this supervise is, whatever the directory is called by now.
    fn at<T>(&self, supervise: Pid, what: impl FnOnce(&Home) -> nix::Result<T>) -> nix::Result<T> {
        let place = CString::new(format!("/proc/{supervise}/cwd")).map_err(|_| Errno::EINVAL)?;
        self.within(&place, what)
    }

    /// Writes commands to a supervise.
    ///
    /// # Errors
    /// ENXIO and ENOENT if it does not take commands yet, or any more; otherwise as open(2) and write(2).
    pub fn command(&self, supervise: Pid, commands: &[u8]) -> nix::Result<()> {
        let control = match self.at(supervise, Home::control) {
            Ok(control) => control,
            Err(reason) => control_of(supervise).ok_or(reason)?,
        };
        match uninterrupted(|| nix::unistd::write(control.as_fd(), commands))? {
            count if count == commands.len() => Ok(()),
            _ => Err(Errno::EAGAIN),
        }
    }

    /// Whether its service has been told to end, and has not yet.
    pub fn is_told(&self, supervise: Pid) -> bool {
        let status = self.at(supervise, |home| home.status());
        status.is_ok_and(|record| record.main.want == Want::Down && record.main.phase == Some(Phase::Stopping))
    }

    /// Whether its service does not run, and is going to be started.
    pub fn waits_to_start(&self, supervise: Pid) -> bool {
        let status = self.at(supervise, |home| home.status());
        status.is_ok_and(|record| record.main.pid == 0 && record.main.want != Want::Down)
    }

    /// What the supervise of a service directory says about it, if one has.
    pub fn info(&self, place: &CStr) -> Option<Info> {
        self.within(place, |home| home.info().ok_or(Errno::ENOENT)).ok()
    }
}

/// The names in the current directory that do not begin with a dot, sorted.
///
/// # Errors
/// As open(2) and getdents(2).
pub fn names() -> nix::Result<Vec<CString>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = open(c".", flags, Mode::empty())?;
    let mut names = Vec::new();
    let mut part = DirectoryPart::new();
    while read_directory(directory.as_fd(), &mut part, |entry| {
        if !entry.name.to_bytes().starts_with(b".") {
            names.push(entry.name.to_owned());
        }
        Ok::<(), Errno>(())
    })? {}
    names.sort_unstable();
    Ok(names)
}

/// The FIFO that a supervise takes its commands from, which its directory no longer has: because that has been removed, or
/// has another path by now.
fn control_of(supervise: Pid) -> Option<OwnedFd> {
    let descriptors = std::fs::read_dir(format!("/proc/{supervise}/fd")).ok()?;
    let mut paths = descriptors.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find_map(|path| {
        let name = readlink(&path).ok()?;
        let name = name.as_encoded_bytes();
        if !name.strip_suffix(b" (deleted)").unwrap_or(name).ends_with(b"/control") {
            return None;
        }
        if !stat(&path).is_ok_and(|file| is_fifo(&file)) {
            return None;
        }
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        open(&path, flags, Mode::empty()).ok()
    })
}
