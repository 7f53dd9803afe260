//! What is left of a service whose supervise has ended without it, as after kill -9: a process that runs on.
//!
//! A number alone tells nothing, since another process may have it by now; when it was started does. `info` says that. Where
//! another kind of supervise has been killed there is only `status`, which says when, by the clock of the day, the process came to be.

use super::Home;
use super::info::Identity;
use super::status::{Phase, Record};
use crate::sys::process;
use crate::time::tai64n::Moment;
use nix::unistd::Pid;
use std::os::fd::OwnedFd;

/// A process that runs on.
pub struct Leftover {
    /// Its number.
    pub pid: i32,
    /// Readable when it has ended; `None` where the kernel has none such.
    pub watched: Option<OwnedFd>,
}

/// What the service has left running: its process, or what that had left behind and supervise was waiting for. Only where no
/// supervise runs.
pub fn find(home: &Home) -> Option<Leftover> {
    let info = home.info().filter(|info| info.boot == process::boot());
    let waited_for = info.filter(|info| info.process.pid == 0 && info.phase == Some(Phase::Stopping));
    let noted = [info.map(|info| info.process), waited_for.map(|info| info.left_process)];
    let mut noted = noted.into_iter().flatten();
    let noted = noted.find_map(|identity| running(identity.pid, |start| is_same(start, identity)));
    noted.or_else(|| {
        let Record { main, .. } = home.status().ok()?;
        running(main.pid, |start| is_since(start, main.since))
    })
}

/// Whether the process that these mean still runs, if they are of this start of the machine.
pub fn is_alive(identity: Identity) -> bool {
    running(identity.pid, |start| is_same(start, identity)).is_some()
}

/// The process with that number, if it was started when it is said to have been.
fn running(number: u32, is_it: impl FnOnce(u64) -> bool) -> Option<Leftover> {
    let pid = i32::try_from(number).ok().filter(|&pid| pid > 0).map(Pid::from_raw)?;
    // first, so that the number cannot change hands after the look at the time
    let watched = process::watch(pid).ok();
    is_it(process::start_of(pid)?).then_some(Leftover { pid: pid.as_raw(), watched })
}

/// Whether a process that was started then is the one that these numbers mean, having its number.
pub fn is_same(start: u64, identity: Identity) -> bool {
    /// A start is timed beside the kernel's own record of it, which may fall into the next hundredth of a second.
    const TOLERANCE: u64 = 2;
    start.abs_diff(identity.start) <= TOLERANCE
}

/// Whether a process that was started then is the one that a status file has since that moment.
fn is_since(start: u64, since: Moment) -> bool {
    /// In hundredths of a second, for a supervise that was slow to write. No number comes again as soon as this.
    const TOLERANCE: i128 = 500;
    let hundredths = |moment: Moment| i128::from(moment.seconds) * 100 + i128::from(moment.nanoseconds) / 10_000_000;
    let age = i128::from(process::start_now()) - i128::from(start);
    (hundredths(Moment::now()) - hundredths(since)).abs_diff(age) <= TOLERANCE.unsigned_abs()
}
