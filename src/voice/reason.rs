//! The system's reasons in words.

use super::dialect::Dialect;
use nix::errno::Errno;
use std::borrow::Cow;

/// The system's reason: in daemontools' words for its dialect, in glibc's for the others, whatever C library this is; an
/// error that the table does not have as the C library at hand spells it.
pub fn describe(reason: Errno, dialect: Dialect) -> Cow<'static, str> {
    let known = WORDS.iter().find(|&&(known, ..)| known == reason);
    match (known, dialect) {
        (Some(&(_, words, _)), Dialect::Bernstein) => return Cow::Borrowed(words),
        (Some(&(_, _, words)), _) => return Cow::Borrowed(words),
        (None, _) => {}
    }
    let mut text = std::io::Error::from_raw_os_error(reason as i32).to_string();
    if let Some(end) = text.rfind(" (os error") {
        text.truncate(end);
    }
    Cow::Owned(text)
}

/// How daemontools 0.76 and glibc spell the errors that a wrapper can meet (seen in the messages of either).
const WORDS: &[(Errno, &str, &str)] = &[
    (Errno::ENOENT, "file does not exist", "No such file or directory"),
    (Errno::EACCES, "access denied", "Permission denied"),
    (Errno::EPERM, "permission denied", "Operation not permitted"),
    (Errno::ENOTDIR, "not a directory", "Not a directory"),
    (Errno::EISDIR, "is a directory", "Is a directory"),
    (Errno::ENOEXEC, "exec format error", "Exec format error"),
    (Errno::E2BIG, "argument list too long", "Argument list too long"),
    (Errno::EAGAIN, "temporary failure", "Resource temporarily unavailable"),
    (Errno::ENOMEM, "out of memory", "Cannot allocate memory"),
    (Errno::ELOOP, "symbolic link loop", "Too many levels of symbolic links"),
    (Errno::ENAMETOOLONG, "file name too long", "File name too long"),
    (Errno::ETXTBSY, "text busy", "Text file busy"),
    (Errno::EIO, "input/output error", "Input/output error"),
    (Errno::EEXIST, "file already exists", "File exists"),
    (Errno::ETIMEDOUT, "timed out", "Connection timed out"),
    (Errno::EINTR, "interrupted system call", "Interrupted system call"),
    (Errno::EPIPE, "broken pipe", "Broken pipe"),
    (Errno::ENXIO, "device not configured", "No such device or address"),
    (Errno::EPROTO, "protocol error", "Protocol error"),
    (Errno::ESRCH, "no such process", "No such process"),
    (Errno::EBADF, "file descriptor not open", "Bad file descriptor"),
    (Errno::ECHILD, "no child processes", "No child processes"),
    (Errno::EFAULT, "bad address", "Bad address"),
    (Errno::ENOTBLK, "not a block device", "Block device required"),
    (Errno::EBUSY, "device busy", "Device or resource busy"),
    (Errno::EXDEV, "cross-device link", "Invalid cross-device link"),
    (Errno::EINVAL, "invalid argument", "Invalid argument"),
    (Errno::EMFILE, "process cannot open more files", "Too many open files"),
    (Errno::ENODEV, "device does not support operation", "No such device"),
    (Errno::EDQUOT, "disk quota exceeded", "Disk quota exceeded"),
    (Errno::ESTALE, "stale NFS file handle", "Stale file handle"),
    (Errno::ENFILE, "system cannot open more files", "Too many open files in system"),
    (Errno::ENOTTY, "not a tty", "Inappropriate ioctl for device"),
    (Errno::EFBIG, "file too big", "File too large"),
    (Errno::ENOSPC, "out of disk space", "No space left on device"),
    (Errno::ESPIPE, "unseekable descriptor", "Illegal seek"),
    (Errno::EROFS, "read-only file system", "Read-only file system"),
    (Errno::EMLINK, "too many links", "Too many links"),
];

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn the_table_spells_as_glibc_does() {
        for &(reason, _, words) in WORDS {
            let text = std::io::Error::from_raw_os_error(reason as i32).to_string();
            assert_eq!(text, format!("{words} (os error {})", reason as i32));
        }
    }
}
