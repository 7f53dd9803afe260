//! Descriptors and the files behind names.

use nix::errno::Errno;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// Standard input, whether or not it is open.
// SAFETY: no owner exists that could close these three behind a borrower's back.
pub const STDIN: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(0) };
/// Standard output, whether or not it is open.
// SAFETY: as for STDIN.
pub const STDOUT: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(1) };
/// Standard error, whether or not it is open.
// SAFETY: as for STDIN.
pub const STDERR: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(2) };

/// Tries again as long as a signal interrupts.
pub fn uninterrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            outcome => return outcome,
        }
    }
}

/// Writes the pieces, all in one write(2).
///
/// # Errors
/// As writev(2); ENOSPC if only a part was written.
pub fn write_together(output: BorrowedFd<'_>, pieces: &[&[u8]]) -> nix::Result<()> {
    /// More than any message or record has.
    const MOST: usize = 24;
    let mut slices = [IoSlice::new(b""); MOST];
    for (slice, piece) in slices.iter_mut().zip(pieces) {
        *slice = IoSlice::new(piece);
    }
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    debug_assert!(pieces.len() <= MOST, "{} pieces", pieces.len());
    let written = nix::sys::uio::writev(output, &slices[..pieces.len().min(MOST)])?;
    if written == length { Ok(()) } else { Err(Errno::ENOSPC) }
}

/// The numbers that every program expects to be open. Nobody owns one of them: src/files/descriptors.rs keeps what is opened for
/// another end out of their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// 0.
    Input,
    /// 1.
    Output,
    /// 2.
    Error,
}

impl Standard {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Input, Self::Output, Self::Error];

    /// Its number.
    pub const fn number(self) -> RawFd {
        self as RawFd
    }
}

/// dup2: makes `to` refer to what `from` does, without close-on-exec. Closes what `to` was: whoever opens something that may
/// get one of these numbers, because it was closed, moves it away or gives it up before anything is put there.
///
/// # Errors
/// As dup2(2).
pub fn put_at(from: BorrowedFd<'_>, to: Standard) -> nix::Result<()> {
    // SAFETY: dup2 takes any two numbers; nobody in this process owns `to`.
    Errno::result(unsafe { libc::dup2(from.as_raw_fd(), to.number()) }).map(drop)
}

/// Renumbers a descriptor, which stays close-on-exec. What this program was started with under that number is closed; what
/// it has opened itself stays.
///
/// # Errors
/// EBUSY if this program has opened something of that number; as dup3(2).
pub fn move_to(from: OwnedFd, to: RawFd) -> nix::Result<OwnedFd> {
    if from.as_raw_fd() == to {
        return Ok(from);
    }
    if is_owned(to) == Some(true) {
        return Err(Errno::EBUSY);
    }
    // SAFETY: nobody here owns `to`, and the copy is new; `from` is closed on return.
    unsafe {
        Errno::result(libc::dup3(from.as_raw_fd(), to, libc::O_CLOEXEC))?;
        Ok(OwnedFd::from_raw_fd(to))
    }
}

/// Whether what is open under this number may have an owner in this program; `None` if nothing is open.
///
/// All that has one is close-on-exec: whoever opens something asks for that, and who takes it off gives the descriptor away for
/// good ([`keep_across_exec`]). What a program is started with is not, or the exec would have closed it.
pub(super) fn is_owned(number: RawFd) -> Option<bool> {
    // SAFETY: F_GETFD takes any number.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    (flags != -1).then_some(flags & libc::FD_CLOEXEC != 0)
}

/// Whether anything is open under this number.
pub fn is_open(number: RawFd) -> bool {
    // SAFETY: F_GETFD takes any number.
    unsafe { libc::fcntl(number, libc::F_GETFD) != -1 }
}

/// Lets the descriptor stay open in the programs to come, for good.
pub fn keep_across_exec(descriptor: OwnedFd) -> nix::Result<BorrowedFd<'static>> {
    let number = descriptor.into_raw_fd();
    // SAFETY: F_SETFD on a descriptor that was just ours, and that nobody owns from here on.
    unsafe {
        Errno::result(libc::fcntl(number, libc::F_SETFD, 0))?;
        Ok(BorrowedFd::borrow_raw(number))
    }
}

/// Leaves a descriptor open for good, in this program and, if it is not close-on-exec, in those to come.
pub fn leave_open(descriptor: OwnedFd) {
    let _ = descriptor.into_raw_fd();
}

/// A copy that stays open for good, in this program and in those to come.
///
/// # Errors
/// As dup(2).
pub fn leave_copy(of: BorrowedFd<'_>) -> nix::Result<()> {
    // SAFETY: what is new has no owner, and gets none.
    Errno::result(unsafe { libc::dup(of.as_raw_fd()) }).map(drop)
}

/// How many bytes are in a pipe.
///
/// # Errors
/// As ioctl(2), FIONREAD.
pub fn unread(pipe: BorrowedFd<'_>) -> nix::Result<usize> {
    let mut count = 0;
    // SAFETY: `count` has room for the answer.
    Errno::result(unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut count) })?;
    Ok(libc::c_int::unsigned_abs(count) as usize)
}

/// Reads what is there, and waits for nothing, whatever the descriptor's flags say.
///
/// # Errors
/// EAGAIN if nothing is there; EOPNOTSUPP where this cannot be had: a kernel that cannot do it for pipes.
pub fn read_at_once(from: BorrowedFd<'_>, to: &mut [u8]) -> nix::Result<usize> {
    let part = libc::iovec { iov_base: to.as_mut_ptr().cast(), iov_len: to.len() };
    // the position -1 stands for the file's own, or for none
    const NONE: libc::c_long = -1;
    // SAFETY: one part, with room for as many bytes as it says.
    let count = Errno::result(unsafe {
        libc::syscall(libc::SYS_preadv2, from.as_raw_fd(), &raw const part, 1, NONE, NONE, libc::RWF_NOWAIT)
    });
    match count {
        Err(Errno::ENOSYS | Errno::EINVAL | Errno::ESPIPE) => Err(Errno::EOPNOTSUPP),
        outcome => outcome.map(|count| count.unsigned_abs() as usize),
    }
}

/// A copy of `of` with close-on-exec, numbered `lowest` or higher.
pub fn copy_from(of: BorrowedFd<'_>, lowest: RawFd) -> nix::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC gives a new descriptor, which nobody else owns.
    unsafe {
        let copy = Errno::result(libc::fcntl(of.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest))?;
        Ok(OwnedFd::from_raw_fd(copy))
    }
}

/// How many descriptors the process may have: the lowest number that none can get.
pub fn limit() -> nix::Result<u64> {
    // SAFETY: all-zero is a valid record, which the kernel fills.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        Errno::result(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit))?;
        Ok(limit.rlim_cur)
    }
}

/// Takes over an inherited descriptor, if it is what is expected; it is close-on-exec from here on. `None` if something has been
/// opened here under that number, or taken over before: nothing can have two owners.
pub fn adopt(number: RawFd, is_expected: impl FnOnce(BorrowedFd<'_>) -> bool) -> Option<OwnedFd> {
    if number < 0 || is_owned(number) != Some(false) {
        return None;
    }
    // SAFETY: it is open, and has no owner, see `is_owned`; from here on it has one, and looks like it.
    unsafe {
        if !is_expected(BorrowedFd::borrow_raw(number)) || libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) == -1 {
            return None;
        }
        Some(OwnedFd::from_raw_fd(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::read;
    use std::fs::File;

    /// A number above those that the other tests get.
    const HIGH: RawFd = 700;

    #[test]
    fn what_has_an_owner_is_neither_closed_nor_owned_twice() {
        let file = File::open("/dev/zero").unwrap();
        let number = file.as_raw_fd();
        assert!(adopt(number, |_| true).is_none());
        super::super::closing::close_unowned(number);
        let other = File::open("/dev/null").unwrap();
        assert_eq!(move_to(other.into(), number).err(), Some(Errno::EBUSY));
        assert_eq!(read(&file, &mut [1]), Ok(1));
    }

    #[test]
    fn what_has_none_gets_one_and_no_second() {
        let inherited = move_to(File::open("/dev/zero").unwrap().into(), HIGH).unwrap();
        let inherited = keep_across_exec(inherited).unwrap().as_raw_fd();
        assert!(adopt(inherited, |_| false).is_none());
        let adopted = adopt(inherited, |_| true).unwrap();
        assert!(adopt(inherited, |_| true).is_none());
        super::super::closing::close_unowned(inherited);
        assert_eq!(read(&adopted, &mut [1]), Ok(1));
    }
}
