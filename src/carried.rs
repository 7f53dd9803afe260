//! What the chain carries from link to link. Kernel state stays in the kernel.

use crate::environ::Environ;
use crate::start_report::Listeners;
use crate::sys::words::{Word, Words};
use std::os::fd::OwnedFd;

/// What the chain carries from link to link.
pub struct Process {
    /// The environment for the next program.
    pub environ: Environ,
    /// The next program.
    pub next: NextProgram,
    /// Whether that calls one of catena's, if its file is this one.
    pub next_is_catena: bool,
    /// How many bytes at the end of a text are, word for word, how an applet is called.
    pub usage_at_end: fn(&[u8]) -> usize,
    /// Who waits to hear how this process's start goes, in a process that a link has forked.
    pub listeners: Listeners,
    /// Where this link's messages go if not to descriptor 2.
    pub diagnostics: Option<OwnedFd>,
    /// What this link does if the next program cannot be run. It must not allocate.
    pub undo: Option<Box<dyn FnOnce()>>,
}

/// A program to run: what is looked for, and what it is called. Mostly `argv` begins with the word that is looked for; but
/// these are two things.
#[derive(Clone, Copy)]
pub struct NextProgram {
    /// A path, or a name that is looked up in PATH.
    pub word: Word,
    /// All its words, the one it is called by first. Empty where there is no program.
    pub argv: Words,
}

impl NextProgram {
    /// No program yet.
    pub const NONE: Self = Self { word: Word::constant(c""), argv: Words::EMPTY };
}

impl Process {
    /// One that has got nowhere yet.
    pub fn new(environ: Environ, listeners: Listeners) -> Self {
        Self {
            environ,
            next: NextProgram::NONE,
            next_is_catena: false,
            usage_at_end: |_| 0,
            listeners,
            diagnostics: None,
            undo: None,
        }
    }
}
