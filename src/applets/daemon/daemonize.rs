//! daemonize: run a chain in the background, and say how its start went. As bmc/daemonize, whose foreground exits with 0
//! before it can know.
//!
//! The foreground (foreground.rs) opens what the caller's directory and rights are needed for, forks, and waits. The
//! background (background.rs) makes the changes and returns into the chain. What the options ask for is read in wishes.rs.

mod background;
mod descent;
mod facts;
mod foreground;
mod readiness;
mod wishes;

use crate::accounts::{self, Account};
use crate::applet::{Applet, Dialect, Manual, Meaning, OnRequest, OwnWay, Process, Role};
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
    manual: Manual {
        description: &[
            "Forks. The child starts a session, puts /dev/null on descriptors 0, 1 and 2, changes to /, and goes on \
             with the chain. The parent waits until the chain's last program has been started, and exits with 0. If \
             anything fails on the way, however late, the parent says why on its own standard error and exits with \
             the code of the link that failed: an unknown account, a lock that is held, a program that does not \
             exist or has no interpreter. The message goes to the daemon's standard error as well. What runs behind \
             a program that is no link of catena, such as a shell, is beyond its sight: there it reports that this \
             program has been started.",
            "A parent that is interrupted or killed while it waits has told nobody anything, so nothing comes of the \
             start either: whatever of the chain still waits, for a reader of a FIFO, a lock or an account's data, is \
             killed at once, and the program is not run; a pid file that has been written stays, unlocked. A program that has been started already goes on. With \
             `--on-timeout=keep` the chain goes on, too. A parent that has waited for ten seconds says once for which \
             process. Without `--timeout` the wait has no bound.",
            "With `--ready` the parent waits for more than that. `--ready=fd=N`: the daemon finds a pipe on \
             descriptor N and writes a newline into it when it is ready to serve, as s6 and supervise understand \
             it. `--ready=notify`: the daemon sends READY=1 to the socket that NOTIFY_SOCKET names, as systemd \
             understands it; the variable replaces one that was there, and only messages of the daemon's own \
             process count unless `--notify-access=all` admits its descendants. `--ready=none` returns once \
             daemonize's own part is done. A daemon that ends, closes the pipe, or is not ready within `--timeout` \
             has failed; it, or what it has left of its process group, is sent SIGTERM, and SIGKILL five seconds \
             later, unless `--on-timeout=keep` says otherwise. `--settle` catches what ends soon after its start, \
             such as a program that a memory limit kills in the exec.",
            "`-p` writes the pid before the program runs, so that the file is complete when the parent returns, and \
             holds a lock on it, as pidfile-lock(1) does with the same precautions; so a second start with the same \
             file is refused, and after a crash the next start takes it over. If the start fails, the file is \
             emptied, or removed if it was new; only a program of `-u` that cannot be run behind `--ready=none`, when \
             the parent has gone, leaves its pid there, without a lock. It belongs to who starts the daemon, and the daemon has \
             it open for reading alone: a file that the daemon's account could write to would let that account choose \
             whom root signals. `-l` may name the same file; then its flock(2) is the only lock.",
            "A file that belongs to the account of `-u`, as bmc/daemonize leaves it, is taken over: once it is \
             locked and names no process of that account that runs, it becomes the caller's. For that it must lie \
             in a directory of root or the caller that neither group nor others may write to, sticky or not. \
             Elsewhere it is refused; and a start beside a predecessor that runs fails with 75. A process that \
             already has the file open for writing can still write to it. With `--pidfile-owner=user` the file stays the account's, wherever it \
             lies.",
            "Names of files are relative to the directory that daemonize is called in, whatever `-c` says. The \
             files of `-o` and `-e` are opened as the account of `-u`, and are one file if they have one name; then \
             standard input is /dev/null for reading. They are opened for the daemon, so an opening that blocks, as \
             of a FIFO without a reader, makes the parent wait.",
            "Without `-a` a log is emptied for the program, not before: right before the exec of the chain's last \
             program, once its file, its interpreter or loader and the right to run it have been found. What the \
             links of the chain say until then is added behind the old text, and is what the log begins with when \
             that goes. So after a start that fails, or is killed, the old text is there, with what went wrong \
             behind it. What only the exec itself finds, such as arguments that are too long or a lack of memory, \
             and a kill in that instant, come too late for that. What a link cannot add, as on a full disk or behind \
             `softlimit -f`, is only said by the foreground. Where what a link has said cannot be read again, the old text stays, with all \
             that follows behind it.",
            "A program that a name without a slash names is looked for in PATH. A relative name with a slash is \
             refused, since it would change its meaning with the directory.",
            "Nothing else is changed: umask, signal dispositions and limits are the caller's, and so are \
             descriptors above 2 unless `--close-fds` is given. One wants it wherever the caller may hold \
             something open that the daemon must not: a daemon keeps a pipe from seeing its end, a connection or \
             a deleted file open, and a flock(2), such as that of `exec 9>lock; flock 9` in a script, held for as \
             long as it runs. Without it they can be handed to the daemon on purpose, as a lock by setlock(1) or a \
             socket.",
        ],
        sections: &[(
            "WHICH ONE TO TAKE",
            &[
                "daemonize(1) is for a program that is to run in the background now, started from an init script, \
                 from cron or by hand, where nothing restarts it if it ends.",
                "nohup(1) and setsid(1) are for a job of one's own that shall outlive the terminal. nohup keeps it \
                 in the session and collects its output; setsid takes it out of the session and leaves its output \
                 where it is. Neither looks after directory and descriptors: a job over ssh that keeps the \
                 connection's descriptors keeps the connection open. daemonize gives its daemon others for 0, 1 and \
                 2; what else the caller may have open, `--close-fds` closes.",
                "supervise(1) is for a service that shall run always: it starts it, restarts it, and is its parent, \
                 so it needs no pid file. Under supervise a program stays in the foreground, and daemonize has no \
                 place in its run script; for a program that cannot stay there, fghack(1) has.",
            ],
        )],
        examples: &[
            ("daemonize -p /run/app.pid -o /var/log/app.log -e /var/log/app.log /usr/bin/app", "The classic."),
            (
                "daemonize -c /srv/app pidfile-lock /run/app.pid setuidgid nobody softlimit -o 1024 /srv/app/server",
                "The same from links, each of which can fail and be heard.",
            ),
            (
                "daemonize --ready=notify --timeout=30 /usr/bin/redis-server --supervised systemd",
                "Return when it says that it is ready.",
            ),
            (
                "daemonize -a -o build.log -e build.log -c . make all",
                "Over ssh: a job that keeps nothing of the session open. From a script add `--close-fds`.",
            ),
            (
                "daemonize --double-fork --close-fds --umask=022 softlimit -c 0 pidfile-lock /run/app.pid app",
                "What libslack's daemon does.",
            ),
        ],
        reference: "bmc/daemonize 1.7.8",
        differences: &[
            "The parent waits, and tells what went wrong after the fork. The reference has exited with 0 by then, \
             and usually before the pid is in its file.",
            "Messages begin with `daemonize: `.",
            "A log is emptied when the program can be started; the reference empties it at once.",
            "The pid file is opened once, in the caller's directory, never through a link, and stays the caller's; \
             the reference gives it to the account of `-u` and writes it anew from there. One that the reference \
             has left is taken over. It is locked, and a second start with it fails with 75. The descriptors of this \
             lock and of that of `-l` can only read.",
            "With `-o` or `-e`, standard input can be read, to its end; in the reference it cannot. No descriptors \
             but 0, 1, 2 and that of a lock reach the daemon; the reference leaves up to three more.",
            "A name without a slash is looked for in PATH. IFS and PATH are not put into the environment.",
            "Without a program, or with an option it does not know, it tells its options and exits with 1; the \
             reference crashes.",
            "A relative directory of `-c` is changed to once; the reference tries it twice, and its daemon dies. \
             What of 0, 1 and 2 is closed at the start costs neither a log nor a lock.",
            "A pid file that group or others may write to is refused, and so is anything but a regular file, \
             /dev/null excepted, which means none.",
            "`-v` says all it says at once, also into a pipe.",
            "`-u` takes the forms that setuidgid(1) knows, empties the ambient set of capabilities, and verifies all that. \
             The long options are additions.",
        ],
        see_also: &[
            "pidfile-lock(1)",
            "supervise(1)",
            "setsid(1)",
            "nohup(1)",
            "fghack(1)",
            "daemon(7)",
            "sd_notify(3)",
        ],
    },
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
