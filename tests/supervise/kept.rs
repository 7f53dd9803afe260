//! A program that runs below a keeper: a process that adopts whatever the program leaves behind, tells of the
//! program's end and of the end of the last of them, and kills them all when the test lets go, however the test ends.

use crate::lines::Lines;
use crate::suite::Suite;
use crate::support::waiting::{PATIENCE, is_ready};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2};
use std::ffi::{CString, OsStr, c_char, c_int};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What runs in the child right before the exec, with system calls only.
type Enter = Box<dyn Fn() -> nix::Result<()>>;

/// How a program is to be started: with /dev/null as standard input, pipes as output and error, no other descriptor,
/// and no signal ignored or blocked.
pub struct Start {
    file: CString,
    argv: Vec<CString>,
    environment: Vec<CString>,
    directory: CString,
    enter: Vec<Enter>,
    /// What has to be there as long as this may be started.
    _suite: Option<Suite>,
}

fn c_string(bytes: &OsStr) -> CString {
    CString::new(bytes.as_bytes()).unwrap()
}

impl Start {
    /// This program without an argument, in the root directory.
    pub fn new(file: &Path) -> Self {
        let name = c_string(file.as_os_str());
        Self {
            file: name.clone(),
            argv: vec![name],
            environment: vec![c"PATH=/usr/bin:/bin".to_owned()],
            directory: c"/".to_owned(),
            enter: vec![],
            _suite: None,
        }
    }

    /// A program of this suite.
    pub fn of(suite: &Suite, name: &str) -> Self {
        Self { _suite: Some(suite.clone()), ..Self::new(&suite.file(name)) }
    }

    /// With a further argument.
    pub fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        self.argv.push(c_string(word.as_ref()));
        self
    }

    /// With a further entry in the environment.
    pub fn variable(mut self, entry: impl AsRef<OsStr>) -> Self {
        self.environment.push(c_string(entry.as_ref()));
        self
    }

    /// In this directory.
    pub fn within(mut self, directory: &Path) -> Self {
        self.directory = c_string(directory.as_os_str());
        self
    }

    /// In a state that this brings about, after what brought about others.
    pub fn entering(mut self, enter: impl Fn() -> nix::Result<()> + 'static) -> Self {
        self.enter.push(Box::new(enter));
        self
    }

    /// Starts it.
    #[track_caller]
    pub fn go(&self) -> Kept {
        let [argv, environment] = [&self.argv, &self.environment]
            .map(|words| words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>());
        let [(held, hold), (news, tells), (voice, speaks), (error, complains), (failure, fails)] =
            std::array::from_fn(|_| pipe2(OFlag::O_CLOEXEC).unwrap());
        let null = File::options().read(true).write(true).open("/dev/null").unwrap();
        let given = [held.as_fd(), speaks.as_fd(), complains.as_fd(), tells.as_fd(), null.as_fd(), fails.as_fd()]
            .map(|descriptor| descriptor.as_raw_fd());
        // SAFETY: the child makes system calls only, and ends without returning.
        let keeper = match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => child,
            ForkResult::Child => keep(self, &argv, &environment, given),
        };
        drop((held, speaks, complains, tells, fails));
        let mut reason = Vec::new();
        File::from(failure).read_to_end(&mut reason).unwrap();
        let mut kept = Kept {
            keeper,
            pid: Pid::from_raw(0),
            hold: Some(hold),
            news: news.into(),
            ended: None,
            is_empty: false,
            voice: Lines::new(voice),
            error: Lines::new(error),
        };
        if let Ok(reason) = <[u8; 4]>::try_from(reason) {
            panic!("{:?}: {}", self.argv, Errno::from_raw(i32::from_ne_bytes(reason)));
        }
        kept.hear();
        kept
    }
}

/// A started program and all that come of it.
pub struct Kept {
    keeper: Pid,
    pid: Pid,
    /// While it is open nobody is killed.
    hold: Option<OwnedFd>,
    news: File,
    ended: Option<i32>,
    is_empty: bool,
    /// Standard output.
    pub voice: Lines,
    /// Standard error.
    pub error: Lines,
}

impl Kept {
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its end. Gives its exit code, or 1000 and the signal that killed it.
    #[track_caller]
    pub fn code(&mut self) -> i32 {
        while self.ended.is_none() {
            self.hear();
        }
        self.ended.unwrap()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        while self.ended.is_none() && is_ready(self.news.as_fd(), std::time::Duration::ZERO) {
            self.hear();
        }
        self.ended.is_none()
    }

    /// Waits until neither it nor any descendant is left.
    #[track_caller]
    pub fn wait_for_all(&mut self) {
        while !self.is_empty {
            self.hear();
        }
    }

    #[track_caller]
    fn hear(&mut self) {
        assert!(is_ready(self.news.as_fd(), PATIENCE), "no news of process {} for a minute", self.pid);
        let mut message = [0; 8];
        self.news.read_exact(&mut message).unwrap();
        let [kind, value] = [0, 4].map(|place| c_int::from_ne_bytes(message[place..][..4].try_into().unwrap()));
        match kind {
            STARTED => self.pid = Pid::from_raw(value),
            ENDED if libc::WIFEXITED(value) => self.ended = Some(libc::WEXITSTATUS(value)),
            ENDED => self.ended = Some(1000 + libc::WTERMSIG(value)),
            _ => self.is_empty = true,
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.hold = None;
        let _ = waitpid(self.keeper, None);
    }
}

const STARTED: c_int = 1;
const ENDED: c_int = 2;
const EMPTY: c_int = 3;

/// Where the keeper has what it was given.
const HELD: RawFd = 0;
const NEWS: RawFd = 3;
const NULL: RawFd = 4;
const FAILURE: RawFd = 5;

/// The keeper, in a session of its own, so that a signal to a group does not reach the test. It has been forked from a
/// process with threads, so it makes system calls only.
fn keep(start: &Start, argv: &[*const c_char], environment: &[*const c_char], given: [RawFd; 6]) -> ! {
    // SAFETY: descriptors by their numbers in a process that uses no other, and sets of signals on the stack.
    unsafe {
        libc::setsid();
        let mut aside = given;
        for number in &mut aside {
            *number = libc::fcntl(*number, libc::F_DUPFD_CLOEXEC, 100);
        }
        for (number, from) in (0..).zip(aside) {
            libc::dup2(from, number);
        }
        // a kernel before 5.9 does not know it: then the tests have to be started without further descriptors
        libc::syscall(libc::SYS_close_range, 6, libc::c_uint::MAX, 0);
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
        let mut every: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut every);
        libc::sigprocmask(libc::SIG_SETMASK, &every, std::ptr::null_mut());

        let child = libc::fork();
        if child == 0 {
            let failed = enter(start).map(|()| {
                libc::execve(start.file.as_ptr(), argv.as_ptr(), environment.as_ptr());
                Errno::last()
            });
            let reason = failed.unwrap_or_else(|reason| reason) as c_int;
            libc::write(FAILURE, (&raw const reason).cast(), 4);
            libc::_exit(127);
        }
        tell(STARTED, child);
        libc::close(FAILURE);
        for number in [1, 2] {
            libc::dup2(NULL, number);
        }
        attend(child)
    }
}

/// In the child of the keeper: what every program starts with, and what is asked for besides.
fn enter(start: &Start) -> nix::Result<()> {
    // SAFETY: numbers, dispositions without handlers, a mask of eight bytes, and a C string.
    unsafe {
        for signal in 1..=64 {
            let default = [0_usize; 4];
            // refused for those that cannot be changed
            libc::syscall(libc::SYS_rt_sigaction, signal, &default, 0, 8_usize);
        }
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &0_u64, 0, 8_usize);
        libc::dup2(NULL, 0);
        libc::close(NEWS);
        libc::close(NULL);
        libc::fcntl(FAILURE, libc::F_SETFD, libc::FD_CLOEXEC);
        Errno::result(libc::chdir(start.directory.as_ptr()))?;
    }
    start.enter.iter().try_for_each(|enter| enter())
}

fn tell(kind: c_int, value: c_int) {
    let message = [kind, value];
    // SAFETY: eight bytes from the stack.
    unsafe { libc::write(NEWS, message.as_ptr().cast(), size_of_val(&message)) };
}

/// Reaps and tells until it is let go, and then kills all that is left.
unsafe fn attend(child: c_int) -> ! {
    // SAFETY: a set of signals and two structures on the stack, and descriptors by their numbers.
    unsafe {
        let mut children: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&mut children, libc::SIGCHLD);
        let deaths = libc::signalfd(-1, &children, libc::SFD_NONBLOCK);
        let mut is_empty = false;
        loop {
            let mut status = 0;
            let ended = libc::waitpid(-1, &mut status, libc::WNOHANG);
            if ended > 0 {
                if ended == child {
                    tell(ENDED, status);
                }
                continue;
            }
            if ended == -1 && !is_empty {
                is_empty = true;
                tell(EMPTY, 0);
            }
            let mut watched = [HELD, deaths].map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
            libc::poll(watched.as_mut_ptr(), 2, -1);
            if watched[0].revents != 0 {
                break;
            }
            let mut room = [0_u8; 128];
            while libc::read(deaths, room.as_mut_ptr().cast(), room.len()) > 0 {}
        }
        // what a killed process leaves behind becomes a child of this one, and is killed in the next round
        loop {
            kill_children();
            if libc::waitpid(-1, std::ptr::null_mut(), 0) == -1 {
                libc::_exit(0);
            }
        }
    }
}

unsafe fn kill_children() {
    // SAFETY: reads into a buffer on the stack, and signals to children that have not been waited for.
    unsafe {
        let list = libc::open(c"/proc/thread-self/children".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let mut room = [0_u8; 4096];
        let mut pid = 0;
        loop {
            let count = libc::read(list, room.as_mut_ptr().cast(), room.len());
            if count <= 0 {
                break;
            }
            for &byte in &room[..count as usize] {
                if byte.is_ascii_digit() {
                    pid = pid * 10 + c_int::from(byte - b'0');
                } else if pid > 0 {
                    libc::kill(pid, libc::SIGKILL);
                    pid = 0;
                }
            }
        }
        libc::close(list);
    }
}
