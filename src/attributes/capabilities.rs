//! Capabilities, as far as links touch them: the ambient set, which an exec makes permitted and effective.

use super::{Attribute, Fact, Name, Value, Whose, proc_files};
use crate::sys::ids::{capabilities, empty_ambient, is_ambient};
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

/// Whether the process holds no permitted capability, so that an exec has none to take away or to recompute.
pub fn are_none() -> nix::Result<bool> {
    Ok(capabilities()?.permitted == 0)
}

/// Empties the ambient set of capabilities, which an exec would make permitted and effective. Gives whether it held any.
///
/// # Errors
/// What keeps from emptying it, or from knowing that it is empty.
pub fn clear_ambient() -> nix::Result<bool> {
    // what is ambient is always both permitted and inheritable (capabilities(7)): mostly this one call is the proof
    let candidates = capabilities().map(|sets| sets.permitted & sets.inheritable);
    if candidates == Ok(0) || !holds_ambient(candidates)? {
        return Ok(false);
    }
    let cleared = empty_ambient();
    if holds_ambient(candidates)? {
        return Err(cleared.err().unwrap_or(Errno::EPERM));
    }
    Ok(true)
}

/// Whether any of these capabilities is ambient; where the kernel is kept from answering, what /proc says.
fn holds_ambient(candidates: nix::Result<u64>) -> nix::Result<bool> {
    let asked = candidates.and_then(|candidates| {
        let mut held = (0..64_u8).filter(|number| candidates >> number & 1 == 1);
        held.try_fold(false, |any, number| Ok(any || is_ambient(number)?))
    });
    asked.or_else(|reason| {
        let status = std::fs::read("/proc/self/status").map_err(|_| reason)?;
        // a kernel before 4.3 has no such line, and no such set
        let set = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"CapAmb:"));
        Ok(set.is_some_and(|set| !set.trim_ascii().iter().all(|&digit| digit == b'0')))
    })
}
