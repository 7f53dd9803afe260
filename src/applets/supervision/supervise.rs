//! supervise: keep a service running ([`crate::service::supervising`]).

mod manual;

use crate::applet::{Applet, Dialect, Grammar, Process, Role};
use crate::files::descriptors;
use crate::options::Given;
use crate::process::inherited_signals::Inherited;
use crate::process::start::start_now;
use crate::process::table::start_of;
use crate::service::supervising::{NAME, Progress, WATCHED, supervise};
use crate::voice::exit::{BERNSTEIN, SUCCESS};
use crate::voice::failure::UnableTo;
use nix::unistd::getpid;

/// The definition.
pub const APPLET: Applet = Applet {
    name: NAME,
    about: "Run a service, start it again when it ends, and take commands for it",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "it was told to exit, and the service is down")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[("DIR", "The service directory")],
    example: &[],
    manual: manual::MANUAL,
    role: Role::Tool(Grammar::Options, run),
};

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let signals = Inherited::put_aside(&WATCHED).unable_to("block", b"signals")?;
    descriptors::occupy_standard();
    let dir = given.operands().first().bytes();
    let listeners = &mut process.listeners;
    let start = start_of(getpid()).unwrap_or_else(start_now);
    supervise(dir, &process.environ, &signals, start, |progress| match progress {
        Progress::Begins => listeners.tool_begins(),
        Progress::IsUp => listeners.tool_runs(APPLET.name),
    })
}
