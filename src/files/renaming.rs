//! Names that change without taking another's.

use crate::sys::directory::rename;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::{AccessFlags, faccessat};
use std::ffi::CStr;
use std::os::fd::BorrowedFd;

/// Renames within a directory, but never onto a name that is there. Where the file system cannot promise that, the name is
/// looked for first.
///
/// # Errors
/// EEXIST if the new name is taken; otherwise as rename(2).
pub fn rename_to_free_name(directory: BorrowedFd<'_>, from: &CStr, to: &CStr) -> nix::Result<()> {
    match rename(directory, from, to, libc::RENAME_NOREPLACE) {
        Err(Errno::EINVAL | Errno::ENOSYS) => {
            // at the name, whatever it stands for
            if faccessat(directory, to, AccessFlags::F_OK, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok() {
                return Err(Errno::EEXIST);
            }
            rename(directory, from, to, 0)
        }
        outcome => outcome,
    }
}
