//! Options as constants of their own types.

use super::Opt;

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
