//! Stops a program at each of its system calls, as a debugger does: [`Tracee`] a single process, from the thread that has
//! started it. What more than that needs is here as well.
#![allow(unsafe_code)]

use super::leave_out;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// A system call, right before it is made.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub number: libc::c_long,
    pub arguments: [u64; 6],
}

impl Call {
    /// Whether it asks what a name is.
    pub fn is_stat(self) -> bool {
        [libc::SYS_newfstatat, libc::SYS_statx].contains(&self.number)
    }

    /// Whether it waits for something to happen.
    pub fn is_wait(self) -> bool {
        self.number == libc::SYS_ppoll
    }

    /// Whether it makes another process.
    pub fn is_fork(self) -> bool {
        [libc::SYS_clone, libc::SYS_clone3].contains(&self.number)
    }

    /// Whether it is that of another program.
    pub fn is_exec(self) -> bool {
        self.number == libc::SYS_execve
    }

    /// Whether nobody but the program itself can tell whether it has been made.
    pub fn is_private(self) -> bool {
        PRIVATE.contains(&self.number)
    }
}

const PRIVATE: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_fchdir,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_getdents64,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_pread64,
    libc::SYS_prlimit64,
    libc::SYS_readlinkat,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_statx,
    libc::SYS_umask,
];

/// A program under trace. Only the thread that has started it can go on with it; processes that it starts are not traced.
pub struct Tracee {
    pid: Pid,
    is_inside: bool,
    signal: i32,
    /// Its exit code, or 1000 and the signal that killed it.
    ended: Option<i32>,
}

impl Tracee {
    /// Starts it, and stops it before its first system call. `None` where this is not allowed, and says so.
    pub fn start(mut command: Command) -> Option<Self> {
        let Some(child) = spawn(&mut command) else {
            leave_out("kills at each system call: tracing is not allowed here");
            return None;
        };
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        let mut tracee = Self { pid, is_inside: false, signal: 0, ended: None };
        // stopped after the exec
        assert!(tracee.wait().is_some_and(|signal| signal == libc::SIGTRAP));
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
        request(libc::PTRACE_SETOPTIONS as _, pid, options as usize).unwrap();
        Some(tracee)
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Lets it run until right before its next system call. `None` if it has ended.
    pub fn next_call(&mut self) -> Option<Call> {
        while self.ended.is_none() {
            request(libc::PTRACE_SYSCALL as _, self.pid, self.signal as usize).unwrap();
            let stop = self.wait()?;
            let is_call = stop == libc::SIGTRAP | 0x80;
            self.signal = if is_call { 0 } else { stop };
            if is_call {
                self.is_inside = !self.is_inside;
                if self.is_inside {
                    return Some(self.call());
                }
            }
        }
        None
    }

    fn call(&self) -> Call {
        match at_call(self.pid) {
            At::Begin(call) => call,
            At::End(_) => panic!("{} is not right before a call", self.pid),
        }
    }

    /// Whether the call that it is at is for a record lock, and does not wait for it.
    pub fn is_locking(&self) -> bool {
        let call = self.call();
        (call.number, call.arguments[1]) == (libc::SYS_fcntl, libc::F_SETLK as u64)
    }

    /// Whether the call that it is at, one with a descriptor and a name, is for this name.
    pub fn is_about(&self, name: &str) -> bool {
        let mut text = vec![0; name.len() + 1];
        let memory = std::fs::File::open(format!("/proc/{}/mem", self.pid)).unwrap();
        let count = std::os::unix::fs::FileExt::read_at(&memory, &mut text, self.call().arguments[1]);
        count.is_ok_and(|count| count == text.len()) && text.strip_suffix(b"\0") == Some(name.as_bytes())
    }

    /// Kills it where it is, and waits for its end.
    pub fn kill(mut self) {
        self.end();
        assert_eq!(self.ended, Some(1000 + libc::SIGKILL));
    }

    fn end(&mut self) {
        let _ = nix::sys::signal::kill(self.pid, Signal::SIGKILL);
        while self.wait().is_some() {}
    }

    /// Lets it run on to its end.
    pub fn finish(mut self) -> i32 {
        while self.next_call().is_some() {}
        self.ended.unwrap()
    }

    /// Waits for its next stop, and gives the signal that it is for; or for its end.
    fn wait(&mut self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: the kernel writes one number.
        let waited = unsafe { libc::waitpid(self.pid.as_raw(), &mut status, WaitPidFlag::__WALL.bits()) };
        if Errno::result(waited).is_err() {
            // has been waited for already
            return None;
        }
        if libc::WIFSTOPPED(status) {
            return Some(libc::WSTOPSIG(status));
        }
        self.ended = Some(end(status));
        None
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.end();
        }
    }
}

/// Starts a program that asks to be traced, and so is stopped after its exec. `None` where that is not allowed.
pub fn spawn(command: &mut Command) -> Option<Child> {
    // SAFETY: one system call.
    unsafe { command.pre_exec(|| Ok(request(libc::PTRACE_TRACEME as _, Pid::from_raw(0), 0).map(drop)?)) };
    match command.spawn() {
        Err(error) if [Some(libc::EPERM), Some(libc::EACCES), Some(libc::ENOSYS)].contains(&error.raw_os_error()) => {
            None
        }
        child => Some(child.unwrap()),
    }
}

/// Where a process has been stopped.
pub enum At {
    Begin(Call),
    /// With the call's result.
    End(u64),
}

/// Where a process has been stopped that is before a call or behind it.
pub fn at_call(pid: Pid) -> At {
    const GET_SYSCALL_INFO: libc::c_long = 0x420e;
    // what: 1 for the begin, 2 for the end; instruction and stack pointer; number or result; arguments
    let mut info = [0_u64; 11];
    let size = size_of_val(&info);
    // SAFETY: the kernel writes at most as much as it is told.
    unsafe { libc::syscall(libc::SYS_ptrace, GET_SYSCALL_INFO, pid.as_raw(), size, info.as_mut_ptr()) };
    match info[0] & 0xff {
        1 => {
            At::Begin(Call { number: info[3] as libc::c_long, arguments: std::array::from_fn(|place| info[4 + place]) })
        }
        _ => At::End(info[3]),
    }
}

/// The exit code, or 1000 and the signal that was the end.
pub fn end(status: i32) -> i32 {
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 1000 + libc::WTERMSIG(status) }
}

/// A request of ptrace(2) with a number for its data.
pub fn request(request: libc::c_long, pid: Pid, data: usize) -> nix::Result<libc::c_long> {
    // SAFETY: numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_ptrace, request, pid.as_raw(), 0, data) })
}
