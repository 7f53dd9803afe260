//! What is said again as long as it is so, but once a minute.

use crate::time::clock::SECOND;

/// How long something is not said again.
const MINUTE: u64 = 60 * SECOND;

/// What has been said within the last minute.
#[derive(Debug)]
pub struct OnceAMinute<T> {
    /// With the time of that.
    said: Vec<(T, u64)>,
}

impl<T> Default for OnceAMinute<T> {
    fn default() -> Self {
        Self { said: Vec::new() }
    }
}

impl<T: PartialEq> OnceAMinute<T> {
    /// Whether this is to be said, since it has not been within the last minute. `now` is what the clock says, in
    /// nanoseconds; with true, it has been said at that time.
    pub fn is_due(&mut self, what: T, now: u64) -> bool {
        self.said.retain(|&(_, at)| now < at + MINUTE);
        let is_due = !self.said.iter().any(|(said, _)| *said == what);
        if is_due {
            self.said.push((what, now));
        }
        is_due
    }

    /// Nothing but such has been said: all else is news when it comes again.
    pub fn keep(&mut self, is_kept: impl Fn(&T) -> bool) {
        self.said.retain(|(said, _)| is_kept(said));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_again_after_a_minute_and_something_else_at_once() {
        let mut said = OnceAMinute::default();
        for (second, what, is_due) in [
            (0, "a", true),
            (1, "a", false),
            (2, "b", true),
            (59, "a", false),
            (60, "a", true),
            (61, "b", false),
            (62, "b", true),
            (119, "a", false),
            (120, "a", true),
        ] {
            assert_eq!(said.is_due(what, second * SECOND), is_due, "{second} {what}");
        }
        said.keep(|&said| said != "a");
        assert!(said.is_due("a", 121 * SECOND) && !said.is_due("b", 121 * SECOND));
    }
}
