//! Waiting for something to happen: for a descriptor, for a change in a directory, for a process.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether there is something to read, or the end, within this time.
pub fn is_ready(file: BorrowedFd<'_>, within: Duration) -> bool {
    let start = Instant::now();
    let mut watched = [PollFd::new(file, PollFlags::POLLIN)];
    loop {
        let left = within.saturating_sub(start.elapsed());
        match poll(&mut watched, PollTimeout::try_from(left).unwrap()) {
            Err(Errno::EINTR) => {}
            answer => return answer.unwrap() > 0,
        }
    }
}

/// A descriptor that is ready when the process has ended.
pub fn end_of(pid: Pid) -> OwnedFd {
    // SAFETY: numbers; what comes back is a new descriptor.
    unsafe {
        let number = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0)).unwrap();
        OwnedFd::from_raw_fd(number as RawFd)
    }
}

/// The changes in a directory.
pub struct Watch(OwnedFd);

impl Watch {
    pub fn new(directory: &Path) -> Self {
        let name = CString::new(directory.as_os_str().as_bytes()).unwrap();
        let what = libc::IN_MODIFY | libc::IN_ATTRIB | libc::IN_CREATE | libc::IN_DELETE | libc::IN_MOVE;
        // SAFETY: numbers and a C string; what comes back is a new descriptor.
        unsafe {
            let number = Errno::result(libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK)).unwrap();
            let watch = OwnedFd::from_raw_fd(number);
            Errno::result(libc::inotify_add_watch(watch.as_raw_fd(), name.as_ptr(), what)).unwrap();
            Self(watch)
        }
    }

    /// Waits until this is so, looking again after each change.
    #[track_caller]
    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < PATIENCE, "not after a minute: {what}");
            is_ready(self.0.as_fd(), Duration::from_secs(1));
            let mut room = [0; 4096];
            while nix::unistd::read(&self.0, &mut room).is_ok_and(|count| count > 0) {}
        }
    }
}

/// Waits for what no event tells, like the state of a process: looks again and again.
#[track_caller]
pub fn look_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not after a minute: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
