//! Options by the grammar of getopt(3), which drop-in use depends on: bytes, clusters, attached values (`-m5000`, and
//! `-a=` with the value `=`), and a stop at the first word that is no option. clap renders the documents from the same
//! table (src/documents.rs); it cannot parse this grammar.

#[cfg(debug_assertions)]
mod asked;
pub mod lock;

use crate::number::decimal_in;
use crate::sys::words::{Word, Words};
use std::os::fd::RawFd;

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

/// An option without a value, as a constant that is in its applet's table and that the link asks for: a name that is asked
/// for cannot be misspelt.
#[derive(Clone, Copy, Debug)]
pub struct Flag(Opt);

/// An option that takes a value, likewise.
#[derive(Clone, Copy, Debug)]
pub struct Valued(Opt);

/// A long option whose value may be left out, likewise.
#[derive(Clone, Copy, Debug)]
pub struct Optional(Opt);

impl Flag {
    /// A one-letter `id` is `-x`, a longer one `--name`.
    pub const fn new(id: &'static str, help: &'static str) -> Self {
        Self(Opt::flag(id, help))
    }

    /// The same option, with a letter for its long name.
    pub const fn or(self, letter: u8) -> Self {
        Self(self.0.or(letter))
    }

    /// Its line in the table.
    pub const fn line(self) -> Opt {
        self.0
    }
}

impl Valued {
    /// Likewise; `value` is what its value is called.
    pub const fn new(id: &'static str, value: &'static str, help: &'static str) -> Self {
        Self(Opt::valued(id, value, help))
    }

    /// The same option, with a letter for its long name.
    pub const fn or(self, letter: u8) -> Self {
        Self(self.0.or(letter))
    }

    /// Its line in the table.
    pub const fn line(self) -> Opt {
        self.0
    }
}

impl Optional {
    /// `--id` or `--id=value`.
    pub const fn new(id: &'static str, value: &'static str, help: &'static str) -> Self {
        Self(Opt::optional(id, value, help))
    }

    /// Its line in the table.
    pub const fn line(self) -> Opt {
        self.0
    }
}

/// An option that can be asked for.
pub trait Declared {
    /// What it is known by.
    fn id(&self) -> &'static str;
}

/// One that may have a value.
pub trait TakesValue: Declared {}

impl Declared for Flag {
    fn id(&self) -> &'static str {
        self.0.id
    }
}

impl Declared for Valued {
    fn id(&self) -> &'static str {
        self.0.id
    }
}

impl Declared for Optional {
    fn id(&self) -> &'static str {
        self.0.id
    }
}

impl TakesValue for Valued {}
impl TakesValue for Optional {}

impl Declared for &'static str {
    fn id(&self) -> &'static str {
        self
    }
}

impl TakesValue for &'static str {}

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

/// The options of one call, in the order given, and the words after them.
#[derive(Debug, Default)]
pub struct Given {
    occurrences: Vec<(&'static str, Option<Word>)>,
    operands: Option<Words>,
    #[cfg(debug_assertions)]
    asked: asked::Asked,
}

/// One option of a call.
#[derive(Clone, Copy)]
pub struct Occurrence<'a> {
    given: &'a Given,
    id: &'static str,
    value: Option<Word>,
}

impl Occurrence<'_> {
    /// Whether it is this one.
    pub fn is(&self, option: impl Declared) -> bool {
        self.given.note(option.id());
        self.id == option.id()
    }

    /// Its name without dashes, for a message.
    pub fn name(&self) -> &'static str {
        self.id
    }

    /// Its value, empty if it has none.
    pub fn word(&self) -> &'static [u8] {
        self.value.map_or(b"", Word::bytes)
    }

    /// Its value, if it has one.
    pub fn value(&self) -> Option<Word> {
        self.value
    }
}

impl Given {
    /// Each option, in order.
    pub fn in_order(&self) -> impl Iterator<Item = Occurrence<'_>> {
        self.occurrences.iter().map(|&(id, value)| Occurrence { given: self, id, value })
    }

    /// Ids and values, in order.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, Option<Word>)> {
        self.occurrences.iter().copied()
    }

    /// Whether the option was given.
    pub fn has(&self, option: impl Declared) -> bool {
        self.in_order().any(|one| one.id == option.id()) | self.note(option.id())
    }

    /// The value of its last occurrence.
    pub fn last(&self, option: impl TakesValue) -> Option<Word> {
        self.note(option.id());
        self.occurrences.iter().rfind(|(id, _)| *id == option.id()).and_then(|&(_, value)| value)
    }

    /// The descriptor that an option names, if it was given. `None` if one of its values is no such number.
    pub fn number(&self, option: impl TakesValue) -> Option<Option<RawFd>> {
        self.note(option.id());
        let values = self.each().filter(|&(given, _)| given == option.id()).filter_map(|(_, value)| value);
        let numbers: Option<Vec<RawFd>> = values.map(|value| decimal_in(value.bytes())).collect();
        Some(numbers?.last().copied())
    }

    /// Whether, of two options that undo each other, `option` was given last.
    pub fn prevails(&self, option: impl Declared, other: impl Declared) -> bool {
        self.note(option.id());
        self.note(other.id());
        let last = self.occurrences.iter().rfind(|(given, _)| [option.id(), other.id()].contains(given));
        last.is_some_and(|(given, _)| *given == option.id())
    }

    /// Notes that somebody has asked for it, and that it may be asked for. Always false.
    #[inline(always)]
    fn note(&self, _id: &'static str) -> bool {
        #[cfg(debug_assertions)]
        self.asked.note(_id);
        false
    }

    /// All words as operands, whatever they begin with; a sole `--help` or `--version` is that option.
    pub fn words(args: Words) -> Self {
        let asks =
            |option: &&Opt| args.len() == 1 && args.first().bytes().strip_prefix(b"--") == Some(option.id.as_bytes());
        let occurrences = STANDARD.iter().filter(asks).map(|option| (option.id, None)).collect();
        Self { occurrences, operands: Some(args), ..Self::default() }
    }

    /// All words after the options.
    pub fn operands(&self) -> Words {
        self.operands.unwrap_or(Words::EMPTY)
    }

    /// The operand at `place`, which the applet's table promises.
    pub fn operand(&self, place: usize) -> Word {
        self.operands().get(place).unwrap_or(Word::constant(c""))
    }
}

impl Given {
    /// None so far, of these.
    fn of(_table: &'static [Opt]) -> Self {
        Self {
            #[cfg(debug_assertions)]
            asked: asked::Asked::of(_table),
            ..Self::default()
        }
    }
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
