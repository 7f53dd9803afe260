//! Names, values and facts.

use super::Attribute;
use std::fmt;

/// What a fact is about: an attribute, and which part of it where it has several, as in `limits.nofile.soft`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    attribute: &'static str,
    part: Vec<u8>,
}

impl Name {
    /// Of an attribute that is one.
    pub fn whole(attribute: &'static str) -> Self {
        Self { attribute, part: Vec::new() }
    }

    /// Of a part.
    pub fn part(attribute: &'static str, part: impl Into<Vec<u8>>) -> Self {
        Self { attribute, part: part.into() }
    }

    /// The attribute.
    pub fn attribute(&self) -> &'static str {
        self.attribute
    }

    /// The part; empty where there is but one.
    pub fn rest(&self) -> &[u8] {
        &self.part
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.attribute)?;
        match self.part.is_empty() {
            true => Ok(()),
            false => write!(out, ".{}", self.part.escape_ascii()),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// What an attribute, or a part of it, is. Said late: whoever makes it formats nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// It is not there: a closed descriptor, no terminal, a variable that is not set.
    Absent,
    /// It is so: an ignored signal.
    Yes,
    /// A number.
    Number(i64),
    /// Permission bits.
    Bits(u32),
    /// A limit, in the kernel's unit; none with `u64::MAX`.
    Limit(u64),
    /// The process's own id, whatever number that is: it leads.
    Own,
    /// The id of a process that does not exist yet.
    New,
    /// Sorted numbers.
    Ids(Vec<u32>),
    /// Bytes: a path, a variable's value.
    Bytes(Vec<u8>),
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => out.write_str("none"),
            Self::Yes => out.write_str("yes"),
            Self::Number(number) => write!(out, "{number}"),
            Self::Bits(bits) => write!(out, "{bits:04o}"),
            Self::Limit(u64::MAX) => out.write_str("unlimited"),
            Self::Limit(limit) => write!(out, "{limit}"),
            Self::Own => out.write_str("its own"),
            Self::New => out.write_str("a new process's"),
            Self::Ids(ids) => {
                for (place, id) in ids.iter().enumerate() {
                    write!(out, "{}{id}", if place > 0 { "," } else { "" })?;
                }
                Ok(())
            }
            Self::Bytes(bytes) => write!(out, "{}", bytes.escape_ascii()),
        }
    }
}

/// That something is so, or is going to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub name: Name,
    /// What that is.
    pub value: Value,
}

impl Fact {
    /// Of an attribute that is one.
    pub fn whole(attribute: &'static str, value: Value) -> Self {
        Self { name: Name::whole(attribute), value }
    }

    /// Of a part of one.
    pub fn part(attribute: &'static str, part: impl Into<Vec<u8>>, value: Value) -> Self {
        Self { name: Name::part(attribute, part), value }
    }
}

/// That an applet may change an attribute, for its documents.
#[derive(Clone, Copy)]
pub struct Change {
    /// What it may change.
    pub attributes: &'static [&'static dyn Attribute],
    /// As its manual page says it.
    pub words: &'static str,
    /// Whether it is made by writing to a file of the own process in /proc that belongs to whoever exec'ed it:
    /// `oom_score_adj`, `coredump_filter`, `autogroup`, `comm`, `uid_map`, `setgroups`. After a change of ids that takes an
    /// exec first.
    pub is_through_own_proc: bool,
}

impl Change {
    /// A change of these.
    pub const fn new(attributes: &'static [&'static dyn Attribute], words: &'static str) -> Self {
        Self { attributes, words, is_through_own_proc: false }
    }

    /// The same, made by writing to a file of the own process in /proc.
    pub const fn through_own_proc(self) -> Self {
        Self { is_through_own_proc: true, ..self }
    }
}
