//! getent(1): the C library's look-ups, in a process that can load its modules.

use super::Answer;
use crate::sys::descriptor::{self, Standard, put_at, uninterrupted};
use crate::sys::process::{self, End};
use crate::sys::words::{Word, Words};
use crate::sys::{exec, signal};
use crate::voice::dialect::Dialect;
use crate::voice::failure::{Failure, describe};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::ForkResult;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

/// Where it is looked for. Not in PATH: who may become whom is not the environment's to say.
const PLACES: [&CStr; 3] = [c"/usr/bin/getent", c"/bin/getent", c"/run/current-system/sw/bin/getent"];

/// getent's exit codes (its manual page).
const FOUND: u8 = 0;
const NOT_FOUND: u8 = 2;
/// What our own child exits with where no getent is, where there is one that cannot be run, and where getent was
/// killed; getent has no such codes.
const NO_GETENT: u8 = 127;
const NOT_RUN: u8 = 126;
const KILLED: u8 = 125;

/// What `getent DATABASE -- NAME` prints; `None` if it knows no such name.
pub fn ask(database: &CStr, name: &[u8]) -> Answer<Vec<u8>> {
    let cannot = |reason: &[u8]| {
        Failure::new([b"unable to look up ", name, b" in ", database.to_bytes(), b": ", reason].concat())
    };
    let failed = |reason: Errno| cannot(describe(reason, Dialect::Bernstein).as_bytes());
    let name = Word::leak(name.to_vec());
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
    // A child whose end nobody is told of: signals pending and ignored stay as they are. An exec would make it an
    // ordinary one again, so it is not the one that execs.
    let child = match process::fork_quietly().map_err(failed)? {
        ForkResult::Child => process::exit(run_getent(&write, database, name).unwrap_or(NOT_RUN)),
        ForkResult::Parent { child } => child,
    };
    drop(write);
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    let end = loop {
        match uninterrupted(|| nix::unistd::read(&read, &mut part)) {
            Ok(0) => break Ok(()),
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(reason) => break Err(reason),
        }
    };
    drop(read);
    let how = process::wait_for(child).map_err(failed)?;
    end.map_err(failed)?;
    match how {
        End::Exited(FOUND) => Ok(Some(answer)),
        End::Exited(NOT_FOUND) => Ok(None),
        End::Exited(NO_GETENT) if database == c"initgroups" => Err(cannot(b"there is no getent to ask")),
        End::Exited(NO_GETENT) => Err(cannot(b"not in the files, and there is no getent to ask")),
        End::Exited(NOT_RUN) => Err(cannot(b"unable to run getent")),
        End::Exited(_) | End::Killed(_) => Err(cannot(b"getent failed")),
    }
}

/// In the quiet child: runs getent and gives its exit code.
fn run_getent(answer: &OwnedFd, database: &CStr, name: Word) -> nix::Result<u8> {
    signal::set_default(libc::SIGCHLD)?;
    // nobody waits for an answer any more that whoever asked will not read
    process::end_with_parent()?;
    match process::fork()? {
        ForkResult::Child => {
            process::end_with_parent()?;
            become_getent(answer, database, name)
        }
        ForkResult::Parent { child } => match process::wait_for(child)? {
            End::Exited(code) => Ok(code),
            End::Killed(_) => Ok(KILLED),
        },
    }
}

/// getent with nothing but its answer to write, in an empty environment.
fn become_getent(answer: &OwnedFd, database: &CStr, name: Word) -> ! {
    let database = Word::leak(database.to_bytes().to_vec());
    let argv = Words::leak([Word::constant(c"getent"), database, Word::constant(c"--"), name]);
    // first out of the way of 0, 1 and 2, which may be closed and so be theirs
    let ready = open(c"/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .and_then(|null| descriptor::copy_from(null.as_fd(), 3))
        .and_then(|null| Ok((null, descriptor::copy_from(answer.as_fd(), 3)?)))
        .and_then(|(null, answer)| {
            put_at(null.as_fd(), Standard::Input)?;
            put_at(null.as_fd(), Standard::Error)?;
            put_at(answer.as_fd(), Standard::Output)
        });
    if ready.is_err() {
        process::exit(NOT_RUN);
    }
    let found = PLACES.iter().any(|place| exec::execve(place, argv, Words::EMPTY) != Errno::ENOENT);
    process::exit(if found { NOT_RUN } else { NO_GETENT })
}
