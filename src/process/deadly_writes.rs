//! Writes that the kernel answers with a deadly signal besides an error.

use crate::sys::signal::{Set, block, pending, set_mask, take_pending};
use nix::errno::Errno;

/// Runs a write that the kernel may answer with a deadly signal besides an error: with SIGPIPE where a pipe has lost its
/// reader (EPIPE), with SIGXFSZ where the file would grow beyond its limit (EFBIG). The error is all that comes of it.
///
/// # Errors
/// As the write; as sigprocmask(2).
pub fn without<T>(signal: i32, write: impl FnOnce() -> nix::Result<T>) -> nix::Result<T> {
    let error = if signal == libc::SIGPIPE { Errno::EPIPE } else { Errno::EFBIG };
    let signal = Set::of(&[signal]);
    let mask = block(signal)?;
    // one that was blocked may be pending from before
    let was_pending = mask.contains(signal) && pending().is_ok_and(|pending| pending.contains(signal));
    let outcome = write();
    if outcome.as_ref().is_err_and(|&reason| reason == error) && !was_pending {
        let _ = take_pending(signal, true);
    }
    set_mask(mask)?;
    outcome
}
