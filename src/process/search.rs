//! Where a program is looked for: exactly as exec would do it.
//!
//! | who looks | where | goes on after |
//! |---|---|---|
//! | a link, for the next program; svscan, for supervise; svscanboot, for its own programs | PATH, here | [`may_be_elsewhere`]: what glibc's execvp(3) passes over, and directories that only look wrong, which covers pathexec of daemontools as well |
//! | the look-up of accounts, for getent (src/accounts) | three names, not PATH | ENOENT alone: one that is there and cannot be run is no reason to ask another |

use crate::environ::Environ;
use crate::sys::words::Word;
use crate::voice::dialect::Dialect;
use nix::errno::Errno;
use std::ffi::CStr;

/// The places where exec would look for a program, one after the other. Allocates only when made.
pub struct Search {
    word: Word,
    /// What is left of PATH; `None` when there is nowhere to look any more.
    path: Option<&'static [u8]>,
    by_name: bool,
    /// Whether an element of PATH too long for any path is passed over, as execvp(3) does, and no error.
    passes_over_long: bool,
    /// How the current directory is written where PATH has an empty element: a script sees it in `$0`.
    here: &'static [u8],
    candidate: Vec<u8>,
}

impl Search {
    /// For the word of an applet of that dialect, with the PATH of that environment.
    pub fn new(word: Word, environ: &Environ, dialect: Dialect) -> Self {
        let name = word.bytes();
        let by_name = !name.contains(&b'/');
        let path = environ.get(b"PATH").map_or(&b"/bin:/usr/bin"[..], Word::bytes);
        // an empty name is nowhere, but for daemontools, which tries the directories themselves; a name with a slash is
        // its own only candidate
        let path = if name.is_empty() && dialect != Dialect::Bernstein {
            None
        } else if by_name {
            Some(path)
        } else {
            Some(&b""[..])
        };
        let here: &[u8] = if by_name && dialect == Dialect::Bernstein { b"." } else { b"" };
        let room = path.map_or(0, <[u8]>::len) + name.len() + 3;
        let passes_over_long = dialect != Dialect::Bernstein;
        Self { word, path, by_name, passes_over_long, here, candidate: Vec::with_capacity(room) }
    }

    /// Whether the word is looked for in PATH at all.
    pub fn is_by_name(&self) -> bool {
        self.by_name && !self.word.bytes().is_empty()
    }

    /// The next name to try; `None` when there is none left.
    pub fn next_candidate(&mut self) -> Option<&CStr> {
        let path = self.path?;
        let end = path.iter().position(|&byte| byte == b':');
        let mut directory = &path[..end.unwrap_or(path.len())];
        self.path = end.map(|end| &path[end + 1..]);
        if directory.is_empty() {
            directory = self.here;
        } else if self.passes_over_long && directory.len() >= libc::PATH_MAX as usize {
            return self.next_candidate();
        }
        if directory.is_empty() {
            return Some(self.word.as_c_str());
        }
        self.candidate.clear();
        self.candidate.extend_from_slice(directory);
        self.candidate.push(b'/');
        self.candidate.extend_from_slice(self.word.as_c_str().to_bytes_with_nul());
        CStr::from_bytes_with_nul(&self.candidate).ok()
    }

    /// Tries each name in turn with `exec`, which comes back only with the error that keeps it from running. Gives the error
    /// that counts: of a program that is there and may not be run, before one that is not there.
    pub fn exec(&mut self, mut exec: impl FnMut(&CStr) -> Errno) -> Errno {
        let mut denied = false;
        let mut last = Errno::ENOENT;
        while let Some(candidate) = self.next_candidate() {
            last = exec(candidate);
            denied |= last == Errno::EACCES;
            if !may_be_elsewhere(last) {
                return last;
            }
        }
        if denied { Errno::EACCES } else { last }
    }
}

/// Whether the search of PATH goes on after this error.
pub fn may_be_elsewhere(reason: Errno) -> bool {
    use Errno::{EACCES, EISDIR, ENODEV, ENOENT, ENOTDIR, EPERM, ESTALE, ETIMEDOUT};
    matches!(reason, ENOENT | ENOTDIR | EACCES | EPERM | EISDIR | ESTALE | ENODEV | ETIMEDOUT)
}
