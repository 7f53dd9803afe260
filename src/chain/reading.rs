//! From words to what they ask for. Nothing is printed, opened or changed here.

use crate::applet::{Applet, Dialect, Grammar, Meaning, Role, Tap, Tool};
use crate::carried::NextProgram;
use crate::documents;
use crate::options::{self, Given, HELP, Misuse, VERSION};
use crate::sys::words::Words;

/// What a call comes to.
pub enum Reading {
    /// It asks for this, and for this program behind it.
    Asks(Deed, NextProgram),
    /// It asks for a text.
    Answer(String),
}

/// What is to be done.
pub enum Deed {
    /// A link's change.
    Link(Meaning),
    /// To show something.
    Tap(Box<dyn Tap>),
    /// A tool's work.
    Tool(Box<dyn Tool>),
}

/// Why words make no sense.
pub enum Unread {
    /// An option is wrong.
    Misuse(Misuse),
    /// There are too few operands, or too many.
    Count,
    /// A value.
    Value(anyhow::Error),
}

/// Reads the words of a call.
///
/// # Errors
/// What is wrong with them.
pub fn read(applet: &'static Applet, args: Words) -> Result<Reading, Unread> {
    let given = match applet.role {
        Role::Link(_) | Role::Tap(_) => options::parse(applet.options, args, applet.dialect != Dialect::Bernstein),
        Role::Tool(Grammar::Options, _) => options::parse(applet.options, args, true),
        Role::Tool(Grammar::Words(_) | Grammar::Title, _) => Ok(Given::words(args)),
    };
    let given = given.map_err(Unread::Misuse)?;
    if given.has(HELP) {
        return Ok(Reading::Answer(documents::help(applet)));
    }
    if given.has(VERSION) {
        return Ok(Reading::Answer(documents::version(applet)));
    }
    if !applet.takes(given.operands().len()) {
        return Err(Unread::Count);
    }
    let program = match applet.role {
        Role::Tool(..) => NextProgram::NONE,
        Role::Link(_) | Role::Tap(_) => {
            let argv = given.operands().from(applet.operands.len());
            NextProgram { word: argv.first(), argv }
        }
    };
    let deed = match applet.role {
        Role::Link(read) => read(&given).map(Deed::Link),
        Role::Tap(read) => read(&given).map(Deed::Tap),
        Role::Tool(_, read) => read(&given).map(Deed::Tool),
    };
    Ok(Reading::Asks(deed.map_err(Unread::Value)?, program))
}
