//! Capabilities, as far as an exec would give them back.

use crate::sys::ids::{capabilities, empty_ambient, is_ambient};
use nix::errno::Errno;

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
