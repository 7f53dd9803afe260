//! What execve keeps of a process: one file an attribute. An [`Attribute`] knows how it is read of this process and of
//! another, what is usual, and which words make a link that gives it a value. What links make of attributes are
//! [`Effect`]s, and what those come to are [`Fact`]s: the action, the words about it and the tests have them all from there.

pub mod capabilities;
pub mod cwd;
pub mod descriptors;
mod effect;
pub mod environment;
pub mod identity;
pub mod ignored;
pub mod limits;
pub mod pid;
mod proc_files;
pub mod session;
pub mod umask;
mod value;

pub use effect::{Boundaries, Boundary, Effect, Effects, View};
pub use value::{Change, Fact, Name, Value};

use nix::unistd::Pid;

/// Whose attributes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This process's.
    Own,
    /// Another's, as far as the kernel lets this account see it.
    Of(Pid),
}

/// All that catena knows about something that execve keeps.
pub trait Attribute: Sync {
    /// The first part of the names of its facts, which is the state viewer's path: `umask`, `limits`.
    fn name(&self) -> &'static str;

    /// What it is now: one fact, or as many as it has parts. A part that is not there, such as a closed descriptor, has
    /// none.
    ///
    /// # Errors
    /// As reading /proc.
    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>>;

    /// What a fact of it has where nobody has done anything: its value in a login shell. `None` where nothing is usual.
    fn usual(&self, _name: &Name) -> Option<Value> {
        None
    }

    /// The words of the link that gives it this value; `None` where no link does.
    fn link_for(&self, _fact: &Fact) -> Option<Vec<Vec<u8>>> {
        None
    }
}

/// Every attribute that a link touches, in the order of the state viewer.
pub static ALL: &[&dyn Attribute] = &[
    &pid::PID,
    &session::PGID,
    &session::SID,
    &session::TTY,
    &identity::UID,
    &identity::GID,
    &identity::GROUPS,
    &capabilities::CAPS,
    &cwd::CWD,
    &umask::UMASK,
    &descriptors::DESCRIPTORS,
    &ignored::IGNORED,
    &limits::LIMITS,
    &environment::ENV,
];

/// The attribute that a fact of this name is of.
pub fn of(name: &Name) -> Option<&'static dyn Attribute> {
    ALL.iter().copied().find(|attribute| attribute.name() == name.attribute())
}

#[cfg(test)]
mod tests;
