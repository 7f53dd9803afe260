//! What the kernel tells of a file beyond stat(2).

use nix::errno::Errno;
use std::ffi::{CStr, c_int};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Looks at the file behind `name`, following symbolic links; `wanted` are flags of `STATX_`.
///
/// # Errors
/// As statx(2).
pub fn statx(name: &CStr, wanted: u32) -> nix::Result<libc::statx> {
    look(libc::AT_FDCWD, name, 0, wanted)
}

/// Looks at an open file.
///
/// # Errors
/// As statx(2).
pub fn statx_open(file: BorrowedFd<'_>, wanted: u32) -> nix::Result<libc::statx> {
    look(file.as_raw_fd(), c"", libc::AT_EMPTY_PATH, wanted)
}

fn look(directory: RawFd, name: &CStr, how: c_int, wanted: u32) -> nix::Result<libc::statx> {
    let mut seen = std::mem::MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: `name` is NUL-terminated and `seen` has room for the record, which is valid when zero, too.
    unsafe {
        Errno::result(libc::statx(directory, name.as_ptr(), how, wanted, seen.as_mut_ptr()))?;
        Ok(seen.assume_init())
    }
}

/// Writes the names of a file's extended attributes to `list`, with a NUL behind each. Gives how many bytes of it.
///
/// # Errors
/// As listxattr(2); ERANGE if there is too little room.
pub fn list_attributes(name: &CStr, list: &mut [u8]) -> nix::Result<usize> {
    // SAFETY: `name` is NUL-terminated and `list` as long as said.
    let length = unsafe { libc::listxattr(name.as_ptr(), list.as_mut_ptr().cast(), list.len()) };
    Errno::result(length).map(isize::unsigned_abs)
}
