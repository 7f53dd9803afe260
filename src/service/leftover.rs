//! What is left of a service whose supervise has ended without it, as after kill -9: a process that runs on.
//!
//! A number alone tells nothing, since another process may have it by now; when it was started does. `info` says that. Where
//! another kind of supervise has been killed there is only `status`, which says when, by the clock of the day, the process came to be.

use super::Home;
use super::status::{Phase, StatusFile};
use crate::process::process_id::{Found, ProcessId};
use crate::process::start;
use crate::time::tai64n::Moment;

/// What the service has left running: its process, or what that had left behind and supervise was waiting for. Only where no
/// supervise runs.
pub fn find(home: &Home) -> Option<Found> {
    let info = home.info().filter(|info| info.boot == start::boot());
    let waited_for = info.filter(|info| info.process.pid == 0 && info.phase == Some(Phase::Stopping));
    let noted = [info.map(|info| info.process), waited_for.map(|info| info.left_process)];
    let mut noted = noted.into_iter().flatten();
    let noted = noted.find_map(ProcessId::found);
    noted.or_else(|| {
        let StatusFile { main, .. } = home.status().ok()?;
        Found::by(main.pid, |start| is_since(start, main.since))
    })
}

/// Whether a process that was started then is the one that a status file has since that moment.
fn is_since(start: u64, since: Moment) -> bool {
    /// In hundredths of a second: it is not the start that is noted there, but when supervise came to write. No number comes
    /// again as soon as this.
    const TOLERANCE: i128 = 500;
    let hundredths = |moment: Moment| i128::from(moment.seconds) * 100 + i128::from(moment.nanoseconds) / 10_000_000;
    let age = i128::from(start::start_now()) - i128::from(start);
    (hundredths(Moment::now()) - hundredths(since)).abs_diff(age) <= TOLERANCE.unsigned_abs()
}
