//! Signal dispositions, as far as they outlive an exec.

use nix::errno::Errno;

/// What is done with a signal, to be put back later.
#[derive(Clone, Copy)]
pub struct Disposition(libc::sigaction);

fn exchange(signal: i32, new: Option<&libc::sigaction>) -> nix::Result<Disposition> {
    let mut old = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `new` is null or a valid record with SIG_DFL or SIG_IGN as its handler; `old` has room.
    unsafe {
        Errno::result(libc::sigaction(signal, new, old.as_mut_ptr()))?;
        Ok(Disposition(old.assume_init()))
    }
}

fn disposition(handler: libc::sighandler_t) -> libc::sigaction {
    // SAFETY: all-zero is a valid sigaction: default, no flags, empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action
}

/// Ignores the signal, in the programs to come as well.
pub fn ignore(signal: i32) -> nix::Result<Disposition> {
    exchange(signal, Some(&disposition(libc::SIG_IGN)))
}

/// Sets the signal to its default.
pub fn set_default(signal: i32) -> nix::Result<Disposition> {
    exchange(signal, Some(&disposition(libc::SIG_DFL)))
}

/// Puts back what [`ignore`] or [`set_default`] gave.
pub fn restore(signal: i32, former: &Disposition) -> nix::Result<()> {
    exchange(signal, Some(&former.0)).map(drop)
}

/// What is done with a signal now.
pub fn current(signal: i32) -> nix::Result<Disposition> {
    exchange(signal, None)
}

impl Disposition {
    /// Whether the signal is ignored.
    pub fn is_ignored(&self) -> bool {
        self.0.sa_sigaction == libc::SIG_IGN
    }
}

/// A set of signals as the kernel has it: the C library keeps two to itself, and those may be blocked, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(u64);

impl Set {
    /// These signals.
    pub fn of(signals: &[i32]) -> Self {
        Self(signals.iter().fold(0, |set, signal| set | 1 << (signal - 1)))
    }

    /// Whether it has all those of the other.
    pub fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The signals of both sets.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The signals of this set that are not in the other.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

fn change_mask(how: i32, set: Set) -> nix::Result<Set> {
    let mut old = Set(0);
    // SAFETY: the kernel's own signal set is eight bytes.
    let outcome =
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const set, &raw mut old, size_of::<Set>()) };
    Errno::result(outcome).map(|_| old)
}

/// Blocks signals, besides those that are. Gives the mask as it was.
pub fn block(signals: Set) -> nix::Result<Set> {
    change_mask(libc::SIG_BLOCK, signals)
}

/// Sets the mask to what [`block`] gave.
pub fn set_mask(mask: Set) -> nix::Result<()> {
    change_mask(libc::SIG_SETMASK, mask).map(drop)
}

/// Takes one of these signals, which are blocked, out of those pending; waits for it unless `at_once`.
///
/// # Errors
/// EAGAIN if none is pending and `at_once`; EINTR.
pub fn take_pending(signals: Set, at_once: bool) -> nix::Result<i32> {
    // SAFETY: all-zero is a valid timespec.
    let none: libc::timespec = unsafe { std::mem::zeroed() };
    let limit = if at_once { &raw const none } else { std::ptr::null() };
    let nobody = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the kernel reads a set of eight bytes and perhaps a time, and writes nothing.
    let outcome =
        unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const signals, nobody, limit, size_of::<Set>()) };
    Errno::result(outcome).map(|signal| signal as i32)
}

/// The signals that are pending.
pub fn pending() -> nix::Result<Set> {
    let mut pending = Set(0);
    // SAFETY: as in `change_mask`.
    let outcome = unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut pending, size_of::<Set>()) };
    Errno::result(outcome).map(|_| pending)
}
