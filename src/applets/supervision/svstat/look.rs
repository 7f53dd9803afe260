//! What is found in a service directory.

use super::{APPLET, Form};
use crate::environ::Environ;
use crate::process::signal_names;
use crate::service::info::Info;
use crate::service::origin::Origin;
use crate::service::status::{Phase, Status, StatusFile};
use crate::service::{Home, is_s6, unreadable};
use crate::time::clock::monotonic;
use crate::voice::dialect::Dialect;
use crate::voice::exit::{SEEN_DOWN, SEEN_FAILED, SEEN_UNSUPERVISED};
use crate::voice::failure::describe;
use nix::errno::Errno;
use nix::sys::stat::{lstat, stat};
use nix::unistd::chdir;
use std::time::Duration;

/// A service that has been started again and has not lasted so long may be one that fails again and again: supervise leaves a second
/// between two starts, and a look finds such a one up now and then.
pub const PROBATION: Duration = Duration::from_secs(2);

/// Which of a service and its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Service,
    Log,
    Both,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One {
    /// What is wanted and done.
    pub status: Status,
    /// Whether it is up unless somebody says otherwise.
    pub is_normally_up: bool,
    /// Whether runit's runsv has sent it TERM.
    pub got_term: bool,
    /// What only a supervise of this kind tells.
    pub info: Option<Info>,
    /// Whether the process is `stop` or `finish`.
    pub in_finish: bool,
    /// Why it is not to be taken for up though it is: of a log that is judged, and not only told of.
    pub doubt: Option<Doubt>,
}

/// Why what is up is not to be taken for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It has been started again, and has not lasted yet.
    Probation,
    /// It is not `run` that runs.
    Finish,
}

impl One {
    /// Whether it is up, as svup sees it.
    pub fn is_up(&self) -> bool {
        self.status.pid != 0 || matches!(self.status.phase, Some(Phase::Started | Phase::Running))
    }

    /// Whether it has failed for good.
    pub fn has_failed(&self) -> bool {
        self.status.phase == Some(Phase::Failed)
    }

    /// How many processes it has left behind that are waited for, or that run on although it is down, and one of them.
    pub fn left(&self) -> Option<(u32, u32)> {
        let info = self.info.filter(|info| self.status.pid == 0 && info.left > 0)?;
        let runs = self.status.phase == Some(Phase::Stopping) || info.left_process.is_alive();
        runs.then_some((info.left, info.left_process.pid))
    }

    /// The same in words.
    pub fn left_in_words(&self) -> Option<String> {
        let (count, pid) = self.left()?;
        let what = if self.status.phase == Some(Phase::Stopping) { "waits for" } else { "has left" };
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        Some(format!("{what} pid {pid}{more}"))
    }

    /// How it last ended.
    pub fn end(&self) -> Option<String> {
        let info = self.info?;
        match (info.last_exit, info.last_signal) {
            (Some(code), _) => Some(format!("exit {code}")),
            (None, Some(number)) => Some(match signal_names::name(number.into()) {
                Some(name) => name.to_owned(),
                None => format!("signal {number}"),
            }),
            (None, None) => None,
        }
    }

    fn judged(self) -> Self {
        let probation = u64::try_from(PROBATION.as_nanos()).unwrap_or(u64::MAX);
        let is_new = |info: Info| {
            let age = monotonic().checked_sub(info.started);
            info.restarts > 0 && age.is_some_and(|age| age < probation)
        };
        let doubt = match () {
            () if !self.is_up() => None,
            () if self.in_finish => Some(Doubt::Finish),
            () => self.info.filter(|&info| is_new(info)).map(|_| Doubt::Probation),
        };
        Self { doubt, ..self }
    }
}

/// Why nothing is found of one, in the reference's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No supervise runs.
    NotSupervised(Vec<u8>),
    /// It cannot be told.
    Unknown(Vec<u8>),
}

impl Trouble {
    /// The words.
    pub fn words(&self) -> &[u8] {
        match self {
            Self::NotSupervised(words) | Self::Unknown(words) => words,
        }
    }
}

/// What is found of one.
pub type Verdict = Result<One, Trouble>;

/// What there is to say of a log that is not there.
pub fn no_log() -> Verdict {
    Err(Trouble::NotSupervised(b"no log service".to_vec()))
}

/// What is found of a service and of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryLook {
    /// As it was called.
    pub dir: &'static [u8],
    /// The service itself, if it was asked for.
    pub main: Option<Verdict>,
    /// Its log, if that was asked for and there is one.
    pub log: Option<Verdict>,
    /// Whether the log is in the care of the same supervise.
    pub is_log_inside: bool,
}

impl DirectoryLook {
    /// Looks at what `scope` asks for, and at as much of a log in a directory of its own as `form` has room for.
    ///
    /// # Errors
    /// If there is no way back.
    pub fn at(
        dir: &'static [u8],
        origin: &Origin,
        environ: &Environ,
        subject: Subject,
        form: Form,
    ) -> anyhow::Result<Self> {
        let look = match origin.enter(dir) {
            Ok(()) => Self::here(dir, environ, subject, form),
            Err(reason) => Self { dir, main: Some(no_entry(reason)), log: None, is_log_inside: false },
        };
        origin.back()?;
        Ok(look)
    }

    /// Looks at the service in the current directory, which is left.
    fn here(dir: &'static [u8], environ: &Environ, subject: Subject, form: Form) -> Self {
        let (main, inside) = find(environ);
        if subject == Subject::Service {
            return Self { dir, main: Some(main), log: None, is_log_inside: false };
        }
        let is_log_inside = inside.is_some();
        let log = inside.or_else(|| match form {
            Form::Line | Form::Silent if subject == Subject::Both => None,
            _ => find_beside(environ, subject == Subject::Log || form == Form::Json),
        });
        // an object tells all there is
        let judges = matches!(form, Form::Table | Form::Silent);
        let log = log.map(|log| if judges { log.map(One::judged) } else { log });
        match (subject, &main, &log) {
            // where nothing can be told of the service, that is all there is to say
            (Subject::Log, Ok(_), _) | (Subject::Log, _, Some(_)) => Self { dir, main: None, log, is_log_inside },
            _ => Self { dir, main: Some(main), log, is_log_inside },
        }
    }

    /// Whether another look may find something else though nothing happens.
    pub fn is_on_probation(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.as_ref().is_ok_and(|one| one.doubt == Some(Doubt::Probation)))
    }

    /// The exit code that tells how it is.
    pub fn code(&self) -> u8 {
        match self.main.as_ref().or(self.log.as_ref()) {
            Some(Ok(one)) if one.has_failed() => SEEN_FAILED,
            Some(Ok(one)) if one.is_up() && one.doubt.is_none() => 0,
            Some(Ok(_)) => SEEN_DOWN,
            Some(Err(Trouble::NotSupervised(_))) | None => SEEN_UNSUPERVISED,
            Some(Err(Trouble::Unknown(_))) => APPLET.codes.failure,
        }
    }
}

fn no_entry(reason: Errno) -> Verdict {
    Err(Trouble::Unknown(because(b"unable to chdir", reason)))
}

fn because(what: &[u8], reason: Errno) -> Vec<u8> {
    [what, b": ", describe(reason, Dialect::Bernstein).as_bytes()].concat()
}

/// The log in the directory `log` of the current one, which is left. A directory of that name in which there is nothing to run, and
/// has never been, need not be a service; `is_any` is whether it counts all the same.
fn find_beside(environ: &Environ, is_any: bool) -> Option<Verdict> {
    match chdir(c"log") {
        Ok(()) => {}
        // a log that is a program is not a directory
        Err(Errno::ENOENT | Errno::ENOTDIR) => return None,
        Err(reason) => return Some(no_entry(reason)),
    }
    let has_been = || Home::here(environ).is_ok_and(|home| lstat(home.directory()).is_ok());
    let is_service = is_any || lstat(c"run").is_ok() || has_been();
    is_service.then(|| find(environ).0)
}

/// The service in the current directory; and its log, if the same supervise has it.
fn find(environ: &Environ) -> (Verdict, Option<Verdict>) {
    match try_to_find(environ) {
        Ok((main, log)) => (Ok(main), log.map(Ok)),
        Err(trouble) => (Err(trouble), None),
    }
}

fn try_to_find(environ: &Environ) -> Result<(One, Option<One>), Trouble> {
    let unknown = |what: &[u8], reason| Trouble::Unknown(because(what, reason));
    let home = Home::here(environ).map_err(|reason| unknown(b"unable to find supervise", reason))?;
    let is_normally_up = match stat(c"down") {
        Ok(_) => false,
        Err(Errno::ENOENT) => true,
        Err(reason) => return Err(unknown(b"unable to stat down", reason)),
    };
    if is_s6(&home) {
        return Err(Trouble::NotSupervised(b"not a daemontools service (s6)".to_vec()));
    }
    home.ok().map_err(|reason| {
        let text = because(&[b"unable to open ", home.file("ok").as_slice()].concat(), reason);
        match reason {
            Errno::ENXIO => Trouble::NotSupervised(b"supervise not running".to_vec()),
            Errno::ENOENT => Trouble::NotSupervised(text),
            _ => Trouble::Unknown(text),
        }
    })?;
    let unreadable = |reason| unreadable(&home.file("status"), reason).in_words_of(Dialect::Bernstein);
    let record = home.status().map_err(|reason| Trouble::Unknown(unreadable(reason)))?;
    let info = home.info().filter(|info| info.process.pid == record.main.pid);
    let StatusFile { main, log, got_term, in_finish } = record;
    let one = |status| One { status, is_normally_up, got_term: false, info: None, in_finish: false, doubt: None };
    Ok((One { got_term, info, in_finish, ..one(main) }, log.map(one)))
}
