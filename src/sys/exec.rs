//! execve, and what the kernel would say to it.

use super::descriptor::{copy_from, is_owned};
use super::words::{Word, Words};
use nix::errno::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

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

/// Likewise, and the program gets these descriptors under these numbers, whatever they are here; none of them may have a
/// number that another is handed over under. If the exec fails, what this program has opened is under its own number again;
/// what it was started with is not, where another was to have its number.
pub fn execve_handing<'a, const N: usize>(
    handed: [(BorrowedFd<'_>, RawFd); N],
    file: &CStr,
    argv: impl Iterator<Item = &'a CStr>,
    envp: Words,
) -> Errno {
    let first_free = handed.iter().map(|&(_, to)| to).max().unwrap_or(0).saturating_add(1);
    let mut shadowed = [const { None }; N];
    let mut reason = None;
    for (&(from, to), shadowed) in handed.iter().zip(&mut shadowed) {
        match Shadowed::by(from, to, first_free) {
            Ok(former) => *shadowed = Some(former),
            Err(error) => {
                reason = Some(error);
                break;
            }
        }
    }
    let reason = reason.unwrap_or_else(|| execve_with(file, argv, envp));
    shadowed.into_iter().flatten().for_each(Shadowed::put_back);
    reason
}

/// What had a number that another descriptor has now.
struct Shadowed {
    number: RawFd,
    was_owned: bool,
    /// `None` if nothing was open there that has an owner here; itself if that is what is handed over.
    former: Option<Former>,
}

enum Former {
    Same,
    Other(OwnedFd),
}

impl Shadowed {
    fn by(from: BorrowedFd<'_>, number: RawFd, first_free: RawFd) -> nix::Result<Self> {
        let was_owned = is_owned(number);
        if from.as_raw_fd() == number {
            // SAFETY: an open descriptor and a flag.
            Errno::result(unsafe { libc::fcntl(number, libc::F_SETFD, 0) })?;
            return Ok(Self { number, was_owned: was_owned == Some(true), former: Some(Former::Same) });
        }
        let former = match was_owned {
            Some(true) => {
                // SAFETY: it is open, and stays so while it is copied.
                let shown = unsafe { BorrowedFd::borrow_raw(number) };
                // where there is no number above, any that is free
                Some(Former::Other(copy_from(shown, first_free).or_else(|_| copy_from(shown, 3))?))
            }
            Some(false) | None => None,
        };
        // SAFETY: what has the number is put back before its owner can miss it.
        Errno::result(unsafe { libc::dup2(from.as_raw_fd(), number) })?;
        Ok(Self { number, was_owned: was_owned == Some(true), former })
    }

    fn put_back(self) {
        let flags = if self.was_owned { libc::O_CLOEXEC } else { 0 };
        // SAFETY: the number's own file comes back to it; where it had none, nobody owns what is closed.
        unsafe {
            match self.former {
                Some(Former::Other(former)) => libc::dup3(former.as_fd().as_raw_fd(), self.number, flags),
                Some(Former::Same) if self.was_owned => libc::fcntl(self.number, libc::F_SETFD, libc::FD_CLOEXEC),
                Some(Former::Same) => 0,
                None => libc::close(self.number),
            };
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::read;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn an_exec_that_fails_gives_all_numbers_back() {
        let [zero, null] = ["/dev/zero", "/dev/null"].map(|name| File::open(name).unwrap());
        let (mut full, free) = (File::options().write(true).open("/dev/full").unwrap(), 650);
        let handed = [(null.as_fd(), zero.as_raw_fd()), (null.as_fd(), free), (full.as_fd(), full.as_raw_fd())];
        let reason = execve_handing(handed, c"/no/such", [c"such"].into_iter(), Words::EMPTY);
        assert_eq!(reason, Errno::ENOENT);
        assert_eq!(read(&zero, &mut [1]), Ok(1));
        assert!(full.write_all(b"x").is_err());
        assert_eq!([zero.as_raw_fd(), full.as_raw_fd(), free].map(is_owned), [Some(true), Some(true), None]);
    }
}
