//! What daemonize makes of attributes, as data: what the background makes of it, and what is said of it.

use super::background::NULL;
use super::readiness::{self, Ready};
use super::{APPLET, Daemonize, cannot, cannot_daemonize};
use crate::accounts::Account;
use crate::attributes::cwd::GoTo;
use crate::attributes::descriptors;
use crate::attributes::environment::{ENV, EditVariables};
use crate::attributes::identity::Become;
use crate::attributes::pid;
use crate::attributes::session::NewSession;
use crate::attributes::umask::SetUmask;
use crate::attributes::{Attribute, Effect, Fact, Value, View};
use crate::environ::Edit;
use crate::files::file_id::is_same;
use crate::pidfile::claim;
use crate::sys::words::Word;
use crate::voice::failure::Failure;
use nix::errno::Errno;
use nix::sys::stat::stat;
use std::os::fd::RawFd;

/// Becoming the account of `-u`.
pub fn becoming(account: Account) -> Become {
    Become::new(account, APPLET.dialect, "a chain with setuidgid -k")
}

/// What a login sets.
pub fn login(account: &Account) -> Vec<Edit> {
    let Some(login) = &account.login else { return Vec::new() };
    vec![Edit::set(b"USER", &login.name), Edit::set(b"LOGNAME", &login.name), Edit::set(b"HOME", &login.home)]
}

impl Daemonize {
    /// Its session, if it is to have one of its own.
    pub(super) fn session(&self) -> Option<NewSession> {
        self.has_session.then_some(NewSession { failed: Some(cannot_daemonize) })
    }

    /// Where it goes.
    pub(super) fn going(&self) -> GoTo<impl Fn(Errno) -> Failure> {
        GoTo { directory: self.directory, failed: cannot("change working directory to", self.directory) }
    }

    /// What will be in the background.
    pub(super) fn will_be(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let mut facts = vec![pid::forked()];
        if let Some(session) = self.session() {
            facts.extend(session.facts(view)?);
            if self.forks_twice {
                // the child in between leads them, and is gone
                let led = facts.iter_mut().filter(|fact| fact.value == Value::Own);
                led.for_each(|fact| fact.value = Value::New);
            }
        }
        if !self.keeps_stdio {
            let output = self.output.unwrap_or(NULL);
            let error = self.error.unwrap_or(NULL);
            for (number, word) in [(0, NULL), (1, output), (2, error)] {
                facts.push(descriptors::is(number, word.bytes()));
            }
        }
        facts.extend(self.going().facts(view)?);
        if let Some(mask) = self.umask {
            facts.extend(SetUmask(mask).facts(view)?);
        }
        let mut variables = self.variables.clone();
        if let Some(account) = self.account()? {
            variables.extend(login(&account));
            facts.extend(becoming(account).facts(view)?);
        }
        if self.ready == Ready::Notify {
            // an address that is made for each start
            facts.push(Fact::part(ENV.name(), readiness::VARIABLE, Value::New));
        }
        for variable in variables {
            facts.extend(EditVariables(vec![variable]).facts(view)?);
        }
        facts.extend(self.kept(view)?);
        Ok(facts)
    }

    /// Descriptors above 2: what it has besides, and what is closed.
    fn kept(&self, view: &View<'_>) -> nix::Result<Vec<Fact>> {
        let mut open = descriptors::open(view)?;
        let mut kept: Vec<RawFd> = Vec::new();
        let mut facts = Vec::new();
        if let Ready::Newline(number) = self.ready {
            kept.push(number);
            open.push(number);
            facts.push(descriptors::is(number, b"pipe:"));
        }
        let mut lock = |file: Word, from: RawFd, kind: &str, how: &str| {
            let number = (from..).find(|number| !open.contains(number)).unwrap_or(from);
            open.push(number);
            kept.push(number);
            facts.push(descriptors::is(number, file.bytes()));
            facts.push(descriptors::locks(number, kind, how));
        };
        if let Some(file) = self.lock_file {
            lock(file, 3, "flock", "write");
        }
        let seen = |file: Word| stat(file.as_c_str());
        let is_one = |lock: Word, file: Word| match (seen(lock), seen(file)) {
            (Ok(lock), Ok(file)) => is_same(&lock, &file),
            _ => lock.bytes() == file.bytes(),
        };
        let is_locked_twice = matches!((self.lock_file, self.pid_file), (Some(lock), Some(file)) if is_one(lock, file));
        if let Some(file) = self.pid_file.filter(|_| !is_locked_twice) {
            lock(file, claim::FIRST, "posix", "read");
        }
        if let Some(from) = self.close_from {
            let closed = open.into_iter().filter(|number| *number >= from && !kept.contains(number));
            facts.extend(closed.map(descriptors::is_closed));
        }
        Ok(facts)
    }
}
