//! The umask: which permission bits no new file gets.

use super::{Attribute, Boundaries, Change, Effect, Fact, Name, Value, View, Whose, proc_files};
use crate::carried::Process;
use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};

/// The attribute.
pub struct Umask;

/// The attribute.
pub const UMASK: Umask = Umask;

/// What it is.
pub const MASK: Change = Change::new(&[&UMASK], "the umask");

impl Attribute for Umask {
    fn name(&self) -> &'static str {
        "umask"
    }

    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let text = proc_files::status(whose, "Umask")?;
        let bits = u32::from_str_radix(&text, 8).map_err(|_| Errno::ENODATA)?;
        Ok(vec![Fact::whole(self.name(), Value::Bits(bits))])
    }

    fn usual(&self, _: &Name) -> Option<Value> {
        Some(Value::Bits(0o022))
    }
}

/// Sets it.
pub struct SetUmask(pub u32);

impl Effect for SetUmask {
    fn facts(&self, _: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        // the kernel keeps no other bits (umask(2))
        Ok(vec![Fact::whole(UMASK.name(), Value::Bits(self.0 & 0o777))])
    }

    fn make(&self, _: &mut Process) -> anyhow::Result<Boundaries> {
        umask(Mode::from_bits_truncate(self.0));
        Ok(Boundaries::NONE)
    }
}
