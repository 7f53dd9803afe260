//! What the tests of pid files start and look at: a program that runs until the test lets it go, in each of the ways
//! in which it can come to a pid file.
//!
//! The program is cat: it ends when the pipe it reads ends, and so with the test, however that ends.

use crate::support::waiting::{PATIENCE, end_of, is_ready, look_until};
use crate::support::{Installed, world_readable_directory};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// What runs until its standard input ends.
pub const CAT: &[&str] = &["/bin/cat"];

/// How a program comes to its pid file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `pidfile-lock F program`.
    Alone,
    /// `daemonize pidfile-lock F program`, in one process.
    Behind,
    /// The same with a real exec in between.
    BehindByExec,
    /// `daemonize -p F program`.
    Own,
}

impl Form {
    pub const ALL: [Self; 4] = [Self::Alone, Self::Behind, Self::BehindByExec, Self::Own];
    /// Those in which a foreground returns when the program runs.
    pub const DAEMONS: [Self; 3] = [Self::Behind, Self::BehindByExec, Self::Own];

    /// The exit code of a failure of the link that has the pid file.
    pub fn failure(self) -> i32 {
        if self == Self::Own { 1 } else { 111 }
    }

    /// The whole line that says so. Some reasons are spelled in two ways.
    pub fn says(self, text: &str, reason: (&str, &str)) -> String {
        match self {
            Self::Own => format!("daemonize: {text}{}\n", reason.1),
            _ => format!("pidfile-lock: fatal: {text}{}\n", reason.0),
        }
    }

    /// The line of a second start.
    pub fn says_held(self, file: &Path, how: &str) -> String {
        self.says(&format!("{} {how}", file.display()), ("", ""))
    }
}

/// A directory, and the programs under test.
pub struct Place {
    installed: Arc<Installed>,
    directory: TempDir,
    user: Option<u32>,
}

impl Place {
    pub fn new() -> Self {
        Self { installed: Installed::shared(), directory: world_readable_directory(), user: None }
    }

    /// One whose programs run as this user, to whom the directory belongs. For root.
    pub fn of_user(user: u32) -> Self {
        let place = Self { user: Some(user), ..Self::new() };
        std::os::unix::fs::chown(place.path(), Some(user), Some(user)).unwrap();
        place
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    pub fn installed(&self) -> &Installed {
        &self.installed
    }

    /// A command in the directory, with the programs under test in front of the others.
    pub fn command(&self, words: &[impl AsRef<OsStr>]) -> Command {
        let name = words[0].as_ref();
        let applet = self.installed.path().join(name);
        let mut command = Command::new(if applet.exists() { applet.as_os_str() } else { name });
        let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.installed.path().display());
        command.args(&words[1..]).env("PATH", path).current_dir(self.path());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// The words of a start: options are those of the link that has the pid file.
    pub fn words(&self, form: Form, options: &[&str], file: &Path, program: &[&str]) -> Vec<String> {
        let file = file.to_str().unwrap();
        let front: &[&str] = match form {
            Form::Alone => &["pidfile-lock"],
            Form::Behind | Form::BehindByExec => &["daemonize", "--keep-stdio", "pidfile-lock"],
            Form::Own => &["daemonize", "--keep-stdio"],
        };
        let name: &[&str] = if form == Form::Own { &["-p", file] } else { &[file] };
        [front, options, name, program].concat().into_iter().map(str::to_owned).collect()
    }

    /// Starts cat in this way.
    pub fn start(&self, form: Form, options: &[&str], file: &Path) -> Started {
        self.start_program(form, options, file, CAT).echoing()
    }

    /// Starts a program that writes a byte when it is up, and ends with its standard input.
    pub fn start_program(&self, form: Form, options: &[&str], file: &Path, program: &[&str]) -> Started {
        let words = self.words(form, options, file, program);
        Started::new(self.command(&words), form)
    }

    /// Starts cat, and it is up, also by its name.
    pub fn holder(&self, form: Form, options: &[&str], file: &Path) -> Running {
        let started = self.start(form, options, file).up();
        let mut running = started.unwrap_or_else(|refused| panic!("{form:?} {options:?}: {refused:?}"));
        if form != Form::Alone {
            // the kernel gives a program its name only after it has closed what tells the foreground
            running.started.output.read_exact(&mut [0]).unwrap();
        }
        running
    }

    /// Runs what comes to its end by itself.
    pub fn run(&self, words: &[impl AsRef<OsStr>]) -> Refused {
        Started::new(self.command(words), Form::Alone).ended()
    }
}

/// Something started that may come up or not.
pub struct Started {
    pub child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// The reading end of a pipe that all of them have open.
    witness: OwnedFd,
    form: Form,
}

/// Where they have it: above the lock, so that its end comes after the lock's, and above all that this process has open.
const WITNESS: i32 = 900;

/// A start that came to nothing, or a program that has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: Option<i32>,
    pub stderr: String,
}

impl Refused {
    pub fn new(code: i32, stderr: impl Into<String>) -> Self {
        Self { code: Some(code), stderr: stderr.into() }
    }
}

impl Started {
    #[allow(unsafe_code)]
    pub fn new(mut command: Command, form: Form) -> Self {
        let (witness, end) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
        let number = end.as_raw_fd();
        // SAFETY: a system call that takes any two numbers.
        unsafe {
            command
                .pre_exec(move || Errno::result(libc::dup2(number, WITNESS)).map(drop).map_err(std::io::Error::from));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("CATENA_FUSE", if form == Form::BehindByExec { "0" } else { "1" });
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output, witness, form }
    }

    /// The process that was started here: the foreground, or the program itself.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// What was started ends with cat: what comes back shows that it runs.
    pub fn echoing(mut self) -> Self {
        // it may have been refused already
        let _ = self.input.as_mut().unwrap().write_all(b"x");
        self
    }

    /// Waits until the foreground has returned, or the program alone has said that it is up.
    pub fn up(mut self) -> Result<Running, Refused> {
        let is_up = match self.form {
            Form::Alone => is_ready(self.output.as_fd(), PATIENCE) && self.output.read(&mut [0]).unwrap() == 1,
            _ => self.child.wait().unwrap().success(),
        };
        if is_up { Ok(Running { started: self }) } else { Err(self.ended()) }
    }

    /// Waits for the end of all that was started.
    pub fn ended(mut self) -> Refused {
        self.input = None;
        let mut stderr = Vec::new();
        self.child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        assert!(is_ready(self.witness.as_fd(), PATIENCE), "what was started does not end");
        let code = self.child.wait().unwrap().code();
        Refused { code, stderr: String::from_utf8_lossy(&stderr).into_owned() }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.input = None;
        if std::thread::panicking() {
            // what does not read its input would be waited for below
            let _ = self.child.kill();
        } else {
            assert!(is_ready(self.witness.as_fd(), PATIENCE), "what was started does not end");
        }
        let _ = self.child.wait();
    }
}

/// A program that runs until this is dropped.
pub struct Running {
    started: Started,
}

impl Running {
    /// Kills the process `pid` as hard as can be, and waits until it is a zombie or gone.
    pub fn kill(&self, pid: Pid) {
        let watch = end_of(pid);
        kill(pid, Signal::SIGKILL).unwrap();
        assert!(is_ready(watch.as_fd(), PATIENCE), "pid {pid} does not end");
    }

    /// The process that was started here.
    pub fn pid(&self) -> Pid {
        self.started.pid()
    }
}

/// Who holds a record lock on the file, as the kernel tells any reader.
pub fn holder_of(file: &Path) -> Option<Pid> {
    let opened = File::open(file).unwrap();
    let mut lock = record(libc::F_WRLCK);
    fcntl(&opened, FcntlArg::F_GETLK(&mut lock)).unwrap();
    (i32::from(lock.l_type) != libc::F_UNLCK).then(|| Pid::from_raw(lock.l_pid))
}

/// A record lock on a whole file.
pub fn record(kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind.try_into().unwrap(),
        l_whence: libc::SEEK_SET.try_into().unwrap(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// The pid that the file holds, with its newline and nothing else.
pub fn pid_in(file: &Path) -> Pid {
    let text = std::fs::read_to_string(file).unwrap();
    let pid = text.strip_suffix('\n').and_then(|digits| digits.parse().ok());
    let pid = pid.unwrap_or_else(|| panic!("{text:?} in {}", file.display()));
    assert_eq!(text, format!("{pid}\n"));
    Pid::from_raw(pid)
}

/// The file is complete, it is locked, and both name the same process. Gives that.
pub fn holder(file: &Path) -> Pid {
    let pid = pid_in(file);
    assert_eq!(holder_of(file), Some(pid), "{}", file.display());
    pid
}

/// Waits until a process waits in one of these system calls.
pub fn await_call(pid: Pid, calls: &[i64]) {
    look_until(&format!("pid {pid} waits in one of {calls:?}"), || {
        let text = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
        let call = text.split(' ').next().and_then(|number| number.trim().parse::<i64>().ok());
        call.is_some_and(|call| calls.contains(&call))
    });
}

/// The calls in which a start waits for the end of whoever has its file.
pub const WAITS: &[i64] = &[
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_flock,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
];
