//! A multilog that has been started, and the ends of what it reads from.

use crate::ground::{Ground, Seen};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::pipe2;
use std::fs;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::{Duration, Instant};

/// Far more than anything here takes, even on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that no event tells of: lets others run at first, and then gives them more time.
pub struct Patience {
    start: Instant,
    looks: u32,
}

impl Patience {
    pub fn new() -> Self {
        Self { start: Instant::now(), looks: 0 }
    }

    pub fn wait(&mut self, what: &str) {
        assert!(self.start.elapsed() < PATIENCE, "waited for a minute: {what}");
        self.looks += 1;
        if self.looks < 30 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}

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
        let pid = self.child.id();
        // SAFETY: numbers; what comes back is a new descriptor.
        #[allow(clippy::cast_possible_wrap)]
        let watch = unsafe {
            let number = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid as i32, 0)).unwrap();
            OwnedFd::from_raw_fd(number as RawFd)
        };
        let mut watched = [PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
        let deadline = Instant::now() + PATIENCE;
        while poll(&mut watched, PollTimeout::try_from(PATIENCE).unwrap()) != Ok(1) {
            let said = self.ground.stderr();
            assert!(Instant::now() < deadline, "still running; it has said {:?}", String::from_utf8_lossy(&said));
        }
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
        let mut patience = Patience::new();
        loop {
            let stat = fs::read_to_string(&file).unwrap_or_default();
            // behind the name, which may hold anything
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            if !matches!(state, Some('R' | 'D')) {
                return;
            }
            patience.wait("busy for a minute");
        }
    }

    /// Waits until this is so.
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn(&Ground) -> bool) {
        let mut patience = Patience::new();
        while !is_so(self.ground) {
            let said = self.ground.stderr();
            assert!(self.child.try_wait().unwrap().is_none(), "ended before {what}: {:?}", said.escape_ascii());
            patience.wait(what);
        }
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
                    let mut watched = [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)];
                    let ready = poll(&mut watched, PollTimeout::try_from(PATIENCE).unwrap()).unwrap();
                    assert!(ready > 0, "nothing has been read for a minute");
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
