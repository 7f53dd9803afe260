//! The chain: read a link's words, do what it does, find the next program, and either run it in this process (fusion) or exec it.
//! The only code that knows about either.
//!
//! An exec of an ordinary file by a process that itself came from one changes almost nothing, so where the next program
//! is this very file, its link is applied at once. Links are parsed and applied one by one, and the next is looked up
//! only after the change, exactly as exec would do it: with the PATH the link was *started* with, and the directory,
//! root and ids it has *now*. What exec does besides, and what stands for it here:
//!
//! | exec | here |
//! |---|---|
//! | closes close-on-exec descriptors | a link closes its own before `apply` returns; those that outlive it (`diagnostics`, what `undo` holds, a pipe to who waits for the next program) are dropped at the boundary |
//! | ends a status pipe | one for the whole chain stays; a real exec of this very program hands it on (src/start_report) |
//! | resets handlers, timers, alternate stack | no link leaves any |
//! | recomputes capabilities | real exec after a change of ids unless no capability is left |
//! | makes the saved ids the effective ones | links that change ids make all three alike |
//! | lets nobody inspect who may not read the file that it runs | asked for before anything that stays here or writes to its own files in /proc |
//! | refuses an account with too many processes | asked after a change of ids |
//! | checks permission to execute | permission bits; after a change of ids also that neither capabilities nor an access list speak differently. In doubt: exec |
//! | refuses arguments and environment that are too large | real exec after an edit that leaves more than always fits |
//! | starts small under memory limits | real exec after a limit on memory was lowered, and once the process has outgrown its arena |
//! | lets the loader read `LD_*` and the like | nothing in a static build; in a dynamic one a real exec after such a change |
//! | sets command name and arguments | a tool does so at its start; links that block set the name themselves; real exec of a tool whose arguments are its output |
//! | lets the account inspect the process again after a change of ids | real exec of a tool; before a link it is put off |
//! | gives the account the right to write to the process's own files in /proc | real exec of a link that does |
//! | asks security modules and auditors | not done: documented, and `CATENA_FUSE=0` is there for who needs it |
//!
//! | module | is |
//! |---|---|
//! | reading | from words to what they ask for: pure |
//! | passage | whether the next link runs in this process, and why not |
//! | going_on | finding the next program, and becoming it |
//! | own_file | which file this program is, and whether it lets itself in |
//! | prospect | what an exec is going to say |
//! | ending | what is said, and the code, when the chain ends here |

mod ending;
mod going_on;
#[cfg(feature = "mutants")]
mod mutants;
mod own_file;
pub mod passage;
mod prospect;
mod reading;

use crate::applet::{Applet, Meaning, Process};
use crate::attributes::{Boundaries, View};
use crate::call::{self, Call};
use crate::documents;
use crate::environ::Environ;
use crate::process::search::Search;
use crate::start_report::{self, Listeners};
use crate::sys::words::Words;
use crate::sys::{argv, process};
use own_file::OwnFile;
use passage::{Manner, Passage};
use reading::{Deed, Reading};

pub use ending::refuse_without_words;

/// Runs a chain whose first link is `call`. Gives the exit code of the link that failed, or of a text asked for with
/// `--help`; a chain that succeeds does not come back.
///
/// `argv` is the whole, as main received it; `listeners` are those that `environ` has named.
pub fn run(mut call: Call, argv: Words, environ: Environ, listeners: Listeners, manner: Manner) -> u8 {
    let mut process = Process::new(environ, listeners);
    process.usage_at_end = documents::usage_at_end;
    let mut here = Here { manner, argv, own: OwnFile::unknown() };
    loop {
        match here.step(call, &mut process) {
            Ok(next) => call = next,
            Err(code) => return code,
        }
    }
}

/// What the engine knows about this process.
struct Here {
    manner: Manner,
    /// As main received it.
    argv: Words,
    /// The file that it runs.
    own: OwnFile,
}

impl Here {
    /// One link, up to the next one in this process; or a tool. An error is the exit code; all has been said.
    fn step(&mut self, call: Call, process: &mut Process) -> Result<Call, u8> {
        let applet = call.applet;
        let codes = ending::codes(applet, &process.environ);
        process::set_last_words(&applet.name, codes.failure);
        let args = if applet.is_link() { call.args } else { self.look_like(call) };
        let (deed, program) = match reading::read(applet, args) {
            Ok(Reading::Asks(deed, program)) => (deed, program),
            Ok(Reading::Answer(text)) => return Err(documents::answer(&text, codes.failure)),
            Err(misuse) => return Err(ending::refuse_reading(applet, codes, process, misuse)),
        };
        let explain = |process: &Process, error: &anyhow::Error| ending::explain(applet, codes, process, error);
        let action = match deed {
            Deed::Tool(tool) => return Err(tool.run(process).unwrap_or_else(|error| explain(process, &error))),
            Deed::Tap(tap) => {
                process.next = program;
                tap.show(process).map_err(|error| explain(process, &error))?;
                if program.argv.is_empty() {
                    return Err(0);
                }
                None
            }
            Deed::Link(action) => Some(action),
        };
        process.next = program;

        // all that the search needs is at hand before the change: afterwards memory may be forbidden
        let mut search = Search::new(program.word, &process.environ, applet.dialect);
        let next = call::of(program);
        process.next_is_catena = next.is_some();
        let before = passage::before(self.manner, &process.environ, next);
        let is_told = process.listeners.want_whole_chain() || applet.forks();
        let looks = match next {
            Some(_) => before == Passage::Shared || self.manner.explicit || is_told,
            None => is_told && call::is_ours(program),
        };
        if looks {
            // before the change, which may be a long wait or another root
            self.own.look(self.argv);
        }

        let boundaries = match action {
            Some(action) => make(applet, &action, process).map_err(|error| explain(process, &error))?,
            None => Boundaries::NONE,
        };
        self.own.passes(boundaries);
        let passage = passage::after(before, next, boundaries, process);
        match self.go_on(applet, next, &mut search, process, passage) {
            Ok(call) => {
                process.listeners.next_link_runs();
                start_report::forget_in(&mut process.environ);
                process.diagnostics = None;
                process.undo = None;
                self.manner.explicit |= call.explicit;
                Ok(call)
            }
            Err(reason) => {
                if let Some(undo) = process.undo.take() {
                    undo();
                }
                Err(ending::cannot_run(applet, codes, process, reason))
            }
        }
    }

    /// A tool stays, so it has to look as an exec of it would: under its own name, and with its own words alone. Gives
    /// these where they lie now, since the words of the whole chain are void then.
    fn look_like(&self, tool: Call) -> Words {
        let args = match self.argv.len().checked_sub(tool.args.len() + 1) {
            Some(place) if self.argv.from(place + 1).is_same(tool.args) => argv::show_only(self.argv, place).from(1),
            _ => tool.args,
        };
        process::set_name(tool.applet.name);
        args
    }
}

/// Makes what a link does.
fn make(_applet: &Applet, action: &Meaning, process: &mut Process) -> anyhow::Result<Boundaries> {
    #[cfg(feature = "mutants")]
    if mutants::take(_applet, process) == mutants::Mutant::Idle {
        return Ok(Boundaries::NONE);
    }
    let link = match action {
        Meaning::Effects(link) => link,
        Meaning::OwnWay(link) => return link.apply(process),
    };
    let effects = link.effects(&View::of(&process.environ))?;
    let mut boundaries = Boundaries::NONE;
    for effect in effects {
        boundaries |= effect.make(process)?;
    }
    Ok(boundaries)
}
