//! daemonize: run a chain in the background, and say how its start went. As bmc/daemonize, whose foreground exits with 0
//! before it can know.
//!
//! The foreground (foreground.rs) opens what the caller's directory and rights are needed for, forks, and waits. The
//! background (background.rs) makes the changes and returns into the chain. What the options ask for is read in wishes.rs.

mod background;
mod descent;
mod facts;
mod foreground;
mod manual;
mod readiness;
mod wishes;

use crate::accounts::{self, Account};
use crate::applet::{Applet, Dialect, Meaning, OnRequest, OwnWay, Process, Role};
use crate::attributes::cwd::DIRECTORY;
use crate::attributes::descriptors::{ABOVE_STANDARD, LOCK, READINESS, STANDARD};
use crate::attributes::environment::VARIABLES;
use crate::attributes::identity::IDENTITY;
use crate::attributes::pid::FORKS;
use crate::attributes::session::SESSION;
use crate::attributes::umask::MASK;
use crate::attributes::{Boundaries, Fact, View};
use crate::files::descriptors;
use crate::files::read_only::let_only_read;
use crate::files::sight;
use crate::pidfile::claim::{Claim, Terms, Unfit};
use crate::process::beside::Beside;
use crate::start_report::{Listeners, ParentEnd, Scope};
use crate::sys::descriptor::{STDOUT, uninterrupted};
use crate::sys::lock::{self, Kind};
use crate::sys::process;
use crate::sys::split::{self, Shares};
use crate::sys::words::Word;
use crate::voice::exit::{ANOTHERS, Code, DAEMONIZE, HELD, SUCCESS};
use crate::voice::failure::{Failure, say_unharmed};
use foreground::StartWait;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat, stat};
use nix::unistd::{AccessFlags, Pid, Uid, access, geteuid, getpid, getuid};
use readiness::{Offer, Ready};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use wishes::Daemonize;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "daemonize",
    about: "Run a program in the background, and say how its start went",
    dialect: Dialect::Daemonize,
    codes: DAEMONIZE,
    other_codes: &[
        (SUCCESS, "the last program of the chain runs, or is ready with --ready"),
        (Code::Number(HELD), "another process holds the pid file of -p"),
        (ANOTHERS, "a later link of the chain has failed with N"),
    ],
    changes: &[SESSION, FORKS, STANDARD, DIRECTORY],
    on_request: &[
        OnRequest { change: LOCK, by: &["-p", "{file}"] },
        OnRequest { change: READINESS, by: &["--ready=fd=7"] },
        OnRequest { change: ABOVE_STANDARD, by: &["--close-fds=9"] },
        OnRequest { change: VARIABLES, by: &["-E", "A=daemon", "-E", "NEW="] },
        OnRequest { change: IDENTITY, by: &["-u", "nobody"] },
        OnRequest { change: MASK, by: &["--umask=027"] },
    ],
    options: &wishes::OPTIONS,
    operands: &[],
    example: &[],
    manual: manual::MANUAL,
    role: Role::Link(|given| Meaning::own_way(Daemonize::new(given)?)),
};

/// What the foreground has opened for the background.
struct Prepared {
    account: Option<Account>,
    lock: Option<OwnedFd>,
    pid_file: Option<Claim>,
    /// Whether the lock of `-l` is on the pid file.
    is_locked: bool,
    /// The daemon's end of a pipe to say on that it is ready, under its number.
    ready: Option<OwnedFd>,
    /// The socket to say it to.
    notify: Option<Vec<u8>>,
}

impl Daemonize {
    /// What the reference checks before it does anything: an absolute name must be a program's. What a chain needs
    /// besides, its links find out.
    fn check(&self, program: Word) -> Result<(), Failure> {
        if getuid() != geteuid() {
            return Err(Failure::new("This executable is too dangerous to be setuid."));
        }
        let name = program.bytes();
        if !name.contains(&b'/') && !name.is_empty() {
            return Ok(());
        }
        if !name.starts_with(b"/") {
            return Err(Failure::new("The 'path' parameter must be an absolute path name."));
        }
        if access(program.as_c_str(), AccessFlags::X_OK).is_err() {
            return Err(Failure::new([b"File \"", name, b"\" is not executable."].concat()));
        }
        match stat(program.as_c_str()) {
            Ok(seen) if sight::is_regular(seen.st_mode) => Ok(()),
            Ok(_) => Err(Failure::new([b"File \"", name, b"\" is not regular file."].concat())),
            Err(_) => Err(Failure::new([b"File \"", name, b"\" does not exist."].concat())),
        }
    }

    /// The account of `-u`.
    fn account(&self) -> anyhow::Result<Option<Account>> {
        let Some(user) = self.user else { return Ok(None) };
        if !geteuid().is_root() {
            return Err(Failure::new("Must be root to specify a different user.").into());
        }
        let unknown = || Failure::new([b"Can't find user \"", user.bytes(), b"\" in password file."].concat());
        Ok(Some(accounts::look_up(user.bytes(), true)?.ok_or_else(unknown)?))
    }

    /// The locked file of `-l`.
    fn lock(&self) -> anyhow::Result<Option<OwnedFd>> {
        let Some(name) = self.lock_file else { return Ok(None) };
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let opened = uninterrupted(|| open(name.as_c_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR));
        let file = opened.and_then(|file| descriptors::at_least(file, 3)).map_err(cannot("create lock file", name))?;
        let file = let_only_read(file, name, false);
        match uninterrupted(|| lock::acquire(file.as_fd(), Kind::Flock, false, false)) {
            Ok(()) => Ok(Some(file)),
            Err(Errno::EAGAIN) => {
                let what = [b"Can't lock the lock file \"", name.bytes(), b"\". Is another instance running?"].concat();
                Err(Failure::new(what).into())
            }
            Err(reason) => Err(cannot("lock the lock file", name)(reason).into()),
        }
    }

    /// The file of `-p`, open but not ours yet.
    fn pid_file(&self, account: Option<&Account>) -> anyhow::Result<Option<Claim>> {
        let Some(name) = self.pid_file else { return Ok(None) };
        self.tell(&[b"Creating PID file \"", name.bytes(), b"\"."]);
        let user = account.map(|account| Uid::from_raw(account.user));
        let (owner, former) = if self.user_owns_pid_file { (user, None) } else { (None, user) };
        match Claim::open(Terms { owner, former, ..Terms::new(name) }) {
            Ok(claim) => Ok(Some(claim)),
            Err(Unfit::Unopenable(reason)) => Err(cannot("create PID file", name)(reason).into()),
            Err(Unfit::Other(failure)) => Err(failure.into()),
        }
    }

    fn prepare(&self, account: Option<Account>, offer: &mut Offer) -> anyhow::Result<Prepared> {
        // first, so that nothing else gets the number it is to have
        let ready = offer.take_pipe();
        let lock = self.lock()?;
        let pid_file = self.pid_file(account.as_ref())?;
        let is_locked = match (&lock, &pid_file) {
            (Some(lock), Some(file)) => fstat(lock).is_ok_and(|seen| file.is(&seen)),
            _ => false,
        };
        Ok(Prepared { account, lock, pid_file, is_locked, ready, notify: offer.address() })
    }

    /// Whether standard output and error go to one file.
    fn has_one_file(&self) -> bool {
        matches!((self.output, self.error), (Some(one), Some(other)) if one.bytes() == other.bytes())
    }

    fn tell(&self, pieces: &[&[u8]]) {
        tell(self.verbose, pieces);
    }
}

impl OwnWay for Daemonize {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        self.will_be(view)
    }

    fn apply(&self, process: &mut Process) -> anyhow::Result<Boundaries> {
        self.check(process.next.word)?;
        let account = self.account()?;
        if let Ready::Newline(number) = self.ready {
            process.listeners.make_way(number).map_err(cannot_daemonize)?;
        }
        let mut offer = Offer::new(self.ready)?;
        let prepared = self.prepare(account, &mut offer)?;
        let error = self.error.filter(|_| !self.has_one_file());
        for name in [self.output, error].into_iter().flatten() {
            self.tell(&[if self.append { b"Appending to " } else { b"Overwriting " }, name.bytes()]);
        }
        self.tell(&[b"Daemonizing..."]);
        match self.split(process, &prepared, offer) {
            Ok(beside) => self.go_on(prepared, beside, process),
            Err(reason) => {
                if let Some(Ok(trace)) = prepared.pid_file.as_ref().map(Claim::trace) {
                    trace.clean_up(getpid());
                }
                Err(cannot_daemonize(reason).into())
            }
        }
    }
}

impl Daemonize {
    /// Returns in the daemon, with what it is to put back.
    fn split(&self, process: &mut Process, prepared: &Prepared, offer: Offer) -> nix::Result<Beside> {
        let pid_file = prepared.pid_file.as_ref().map(Claim::trace).transpose()?;
        let listeners = process.listeners.copied()?;
        let waiting = process.listeners.pipe(Scope::WholeChain)?;
        let beside = Beside::new()?;
        // A process that a later link forks comes back to who waits when that link's parent goes. Where it does not, less is
        // known of its end, and that is all.
        let _ = process::adopt_orphans();

        let of_child: Vec<BorrowedFd<'_>> =
            process.listeners.pipes().chain(prepared.ready.as_ref().map(AsFd::as_fd)).collect();
        let shares = Shares { of_parent: Parent::descriptors, of_child: &of_child };
        let wait = StartWait {
            timeout: self.timeout,
            settle: self.settle,
            keeps_late: self.keeps_late,
            admits_all: self.admits_all,
            has_session: self.has_session,
            forks_twice: self.forks_twice,
            verbose: self.verbose,
            pid_file,
            usage_at_end: process.usage_at_end,
        };
        let parent = Parent { wait, waiting, offer, listeners };
        if self.is_prompt(process) {
            split::sharing(parent, &shares, Parent::go_on)?
        } else {
            split::copying(parent, &shares, Parent::go_on)?
        }
        Ok(beside)
    }
}

/// All that the parent goes on with.
struct Parent {
    wait: StartWait,
    waiting: ParentEnd,
    offer: Offer,
    /// Who waits for this process in turn.
    listeners: Listeners,
}

impl Parent {
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let pid_file = self.wait.pid_file.as_ref().map(AsFd::as_fd);
        let own = [Some(self.waiting.as_fd()), self.offer.ear(), pid_file];
        own.into_iter().flatten().chain(self.listeners.pipes()).collect()
    }

    fn go_on(self, child: Pid) -> u8 {
        self.wait.for_start(child, self.waiting, self.offer, self.listeners)
    }
}

impl Daemonize {
    /// Whether the child execs at once, so that the parent can lend it its memory: meanwhile it cannot look at the clock,
    /// nor be stopped. Links might take their time, a log might be a FIFO, a directory far away; and to another account
    /// nothing is lent.
    fn is_prompt(&self, process: &Process) -> bool {
        self.timeout.is_none()
            && !self.forks_twice
            && !self.ready.is_immediate()
            && [self.user, self.output, self.error].iter().all(Option::is_none)
            && self.directory.bytes() == b"/"
            && !process.next_is_catena
    }
}

fn cannot_daemonize(reason: Errno) -> Failure {
    Failure::new("Can't daemonize").because(reason)
}

/// What `-v` says.
fn tell(is_verbose: bool, pieces: &[&[u8]]) {
    if is_verbose {
        let _ = say_unharmed(STDOUT, &[&pieces.concat(), b"\n"]);
    }
}

/// `Can't VERB "NAME": reason`.
fn cannot(verb: &str, name: Word) -> impl Fn(Errno) -> Failure {
    move |reason| Failure::new([b"Can't ", verb.as_bytes(), b" \"", name.bytes(), b"\""].concat()).because(reason)
}
