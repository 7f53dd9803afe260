//! The launcher that starts a program in a given state: fork, raw system calls, execve. Command would not do: it resets
//! the signal mask and SIGPIPE.
#![allow(dead_code, reason = "each test program uses a part")]

use crate::hostile::{Start, done, set_disposition};
use crate::support::waiting::{PATIENCE, is_ready};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use std::ffi::{CString, c_int};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A descriptor for writing to a pipe that every process of a chain has: when all have ended, its reader sees the end.
const WITNESS: RawFd = 4;

/// A program to be started, and where.
#[derive(Clone)]
pub struct Launch {
    pub file: PathBuf,
    pub argv: Vec<Vec<u8>>,
    pub envp: Vec<Vec<u8>>,
    /// The working directory. Beside it lie what the launcher needs: the output, and a file for locks.
    pub directory: PathBuf,
}

/// What became of it, when it and all its descendants had ended.
pub struct Ended {
    pub pid: Pid,
    /// The exit code, or 1000 and the signal that killed it.
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

static FORKING: Mutex<()> = Mutex::new(());

/// While this is held no process is forked: one would hold a file open that is being written here, and an exec of that
/// file would be refused as "text file busy".
pub fn no_forks() -> MutexGuard<'static, ()> {
    FORKING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Launch {
    /// Starts the program in this state and waits for the end of all processes that come of it.
    pub fn run(&self, start: &Start) -> Ended {
        let beside = |name: &str| self.directory.with_extension(name);
        let [output, error] = ["stdout", "stderr"].map(|name| File::create(beside(name)).unwrap());
        let input = File::open("/dev/null").unwrap();
        // A new one: the last process of an earlier run may have given its pipe back, but not yet its locks.
        let _ = std::fs::remove_file(beside("locks"));
        std::fs::write(beside("locks"), "locks").unwrap();
        let [locks, doomed] = ["locks", "doomed"].map(|name| c_string(beside(name).as_os_str().as_bytes()));
        let directory = c_string(self.directory.as_os_str().as_bytes());
        let file = c_string(self.file.as_os_str().as_bytes());
        let [argv, envp] = [&self.argv, &self.envp].map(|words| words.iter().map(|word| c_string(word)).collect());
        let [argv, envp]: [Vec<CString>; 2] = [argv, envp];
        let [argv, envp] = [&argv, &envp].map(|words| {
            let pointers = words.iter().map(|word| word.as_ptr());
            pointers.chain([std::ptr::null()]).collect::<Vec<_>>()
        });

        let guard = no_forks();
        let (status, report) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
        let (end, witness) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
        let descriptors = [&input.as_fd(), &output.as_fd(), &error.as_fd(), &witness.as_fd(), &report.as_fd()]
            .map(AsRawFd::as_raw_fd);
        // SAFETY: the child makes system calls only, and ends by exec or _exit.
        let child = match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                let failed =
                    prepare(descriptors, &directory).and_then(|()| start.enter(&locks, &doomed)).and_then(|()| {
                        // SAFETY: both arrays end with a null pointer, and the strings outlive them.
                        unsafe { libc::execve(file.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
                        Err::<(), _>(Errno::last())
                    });
                let reason = failed.err().map_or(0, |reason| reason as i32).to_ne_bytes();
                // SAFETY: writes four bytes to where `prepare` put the pipe, and ends.
                unsafe {
                    libc::write(REPORT, reason.as_ptr().cast(), reason.len());
                    libc::_exit(127)
                }
            }
        };
        drop((report, witness, input, output, error));
        let mut reason = Vec::new();
        File::from(status).read_to_end(&mut reason).unwrap();
        drop(guard);

        let ended = is_ready(end.as_fd(), PATIENCE);
        if !ended {
            let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
        }
        let code = match waitpid(child, None).unwrap() {
            WaitStatus::Exited(_, code) => code,
            WaitStatus::Signaled(_, signal, _) => 1000 + signal as i32,
            other => panic!("{other:?}"),
        };
        let shown = self.argv.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ");
        if let Ok(reason) = <[u8; 4]>::try_from(reason) {
            panic!("{shown}, {}: {}", start.name, Errno::from_raw(i32::from_ne_bytes(reason)));
        }
        assert!(ended, "{shown}, {}: still running after a minute", start.name);
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| std::fs::read(beside(name)).unwrap());
        Ended { pid: child, code, stdout, stderr }
    }
}

/// Where the child keeps the pipe for its own failures.
const REPORT: RawFd = 100;

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap()
}

/// In the child: nothing but the standard descriptors and the witness, no signal blocked or ignored.
fn prepare([input, output, error, witness, report]: [RawFd; 5], directory: &CString) -> nix::Result<()> {
    const ABOVE: c_int = 100;
    // SAFETY: descriptors by their numbers in a process that uses no other, dispositions without handlers, a mask of
    // eight bytes, and a C string.
    unsafe {
        let mut moved = [report, input, output, error, witness];
        for (number, descriptor) in (ABOVE..).zip(&mut moved) {
            // one that is there already would be overwritten, so first all go further up
            *descriptor = libc::fcntl(*descriptor, libc::F_DUPFD_CLOEXEC, number + 100);
            done(*descriptor)?;
        }
        done(libc::dup3(moved[0], REPORT, libc::O_CLOEXEC))?;
        for (descriptor, number) in moved[1..].iter().zip([0, 1, 2, WITNESS]) {
            done(libc::dup2(*descriptor, number))?;
        }
        for number in (3..1024).filter(|&number| number != WITNESS && number != REPORT) {
            libc::close(number);
        }
        for signal in 1..=64 {
            // refused for those that cannot be ignored
            let _ = set_disposition(signal, 0);
        }
        done(libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &0_u64, 0, 8_usize))?;
        done(libc::chdir(directory.as_ptr()))
    }
}

/// Makes the test program known under another name in `directory`, for every account. A copy, as the original may lie
/// where other accounts cannot go.
pub fn install_self(directory: &Path, names: &[&str]) {
    let guard = no_forks();
    let program = std::fs::read_link("/proc/self/exe").unwrap();
    let copy = directory.join("test-program");
    if std::fs::hard_link(&program, &copy).is_err() {
        std::fs::copy(&program, &copy).unwrap();
    }
    drop(guard);
    for name in names {
        std::os::unix::fs::symlink("test-program", directory.join(name)).unwrap();
    }
}
