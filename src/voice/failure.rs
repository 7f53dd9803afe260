//! Why a link stops the chain: `unable to VERB OBJECT: REASON`, and perhaps an exit code of its own.

use super::dialect::Dialect;
use nix::errno::Errno;
use std::fmt;

pub use super::line::{MOST_PIECES, is_heard, say, say_in_passing, say_last, say_last_with, say_to, say_unharmed};
pub use super::reason::describe;

/// Why a link stops the chain.
#[derive(Debug)]
pub struct Failure {
    text: Vec<u8>,
    reason: Option<Errno>,
    code: Option<u8>,
}

impl Failure {
    /// A failure that `text` explains, ending the chain with the applet's failure code.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self { text: text.into(), reason: None, code: None }
    }

    /// `unable to VERB OBJECT: REASON`.
    pub fn unable_to(verb: &str, object: &[u8], reason: Errno) -> Self {
        Self::new([b"unable to ", verb.as_bytes(), b" ", object].concat()).because(reason)
    }

    /// Ends the chain with `code` and without a word.
    pub fn silent(code: u8) -> Self {
        Self { text: Vec::new(), reason: None, code: Some(code) }
    }

    /// Ends the chain with the applet's failure code and without a word.
    pub fn unspoken() -> Self {
        Self::new("")
    }

    /// With the system's reason after the text.
    pub fn because(self, reason: Errno) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Ending the chain with a code of its own.
    pub fn with_code(self, code: u8) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The system's reason, if there is one.
    pub fn reason(&self) -> Option<Errno> {
        self.reason
    }

    /// Its exit code, if it has one of its own.
    pub fn code(&self) -> Option<u8> {
        self.code
    }

    /// The whole text in the words of `dialect`; empty if there is nothing to say.
    pub fn in_words_of(&self, dialect: Dialect) -> Vec<u8> {
        let mut text = self.text.clone();
        if let Some(reason) = self.reason {
            text.extend_from_slice(b": ");
            text.extend_from_slice(describe(reason, dialect).as_bytes());
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&String::from_utf8_lossy(&self.in_words_of(Dialect::Gnu)))
    }
}

impl std::error::Error for Failure {}

/// Says what was tried, where it failed.
pub trait UnableTo<T> {
    /// Turns an error into `unable to VERB OBJECT: REASON`.
    ///
    /// # Errors
    /// The receiver's error, explained.
    fn unable_to(self, verb: &str, object: &[u8]) -> anyhow::Result<T>;
}

impl<T> UnableTo<T> for nix::Result<T> {
    fn unable_to(self, verb: &str, object: &[u8]) -> anyhow::Result<T> {
        self.map_err(|reason| Failure::unable_to(verb, object, reason).into())
    }
}

impl<T> UnableTo<T> for std::io::Result<T> {
    fn unable_to(self, verb: &str, object: &[u8]) -> anyhow::Result<T> {
        let errno = |error: std::io::Error| error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
        self.map_err(errno).unable_to(verb, object)
    }
}

/// An error in the words of `dialect`.
pub fn explained(error: &anyhow::Error, dialect: Dialect) -> Vec<u8> {
    match error.downcast_ref::<Failure>() {
        Some(failure) => failure.in_words_of(dialect),
        None => error.to_string().into_bytes(),
    }
}

/// Called wrongly in a way that options alone do not show: the usage text and code follow. What is wrong may be told before,
/// in the words of daemontools: by a [`Failure`] that is this error's context.
#[derive(Debug)]
pub struct WrongUsage;

impl fmt::Display for WrongUsage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("wrong usage")
    }
}

impl std::error::Error for WrongUsage {}
