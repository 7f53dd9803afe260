//! Effects: changes as data. What is made is what is said, and what the tests expect to see.

use super::{Attribute, Fact, Name, Value, Whose};
use crate::carried::Process;
use crate::environ::Environ;

/// A change to attributes, as data.
pub trait Effect {
    /// What will be, after the state so far: a limit is clamped, an id that is there already stays.
    ///
    /// # Errors
    /// What keeps from knowing it.
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>>;

    /// Makes it. Gives what later links in this process could no longer do as an exec'ed one could, or the other way round.
    ///
    /// # Errors
    /// Why it could not be made, in the words of the link that asked for it.
    fn make(&self, process: &mut Process) -> anyhow::Result<Boundaries>;
}

/// Those of one link, in the order in which they are made.
pub type Effects = Vec<Box<dyn Effect>>;

/// What is known of the process that a link starts from: what has been assumed of it, and else what it is.
pub struct View<'a> {
    /// Its environment.
    pub environ: &'a Environ,
    /// What holds whatever the process is now: the effects of links before, in an explanation; the later the stronger.
    pub assumed: &'a [Fact],
    /// Whether all else is not there, instead of what this process has.
    pub is_closed: bool,
}

impl<'a> View<'a> {
    /// This process as it is.
    pub fn of(environ: &'a Environ) -> Self {
        Self { environ, assumed: &[], is_closed: false }
    }

    /// All facts of an attribute.
    ///
    /// # Errors
    /// As [`Attribute::read`].
    pub fn all(&self, attribute: &dyn Attribute) -> nix::Result<Vec<Fact>> {
        let mut all = if self.is_closed { Vec::new() } else { attribute.read(Whose::Own)? };
        for fact in self.assumed.iter().filter(|fact| fact.name.attribute() == attribute.name()) {
            all.retain(|other| other.name != fact.name);
            if fact.value != Value::Absent {
                all.push(fact.clone());
            }
        }
        Ok(all)
    }

    /// One fact; [`Value::Absent`] where there is none.
    ///
    /// # Errors
    /// Likewise.
    pub fn value(&self, attribute: &dyn Attribute, part: &[u8]) -> nix::Result<Value> {
        let name = Name::part(attribute.name(), part);
        if let Some(fact) = self.assumed.iter().rev().find(|fact| fact.name == name) {
            return Ok(fact.value.clone());
        }
        let found = self.all(attribute)?.into_iter().find(|fact| fact.name == name);
        Ok(found.map_or(Value::Absent, |fact| fact.value))
    }
}

/// Something that an exec would not leave as it is in this process, or that later links can no longer do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// The ids are another account's: root's rights are gone, and until the next exec so is the right to write to the
    /// process's own files in /proc. An exec takes what capabilities are left, and may be refused.
    NewIdentity = 1,
    /// The ids are root's: an exec gives capabilities.
    RootIdentity = 2,
    /// Names mean other files.
    NewRoot = 4,
    /// No exec gives privileges any more.
    NoNewPrivileges = 8,
    /// Other ids, processes or names are seen; an exec recomputes capabilities, or enters for good.
    Namespace = 16,
    /// Something that was open is closed.
    ClosedDescriptor = 32,
    /// A memory limit has been lowered: a fresh image is smaller than this one.
    MemoryLimit = 64,
}

/// Several of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boundaries(u8);

impl Boundaries {
    /// An exec would notice nothing.
    pub const NONE: Self = Self(0);

    /// One.
    pub const fn one(boundary: Boundary) -> Self {
        Self(boundary as u8)
    }

    /// Whether it is among them.
    pub const fn has(self, boundary: Boundary) -> bool {
        self.0 & boundary as u8 != 0
    }
}

impl std::ops::BitOrAssign for Boundaries {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
