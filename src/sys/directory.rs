//! Directories: their entries, and changes of them.

use nix::errno::Errno;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Has this process sent SIGIO each time something is removed from the directory, as long as the descriptor is open
/// (dnotify, fcntl(2); unlike inotify it has no limit on how many may watch).
///
/// # Errors
/// As fcntl(2), F_NOTIFY; EINVAL where the kernel has none.
pub fn tell_of_removals(directory: BorrowedFd<'_>) -> nix::Result<()> {
    /// linux/fcntl.h: F_LINUX_SPECIFIC_BASE + 2; DN_DELETE with DN_MULTISHOT.
    const F_NOTIFY: libc::c_int = 1024 + 2;
    const WHAT: libc::c_uint = 0x8000_0008;
    // SAFETY: an open descriptor and numbers.
    Errno::result(unsafe { libc::fcntl(directory.as_raw_fd(), F_NOTIFY, WHAT) }).map(drop)
}

/// Renames within a directory; `flags` are those of renameat2(2).
///
/// # Errors
/// As renameat2(2).
pub fn rename(directory: BorrowedFd<'_>, from: &CStr, to: &CStr, flags: u32) -> nix::Result<()> {
    let number = directory.as_raw_fd();
    // SAFETY: two C strings.
    Errno::result(unsafe { libc::syscall(libc::SYS_renameat2, number, from.as_ptr(), number, to.as_ptr(), flags) })
        .map(drop)
}

/// One entry of a directory.
#[derive(Clone, Copy)]
pub struct DirectoryEntry<'a> {
    /// Its name.
    pub name: &'a CStr,
    /// Whether the directory says that it is a regular file; many file systems do, some do not know.
    pub is_regular: bool,
}

/// Reads the next part of a directory into `part` and hands out its entries. Gives false at the end.
///
/// # Errors
/// As getdents64(2), or the first error of `each`.
pub fn read_directory<E: From<Errno>>(
    directory: BorrowedFd<'_>,
    part: &mut DirectoryPart,
    mut each: impl FnMut(DirectoryEntry<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    /// Offsets in struct linux_dirent64: inode and position, 8 bytes each, then these.
    const LENGTH: usize = 16;
    const TYPE: usize = 18;
    const NAME: usize = 19;
    let bytes = &mut part.0;
    // SAFETY: the kernel writes at most as many bytes as it is told there are.
    let count = Errno::result(unsafe {
        libc::syscall(libc::SYS_getdents64, directory.as_raw_fd(), bytes.as_mut_ptr(), bytes.len())
    })?;
    let mut records = &bytes[..count.unsigned_abs() as usize];
    while let [_, ..] = records {
        let length = usize::from(u16::from_ne_bytes([records[LENGTH], records[LENGTH + 1]]));
        let (record, rest) = records.split_at(length);
        let name = CStr::from_bytes_until_nul(&record[NAME..]).unwrap_or_default();
        each(DirectoryEntry { name, is_regular: record[TYPE] == libc::DT_REG })?;
        records = rest;
    }
    Ok(count > 0)
}

/// Room for a part of a directory.
pub struct DirectoryPart(Vec<u8>);

impl DirectoryPart {
    /// Room for some forty files: a fresh page costs more than the system calls that only a large directory needs.
    const SIZE: usize = 1536;

    /// Empty room.
    #[expect(clippy::new_without_default, reason = "there is nothing to say about it but that it is new")]
    pub fn new() -> Self {
        Self(vec![0; Self::SIZE])
    }
}
