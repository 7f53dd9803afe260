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

use crate::applet::{Applet, Dialect, Grammar, Process, Role, Tool};
use crate::files::output::write_all;
use crate::options::{Flag, Given};
use crate::service::origin::Origin;
use crate::sys::descriptor::STDOUT;
use crate::sys::words::Words;
use crate::time::tai64n::Moment;
use crate::voice::exit::{BERNSTEIN, Code, SEEN_DOWN, SEEN_FAILED, SEEN_UNSUPERVISED, SUCCESS};
use crate::voice::failure::{UnableTo, WrongUsage};
use look::{DirectoryLook, Subject};

const SERVICES: Flag =
    Flag::new("l", "Only the services themselves, not their logs; says what they are doing, as --encore");
const LOGS: Flag = Flag::new("L", "Only their logs; says what they are doing, as --encore");
const QUIET: Flag = Flag::new("q", "Say nothing: the exit code tells");
const ENCORE: Flag = Flag::new("encore", "Say also what a service is doing, where its supervise tells that");
const JSON: Flag = Flag::new("json", "One JSON object a line for each service");
const TABLE: Flag = Flag::new("table", "Columns");
const WATCH: Flag =
    Flag::new("watch", "Go on and show them again whenever one changes; as a table, unless with --json");

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
    options: &[SERVICES.line(), LOGS.line(), QUIET.line(), ENCORE.line(), JSON.line(), TABLE.line(), WATCH.line()],
    operands: &[("[DIR]...", "Service directories")],
    example: &[],
    manual: manual::MANUAL,
    role: Role::Tool(Grammar::Options, |given| Ok(Box::new(Svstat::new(given)?))),
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

struct Svstat {
    request: Request,
    /// Whether the lines say what a service is doing.
    with_phase: bool,
    watches: bool,
    dirs: Words,
}

impl Svstat {
    fn new(given: &Given) -> Result<Self, WrongUsage> {
        let watches = given.has(WATCH);
        let form = match () {
            () if given.has(QUIET) => Form::Silent,
            () if given.prevails(JSON, TABLE) => Form::Json,
            () if given.has(TABLE) || watches => Form::Table,
            () => Form::Line,
        };
        if watches && form == Form::Silent {
            return Err(WrongUsage);
        }
        let subject = match (given.prevails(LOGS, SERVICES), given.has(SERVICES)) {
            (true, _) => Subject::Log,
            (false, true) => Subject::Service,
            (false, false) => Subject::Both,
        };
        let with_phase = given.has(ENCORE) || subject != Subject::Both;
        let request = Request { form, subject };
        Ok(Self { request, with_phase, watches, dirs: given.operands() })
    }
}

impl Tool for Svstat {
    fn run(&self, process: &mut Process) -> anyhow::Result<u8> {
        process.listeners.tool_runs(APPLET.name);
        let form = self.request.form;
        let origin = Origin::open()?;
        let dirs: Vec<&'static [u8]> = self.dirs.iter().map(|dir| dir.bytes()).collect();
        if self.watches {
            return watching::run(&self.request, &origin, &process.environ, &dirs);
        }

        let mut looks = Vec::with_capacity(dirs.len());
        for dir in dirs {
            looks.push(DirectoryLook::at(dir, &origin, &process.environ, self.request.subject, form)?);
        }
        let now = Moment::now();
        let text = match form {
            Form::Silent => return Ok(looks.iter().map(DirectoryLook::code).max().unwrap_or(0)),
            Form::Line => looks.iter().flat_map(|look| line::lines(look, self.with_phase, now)).collect(),
            Form::Json => looks.iter().flat_map(|look| json::line(look, now, &process.environ)).collect(),
            Form::Table => table::table(&looks, now, None),
        };
        match write_all(STDOUT, &text) {
            // the reference does not look
            Err(_) if form == Form::Line => Ok(0),
            outcome => outcome.unable_to("write", b"output").map(|()| 0),
        }
    }
}
