//! pidfile-lock: run a program with its pid in a file that it holds locked. The lock is what makes the file true: see
//! src/pidfile.

use crate::applet::{Applet, Dialect, Manual, Meaning, OwnWay, Process, Role};
use crate::attributes::descriptors::{self, LOCK};
use crate::attributes::identity::UID;
use crate::attributes::{Boundaries, Fact, Value, View};
use crate::files::lock_wait::LockWait;
use crate::number::{decimal_in, mode};
use crate::options::lock::LockOptions;
use crate::options::{Flag, Given, Valued};
use crate::pidfile::claim::{self, Claim, Denied, Terms};
use crate::pidfile::replacing;
use crate::sys::descriptor;
use crate::sys::lock::Kind;
use crate::sys::words::Word;
use crate::voice::exit::{Code, HELD, PIDFILE_LOCK, SUCCESS};
use crate::voice::failure::{Failure, UnableTo, WrongUsage};
use nix::sys::stat::stat;
use nix::unistd::ftruncate;
use std::cell::Cell;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

const WAITING: LockOptions = LockOptions {
    no_wait: Flag::new("n", "Do not wait for the lock (default)"),
    wait: Flag::new("N", "Wait for the lock"),
    limit: Valued::new("t", "SECONDS", "Wait for so long at most; decimals are allowed"),
};
const SILENT: Flag = Flag::new("x", "Exit with 0 and without a word if another process holds the file");
const LOUD: Flag = Flag::new("X", "Exit with 75 and a message then (default)");
const CODE: Valued = Valued::new("E", "CODE", "Exit with CODE, not 75, if another process holds the file");
const NUMBER: Valued =
    Valued::new("d", "FD", "Hold the lock on this descriptor, not on the lowest free one from 10 on");
const MODE: Valued = Valued::new("m", "MODE", "Give the file exactly this mode, which may let group and others write");
const LOCK_FILE: Valued = Valued::new("l", "LOCKFILE", "Lock this file instead, and write FILE anew each time");
const FLOCK: Flag = Flag::new("flock", "Take a flock(2), as setlock does, not a POSIX record lock");

/// The definition.
pub const APPLET: Applet = Applet {
    name: "pidfile-lock",
    about: "Run a program with its pid in a file that it holds locked",
    dialect: Dialect::Bernstein,
    codes: PIDFILE_LOCK,
    other_codes: &[
        (Code::Number(HELD), "another process holds the file (-E gives another code)"),
        (SUCCESS, "with -x: another process holds the file"),
    ],
    changes: &[LOCK],
    on_request: &[],
    options: &[
        WAITING.no_wait.line(),
        WAITING.wait.line(),
        SILENT.line(),
        LOUD.line(),
        WAITING.limit.line(),
        CODE.line(),
        NUMBER.line(),
        MODE.line(),
        LOCK_FILE.line(),
        FLOCK.line(),
    ],
    operands: &[("FILE", "The pid file; created with mode 0644, less the umask, if it does not exist")],
    example: &["-m", "0666", "/dev/null"],
    manual: Manual {
        description: &[
            "Opens FILE, locks it for itself alone, writes its process id and a newline into it, and runs the \
             program. An exec keeps the process id, so the file names the program itself, and the lock lasts \
             exactly as long as that process: a file that is not locked names nobody, whatever it says. FILE is \
             left where it is when the program ends. Of `-n`, `-N` and `-t`, and of `-x` and `-X`, the last one \
             counts.",
            "The lock is a POSIX record lock. A child that outlives the program does not keep it, any reader can \
             ask the kernel who holds it (fcntl(2), F_GETLK), and after a crash the next start simply takes it. Its \
             one weakness is that a process loses it by closing any descriptor of the file, as a program does that \
             writes its own pid file. So a file whose text names a process that runs and still has the file open as \
             its lock's holder has it counts as held, too. A program that closes all descriptors at its start, as \
             some daemons do, leaves no such trace: use `-l`, or that program's own pid file.",
            "It is a read lock, on a descriptor that can only read: a program that becomes another account by \
             setuidgid(1) cannot write to FILE through it, and whoever wants a write lock on FILE is kept out all the \
             same. lslocks(8) calls it READ. Whoever may read FILE can hold a read lock, too, but is in nobody's way: \
             a lock counts, whatever the file says, if its process has the file open as only its owner and root can \
             open it, with O_NOATIME. Of several starts at a time one decides: meanwhile there is a \
             file `.NAME.claim` of mode 0600 beside FILE, which another start waits for, up to a second. A start that \
             is killed may leave it behind, empty and in nobody's way. Where none can be made, as in a directory that \
             is not the caller's, or another has put something of that name there, a start beside a reader is refused, and so it is beside a lock of a process that \
             cannot be seen, in another pid namespace.",
            "The lock's descriptor is the lowest free one from 10 on: the redirections of a shell script, which are \
             single digits, cannot close it by taking its number.",
            "Refused are symbolic links, files with other hard links, all that is no regular file, files of owners \
             other than root and the own user, and files that group or others may write to, unless `-m` wants that. \
             A file that others remove or replace meanwhile is opened again, so that two starts can never hold two \
             files of one name.",
            "If the pid cannot be written, as on a full disk, the program does not run, and a file created for it \
             is removed. If the program cannot be run, the file is left empty; a link that runs and then fails leaves \
             its pid there, without a lock.",
            "`-l` locks LOCKFILE instead, which is created with mode 0600 and stays empty; FILE is then \
             replaced in one step by a new file in the same directory. That is for a program that writes FILE itself, \
             and for readers that are never to see a part of the text. What FILE is must be as above here, too: it is \
             looked at, without following links, before anything is done, and again right before the new file takes \
             its place, which is never that of something that has come to a free name meanwhile. Who may write to the \
             directory can still exchange one file for something else within that last instant; that name is lost \
             then, and what it leads to is not touched.",
            "`pidfile-lock -nX FILE true` is no way to ask whether somebody holds FILE: where nobody does, it takes \
             FILE and writes its own process id over the old one. To ask without changing anything, look at the \
             kernel's list of locks: lslocks(8) names each file with the process that holds it, and /proc/locks has \
             the same by the file's inode number.",
            "Put pidfile-lock behind links that fork, as daemonize(1), setsid(1) and fghack(1) do, or the lock \
             stays with a process that is no more; and in front of setuidgid(1), so that FILE belongs to who starts \
             the daemon and not to the account it runs as.",
        ],
        sections: &[],
        examples: &[
            ("pidfile-lock /run/app.pid ./app", "Run a program with its pid in a file, but not twice at a time."),
            ("pidfile-lock /run/app.pid setuidgid nobody ./app", "The file stays root's, whoever the program runs as."),
            ("pidfile-lock -x app.pid ./job", "From cron: if the last run still goes on, that is no error."),
        ],
        reference: "catena's own",
        differences: &[
            "`-n`, `-N`, `-x`, `-X`, `-t` and `-d` are those of setlock(1), but not to wait is the default, and \
             `-x` is silent about a held lock alone.",
            "`--flock` excludes setlock(1) and flock(1), and whatever inherits the descriptor keeps it. Then nobody \
             can be told who holds it, and whoever may read FILE can hold that lock and be in the way. Where a file \
             system lets only writers hold it, as NFS does, the descriptor can write.",
        ],
        see_also: &["daemonize(1)", "setlock(1)", "fcntl(2)", "lslocks(8)", "proc(5)"],
    },
    role: Role::Link(|given| Meaning::own_way(PidfileLock::new(given).ok_or(WrongUsage)?)),
};

struct PidfileLock {
    file: Word,
    lock_file: Option<Word>,
    patience: LockWait,
    silent: bool,
    held: u8,
    kind: Kind,
    mode: Option<u32>,
    number: Option<RawFd>,
}

impl PidfileLock {
    fn new(given: &Given) -> Option<Self> {
        let mut link = Self {
            file: given.operand(0),
            lock_file: given.last(LOCK_FILE),
            patience: WAITING.read(given, LockWait::None)?,
            silent: given.prevails(SILENT, LOUD),
            held: HELD,
            kind: if given.has(FLOCK) { Kind::Flock } else { Kind::Record },
            mode: None,
            number: given.number(NUMBER)?,
        };
        if let Some(code) = given.last(CODE) {
            link.held = decimal_in(code.bytes())?;
        }
        if let Some(bits) = given.last(MODE) {
            link.mode = Some(mode(bits.bytes())?);
        }
        // as one of 0 to 2 a pid file would be read or written by who does not mean it
        link.number.is_none_or(|number| number > 2).then_some(link)
    }

    /// Locks what is to be locked, and does `work` before anybody else can. `text` gives the text that tells who runs, if that
    /// is not the locked file's.
    fn lock(
        &self,
        terms: Terms,
        text: impl Fn() -> Option<Vec<u8>>,
        work: impl Fn(&Claim) -> anyhow::Result<()>,
    ) -> anyhow::Result<OwnedFd> {
        let claim = Claim::open(Terms { number: self.number, ..terms });
        let claim = claim.map_err(|unfit| unfit.explain(terms.file))?;
        let text = |file: BorrowedFd<'_>| text().unwrap_or_else(|| Claim::text(file));
        claim.make_good(self.kind, self.patience, APPLET.name, text, work).map_err(|denied| match denied {
            Denied::Held(_) if self.silent => Failure::silent(0).into(),
            denied => denied.explain(self.file, self.held),
        })
    }

    /// Replaces FILE under the lock on another.
    fn replace(&self, file: &Terms, lock: &Claim) -> anyhow::Result<OwnedFd> {
        if lock.is_at(self.file) {
            if lock.is_new() {
                lock.withdraw();
            }
            let what = [b"unable to use ", self.file.bytes(), b": it is the lock file itself"].concat();
            return Err(Failure::new(what).into());
        }
        replacing::replace(file)
    }
}

/// Whether this account may have a descriptor of the file that only reads it and still is no mere reader's (O_NOATIME): its
/// owner may, and so may root.
fn may_mark(file: Word, view: &View<'_>) -> nix::Result<bool> {
    let Value::Number(user) = view.value(&UID, b"1")? else { return Ok(false) };
    match stat(file.as_c_str()) {
        Ok(seen) => Ok(user == 0 || i64::from(seen.st_uid) == user),
        // it will be made
        Err(_) => Ok(true),
    }
}

impl OwnWay for PidfileLock {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let number = match self.number {
            Some(number) => number,
            None => descriptors::lowest_closed(view, claim::FIRST)?,
        };
        let file = self.lock_file.unwrap_or(self.file);
        let (kind, how) = match self.kind {
            Kind::Flock => ("flock", "write"),
            Kind::Record => ("posix", if may_mark(file, view)? { "read" } else { "write" }),
        };
        Ok(vec![descriptors::is(number, file.bytes()), descriptors::locks(number, kind, how)])
    }

    fn apply(&self, process: &mut Process) -> anyhow::Result<Boundaries> {
        if let Some(number) = self.number {
            process.listeners.make_way(number).unable_to("use descriptor", number.to_string().as_bytes())?;
        }
        let file = Terms { mode: self.mode, ..Terms::new(self.file) };
        let written = Cell::new(None);
        let lock = match self.lock_file {
            None => self.lock(file, || None, Claim::write)?,
            Some(lock_file) => {
                // before anything is done, and again when it is to be replaced
                replacing::look(&file)?;
                let terms = Terms { new_mode: 0o600, ..Terms::new(lock_file) };
                let text = || Some(replacing::text_at(self.file));
                self.lock(terms, text, |lock| {
                    written.set(Some(self.replace(&file, lock)?));
                    Ok(())
                })?
            }
        };
        let lock = descriptor::keep_across_exec(lock).unable_to("keep open", self.file.bytes())?;
        let (written, name) = (written.take(), self.file);
        process.undo = Some(Box::new(move || match written {
            Some(file) => drop(ftruncate(file, 0)),
            None => claim::empty(lock, name),
        }));
        Ok(Boundaries::NONE)
    }
}
