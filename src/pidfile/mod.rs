//! Pid files: what their text says, who holds them, and how a process makes one its own.
//!
//! A pid file is a claim, and what makes it true is the lock on it. A POSIX record lock lives exactly as long as the
//! process that took it, a child does not keep it, and the kernel tells the holder's pid: so stale text, a pid used
//! again and descriptors that leaked to helpers mislead nobody.
//!
//! The lock reaches the program, which may run as another account, by a descriptor that can only read: see claim/taking.rs.

pub mod claim;
pub mod holder;
pub mod replacing;
mod takeover;
pub mod text;

/// The name of a file of this process's beside `file`: `.NAME.what`.
fn beside(file: &[u8], what: &[u8]) -> Vec<u8> {
    let base = file.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    // a name as long as any can be leaves no room for more
    let room = libc::NAME_MAX as usize - what.len() - 2;
    let start = &file[base..][..room.min(file.len() - base)];
    [&file[..base], b".", start, b".", what].concat()
}
