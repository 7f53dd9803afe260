//! The child: from here on it is the daemon.

use super::facts::{becoming, login};
use super::{APPLET, Daemonize, Prepared, cannot, cannot_daemonize, readiness};
use crate::applet::Process;
use crate::attributes::umask::SetUmask;
use crate::attributes::{Boundaries, Boundary, Effect};
use crate::environ::Edit;
use crate::files::descriptors;
use crate::files::lock_wait::LockWait;
use crate::pidfile::claim::{self, Claim};
use crate::process::beside::Beside;
use crate::start_report::{Listeners, Log};
use crate::sys::descriptor::{self, Standard, put_at, uninterrupted};
use crate::sys::lock::Kind;
use crate::sys::process;
use crate::sys::words::Word;
use crate::voice::exit::HELD;
use crate::voice::failure::Failure;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, getpid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Where what is neither read nor kept comes from and goes to.
pub(super) const NULL: Word = Word::constant(c"/dev/null");

impl Daemonize {
    /// Makes this process the daemon. What names files comes first, as it is in the caller's directory that they are
    /// meant.
    pub(super) fn go_on(
        &self,
        mut prepared: Prepared,
        beside: Beside,
        process: &mut Process,
    ) -> anyhow::Result<Boundaries> {
        if let Some(session) = self.session() {
            session.make(process)?;
        }
        if self.forks_twice
            && let ForkResult::Parent { .. } = process::fork().map_err(cannot_daemonize)?
        {
            process::exit(0);
        }
        // where it goes on whatever becomes of the parent, that may go before it; and to stand still for an exec that comes at
        // once is no wait
        process.listeners.tie_last(!self.keeps_late && !self.is_prompt(process));
        // only now, or the process in between would lose the daemon's status
        beside.put_back().map_err(cannot_daemonize)?;
        // one's own parent knows its child; those before do not
        if self.forks_twice || process.listeners.numbers().count() > 1 {
            process.listeners.going_on(getpid());
        }
        let mut kept = Vec::new();
        if let Some(claim) = prepared.pid_file.take()
            && let Some(file) = self.write_pid(claim, &prepared)?
        {
            kept.push(file);
            let name = self.pid_file.unwrap_or(NULL);
            process.undo = Some(Box::new(move || claim::empty(file, name)));
        }
        // one by one: new ones come in the order of the reference, and the account has the last word
        let mut variables = self.variables.clone();
        let mut boundaries = Boundaries::NONE;
        if let Some(account) = prepared.account.take() {
            variables.extend(login(&account));
            boundaries = becoming(account).make(process)?;
        }
        variables.extend(prepared.notify.take().map(|address| Edit::set(readiness::VARIABLE, &address)));
        variables.into_iter().for_each(|variable| process.environ.apply(vec![variable]));
        let standard = if self.keeps_stdio { None } else { Some(self.standard_files(&mut process.listeners)?) };
        self.going().make(process)?;
        if let Some(files) = standard {
            files.put_in_place().map_err(cannot_daemonize)?;
        }
        if let Some(mask) = self.umask {
            SetUmask(mask).make(process)?;
        }
        for descriptor in [prepared.lock.take(), prepared.ready.take()].into_iter().flatten() {
            kept.push(descriptor::keep_across_exec(descriptor).map_err(cannot_daemonize)?);
        }
        if let Some(first) = self.close_from {
            let kept: Vec<_> = kept.iter().map(AsRawFd::as_raw_fd).chain(process.listeners.descriptors()).collect();
            descriptors::close_inherited_from(first, &kept).map_err(cannot_daemonize)?;
            boundaries |= Boundaries::one(Boundary::ClosedDescriptor);
        }
        if self.ready.is_immediate() {
            process.listeners.dismiss_last();
        }
        Ok(boundaries)
    }

    /// Claims the pid file, and writes it. Gives the descriptor of its lock, if it has one of its own.
    fn write_pid(&self, claim: Claim, prepared: &Prepared) -> anyhow::Result<Option<BorrowedFd<'static>>> {
        let name = self.pid_file.unwrap_or(NULL);
        let write = |claim: &Claim| {
            if let Some(account) = prepared.account.as_ref().filter(|_| self.user_owns_pid_file) {
                claim.give_to(account.user, account.group).map_err(cannot("change owner of PID file", name))?;
            }
            claim.write()
        };
        if prepared.is_locked {
            claim.take_over().map_err(|denied| denied.explain(name, HELD))?;
            write(&claim)?;
            return Ok(None);
        }
        let file = claim
            .make_good(Kind::Record, LockWait::None, APPLET.name, Claim::text, write)
            .map_err(|denied| denied.explain(name, HELD))?;
        Ok(Some(descriptor::keep_across_exec(file).map_err(cannot_daemonize)?))
    }

    fn standard_files(&self, listeners: &mut Listeners) -> anyhow::Result<StandardFiles> {
        let opened = |name: Word, flags: OFlag| {
            let flags = flags | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
            let file = uninterrupted(|| open(name.as_c_str(), flags, Mode::from_bits_truncate(0o666)));
            file.and_then(|file| descriptors::at_least(file, 3))
        };
        let null = |flags: OFlag| opened(NULL, flags).map_err(cannot("open", NULL));
        if self.output.is_none() && self.error.is_none() {
            return Ok(StandardFiles { input: null(OFlag::O_RDWR)?, output: None, error: None });
        }
        let how = if self.append { OFlag::O_APPEND } else { OFlag::empty() };
        let mut write = |name: Option<Word>, what: &str| {
            let Some(name) = name else { return null(OFlag::O_WRONLY) };
            let failed = |reason| {
                let text = [b"Can't open \"", name.bytes(), b"\" for ", what.as_bytes()].concat();
                Failure::new(text).because(reason)
            };
            let file = opened(name, OFlag::O_WRONLY | OFlag::O_CREAT | how).map_err(failed)?;
            if !self.append
                && let Some(log) = Log::of(file.as_fd()).map_err(failed)?
            {
                listeners.keep(log);
            }
            Ok(file)
        };
        let input = null(OFlag::O_RDONLY)?;
        let output = write(self.output, "stdout")?;
        let error = if self.has_one_file() { None } else { Some(write(self.error, "stderr")?) };
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
        for (file, place) in [&self.input, output, error].into_iter().zip(Standard::ALL) {
            put_at(file.as_fd(), place)?;
        }
        Ok(())
    }
}
