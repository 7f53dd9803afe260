//! Signal dispositions, as far as they outlive an exec.

use nix::errno::Errno;

/// What is done with a signal, to be put back later.
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
