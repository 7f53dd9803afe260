//! How long it is from one start to the next.

use crate::time::clock::SECOND;

/// The longest pause after a fork that failed.
const LONGEST_PAUSE: u64 = 60 * SECOND;

/// The distances, in nanoseconds.
pub struct Pace {
    /// The least distance between two starts.
    gap: u64,
    /// How long was waited after a fork that failed; 0 if the last one has not.
    fork_pause: u64,
}

impl Pace {
    /// A start in a second.
    pub fn new() -> Self {
        Self { gap: SECOND, fork_pause: 0 }
    }

    /// The least distance between two starts.
    pub fn gap(&self) -> u64 {
        self.gap
    }

    /// That in milliseconds, if it is longer than usual; otherwise 0.
    pub fn backoff(&self) -> u64 {
        if self.gap > SECOND { self.gap / 1_000_000 } else { 0 }
    }

    /// `run` has lasted so long. The distance is a second, or, if there is a `longest`, twice the last one after each run of
    /// less than five seconds, up to that, and after one of a minute a second again.
    pub fn run_has_lasted(&mut self, time: u64, longest: Option<u64>) {
        let Some(longest) = longest.map(|longest| longest.max(SECOND)) else {
            self.gap = SECOND;
            return;
        };
        match time / SECOND {
            0..5 => self.gap = (self.gap * 2).min(longest),
            60.. => self.gap = SECOND,
            _ => self.gap = self.gap.min(longest),
        }
    }

    /// A fork has succeeded.
    pub fn forked(&mut self) {
        self.fork_pause = 0;
    }

    /// A fork has failed. Gives how long to wait for the next.
    pub fn not_forked(&mut self) -> u64 {
        self.fork_pause = (self.fork_pause * 2).clamp(SECOND, LONGEST_PAUSE);
        self.fork_pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_grow_apart_after_short_runs_and_come_together_after_a_long_one() {
        let mut pace = Pace::new();
        let longest = Some(5 * SECOND);
        for (lasted, longest, gap) in [
            (0, longest, 2),
            (4, longest, 4),
            (4, longest, 5),
            (5, longest, 5),
            (59, Some(3 * SECOND), 3),
            (60, longest, 1),
            (0, Some(0), 1),
            (0, longest, 2),
            (0, None, 1),
        ] {
            pace.run_has_lasted(lasted * SECOND, longest);
            assert_eq!(pace.gap(), gap * SECOND, "{lasted}");
        }
    }

    #[test]
    fn forks_that_fail_grow_apart_up_to_a_minute() {
        let mut pace = Pace::new();
        let pauses: Vec<u64> = (0..8).map(|_| pace.not_forked() / SECOND).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        pace.forked();
        assert_eq!(pace.not_forked(), SECOND);
    }
}
