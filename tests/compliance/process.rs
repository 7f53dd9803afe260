//! Starts a program in exactly the surroundings that a case asks for.

use crate::case::{Case, Stream};
use std::ffi::{CStr, CString, c_char};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The account and group nobody.
const NOBODY: u32 = 65534;

/// What execve takes. Made before the fork: after it nothing may be allocated.
pub struct Program {
    file: CString,
    argv: Strings,
    envp: Strings,
}

impl Program {
    /// `applet` becomes argv[0], unless there is a wrapper, which takes a file name.
    pub fn new(wrapper: &[Vec<u8>], applet: &str, file: &Path, args: &[Vec<u8>], environ: &[Vec<u8>]) -> Self {
        let file = file.as_os_str().as_bytes();
        let (file, start) = match wrapper.first() {
            None => (file.to_vec(), vec![applet.as_bytes().to_vec()]),
            Some(name) => {
                let wrapper_file = crate::support::peer(&String::from_utf8_lossy(name)).expect("wrapper");
                let start = wrapper.iter().cloned().chain([file.to_vec()]).collect();
                (wrapper_file.as_os_str().as_bytes().to_vec(), start)
            }
        };
        Self {
            file: CString::new(file).expect("no NUL"),
            argv: Strings::new(start.into_iter().chain(args.iter().cloned())),
            envp: Strings::new(environ.iter().cloned()),
        }
    }
}

/// An array of pointers with a null pointer at its end.
struct Strings {
    _owned: Vec<CString>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers lead into the strings beside them, which nothing changes.
unsafe impl Send for Strings {}
// SAFETY: as above.
unsafe impl Sync for Strings {}

impl Strings {
    fn new(words: impl Iterator<Item = Vec<u8>>) -> Self {
        let owned: Vec<CString> = words.map(|word| CString::new(word).expect("no NUL")).collect();
        let pointers = owned.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect();
        Self { _owned: owned, pointers }
    }
}

/// What a process is started with.
pub struct Surroundings<'a> {
    pub case: &'a Case,
    pub dir: PathBuf,
    pub streams: [Option<OwnedFd>; 3],
    pub report: Option<OwnedFd>,
}

impl Surroundings<'_> {
    /// Returns when the program has been exec'ed.
    pub fn start(self, program: Program) -> Child {
        let Self { case, dir, streams, report } = self;
        let is_nobody = case.is_nobody && crate::support::is_root();
        let closed = case.streams.map(|stream| stream == Stream::Closed);
        let (umask, is_leader, has_dead_child) = (case.umask, case.is_leader, case.has_dead_child);
        let (limits, ignored) = (case.limits.clone(), case.ignored.clone());
        let report = report.as_ref().map(AsRawFd::as_raw_fd);

        let mut command = Command::new("/");
        command.current_dir(dir);
        let [input, output, error] = streams.map(|stream| stream.map_or_else(std::process::Stdio::null, Into::into));
        command.stdin(input).stdout(output).stderr(error);
        let prepare = move || -> io::Result<()> {
            // whatever the caller of the test left open
            // SAFETY: takes numbers only, and closes nothing before the exec.
            unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
            for signal in 1..=libc::SIGRTMAX() {
                // The kernel's struct sigaction: handler, flags, restorer, mask. Not through the C library, which keeps
                // 32 and 33 to itself, and whose posix_spawn leaves them ignored in what cargo runs.
                let action = [if ignored.contains(&signal) { libc::SIG_IGN } else { libc::SIG_DFL }, 0, 0, 0];
                // SAFETY: a record of the kernel's layout without a handler; what cannot be set stays.
                unsafe {
                    libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), std::ptr::null_mut::<usize>(), 8);
                }
            }
            // SAFETY: takes a number.
            unsafe { libc::umask(umask) };
            if is_leader {
                nix::unistd::setpgid(nix::unistd::Pid::from_raw(0), nix::unistd::Pid::from_raw(0))?;
            }
            if has_dead_child {
                leave_dead_child()?;
            }
            for &(resource, soft, hard) in &limits {
                resource.set(soft, hard)?;
            }
            if let Some(report) = report {
                duplicate(report, 3)?;
            }
            for number in 0..3 {
                if closed[number as usize] {
                    // SAFETY: the number is one of the three that the program would get.
                    unsafe { libc::close(number) };
                }
            }
            if is_nobody {
                become_nobody()?;
            }
            exec(&program)
        };
        // SAFETY: `prepare` makes system calls only, and allocates nothing.
        unsafe { command.pre_exec(prepare) };
        command.spawn().expect("start")
    }
}

/// A descriptor that the program inherits under this number.
fn duplicate(from: i32, to: i32) -> io::Result<()> {
    // SAFETY: `from` is open, and `to` is not in use but for a descriptor that the exec closes.
    let result = unsafe { if from == to { libc::fcntl(from, libc::F_SETFD, 0) } else { libc::dup2(from, to) } };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn exec(program: &Program) -> io::Result<()> {
    let file: &CStr = &program.file;
    // SAFETY: both arrays end with a null pointer and lead to strings that live as long as the program.
    unsafe { libc::execve(file.as_ptr(), program.argv.pointers.as_ptr(), program.envp.pointers.as_ptr()) };
    Err(io::Error::last_os_error())
}

fn become_nobody() -> io::Result<()> {
    nix::unistd::setgroups(&[])?;
    nix::unistd::setresgid(NOBODY.into(), NOBODY.into(), NOBODY.into())?;
    nix::unistd::setresuid(NOBODY.into(), NOBODY.into(), NOBODY.into())?;
    Ok(())
}

/// Forks a child that ends, and waits until it has, but leaves its status to be waited for.
fn leave_dead_child() -> io::Result<()> {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    // SAFETY: the child does nothing but end.
    match unsafe { nix::unistd::fork() }? {
        // SAFETY: ends this process at once.
        nix::unistd::ForkResult::Child => unsafe { libc::_exit(3) },
        nix::unistd::ForkResult::Parent { child } => {
            waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
            Ok(())
        }
    }
}

/// Kills the processes of a case that took too long: those whose current directory is in `dir`.
pub fn kill_all_in(dir: &Path) {
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_there = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir));
        if let (true, Ok(pid)) = (is_there, entry.file_name().to_string_lossy().parse()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}
