//! How long to wait for a lock that another process holds.

use crate::sys::descriptor::uninterrupted;
use crate::sys::process;
use nix::errno::Errno;
use std::time::{Duration, Instant};

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockWait {
    /// Until it is free.
    Endless,
    /// Not at all.
    None,
    /// At most so long.
    For(Duration),
}

impl LockWait {
    /// Makes attempts at a lock; `attempt` is told whether to wait. A process that waits is called `name` meanwhile.
    ///
    /// # Errors
    /// EAGAIN if the lock is held for too long, or what else `attempt` ends with.
    pub fn acquire(self, name: &str, mut attempt: impl FnMut(bool) -> nix::Result<()>) -> nix::Result<()> {
        let mut attempt = |wait| match uninterrupted(|| attempt(wait)) {
            // record locks may say either: fcntl(2)
            Err(Errno::EACCES) => Err(Errno::EAGAIN),
            outcome => outcome,
        };
        match (attempt(false), self) {
            (Err(Errno::EAGAIN), Self::Endless) => {
                process::set_name(name);
                attempt(true)
            }
            (Err(Errno::EAGAIN), Self::For(limit)) => {
                process::set_name(name);
                let is_held = |outcome: &nix::Result<()>| *outcome == Err(Errno::EAGAIN);
                poll(Some(limit), || Some(attempt(false)).filter(|outcome| !is_held(outcome)))
                    .unwrap_or(Err(Errno::EAGAIN))
            }
            (outcome, _) => outcome,
        }
    }

    /// What is left of it, if it began at `start`.
    pub fn after(self, start: Instant) -> Self {
        match self {
            Self::For(limit) => Self::For(limit.saturating_sub(start.elapsed())),
            patience => patience,
        }
    }

    /// Its bound: none for endless patience.
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::Endless => None,
            Self::None => Some(Duration::ZERO),
            Self::For(limit) => Some(limit),
        }
    }
}

/// Tries again and again until there is an answer; `None` when the time is over. No alarm: timers and dispositions belong
/// to the program.
pub fn poll<T>(limit: Option<Duration>, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_millis(50);
    let start = Instant::now();
    let mut pause = SHORTEST;
    loop {
        let left = limit.map_or(LONGEST, |limit| limit.saturating_sub(start.elapsed()));
        if left.is_zero() {
            return None;
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST);
        if let Some(answer) = attempt() {
            return Some(answer);
        }
    }
}
