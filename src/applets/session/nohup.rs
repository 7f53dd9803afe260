//! nohup: ignore SIGHUP and take the terminal off descriptors 0 to 2. As GNU coreutils: what is no terminal is left
//! alone, and a message that is due but cannot be written is fatal.

use crate::applet::{Applet, Dialect, Manual, Meaning, OwnWay, Process, Role};
use crate::attributes::descriptors::{self, TERMINALS};
use crate::attributes::ignored::{HANGUP, Ignore};
use crate::attributes::{Boundaries, Effect, Fact, Value, View};
use crate::sys::descriptor::{self, STDERR, STDIN, STDOUT, Standard, uninterrupted};
use crate::voice::exit::NOHUP;
use crate::voice::failure::{Failure, say};
use crate::voice::foreign::quoted;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, umask};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The definition.
pub const APPLET: Applet = Applet {
    name: "nohup",
    about: "Run a program that ignores hangups, with its terminal output in a file",
    dialect: Dialect::Gnu,
    codes: NOHUP,
    other_codes: &[],
    changes: &[HANGUP, TERMINALS],
    on_request: &[],
    options: &[],
    operands: &[],
    example: &[],
    manual: Manual {
        description: &[
            "Ignores SIGHUP and runs the program. Descriptors that are no terminals are left as they are, open or \
             closed. Where standard input is a terminal, it is replaced by the null device, opened for writing, so \
             that a read fails. Where standard output is a terminal, or standard error is one and standard output is \
             closed, output is appended to `nohup.out` in the current directory, or if that cannot be opened, in \
             $HOME. Where standard error is a terminal, it goes where standard output goes.",
            "A new `nohup.out` has mode 0600 whatever the umask; an existing one keeps its mode. What has been \
             redirected is said in one line on the original standard error. If that line cannot be written, the \
             program is not run.",
            "nohup does not put the program into the background, does not start a session, and does not close \
             descriptors: a remote shell whose pipes the program inherits stays open. Where that matters, redirect \
             all three, or use setsid(1).",
            "`nohup.out` is opened through symbolic links, and a FIFO of that name blocks, as in the reference. In a \
             directory where others may write, redirect explicitly.",
        ],
        sections: &[],
        examples: &[
            ("nohup ./report &", "Run a report which goes on after the terminal is closed; output is in nohup.out."),
            ("nohup ./report </dev/null >report.log 2>&1 &", "The same from a remote shell, which can end at once."),
        ],
        reference: "GNU coreutils 9.1",
        differences: &[
            "Messages begin with `nohup:`, whatever path it was called by, and are not translated. Names in them are quoted as \
             the reference does where the locale has UTF-8, in every locale, but for some that have an apostrophe beside a \
             letter that is not ASCII or end in an escape, which a shell reads alike; what turns the direction of writing is \
             escaped, too, and a code point that is no character is not.",
        ],
        see_also: &["daemonize(1)", "setsid(1)", "pgrphack(1)", "signal(7)"],
    },
    role: Role::Link(|_| Meaning::own_way(Nohup)),
};

struct Nohup;

const IGNORE_HANGUP: Ignore = Ignore { signal: libc::SIGHUP, name: "SIGHUP" };

impl OwnWay for Nohup {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let mut facts = IGNORE_HANGUP.facts(view)?;
        let standard = [0, 1, 2].map(|number| descriptors::target(view, number));
        let [input, output, error] = standard;
        let (output, error) = (output?, error?);
        if is_terminal(&input?) {
            facts.push(descriptors::is(0, b"/dev/null"));
        }
        // here, or else in HOME
        let file = Value::Bytes(NAME.to_vec());
        let new_output = if is_terminal(&output) { file.clone() } else { output.clone() };
        if is_terminal(&output) {
            facts.push(descriptors::is(1, NAME));
        }
        if is_terminal(&error) {
            let value = if new_output == Value::Absent { file } else { new_output };
            facts.push(Fact { value, ..descriptors::is(2, b"") });
        }
        Ok(facts)
    }

    fn apply(&self, process: &mut Process) -> anyhow::Result<Boundaries> {
        let [input, output, error] = [STDIN, STDOUT, STDERR].map(nix::unistd::isatty);
        let [input_is_terminal, output_is_terminal, error_is_terminal] =
            [input, output, error].map(|is| is == Ok(true));
        let output_is_closed = output == Err(Errno::EBADF);

        if input_is_terminal {
            // unreadable, so that a read fails instead of seeing the end of a file
            let null = uninterrupted(|| open(c"/dev/null", OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty()))
                .and_then(|null| descriptor::put_at(null.as_fd(), Standard::Input));
            null.map_err(|reason| Failure::new("failed to render standard input unusable").because(reason))?;
        }
        let ignoring: &[u8] = if input_is_terminal { b"ignoring input and " } else { b"" };

        let mut file = None;
        if output_is_terminal || (error_is_terminal && output_is_closed) {
            let (opened, name) = open_output(process)?;
            if output_is_terminal {
                // before anything is said: the file may have got the number of a closed standard error
                descriptor::put_at(opened.as_fd(), Standard::Output)
                    .map_err(|reason| Failure::new("failed to redirect standard output").because(reason))?;
                drop(opened);
            } else {
                file = Some(opened);
            }
            tell(&[b"nohup: ", ignoring, b"appending output to ", &quoted(&name), b"\n"])?;
            if error_is_terminal && output_is_closed {
                tell(&[b"nohup: ", ignoring, b"redirecting stderr to stdout\n"])?;
            }
        } else if error_is_terminal {
            tell(&[b"nohup: ", ignoring, b"redirecting stderr to stdout\n"])?;
        } else if input_is_terminal {
            tell(&[b"nohup: ignoring input\n"])?;
        }

        if error_is_terminal {
            // what goes wrong from here on is said where the messages went
            process.diagnostics = descriptor::copy_from(STDERR, 3).ok();
            let target: BorrowedFd<'_> = match &file {
                Some(file) => file.as_fd(),
                None => STDOUT,
            };
            descriptor::put_at(target, Standard::Error)
                .map_err(|reason| Failure::new("failed to redirect standard error").because(reason))?;
        }
        IGNORE_HANGUP.make(process)
    }
}

/// Whether what is open there is a terminal, by its name.
fn is_terminal(open: &Value) -> bool {
    let Value::Bytes(name) = open else { return false };
    let kinds: [&[u8]; 4] = [b"/dev/pts/", b"/dev/tty", b"/dev/hvc", b"/dev/console"];
    kinds.iter().any(|kind| name.starts_with(kind))
}

const NAME: &[u8] = b"nohup.out";

/// A message that cannot be written means that nobody would know where the output is.
fn tell(pieces: &[&[u8]]) -> anyhow::Result<()> {
    say(pieces).map_err(|_| Failure::unspoken().into())
}

/// Opens `nohup.out` here or else in HOME, and gives it with its name.
fn open_output(process: &Process) -> anyhow::Result<(OwnedFd, Vec<u8>)> {
    let append = |name: &[u8]| {
        let flags = OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let former = umask(Mode::empty());
        let opened = uninterrupted(|| open(name, flags, Mode::S_IRUSR | Mode::S_IWUSR));
        umask(former);
        opened
    };
    let failed = |name: &[u8], reason| Failure::new([&b"failed to open "[..], &quoted(name)].concat()).because(reason);
    let here = match append(NAME) {
        Ok(file) => return Ok((file, NAME.to_vec())),
        Err(reason) => failed(NAME, reason),
    };
    let Some(home) = process.environ.get(b"HOME") else { return Err(here.into()) };
    let slash: &[u8] = if home.bytes().is_empty() || home.bytes().ends_with(b"/") { b"" } else { b"/" };
    let name = [home.bytes(), slash, NAME].concat();
    match append(&name) {
        Ok(file) => Ok((file, name)),
        Err(reason) => {
            let _ = say(&[b"nohup: ", &here.in_words_of(Dialect::Gnu), b"\n"]);
            Err(failed(&name, reason).into())
        }
    }
}
