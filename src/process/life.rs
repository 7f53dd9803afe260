//! Whether a process still runs, and how far it is from its end.

use super::table::{is_proc_ours, status_of};
use crate::number::decimal;
use crate::sys::process;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use std::os::fd::BorrowedFd;

/// Whether the process exists and is no zombie.
pub fn is_running(pid: Pid) -> bool {
    match process::look_at_child(pid) {
        Some(has_ended) => !has_ended,
        None if is_proc_ours() => status_of(pid).is_ok_and(|status| !matches!(status.first(), Some(b'Z' | b'X'))),
        // then a zombie cannot be told from the living
        None => nix::sys::signal::kill(pid, None) != Err(Errno::ESRCH),
    }
}

/// How far a process is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It sleeps, and nobody has killed it.
    Goes,
    /// It works, or goes on to its end: where it has taken note of a KILL and done nothing about it yet, nothing tells.
    Moves,
    /// It has been killed, or has begun to end, and may still have what it will give up by that. Or it is gone.
    Ends,
}

/// Looks how far a process is from its end, as far as /proc tells.
pub fn life_of(pid: Pid) -> Life {
    /// Field 9 of /proc/PID/stat, counted from the state: the kernel's flags.
    const FLAGS: usize = 9 - 3;
    /// `PF_EXITING` and `PF_SIGNALED`.
    const ENDS: u64 = 0x4 | 0x400;
    // in this order: a KILL is either pending, or its process moves, or has set a flag
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let pending = text.lines().find_map(|line| line.strip_prefix("SigPnd:"));
    let pending = pending.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    let Ok(status) = status_of(pid) else { return Life::Ends };
    let mut fields = status.split(|&byte| byte == b' ');
    let state = fields.next().unwrap_or_default();
    let flags = fields.nth(FLAGS - 1).and_then(decimal).unwrap_or(0);
    match state {
        b"Z" | b"X" => Life::Ends,
        _ if pending >> (libc::SIGKILL - 1) & 1 == 1 || flags & ENDS != 0 => Life::Ends,
        b"R" | b"D" => Life::Moves,
        _ => Life::Goes,
    }
}

/// Whether the process is a child of this one.
pub fn is_child(pid: Pid) -> bool {
    process::look_at_child(pid).is_some()
}

/// Whether the process of a descriptor of [`process::watch`] has ended.
pub(super) fn has_ended(watched: BorrowedFd<'_>) -> bool {
    let mut ended = [PollFd::new(watched, PollFlags::POLLIN)];
    poll(&mut ended, PollTimeout::ZERO).is_ok_and(|count| count > 0)
}

/// Sends a signal to the process of this number, by a descriptor of [`process::watch`] if there is one: then it reaches nobody else,
/// whoever has the number by now. Where that is denied, or not known, it goes to the number, unless the process has ended.
///
/// # Errors
/// As kill(2).
pub fn send_to(pid: Pid, watched: Option<BorrowedFd<'_>>, signal: i32) -> nix::Result<()> {
    let Some(watched) = watched else { return process::send(pid, signal) };
    match process::send_by(watched, signal) {
        Ok(()) => Ok(()),
        Err(reason @ Errno::ESRCH) => Err(reason),
        Err(_) if has_ended(watched) => Err(Errno::ESRCH),
        Err(_) => process::send(pid, signal),
    }
}
