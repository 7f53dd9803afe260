//! What the options of daemonize ask for.

use super::readiness::{self, Ready};
use crate::environ::Edit;
use crate::number::{decimal, mode, seconds};
use crate::options::{Flag, Given, Occurrence, Opt, Optional, Valued};
use crate::sys::words::Word;
use crate::voice::failure::Failure;
use std::os::fd::RawFd;
use std::time::Duration;

const APPEND: Flag = Flag::new("a", "Append to the files of -o and -e instead of emptying them");
const DIRECTORY: Valued = Valued::new("c", "DIR", "Change to this directory, not to /");
const ERROR: Valued = Valued::new("e", "FILE", "Write standard error to this file, not to /dev/null");
const VARIABLE: Valued = Valued::new("E", "NAME=VALUE", "Set a variable in the daemon's environment; can be repeated");
const LOCK_FILE: Valued =
    Valued::new("l", "FILE", "Hold a flock(2) on this file; refuse to start if another process does");
const OUTPUT: Valued = Valued::new("o", "FILE", "Write standard output to this file, not to /dev/null");
const PID_FILE: Valued =
    Valued::new("p", "FILE", "Write the daemon's pid to this file, and hold it locked as pidfile-lock does");
const USER: Valued =
    Valued::new("u", "ACCOUNT", "Become this account, with all its groups; set USER, LOGNAME and HOME; for root");
const VERBOSE: Flag = Flag::new("v", "Say on standard output what is being done");
const READY: Valued =
    Valued::new("ready", "WHEN", "Return on exec (default), none, fd=N: a newline on N, notify: READY=1");
const NOTIFY_ACCESS: Valued =
    Valued::new("notify-access", "WHOM", "With --ready=notify: believe main (default), the daemon alone, or all");
const TIMEOUT: Valued =
    Valued::new("timeout", "SECONDS", "Wait for so long at most, then stop the daemon and fail; 0 is no bound");
const ON_TIMEOUT: Valued =
    Valued::new("on-timeout", "ACTION", "stop (default) or keep a daemon that is not ready in time");
const SETTLE: Valued = Valued::new("settle", "MS", "Fail if the daemon ends within so many milliseconds of its start");
const DOUBLE_FORK: Flag = Flag::new("double-fork", "Fork again: the daemon leads no session and can gain no terminal");
const NO_SESSION: Flag = Flag::new("no-session", "Fork, but stay in the caller's session");
const KEEP_STDIO: Flag = Flag::new("keep-stdio", "Leave standard input, output and error as they are");
const UMASK: Valued = Valued::new("umask", "MODE", "Set the umask, in octal; without it, it stays");
const CLOSE_FDS: Optional =
    Optional::new("close-fds", "FROM", "Close all descriptors from FROM (3) on but those that daemonize gives");
const PID_FILE_OWNER: Valued =
    Valued::new("pidfile-owner", "WHO", "Who owns the file of -p: invoker (default) or user, the account of -u");

/// All of them.
pub const OPTIONS: [Opt; 20] = [
    APPEND.line(),
    DIRECTORY.line(),
    ERROR.line(),
    VARIABLE.line(),
    LOCK_FILE.line(),
    OUTPUT.line(),
    PID_FILE.line(),
    USER.line(),
    VERBOSE.line(),
    READY.line(),
    NOTIFY_ACCESS.line(),
    TIMEOUT.line(),
    ON_TIMEOUT.line(),
    SETTLE.line(),
    DOUBLE_FORK.line(),
    NO_SESSION.line(),
    KEEP_STDIO.line(),
    UMASK.line(),
    CLOSE_FDS.line(),
    PID_FILE_OWNER.line(),
];

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
    pub(super) variables: Vec<Edit>,
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
            append: given.has(APPEND),
            directory: given.last(DIRECTORY).unwrap_or(Word::constant(c"/")),
            error: given.last(ERROR),
            output: given.last(OUTPUT),
            pid_file: given.last(PID_FILE).filter(|file| file.bytes() != b"/dev/null"),
            lock_file: given.last(LOCK_FILE),
            user: given.last(USER),
            verbose: given.has(VERBOSE),
            variables: Vec::new(),
            ready: Ready::Exec,
            admits_all: false,
            timeout: None,
            keeps_late: false,
            settle: Duration::ZERO,
            forks_twice: given.has(DOUBLE_FORK),
            has_session: !given.has(NO_SESSION),
            keeps_stdio: given.has(KEEP_STDIO),
            umask: None,
            close_from: None,
            user_owns_pid_file: false,
        };
        for option in given.in_order() {
            link.take(option).ok_or_else(|| misunderstood(option))?;
        }
        Ok(link)
    }

    /// One option that is more than a flag or a name. `None` if its value makes no sense.
    fn take(&mut self, option: Occurrence<'_>) -> Option<()> {
        let word = option.word();
        if option.is(VARIABLE) {
            // as setenv(3) refuses a variable without a name, so nothing comes of one
            self.variables.extend(Some(variable(word)?).filter(|_| !word.starts_with(b"=")));
        } else if option.is(READY) {
            self.ready = Ready::from_option(word)?;
        } else if option.is(NOTIFY_ACCESS) {
            self.admits_all = one_of(word, b"main", b"all")?;
        } else if option.is(TIMEOUT) {
            self.timeout = Some(seconds(word)?).filter(|limit| !limit.is_zero());
        } else if option.is(ON_TIMEOUT) {
            self.keeps_late = one_of(word, b"stop", b"keep")?;
        } else if option.is(SETTLE) {
            self.settle = Duration::from_millis(decimal(word)?);
        } else if option.is(UMASK) {
            self.umask = Some(mode(word)?);
        } else if option.is(CLOSE_FDS) {
            self.close_from = Some(option.value().map_or(Some(3), |_| readiness::number(word))?);
        } else if option.is(PID_FILE_OWNER) {
            self.user_owns_pid_file = one_of(word, b"invoker", b"user")?;
        }
        Some(())
    }
}

fn variable(word: &[u8]) -> Option<Edit> {
    let end = word.iter().position(|&byte| byte == b'=')?;
    Some(Edit::set(&word[..end], &word[end + 1..]))
}

/// Whether a value is the second of two.
fn one_of(word: &[u8], first: &[u8], second: &[u8]) -> Option<bool> {
    (word == first || word == second).then_some(word == second)
}

fn misunderstood(option: Occurrence<'_>) -> Failure {
    let (name, value) = (option.name(), option.word());
    Failure::new(match name {
        "E" => [b"Argument to -E (\"", value, b"\") is not of the form name=value."].concat(),
        _ => [b"invalid value \"", value, b"\" for --", name.as_bytes(), b": not ", sense_of(name).as_bytes()].concat(),
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
