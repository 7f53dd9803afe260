//! The warden: a process that starts programs and keeps all that comes of them. Orphans become its children, so it knows
//! when nothing is left; and when the test lets go of it, or is gone itself, it kills whatever is left.
//!
//! Each test program that has this module is its own warden, started through a symbolic link called [`NAME`]. It works before
//! `main`, as the test harness would take its place there. On [`CONTROL`] it has a socket of packets: a request is the words of a
//! command, each ended by a NUL, and its reports are the [`Report`]s.

use crate::ground::LIFE;
use crate::processes;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The name by which a test program is its warden.
pub const NAME: &str = "warden";

/// The socket that requests come from and reports go to.
pub const CONTROL: RawFd = 7;

/// What the warden tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Report {
    /// A request has become this process, or could not, for this reason.
    Started(Result<i32, i32>),
    /// What was started has ended, with this exit code, or 1000 and the signal that killed it.
    Ended(i32, i32),
    /// No process is left of all that has been started.
    Empty,
}

impl Report {
    /// As a packet.
    fn packet(&self) -> String {
        match self {
            Self::Started(Ok(pid)) => format!("started {pid}"),
            Self::Started(Err(reason)) => format!("refused {reason}"),
            Self::Ended(pid, code) => format!("ended {pid} {code}"),
            Self::Empty => "empty".to_owned(),
        }
    }

    /// From a packet.
    pub fn read(packet: &str) -> Self {
        let words: Vec<&str> = packet.split(' ').collect();
        let number = |place: usize| words[place].parse().unwrap();
        match words[0] {
            "started" => Self::Started(Ok(number(1))),
            "refused" => Self::Started(Err(number(1))),
            "ended" => Self::Ended(number(1), number(2)),
            "empty" => Self::Empty,
            _ => panic!("{packet:?}"),
        }
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    // from /proc, since musl hands these functions no arguments
    let argv = processes::entries("/proc/self/cmdline");
    if argv.first().is_some_and(|name| name.rsplit('/').next() == Some(NAME)) {
        let is_done = serve().is_ok();
        // SAFETY: ends the process, and takes no pointer.
        unsafe { libc::_exit(i32::from(!is_done)) }
    }
}

/// Starts what is asked for until the other side of the socket is closed. Then nothing is left.
fn serve() -> nix::Result<()> {
    const NONE: libc::c_uint = 0;
    let [socket, last] = [CONTROL as libc::c_uint, LIFE as libc::c_uint];
    // SAFETY: numbers only; nothing else is open here yet, and the socket is as long as this process lives.
    let control = unsafe {
        libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, socket - 1, NONE);
        libc::syscall(libc::SYS_close_range, last + 1, libc::c_uint::MAX, NONE);
        libc::fcntl(CONTROL, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1_u64);
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        BorrowedFd::borrow_raw(CONTROL)
    };
    let children = SigSet::from(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&children), None)?;
    let deaths = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let mut started = Vec::new();
    loop {
        let mut watched = [control, deaths.as_fd()].map(|it| PollFd::new(it, PollFlags::POLLIN));
        poll(&mut watched, PollTimeout::NONE)?;
        let [asked, died] = watched.map(|it| it.any().unwrap_or(false));
        if died {
            while deaths.read_signal()?.is_some() {}
            reap(control, &mut started);
        }
        if asked {
            let mut request = [0; 8192];
            let length = nix::unistd::read(control, &mut request).unwrap_or(0);
            if length == 0 {
                return end_all();
            }
            let report = start(&request[..length]);
            if let Ok(pid) = report {
                started.push(pid);
            }
            tell(control, &Report::Started(report));
        }
    }
}

/// The other side may have gone.
fn tell(control: BorrowedFd<'_>, report: &Report) {
    let _ = nix::unistd::write(control, report.packet().as_bytes());
}

/// With no signal blocked; Command gives the child the default SIGPIPE.
fn start(request: &[u8]) -> Result<i32, i32> {
    let words = request.strip_suffix(b"\0").unwrap_or(request).split(|&byte| byte == 0);
    let mut words = words.map(OsStr::from_bytes);
    let mut command = Command::new(words.next().unwrap_or_default());
    // SAFETY: a system call only.
    unsafe {
        command.pre_exec(|| sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None).map_err(Into::into));
    }
    let child = command.args(words).stdin(Stdio::null()).spawn();
    child.map(|child| child.id() as i32).map_err(|error| error.raw_os_error().unwrap_or(0))
}

fn reap(control: BorrowedFd<'_>, started: &mut Vec<i32>) {
    loop {
        let (pid, code) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, code),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 1000 + signal as i32),
            Err(Errno::ECHILD) => return tell(control, &Report::Empty),
            _ => return,
        };
        if let Some(place) = started.iter().position(|&it| it == pid.as_raw()) {
            started.remove(place);
            tell(control, &Report::Ended(pid.as_raw(), code));
        }
    }
}

/// Kills its children, and those that become its children by that, until there are none.
fn end_all() -> nix::Result<()> {
    let own = std::process::id() as i32;
    loop {
        for child in processes::all().iter().filter(|process| process.parent == own) {
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGKILL);
        }
        match waitpid(None, None) {
            Err(Errno::ECHILD) => return Ok(()),
            Err(Errno::EINTR) | Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}
