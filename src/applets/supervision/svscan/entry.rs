//! An entry of the scanned directory: a service, its log, and the pipe between them.

use super::drain::{Drain, OWN_PATIENCE};
use super::farewell::{Farewell, PATIENCE};
use super::watched::{RunningSupervise, Watched};
use crate::files::file_id::FileId;
use crate::files::pipe::Pipe;
use crate::service::info::Info;
use crate::service::scan_directory::ScanDirectory;
use crate::sys::process::End;
use crate::time::clock::{SECOND, monotonic};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, stat};
use nix::unistd::Pid;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Whether it is a directory.
pub fn is_directory(file: &FileStat) -> bool {
    SFlag::from_bits_truncate(file.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR
}

/// A service and perhaps its log; or svscan's own log, which is a log without a service.
pub struct Entry {
    /// Its name.
    pub name: CString,
    /// What it is known by.
    pub identity: FileId,
    /// Whether it is still in the directory.
    pub is_active: bool,
    /// Whether it is to end.
    pub is_ending: bool,
    pub(super) main: Option<Watched>,
    pub(super) log: Option<Watched>,
    pub(super) pipe: Option<Pipe>,
    pub(super) farewell: Farewell,
    pub(super) drain: Drain,
    /// Its directory, once that is no longer where its name leads to.
    pub(super) home: Option<OwnedFd>,
    /// Whether its service has been left running by a supervise that nobody starts again.
    pub(super) runs_on: bool,
    /// Whether its name leads elsewhere, which the next scan makes sense of.
    pub(super) is_misplaced: bool,
    /// Whether its log does not start or read, so that what is in the pipe is lost.
    pub(super) is_log_given_up: bool,
    /// How often a supervise has been started at the end for a process that a killed one has left behind.
    pub(super) revivals: u8,
    /// Whether it has been said that there are too few descriptors for it.
    pub(super) is_shortage_said: bool,
}

/// The pipe between a service and its log: the one that the log's supervise has said it reads from. Who has it may be either
/// supervise, or what it has run.
fn pipe_between(service: Option<Info>, log: Option<Info>) -> Option<Pipe> {
    let inode = log?.input?;
    let side = |info: Option<Info>, number: RawFd| info.map(|info| [(info.supervise, number), (info.process, number)]);
    let holders = [side(log, 0), side(service, 1)].into_iter().flatten().flatten();
    let mut alive = holders.filter(|&(holder, _)| holder.is_alive());
    alive.find_map(|(holder, number)| Pipe::of_process(holder.number()?, number, Some(inode)))
}

impl Entry {
    /// A service that has been seen for the first time.
    pub fn new(name: CString, identity: FileId) -> Self {
        Self {
            name,
            identity,
            is_active: true,
            is_ending: false,
            main: Some(Watched::default()),
            log: None,
            pipe: None,
            farewell: Farewell::default(),
            drain: Drain::new(PATIENCE),
            home: None,
            runs_on: false,
            is_misplaced: false,
            is_log_given_up: false,
            revivals: 0,
            is_shortage_said: false,
        }
    }

    /// svscan's own log: what svscan and the supervises say goes through this pipe. If an earlier svscan has left one running,
    /// that and its pipe.
    ///
    /// # Errors
    /// As pipe(2).
    pub fn log_of_svscan(name: CString, identity: FileId, base: &ScanDirectory<'_>) -> nix::Result<Self> {
        let mut log = Watched::default();
        let left = log.take_over(base, &name);
        let pipe = match pipe_between(None, left) {
            Some(pipe) => pipe,
            None => Pipe::new()?,
        };
        let drain = Drain::new(OWN_PATIENCE);
        Ok(Self { main: None, log: Some(log), pipe: Some(pipe), drain, ..Self::new(name, identity) })
    }

    /// The end of the pipe that is written to.
    pub fn outlet(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref()?.write.as_ref().map(AsFd::as_fd)
    }

    /// Takes over what an earlier svscan has left running here, with the pipe between.
    pub fn take_over(&mut self, base: &ScanDirectory<'_>) {
        let Some(main) = &mut self.main else { return };
        let at_main = main.take_over(base, &self.name);
        if !self.has_log() {
            return;
        }
        let Ok(place) = CString::new([self.name.as_bytes(), b"/log"].concat()) else { return };
        let mut log = Watched::default();
        let at_log = log.take_over(base, &place);
        if let Some(pipe) = pipe_between(at_main, at_log) {
            self.pipe = Some(pipe);
            self.log = Some(log);
        }
    }

    pub(super) fn has_log(&self) -> bool {
        let path = [self.name.as_bytes(), b"/log"].concat();
        fstatat(nix::fcntl::AT_FDCWD, &path[..], AtFlags::empty()).is_ok_and(|file| is_directory(&file))
    }

    /// By which path its directory is reached: its name, as long as that leads to the directory that it is known by.
    /// `None` if there is no way.
    pub(super) fn place(&self) -> Option<CString> {
        // svscan's own log is whatever has its name
        let is_here = self.main.is_none()
            || match stat(self.name.as_c_str()) {
                Ok(file) => FileId::of(&file) == self.identity,
                // it may be
                Err(reason) => !matches!(reason, Errno::ENOENT | Errno::ENOTDIR),
            };
        if is_here {
            return Some(self.name.clone());
        }
        let home = self.home.as_ref()?;
        CString::new(format!("/proc/self/fd/{}", home.as_raw_fd())).ok()
    }

    /// Keeps hold of its directory if that has vanished, for as long as it has.
    pub fn hold(&mut self) {
        if self.is_active {
            self.home = None;
        }
        if self.is_active || self.home.is_some() {
            return;
        }
        let path = |one: &Option<Watched>, path: &str| {
            let pid = one.as_ref()?.runs.as_ref()?.pid;
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            let directory = open(format!("/proc/{pid}/{path}").as_str(), flags, Mode::empty()).ok()?;
            (FileId::of(&fstat(&directory).ok()?) == self.identity).then_some(directory)
        };
        self.home = path(&self.main, "cwd").or_else(|| path(&self.log, "cwd/.."));
    }

    /// Whether one of them runs that nobody tells about.
    fn has_unwatched(&self) -> bool {
        let mut both = [&self.main, &self.log].into_iter().flatten();
        both.any(|one| one.runs.as_ref().is_some_and(|runs| !runs.is_child && runs.stranger.is_none()))
    }

    /// The supervises of the entry that run without being children.
    pub fn strangers(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let both = [&self.main, &self.log].into_iter().flatten();
        both.filter_map(|one| one.runs.as_ref()?.stranger.as_ref().map(AsFd::as_fd))
    }

    /// Notes strangers that have ended.
    pub fn look_at_strangers(&mut self) {
        for one in [&mut self.main, &mut self.log].into_iter().flatten() {
            let is_stranger = one.runs.as_ref().filter(|runs| !runs.is_child);
            if is_stranger.is_some_and(RunningSupervise::is_gone) {
                one.ended(None);
            }
        }
    }

    /// Notes the end of a child, if it is this entry's.
    pub fn ended(&mut self, pid: Pid, end: End) -> bool {
        for one in [&mut self.main, &mut self.log].into_iter().flatten() {
            if one.is(pid) {
                one.ended(Some(end));
                if self.is_ending {
                    // if it has ended as it was told to and is needed once more, then soon; and nobody waits for long then
                    let soon = if end == End::Exited(0) { SECOND / 10 } else { SECOND };
                    one.start_at = one.start_at.min(monotonic() + soon);
                }
                return true;
            }
        }
        false
    }

    /// Whether nothing of it runs.
    pub fn is_idle(&self) -> bool {
        [&self.main, &self.log].into_iter().flatten().all(|one| one.runs.is_none())
    }

    /// Whether it can be forgotten.
    pub fn is_over(&self) -> bool {
        let is_wanted = self.is_active && !self.is_ending;
        let is_revived = [&self.main, &self.log].into_iter().flatten().any(|one| one.is_revived);
        let is_wanted = is_wanted || self.runs_on && self.log.is_some();
        self.is_idle() && !is_revived && !is_wanted && (!self.is_ending || !self.has_something_left())
    }

    fn has_something_left(&self) -> bool {
        let is_given_up = self.is_log_given_up || self.drain.is_late();
        !is_given_up && self.unread() > 0
    }

    pub(super) fn unread(&self) -> usize {
        self.pipe.as_ref().map_or(0, Pipe::unread)
    }

    /// When something is to be done for it, if nothing happens before.
    pub fn next_time(&self) -> Option<u64> {
        let starts = |one: &Option<Watched>, is_wanted: bool| {
            one.as_ref().filter(|one| is_wanted && one.runs.is_none()).map(|one| one.start_at)
        };
        let pid = |one: &Option<Watched>| Some(one.as_ref()?.runs.as_ref()?.pid);
        let (main, log) = (pid(&self.main), pid(&self.log));
        // who has just been started is told at once; one that will be started is waited for
        let at_once = |owes: bool| (self.is_ending && owes).then_some(0);
        let is_revived = |one: &Option<Watched>| one.as_ref().is_some_and(|one| one.is_revived);
        // the log's turn comes when nothing of the service is left
        let is_turn = main.is_none() && !is_revived(&self.main);
        let drain = self.drain.next_time().filter(|_| is_turn && !is_revived(&self.log));
        [
            starts(&self.main, self.is_main_wanted()),
            starts(&self.log, self.is_log_wanted()),
            (self.has_unwatched() || self.runs_on).then(|| monotonic() + SECOND),
            main.and_then(|pid| at_once(self.farewell.owes(pid)).or_else(|| self.farewell.next_time())),
            log.filter(|_| is_turn).and_then(|pid| at_once(self.drain.owes(pid))).or(drain),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether its service directory has been removed while it runs.
    pub fn is_removed(&self) -> bool {
        let runs = self.main.as_ref().and_then(|main| main.runs.as_ref());
        runs.filter(|_| !self.is_active).is_some_and(|runs| {
            let place = format!("/proc/{}/cwd", runs.pid);
            nix::sys::stat::stat(place.as_str()).is_ok_and(|place| place.st_nlink == 0)
        })
    }

    /// Puts off its start: what was here before it, under the same name, still runs.
    pub fn put_off(&mut self) {
        for one in [&mut self.main, &mut self.log].into_iter().flatten().filter(|one| one.runs.is_none()) {
            one.start_at = monotonic() + SECOND;
        }
    }
}
