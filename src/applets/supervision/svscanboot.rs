//! svscanboot: start svscan, as init does it, with its messages where ps shows them.

use crate::applet::{Applet, Dialect, Grammar, Manual, Process, Role};
use crate::environ::Environ;
use crate::files::descriptors;
use crate::options::Given;
use crate::process::beside::{Beside, Missing, Side};
use crate::process::search::Search;
use crate::service::scan_directory::{ScanDirectory, claim};
use crate::sys::descriptor::{self, STDERR, Standard};
use crate::sys::exec::{self, SELF};
use crate::sys::process;
use crate::sys::words::{Word, Words};
use crate::voice::exit::{BERNSTEIN, SUCCESS};
use crate::voice::failure::{Failure, UnableTo, explained, say_last};
use crate::voice::speaker::Speaker;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::ForkResult;
use std::cell::Cell;
use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "svscanboot",
    about: "Start svscan at boot, with its messages where ps shows them",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "svscan and all that write to its standard error have ended")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[("[DIR]", "The directory of service directories; /service, or /etc/service if there is no /service")],
    example: &[],
    manual: Manual {
        description: &[
            "Starts svscan(1) on a directory of service directories, in surroundings that are the same whoever boots the \
             machine, and shows what svscan and its supervisors complain of by readproctitle(1), in memory, for ps. It \
             is for init, or what stands for it, to start, and to start again when it has ended.",
            "Standard input, output and error are /dev/null. The environment is PATH alone, \
             /command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin, so services and \
             loggers get none but that, too, and say the rest in their run scripts, for instance by envdir(1). Limits, \
             umask, signals and other descriptors are passed on as they are.",
            "If an svscan lives on the directory already, svscanboot says so, exits 111 and has touched nothing; see svscan(1). \
             Otherwise the directory is its own from here on.",
            "First `svc -dx` goes to all services and loggers, so that supervisors which an earlier svscan may have left behind \
             end with their services and leave them to the new one. That is waited for no longer than it takes to tell them: five seconds \
             for each supervise that has been stopped and has a full FIFO. What comes of it is not waited for.",
            "Then svscan is forked, and this process becomes `readproctitle service errors:` and 400 dots, which reads the \
             standard output and error of svscan. A service that does not redirect its standard error writes there, too. \
             `ps ax | grep 'service errors'` shows the last that was written. When svscan \
             has ended, and all else that has its standard error, readproctitle exits 0.",
            "svc, svscan and readproctitle are this very program; only where /proc is not mounted they are looked for in that \
             PATH.",
        ],
        sections: &[(
            "BOOTING",
            &[
                "In /etc/inittab: `SV:123456:respawn:/command/svscanboot`.",
                "Where readproctitle was killed and svscan was not, init starts svscanboot in vain, again and again, until TERM has ended \
                 that svscan. Where svscan was killed and its supervisors go on, they hold the standard error that readproctitle \
                 waits for the end of: then init does not start it again before those have ended, as with the reference; \
                 svscanboot may be started by hand.",
                "Where something else keeps the messages and stops programs by TERM, start svscan(1) by itself, which ends all \
                 in order then: as a unit of systemd, `ExecStart=/usr/local/bin/svscan /service` with `KillMode=mixed` and \
                 `Restart=always`; in a container, `svscan /service` as its first process.",
            ],
        )],
        examples: &[
            ("svscanboot", "Run all services of /service."),
            ("svscanboot /srv/service", "Run all services of another directory."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "The reference is a shell script, which waits for svscan and readproctitle; here the process becomes \
             readproctitle.",
            "DIR is an addition. The reference of Debian has /etc/service, the original /service.",
            "svc, too, gets PATH alone; in the reference it gets the whole environment. It is not started where there are no \
             services.",
            "The reference finds svc, svscan and readproctitle in PATH.",
            "The reference ends the services of an svscan that lives, which starts them again, and then has two svscans.",
        ],
        see_also: &["svscan(1)", "readproctitle(1)", "svc(1)", "supervise(1)"],
    },
    role: Role::Tool(Grammar::Options, run),
};

/// All that is in the environment.
const ENVIRONMENT: &CStr = c"PATH=/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin";

/// Where services are unless an operand says otherwise, the better place first.
const USUAL: [&CStr; 2] = [c"/service", c"/etc/service"];

/// How much is to be seen of the messages.
const WINDOW: usize = 400;

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let directory = match given.operands().get(0) {
        Some(directory) => named(directory),
        None if is_missing(USUAL[0]) => Word::constant(USUAL[1]),
        None => Word::constant(USUAL[0]),
    };
    // what fails up to the end is still said where it is heard
    process.diagnostics = descriptor::copy_from(STDERR, BEHIND_STANDARD).ok();
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
    let null = nix::fcntl::open(c"/dev/null", flags, Mode::empty());
    let null = null.and_then(|null| descriptors::at_least(null, BEHIND_STANDARD)).unable_to("open", b"/dev/null")?;
    for place in Standard::ALL {
        descriptor::put_at(null.as_fd(), place).unable_to("redirect to", b"/dev/null")?;
    }
    let (messages, output) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unable_to("create", b"pipe")?;
    let (begun, begins) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unable_to("create", b"pipe")?;
    match process::fork().unable_to("fork", b"svscan")? {
        ForkResult::Child => {
            drop(begun);
            if let Err(error) = prepare(directory) {
                let output = process.diagnostics.as_ref().map_or(STDERR, AsFd::as_fd);
                let _ = say_last(output, &[b"svscanboot: fatal: ", &explained(&error, Dialect::Bernstein), b"\n"]);
                let _ = nix::unistd::write(&begins, b"!");
                process::exit(BERNSTEIN.failure);
            }
            let reason = scan(directory, output.as_fd());
            Speaker::patient(APPLET.name).give_up_unable_to("run", &[b"svscan"], reason);
            process::exit(BERNSTEIN.failure);
        }
        ForkResult::Parent { child } => {
            drop(begins);
            if descriptor::uninterrupted(|| nix::unistd::read(&begun, &mut [0])).is_ok_and(|count| count > 0) {
                // it has said why
                let _ = process::wait_for(child);
                return Err(Failure::unspoken().into());
            }
            process.listeners.tool_runs(APPLET.name);
            let reason = show(messages.as_fd());
            // then nothing of it is left running, either
            let _ = process::send(child, libc::SIGTERM);
            Err(Failure::unable_to("run", b"readproctitle", reason).into())
        }
    }
}

/// Puts an end to what an earlier svscan has left, in the process that becomes svscan: not before the directory is this
/// process's own, and it stays that.
fn prepare(directory: Word) -> anyhow::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let open = |name: &[u8]| nix::fcntl::open(name, flags, Mode::empty());
    let here = open(b".").unable_to("open", b"directory")?;
    // svscan says what is amiss with it
    if let Ok(scanned) = open(directory.bytes())
        && nix::unistd::fchdir(&scanned).is_ok()
    {
        let environ = Environ::new(Words::leak([Word::constant(ENVIRONMENT)]));
        let is_away = Cell::new(false);
        let base = ScanDirectory { directory: scanned.as_fd(), environ: &environ, is_away: &is_away };
        let lock = claim(&base, &mut Vec::new());
        nix::unistd::fchdir(&here).unable_to("chdir to", b"directory")?;
        if let Some(lock) = lock? {
            descriptor::keep_across_exec(lock).unable_to("keep", b"lock")?;
        }
    }
    leftovers(directory).chunks(PART).try_for_each(end)
}

/// The first number behind standard input, output and error.
const BEHIND_STANDARD: i32 = 3;

/// A directory that cannot be taken for an option.
fn named(directory: Word) -> Word {
    if directory.bytes().starts_with(b"-") { Word::leak([b"./", directory.bytes()].concat()) } else { directory }
}

fn is_missing(directory: &CStr) -> bool {
    nix::sys::stat::stat(directory) == Err(Errno::ENOENT)
}

/// How many services are ended by one svc: their names fit as arguments, however long they are.
const PART: usize = 200;

/// The services of the directory and then their loggers, as a shell's `DIR/*` and `DIR/*/log` would name them.
fn leftovers(directory: Word) -> Vec<Word> {
    let directory = Path::new(OsStr::from_bytes(directory.bytes()));
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut names: Vec<_> = names.filter(|name| !name.as_bytes().starts_with(b".")).collect();
    names.sort_unstable();
    let services = || names.iter().map(|name| directory.join(name));
    let loggers = services().map(|service| service.join("log")).filter(|logger| logger.symlink_metadata().is_ok());
    services().chain(loggers).map(|path| Word::leak(path.into_os_string().into_vec())).collect()
}

/// Commands these services and their supervisors to end.
fn end(services: &[Word]) -> anyhow::Result<()> {
    let words = [Word::constant(c"svc"), Word::constant(c"-dx")];
    let argv = Words::leak(words.into_iter().chain(services.iter().copied()));
    let beside = Beside::new().unable_to("wait for", b"svc")?;
    let outcome = match beside.fork_quietly() {
        Ok(Side::Child) | Err(Missing::Signal(_) | Missing::Mask(_)) => {
            exec_own(argv);
            process::exit(BERNSTEIN.failure)
        }
        // whatever came of it: svscan comes next
        Ok(Side::Parent(child)) => child.wait().map(drop).unable_to("wait for", b"svc"),
        Err(Missing::Fork(reason)) => return Err(Failure::unable_to("fork", b"svc", reason).into()),
    };
    beside.put_back().unable_to("wait for", b"svc")?;
    outcome
}

/// Becomes svscan. Returns only if that fails.
fn scan(directory: Word, output: BorrowedFd<'_>) -> Errno {
    let redirected =
        [Standard::Output, Standard::Error].into_iter().try_for_each(|place| descriptor::put_at(output, place));
    match redirected {
        Ok(()) => exec_own(Words::leak([Word::constant(c"svscan"), directory])),
        Err(reason) => reason,
    }
}

/// Becomes readproctitle. Returns only if that fails.
fn show(messages: BorrowedFd<'_>) -> Errno {
    let heading = [c"readproctitle", c"service", c"errors:"].map(Word::constant);
    let window = Word::leak(vec![b'.'; WINDOW]);
    match descriptor::put_at(messages, Standard::Input) {
        Ok(()) => exec_own(Words::leak(heading.into_iter().chain([window]))),
        Err(reason) => reason,
    }
}

/// Runs this very program under the name that the words begin with. Returns only if that fails.
fn exec_own(argv: Words) -> Errno {
    let environ = Environ::new(Words::leak([Word::constant(ENVIRONMENT)]));
    match exec::execve(SELF, argv, environ.entries()) {
        // no /proc
        Errno::ENOENT => Search::new(argv.first(), &environ, APPLET.dialect)
            .exec(|program| exec::execve(program, argv, environ.entries())),
        reason => reason,
    }
}
