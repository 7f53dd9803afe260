//! The parent of a tree under test: it runs one program, reaps what that leaves behind, as an init does, and ends when
//! nothing of it is left. If the test ends first, it kills all.

use crate::process;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The name by which this test program is the keeper.
pub const NAME: &str = "keeper";
/// Starts the program once more when it has been killed by KILL.
pub const AGAIN: &str = "again";
/// Starts it once.
pub const ONCE: &str = "once";

/// `keeper again|once PROGRAM ARGUMENTS...`. Standard input is open for as long as the test lives. Says on standard output
/// `started PID` and `ended CODE`, where CODE is the exit code, or 1000 and the signal that killed it; the end of
/// standard output is the end of all processes.
pub fn keep(argv: &[Vec<u8>]) -> i32 {
    // SAFETY: numbers.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1_usize, 0_usize, 0_usize, 0_usize) };
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&children), None).unwrap();
    let ends = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).unwrap();
    let is_restarted = argv[1] == AGAIN.as_bytes();
    let lifeline = std::io::stdin();
    let mut program = start(&argv[2..]);
    loop {
        let mut watched =
            [PollFd::new(ends.as_fd(), PollFlags::POLLIN), PollFd::new(lifeline.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            answer => answer.unwrap(),
        };
        if watched[1].revents() != Some(PollFlags::empty()) {
            return kill_all();
        }
        while let Ok(Some(_)) = ends.read_signal() {}
        loop {
            let ended = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Err(Errno::ECHILD) => return 0,
                answer => answer.unwrap(),
            };
            if ended.pid() == Some(program) {
                let code = match ended {
                    WaitStatus::Exited(_, code) => code,
                    WaitStatus::Signaled(_, signal, _) => 1000 + signal as i32,
                    other => panic!("{other:?}"),
                };
                say(&format!("ended {code}\n"));
                if is_restarted && code == 1000 + libc::SIGKILL {
                    program = start(&argv[2..]);
                }
            }
        }
    }
}

#[allow(clippy::zombie_processes, reason = "all are waited for at once")]
fn start(argv: &[Vec<u8>]) -> Pid {
    let words: Vec<&OsStr> = argv.iter().map(|word| OsStr::from_bytes(word)).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
    // SAFETY: one system call.
    unsafe {
        command.pre_exec(|| Ok(sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?));
    }
    let child = command.spawn().unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    say(&format!("started {pid}\n"));
    pid
}

fn say(line: &str) {
    let _ = std::io::stdout().write_all(line.as_bytes()).and_then(|()| std::io::stdout().flush());
}

/// Whatever is orphaned by a kill becomes a child of this process, so in the end none is left.
fn kill_all() -> i32 {
    loop {
        for child in process::all().iter().filter(|process| process.parent == Pid::this()) {
            let _ = kill(child.pid, Signal::SIGKILL);
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Err(Errno::ECHILD) => return 1,
                _ => {}
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
