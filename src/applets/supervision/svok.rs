//! svok: whether a supervise runs in a service directory.

use crate::applet::{Applet, Dialect, Grammar, Manual, Process, Role};
use crate::options::Given;
use crate::service::Home;
use crate::sys::words::Words;
use crate::voice::exit::BERNSTEIN;
use crate::voice::failure::{Failure, UnableTo};
use crate::voice::speaker::Speaker;
use nix::errno::Errno;
use nix::unistd::chdir;

/// What the tools that look at one directory say of more operands.
pub const IGNORED: (&str, &str) = ("[IGNORED]...", "Ignored with a warning; the reference ignores it without one");

/// The definition.
pub const APPLET: Applet = Applet {
    name: "svok",
    about: "Check whether a service is supervised",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[("0", "supervise runs in DIR"), ("100", "supervise does not run in DIR")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[("DIR", "The service directory"), IGNORED],
    example: &[],
    manual: Manual {
        description: &[
            "Tells by its exit code, and silently, whether supervise(1) runs in the service directory DIR. It does if it has \
             `supervise/ok` open, which it opens when commands for the service are heard, and which the system closes when it is \
             gone, however it ends.",
            "That says nothing of the service itself, which svstat(1) and svup(1) tell. svwait(1) waits.",
        ],
        sections: &[(
            "FILES",
            &["`DIR/supervise/ok`, a FIFO. `SUPERVISEDIR` may name another directory than `supervise`: see svc(1)."],
        )],
        examples: &[
            ("svok /service/web", "Exit 0 if there is a supervise in that directory."),
            ("svok ./web || supervise ./web &", "Supervise a service unless somebody does."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "What is called `supervise/ok` has to be a FIFO; for the reference a plain file will do.",
            "A symbolic link in its place is not followed: that is an error, 111.",
            "A name that begins with a hyphen has to be given as `./-name`.",
            "More operands get a warning; the reference ignores them.",
            "`SUPERVISEDIR` is daemontools-encore's.",
        ],
        see_also: &["svup(1)", "svstat(1)", "svwait(1)", "svc(1)", "supervise(1)"],
    },
    role: Role::Tool(Grammar::Options, run),
};

/// What is said by whoever looks for a supervise and finds none. All is in the code.
const NOT_RUNNING: u8 = 100;

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    process.listeners.tool_runs(APPLET.name);
    let (home, _) = enter(APPLET.name, given.operands(), process)?;
    look(&home, given.operand(0).bytes())?;
    Ok(0)
}

/// Enters the service directory that the first operand names. Gives the home of supervise in it, and the directory's name.
///
/// # Errors
/// What keeps from that.
pub fn enter(name: &str, operands: Words, process: &Process) -> anyhow::Result<(Home, &'static [u8])> {
    if let Some(second) = operands.get(1) {
        Speaker::patient(name).warn(&[b"ignoring ", second.bytes(), b": one directory at a time"]);
    }
    let dir = operands.first().bytes();
    chdir(dir).unable_to("chdir to", dir)?;
    Ok((Home::here(&process.environ).unable_to("find supervise of", dir)?, dir))
}

/// Ends silently unless a supervise runs in the current directory.
///
/// # Errors
/// With the code for that, or because it cannot be told; `dir` is how that names the directory.
pub fn look(home: &Home, dir: &[u8]) -> anyhow::Result<()> {
    match home.ok() {
        Ok(_) => Ok(()),
        Err(Errno::ENOENT | Errno::ENXIO) => Err(Failure::silent(NOT_RUNNING).into()),
        Err(reason) => Err(reason).unable_to("open", &home.shown(dir, "ok")),
    }
}
