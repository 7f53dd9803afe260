//! The truth about a start: a pipe from a process that a link has forked to the parent that waits to exit with the right
//! code. Links write records into it; its end comes when the last program has taken the process over, because the pipe is
//! close-on-exec, or when the process is gone.
//!
//! | record | says |
//! |---|---|
//! | `X` | what comes next is an exec of a program that is none of the chain's links, and its name; an end now is a success |
//! | `E` | a link has failed: exit code, its message, and which file it wrote that to |
//! | `P` | the process id of who goes on, where the parent cannot know it |
//!
//! Each is one write of at most PIPE_BUF bytes, so records never mix; and all of a chain fit into a pipe, so that a parent
//! may leave them there until the end. A real exec of this very program hands the pipe on:
//! it stays open, and [`VARIABLE`] names it to the next link, which takes both away again.
//!
//! The parent may be gone before the start has come to its end, and a link may wait: for a reader of a FIFO, a lock, a
//! directory that is far away. Nobody has been told then that anything runs, so nothing may come of it later. A process that
//! is tied to its parent ([`Listeners::tie_last`]) has the kernel kill it as soon as the pipe has lost its reader, wherever
//! it waits; so no link has to think of it. Nothing of that is left when the pipe is closed, which the exec of the program
//! does. Neither a parent-death signal would do, which reaches no grandchild and outlives the exec, nor an end of its own
//! for each wait, of which there are too many kinds. It asks two things. Whoever goes on in a child must have the
//! signal sent to that ([`Listeners::follow`]). And the parent must leave in the pipe what it only wants to look at
//! ([`ParentEnd::noted`]), because the kernel sends the signal for each read, too.

mod log;
mod parent_end;
mod record;

use crate::environ::{Edit, Environ};
use crate::files::descriptors;
use crate::number::{decimal, decimal_in};
use crate::process::deadly_writes;
use crate::sys::descriptor::{self, uninterrupted, write_together};
use crate::sys::process;
use crate::sys::sigio;
use crate::sys::words::Words;
use crate::voice::failure;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{Pid, getpid};
use record::{FAILURE_HEAD, LARGEST, shortened};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

pub use log::Log;
pub use parent_end::{ParentEnd, Report};
pub use record::{Record, Told};

/// Names the pipes that an exec of this very program hands on, as `DESCRIPTOR:INODE`, and the logs, as
/// `DESCRIPTOR:INODE:LENGTH`, separated by commas.
pub const VARIABLE: &str = "CATENA_STATUS_FD";

/// How much of a chain a parent wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whether the next program, catena or not, could be run.
    NextProgram,
    /// All links up to the first program that is none.
    WholeChain,
}

/// The end of the process that goes on.
struct ReportPipe {
    pipe: OwnedFd,
    scope: Scope,
    /// Whether what the kernel has to tell of it goes to this process. Where a parent in between reports to another in
    /// turn, that goes to it.
    is_ours: bool,
}

impl ReportPipe {
    /// Ends this process if it is tied to a reader that is gone, which the kernel tells only once.
    fn check(&self) {
        let mut watched = [PollFd::new(self.pipe.as_fd(), PollFlags::empty())];
        if sigio::is_deadly(self.pipe.as_fd()) && poll(&mut watched, PollTimeout::ZERO).is_ok_and(|count| count > 0) {
            let _ = process::send(getpid(), libc::SIGKILL);
        }
    }
}

/// Removes [`VARIABLE`], as every link does with the environment it is started with.
pub fn forget_in(environ: &mut Environ) {
    if environ.get(VARIABLE.as_bytes()).is_some() {
        environ.apply(vec![Edit::remove(VARIABLE.as_bytes())]);
    }
}

/// All who wait to hear how this process's start goes.
#[derive(Default)]
pub struct Listeners {
    all: Vec<ReportPipe>,
    /// What is given up for the program when it starts.
    logs: Vec<Log>,
}

impl Listeners {
    /// Opens a pipe to a parent: to be called before the fork. The child keeps the one, the parent the other.
    ///
    /// # Errors
    /// As pipe2(2).
    pub fn pipe(&mut self, scope: Scope) -> nix::Result<ParentEnd> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        let pipe = match scope {
            // where 1 or 2 was closed, what is said there must not be taken for a record
            Scope::NextProgram => descriptor::copy_from(write.as_fd(), 3)?,
            // out of the way of links whose lowest free descriptor can be seen
            Scope::WholeChain => descriptors::copy_out_of_the_way(write.as_fd(), None)?,
        };
        // whoever can write into the pipe could keep a reader waiting with half a record
        fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        self.all.push(ReportPipe { pipe, scope, is_ours: true });
        Ok(ParentEnd { pipe: read, heard: Vec::new() })
    }

    /// Takes over the pipes that [`VARIABLE`] names, and removes it. To be called once, at the start.
    pub fn inherited(environ: &mut Environ) -> Self {
        let Some(named) = environ.get(VARIABLE.as_bytes()) else { return Self::default() };
        let mut taken = Vec::new();
        let mut logs = Vec::new();
        let all = named.bytes().split(|&byte| byte == b',').filter_map(|name| {
            let colon = name.iter().position(|&byte| byte == b':')?;
            let number = decimal_in(&name[..colon])?;
            let mut rest = name[colon + 1..].split(|&byte| byte == b':');
            let inode = decimal(rest.next()?)?;
            if taken.contains(&number) {
                return None;
            }
            taken.push(number);
            if let Some(end) = rest.next() {
                let log = Log::taken_over(number, inode, decimal(end)?)?;
                logs.push(log);
                return None;
            }
            let pipe = descriptor::adopt(number, |descriptor| {
                let is_pipe = |seen: nix::sys::stat::FileStat| {
                    SFlag::from_bits_truncate(seen.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFIFO
                        && seen.st_ino == inode
                };
                number > 2 && fstat(descriptor).is_ok_and(is_pipe)
            })?;
            let is_ours = sigio::owner(pipe.as_fd()) == Some(getpid());
            Some(ReportPipe { pipe, scope: Scope::WholeChain, is_ours })
        });
        let all = all.collect();
        forget_in(environ);
        Self { all, logs }
    }

    /// Whether it makes a difference how the chain goes on behind the next program.
    pub fn want_whole_chain(&self) -> bool {
        self.hear_whole_chain() || !self.logs.is_empty()
    }

    fn hear_whole_chain(&self) -> bool {
        self.all.iter().any(|status| status.scope == Scope::WholeChain)
    }

    /// Takes a log that is to be emptied when the program starts.
    pub fn keep(&mut self, log: Log) {
        self.logs.push(log);
    }

    /// Whether anything is given up for the program.
    pub fn keep_logs(&self) -> bool {
        !self.logs.is_empty()
    }

    /// Empties the logs: the program is as good as started. One that is here under two names is emptied once. Allocates nothing.
    pub fn empty_logs(&self) {
        for (number, log) in self.logs.iter().enumerate() {
            match self.logs[..number].iter().find(|former| former.is_same(log)) {
                Some(former) => log.go_to(former),
                None => log.empty(),
            }
        }
    }

    /// Empties the logs, and forgets them: from here on processes are started that write to them.
    pub fn tool_begins(&mut self) {
        self.empty_logs();
        self.logs.clear();
    }

    /// Leaves them all to another process, which reports from now on.
    pub fn leave(&mut self) {
        self.all.clear();
        self.logs.clear();
    }

    /// The same by descriptors of their own, for a process that is left behind. No log is among them.
    ///
    /// # Errors
    /// As fcntl(2), F_DUPFD.
    pub fn copied(&self) -> nix::Result<Self> {
        let copy = |status: &ReportPipe| {
            let pipe = descriptors::copy_out_of_the_way(status.pipe.as_fd(), None)?;
            Ok(ReportPipe { pipe, scope: Scope::WholeChain, is_ours: false })
        };
        Ok(Self { all: self.all.iter().map(copy).collect::<nix::Result<_>>()?, logs: Vec::new() })
    }

    /// Lets the one who came last go, with the news that all is well.
    pub fn dismiss_last(&mut self) {
        if let Some(last) = self.all.pop() {
            Self { all: vec![last], logs: Vec::new() }.about_to_exec(b"");
        }
        // they have no one in between any more
        self.all.iter_mut().for_each(|status| status.is_ours = true);
        self.follow();
    }

    /// Ties this process to the one who came last, if it is not to outlive that one's wait. To those before the process in
    /// between is tied, and stays so.
    pub fn tie_last(&mut self, is_tied: bool) {
        let Some((last, before)) = self.all.split_last_mut() else { return };
        before.iter_mut().for_each(|status| status.is_ours = false);
        if is_tied {
            // where the kernel has none of it, the start goes on
            let _ = sigio::kill_without_reader(last.pipe.as_fd());
            last.check();
        }
    }

    /// After a fork, in the child that goes on, and after a change of account: what this process is tied to, it stays tied
    /// to.
    pub fn follow(&self) {
        for status in self.all.iter().filter(|status| status.is_ours) {
            let _ = sigio::own(status.pipe.as_fd());
            status.check();
        }
    }

    /// Leaves a number to a link that wants to have its own descriptor there.
    ///
    /// # Errors
    /// As fcntl(2), F_DUPFD.
    pub fn make_way(&mut self, number: RawFd) -> nix::Result<()> {
        for status in self.all.iter_mut().filter(|status| status.pipe.as_raw_fd() == number) {
            status.pipe = descriptors::copy_out_of_the_way(status.pipe.as_fd(), Some(number))?;
        }
        for log in self.logs.iter_mut().filter(|log| log.as_raw_fd() == number) {
            log.file = descriptors::copy_out_of_the_way(log.as_fd(), Some(number))?;
        }
        Ok(())
    }

    /// What they are told by.
    pub fn pipes(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.all.iter().map(|status| status.pipe.as_fd())
    }

    /// Where their descriptors are.
    pub fn numbers(&self) -> impl Iterator<Item = RawFd> {
        self.all.iter().map(|status| status.pipe.as_raw_fd())
    }

    /// All descriptors that they need.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.numbers().chain(self.logs.iter().map(AsRawFd::as_raw_fd))
    }

    /// The next link has begun: whoever waited only for that hears the end.
    pub fn next_link_runs(&mut self) {
        self.all.retain(|status| status.scope == Scope::WholeChain);
    }

    /// Tells them that a program which is no link comes next.
    pub fn about_to_exec(&self, program: &[u8]) {
        // the others hear that by the end
        if self.hear_whole_chain() {
            // a byte tells its length, which is no more than of any file's name
            let name = &program[..program.len().min(u8::MAX.into())];
            self.tell(&[&[b'X', name.len() as u8], name]);
        }
    }

    /// Tells them that the tool which ends the chain is up and at work, and lets them go.
    pub fn tool_runs(&mut self, name: &str) {
        self.about_to_exec(name.as_bytes());
        self.tool_begins();
        self.leave();
    }

    /// Tells them that this process goes on.
    pub fn going_on(&self, pid: Pid) {
        if self.hear_whole_chain() {
            let [a, b, c, d] = pid.as_raw().to_ne_bytes();
            self.tell(&[&[b'P', a, b, c, d]]);
        }
    }

    /// Tells them that the chain ends with `code`, and the message, which has been written to `output` already: a line, and
    /// `own` after it, which tells how an applet is called. Allocates nothing: memory may be forbidden.
    #[cold]
    pub fn failed(&self, code: u8, output: BorrowedFd<'_>, line: &[&[u8]], own: &[u8]) {
        if self.all.is_empty() {
            return;
        }
        const COUNT: usize = 2 * failure::MOST_PIECES + 3;
        let mut pieces: [&[u8]; COUNT] = [&[]; _];
        let length = shortened(line, LARGEST - FAILURE_HEAD - own.len(), &mut pieces[1..COUNT - 1]) + own.len();
        pieces[COUNT - 1] = own;
        let head = record::failure_head(code, output, length);
        pieces[0] = &head;
        self.tell(&pieces);
    }

    fn tell(&self, record: &[&[u8]]) {
        for status in &self.all {
            // a parent that is gone needs no answer, and must not take this process with it
            let _ =
                deadly_writes::without(libc::SIGPIPE, || uninterrupted(|| write_together(status.pipe.as_fd(), record)));
        }
    }

    /// The environment with which this very program can be exec'ed so that its links report to the same parents. Those
    /// who wait for no more than that hear the end with the exec.
    pub fn handed_on(&self, mut environ: Environ) -> Words {
        let mut value = Vec::new();
        for status in self.all.iter().filter(|status| status.scope == Scope::WholeChain) {
            let keeps = |pipe: &OwnedFd| fcntl(pipe, FcntlArg::F_SETFD(FdFlag::empty()));
            if let (Ok(seen), Ok(_)) = (fstat(&status.pipe), keeps(&status.pipe)) {
                let comma = if value.is_empty() { "" } else { "," };
                let _ = write!(value, "{comma}{}:{}", status.pipe.as_raw_fd(), seen.st_ino);
            }
        }
        for log in &self.logs {
            if let (Ok(seen), Ok(_)) = (fstat(log), fcntl(log, FcntlArg::F_SETFD(FdFlag::empty()))) {
                let comma = if value.is_empty() { "" } else { "," };
                let _ = write!(value, "{comma}{}:{}:{}", log.as_raw_fd(), seen.st_ino, log.end);
            }
        }
        if !value.is_empty() {
            environ.apply(vec![Edit::set(VARIABLE.as_bytes(), &value)]);
        }
        environ.entries()
    }

    /// After an exec that failed: their descriptors are close-on-exec as before.
    pub fn take_back(&self) {
        for status in &self.all {
            let _ = fcntl(&status.pipe, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
        }
        for log in &self.logs {
            let _ = fcntl(log, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
        }
    }
}

#[cfg(test)]
mod tests;
