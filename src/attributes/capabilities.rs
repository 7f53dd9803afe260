//! Capabilities, as far as links touch them: the ambient set, which an exec makes permitted and effective.

use super::{Attribute, Fact, Name, Value, Whose, proc_files};
use nix::errno::Errno;

/// The attribute; its parts are sets.
pub struct Caps;

/// The attribute.
pub const CAPS: Caps = Caps;

/// The ambient set.
pub const AMBIENT: &str = "ambient";

impl Attribute for Caps {
    fn name(&self) -> &'static str {
        "caps"
    }

    /// The numbers of those in the set; nothing where a kernel before 4.3 has none.
    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let text = match proc_files::status(whose, "CapAmb") {
            Err(Errno::ENODATA) => return Ok(Vec::new()),
            text => text?,
        };
        let mask = u64::from_str_radix(&text, 16).map_err(|_| Errno::ENODATA)?;
        let held = (0..64).filter(|number| mask >> number & 1 == 1).collect();
        Ok(vec![Fact::part(self.name(), AMBIENT, Value::Ids(held))])
    }

    fn usual(&self, _: &Name) -> Option<Value> {
        Some(Value::Ids(Vec::new()))
    }
}

/// The ambient set is empty.
pub fn none_ambient() -> Fact {
    Fact::part(CAPS.name(), AMBIENT, Value::Ids(Vec::new()))
}
