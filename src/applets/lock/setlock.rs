//! setlock: run a program with a lock held on a file. The lock belongs to the open descriptor the program inherits.

use crate::applet::{Applet, Dialect, Manual, Meaning, OwnWay, Process, Role};
use crate::attributes::descriptors::{self, LOCK};
use crate::attributes::{Boundaries, Fact, View};
use crate::files::lock_wait::LockWait;
use crate::files::read_only::let_only_read;
use crate::options::lock::LockOptions;
use crate::options::{Flag, Given, Valued};
use crate::sys::descriptor::{self, uninterrupted};
use crate::sys::lock::{self, Kind};
use crate::sys::words::Word;
use crate::voice::exit::{BERNSTEIN, SUCCESS};
use crate::voice::failure::{Failure, UnableTo, WrongUsage};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, OwnedFd, RawFd};

const WAITING: LockOptions = LockOptions {
    no_wait: Flag::new("n", "Do not wait for the lock"),
    wait: Flag::new("N", "Wait for the lock (default)"),
    limit: Valued::new("t", "SECONDS", "Wait for so long at most; decimals are allowed"),
};
const SILENT: Flag = Flag::new("x", "Exit with 0 and without a word if the file cannot be opened or locked");
const LOUD: Flag = Flag::new("X", "Exit with 111 and a message then (default)");
const SHARED: Flag = Flag::new("s", "Lock for sharing: others with -s may hold it too");
const NUMBER: Valued = Valued::new("d", "FD", "Hold the lock on this descriptor, not on the lowest free one");
const RECORD: Flag = Flag::new("fcntl", "Take a POSIX record lock, as s6-setlock does, not a flock(2)");
const READ_ONLY: Flag = Flag::new("read-only", "Hold the flock(2) on a descriptor that can only read FILE");

/// The definition.
pub const APPLET: Applet = Applet {
    name: "setlock",
    about: "Run a program with a lock held on a file",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "with -x: the file could not be opened or locked")],
    changes: &[LOCK],
    on_request: &[],
    options: &[
        WAITING.no_wait.line(),
        WAITING.wait.line(),
        SILENT.line(),
        LOUD.line(),
        SHARED.line(),
        WAITING.limit.line(),
        NUMBER.line(),
        RECORD.line(),
        READ_ONLY.line(),
    ],
    operands: &[("FILE", "The file to lock; created with mode 0600 if it does not exist")],
    example: &["/dev/null"],
    manual: Manual {
        description: &[
            "Opens FILE for appending, creating it if need be and changing nothing in it, locks it for itself alone \
             with flock(2), and runs the program, which inherits the descriptor and with it the lock. Of `-n`, `-N` \
             and `-t`, and of `-x` and `-X`, the last one counts.",
            "The lock lasts as long as any process has that descriptor open: a child that outlives the program keeps \
             it.",
            "It excludes flock(1), chpst -l and daemonize -l, but no program that takes POSIX record locks: for those \
             `--fcntl`. A record lock belongs to the process, not the descriptor: a child does not keep it, and the \
             program loses it when it closes any descriptor of FILE.",
            "Whoever may read a file can hold a flock(2) on it; hence the mode 0600.",
            "The program can write to FILE through the descriptor, as with the reference, and so can one that becomes \
             another account by setuidgid(1). With `--read-only` it cannot. That needs the right to read FILE, which must \
             be a regular file on a file system that lets readers hold the lock, which NFS does not: elsewhere the \
             descriptor stays as it is.",
        ],
        sections: &[],
        examples: &[
            ("setlock -n /run/job.lock ./job", "Run a job, but not twice at a time."),
            ("setlock -nx /run/job.lock ./job", "From cron: a second copy is no error."),
            ("setlock -n --read-only /run/app.lock setuidgid nobody ./app", "The lock file stays root's."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "`-s`, `-t`, `-d`, `--fcntl` and `--read-only` are additions.",
            "The usage line lists the operands in capitals.",
        ],
        see_also: &["flock(1)", "flock(2)", "fcntl(2)"],
    },
    role: Role::Link(|given| Meaning::own_way(Setlock::new(given).ok_or(WrongUsage)?)),
};

struct Setlock {
    file: Word,
    patience: LockWait,
    silent: bool,
    kind: Kind,
    shared: bool,
    reads_only: bool,
    number: Option<RawFd>,
}

impl Setlock {
    fn new(given: &Given) -> Option<Self> {
        Some(Self {
            file: given.operand(0),
            patience: WAITING.read(given, LockWait::Endless)?,
            silent: given.prevails(SILENT, LOUD),
            kind: if given.has(RECORD) { Kind::Record } else { Kind::Flock },
            shared: given.has(SHARED),
            reads_only: given.has(READ_ONLY),
            number: given.number(NUMBER)?,
        })
    }

    fn open(&self) -> anyhow::Result<OwnedFd> {
        // a record lock for sharing needs a descriptor that can read
        let access = if self.shared && self.kind == Kind::Record { OFlag::O_RDWR } else { OFlag::O_WRONLY };
        let flags = access | OFlag::O_NONBLOCK | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let file = self.file.as_c_str();
        uninterrupted(|| open(file, flags, Mode::S_IRUSR | Mode::S_IWUSR)).unable_to("open", self.file.bytes())
    }
}

impl OwnWay for Setlock {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let number = match self.number {
            Some(number) => number,
            None => descriptors::lowest_closed(view, 0)?,
        };
        let kind = if self.kind == Kind::Record { "posix" } else { "flock" };
        let how = if self.shared { "read" } else { "write" };
        Ok(vec![descriptors::is(number, self.file.bytes()), descriptors::locks(number, kind, how)])
    }

    fn apply(&self, process: &mut Process) -> anyhow::Result<Boundaries> {
        let silently = |error| if self.silent { Failure::silent(0).into() } else { error };
        let mut file = self.open().map_err(silently)?;
        if self.reads_only && self.kind == Kind::Flock {
            file = let_only_read(file, self.file, self.shared);
        }
        if let Some(number) = self.number {
            let occupied = number.to_string();
            process.listeners.make_way(number).unable_to("use descriptor", occupied.as_bytes())?;
            // before the lock: to close a second descriptor of the file would release a record lock
            file = descriptor::move_to(file, number).unable_to("use descriptor", occupied.as_bytes())?;
        }
        let attempt = |wait| lock::acquire(file.as_fd(), self.kind, self.shared, wait);
        self.patience.acquire(APPLET.name, attempt).unable_to("lock", self.file.bytes()).map_err(silently)?;
        descriptor::keep_across_exec(file).unable_to("keep open", self.file.bytes())?;
        Ok(Boundaries::NONE)
    }
}
