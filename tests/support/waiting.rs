//! Waiting for something to happen: for a descriptor, for a change in a directory, for the end of a process, and, by looking
//! again and again, for what no event tells. Never for a time to pass.
#![allow(unsafe_code)]

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
    is_polled(file, PollFlags::POLLIN, within)
}

/// Whether there is room to write, or nobody who reads, within this time.
pub fn has_room(file: BorrowedFd<'_>, within: Duration) -> bool {
    is_polled(file, PollFlags::POLLOUT, within)
}

fn is_polled(file: BorrowedFd<'_>, what: PollFlags, within: Duration) -> bool {
    let start = Instant::now();
    let mut watched = [PollFd::new(file, what)];
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

/// Whether a process ends within so long. It is left to be waited for.
pub fn has_ended_within(pid: Pid, within: Duration) -> bool {
    is_ready(end_of(pid).as_fd(), within)
}

/// How many bytes are in a pipe or socket and have not been read: no event tells a writer that there are none.
pub fn unread(end: &impl AsRawFd) -> usize {
    let mut count = 0;
    // SAFETY: the kernel writes one number.
    Errno::result(unsafe { libc::ioctl(end.as_raw_fd(), libc::FIONREAD, &raw mut count) }).unwrap();
    usize::try_from(count).unwrap()
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
            self.await_change();
        }
    }

    /// Returns after a change, or after a second: what it is about may lie elsewhere, too.
    pub fn await_change(&self) {
        is_ready(self.0.as_fd(), Duration::from_secs(1));
        let mut room = [0; 4096];
        while nix::unistd::read(&self.0, &mut room).is_ok_and(|count| count > 0) {}
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Looks again and again until it is so: for what no event tells, like the state of a process.
#[track_caller]
pub fn look_until(what: &str, mut is_so: impl FnMut() -> bool) {
    look_for(what, || is_so().then_some(()));
}

/// Looks again and again until there is an answer.
#[track_caller]
pub fn look_for<T>(what: &str, answer: impl FnMut() -> Option<T>) -> T {
    look_within(PATIENCE, what, answer)
}

/// The same with another limit. Lets others run between the first looks, and then gives them the more time the longer it
/// takes, as many tests look at the same time.
#[track_caller]
pub fn look_within<T>(limit: Duration, what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    const PAUSES: [Duration; 2] = [Duration::from_micros(300), Duration::from_millis(10)];
    let start = Instant::now();
    for looks in 0_u64.. {
        if let Some(answer) = answer() {
            return answer;
        }
        let elapsed = start.elapsed();
        assert!(elapsed < limit, "not within {limit:?}: {what}");
        if looks < 30 {
            std::thread::yield_now();
        } else {
            std::thread::sleep((elapsed / 8).clamp(PAUSES[0], PAUSES[1]));
        }
    }
    unreachable!("it has looked for ever")
}
