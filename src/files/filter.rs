//! A filter: all that standard input has at a time is changed and written to standard output before more is read.

use super::output::write_all;
use crate::sys::descriptor::{STDIN, STDOUT, uninterrupted};
use crate::voice::failure::Failure;
use crate::voice::ignored;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::BorrowedFd;

/// What a filter can be stopped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Standard input cannot be read.
    Input(Errno),
    /// Standard output cannot be written.
    Output(Errno),
}

/// A change of a stream of bytes.
pub trait Conversion {
    /// Appends what becomes of `input` to `output`, and gives how many bytes of it are done with: the rest comes again, with
    /// more behind it. With `is_all`, nothing more comes and all has to be done with.
    fn convert(&mut self, input: &[u8], is_all: bool, output: &mut Vec<u8>) -> usize;
}

/// Is the filter of that name, which has no use for an operand, up to the end of the input. Gives the exit code.
///
/// # Errors
/// What it is stopped by. Like the reference it has nothing to say about that.
pub fn be(name: &str, operand: Option<&[u8]>, conversion: &mut dyn Conversion) -> anyhow::Result<u8> {
    if let Some(operand) = operand {
        ignored::warn(name, operand, "the input is standard input");
    }
    match filter(conversion) {
        Ok(()) => Ok(0),
        Err(Broken::Input(_) | Broken::Output(_)) => Err(Failure::unspoken().into()),
    }
}

/// Runs the filter up to the end of the input.
///
/// # Errors
/// What it is stopped by, after all that had been read before has been written.
pub fn filter(conversion: &mut dyn Conversion) -> Result<(), Broken> {
    /// As much as a pipe holds; more is read faster from a file, but not much.
    const ROOM: usize = 128 * 1024;
    let mut input = vec![0; ROOM];
    let mut output = Vec::with_capacity(ROOM + ROOM / 2);
    let mut held = 0;
    loop {
        let count = match nix::unistd::read(STDIN, &mut input[held..]) {
            Ok(count) => count,
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN) => {
                wait_for(STDIN, PollFlags::POLLIN);
                continue;
            }
            Err(reason) => {
                conversion.convert(&input[..held], true, &mut output);
                write_all(STDOUT, &output).map_err(Broken::Output)?;
                return Err(Broken::Input(reason));
            }
        };
        let end = held + count;
        let done = conversion.convert(&input[..end], count == 0, &mut output);
        write_all(STDOUT, &output).map_err(Broken::Output)?;
        output.clear();
        if count == 0 {
            return Ok(());
        }
        input.copy_within(done..end, 0);
        held = end - done;
    }
}

/// Waits until there is something to be read or room for something to be written, whatever the descriptor's flags say.
pub fn wait_for(descriptor: BorrowedFd<'_>, what: PollFlags) {
    let _ = uninterrupted(|| poll(&mut [PollFd::new(descriptor, what)], PollTimeout::NONE));
}
