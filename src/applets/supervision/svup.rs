//! svup: whether a service is up.

use crate::applet::{Applet, Dialect, Grammar, Manual, Process, Role};
use crate::options::{Given, Opt};
use crate::service::one_directory::{enter, look};
use crate::service::status::{Phase, Status, StatusFile};
use crate::service::{Home, unreadable};
use crate::voice::exit::{BERNSTEIN, Code, NOT_UP, SUCCESS};
use crate::voice::failure::{Failure, UnableTo};
use crate::voice::ignored;
use nix::errno::Errno;
use nix::unistd::chdir;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "svup",
    about: "Check whether a service is up",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "it is up"), (Code::Number(NOT_UP), "it is not up, or not supervised")],
    changes: &[],
    on_request: &[],
    options: &[Opt::flag("l", "Look at the service only, not at its log"), Opt::flag("L", "Look at its log only")],
    operands: &[("DIR", "The service directory"), ignored::OPERAND],
    example: &[],
    manual: Manual {
        description: &[
            "Tells by its exit code, and silently, whether the service in the directory DIR is up: whether supervise(1) runs there, \
             and a process of the service does, or `start` has done all there was to do.",
            "A service whose log is kept by the same supervise (daemontools-encore) is up if both are, unless `-l` or `-L` asks for \
             one. With `-L` and a service that has a directory `log`, the service in that directory is meant.",
        ],
        sections: &[(
            "FILES",
            &[
                "`DIR/supervise/ok` and `DIR/supervise/status`. `SUPERVISEDIR` may name another directory than `supervise`: see svc(1).",
            ],
        )],
        examples: &[("svup /service/web", "Exit 0 if it is up, 100 if it is not.")],
        reference: "daemontools-encore 1.11",
        differences: &[
            "`-L` knows a log in the directory `log`, too; for the reference such a service has none.",
            "More operands get a warning; the reference ignores them.",
        ],
        see_also: &["svok(1)", "svstat(1)", "svwait(1)", "supervise(1)"],
    },
    role: Role::Tool(Grammar::Options, run),
};

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    process.listeners.tool_runs(APPLET.name);
    let (home, dir) = enter(APPLET.name, given.operands(), &process.environ)?;
    look(&home, dir)?;
    let record = read(&home, dir)?;
    let is_up = match (given.prevails("L", "l"), given.has("l"), record.log) {
        (true, _, Some(log)) => is_up(&log),
        (true, _, None) => {
            match chdir(c"log") {
                Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(NOT_UP),
                outcome => outcome.unable_to("chdir to", &[dir, b"/log"].concat())?,
            }
            let dir = [dir, b"/log"].concat();
            let home = Home::here(&process.environ).unable_to("find supervise of", &dir)?;
            look(&home, &dir)?;
            is_up(&read(&home, &dir)?.main)
        }
        (false, true, _) => is_up(&record.main),
        (false, false, log) => is_up(&record.main) && log.is_none_or(|log| is_up(&log)),
    };
    Ok(if is_up { 0 } else { NOT_UP })
}

fn read(home: &Home, dir: &[u8]) -> anyhow::Result<StatusFile> {
    home.status().map_err(|reason| {
        let shown = home.shown(dir, "status");
        match reason {
            Errno::ENOENT => Failure::silent(NOT_UP).into(),
            reason => unreadable(&shown, reason).into(),
        }
    })
}

fn is_up(status: &Status) -> bool {
    status.pid != 0 || matches!(status.phase, Some(Phase::Started | Phase::Running))
}
