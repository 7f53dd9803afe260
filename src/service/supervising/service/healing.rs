//! When the supervise directory is looked at, and made anew where something is missing.

/// How often it is made anew in quick succession.
const ATTEMPTS: u8 = 20;

/// What is due, and how often it has failed.
#[derive(Default)]
pub struct Healing {
    /// When it is due.
    at: Option<u64>,
    /// How often it has failed in succession.
    failures: u8,
    /// Whether it has been said why.
    is_said: bool,
}

impl Healing {
    /// When it is due.
    pub fn at(&self) -> Option<u64> {
        self.at
    }

    /// It is due then, if it is not before.
    pub fn plan(&mut self, at: u64) {
        self.at.get_or_insert(at);
    }

    /// It is due then, and not before.
    pub fn put_off(&mut self, at: u64) {
        self.at = Some(at);
    }

    /// It takes place.
    pub fn begin(&mut self) {
        self.at = None;
    }

    /// It has failed. Gives whether whoever removes the directory may be at it still, as `is_missing`, that a part of it was
    /// not there any more, makes one think; but not for ever.
    pub fn fail(&mut self, is_missing: bool) -> bool {
        self.failures = self.failures.saturating_add(1);
        is_missing && self.failures <= ATTEMPTS
    }

    /// Whether it is to be said why it has failed: once.
    pub fn is_to_be_said(&mut self) -> bool {
        !std::mem::replace(&mut self.is_said, true)
    }

    /// All is there.
    pub fn succeed(&mut self) {
        *self = Self { at: self.at, ..Self::default() };
    }
}
