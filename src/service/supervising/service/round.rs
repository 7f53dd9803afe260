//! From `start` to `stop`: how far the service is in that, over however many runs.

use crate::service::Program;
use crate::sys::process::End;

/// How far it is.
#[derive(Clone, Copy)]
pub struct Round {
    /// Whether `start` is to run before `run`.
    is_first: bool,
    /// Whether there is something for `stop` to put away.
    has_begun: bool,
    /// Whether it was to stay down when it last ended.
    was_final: bool,
    /// How `run` last ended; `None` where nobody knows.
    last: Option<End>,
}

impl Round {
    /// Before the first `start`.
    pub fn new() -> Self {
        Self { is_first: true, has_begun: false, was_final: false, last: None }
    }

    /// In the midst of it: a killed supervise has begun it.
    pub fn resumed() -> Self {
        Self { is_first: false, has_begun: true, ..Self::new() }
    }

    /// `start` is to run before `run`.
    pub fn begin(&mut self) {
        self.is_first = true;
    }

    /// Whether it is.
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// `start` has run, or is not needed. Gives whether `run` had run before.
    pub fn go_on(&mut self) -> bool {
        !std::mem::replace(&mut self.is_first, false)
    }

    /// This program runs.
    pub fn started(&mut self, program: Program) {
        self.has_begun = program != Program::Stop;
    }

    /// Whether there is something for `stop` to put away.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// `run` has ended so.
    pub fn run_has_ended(&mut self, end: Option<End>) {
        self.last = end;
    }

    /// How `run` last ended.
    pub fn last(&self) -> Option<End> {
        self.last
    }

    /// What ran has ended, for good or for the next start.
    pub fn end(&mut self, is_final: bool) {
        self.was_final = is_final;
    }

    /// The next start comes: after an end for good it is a first one.
    pub fn next(&mut self) {
        self.is_first |= std::mem::take(&mut self.was_final);
    }
}
