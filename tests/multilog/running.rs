//! A multilog that has been started, and the ends of what it reads from.

use crate::ground::{Ground, Seen};
use crate::support::waiting::{PATIENCE, has_ended_within, has_room, look_until};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::Pid;
use nix::unistd::pipe2;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::Child;

/// A multilog that has been started.
pub struct Running<'a> {
    pub child: Child,
    pub ground: &'a Ground,
}

impl Running<'_> {
    /// Waits for its end.
    pub fn finish(mut self) -> Seen {
        let code = self.code();
        Seen { code, stderr: self.ground.stderr(), files: self.ground.files() }
    }

    /// Waits for its end and gives only the code.
    pub fn code(&mut self) -> i32 {
        let has_ended = has_ended_within(Pid::from_raw(self.child.id().try_into().unwrap()), PATIENCE);
        assert!(has_ended, "still running; it has said {:?}", self.ground.stderr().escape_ascii().to_string());
        let status = self.child.wait().unwrap();
        status.code().unwrap_or_else(|| 1000 + status.signal().unwrap())
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it sleeps, as it does when it waits for input; or has ended.
    pub fn wait_for_sleep(&mut self) {
        let file = format!("/proc/{}/stat", self.child.id());
        look_until("it sleeps", || {
            let stat = fs::read_to_string(&file).unwrap_or_default();
            // behind the name, which may hold anything
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            !matches!(state, Some('R' | 'D'))
        });
    }

    /// Waits until this is so.
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn(&Ground) -> bool) {
        look_until(what, || {
            let is_so = is_so(self.ground);
            let said = self.ground.stderr();
            assert!(
                is_so || self.child.try_wait().unwrap().is_none(),
                "ended before {what}: {:?}",
                said.escape_ascii()
            );
            is_so
        });
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An end that is written to. It does not wait for ever for a reader that reads nothing.
pub struct Writer(OwnedFd);

impl Writer {
    pub fn new(end: OwnedFd) -> Self {
        fcntl(&end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        Self(end)
    }

    /// Whether all could be written: not if the reader has gone.
    pub fn write(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match nix::unistd::write(&self.0, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::EAGAIN) => {
                    assert!(has_room(self.0.as_fd(), PATIENCE), "nothing has been read for a minute");
                }
                Err(Errno::EPIPE | Errno::ECONNRESET) => return false,
                Err(error) => panic!("{error}"),
            }
        }
        true
    }
}

/// A pipe: the end to read from and the end to write to.
pub fn pipe() -> [OwnedFd; 2] {
    pipe2(OFlag::O_CLOEXEC).unwrap().into()
}

/// A pipe with room for so many bytes.
pub fn pipe_of(size: i32) -> [OwnedFd; 2] {
    let ends = pipe();
    fcntl(&ends[1], FcntlArg::F_SETPIPE_SZ(size)).unwrap();
    ends
}

/// The end of a pipe with these bytes in it, and no more to come.
pub fn piped(bytes: &[u8]) -> OwnedFd {
    let [reader, writer] = pipe();
    assert_eq!(nix::unistd::write(&writer, bytes), Ok(bytes.len()));
    reader
}

pub fn sockets() -> [OwnedFd; 2] {
    socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC).unwrap().into()
}
