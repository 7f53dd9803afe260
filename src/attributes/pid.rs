//! Which process it is. Nothing changes that but a fork, whose child goes on.

use super::{Attribute, Change, Fact, Value, Whose, proc_files};

/// The attribute.
pub struct PidOf;

/// The attribute.
pub const PID: PidOf = PidOf;

impl Attribute for PidOf {
    fn name(&self) -> &'static str {
        "pid"
    }

    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let text = proc_files::bytes(whose, "stat")?;
        let own = String::from_utf8_lossy(&text).split(' ').next().and_then(|pid| pid.parse().ok());
        Ok(own.map(|pid| Fact::whole(self.name(), Value::Number(pid))).into_iter().collect())
    }
}

/// A child goes on.
pub fn forked() -> Fact {
    Fact::whole(PID.name(), Value::New)
}

/// fork(2), as far as an exec would have kept it.
macro_rules! lost_by_fork {
    () => {
        "process and parent id; and what a fork does not hand down: pending signals, interval timers, POSIX record locks, \
         memory locks, the parent-death signal, the child-subreaper flag, processor time used so far"
    };
}

/// The process itself, where a child goes on.
pub const MAY_FORK: Change = Change::new(&[&PID], concat!("the process, if it has to fork: ", lost_by_fork!()));

/// The process itself: a child always goes on.
pub const FORKS: Change = Change::new(&[&PID], concat!("the process, which is a child: ", lost_by_fork!()));
