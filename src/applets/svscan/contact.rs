//! Reaching a supervise that runs: by the FIFO of its directory.

use crate::environ::Environ;
use crate::service::Home;
use crate::service::info::Info;
use crate::sys::descriptor::uninterrupted;
use nix::errno::Errno;
use nix::unistd::{Pid, chdir, fchdir};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

/// The directory that svscan scans, and how to come back to it.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// The directory itself.
    pub directory: BorrowedFd<'a>,
    /// Whose `SUPERVISEDIR` counts.
    pub environ: &'a Environ,
}

impl Base<'_> {
    /// Does something in a service directory and comes back.
    fn within<T>(&self, place: &CStr, what: impl FnOnce(&Home) -> nix::Result<T>) -> nix::Result<T> {
        chdir(place)?;
        let outcome = Home::here(self.environ).and_then(|home| what(&home));
        fchdir(self.directory)?;
        outcome
    }

    /// Writes commands to the supervise with this process number. It is reached by where it is, whatever the directory is called by
    /// now.
    ///
    /// # Errors
    /// ENXIO and ENOENT if it does not take commands yet, or any more; otherwise as open(2) and write(2).
    pub fn command(&self, supervise: Pid, commands: &[u8]) -> nix::Result<()> {
        let mut place = *b"/proc/4294967295/cwd\0";
        let end = {
            use std::io::Write;
            let mut rest = &mut place[..];
            let room = rest.len();
            write!(rest, "/proc/{supervise}/cwd\0").map_err(|_| Errno::ENAMETOOLONG)?;
            room - rest.len()
        };
        let place = CStr::from_bytes_with_nul(&place[..end]).map_err(|_| Errno::EINVAL)?;
        self.within(place, |home| {
            let control = home.control()?;
            match uninterrupted(|| nix::unistd::write(control.as_fd(), commands))? {
                count if count == commands.len() => Ok(()),
                _ => Err(Errno::EAGAIN),
            }
        })
    }

    /// What the supervise of a service directory says about it, if one has.
    pub fn info(&self, place: &CStr) -> Option<Info> {
        self.within(place, |home| home.info().ok_or(Errno::ENOENT)).ok()
    }
}
