//! svok: whether a supervise runs in a service directory.

use crate::applet::{Applet, Dialect, Grammar, Manual, Process, Role};
use crate::options::Given;
use crate::service::one_directory::{enter, look};
use crate::voice::exit::{BERNSTEIN, Code, NOT_UP, SUCCESS};
use crate::voice::ignored;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "svok",
    about: "Check whether a service is supervised",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "supervise runs in DIR"), (Code::Number(NOT_UP), "supervise does not run in DIR")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[("DIR", "The service directory"), ignored::OPERAND],
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

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    process.listeners.tool_runs(APPLET.name);
    let (home, dir) = enter(APPLET.name, given.operands(), &process.environ)?;
    look(&home, dir)?;
    Ok(0)
}
