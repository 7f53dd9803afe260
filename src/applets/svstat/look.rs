//! What is found in a service directory.

use super::APPLET;
use crate::environ::Environ;
use crate::failure::describe;
use crate::family::Family;
use crate::service::info::Info;
use crate::service::origin::Origin;
use crate::service::status::{Phase, Record, Status};
use crate::service::{Home, is_s6, unreadable};
use nix::errno::Errno;
use nix::sys::stat::stat;
use nix::unistd::chdir;

/// Which of a service and its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
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
}

impl One {
    /// Whether it is up, as svup sees it.
    pub fn is_up(&self) -> bool {
        self.status.pid != 0 || matches!(self.status.phase, Some(Phase::Started | Phase::Running))
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
pub type Found = Result<One, Trouble>;

/// What there is to say of a log that is not there.
pub fn no_log() -> Found {
    Err(Trouble::NotSupervised(b"no log service".to_vec()))
}

/// What is found of a service and of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// As it was called.
    pub dir: &'static [u8],
    /// The service itself, if it was asked for.
    pub main: Option<Found>,
    /// Its log, if that was asked for and there is one.
    pub log: Option<Found>,
}

impl Look {
    /// Looks at what `scope` asks for. `with_directory` is whether a log in a directory of its own is part of a look at both.
    ///
    /// # Errors
    /// If there is no way back.
    pub fn at(
        dir: &'static [u8],
        origin: &Origin,
        environ: &Environ,
        scope: Scope,
        with_directory: bool,
    ) -> anyhow::Result<Self> {
        let look = match origin.enter(dir) {
            Ok(()) => Self::here(dir, environ, scope, with_directory),
            Err(reason) => Self { dir, main: Some(no_entry(reason)), log: None },
        };
        origin.back()?;
        Ok(look)
    }

    /// Looks at the service in the current directory, which is left.
    fn here(dir: &'static [u8], environ: &Environ, scope: Scope, with_directory: bool) -> Self {
        let (main, log) = find(environ);
        if scope == Scope::Service {
            return Self { dir, main: Some(main), log: None };
        }
        let log = match log {
            None if with_directory || scope == Scope::Log => match chdir(c"log") {
                Ok(()) => Some(find(environ).0),
                // a log that is a program is not a directory
                Err(Errno::ENOENT | Errno::ENOTDIR) => None,
                Err(reason) => Some(no_entry(reason)),
            },
            log => log,
        };
        match (scope, &main, &log) {
            // where nothing can be told of the service, that is all there is to say
            (Scope::Log, Ok(_), _) | (Scope::Log, _, Some(_)) => Self { dir, main: None, log },
            _ => Self { dir, main: Some(main), log },
        }
    }

    /// The exit code that tells how it is.
    pub fn code(&self) -> u8 {
        match self.main.as_ref().or(self.log.as_ref()) {
            Some(Ok(one)) if one.status.phase == Some(Phase::Failed) => 3,
            Some(Ok(one)) if one.is_up() => 0,
            Some(Ok(_)) => 1,
            Some(Err(Trouble::NotSupervised(_))) | None => 2,
            Some(Err(Trouble::Unknown(_))) => APPLET.codes.failure,
        }
    }
}

fn no_entry(reason: Errno) -> Found {
    Err(Trouble::Unknown(because(b"unable to chdir", reason)))
}

fn because(what: &[u8], reason: Errno) -> Vec<u8> {
    [what, b": ", describe(reason, Family::Bernstein).as_bytes()].concat()
}

/// The service in the current directory; and its log, if the same supervise has it.
fn find(environ: &Environ) -> (Found, Option<Found>) {
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
    let unreadable = |reason| unreadable(&home.file("status"), reason).in_words_of(Family::Bernstein);
    let record = home.status().map_err(|reason| Trouble::Unknown(unreadable(reason)))?;
    let info = home.info().filter(|info| info.process.pid == record.main.pid);
    let Record { main, log, got_term, .. } = record;
    let log = log.map(|status| One { status, is_normally_up, got_term: false, info: None });
    Ok((One { status: main, is_normally_up, got_term, info }, log))
}
