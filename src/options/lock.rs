//! The options of links that take a lock.

use super::{Flag, Given, Valued};
use crate::files::lock_wait::LockWait;
use crate::number::seconds;

/// The three options, of which the last given counts.
pub struct LockOptions {
    /// `-n`
    pub no_wait: Flag,
    /// `-N`
    pub wait: Flag,
    /// `-t SECONDS`
    pub limit: Valued,
}

impl LockOptions {
    /// What they ask for; `without` any of them what holds then. `None` if a value makes no sense.
    pub fn read(&self, given: &Given, without: LockWait) -> Option<LockWait> {
        let mut wait = without;
        for option in given.in_order() {
            if option.is(self.no_wait) {
                wait = LockWait::None;
            } else if option.is(self.wait) {
                wait = LockWait::Endless;
            } else if option.is(self.limit) {
                wait = LockWait::For(seconds(option.word())?);
            }
        }
        Some(wait)
    }
}
