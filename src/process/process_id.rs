//! Which process is meant. Its number alone does not tell, since another may have that by now; with the time of its start it
//! means one process only.

use super::life::has_ended;
use super::table::{is_proc_ours, start_in, start_of, status_of};
use crate::sys::process;
use nix::unistd::{Pid, getpid};
use std::os::fd::{BorrowedFd, OwnedFd};

/// A process of this start of the machine, which may be gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessId {
    /// Its number; 0 if there is none.
    pub pid: u32,
    /// When it was started, in hundredths of a second since boot.
    pub start: u64,
}

impl ProcessId {
    /// This process, which was started then.
    pub fn of_this(start: u64) -> Self {
        Self { pid: getpid().as_raw().unsigned_abs(), start }
    }

    /// Its number, if it means any process.
    pub fn number(self) -> Option<Pid> {
        i32::try_from(self.pid).ok().filter(|&pid| pid > 0).map(Pid::from_raw)
    }

    /// Whether a process with its number that was started then is the one that is meant.
    fn has_start(self, start: u64) -> bool {
        /// A start is timed beside the kernel's own record of it, which may fall into the next hundredth of a second. No
        /// number comes again as soon as this.
        const TOLERANCE: u64 = 2;
        start.abs_diff(self.start) <= TOLERANCE
    }

    /// The process, if it still runs.
    pub fn found(self) -> Option<Found> {
        Found::by(self.pid, |start| self.has_start(start))
    }

    /// Whether it still runs, as far as /proc tells.
    pub fn is_alive(self) -> bool {
        self.number().and_then(start_of).is_some_and(|start| self.has_start(start))
    }

    /// Whether it is certain to be over. `watched` is a descriptor of it, where there is one.
    pub fn is_gone(self, watched: Option<BorrowedFd<'_>>) -> bool {
        if let Some(watched) = watched {
            return has_ended(watched);
        }
        let Some(pid) = self.number() else { return true };
        match status_of(pid) {
            Ok(status) => !start_in(&status).is_some_and(|start| self.has_start(start)),
            Err(reason) => matches!(reason.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) && is_proc_ours(),
        }
    }
}

/// A process that runs, and that no other is taken for.
pub struct Found {
    /// Which it is, with its start as the kernel has it.
    pub id: ProcessId,
    /// Readable when it has ended, see [`process::watch`]; `None` where the kernel has none such.
    pub watched: Option<OwnedFd>,
}

impl Found {
    /// The process of that number, if it is the one that is meant by when it was started.
    pub fn by(number: u32, is_meant: impl FnOnce(u64) -> bool) -> Option<Self> {
        let pid = ProcessId { pid: number, start: 0 }.number()?;
        // first, so that the number cannot change hands after the look at the time
        let watched = process::watch(pid).ok();
        let start = start_of(pid)?;
        is_meant(start).then_some(Self { id: ProcessId { pid: number, start }, watched })
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.id.pid as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start() {
        let start = start_of(getpid()).unwrap();
        let own = ProcessId::of_this(start);
        let near = ProcessId { start: start + 2, ..own };
        let far = ProcessId { start: start + 3, ..own };
        assert!(own.is_alive() && near.is_alive() && !far.is_alive());
        assert!(!own.is_gone(None) && !near.is_gone(None) && far.is_gone(None));
        assert_eq!(near.found().map(|found| found.id), Some(own));
        assert!(far.found().is_none() && ProcessId::default().found().is_none() && ProcessId::default().is_gone(None));
    }
}
