//! The child: from here on it is the daemon.

use super::{APPLET, Daemonize, Prepared, cannot, cannot_daemonize, readiness};
use crate::accounts::switch::Switch;
use crate::applet::{Boundary, Process};
use crate::environ::Change;
use crate::failure::Failure;
use crate::patience::Patience;
use crate::pidfile::claim::{Claim, Denied};
use crate::sys::descriptor::{self, put_at, uninterrupted};
use crate::sys::lock::Kind;
use crate::sys::process;
use crate::sys::words::Word;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, chdir, getpid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Where what is neither read nor kept comes from and goes to.
const NULL: Word = Word::constant(c"/dev/null");

impl Daemonize {
    /// Makes this process the daemon. What names files comes first, as it is in the caller's directory that they are
    /// meant.
    pub(super) fn go_on(&self, mut prepared: Prepared, process: &mut Process) -> anyhow::Result<Boundary> {
        if self.has_session {
            nix::unistd::setsid().map_err(cannot_daemonize)?;
        }
        if self.forks_twice {
            if let ForkResult::Parent { .. } = process::fork().map_err(cannot_daemonize)? {
                process::exit(0);
            }
        }
        // one's own parent knows its child; those before do not
        if self.forks_twice || process.listeners.numbers().count() > 1 {
            process.listeners.going_on(getpid());
        }
        let mut kept = Vec::new();
        if let Some(claim) = prepared.pid_file.take() {
            kept.extend(self.write_pid(claim, &prepared)?);
        }
        let boundary = match prepared.account.take() {
            Some(account) => {
                process.environ.apply(login(&account));
                Switch::new(account, false).make(APPLET.family, "a chain with setuidgid -k")?
            }
            None => Boundary::Open,
        };
        let standard = if self.keeps_stdio { None } else { Some(self.standard_files()?) };
        chdir(self.directory.as_c_str()).map_err(cannot("change working directory to", self.directory))?;
        if let Some(files) = standard {
            files.put_in_place().map_err(cannot_daemonize)?;
        }
        if let Some(mask) = self.umask {
            umask(Mode::from_bits_truncate(mask));
        }
        let mut variables = self.variables.clone();
        if let Some(address) = &prepared.notify {
            variables.push(Change::set(readiness::VARIABLE, address));
        }
        process.environ.apply(variables);

        for descriptor in [prepared.lock.take(), prepared.ready.take()].into_iter().flatten() {
            kept.push(descriptor::keep_across_exec(descriptor).map_err(cannot_daemonize)?);
        }
        if let Some(first) = self.close_from {
            let mut kept: Vec<_> = kept.iter().map(AsRawFd::as_raw_fd).chain(process.listeners.numbers()).collect();
            kept.sort_unstable();
            descriptor::close_from(first, &kept).map_err(cannot_daemonize)?;
        }
        if self.ready.is_immediate() {
            process.listeners.dismiss_last();
        }
        Ok(boundary)
    }

    /// Claims the pid file. Gives the descriptor of its lock, if it has one of its own.
    fn write_pid(&self, claim: Claim, prepared: &Prepared) -> anyhow::Result<Option<BorrowedFd<'static>>> {
        let name = self.pid_file.unwrap_or(NULL);
        let claim = if prepared.is_locked {
            claim
        } else {
            claim.locked(Kind::Record, Patience::None, APPLET.name, Claim::text).map_err(|denied| match denied {
                Denied::Held(holder) => {
                    let held = crate::applets::pidfile_lock::HELD;
                    Failure::new(holder.describe(name.bytes())).with_code(held).into()
                }
                Denied::Failed(error) => error,
            })?
        };
        if let Some(account) = prepared.account.as_ref().filter(|_| self.user_owns_pid_file) {
            claim.give_to(account.user, account.group).map_err(cannot("change owner of PID file", name))?;
        }
        claim.write()?;
        if prepared.is_locked {
            return Ok(None);
        }
        Ok(Some(descriptor::keep_across_exec(claim.into_descriptor()).map_err(cannot_daemonize)?))
    }

    fn standard_files(&self) -> anyhow::Result<StandardFiles> {
        let opened = |name: Word, flags: OFlag, verb: &str| {
            let flags = flags | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
            let permissions = Mode::from_bits_truncate(0o666);
            uninterrupted(|| open(name.as_c_str(), flags, permissions))
                .and_then(|file| descriptor::at_least(file, 3))
                .map_err(|reason| match verb {
                    "" => cannot("open", name)(reason),
                    _ => Failure::new([b"Can't open \"", name.bytes(), b"\" for ", verb.as_bytes()].concat())
                        .because(reason),
                })
        };
        if self.output.is_none() && self.error.is_none() {
            return Ok(StandardFiles { input: opened(NULL, OFlag::O_RDWR, "")?, output: None, error: None });
        }
        let how = if self.append { OFlag::O_APPEND } else { OFlag::O_TRUNC };
        let write = |name: Option<Word>, what: &str| match name {
            Some(name) => opened(name, OFlag::O_WRONLY | OFlag::O_CREAT | how, what),
            None => opened(NULL, OFlag::O_WRONLY, ""),
        };
        let is_same = matches!((self.output, self.error), (Some(one), Some(other)) if one.bytes() == other.bytes());
        let input = opened(NULL, OFlag::O_RDONLY, "")?;
        let output = write(self.output, "stdout")?;
        let error = if is_same { None } else { Some(write(self.error, "stderr")?) };
        Ok(StandardFiles { input, output: Some(output), error })
    }
}

/// What goes onto descriptors 0, 1 and 2; what is `None` is what the one before it is.
struct StandardFiles {
    input: OwnedFd,
    output: Option<OwnedFd>,
    error: Option<OwnedFd>,
}

impl StandardFiles {
    fn put_in_place(self) -> Result<(), Errno> {
        let output = self.output.as_ref().unwrap_or(&self.input);
        let error = self.error.as_ref().unwrap_or(output);
        for (file, number) in [(&self.input, 0), (output, 1), (error, 2)] {
            put_at(file.as_fd(), number)?;
        }
        Ok(())
    }
}

/// What a login sets.
fn login(account: &crate::accounts::Account) -> Vec<Change> {
    let Some(login) = &account.login else { return Vec::new() };
    vec![
        Change::set(b"USER", &login.name),
        Change::set(b"LOGNAME", &login.name),
        Change::set(b"HOME", &login.home),
    ]
}
