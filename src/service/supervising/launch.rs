//! Becoming a program of the service directory: what happens in the child between the fork and its exec. It shares the
//! memory of supervise until then, so it allocates nothing.

use super::requests;
use crate::process::inherited_signals::Inherited;
use crate::sys::exec::{execve_handing, execve_with};
use crate::sys::signal;
use crate::sys::split::{self, Started};
use crate::sys::words::Words;
use nix::errno::Errno;
use std::ffi::CStr;
use std::io::Write;
use std::os::fd::{BorrowedFd, RawFd};

/// What every program of the service gets.
#[derive(Clone, Copy)]
pub struct Inheritance<'a> {
    /// The environment.
    pub environ: Words,
    /// The signals as supervise found them.
    pub signals: &'a Inherited,
}

/// A program and its arguments, in memory that is used again and again.
pub struct Arguments {
    room: [u8; 64],
    length: usize,
}

impl Arguments {
    /// None.
    pub const NONE: Self = Self { room: [0; 64], length: 0 };

    /// These numbers in decimal.
    pub fn numbers(numbers: &[u32]) -> Self {
        let mut arguments = Self::NONE;
        for number in numbers {
            arguments.push(format_args!("{number}"));
        }
        arguments
    }

    /// One more. What does not fit is left out; nothing that is ever given does not.
    pub fn push(&mut self, text: std::fmt::Arguments<'_>) {
        let mut rest = &mut self.room[self.length..];
        let room = rest.len();
        if rest.write_fmt(text).is_ok() && rest.write_all(&[0]).is_ok() {
            self.length += room - rest.len();
        }
    }

    fn iter(&self) -> impl Iterator<Item = &CStr> {
        self.room[..self.length]
            .split_inclusive(|&byte| byte == 0)
            .filter_map(|text| CStr::from_bytes_with_nul(text).ok())
    }
}

/// Whether the child has become the program.
pub enum Launched {
    /// It has.
    Runs(Started),
    /// There is no child.
    NotForked(Errno),
    /// The child could not, and is gone.
    NotRun(Errno),
}

/// Starts `program` with these arguments. `first` is run in the child before all else; `notification` is a descriptor for it and
/// the number that it is to have; `is_watched` is whether a descriptor of it is wanted.
pub fn start(
    program: &'static CStr,
    arguments: &Arguments,
    inheritance: Inheritance<'_>,
    notification: Option<(BorrowedFd<'_>, RawFd)>,
    is_watched: bool,
    mut first: impl FnMut(),
) -> Launched {
    let mut failed = None;
    let started = split::start(is_watched, || {
        first();
        failed = Some(become_program(program, arguments, inheritance, notification));
        111
    });
    let started = match started {
        Ok(started) => started,
        Err(reason) => return Launched::NotForked(reason),
    };
    match failed {
        Some(reason) => {
            let _ = crate::sys::process::wait_for(started.pid);
            Launched::NotRun(reason)
        }
        None => Launched::Runs(started),
    }
}

fn become_program(
    program: &'static CStr,
    arguments: &Arguments,
    inheritance: Inheritance<'_>,
    notification: Option<(BorrowedFd<'_>, RawFd)>,
) -> Errno {
    if !requests::is_there(c"no-setsid") {
        // it fails for who leads a group already, which a child never does
        let _ = nix::unistd::setsid();
    }
    let change = || {
        signal::set_default(libc::SIGCHLD)?;
        inheritance.signals.put_back()
    };
    if let Err(reason) = change() {
        return reason;
    }
    let words = std::iter::once(program).chain(arguments.iter());
    match notification {
        Some(handed) => execve_handing([handed], program, words, inheritance.environ),
        None => execve_with(program, words, inheritance.environ),
    }
}
