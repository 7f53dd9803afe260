//! A processor that cannot be found: the shell names it, but not where it was sought, and says the same again every time.

use super::SPEAKER;
use super::directory::LogDirectory;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::{AccessFlags, faccessat};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;

/// What a shell exits with where it has not found a command.
pub const NOT_FOUND: u8 = 127;

/// The path of the program that a command begins with, where no shell is needed to tell.
fn program(command: &[u8]) -> Option<&[u8]> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b";&|<>".contains(byte);
    let word = command.trim_ascii_start().split(ends).next()?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(byte);
    (word.contains(&b'/') && word.iter().all(is_plain)).then_some(word)
}

impl LogDirectory<'_> {
    /// Says, once until it has been run, that the processor's program is not there. `code` is what a shell has exited with that
    /// has tried.
    pub(super) fn tell_if_missing(&mut self, code: Option<u8>) {
        let Some(command) = self.settings.processor.filter(|_| !self.is_told) else { return };
        let object = match program(command) {
            Some(path) => match faccessat(&self.directory, path, AccessFlags::X_OK, AtFlags::AT_EACCESS) {
                Err(reason @ (Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ELOOP)) => {
                    let verb = if reason == Errno::EACCES { "run" } else { "find" };
                    Some((verb, &b"processor "[..], path, reason))
                }
                _ => None,
            },
            None => None,
        };
        let object = object.or_else(|| {
            let is_missing = code == Some(NOT_FOUND);
            is_missing.then_some(("find", &b"what is needed by processor "[..], command, Errno::ENOENT))
        });
        let Some((verb, what, name, reason)) = object else { return };
        let own = format!("/proc/self/fd/{}", self.directory.as_raw_fd());
        let directory = std::fs::read_link(own).map(|path| path.into_os_string().into_vec());
        let directory = directory.unwrap_or_else(|_| self.settings.name.to_vec());
        let directory = [b" in directory ", directory.as_slice()].concat();
        SPEAKER.warn_unable_to(verb, &[what, name, &directory], reason);
        self.is_told = true;
    }
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn a_path_is_told_from_what_a_shell_has_to_read() {
        for (command, path) in [
            ("./ship", "./ship"),
            ("../ship -x", "../ship"),
            (" /usr/bin/gzip|cat", "/usr/bin/gzip"),
            ("bin/a;b", "bin/a"),
        ] {
            assert_eq!(program(command.as_bytes()), Some(path.as_bytes()), "{command}");
        }
        for command in ["", "gzip", "A=./b c", "\"./a b\"", "$HOME/x", "~/x", "(./a)", "./a*", "{ ./a; }", "! ./a"] {
            assert_eq!(program(command.as_bytes()), None, "{command}");
        }
    }
}
