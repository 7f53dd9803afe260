//! Which processes come from the foreground.

use crate::files::lock_wait;
use crate::process::life;
use crate::process::table;
use nix::unistd::{Pid, getpid};
use std::time::Duration;

/// From what tells that a process ends, as that its readiness pipe does, to its end.
pub const ENDING: Duration = Duration::from_secs(1);

/// Whether a process comes from this one.
pub fn is_ours(pid: Pid) -> bool {
    if pid.as_raw() <= 0 || pid == getpid() {
        return false;
    }
    let is_child = || life::is_child(pid).then_some(());
    let is_now = is_child().is_some() || comes_from(pid, getpid());
    // without /proc it is to be seen only once those between have ended
    is_now || !table::is_proc_ours() && lock_wait::poll(Some(ENDING), is_child).is_some()
}

/// Whether `ancestor` is a process, its parent, or one of those before.
pub fn comes_from(process: Pid, ancestor: Pid) -> bool {
    // as deep as any chain goes, and an end to a tree that changes while it is climbed
    const DEEPEST: usize = 256;
    let mut line = std::iter::successors(Some(process), |&one| table::parent_of(one)).take(DEEPEST);
    line.any(|one| one == ancestor) && table::is_proc_ours()
}
