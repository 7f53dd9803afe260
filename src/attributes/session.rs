//! Process group, session and controlling terminal.

use super::{Attribute, Boundaries, Change, Effect, Fact, Value, View, Whose, pid, proc_files};
use crate::carried::Process;
use crate::voice::failure::Failure;
use nix::errno::Errno;
use nix::sys::stat::fstat;
use std::os::fd::BorrowedFd;

/// One of the three, by the number of its field in proc(5), `stat`.
pub struct Membership {
    name: &'static str,
    field: usize,
}

/// The process group.
pub const PGID: Membership = Membership { name: "pgid", field: 5 };
/// The session.
pub const SID: Membership = Membership { name: "sid", field: 6 };
/// The controlling terminal, by its device number.
pub const TTY: Membership = Membership { name: "tty", field: 7 };

/// All three.
pub const SESSION: Change = Change::new(&[&PGID, &SID, &TTY], "session, process group and controlling terminal");

impl Attribute for Membership {
    fn name(&self) -> &'static str {
        self.name
    }

    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let number = proc_files::stat(whose, self.field)?;
        let own = pid::PID.read(whose)?.pop().map(|fact| fact.value);
        let value = match number {
            0 if self.name == TTY.name => return Ok(Vec::new()),
            _ if self.name != TTY.name && own == Some(Value::Number(number)) => Value::Own,
            _ => Value::Number(number),
        };
        Ok(vec![Fact::whole(self.name, value)])
    }

    fn link_for(&self, fact: &Fact) -> Option<Vec<Vec<u8>>> {
        (self.name == SID.name && fact.value == Value::Own).then(|| vec![b"setsid".to_vec()])
    }
}

/// The terminal on this descriptor, as a controlling one.
///
/// # Errors
/// As fstat(2).
pub fn terminal_of(descriptor: BorrowedFd<'_>) -> nix::Result<Fact> {
    // the kernel's encoding in stat: the minor's low byte, the major, and the rest of the minor (proc(5), "tty_nr")
    let device = fstat(descriptor)?.st_rdev;
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let number = (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12);
    Ok(Fact::whole(TTY.name, Value::Number(i64::try_from(number).unwrap_or(0))))
}

/// Starts a session: the process leads it, and a group in it, and has no controlling terminal.
pub struct NewSession {
    /// The failure, in the link's words; without any, who leads a group already stays where it is.
    pub failed: Option<fn(Errno) -> Failure>,
}

impl NewSession {
    /// What is so in a session of one's own.
    pub fn come_to_pass() -> Vec<Fact> {
        [(&PGID, Value::Own), (&SID, Value::Own), (&TTY, Value::Absent)]
            .into_iter()
            .map(|(attribute, value)| Fact::whole(attribute.name, value))
            .collect()
    }
}

impl Effect for NewSession {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let leads = view.value(&PGID, b"")? == Value::Own;
        Ok(if leads && self.failed.is_none() { Vec::new() } else { Self::come_to_pass() })
    }

    fn make(&self, _: &mut Process) -> anyhow::Result<Boundaries> {
        match (nix::unistd::setsid(), self.failed) {
            (Err(reason), Some(failed)) => Err(failed(reason).into()),
            _ => Ok(Boundaries::NONE),
        }
    }
}
