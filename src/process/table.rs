//! What /proc tells of other processes: whose they are, what they are called, who started them.

use super::life::is_running;
use crate::number::{decimal, decimal_in};
use nix::unistd::Pid;

/// The fields of /proc/PID/stat from the state on. They follow the last parenthesis: the name may have some of its own.
pub(super) fn status_of(pid: Pid) -> std::io::Result<Vec<u8>> {
    let mut line = std::fs::read(format!("/proc/{pid}/stat"))?;
    let end = line.iter().rposition(|&byte| byte == b')').map_or(line.len(), |end| (end + 2).min(line.len()));
    line.drain(..end);
    Ok(line)
}

/// When the kernel started a process, in hundredths of a second since boot: with the number it names one process only.
/// `None` if it is gone, if all of it is a zombie, or if /proc does not tell.
pub fn start_of(pid: Pid) -> Option<u64> {
    start_in(&status_of(pid).ok()?)
}

pub(super) fn start_in(status: &[u8]) -> Option<u64> {
    /// Field 22 of /proc/PID/stat (proc(5)), counted from the state, which is the third.
    const START: usize = 22 - 3;
    /// Field 20: a first thread that has ended is a zombie as long as others go on.
    const THREADS: usize = 20 - 3;
    let fields = status.split(|&byte| byte == b' ');
    let field = |number: usize| fields.clone().nth(number);
    let has_ended = matches!(field(0)?, b"Z" | b"X") && decimal(field(THREADS)?)? <= 1;
    if has_ended { None } else { decimal(field(START)?) }
}

/// The parent of a process. `None` if it is gone, or if /proc does not tell.
pub fn parent_of(pid: Pid) -> Option<Pid> {
    /// Field 4 of /proc/PID/stat, counted from the state.
    const PARENT: usize = 4 - 3;
    field_of(&status_of(pid).ok()?, PARENT)
}

/// A field that is the number of a process.
fn field_of(status: &[u8], field: usize) -> Option<Pid> {
    let field = status.split(|&byte| byte == b' ').nth(field)?;
    decimal_in(field).map(Pid::from_raw)
}

/// The real, effective, saved and file system user of a process. `None` if /proc does not tell.
pub fn users_of(pid: Pid) -> Option<Vec<u32>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().map(|id| decimal_in(id.as_bytes())).collect()
}

/// The command name of a process as the kernel has it, fit to be printed.
pub fn command(pid: Pid) -> Option<String> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    Some(String::from_utf8_lossy(name).chars().map(|sign| if sign.is_control() { '?' } else { sign }).collect())
}

/// Whether /proc speaks of processes by the numbers that they have here. In a new pid namespace it may be another's.
pub fn is_proc_ours() -> bool {
    let own = std::fs::read_link("/proc/self");
    own.is_ok_and(|own| own.to_str() == Some(&nix::unistd::getpid().to_string()))
}

/// The children of a process, as far as /proc tells.
pub fn children_of(parent: Pid) -> Vec<Pid> {
    every(|pid| parent_of(pid) == Some(parent))
}

/// The processes of the session that this one has begun, as far as /proc tells, without those that have ended.
pub fn of_session(leader: Pid) -> Vec<Pid> {
    // a call is cheaper by far than a look at a file
    every(|pid| nix::unistd::getsid(Some(pid)) == Ok(leader) && is_running(pid))
}

/// The processes that are so, as far as /proc tells.
fn every(is_so: impl Fn(Pid) -> bool) -> Vec<Pid> {
    if !is_proc_ours() {
        return Vec::new();
    }
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| decimal_in(entry.ok()?.file_name().as_encoded_bytes()));
    pids.map(Pid::from_raw).filter(|&pid| is_so(pid)).collect()
}
