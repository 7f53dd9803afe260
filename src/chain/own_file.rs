//! The file that this process runs, and whether a name leads to it: only then may the next link run here.

use crate::attributes::{Boundaries, Boundary};
use crate::files::sight::{self, Location};
use crate::sys::exec::{self, SELF};
use crate::sys::words::{Word, Words};
use std::ffi::CStr;

/// What is known of it.
pub struct OwnFile {
    /// Which file it is, once asked.
    identity: Option<Location>,
    /// Whether these ids are known to be let in by it, as those were that exec'ed it.
    lets_in: bool,
}

impl OwnFile {
    /// Nothing has been asked.
    pub fn unknown() -> Self {
        Self { identity: None, lets_in: true }
    }

    /// Asks which it is, if nobody has.
    pub fn look(&mut self, argv: Words) {
        if self.identity.is_none() {
            self.identity = own_identity(argv);
        }
    }

    /// After a change of ids it has to let these in, too.
    pub fn passes(&mut self, boundaries: Boundaries) {
        self.lets_in &= !boundaries.has(Boundary::NewIdentity);
    }

    /// Whether this is the file that this process runs, and an exec of it would be an ordinary one, if it is let in. In
    /// doubt, not.
    pub fn is_this_file(&self, seen: sight::Sight) -> bool {
        self.identity.is_some_and(|own| own.is_same_file(seen.location))
            && !seen.is_set_id()
            && sight::is_regular(seen.mode)
    }

    /// Whether `name` leads to that file, through the same mount, and is sure to be let in.
    pub fn is_this_program(&mut self, name: &CStr, seen: sight::Sight) -> bool {
        const EXECUTABLE_BY_ALL: u32 = libc::S_IXUSR | libc::S_IXGRP | libc::S_IXOTH;
        let is_ordinary = self.is_this_file(seen)
            && self.identity.is_some_and(|own| own.is_same(seen.location))
            && seen.mode & EXECUTABLE_BY_ALL == EXECUTABLE_BY_ALL;
        if is_ordinary && !self.lets_in {
            self.lets_in = sight::has_plain_permissions(name);
        }
        is_ordinary && self.lets_in
    }

    /// Whether the process with its ids of now may run its own program again.
    pub fn lets_itself_in(&mut self) -> bool {
        self.lets_in || sight::of(SELF).is_ok_and(|sight| self.is_this_program(SELF, sight))
    }
}

/// Which file this process runs; `None` if that cannot be learnt, and then there is no fusion.
///
/// The kernel notes the name that was exec'ed, and a look at that is cheap, while /proc/self costs a new process more than
/// all the rest of a link. The name is not this program's where an interpreter stands between them: then it is also
/// among the arguments, and /proc has to tell.
fn own_identity(argv: Words) -> Option<Location> {
    let look = |name: &CStr| sight::of(name).ok().map(|seen| seen.location);
    let is_argument = |name: Word| argv.from(1).iter().any(|word| word.bytes() == name.bytes());
    match exec::name_at_exec() {
        Some(name) if !is_argument(name) => look(name.as_c_str()).or_else(|| look(SELF)),
        _ => look(SELF),
    }
}
