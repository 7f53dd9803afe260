//! Options by the grammar of getopt(3), which drop-in use depends on: bytes, clusters, attached values (`-m5000`, and
//! `-a=` with the value `=`), and a stop at the first word that is no option. clap renders the documents from the same
//! table (src/documents.rs); it cannot parse this grammar.

#[cfg(debug_assertions)]
mod asked;
mod given;
pub mod lock;
mod typed;

use crate::sys::words::{Word, Words};

pub use given::{Given, Occurrence};
pub use typed::{Declared, Flag, Optional, TakesValue, Valued};

/// One option of an applet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// What a link knows it by: its letter, or its long name if it has one.
    pub id: &'static str,
    /// A letter besides the long name.
    pub letter: Option<u8>,
    /// What to call its value, if it takes one.
    pub value: Option<&'static str>,
    /// Whether the value may be left out; then it is only ever attached: `--name=value`.
    pub is_optional: bool,
    /// One line, without a full stop.
    pub help: &'static str,
}

impl Opt {
    /// An option without a value; a one-letter `id` is `-x`, a longer one `--name`.
    pub const fn flag(id: &'static str, help: &'static str) -> Self {
        Self { id, letter: None, value: None, is_optional: false, help }
    }

    /// An option that takes a value.
    pub const fn valued(id: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { id, letter: None, value: Some(value), is_optional: false, help }
    }

    /// A long option whose value may be left out.
    pub const fn optional(id: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { id, letter: None, value: Some(value), is_optional: true, help }
    }

    /// The same option, with a letter for its long name.
    pub const fn or(self, letter: u8) -> Self {
        Self { letter: Some(letter), ..self }
    }

    /// Its letter.
    pub const fn short(&self) -> Option<u8> {
        match self.id.as_bytes() {
            [letter] => Some(*letter),
            _ => self.letter,
        }
    }

    /// Its long name.
    pub const fn long(&self) -> Option<&'static str> {
        if self.id.len() > 1 { Some(self.id) } else { None }
    }
}

/// Prints how an applet is called.
pub const HELP: Flag = Flag::new("help", "Print this help and exit");

/// Prints which version it is.
pub const VERSION: Flag = Flag::new("version", "Print the version and exit");

/// What every applet understands, unless its own table has it.
pub const STANDARD: [Opt; 2] = [HELP.line(), VERSION.line()];

/// The table and the standard options it does not have itself.
pub fn with_standard(table: &'static [Opt]) -> impl Iterator<Item = &'static Opt> + Clone {
    let missing = move |standard: &&Opt| table.iter().all(|own| own.id != standard.id);
    table.iter().chain(STANDARD.iter().filter(missing))
}

/// What is wrong with the options.
#[derive(Debug, PartialEq, Eq)]
pub enum Misuse {
    /// A letter that is no option.
    UnknownLetter(u8),
    /// A long name that is no option, as written, with its value.
    UnknownName(&'static [u8]),
    /// The beginning of several long names.
    Ambiguous(&'static [u8], Vec<&'static str>),
    /// The last word is an option that takes a value.
    LetterWithoutValue(u8),
    /// Likewise, for a long name.
    NameWithoutValue(&'static str),
    /// `--name=value` for an option that takes none.
    UnwantedValue(&'static str),
}

/// Reads options up to the first word that is none, or past `--`. Stops at `--help` and `--version`, which then are the
/// last occurrence. `abbreviations` allows a long name to be cut as long as it is unambiguous.
///
/// # Errors
/// The first [`Misuse`] met.
pub fn parse(table: &'static [Opt], args: Words, abbreviations: bool) -> Result<Given, Misuse> {
    let mut given = Given::of(table);
    let mut place = 0;
    while let Some(word) = args.get(place) {
        match word.bytes() {
            b"--" => {
                place += 1;
                break;
            }
            [b'-', b'-', ..] => {
                place += 1;
                let (option, attached) = long(table, word, abbreviations)?;
                let value = match (option.value, attached) {
                    (Some(_), None) if !option.is_optional => {
                        place += 1;
                        Some(args.get(place - 1).ok_or(Misuse::NameWithoutValue(option.id))?)
                    }
                    (None, Some(_)) => return Err(Misuse::UnwantedValue(option.id)),
                    (_, attached) => attached,
                };
                given.occurrences.push((option.id, value));
            }
            [b'-', letters @ ..] if !letters.is_empty() => {
                place += 1;
                for (index, &letter) in letters.iter().enumerate() {
                    let option = with_standard(table)
                        .find(|option| option.short() == Some(letter))
                        .ok_or(Misuse::UnknownLetter(letter))?;
                    if option.value.is_none() {
                        given.occurrences.push((option.id, None));
                        if is_answer(option.id) {
                            return Ok(given);
                        }
                        continue;
                    }
                    let attached = word.after(index + 2);
                    let value = if attached.bytes().is_empty() {
                        place += 1;
                        args.get(place - 1).ok_or(Misuse::LetterWithoutValue(letter))?
                    } else {
                        attached
                    };
                    given.occurrences.push((option.id, Some(value)));
                    break;
                }
            }
            _ => break,
        }
        if given.occurrences.last().is_some_and(|&(id, _)| is_answer(id)) {
            break;
        }
    }
    given.operands = Some(args.from(place));
    Ok(given)
}

/// Whether the option asks for a text instead of a chain.
fn is_answer(id: &str) -> bool {
    matches!(id, "help" | "version")
}

/// The option that a word with two dashes names, and the value attached to it.
fn long(table: &'static [Opt], word: Word, abbreviations: bool) -> Result<(&'static Opt, Option<Word>), Misuse> {
    let body = &word.bytes()[2..];
    let end = body.iter().position(|&byte| byte == b'=');
    let name = &body[..end.unwrap_or(body.len())];
    let attached = end.map(|end| word.after(2 + end + 1));
    let named = with_standard(table).filter_map(|option| Some((option, option.long()?.as_bytes())));
    if let Some((option, _)) = named.clone().find(|&(_, long)| long == name) {
        return Ok((option, attached));
    }
    let mut meant = named.filter(|&(_, long)| abbreviations && long.starts_with(name)).map(|(option, _)| option);
    match (meant.next(), meant.next()) {
        (Some(option), None) => Ok((option, attached)),
        (Some(first), Some(second)) => {
            Err(Misuse::Ambiguous(body, [first, second].into_iter().chain(meant).map(|option| option.id).collect()))
        }
        (None, _) => Err(Misuse::UnknownName(body)),
    }
}
