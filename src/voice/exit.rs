//! All exit codes. What a dialect uses is measured on its reference: the daemontools programs never tell "not found"
//! from "found, not runnable", and run scripts test for 111.

use std::fmt;

/// An exit code, or what stands for many, as the documents have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// This one.
    Number(u8),
    /// Any that another program decides on.
    Other(&'static str),
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(code) => code.fmt(out),
            Self::Other(name) => name.fmt(out),
        }
    }
}

/// All is well.
pub const SUCCESS: Code = Code::Number(0);

/// What another program, or a later link, has exited with.
pub const ANOTHERS: Code = Code::Other("N");

/// A shell's code for a program that signal N has killed.
pub const KILLED: Code = Code::Other("128+N");

/// What a chain ends with when a link stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Called wrongly.
    pub usage: u8,
    /// The change could not be made.
    pub failure: u8,
    /// The next program does not exist: execve said ENOENT.
    pub not_found: u8,
    /// The next program cannot be run: execve said anything else.
    pub not_runnable: u8,
    /// Takes the place of `usage` and `failure` where the environment has POSIXLY_CORRECT, even empty (GNU nohup).
    pub posixly_correct: Option<u8>,
}

/// daemontools: softlimit, setuidgid, envuidgid, pgrphack, setlock, fghack.
pub const BERNSTEIN: Codes =
    Codes { usage: 100, failure: 111, not_found: 111, not_runnable: 111, posixly_correct: None };

/// daemontools' envdir, which has 111 where its siblings have 100.
pub const ENVDIR: Codes = Codes { usage: 111, ..BERNSTEIN };

/// GNU coreutils' nohup; POSIX wants 127 for its own failures.
pub const NOHUP: Codes =
    Codes { usage: 125, failure: 125, not_found: 127, not_runnable: 126, posixly_correct: Some(127) };

/// util-linux's setsid.
pub const SETSID: Codes = Codes { usage: 1, failure: 1, not_found: 127, not_runnable: 126, posixly_correct: None };

/// bmc/daemonize, which knows one code; its later links have their own.
pub const DAEMONIZE: Codes = Codes { usage: 1, failure: 1, not_found: 1, not_runnable: 1, posixly_correct: None };

/// Another process holds the pid file. What sysexits.h calls EX_TEMPFAIL: try again later.
pub const HELD: u8 = 75;

/// The service is not up, or nobody supervises it (svok, svup, svc).
pub const NOT_UP: u8 = 100;

/// The service has failed for good, and is waited for (svwait, svc).
pub const WAIT_FAILED: u8 = 1;

/// The time is over (svwait, svc). s6-svwait has this code.
pub const TIMED_OUT: u8 = 99;

/// The supervise of a service that is waited for has ended (svwait, svc).
pub const SUPERVISE_ENDED: u8 = 102;

/// A service is down (svstat -q).
pub const SEEN_DOWN: u8 = 1;

/// A service is not supervised (svstat -q).
pub const SEEN_UNSUPERVISED: u8 = 2;

/// A service has failed for good (svstat -q).
pub const SEEN_FAILED: u8 = 3;

/// pidfile-lock: as catena, with its own code besides for a file that is held.
pub const PIDFILE_LOCK: Codes = CATENA;

/// catena itself: an unknown applet is a command that was not found.
pub const CATENA: Codes = Codes { usage: 100, failure: 111, not_found: 127, not_runnable: 126, posixly_correct: None };
