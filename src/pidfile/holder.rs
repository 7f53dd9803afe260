//! Who holds a pid file.

use super::text;
use crate::sys::lock;
use crate::sys::process::{command, is_running};
use nix::sys::stat::{FileStat, stat};
use nix::unistd::Pid;
use std::os::fd::BorrowedFd;

/// Whoever keeps another from a pid file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The process that holds the record lock.
    Process(Pid),
    /// A process with a read lock: it runs no service, it is in the way.
    Reader(Pid),
    /// A process that the kernel cannot name here: of another pid namespace, or another machine; or the lock is not a
    /// process's but an open file's.
    Unseen,
    /// The process that the file names, which has the file open still but has lost its lock: by opening and closing
    /// the file, as a program does that writes its own pid file.
    Careless(Pid),
    /// The process that the file names, which runs but has never locked it.
    Unlocked(Pid),
    /// Whoever has a flock(2) on the file, whose holder is not to be learnt. With the pid that the file names.
    Flock(Option<Pid>),
}

impl Holder {
    /// Who holds a record lock on the file, if anybody does.
    ///
    /// # Errors
    /// As fcntl(2), F_GETLK.
    pub fn of(file: BorrowedFd<'_>) -> nix::Result<Option<Self>> {
        Ok(lock::obstacle(file)?.map(|obstacle| match (obstacle.holder, obstacle.shared) {
            (Some(pid), false) => Self::Process(pid),
            (Some(pid), true) => Self::Reader(pid),
            (None, _) => Self::Unseen,
        }))
    }

    /// The process that `text` names, if it has `file` open: then it has held the lock and lost it.
    pub fn careless(text: &[u8], file: &FileStat) -> Option<Self> {
        let pid = text::pid(text).filter(|&pid| pid != nix::unistd::getpid())?;
        has_open(pid, file).then_some(Self::Careless(pid))
    }

    /// `FILE is held by pid 77 (nginx)`.
    pub fn describe(self, file: &[u8]) -> Vec<u8> {
        let how = match self {
            Self::Process(pid) => format!("is held by pid {pid}{}", in_parentheses(pid)),
            Self::Reader(pid) => format!("is blocked by a read lock of pid {pid}{}", in_parentheses(pid)),
            Self::Unseen => "is held by a process that cannot be seen from here".to_owned(),
            Self::Careless(pid) => format!(
                "is held by pid {pid}{}, which has it open but has dropped its lock, by opening and closing the file",
                in_parentheses(pid)
            ),
            Self::Unlocked(pid) => {
                format!("is held by pid {pid}{}, which has not locked it", in_parentheses(pid))
            }
            Self::Flock(Some(pid)) if is_running(pid) => format!("is locked (pid {pid} in the file, running)"),
            Self::Flock(Some(pid)) => format!("is locked (pid {pid} in the file, not running)"),
            Self::Flock(None) => "is locked (no pid in the file)".to_owned(),
        };
        [file, b" ", how.as_bytes()].concat()
    }
}

fn in_parentheses(pid: Pid) -> String {
    command(pid).map_or(String::new(), |name| format!(" ({name})"))
}

/// Whether one of the process's descriptors is this very file. `false` where that cannot be learnt.
fn has_open(pid: Pid, file: &FileStat) -> bool {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors
        .filter_map(Result::ok)
        .any(|entry| stat(&entry.path()).is_ok_and(|seen| (seen.st_dev, seen.st_ino) == (file.st_dev, file.st_ino)))
}
