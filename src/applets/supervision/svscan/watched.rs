//! A supervise as svscan sees it, dead or alive, and when it is to be started again.

use super::start::Begun;
use crate::process::process_id::{Found, ProcessId};
use crate::process::start;
use crate::service::info::Info;
use crate::service::scan_directory::ScanDirectory;
use crate::sys::process::End;
use crate::time::clock::{SECOND, monotonic};
use nix::unistd::Pid;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

/// A supervise that has lived shorter is not worth a quick start.
const SHORT: u64 = 5 * SECOND;

/// A supervise, or its absence.
#[derive(Default)]
pub struct Watched {
    /// The process.
    pub runs: Option<RunningSupervise>,
    /// When it was last started.
    started: u64,
    /// When it may be started again.
    pub start_at: u64,
    /// Whether it is to be started although all ends.
    pub is_revived: bool,
    /// Whether it is not known, after its end, that its service has ended before it.
    pub is_doubtful: bool,
    /// Whether it tells about that service by `info`.
    pub tells: bool,
}

/// A supervise that runs.
pub struct RunningSupervise {
    /// Its number.
    pub pid: Pid,
    /// Whether TERM makes it end its service first.
    pub is_ours: bool,
    /// From when on it does.
    pub hears_at: u64,
    /// When it was started, for one that is no child.
    start: u64,
    /// Whether it was started here; an earlier svscan has started the others.
    pub is_child: bool,
    /// Readable when it has ended, for one that is no child; `None` where the kernel has none such.
    pub stranger: Option<OwnedFd>,
}

impl RunningSupervise {
    /// Whether it is certain to be over, though nobody waits for it here.
    pub fn is_gone(&self) -> bool {
        ProcessId { pid: self.pid.as_raw().unsigned_abs(), start: self.start }
            .is_gone(self.stranger.as_ref().map(AsFd::as_fd))
    }
}

impl Watched {
    /// It has been started.
    pub fn begun(&mut self, begun: Begun) {
        self.started = monotonic();
        self.is_revived = false;
        let Begun { pid, is_ours, hears_at } = begun;
        self.runs = Some(RunningSupervise { pid, is_ours, hears_at, start: 0, is_child: true, stranger: None });
    }

    /// Whether it is this process.
    pub fn is(&self, pid: Pid) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.pid == pid)
    }

    /// It has ended. A fault that would only be repeated is given time: an exit of its own within moments of its start.
    pub fn ended(&mut self, end: Option<End>) {
        let now = monotonic();
        self.tells = self.runs.take().is_some_and(|runs| runs.is_ours);
        self.is_doubtful = !matches!(end, Some(End::Exited(_)));
        let is_fault = matches!(end, Some(End::Exited(_))) && now < self.started + SHORT;
        self.start_at = now + if is_fault { SHORT } else { SECOND };
    }

    /// It could not be started.
    pub fn failed(&mut self) {
        self.is_revived = false;
        self.start_at = monotonic() + SHORT;
    }

    /// Takes over the supervise that an earlier svscan has left running in this directory. Gives what it says.
    pub fn take_over(&mut self, base: &ScanDirectory<'_>, place: &CStr) -> Option<Info> {
        let info = base.info(place).filter(|info| info.boot == start::boot())?;
        if let Some(Found { id, watched: stranger }) = info.supervise.found()
            && let Some(pid) = id.number()
        {
            self.started = monotonic();
            self.runs =
                Some(RunningSupervise { pid, is_ours: true, hears_at: 0, start: id.start, is_child: false, stranger });
        }
        Some(info)
    }
}
