//! svscan: keep a supervise running for each service directory.
//!
//! | module | is |
//! |---|---|
//! | scan | which service directories there are |
//! | entry | a service, its log and the pipe between them |
//! | starting | starting its supervises when they are due |
//! | ending | the end of such an entry |
//! | farewell | telling the supervise of a service to end |
//! | drain | the end of a log |
//! | watched | one supervise, dead or alive |
//! | start | starting a supervise |
//! | manual | the prose of the manual page |

mod drain;
mod ending;
mod entry;
mod farewell;
mod manual;
mod scan;
mod start;
mod starting;
mod watched;

use crate::applet::{Applet, Dialect, Grammar, Process, Role};
use crate::files::descriptors;
use crate::files::file_id::FileId;
use crate::options::Given;
use crate::process::inherited_signals::{Inherited, Signals};
use crate::process::start::boot;
use crate::service::scan_directory::{NAME, ScanDirectory, claim};
use crate::sys::argv::Layout;
use crate::sys::descriptor::{self, STDERR, STDOUT, Standard};
use crate::sys::process;
use crate::sys::{exec, signal};
use crate::time::clock::monotonic;
use crate::voice::exit::{BERNSTEIN, SUCCESS};
use crate::voice::failure::UnableTo;
use entry::Entry;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;
use nix::unistd::{Pid, getpid};
use scan::Scanner;
use start::Starter;
use std::cell::Cell;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// The definition.
pub const APPLET: Applet = Applet {
    name: NAME,
    about: "Keep a supervise running for each service directory",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "it was told to end, and all services are down; or it was told to let go")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[
        ("[DIR]", "The directory of service directories; without it the current one"),
        ("[LOGSERVICE]", "The service in DIR that logs what svscan and the supervises say"),
    ],
    example: &[],
    manual: manual::MANUAL,
    role: Role::Tool(Grammar::Options, run),
};

/// What it waits for. TERM and INT mean that all is to end, QUIT that all is to be left alone, ALRM that it is to scan, HUP
/// that what is no longer there is to end.
const WATCHED: [i32; 6] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGALRM, libc::SIGCHLD];

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let signals = Inherited::put_aside(&WATCHED).unable_to("block", b"signals")?;
    let mut inherited = descriptors::open_from(3).unwrap_or_default();
    descriptors::occupy_standard();
    let operands = given.operands();
    if let Some(dir) = operands.get(0) {
        nix::unistd::chdir(dir.bytes()).unable_to("chdir to", dir.bytes())?;
    }
    // an ignored one would take away the news of a supervise's end
    signal::set_default(libc::SIGCHLD).unable_to("watch for", b"children")?;
    let arrived = Signals::new(&WATCHED).unable_to("watch for", b"signals")?;
    // to come back to; whether it can be read is another matter, and may change
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = open(c".", flags, Mode::empty()).unable_to("open", b"directory")?;
    let is_away = Cell::new(false);
    let base = ScanDirectory { directory: directory.as_fd(), environ: &process.environ, is_away: &is_away };
    // for as long as this process lives
    let _lock = claim(&base, &mut inherited)?;
    let limit = rlimit::getrlimit(rlimit::Resource::NOFILE).unwrap_or((0, 0));
    // each service with a log takes two
    let _ = rlimit::setrlimit(rlimit::Resource::NOFILE, limit.1, limit.1);
    let may_share = process.environ.get(b"CATENA_FUSE").is_none_or(|say| say.bytes() != b"0")
        && !exec::is_secure_start()
        && process::is_inspectable();
    let layout = if may_share { Layout::of_this_process() } else { None };
    // before the first fork: no supervise has to ask again
    boot();
    let starter = Starter { environ: &process.environ, signals, inherited, limit, layout };
    let mut tree = Tree { starter, base, scanner: Scanner::new(), entries: Vec::new(), own: None, is_ending: false };
    if let Some(name) = operands.get(1) {
        tree.log_own(name.bytes())?;
    }
    process.listeners.tool_runs(APPLET.name);
    let code = tree.keep(&arrived)?;
    Ok(code)
}

/// svscan's own log, and where its messages went before.
struct OwnLog {
    entry: Entry,
    outlets: [OwnedFd; 2],
}

/// All there is.
struct Tree<'a> {
    starter: Starter<'a>,
    base: ScanDirectory<'a>,
    scanner: Scanner,
    entries: Vec<Entry>,
    own: Option<OwnLog>,
    /// Whether all is to end.
    is_ending: bool,
}

impl Tree<'_> {
    /// From here on a service logs what svscan says.
    fn log_own(&mut self, name: &[u8]) -> anyhow::Result<()> {
        let word = CString::new(name).map_err(|_| Errno::EINVAL).unable_to("log to", name)?;
        let seen = nix::sys::stat::stat(word.as_c_str()).unable_to("log to", name)?;
        let copy = |of: BorrowedFd<'_>| descriptor::copy_from(of, 3);
        let outlets = [copy(STDOUT).unable_to("log to", name)?, copy(STDERR).unable_to("log to", name)?];
        let entry = Entry::log_of_svscan(word, FileId::of(&seen), &self.base).unable_to("make a pipe to", name)?;
        if let Some(outlet) = entry.outlet() {
            for place in [Standard::Output, Standard::Error] {
                descriptor::put_at(outlet, place).unable_to("log to", name)?;
            }
        }
        self.own = Some(OwnLog { entry, outlets });
        Ok(())
    }

    /// Keeps all running until told to end.
    fn keep(&mut self, arrived: &Signals) -> anyhow::Result<u8> {
        loop {
            self.start_due();
            if self.is_ending && self.scanner.has_looked() && self.is_over() {
                break;
            }
            let limit = self.next_time().map(|at| Duration::from_nanos(at.saturating_sub(monotonic())));
            self.wait(arrived, limit).unable_to("wait for", b"events")?;
            while let Some(signal) = arrived.take() {
                match signal {
                    libc::SIGTERM | libc::SIGINT => self.is_ending = true,
                    libc::SIGQUIT => return Ok(0),
                    libc::SIGALRM => self.scanner.scan_now(),
                    libc::SIGHUP => self.scanner.prune_now(),
                    _ => {}
                }
            }
            while let Ok((pid, end)) = process::next_ended(None) {
                self.ended(pid, end);
            }
            for entry in self.all() {
                entry.look_at_strangers();
            }
            // one that is to end at once ends what an earlier one has left all the same
            if self.scanner.is_due() && !(self.is_ending && self.scanner.has_looked()) {
                self.scanner.scan(&mut self.entries, &self.base, self.own.as_ref().map(|own| own.entry.identity));
            }
            if self.is_ending {
                self.entries.iter_mut().for_each(|entry| entry.is_ending = true);
            }
            let base = self.base;
            for entry in &mut self.entries {
                entry.is_ending |= entry.is_forsaken(&base);
                entry.see_off(&base);
            }
            let has_come_back = self.entries.iter().any(|entry| entry.is_over() && entry.is_active);
            self.entries.retain(|entry| !entry.is_over());
            if self.is_ending {
                self.see_off_log();
            } else if has_come_back {
                self.scanner.scan_now();
            }
        }
        if getpid() == Pid::from_raw(1) {
            // what nobody has supervised
            let _ = process::send(Pid::from_raw(-1), libc::SIGKILL);
        }
        Ok(0)
    }

    /// All entries, with svscan's own log.
    fn all(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut().chain(self.own.as_mut().map(|own| &mut own.entry))
    }

    fn ended(&mut self, pid: Pid, end: process::End) {
        // others are orphans that the first process of a namespace gets
        let _ = self.all().any(|entry| entry.ended(pid, end));
    }

    fn start_due(&mut self) {
        if self.base.come_back().is_err() {
            return self.all().for_each(Entry::put_off);
        }
        let Self { starter, entries, own, scanner, .. } = self;
        if let Some(OwnLog { entry, outlets: [output, error] }) = own {
            entry.start_due(starter, Some([output.as_fd(), error.as_fd()]));
        }
        // two services must not run for one that was replaced
        let removed: Vec<_> =
            entries.iter().filter(|entry| entry.is_removed()).map(|entry| entry.name.clone()).collect();
        for entry in entries {
            if entry.is_active && removed.contains(&entry.name) {
                entry.put_off();
            }
            entry.start_due(starter, None);
            if std::mem::take(&mut entry.is_misplaced) && entry.is_active {
                scanner.scan_now();
            }
        }
    }

    /// When all services have ended, ends svscan's own log.
    fn see_off_log(&mut self) {
        let base = self.base;
        if self.entries.is_empty()
            && let Some(OwnLog { entry, outlets: [output, error] }) = &mut self.own
        {
            if !entry.is_ending {
                entry.is_ending = true;
                let _ = descriptor::put_at(output.as_fd(), Standard::Output);
                let _ = descriptor::put_at(error.as_fd(), Standard::Error);
            }
            entry.see_off(&base);
        }
    }

    fn is_over(&self) -> bool {
        self.entries.is_empty() && self.own.as_ref().is_none_or(|own| own.entry.is_over())
    }

    fn next_time(&self) -> Option<u64> {
        let entries = self.entries.iter().chain(self.own.as_ref().map(|own| &own.entry));
        let scan = (!self.is_ending).then(|| self.scanner.next_time());
        entries.filter_map(Entry::next_time).chain(scan).min()
    }

    fn wait(&mut self, arrived: &Signals, limit: Option<Duration>) -> nix::Result<()> {
        let what = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut watched = vec![what(arrived.as_fd())];
        watched.extend(self.scanner.watched().map(what));
        let strangers = self.entries.iter().chain(self.own.as_ref().map(|own| &own.entry));
        watched.extend(strangers.flat_map(Entry::strangers).map(what));
        match ppoll(&mut watched, limit.map(TimeSpec::from_duration), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(reason) => return Err(reason),
        }
        drop(watched);
        self.scanner.take_news();
        Ok(())
    }
}
