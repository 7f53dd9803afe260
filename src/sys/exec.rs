//! execve, and what the kernel would say to it.

use super::words::{Word, Words};
use nix::errno::Errno;
use std::ffi::CStr;

/// A name that leads to the file this process runs, where /proc is mounted.
pub const SELF: &CStr = c"/proc/self/exe";

/// Replaces the process by the program in `file`. Returns only if that failed.
pub fn execve(file: &CStr, argv: Words, envp: Words) -> Errno {
    // SAFETY: three valid, NULL-terminated things; the kernel only reads them.
    unsafe { libc::execve(file.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Errno::last()
}

/// Likewise, with arguments that live only now, and no more than eight of them. Allocates nothing.
pub fn execve_with<'a>(file: &CStr, argv: impl Iterator<Item = &'a CStr>, envp: Words) -> Errno {
    const MOST: usize = 8;
    let mut slots = [std::ptr::null(); MOST + 1];
    for (slot, word) in slots[..MOST].iter_mut().zip(argv) {
        *slot = word.as_ptr();
    }
    // SAFETY: as above; the last slot is null in any case.
    unsafe { libc::execve(file.as_ptr(), slots.as_ptr(), envp.as_ptr()) };
    Errno::last()
}

/// Whether an exec, tried now, may be refused because the account has too many processes.
///
/// A setuid to an account over its RLIMIT_NPROC succeeds, and the next exec fails with EAGAIN (execve(2), "EAGAIN since
/// Linux 3.1"). The kernel checks that before it looks at the file, so an exec of no file at all tells: EAGAIN, or
/// else EBADF. Anything else comes from a filter, which may let a real exec through. Like a real exec that is let through,
/// the question forgets the excess.
pub fn may_be_refused_for_process_count() -> bool {
    let no_name = 0_u8;
    let nothing = std::ptr::null::<()>();
    // SAFETY: an empty string, and null for empty lists; with descriptor -1 there is no program to start.
    unsafe {
        libc::syscall(libc::SYS_execveat, -1, &raw const no_name, nothing, nothing, libc::AT_EMPTY_PATH);
    }
    Errno::last_raw() != libc::EBADF
}

/// Whether this process was started set-user-id, set-group-id or with file capabilities, or by a process whose real and
/// effective ids differ (AT_SECURE).
pub fn is_secure_start() -> bool {
    // SAFETY: reads a value that the kernel left at start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The name by which this process's program was exec'ed (AT_EXECFN): for a script or a foreign format the script's, not
/// the interpreter's.
pub fn name_at_exec() -> Option<Word> {
    // SAFETY: 0, or a pointer to a string that the kernel put beside argv for the life of the process.
    unsafe {
        let name = libc::getauxval(libc::AT_EXECFN) as *const std::ffi::c_char;
        (!name.is_null()).then(|| Word::constant(CStr::from_ptr(name)))
    }
}
