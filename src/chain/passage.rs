//! Whether the next link runs in this process, and if not, why: the reasons, with their words.

use crate::applet::{Applet, Process};
use crate::attributes::{Boundaries, Boundary, capabilities};
use crate::call::Call;
use crate::environ::Environ;
use crate::sys::{arena, exec, process};

/// How the chain was begun.
#[derive(Clone, Copy, Default)]
pub struct Manner {
    /// As `catena NAME …`: a word that is found nowhere may name an applet.
    pub explicit: bool,
    /// With `--no-fuse`: every link is a real exec.
    pub no_fuse: bool,
}

/// How a chain goes on behind a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// In this process, if the next program turns out to be this very file and to be let in.
    Shared,
    /// By a real exec.
    Exec(Reason),
}

impl Passage {
    /// The same, once it is known whether the next program is this very file and lets this process in.
    pub fn to_file(self, is_own: bool) -> Self {
        if self == Self::Shared && !is_own { Self::Exec(Reason::OtherFile) } else { self }
    }
}

/// Why by a real exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The next word calls none of catena's programs.
    Foreign,
    /// `--no-fuse`
    Flag,
    /// `CATENA_FUSE=0`
    Variable,
    /// A set-id program has started this one.
    SecureStart,
    /// The file behind the word is another one, or may not let this process in.
    OtherFile,
    /// A memory limit has been lowered.
    MemoryLimit,
    /// The ids are root's.
    RootIdentity,
    /// The ids are new, and there are capabilities left.
    Capabilities,
    /// The ids are new, and the account may have too many processes.
    ProcessCount,
    /// Another namespace.
    Namespace,
    /// The next one writes to files of its own process in /proc, and may not before an exec.
    OwnProcFiles,
    /// The next one stays, and could not be inspected by its account before an exec.
    Inspection,
    /// The next one writes to its own words.
    Title,
    /// Arguments and environment may be too large.
    Size,
    /// Variables have been changed that a loader reads.
    Loader,
    /// This process needs more memory than it has for links.
    Memory,
}

impl Reason {
    /// In words, behind "by exec: ".
    pub fn words(self) -> &'static str {
        match self {
            Self::Foreign => "it is none of catena's",
            Self::Flag => "--no-fuse",
            Self::Variable => "CATENA_FUSE=0",
            Self::SecureStart => "a set-id program has started this one",
            Self::OtherFile => "it is another file, or may not be let in",
            Self::MemoryLimit => "a memory limit was lowered",
            Self::RootIdentity | Self::Capabilities => "capabilities are recomputed",
            Self::ProcessCount => "the account may have too many processes",
            Self::Namespace => "it enters another namespace",
            Self::OwnProcFiles => "it writes to its own files in /proc, after a change of ids",
            Self::Inspection => "its account is to be able to inspect it",
            Self::Title => "it writes to its own arguments",
            Self::Size => "arguments and environment may be too large",
            Self::Loader => "variables of the dynamic loader were changed",
            Self::Memory => "this process has used up its memory for links",
        }
    }
}

/// What is known before a link does anything.
pub fn before(manner: Manner, environ: &Environ, next: Option<Call>) -> Passage {
    let reason = if manner.no_fuse {
        Reason::Flag
    } else if exec::is_secure_start() {
        Reason::SecureStart
    } else if environ.get(b"CATENA_FUSE").is_some_and(|say| say.bytes() == b"0") {
        Reason::Variable
    } else if next.is_none() {
        Reason::Foreign
    } else {
        return Passage::Shared;
    };
    Passage::Exec(reason)
}

/// What is known after it.
pub fn after(before: Passage, next: Option<Call>, boundaries: Boundaries, process: &Process) -> Passage {
    let Some(next) = next.filter(|_| before == Passage::Shared) else { return before };
    let reason = at_home(next.applet).or_else(|| through(boundaries)).or_else(|| with(process));
    reason.map_or(Passage::Shared, Passage::Exec)
}

/// Why the next applet cannot do in this process. A tool stays, and has to be one that its account can look at, with all of
/// its argv where that is what it is for.
fn at_home(applet: &Applet) -> Option<Reason> {
    if applet.writes_to_argv() {
        return Some(Reason::Title);
    }
    let reason = match applet.writes_to_own_proc() {
        true => Reason::OwnProcFiles,
        false if applet.is_link() => return None,
        false => Reason::Inspection,
    };
    // a change of ids has taken it away, until the next exec (proc(5), "dumpable")
    (!process::is_inspectable()).then_some(reason)
}

/// Why an exec at these boundaries would change something that the next link could notice. Another root does not, as the next
/// program is looked up in it, nor do a closed descriptor and the end of privileges, which an exec leaves as they are.
fn through(boundaries: Boundaries) -> Option<Reason> {
    if boundaries.has(Boundary::MemoryLimit) {
        return Some(Reason::MemoryLimit);
    }
    if boundaries.has(Boundary::RootIdentity) {
        return Some(Reason::RootIdentity);
    }
    if boundaries.has(Boundary::Namespace) {
        return Some(Reason::Namespace);
    }
    if !boundaries.has(Boundary::NewIdentity) {
        return None;
    }
    if capabilities::are_none() != Ok(true) {
        return Some(Reason::Capabilities);
    }
    exec::may_be_refused_for_process_count().then_some(Reason::ProcessCount)
}

/// Bytes of arguments and environment, with their pointers, that every Linux lets through whatever the limits: 128 KiB,
/// less room for what the kernel adds (execve(2), "Limits on size of arguments and environment").
const ALWAYS_FITS: usize = 128 * 1024 - 16 * 1024;

/// Why what the chain carries keeps from it.
fn with(process: &Process) -> Option<Reason> {
    // what an edit has made too large is refused at this link, not at a later one
    if process.environ.edited_size().is_some_and(|size| size + process.next.argv.size() > ALWAYS_FITS) {
        return Some(Reason::Size);
    }
    if cfg!(not(target_feature = "crt-static")) && process.environ.concerns_loader() {
        return Some(Reason::Loader);
    }
    arena::is_outgrown().then_some(Reason::Memory)
}
