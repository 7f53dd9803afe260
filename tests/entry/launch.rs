//! Starts a program with any name, with a filter on one system call, or as a set-user-id launcher does.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::ffi::{CString, c_int, c_long};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A system call that is refused.
#[derive(Clone, Copy, Debug)]
pub struct Denial {
    pub name: &'static str,
    pub number: c_long,
    pub reason: Errno,
}

/// What came of a start, when all processes of it had ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code, or 1000 and the signal.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// Whether it had to be ended.
    pub is_endless: bool,
}

/// Where every process of a start has a pipe open, whatever else it closes.
const WITNESS: RawFd = 2;

fn done(outcome: c_int) -> std::io::Result<()> {
    if outcome == -1 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// Refuses the call from here on, in this process and all that come of it.
fn deny(denial: Denial) -> std::io::Result<()> {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IS_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let instruction = |code, k, jf| libc::sock_filter { code, jt: 0, jf, k };
    let mut program = [
        instruction(LOAD_NUMBER, 0, 0),
        instruction(IS_EQUAL, denial.number as u32, 1),
        instruction(RETURN, libc::SECCOMP_RET_ERRNO | denial.reason as u32, 0),
        instruction(RETURN, libc::SECCOMP_RET_ALLOW, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: numbers, and a filter with its length.
    unsafe {
        done(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        done(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter))
    }
}

/// Between fork and exec, a child has open what any thread of the test has: who looks for that must not find it there.
static NOBODY_BEGINS: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Ends all who have this pipe open but this process.
fn end_all(witness: &OwnedFd) {
    let _guard = NOBODY_BEGINS.lock();
    let name = std::fs::read_link(format!("/proc/self/fd/{}", witness.as_raw_fd())).unwrap();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let files = std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let has_it = files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|file| file == name);
        if has_it && pid as u32 != std::process::id() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// Runs a command with that call refused. All is read from it until no process has its standard error any more; but one
/// whose office is to go on trying is ended once it has complained, or after a minute.
pub fn run(command: &mut Command, denial: Option<Denial>, is_ended_by_complaint: bool) -> Outcome {
    const MOST: Duration = Duration::from_secs(60);
    let (errors, error) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let output = tempfile::tempfile().unwrap();
    // a second copy, where no daemon closes it
    let witness = error.try_clone().unwrap();
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(error);
    let number = witness.as_raw_fd();
    // SAFETY: system calls between fork and exec.
    unsafe {
        command.pre_exec(move || {
            done(libc::dup2(number, WITNESS))?;
            done(libc::fcntl(number, libc::F_DUPFD, 30))?;
            denial.map_or(Ok(()), deny)
        });
    }
    let mut child = {
        let _guard = NOBODY_BEGINS.lock();
        command.spawn().unwrap()
    };
    drop(witness);
    // the command has copies
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut stderr = Vec::new();
    let deadline = Instant::now() + MOST;
    let mut is_endless = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut watched = [PollFd::new(errors.as_fd(), PollFlags::POLLIN)];
        let count = poll(&mut watched, PollTimeout::try_from(left.as_millis() as i32).unwrap()).unwrap_or(0);
        if count > 0 {
            let mut part = [0; 4096];
            match nix::unistd::read(&errors, &mut part).unwrap() {
                0 => break,
                length => stderr.extend_from_slice(&part[..length]),
            }
        }
        if !is_endless && (left.is_zero() || is_ended_by_complaint && !stderr.is_empty()) {
            is_endless = true;
            end_all(&errors);
        }
        assert!(deadline.elapsed() < MOST, "not to be ended: {command:?} {denial:?}");
    }
    let status = child.wait().unwrap();
    let mut stdout = String::new();
    std::io::Seek::rewind(&mut &output).unwrap();
    (&output).read_to_string(&mut stdout).unwrap();
    let code = status.code().unwrap_or_else(|| 1000 + status.signal().unwrap());
    Outcome { code, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned(), is_endless }
}

/// What is exec'ed.
pub enum Executed<'a> {
    Name(&'a Path),
    /// By a descriptor, so that the kernel has no name but `/dev/fd/N`.
    Descriptor(&'a Path),
}

/// Runs a file with exactly these words, argv\[0\] among them.
pub fn exec(executed: &Executed<'_>, words: &[&str], directory: &Path) -> Outcome {
    let path = std::env::var("PATH").unwrap_or_default();
    exec_as(executed, words, directory, &[format!("PATH={path}")], None)
}

/// Likewise, with exactly these entries as the environment, and by root with another real user id if one is given: for the
/// kernel that is what a set-user-id launcher does.
pub fn exec_as(
    executed: &Executed<'_>,
    words: &[&str],
    directory: &Path,
    environment: &[String],
    real: Option<u32>,
) -> Outcome {
    let c_string = |bytes: &[u8]| CString::new(bytes).unwrap();
    let words: Vec<CString> = words.iter().map(|word| c_string(word.as_bytes())).collect();
    let entries: Vec<CString> = environment.iter().map(|entry| c_string(entry.as_bytes())).collect();
    let [argv, envp] = [&words, &entries]
        .map(|words| words.iter().map(|word| word.as_ptr().addr()).chain([0]).collect::<Vec<usize>>());
    let (file, opened) = match executed {
        Executed::Name(file) => (c_string(file.as_os_str().as_bytes()), None),
        Executed::Descriptor(file) => (CString::default(), Some(File::open(file).unwrap())),
    };
    let mut command = Command::new("/bin/false");
    command.current_dir(directory);
    // SAFETY: system calls between fork and exec; the words outlive them, and an address is one in the child, too.
    unsafe {
        command.pre_exec(move || {
            let _ = (&words, &entries);
            let [argv, envp] = [&argv, &envp].map(|words| words.as_ptr());
            if let Some(real) = real {
                done(libc::setresuid(real, 0, 0))?;
            }
            match &opened {
                None => libc::execve(file.as_ptr(), argv.cast(), envp.cast()).into(),
                Some(opened) => {
                    let number = opened.as_raw_fd();
                    libc::syscall(libc::SYS_execveat, number, file.as_ptr(), argv, envp, libc::AT_EMPTY_PATH)
                }
            };
            Err(std::io::Error::last_os_error())
        });
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or_else(|| 1000 + output.status.signal().unwrap()),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        is_endless: false,
    }
}
