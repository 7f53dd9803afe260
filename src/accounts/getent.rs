//! getent(1): the C library's look-ups, in a process that can load its modules.

use super::Answer;
use crate::failure::Failure;
use crate::sys::descriptor::{put_at, uninterrupted};
use crate::sys::words::{Word, Words};
use crate::sys::{exec, process, signal};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::ForkResult;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

/// Where it is looked for. Not in PATH: who may become whom is not the environment's to say.
const PLACES: [&CStr; 3] = [c"/usr/bin/getent", c"/bin/getent", c"/run/current-system/sw/bin/getent"];

/// getent's exit codes (its manual page).
const FOUND: i32 = 0;
const NOT_FOUND: i32 = 2;
/// What our own child exits with where no getent is; getent has no such code.
const NO_GETENT: i32 = 127;
/// And what it exits with where a signal has killed getent.
const KILLED: u8 = 126;

/// What `getent DATABASE -- NAME` prints; `None` if it knows no such name.
pub fn ask(database: &CStr, name: &[u8]) -> Answer<Vec<u8>> {
    let cannot = |reason: &[u8]| {
        Failure::new([b"unable to look up ", name, b" in ", database.to_bytes(), b": ", reason].concat())
    };
    let failed = |reason: Errno| cannot(reason.desc().as_bytes());
    let name = Word::leak(name.to_vec());
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
    // A child whose end nobody is told of: signals pending and ignored stay as they are. An exec would make it an
    // ordinary one again, so it is not the one that execs.
    let child = match process::fork_quietly().map_err(failed)? {
        ForkResult::Child => process::exit(run_getent(&write, database, name).unwrap_or(NO_GETENT as u8)),
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
    let code = process::wait_for_quiet(child).map_err(failed)?;
    end.map_err(failed)?;
    match code {
        Some(FOUND) => Ok(Some(answer)),
        Some(NOT_FOUND) => Ok(None),
        Some(NO_GETENT) => Err(cannot(b"not in the files, and there is no getent to ask")),
        Some(_) | None => Err(cannot(b"getent failed")),
    }
}

/// In the quiet child: runs getent and gives its exit code.
fn run_getent(answer: &OwnedFd, database: &CStr, name: Word) -> nix::Result<u8> {
    signal::set_default(libc::SIGCHLD)?;
    match process::fork()? {
        ForkResult::Child => become_getent(answer, database, name),
        ForkResult::Parent { child } => match uninterrupted(|| waitpid(child, None))? {
            WaitStatus::Exited(_, code) => Ok(code as u8),
            _ => Ok(KILLED),
        },
    }
}

/// getent with nothing but its answer to write, in an empty environment.
fn become_getent(answer: &OwnedFd, database: &CStr, name: Word) -> ! {
    let database = Word::leak(database.to_bytes().to_vec());
    let argv = Words::leak([Word::constant(c"getent"), database, Word::constant(c"--"), name]);
    let ready = open(c"/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .and_then(|null| put_at(null.as_fd(), 0).and_then(|()| put_at(null.as_fd(), 2)))
        .and_then(|()| put_at(answer.as_fd(), 1));
    if ready.is_ok() {
        for place in PLACES {
            exec::execve(place, argv, Words::EMPTY);
        }
    }
    process::exit(NO_GETENT as u8)
}
