//! What a call has given, and asking for it.

use super::{Declared, Opt, STANDARD, TakesValue};
use crate::number::decimal_in;
use crate::sys::words::{Word, Words};
use std::os::fd::RawFd;

/// The options of one call, in the order given, and the words after them.
#[derive(Debug, Default)]
pub struct Given {
    pub(super) occurrences: Vec<(&'static str, Option<Word>)>,
    pub(super) operands: Option<Words>,
    #[cfg(debug_assertions)]
    pub(super) asked: super::asked::Asked,
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
        let values = self.occurrences.iter().filter(|(given, _)| *given == option.id()).filter_map(|&(_, value)| value);
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
    pub(super) fn of(_table: &'static [Opt]) -> Self {
        Self {
            #[cfg(debug_assertions)]
            asked: super::asked::Asked::of(_table),
            ..Self::default()
        }
    }
}
