//! An entry of the scanned directory: a service, its log, and the pipe between them.

use super::contact::Base;
use super::farewell::{Farewell, Kind};
use super::start::{Order, Starter};
use super::watched::{Running, SECOND, Watched, is_alive, pid_of};
use crate::failure::{describe, harmless_name, say_in_passing};
use crate::family::Family;
use crate::pipe::Pipe;
use crate::service::info::Info;
use crate::sys::process::{End, monotonic};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstatat};
use nix::unistd::Pid;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, RawFd};

/// The name of the log's service directory in the service's.
const LOG: &CStr = c"log";

/// Device and inode: what a service is known by, whatever its name leads to later.
pub type Identity = (u64, u64);

/// Of a file.
pub fn identity(file: &FileStat) -> Identity {
    (file.st_dev, file.st_ino)
}

/// Whether it is a directory.
pub fn is_directory(file: &FileStat) -> bool {
    SFlag::from_bits_truncate(file.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR
}

/// A service and perhaps its log; or svscan's own log, which is a log without a service.
pub struct Entry {
    /// Its name.
    pub name: CString,
    /// What it is known by.
    pub identity: Identity,
    /// Whether it is still in the directory.
    pub is_active: bool,
    /// Whether it is to end.
    pub is_ending: bool,
    main: Option<Watched>,
    log: Option<Watched>,
    pipe: Option<Pipe>,
    main_farewell: Farewell,
    log_farewell: Farewell,
    /// Whether its log does not start or read, so that what is in the pipe is lost.
    is_log_given_up: bool,
    /// What was in the pipe when its log was last late.
    left_before: usize,
    /// How often a supervise has been started at the end for a process that a killed one has left behind.
    revivals: u8,
    /// Whether it has been said that there are too few descriptors for it.
    is_shortage_said: bool,
}

/// Whether so many descriptors cannot be had.
fn is_shortage(reason: Errno) -> bool {
    matches!(reason, Errno::EMFILE | Errno::ENFILE)
}

/// The pipe between a service and its log: the one that the log's supervise has said it reads from. Who has it may be either
/// supervise, or what it has run.
fn pipe_between(service: Option<Info>, log: Option<Info>) -> Option<Pipe> {
    let inode = log?.input?;
    let side = |info: Option<Info>, number: RawFd| info.map(|info| [(info.supervise, number), (info.process, number)]);
    let holders = [side(log, 0), side(service, 1)].into_iter().flatten().flatten();
    let mut alive = holders.filter(|&(holder, _)| is_alive(holder));
    alive.find_map(|(holder, number)| Pipe::of_process(pid_of(holder)?, number, Some(inode)))
}

impl Entry {
    /// A service that has been seen for the first time.
    pub fn new(name: CString, identity: Identity) -> Self {
        Self {
            name,
            identity,
            is_active: true,
            is_ending: false,
            main: Some(Watched::default()),
            log: None,
            pipe: None,
            main_farewell: Farewell::default(),
            log_farewell: Farewell::default(),
            is_log_given_up: false,
            left_before: usize::MAX,
            revivals: 0,
            is_shortage_said: false,
        }
    }

    /// svscan's own log: what svscan and the supervises say goes through this pipe. If an earlier svscan has left one running,
    /// that and its pipe.
    ///
    /// # Errors
    /// As pipe(2).
    pub fn log_of_svscan(name: CString, identity: Identity, base: &Base<'_>) -> nix::Result<Self> {
        let mut log = Watched::default();
        let left = log.take_over(base, &name);
        let pipe = match pipe_between(None, left) {
            Some(pipe) => pipe,
            None => Pipe::new()?,
        };
        Ok(Self { main: None, log: Some(log), pipe: Some(pipe), ..Self::new(name, identity) })
    }

    /// The end of the pipe that is written to.
    pub fn outlet(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref()?.write.as_ref().map(AsFd::as_fd)
    }

    /// Takes over what an earlier svscan has left running here, with the pipe between.
    pub fn take_over(&mut self, base: &Base<'_>) {
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

    fn has_log(&self) -> bool {
        let path = [self.name.as_bytes(), b"/log"].concat();
        fstatat(nix::fcntl::AT_FDCWD, &path[..], AtFlags::empty()).is_ok_and(|file| is_directory(&file))
    }

    /// Starts what is due: the log first, which then waits for the service.
    pub fn start_due(&mut self, starter: &Starter<'_>, outlets: Option<[BorrowedFd<'_>; 2]>) {
        let now = monotonic();
        let is_due = |one: &Option<Watched>| one.as_ref().is_some_and(|one| one.runs.is_none() && now >= one.start_at);
        if !self.is_ending && self.is_active && is_due(&self.main) && self.log.is_none() && self.has_log() {
            match Pipe::new() {
                Ok(pipe) => (self.pipe, self.log) = (Some(pipe), Some(Watched::default())),
                Err(reason) => return self.cannot_start(&self.name.clone(), reason),
            }
        }
        if self.is_log_wanted() && is_due(&self.log) {
            let place = self.main.is_some().then(|| self.name.clone());
            let name = if place.is_some() { LOG.to_owned() } else { self.name.clone() };
            let input = self.pipe.as_ref().map(|pipe| pipe.read.as_fd());
            let order = Order { place: place.as_ref(), name: &name, input, output: None, outlets };
            let outcome = starter.start(&order);
            if let Some(log) = &mut self.log {
                match outcome {
                    Ok(begun) => log.begun(begun),
                    Err(reason) => {
                        log.failed();
                        let mut shown = self.name.clone().into_bytes();
                        if place.is_some() {
                            shown.extend_from_slice(b"/log");
                        }
                        self.cannot_start(&CString::new(shown).unwrap_or_default(), reason);
                    }
                }
            }
        }
        let is_wanted = !self.is_ending && self.is_active || self.main.as_ref().is_some_and(|main| main.is_revived);
        if is_wanted && is_due(&self.main) {
            let output = self.outlet();
            let order = Order { place: None, name: &self.name, input: None, output, outlets: None };
            let outcome = starter.start(&order);
            if let Some(main) = &mut self.main {
                match outcome {
                    Ok(begun) => main.begun(begun),
                    Err(reason) => {
                        main.failed();
                        self.cannot_start(&self.name.clone(), reason);
                    }
                }
            }
        }
    }

    /// A log is started again as long as there may be something for it.
    fn is_log_wanted(&self) -> bool {
        match self.is_ending {
            _ if self.log.as_ref().is_some_and(|log| log.is_revived) => true,
            false => self.is_active || self.main.as_ref().is_some_and(|main| main.runs.is_some()),
            true => self.pipe.as_ref().is_some_and(|pipe| pipe.write.is_some() || pipe.unread() > 0),
        }
    }

    fn cannot_start(&mut self, name: &CStr, reason: Errno) {
        for one in [&mut self.main, &mut self.log].into_iter().flatten().filter(|one| one.runs.is_none()) {
            one.failed();
        }
        if is_shortage(reason) && std::mem::replace(&mut self.is_shortage_said, true) {
            return;
        }
        let reason = match is_shortage(reason) {
            true => "running too many services".into(),
            false => describe(reason, Family::Bernstein),
        };
        say_in_passing(&[b"svscan: warning: unable to start ", name.to_bytes(), b": ", reason.as_bytes(), b"\n"]);
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
            if is_stranger.is_some_and(Running::is_gone) {
                one.ended(None);
            }
        }
    }

    /// Notes the end of a child, if it is this entry's.
    pub fn ended(&mut self, pid: Pid, end: End) -> bool {
        for one in [&mut self.main, &mut self.log].into_iter().flatten() {
            if one.is(pid) {
                one.ended(Some(end));
                if self.is_ending && end == End::Exited(0) {
                    // as it was told to; if it is needed once more, then soon
                    one.start_at = monotonic() + SECOND / 10;
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
        self.is_idle() && !is_revived && !is_wanted && (!self.is_ending || !self.has_something_left())
    }

    fn has_something_left(&self) -> bool {
        let is_given_up = self.is_log_given_up || self.log_farewell.is_late();
        !is_given_up && self.holds_something()
    }

    fn unread(&self) -> usize {
        self.pipe.as_ref().map_or(0, Pipe::unread)
    }

    fn holds_something(&self) -> bool {
        self.unread() > 0
    }

    /// When something is to be done for it, if nothing happens before.
    pub fn next_time(&self) -> Option<u64> {
        let starts = |one: &Option<Watched>, is_wanted: bool| {
            one.as_ref().filter(|one| is_wanted && one.runs.is_none()).map(|one| one.start_at)
        };
        let is_revived = self.main.as_ref().is_some_and(|main| main.is_revived);
        let is_wanted = self.is_active && !self.is_ending || is_revived;
        let pid = |one: &Option<Watched>| Some(one.as_ref()?.runs.as_ref()?.pid);
        let (main, log) = (pid(&self.main), pid(&self.log));
        // who has just been started is told at once; one that will be started is waited for
        let farewell = |farewell: &Farewell, one: Option<Pid>, counts: bool| match one {
            Some(pid) if self.is_ending && farewell.owes(pid) => Some(0),
            _ => farewell.next_time().filter(|_| counts),
        };
        let is_log_revived = self.log.as_ref().is_some_and(|log| log.is_revived);
        [
            starts(&self.main, is_wanted),
            starts(&self.log, self.is_log_wanted()),
            self.has_unwatched().then(|| monotonic() + SECOND),
            farewell(&self.main_farewell, main, main.is_some()),
            farewell(&self.log_farewell, log.filter(|_| main.is_none()), !is_log_revived),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Ends it: first the service, then its log, which reads all there is to read.
    pub fn see_off(&mut self, base: &Base<'_>) {
        if !self.is_ending {
            return;
        }
        if let Some(runs) = self.main.as_ref().and_then(|main| main.runs.as_ref()) {
            return self.main_farewell.take(base, runs, Kind::Service);
        }
        self.main_farewell = Farewell::default();
        if self.revive(base, false) {
            return;
        }
        if self.log.as_ref().is_some_and(|log| log.runs.is_none()) && self.revive(base, true) {
            self.log_farewell = Farewell::default();
            return;
        }
        let left = self.unread();
        let Some(log) = &self.log else { return };
        let Some(runs) = &log.runs else { return self.see_off_absent_log(left) };
        // a log that is at work is not too late, however slow it is
        if left < self.left_before && self.log_farewell.is_due() {
            self.left_before = left;
            self.log_farewell.extend();
        }
        if left > 0 && !self.log_farewell.is_late() && base.waits_to_start(runs.pid) {
            // told to exit now, it would do so without reading
            return self.log_farewell.put_off();
        }
        self.log_farewell.take(base, runs, Kind::Log);
        // not before: a logger that has come to the end would be started once more
        if self.log_farewell.has_told(runs.pid) || self.log_farewell.is_late() {
            self.close_pipe();
        }
    }

    /// Nothing more is to come.
    fn close_pipe(&mut self) {
        if let Some(pipe) = &mut self.pipe {
            pipe.write = None;
        }
    }

    /// A log that is to end and does not run: one that does not start, or not read, keeps nobody for ever.
    fn see_off_absent_log(&mut self, left: usize) {
        self.close_pipe();
        self.log_farewell.wait_for_start();
        if left > 0 && self.log_farewell.is_late() && !std::mem::replace(&mut self.is_log_given_up, true) {
            let text = b"svscan: warning: unable to log the last of ";
            say_in_passing(&[text, &harmless_name(self.name.as_bytes()), b": its log does not read it\n"]);
        }
    }

    /// A killed supervise may have left its service running, which nobody would end: it needs a supervise once more.
    fn revive(&mut self, base: &Base<'_>, is_log: bool) -> bool {
        /// How often that is tried.
        const MOST: u8 = 5;
        let is_main = self.main.is_some();
        let one = if is_log { &mut self.log } else { &mut self.main };
        let Some(one) = one.as_mut() else { return false };
        if one.is_revived {
            return true;
        }
        let place =
            if is_log && is_main { [self.name.as_bytes(), b"/log"].concat() } else { self.name.as_bytes().to_vec() };
        let is_left = CString::new(place).is_ok_and(|place| {
            base.info(&place).is_some_and(|info| !is_alive(info.supervise) && is_alive(info.process))
        });
        if is_left && self.revivals < MOST {
            self.revivals += 1;
            one.is_revived = true;
            if self.revivals == 1 {
                one.start_at = 0;
            }
        }
        one.is_revived
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
