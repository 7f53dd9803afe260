//! Where a program is looked for: exactly as exec would do it.

use crate::applet::Dialect;
use crate::environ::Environ;
use crate::sys::words::Word;
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
}
