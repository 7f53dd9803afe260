//! `supervise/status` and `supervise/ok` as any tool reads them.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// What the file says. The reference writes eighteen bytes, ours are twenty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    bytes: Vec<u8>,
}

impl Status {
    /// Of this service directory; `None` if there is none, or not enough of it.
    pub fn of(service: &Path) -> Option<Self> {
        let bytes = fs::read(service.join("supervise/status")).ok()?;
        (bytes.len() == 18 || bytes.len() == 20).then_some(Self { bytes })
    }

    /// The pid, if the service is up.
    pub fn pid(&self) -> Option<Pid> {
        let pid = i32::from_le_bytes(self.bytes[12..16].try_into().unwrap());
        (pid != 0).then(|| Pid::from_raw(pid))
    }

    /// `u`, `d` or NUL.
    pub fn want(&self) -> u8 {
        self.bytes[17]
    }

    /// Whether it says that `run` runs; the reference does not tell it from other states.
    pub fn says_running(&self) -> bool {
        self.pid().is_some() && self.bytes.get(18).is_none_or(|&state| state == 3 && self.bytes[19] == 1)
    }

    /// Whether it says that nothing runs, and nothing is wrong.
    pub fn says_stopped(&self) -> bool {
        self.pid().is_none() && self.bytes.get(18).is_none_or(|&state| state == 0 && self.bytes[19] == 0)
    }
}

/// What an attempt at opening `supervise/ok` for writing comes to, as `svok` makes it.
pub fn is_supervised(service: &Path) -> bool {
    open(&service.join("supervise/ok"), OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty()).is_ok()
}

/// Writes commands in one go, as `svc` does.
pub fn control(service: &Path, commands: &[u8]) -> Result<(), Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let fifo = open(&service.join("supervise/control"), flags, Mode::empty())?;
    File::from(fifo).write_all(commands).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap()))
}
