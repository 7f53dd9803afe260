//! A child beside this process, which waits for it: how that is forked, and what the child finds as it was.

use crate::sys::process::{self, End};
use crate::sys::signal::{self, Disposition, Set};
use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid};

/// What makes sure that the end of a child can be waited for: an ignored SIGCHLD would take its status away. Whoever is not to
/// know of that, such as the child, puts it back.
#[derive(Clone, Copy)]
pub struct Beside {
    child_signal: Disposition,
    /// The signals that were blocked before, where others have been blocked since.
    mask: Option<Set>,
}

/// Who goes on after a fork.
pub enum Side {
    /// The child, where all is as it was before.
    Child,
    /// Its parent.
    Parent(ForkedChild),
}

/// What keeps a child from being there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It cannot be forked.
    Fork(Errno),
    /// In the child, SIGCHLD cannot be put back.
    Signal(Errno),
    /// In the child, the mask cannot be.
    Mask(Errno),
}

impl Missing {
    /// The system's reason.
    pub fn reason(self) -> Errno {
        match self {
            Self::Fork(reason) | Self::Signal(reason) | Self::Mask(reason) => reason,
        }
    }
}

impl Beside {
    /// Sets SIGCHLD to its default.
    ///
    /// # Errors
    /// As sigaction(2).
    pub fn new() -> nix::Result<Self> {
        Ok(Self { child_signal: signal::set_default(libc::SIGCHLD)?, mask: None })
    }

    /// With signals having been blocked, which the child is to find as they were in this mask.
    pub fn with_former_mask(self, mask: Set) -> Self {
        Self { mask: Some(mask), ..self }
    }

    /// Forks.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn fork(&self) -> Result<Side, Missing> {
        self.goes_on(process::fork().map_err(Missing::Fork)?)
    }

    /// Forks a child whose end sends no signal, see [`process::fork_quietly`].
    ///
    /// # Errors
    /// [`Missing`].
    pub fn fork_quietly(&self) -> Result<Side, Missing> {
        self.goes_on(process::fork_quietly().map_err(Missing::Fork)?)
    }

    fn goes_on(&self, forked: ForkResult) -> Result<Side, Missing> {
        match forked {
            ForkResult::Parent { child } => Ok(Side::Parent(ForkedChild(child))),
            ForkResult::Child => {
                self.put_back().map_err(Missing::Signal)?;
                self.mask.map_or(Ok(()), signal::set_mask).map_err(Missing::Mask)?;
                Ok(Side::Child)
            }
        }
    }

    /// Has SIGCHLD do what it did before.
    ///
    /// # Errors
    /// As sigaction(2).
    pub fn put_back(&self) -> nix::Result<()> {
        signal::restore(libc::SIGCHLD, &self.child_signal)
    }
}

/// A child that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkedChild(Pid);

impl ForkedChild {
    /// Its number.
    pub fn pid(self) -> Pid {
        self.0
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// As waitpid(2).
    pub fn wait(self) -> nix::Result<End> {
        process::wait_for(self.0)
    }
}
