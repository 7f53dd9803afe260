//! Making a pid file one's own: open it without trusting what is there, and then take it (taking.rs): lock it, see that it
//! is still the one under that name and that nobody who runs has only lost the lock, write, and keep nothing of it but a
//! descriptor that can read.

mod guard;
mod taking;
mod trace;

use super::holder::Holder;
use super::{takeover, text};
use crate::files::descriptors;
use crate::files::file_id;
use crate::files::sight;
use crate::process::deadly_writes;
use crate::sys::descriptor::{self, uninterrupted};
use crate::sys::words::Word;
use crate::voice::failure::{Failure, UnableTo};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat};
use nix::unistd::{Uid, UnlinkatFlags, ftruncate, geteuid, getpid, unlinkat};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

pub use taking::empty;
pub use trace::Trace;

/// Which file, and what is asked of it.
#[derive(Clone, Copy)]
pub struct Terms {
    /// Its name.
    pub file: Word,
    /// The exact mode. Without it, what a new file has is left of it by the umask.
    pub mode: Option<u32>,
    /// What a new file has before that.
    pub new_mode: u32,
    /// Who may own it besides root and this process's user.
    pub owner: Option<Uid>,
    /// Whose file is taken over.
    pub former: Option<Uid>,
    /// The very number its descriptor is to have.
    pub number: Option<RawFd>,
}

impl Terms {
    /// A file with nothing special about it.
    pub fn new(file: Word) -> Self {
        Self { file, mode: None, new_mode: 0o644, owner: None, former: None, number: None }
    }
}

/// Why a file is not ours.
pub enum Denied {
    /// Somebody has it.
    Held(Holder),
    /// Something went wrong.
    Failed(anyhow::Error),
}

impl Denied {
    /// `FILE is held by pid 77 (nginx)`, ending the chain with `code`; or what went wrong.
    pub fn explain(self, file: Word, code: u8) -> anyhow::Error {
        match self {
            Self::Held(holder) => Failure::new(holder.describe(file.bytes())).with_code(code).into(),
            Self::Failed(error) => error,
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Denied {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Why a file cannot be a pid file.
pub enum Unfit {
    /// It cannot be opened or created.
    Unopenable(Errno),
    /// It is not what it should be, or cannot be had as asked.
    Other(Failure),
}

impl Unfit {
    /// `unable to open FILE: …`, `unable to use FILE: …`.
    pub fn explain(self, file: Word) -> Failure {
        match self {
            Self::Unopenable(reason) => Failure::unable_to("open", file.bytes(), reason),
            Self::Other(failure) => failure,
        }
    }
}

/// A file that has been found fit to be a pid file or a lock for one.
pub struct Claim {
    terms: Terms,
    file: OwnedFd,
    seen: FileStat,
    is_new: bool,
    /// What has the number that is to be the lock's, until that has it.
    reserved: Option<OwnedFd>,
}

/// How often a file that others keep replacing is opened again.
const ATTEMPTS: usize = 1000;

/// The lowest number that the descriptor of a lock gets: a shell script's redirections, which are single digits, cannot take it.
pub const FIRST: RawFd = 10;

impl Claim {
    /// Opens the file, creating it if need be, and changes nothing in it. Refused: symbolic links, anything but a
    /// regular file, other hard links to it, owners other than root and the process's own user, and files that group
    /// or others may write to.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn open(terms: Terms) -> Result<Self, Unfit> {
        let name = terms.file;
        let unfit = |reason: &str| Unfit::Other(unusable(name, reason));
        if let Some(number) = terms.number
            && descriptor::limit().is_ok_and(|limit| limit <= u64::from(number.unsigned_abs()))
        {
            return Err(Unfit::Other(taking::no_number(number, Errno::EBADF)));
        }
        let (file, is_new, seen) = match open_or_create(name.as_c_str(), terms.mode.unwrap_or(terms.new_mode)) {
            Ok(opened) => opened,
            Err(Errno::ELOOP) if is_symbolic_link(name.as_c_str()) => return Err(unfit(SYMBOLIC_LINK)),
            Err(reason) => return Err(Unfit::Unopenable(reason)),
        };
        if let Some(reason) = flaw(&seen, &terms) {
            return Err(unfit(&reason));
        }
        let file = descriptors::at_least(file, 3).map_err(Unfit::Unopenable)?;
        Ok(Self { terms, file, seen, is_new, reserved: None })
    }

    /// Writes this process's pid into the file, which is locked. Over a longer text there is no instant at which the first
    /// line is wrong or missing. Over a shorter one a reader may, on some file systems, see the new text cut to the old
    /// length: then its newline is missing. If it cannot be written, a new file is removed and an old one left empty.
    ///
    /// # Errors
    /// `unable to write FILE: …`.
    pub fn write(&self) -> anyhow::Result<()> {
        write(self.file.as_fd()).inspect_err(|_| self.withdraw()).unable_to("write", self.terms.file.bytes())
    }

    /// Leaves nothing in the file, or no file if it is new. To be called with the lock held.
    pub fn withdraw(&self) {
        let is_removed = self.is_new && self.is_still_there() && remove(self.terms.file.as_c_str()).is_ok();
        if !is_removed {
            let _ = ftruncate(&self.file, 0);
        }
    }

    fn set_mode(&self) -> anyhow::Result<()> {
        match self.terms.mode {
            Some(mode) if self.seen.st_mode & 0o7777 != mode => fchmod(&self.file, Mode::from_bits_truncate(mode))
                .unable_to("change the mode of", self.terms.file.bytes()),
            _ => Ok(()),
        }
    }

    /// Whether the name leads to this very file.
    fn is_still_there(&self) -> bool {
        self.is_at(self.terms.file)
    }

    pub(super) fn seen(&self) -> &FileStat {
        &self.seen
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whether it was created by [`Claim::open`].
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether it is the file under this name.
    pub fn is_at(&self, name: Word) -> bool {
        is_at(name.as_c_str(), &self.seen)
    }

    /// Whether it is this very file.
    pub fn is(&self, seen: &FileStat) -> bool {
        file_id::is_same(seen, &self.seen)
    }

    /// Gives it to an account.
    ///
    /// # Errors
    /// As fchown(2).
    pub fn give_to(&self, user: u32, group: u32) -> nix::Result<()> {
        nix::unistd::fchown(&self.file, Some(user.into()), Some(group.into()))
    }

    /// Its text.
    pub fn text(file: BorrowedFd<'_>) -> Vec<u8> {
        /// More than any pid needs.
        const ENOUGH: usize = 64;
        let mut text = [0; ENOUGH];
        let count = uninterrupted(|| nix::sys::uio::pread(file, &mut text, 0)).unwrap_or(0);
        // a line that does not end here may be cut in the middle of a number
        let is_cut = count == ENOUGH && !text.contains(&b'\n');
        if is_cut { Vec::new() } else { text[..count].to_vec() }
    }
}

impl AsFd for Claim {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The file, whether it is new, and what it is.
fn open_or_create(name: &CStr, mode: u32) -> nix::Result<(OwnedFd, bool, FileStat)> {
    let flags = OFlag::O_RDWR | sight::CAREFULLY;
    for _ in 0..ATTEMPTS {
        // In this order, to know which it is. Besides, a sticky directory may refuse O_CREAT for a file that is there
        // already and another's (fs.protected_regular), with no word of the owner.
        match uninterrupted(|| open(name, flags, Mode::empty())) {
            Err(Errno::ENOENT) => {}
            outcome => {
                let file = outcome?;
                let seen = fstat(&file)?;
                // removed meanwhile
                if seen.st_nlink == 0 {
                    continue;
                }
                return Ok((file, false, seen));
            }
        }
        let new = flags | OFlag::O_CREAT | OFlag::O_EXCL;
        match uninterrupted(|| open(name, new, Mode::from_bits_truncate(mode))) {
            Err(Errno::EEXIST) => {}
            outcome => {
                let file = outcome?;
                let seen = fstat(&file)?;
                return Ok((file, true, seen));
            }
        }
    }
    Err(Errno::EEXIST)
}

const SYMBOLIC_LINK: &str = "it is a symbolic link";

fn is_link(seen: &FileStat) -> bool {
    SFlag::from_bits_truncate(seen.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFLNK
}

fn is_symbolic_link(name: &CStr) -> bool {
    fstatat(AT_FDCWD, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(|seen| is_link(&seen))
}

/// What is wrong with a file, if anything is.
pub(super) fn flaw(seen: &FileStat, terms: &Terms) -> Option<String> {
    let owner = Uid::from_raw(seen.st_uid);
    let strangers = seen.st_mode & 0o022 & !terms.mode.unwrap_or(0);
    if is_link(seen) {
        Some(SYMBOLIC_LINK.to_owned())
    } else if !sight::is_regular(seen.st_mode) {
        Some("it is not a regular file".to_owned())
    } else if seen.st_nlink > 1 {
        Some(format!("it has {} hard links", seen.st_nlink))
    } else if let Some(obstacle) = whose(owner, terms) {
        Some(format!("it belongs to user {owner}{obstacle}"))
    } else if strangers != 0 {
        Some(format!("group or others may write to it (mode {:04o})", seen.st_mode & 0o7777))
    } else {
        None
    }
}

/// What is wrong with the owner of a file, as more words to say who it is.
fn whose(owner: Uid, terms: &Terms) -> Option<String> {
    if [Some(Uid::from_raw(0)), Some(geteuid()), terms.owner].contains(&Some(owner)) {
        return None;
    }
    if terms.former == Some(owner) {
        return takeover::obstacle(terms.file.bytes()).map(|obstacle| format!(", {obstacle}"));
    }
    Some(String::new())
}

pub(super) fn unusable(name: Word, reason: &str) -> Failure {
    Failure::new([b"unable to use ", name.bytes(), b": ", reason.as_bytes()].concat())
}

fn is_at(name: &CStr, own: &FileStat) -> bool {
    fstatat(AT_FDCWD, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(|seen| file_id::is_same(&seen, own))
}

pub(super) fn remove(name: &CStr) -> nix::Result<()> {
    unlinkat(AT_FDCWD, name, UnlinkatFlags::NoRemoveDir)
}

pub(super) fn write(file: BorrowedFd<'_>) -> nix::Result<()> {
    let text = text::of(getpid());
    let count = deadly_writes::without(libc::SIGXFSZ, || uninterrupted(|| nix::sys::uio::pwrite(file, &text, 0)))?;
    if count < text.len() {
        return Err(Errno::ENOSPC);
    }
    // last, so that an old longer text never leaves an empty file in view
    uninterrupted(|| ftruncate(file, i64::try_from(text.len()).unwrap_or(i64::MAX)))
}
