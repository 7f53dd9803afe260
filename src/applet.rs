//! The vocabulary: an [`Applet`] is a constant that says all there is to say about a command; its role turns words, once they
//! are read, into what it does. A [`Link`] answers with effects, and the engine makes them. An [`OwnWay`] forks, waits or
//! opens on the way, so it acts for itself, and says beside it what comes of it. A [`Tap`] prints, and then the next program
//! runs. A tool ends the chain: it does its work instead.

use crate::attributes::pid::PID;
use crate::attributes::{Attribute as _, Boundaries, Change, Effects, Fact, View};
use crate::options::{Given, Opt};
use crate::sys::words::Words;
use crate::voice::exit::{Code, Codes};

pub use crate::carried::Process;
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
    pub changes: &'static [Change],
    /// What may differ besides, if options ask for it.
    pub on_request: &'static [OnRequest],
    /// Its options, besides `--help` and `--version`.
    pub options: &'static [Opt],
    /// Its operands, a link's before the program, as (NAME, meaning). A tool's last one may be `NAME...`, once or more, or
    /// `[NAME]...`, any number.
    pub operands: &'static [(&'static str, &'static str)],
    /// Options and operands of a harmless call that makes its changes, for the tests that run over the registry: in them
    /// `{file}` is a file that may be locked, and `{directory}` one with files for variables. Empty for a tool.
    pub example: &'static [&'static str],
    /// The prose of its manual page.
    pub manual: Manual,
    /// What it does.
    pub role: Role,
}

/// A change that is made if options ask for it.
#[derive(Clone, Copy)]
pub struct OnRequest {
    /// What is changed then.
    pub change: Change,
    /// Options that ask for it, in front of the example's words: by these the tests see it happen.
    pub by: &'static [&'static str],
}

/// What an applet is in a chain. Each function reads: it turns options and operands into a value, opens nothing and changes
/// nothing; its error is wrong usage, or says which value makes no sense.
pub enum Role {
    /// Makes one change and goes on with the next program.
    Link(fn(&Given) -> anyhow::Result<Meaning>),
    /// Prints, and goes on with the next program if there is one; changes nothing.
    Tap(fn(&Given) -> anyhow::Result<Box<dyn Tap>>),
    /// Ends the chain: does its work in this process.
    Tool(Grammar, fn(&Given) -> anyhow::Result<Box<dyn Tool>>),
}

/// What a link does once its words are read.
pub enum Meaning {
    /// It has effects, which the engine makes, and nothing else.
    Effects(Box<dyn Link>),
    /// More than effects.
    OwnWay(Box<dyn OwnWay>),
}

impl Meaning {
    /// Effects alone.
    ///
    /// # Errors
    /// None; so that it can end a reading.
    pub fn effects(link: impl Link + 'static) -> anyhow::Result<Self> {
        Ok(Self::Effects(Box::new(link)))
    }

    /// An own way.
    ///
    /// # Errors
    /// Likewise.
    pub fn own_way(link: impl OwnWay + 'static) -> anyhow::Result<Self> {
        Ok(Self::OwnWay(Box::new(link)))
    }

    /// What will be.
    ///
    /// # Errors
    /// What keeps from it, as far as that can be known before.
    pub fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        match self {
            Self::Effects(link) => {
                let mut facts = Vec::new();
                for effect in link.effects(view)? {
                    facts.extend(effect.facts(view)?);
                }
                Ok(facts)
            }
            Self::OwnWay(link) => link.facts(view),
        }
    }
}

/// A link that is its effects.
pub trait Link {
    /// What it makes, in order. Accounts and files may be read for it; nothing is changed.
    ///
    /// # Errors
    /// What keeps from it. A [`Failure`](crate::voice::failure::Failure) ends the chain with its own exit code, any other
    /// error with the applet's `failure` code.
    fn effects(&self, view: &View<'_>) -> anyhow::Result<Effects>;
}

/// A link that forks, waits, or opens what it may have to wait for.
pub trait OwnWay {
    /// What will be, in the process that goes on.
    ///
    /// # Errors
    /// As [`Link::effects`].
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>>;

    /// Does it. A link that leaves a parent behind returns only in the process that goes on. It leaves no
    /// descriptor open but those it is for.
    ///
    /// # Errors
    /// As [`Link::effects`].
    fn apply(&self, process: &mut Process) -> anyhow::Result<Boundaries>;
}

/// Something that is shown on the way.
pub trait Tap {
    /// Shows it.
    ///
    /// # Errors
    /// As [`Link::effects`].
    fn show(&self, process: &mut Process) -> anyhow::Result<()>;
}

/// A work.
pub trait Tool {
    /// Does it. Gives the exit code.
    ///
    /// # Errors
    /// As [`Link::effects`].
    fn run(&self, process: &mut Process) -> anyhow::Result<u8>;
}

/// One that is asked for by operands alone.
pub struct OnOperands {
    /// These.
    pub operands: Words,
    /// What is done with them.
    pub work: fn(Words, &mut Process) -> anyhow::Result<u8>,
}

impl Tool for OnOperands {
    fn run(&self, process: &mut Process) -> anyhow::Result<u8> {
        (self.work)(self.operands, process)
    }
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
        matches!(self.role, Role::Link(_) | Role::Tap(_))
    }

    /// The name of what its words are, and the forms that may have, where it reads words.
    pub fn forms(&self) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
        match (&self.role, self.operands) {
            (Role::Tool(Grammar::Words(forms), _), [.., (name, _)]) => Some((bare(name), forms)),
            _ => None,
        }
    }

    /// Whether it writes to files of its own process in /proc.
    pub fn writes_to_own_proc(&self) -> bool {
        self.all_changes().any(|change| change.is_through_own_proc)
    }

    /// All that it may change.
    pub fn all_changes(&self) -> impl Iterator<Item = Change> {
        self.changes.iter().copied().chain(self.on_request.iter().map(|request| request.change))
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
        match self.role {
            Role::Link(_) => count > least,
            Role::Tap(_) => count >= least,
            Role::Tool(..) => count >= least && (is_list || count <= self.operands.len()),
        }
    }

    /// Whether it may leave a parent behind.
    pub fn forks(&self) -> bool {
        let is_pid = |change: &Change| change.attributes.iter().any(|attribute| attribute.name() == PID.name());
        self.changes.iter().any(is_pid)
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
