//! Starting a supervise: in a fork of this process where nobody can tell that from an exec, otherwise by one.

use crate::environ::Environ;
use crate::process::inherited_signals::{Inherited, Parts};
use crate::process::search::Search;
use crate::process::start;
use crate::service::supervising;
use crate::sys::anew;
use crate::sys::argv::Layout;
use crate::sys::descriptor::{self, Standard};
use crate::sys::exec::{SELF, execve_with};
use crate::sys::process;
use crate::sys::split;
use crate::sys::words::{Word, Words};
use crate::time::clock::{self, SECOND};
use crate::voice::dialect::Dialect;
use crate::voice::exit::BERNSTEIN;
use crate::voice::failure::{Failure, explained};
use crate::voice::speaker::Speaker;
use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid, chdir};
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, RawFd};

/// What supervises are started with.
pub struct Starter<'a> {
    /// The environment.
    pub environ: &'a Environ,
    /// The signals as svscan found them.
    pub signals: Inherited,
    /// The descriptors above 2 that svscan was started with.
    pub inherited: Vec<RawFd>,
    /// The limit on descriptors that svscan was started with.
    pub limit: (u64, u64),
    /// How a fork is made to look like an exec; `None` where it cannot be, or is not to be.
    pub layout: Option<Layout>,
}

/// Which supervise is to be started, and what it has that the others have not.
pub struct Placement<'a> {
    /// Where it is started: in this directory.
    pub place: Option<&'a CStr>,
    /// What it is to supervise, as seen from there.
    pub name: &'a CStr,
    /// Its standard input.
    pub input: Option<BorrowedFd<'a>>,
    /// Its standard output.
    pub output: Option<BorrowedFd<'a>>,
    /// Its standard output and error, where svscan has put others in their place.
    pub outlets: Option<[BorrowedFd<'a>; 2]>,
}

/// A supervise that has been started.
#[derive(Clone, Copy)]
pub struct Begun {
    /// Its process.
    pub pid: Pid,
    /// Whether it is known to be catena's: TERM makes it end its service first.
    pub is_ours: bool,
    /// From when on it does: what is exec'ed dies of TERM before it has set its signals up.
    pub hears_at: u64,
}

impl Starter<'_> {
    /// Starts a supervise.
    ///
    /// # Errors
    /// As fork(2) and execve(2).
    pub fn start(&self, placement: &Placement<'_>) -> nix::Result<Begun> {
        let other = self.environ.get(b"CATENA_SUPERVISE").filter(|program| !program.bytes().is_empty());
        match (&self.layout, other) {
            (Some(layout), None) => {
                let before = start::start_now();
                match process::fork()? {
                    ForkResult::Parent { child } => Ok(Begun { pid: child, is_ours: true, hears_at: 0 }),
                    ForkResult::Child => self.be(layout, placement, before),
                }
            }
            _ => self.exec(other, placement),
        }
    }

    /// What both ways have in common, in the child.
    fn prepare(&self, placement: &Placement<'_>) -> nix::Result<()> {
        if let Some([output, error]) = placement.outlets {
            descriptor::put_at(output, Standard::Output)?;
            descriptor::put_at(error, Standard::Error)?;
        }
        for (from, to) in [(placement.input, Standard::Input), (placement.output, Standard::Output)] {
            if let Some(from) = from {
                descriptor::put_at(from, to)?;
            }
        }
        if let Some(place) = placement.place {
            chdir(place)?;
        }
        let _ = rlimit::setrlimit(rlimit::Resource::NOFILE, self.limit.0, self.limit.1);
        Ok(())
    }

    /// Becomes a supervise without an exec.
    fn be(&self, layout: &Layout, placement: &Placement<'_>, before: u64) -> ! {
        let start = start::own_start(before);
        let words: &'static [u8] = Vec::leak([&b"supervise\0"[..], placement.name.to_bytes_with_nul()].concat());
        let name = &words[b"supervise\0".len()..words.len() - 1];
        process::set_last_words(&supervising::NAME, BERNSTEIN.failure);
        process::set_name(supervising::NAME);
        let failed = self.prepare(placement).and_then(|()| layout.show(words)).err();
        let data = ((name, start), (self.environ.entries(), (self.signals.parts(), failed)));
        // all of svscan's are close-on-exec; those it was given are not
        anew::begin(3, &self.inherited, data, supervise)
    }

    fn exec(&self, other: Option<Word>, placement: &Placement<'_>) -> nix::Result<Begun> {
        let program = other.unwrap_or(Word::constant(c"supervise"));
        let mut search = Search::new(program, self.environ, Dialect::Bernstein);
        let exec = |file: &CStr| {
            // to ours a name like this would be an option; daemontools' has none
            let is_like_option = other.is_none() && matches!(placement.name.to_bytes(), [b'-', _, ..]);
            let words = [Some(c"supervise"), is_like_option.then_some(c"--"), Some(placement.name)];
            execve_with(file, words.into_iter().flatten(), self.environ.entries())
        };
        let mut failed = None;
        let started = split::start(false, || {
            let ready = self.prepare(placement).and_then(|()| self.signals.put_back());
            failed = Some(match (ready, other) {
                (Err(reason), _) => reason,
                (Ok(()), None) => match exec(SELF) {
                    Errno::ENOENT => search.exec(exec),
                    reason => reason,
                },
                (Ok(()), Some(_)) => search.exec(exec),
            });
            111
        })?;
        match failed {
            Some(reason) => {
                let _ = process::wait_for(started.pid);
                Err(reason)
            }
            None => Ok(Begun { pid: started.pid, is_ours: other.is_none(), hears_at: clock::monotonic() + SECOND }),
        }
    }
}

/// What a supervise knows at its start: its name and when it was started; its environment; signals as svscan found them, and
/// what has gone wrong so far.
type Handed = ((&'static [u8], u64), (Words, (Parts, Option<Errno>)));

/// Is a supervise. Gives its exit code.
fn supervise(handed: Handed, closed: nix::Result<()>) -> u8 {
    let ((name, start), (environ, (signals, failed))) = handed;
    let signals = Inherited::from_parts(signals);
    let outcome = failed.map_or(closed, Err).and_then(|()| signals.watch_instead(&supervising::WATCHED));
    let outcome = match outcome {
        Ok(()) => supervising::supervise(name, &Environ::new(environ), &signals, start, |_| {}),
        Err(reason) => Err(Failure::unable_to("start", name, reason).into()),
    };
    outcome.unwrap_or_else(|error| {
        Speaker::patient(supervising::NAME).give_up(&[&explained(&error, Dialect::Bernstein)]);
        BERNSTEIN.failure
    })
}
