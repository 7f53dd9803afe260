//! What is wanted of the service, and for how long it is supervised.

use crate::service::status::Want;

/// What is wanted.
pub struct Wanted {
    want: Want,
    /// Whether it has failed for good. Then it is wanted down, until it is started again.
    has_failed: bool,
    /// Whether supervise has been told to end with it.
    is_leaving: bool,
    /// Whether its directory is no more.
    is_gone: bool,
}

impl Wanted {
    /// Only this.
    pub fn new(want: Want) -> Self {
        Self { want, has_failed: false, is_leaving: false, is_gone: false }
    }

    /// What is to become of it.
    pub fn want(&self) -> Want {
        self.want
    }

    /// Something else is wanted from here on. Gives what was.
    pub fn change(&mut self, want: Want) -> Want {
        std::mem::replace(&mut self.want, want)
    }

    /// Whether it is to be started when it has ended.
    pub fn is_up(&self) -> bool {
        self.want == Want::Up && !self.is_leaving
    }

    /// It has failed for good: no start would change anything.
    pub fn fail(&mut self) {
        self.has_failed = true;
        self.want = Want::Down;
    }

    /// It is going to be started, whatever was.
    pub fn forget_failure(&mut self) {
        self.has_failed = false;
    }

    /// Whether it has failed for good.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Supervise ends when it has.
    pub fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// Whether supervise has been told to end when it has.
    pub fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// Its directory is no more, and supervise ends when it has. Gives whether that is news.
    pub fn lose_directory(&mut self) -> bool {
        !std::mem::replace(&mut self.is_gone, true)
    }

    /// Whether its directory is no more.
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Whether supervise ends when it has, for one reason or another.
    pub fn ends_supervise(&self) -> bool {
        self.is_leaving || self.is_gone
    }

    /// Whether supervise has been told to end, with it: its directory may be removed meanwhile.
    pub fn is_to_end(&self) -> bool {
        self.is_leaving && self.want == Want::Down
    }
}
