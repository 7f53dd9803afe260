//! Which old files are kept.

use super::directory::LogDirectory;
use super::events::{Events, GaveUp};
use crate::files::file_id;
use crate::files::sight;
use crate::sys::directory::{DirectoryPart, read_directory};
use crate::time::tai64n::{LENGTH, Moment, decode, is_digit};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, fstatat};
use std::os::fd::AsFd;

/// What is an old file by its name: a label, a dot and a code.
fn is_old(name: &[u8]) -> bool {
    name.len() > LENGTH + 1
        && name[0] == b'@'
        && name[1..LENGTH].iter().all(|&byte| is_digit(byte))
        && name[LENGTH] == b'.'
}

/// The moment of the last of these names, which are sorted, that is a label's.
pub fn newest(names: &[String]) -> Option<Moment> {
    names.iter().rev().find_map(|name| decode(name.as_bytes().get(1..LENGTH)?.try_into().ok()?))
}

impl LogDirectory<'_> {
    /// The names of the old files, the oldest first. Foreign files and directories are none.
    pub(super) fn old_files(&self) -> nix::Result<Vec<String>> {
        // a descriptor of its own, which begins at the first entry
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = nix::fcntl::openat(&self.directory, ".", flags, Mode::empty())?;
        let mut names = Vec::new();
        let mut part = DirectoryPart::new();
        while read_directory(directory.as_fd(), &mut part, |entry| {
            let name = entry.name.to_bytes();
            if is_old(name) {
                // not all file systems say what an entry is
                let is_file = |name: &str| entry.is_regular || self.sight(name).is_ok_and(is_regular);
                names.extend(std::str::from_utf8(name).ok().filter(|name| is_file(name)).map(str::to_owned));
            }
            Ok::<_, Errno>(())
        })? {}
        names.sort_unstable();
        Ok(names)
    }

    fn sight(&self, name: &str) -> nix::Result<FileStat> {
        fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    /// Whether one of these old files is that very file. Others may have links of their own to it.
    pub(super) fn is_among(&self, names: &[String], of: &FileStat) -> bool {
        let is_same = |name: &String| self.sight(name).is_ok_and(|seen| file_id::is_same(&seen, of));
        names.iter().any(is_same)
    }

    /// Removes the oldest of these old files beyond the number and the bytes to keep.
    pub(super) fn prune(&self, names: &[String], events: &mut Events) -> Result<(), GaveUp> {
        let number = usize::try_from(self.settings.number).unwrap_or(usize::MAX);
        let mut excess = (names.len() + 1).saturating_sub(number);
        if let Some(most) = self.settings.total {
            let size = |name: &String| self.sight(name).map_or(0, |seen| u64::try_from(seen.st_size).unwrap_or(0));
            let mut total = 0_u64;
            let newest_first = names.iter().rev().map(size).map(|size| {
                total = total.saturating_add(size);
                total
            });
            excess = excess.max(names.len() - newest_first.take_while(|&total| total <= most).count());
        }
        for name in &names[..excess] {
            self.remove(name, events)?;
        }
        Ok(())
    }

    /// Whether the disk has less room than a file may need: that may be why a processor fails.
    pub(super) fn is_short_of_room(&self) -> bool {
        nix::sys::statvfs::fstatvfs(&self.directory)
            .is_ok_and(|disk| disk.blocks_available().saturating_mul(disk.fragment_size()) < self.settings.size)
    }

    /// Removes the oldest file, if the disk is full and that is wanted. Gives true if that may have helped.
    pub(super) fn make_room(&self) -> bool {
        let Some(least) = self.settings.least else { return false };
        match self.old_files().as_deref() {
            Ok([oldest, others @ ..]) if others.len() as u64 >= least => {
                nix::unistd::unlinkat(&self.directory, oldest.as_str(), nix::unistd::UnlinkatFlags::NoRemoveDir).is_ok()
            }
            _ => false,
        }
    }
}

fn is_regular(seen: FileStat) -> bool {
    sight::is_regular(seen.st_mode)
}

#[cfg(test)]
mod tests {
    use super::is_old;

    #[test]
    fn foreign_names_are_not_old_files() {
        assert!(is_old(b"@400000006b0115d0084b488c.s") && is_old(b"@400000006b0115d0084b488c.tar.gz"));
        for name in
            ["@notes-about-this-directory", "@400000006b0115d0084b488c", "@400000006b0115d0084b488c.", "current"]
        {
            assert!(!is_old(name.as_bytes()), "{name}");
        }
        assert!(!is_old(b"@400000006B0115D0084B488C.s"));
    }
}
