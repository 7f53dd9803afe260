//! The vocabulary: an [`Applet`] is a constant that says all there is to say about a command; a link's role turns parsed
//! options into a [`Link`], which makes one change to a [`Process`]. A tool, which ends a chain, does its work instead.
//! Kernel state stays in the kernel; a `Process` carries only what is not kernel state.

use crate::environ::Environ;
use crate::options::{Given, Opt};
use crate::start_report::Listeners;
use crate::sys::words::Words;
use crate::voice::exit::{Code, Codes};
use std::os::fd::OwnedFd;

pub use crate::voice::dialect::Dialect;

/// One command: the single source of its dispatch, parsing, help, manual page, completions and README row.
pub struct Applet {
    /// The name as typed.
    pub name: &'static str,
    /// One line, in the imperative, without a full stop.
    pub about: &'static str,
    /// Whose habits of speech it has.
    pub dialect: Dialect,
    /// What it exits with when it stops the chain.
    pub codes: Codes,
    /// Exit codes beyond `codes`, as (code, meaning), for the documents.
    pub other_codes: &'static [(Code, &'static str)],
    /// All that may differ in the program it runs. Nothing for a tool.
    pub changes: &'static [Aspect],
    /// What may differ besides, if options ask for it.
    pub on_request: &'static [Aspect],
    /// Its options, besides `--help` and `--version`.
    pub options: &'static [Opt],
    /// Its operands, a link's before the program, as (NAME, meaning). A tool's last one may be `NAME...`, once or more, or
    /// `[NAME]...`, any number.
    pub operands: &'static [(&'static str, &'static str)],
    /// Options and operands of a harmless call, for the tests that run over the registry. Empty for a tool.
    pub example: &'static [&'static str],
    /// The prose of its manual page.
    pub manual: Manual,
    /// What it does.
    pub role: Role,
}

/// What an applet is in a chain.
pub enum Role {
    /// Makes one change and goes on with the next program. The function makes the link that a call asks for, and touches
    /// nothing.
    Link(fn(&Given, &Environ) -> anyhow::Result<Box<dyn Link>>),
    /// Ends the chain: does its work in this process. The function gives the exit code, and an error as
    /// [`Link::apply`] does.
    Tool(Grammar, fn(&Given, &mut Process) -> anyhow::Result<u8>),
}

/// How a tool reads the words after its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// Options and then operands.
    Options,
    /// Operands only, whatever they begin with. A sole `--help` or `--version` still asks for that text. With the forms
    /// they may have, as (FORM, meaning), for the documents.
    Words(&'static [(&'static str, &'static str)]),
    /// Operands only, likewise; and the last one, as it lies in the memory of argv, is what the tool writes to. So the words
    /// have to be its own from the start: an exec starts it, wherever that can be had.
    Title,
}

impl Applet {
    /// Whether it goes on with a program that its arguments name.
    pub fn is_link(&self) -> bool {
        matches!(self.role, Role::Link(_))
    }

    /// The name of what its words are, and the forms that may have, where it reads words.
    pub fn forms(&self) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
        match (&self.role, self.operands) {
            (Role::Tool(Grammar::Words(forms), _), [.., (name, _)]) => Some((bare(name), forms)),
            _ => None,
        }
    }

    /// Whether its own argv is where its output goes.
    pub fn writes_to_argv(&self) -> bool {
        matches!(self.role, Role::Tool(Grammar::Title, _))
    }

    /// Whether it can be called with so many operands, a link's program and its arguments among them.
    pub fn takes(&self, count: usize) -> bool {
        let may_be_absent = |&&(name, _): &&(&str, &str)| name.starts_with('[');
        let least = self.operands.len() - self.operands.iter().filter(may_be_absent).count();
        let is_list = self.operands.last().is_some_and(|(name, _)| name.ends_with("..."));
        if self.is_link() { count > least } else { count >= least && (is_list || count <= self.operands.len()) }
    }

    /// Whether it may leave a parent behind.
    pub fn forks(&self) -> bool {
        self.changes.iter().any(|aspect| matches!(aspect, Aspect::Process | Aspect::Child))
    }
}

/// The name of an operand without the marks of how often it comes.
pub fn bare(operand: &str) -> &str {
    operand.trim_end_matches("...").trim_matches(['[', ']'])
}

/// What a manual page has beyond what the table gives.
pub struct Manual {
    /// Paragraphs: what it does to the process, step by step, and what surprises.
    pub description: &'static [&'static str],
    /// Sections of their own, as (heading, paragraphs).
    pub sections: &'static [(&'static str, &'static [&'static str])],
    /// (command line, what it does).
    pub examples: &'static [(&'static str, &'static str)],
    /// The program whose options, codes and messages these are.
    pub reference: &'static str,
    /// Each addition to the reference, and each deliberate difference from it.
    pub differences: &'static [&'static str],
    /// Other pages, as `name(section)`.
    pub see_also: &'static [&'static str],
}

/// A section in the list of applets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Outliving the terminal.
    Session,
    /// Environment variables.
    Environment,
    /// Users, groups and limits.
    Privilege,
    /// One at a time.
    Lock,
    /// Running in the background, and who knows about it.
    Daemon,
    /// Keeping and reading what programs write.
    Log,
    /// Keeping programs running.
    Supervision,
}

impl Group {
    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Session => "Sessions and terminals",
            Self::Environment => "Environment",
            Self::Privilege => "Accounts and limits",
            Self::Lock => "Locks",
            Self::Daemon => "Daemons",
            Self::Log => "Logs",
            Self::Supervision => "Supervision",
        }
    }
}

/// Something about a process that outlives exec and that an applet may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Whether SIGHUP is ignored.
    HangupDisposition,
    /// Descriptors 0, 1 and 2 where they are terminals.
    StandardDescriptors,
    /// Descriptors 0, 1 and 2, whatever they are.
    StandardFiles,
    /// The current directory.
    Directory,
    /// The umask.
    FileModeMask,
    /// Which descriptors above 2 are open.
    Descriptors,
    /// Session, process group and controlling terminal.
    Session,
    /// The process itself, where a child goes on.
    Process,
    /// The process itself: a child always goes on.
    Child,
    /// Environment variables.
    Environment,
    /// User and group ids, supplementary groups; with them capabilities and the parent-death signal.
    Identity,
    /// Resource limits.
    Limits,
    /// One more open descriptor, and the lock on its file.
    LockDescriptor,
    /// Descriptors by which a parent sees the end of all who have them.
    WitnessDescriptors,
    /// One more open descriptor, to say on it that the program is ready.
    ReadyDescriptor,
}

/// fork(2), as far as an exec would have kept it.
macro_rules! lost_by_fork {
    () => {
        "process and parent id; and what a fork does not hand down: pending signals, interval timers, POSIX record locks, \
         memory locks, the parent-death signal, the child-subreaper flag, processor time used so far"
    };
}

impl Aspect {
    /// As the manual page says it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::HangupDisposition => "the disposition of SIGHUP",
            Self::StandardDescriptors => "standard input, output and error, where they are terminals",
            Self::Session => "session, process group and controlling terminal",
            Self::StandardFiles => "standard input, output and error",
            Self::Directory => "the current directory",
            Self::FileModeMask => "the umask",
            Self::Descriptors => "which descriptors above 2 are open",
            Self::Process => concat!("the process, if it has to fork: ", lost_by_fork!()),
            Self::Child => concat!("the process, which is a child: ", lost_by_fork!()),
            Self::Environment => "the environment",
            Self::Identity => {
                "user ids, group ids and supplementary groups; hence, by the kernel's rules, capabilities and the \
                 parent-death signal"
            }
            Self::Limits => "resource limits",
            Self::LockDescriptor => "one more open descriptor and the lock it holds",
            Self::WitnessDescriptors => "31 more open descriptors, of a pipe",
            Self::ReadyDescriptor => "one more open descriptor, of a pipe",
        }
    }
}

/// What the chain carries from link to link.
pub struct Process {
    /// The environment for the next program.
    pub environ: Environ,
    /// The next program and its arguments. Never empty.
    pub rest: Words,
    /// Who waits to hear how this process's start goes, in a process that a link has forked.
    pub listeners: Listeners,
    /// Where this link's messages go if not to descriptor 2.
    pub diagnostics: Option<OwnedFd>,
    /// What this link does if the next program cannot be run. It must not allocate.
    pub undo: Option<Box<dyn FnOnce()>>,
}

/// A change to the process.
pub trait Link {
    /// Makes the change. A link that leaves a parent behind returns only in the process that goes on. It leaves no
    /// descriptor open but those it is for.
    ///
    /// # Errors
    /// A [`Failure`](crate::voice::failure::Failure) ends the chain with its own exit code, any other error with the
    /// applet's `failure` code.
    fn apply(&self, process: &mut Process) -> anyhow::Result<Boundary>;
}

/// What a link's change means for running the next link in the same process. See [`crate::chain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// An exec would notice nothing.
    Open,
    /// The ids are now a plain user's: an exec takes away what capabilities are left, and may be refused.
    NewIdentity,
    /// An exec makes a difference that the next link could notice.
    Barrier,
}
