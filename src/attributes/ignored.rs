//! Which signals are ignored: the one disposition that an exec keeps.

use super::{Attribute, Boundaries, Change, Effect, Fact, Name, Value, View, Whose, proc_files};
use crate::carried::Process;
use crate::sys::signal;
use crate::voice::failure::UnableTo;
use nix::errno::Errno;

/// The attribute; a part is a signal's number.
pub struct Ignored;

/// The attribute.
pub const IGNORED: Ignored = Ignored;

/// Whether SIGHUP is ignored.
pub const HANGUP: Change = Change::new(&[&IGNORED], "the disposition of SIGHUP");

impl Attribute for Ignored {
    fn name(&self) -> &'static str {
        "ignored"
    }

    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let text = proc_files::status(whose, "SigIgn")?;
        let mask = u64::from_str_radix(&text, 16).map_err(|_| Errno::ENODATA)?;
        let ignored = (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1);
        Ok(ignored.map(|signal: u32| Fact::part(self.name(), signal.to_string(), Value::Yes)).collect())
    }

    fn usual(&self, _: &Name) -> Option<Value> {
        Some(Value::Absent)
    }

    fn link_for(&self, fact: &Fact) -> Option<Vec<Vec<u8>>> {
        let is_hangup = fact.name.rest() == libc::SIGHUP.to_string().as_bytes() && fact.value == Value::Yes;
        is_hangup.then(|| vec![b"nohup".to_vec()])
    }
}

/// Ignores one.
pub struct Ignore {
    /// Its number.
    pub signal: i32,
    /// Its name, for a message.
    pub name: &'static str,
}

impl Effect for Ignore {
    fn facts(&self, _: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        Ok(vec![Fact::part(IGNORED.name(), self.signal.to_string(), Value::Yes)])
    }

    fn make(&self, _: &mut Process) -> anyhow::Result<Boundaries> {
        signal::ignore(self.signal).unable_to("ignore", self.name.as_bytes())?;
        Ok(Boundaries::NONE)
    }
}
