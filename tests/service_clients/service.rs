//! A service directory whose supervise the test plays: FIFOs that it reads or does not read, and files that it writes.

use crate::status::Status;
use crate::support::waiting::look_until;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::cell::RefCell;
use std::fs::{self, DirBuilder};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A service directory.
pub struct Service {
    path: PathBuf,
    /// The ends that a supervise has open: of `ok`, of `control`.
    ends: RefCell<Vec<OwnedFd>>,
}

impl Service {
    pub fn at(path: PathBuf) -> Self {
        Self { path, ends: RefCell::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the service directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Puts a file into the service directory.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.file(name), content).unwrap();
    }

    /// Makes `supervise` and its FIFOs, as far as they are not there, but does not read.
    pub fn prepare(&self) -> &Self {
        if !self.file("supervise").exists() {
            DirBuilder::new().mode(0o700).create(self.file("supervise")).unwrap();
        }
        for name in ["supervise/control", "supervise/ok"] {
            match mkfifo(&self.file(name), Mode::from_bits_truncate(0o600)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(reason) => panic!("{reason}"),
            }
        }
        self
    }

    /// Begins to supervise, as far as others can see: makes what is missing, reads `control` and then `ok`.
    pub fn begin(&self) -> &Self {
        self.prepare();
        // for both, so that it never ends for want of a writer
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let control = open(&self.file("supervise/control"), flags, Mode::empty()).unwrap();
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let ok = open(&self.file("supervise/ok"), flags, Mode::empty()).unwrap();
        self.ends.borrow_mut().extend([control, ok]);
        self
    }

    /// Ends it. A program that another test is just starting has these ends, too, up to its exec.
    #[track_caller]
    pub fn end(&self) {
        self.end_at(&self.file("supervise"));
    }

    /// The same where its files have been moved to.
    #[track_caller]
    pub fn end_at(&self, home: &Path) {
        self.ends.borrow_mut().clear();
        let is_read = |name: &str| {
            let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            open(&home.join(name), flags, Mode::empty()).is_ok()
        };
        look_until("nobody supervises any more", || !is_read("control") && !is_read("ok"));
    }

    /// A service that is supervised and has this status.
    pub fn supervised(self, status: &Status) -> Self {
        self.prepare();
        self.status(status);
        self.begin();
        self
    }

    /// Writes the status as a supervise does: anew, and then renamed.
    pub fn status(&self, status: &Status) -> &Self {
        self.replace("status", status.bytes())
    }

    /// Replaces a file of `supervise`.
    pub fn replace(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        replace(&self.file("supervise").join(name), content);
        self
    }

    /// Writes `info`, which begins with its version, for the process with this number and for a supervise that is this test.
    pub fn info(&self, pid: u32, lines: &str) -> &Self {
        let (supervise, start) = own_identity();
        self.replace("info", info(pid, supervise, start, lines))
    }

    /// All commands that have come.
    pub fn commands(&self) -> String {
        let ends = self.ends.borrow();
        let mut room = [0; 4096];
        match nix::unistd::read(&ends[0], &mut room) {
            Ok(count) => room[..count].iter().copied().map(char::from).collect(),
            Err(Errno::EAGAIN) => String::new(),
            Err(reason) => panic!("{reason}"),
        }
    }

    /// Waits for commands, and gives those that have come together.
    #[track_caller]
    pub fn next_commands(&self) -> String {
        let mut commands = String::new();
        look_until("commands come", || {
            commands = self.commands();
            !commands.is_empty()
        });
        commands
    }
}

/// Replaces a file as a supervise does: by a new one that takes its name.
pub fn replace(file: &Path, content: impl AsRef<[u8]>) {
    let temporary = file.with_extension("new");
    fs::write(&temporary, content).unwrap();
    fs::rename(temporary, file).unwrap();
}

/// What stands in `info`, with these further lines.
pub fn info(pid: u32, supervise: u32, start: u64, lines: &str) -> String {
    format!("version=1\nboot={}\npid={pid}\nsupervise={supervise}\nsupervise_starttime={start}\n{lines}", boot())
}

/// Which start of the machine this is: the first half of the kernel's number of it (random(4)).
pub fn boot() -> u64 {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).unwrap()
}

/// The number of this process, and when the kernel started it (proc(5), /proc/PID/stat, field 22).
pub fn own_identity() -> (u32, u64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    (std::process::id(), fields.split(' ').nth(22 - 3).unwrap().parse().unwrap())
}
