//! The current directory.

use super::{Attribute, Boundaries, Change, Effect, Fact, Value, View, Whose, proc_files};
use crate::carried::Process;
use crate::sys::words::Word;
use crate::voice::failure::Failure;
use nix::errno::Errno;
use nix::unistd::chdir;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The attribute.
pub struct Cwd;

/// The attribute.
pub const CWD: Cwd = Cwd;

/// Where it is.
pub const DIRECTORY: Change = Change::new(&[&CWD], "the current directory");

impl Attribute for Cwd {
    fn name(&self) -> &'static str {
        "cwd"
    }

    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        Ok(vec![Fact::whole(self.name(), Value::Bytes(proc_files::target(whose, "cwd")?))])
    }
}

/// Goes there.
pub struct GoTo<F> {
    /// The directory, as the caller named it.
    pub directory: Word,
    /// The failure, in the link's words.
    pub failed: F,
}

impl<F: Fn(Errno) -> Failure> Effect for GoTo<F> {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let name = self.directory.bytes();
        let path = match (name.first(), view.value(&CWD, b"")?) {
            (Some(b'/'), _) => name.to_vec(),
            (_, Value::Bytes(here)) if name == b"." => here,
            (_, Value::Bytes(here)) => [&here, &b"/"[..], name].concat(),
            (_, other) => return Ok(vec![Fact::whole(CWD.name(), other)]),
        };
        // what it leads to, if it is there to be asked
        let path =
            std::fs::canonicalize(OsStr::from_bytes(&path)).map_or(path, |real| real.into_os_string().into_vec());
        Ok(vec![Fact::whole(CWD.name(), Value::Bytes(path))])
    }

    fn make(&self, _: &mut Process) -> anyhow::Result<Boundaries> {
        chdir(self.directory.as_c_str()).map_err(&self.failed)?;
        Ok(Boundaries::NONE)
    }
}
