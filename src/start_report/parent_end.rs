//! The parent's end of a status pipe.

use super::record::{self, PIECE, Record};
use crate::sys::descriptor::uninterrupted;
use nix::errno::Errno;
use nix::fcntl::{OFlag, SpliceFFlags, tee};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The end of the parent that waits.
pub struct ParentEnd {
    pub(super) pipe: OwnedFd,
    pub(super) heard: Vec<u8>,
}

/// What a parent hears when it listens.
#[derive(Debug, PartialEq, Eq)]
pub enum Report {
    /// A record.
    Record(Record),
    /// Nothing so far.
    Nothing,
    /// The end: the last program runs, or the process is gone.
    End,
}

impl ParentEnd {
    /// What there is to hear now.
    ///
    /// # Errors
    /// As read(2); EPROTO for what is no record.
    pub fn hear(&mut self) -> nix::Result<Report> {
        loop {
            if let Some((record, length)) = record::first_in(&self.heard)? {
                self.heard.drain(..length);
                return Ok(Report::Record(record));
            }
            // not on the stack, which may be small
            let filled = self.heard.len();
            self.heard.resize(filled + PIECE, 0);
            let outcome = uninterrupted(|| nix::unistd::read(&self.pipe, &mut self.heard[filled..]));
            self.heard.truncate(filled + outcome.unwrap_or(0));
            match outcome {
                Ok(0) => return Ok(Report::End),
                Ok(_) => {}
                Err(Errno::EAGAIN) => return Ok(Report::Nothing),
                Err(reason) => return Err(reason),
            }
        }
    }

    /// The records so far. They stay where they are: what is tied to this end would take a read for its own end.
    ///
    /// # Errors
    /// As pipe2(2) and tee(2); EPROTO for what is no record.
    pub fn noted(&self) -> nix::Result<Vec<Record>> {
        /// More than a pipe holds by itself.
        const ALL: usize = 1 << 20;
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        match uninterrupted(|| tee(&self.pipe, &write, ALL, SpliceFFlags::SPLICE_F_NONBLOCK)) {
            Ok(_) | Err(Errno::EAGAIN) => {}
            Err(reason) => return Err(reason),
        }
        drop(write);
        let mut copy = Self { pipe: read, heard: self.heard.clone() };
        let mut records = Vec::new();
        while let Report::Record(record) = copy.hear()? {
            records.push(record);
        }
        Ok(records)
    }

    /// Waits until the other process has started its program, has failed, or is gone. Gives the code of a failure.
    pub fn failure(mut self) -> Option<u8> {
        let mut failure = None;
        loop {
            match self.hear() {
                Ok(Report::Record(Record::Failure(told))) => failure = failure.or(Some(told.code)),
                Ok(Report::Record(_)) => {}
                Ok(Report::Nothing) => {
                    let mut watched = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
                    let _ = poll(&mut watched, PollTimeout::NONE);
                }
                Ok(Report::End) | Err(_) => return failure,
            }
        }
    }
}

impl AsFd for ParentEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
