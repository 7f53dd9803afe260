//! What the options of daemonize ask for.

use super::readiness::{self, Ready};
use crate::environ::Change;
use crate::number::{decimal, mode, seconds};
use crate::options::Given;
use crate::sys::words::Word;
use crate::voice::failure::Failure;
use std::os::fd::RawFd;
use std::time::Duration;

/// What the options ask for.
pub struct Daemonize {
    pub(super) append: bool,
    pub(super) directory: Word,
    pub(super) error: Option<Word>,
    pub(super) output: Option<Word>,
    pub(super) pid_file: Option<Word>,
    pub(super) lock_file: Option<Word>,
    pub(super) user: Option<Word>,
    pub(super) verbose: bool,
    pub(super) variables: Vec<Change>,
    pub(super) ready: Ready,
    pub(super) admits_all: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) keeps_late: bool,
    pub(super) settle: Duration,
    pub(super) forks_twice: bool,
    pub(super) has_session: bool,
    pub(super) keeps_stdio: bool,
    pub(super) umask: Option<u32>,
    pub(super) close_from: Option<RawFd>,
    pub(super) user_owns_pid_file: bool,
}

impl Daemonize {
    /// Reads them.
    ///
    /// # Errors
    /// The first value that makes no sense.
    pub fn new(given: &Given) -> anyhow::Result<Self> {
        let mut link = Self {
            append: given.has("a"),
            directory: given.last("c").unwrap_or(Word::constant(c"/")),
            error: given.last("e"),
            output: given.last("o"),
            pid_file: given.last("p").filter(|file| file.bytes() != b"/dev/null"),
            lock_file: given.last("l"),
            user: given.last("u"),
            verbose: given.has("v"),
            variables: Vec::new(),
            ready: Ready::Exec,
            admits_all: false,
            timeout: None,
            keeps_late: false,
            settle: Duration::ZERO,
            forks_twice: given.has("double-fork"),
            has_session: !given.has("no-session"),
            keeps_stdio: given.has("keep-stdio"),
            umask: None,
            close_from: None,
            user_owns_pid_file: false,
        };
        for (id, value) in given.each() {
            link.take(id, value).ok_or_else(|| misunderstood(id, value))?;
        }
        Ok(link)
    }

    /// One option that is more than a flag or a name. `None` if its value makes no sense.
    fn take(&mut self, id: &str, value: Option<Word>) -> Option<()> {
        let word = value.map_or(&b""[..], Word::bytes);
        match id {
            // as setenv(3) refuses a variable without a name, so nothing comes of one
            "E" => self.variables.extend(Some(variable(word)?).filter(|_| !word.starts_with(b"="))),
            "ready" => self.ready = Ready::from_option(word)?,
            "notify-access" => self.admits_all = one_of(word, b"main", b"all")?,
            "timeout" => self.timeout = Some(seconds(word)?).filter(|limit| !limit.is_zero()),
            "on-timeout" => self.keeps_late = one_of(word, b"stop", b"keep")?,
            "settle" => self.settle = Duration::from_millis(decimal(word)?),
            "umask" => self.umask = Some(mode(word)?),
            "close-fds" if value.is_none() => self.close_from = Some(3),
            "close-fds" => self.close_from = Some(readiness::number(word)?),
            "pidfile-owner" => self.user_owns_pid_file = one_of(word, b"invoker", b"user")?,
            _ => {}
        }
        Some(())
    }
}

fn variable(word: &[u8]) -> Option<Change> {
    let end = word.iter().position(|&byte| byte == b'=')?;
    Some(Change::set(&word[..end], &word[end + 1..]))
}

/// Whether a value is the second of two.
fn one_of(word: &[u8], first: &[u8], second: &[u8]) -> Option<bool> {
    (word == first || word == second).then_some(word == second)
}

fn misunderstood(id: &str, value: Option<Word>) -> Failure {
    let value = value.map_or(&b""[..], Word::bytes);
    Failure::new(match id {
        "E" => [b"Argument to -E (\"", value, b"\") is not of the form name=value."].concat(),
        _ => [b"invalid value \"", value, b"\" for --", id.as_bytes(), b": not ", sense_of(id).as_bytes()].concat(),
    })
}

/// What an option's value is to be.
fn sense_of(id: &str) -> &'static str {
    match id {
        "ready" => "exec, none, notify, or fd=N with N above 2",
        "notify-access" => "main or all",
        "on-timeout" => "stop or keep",
        "pidfile-owner" => "invoker or user",
        "timeout" => "a number of seconds",
        "settle" => "a number of milliseconds",
        "umask" => "up to four octal digits",
        _ => "a number above 2",
    }
}
