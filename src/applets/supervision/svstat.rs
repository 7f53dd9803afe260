//! svstat: how services are.
//!
//! | module | is |
//! |---|---|
//! | look | what is found in a service directory |
//! | line, json, table | how that is shown |
//! | plight | what is wrong with a log |
//! | watching | shown again whenever it changes |
//! | manual | the prose of the manual page |

mod json;
mod line;
mod look;
mod manual;
mod plight;
mod table;
mod watching;

use crate::applet::{Applet, Dialect, Grammar, Process, Role};
use crate::files::output::write_all;
use crate::options::{Given, Opt};
use crate::service::origin::Origin;
use crate::sys::descriptor::STDOUT;
use crate::time::tai64n::Moment;
use crate::voice::exit::{BERNSTEIN, Code, SEEN_DOWN, SEEN_FAILED, SEEN_UNSUPERVISED, SUCCESS};
use crate::voice::failure::{UnableTo, WrongUsage};
use look::{DirectoryLook, Subject};

/// The definition.
pub const APPLET: Applet = Applet {
    name: "svstat",
    about: "Tell how services are",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[
        (SUCCESS, "all has been said, whatever it is; with -q: all services are up"),
        (Code::Number(SEEN_DOWN), "with -q: one is down"),
        (Code::Number(SEEN_UNSUPERVISED), "with -q: one is not supervised"),
        (Code::Number(SEEN_FAILED), "with -q: one has failed for good"),
        (Code::Number(BERNSTEIN.failure), "with -q: of one nothing can be told"),
    ],
    changes: &[],
    on_request: &[],
    options: &[
        Opt::flag("l", "Only the services themselves, not their logs; says what they are doing, as --encore"),
        Opt::flag("L", "Only their logs; says what they are doing, as --encore"),
        Opt::flag("q", "Say nothing: the exit code tells"),
        Opt::flag("encore", "Say also what a service is doing, where its supervise tells that"),
        Opt::flag("json", "One JSON object a line for each service"),
        Opt::flag("table", "Columns"),
        Opt::flag("watch", "Go on and show them again whenever one changes; as a table, unless with --json"),
    ],
    operands: &[("[DIR]...", "Service directories")],
    example: &[],
    manual: manual::MANUAL,
    role: Role::Tool(Grammar::Options, run),
};

/// How services are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As the reference has it.
    Line,
    Json,
    Table,
    /// Not at all.
    Silent,
}

/// What is shown, and how.
struct Request {
    form: Form,
    subject: Subject,
}

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let watches = given.has("watch");
    let form = match () {
        () if given.has("q") => Form::Silent,
        () if given.prevails("json", "table") => Form::Json,
        () if given.has("table") || watches => Form::Table,
        () => Form::Line,
    };
    if watches && form == Form::Silent {
        return Err(WrongUsage.into());
    }
    let subject = match (given.prevails("L", "l"), given.has("l")) {
        (true, _) => Subject::Log,
        (false, true) => Subject::Service,
        (false, false) => Subject::Both,
    };
    let with_phase = given.has("encore") || subject != Subject::Both;
    let request = Request { form, subject };
    process.listeners.tool_runs(APPLET.name);
    let origin = Origin::open()?;
    let dirs: Vec<&'static [u8]> = given.operands().iter().map(|dir| dir.bytes()).collect();
    if watches {
        return watching::run(&request, &origin, &process.environ, &dirs);
    }

    let mut looks = Vec::with_capacity(dirs.len());
    for dir in dirs {
        looks.push(DirectoryLook::at(dir, &origin, &process.environ, subject, form)?);
    }
    let now = Moment::now();
    let text = match form {
        Form::Silent => return Ok(looks.iter().map(DirectoryLook::code).max().unwrap_or(0)),
        Form::Line => looks.iter().flat_map(|look| line::lines(look, with_phase, now)).collect(),
        Form::Json => looks.iter().flat_map(|look| json::line(look, now, &process.environ)).collect(),
        Form::Table => table::table(&looks, now, None),
    };
    match write_all(STDOUT, &text) {
        // the reference does not look
        Err(_) if form == Form::Line => Ok(0),
        outcome => outcome.unable_to("write", b"output").map(|()| 0),
    }
}
