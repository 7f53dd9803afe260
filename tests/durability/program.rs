//! The programs under test: ours, and the reference where it is installed.

use crate::support::random::rounds_asked_for;
use crate::support::{Installed, peer};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// A multilog.
pub struct Program {
    /// For messages.
    pub name: &'static str,
    pub is_ours: bool,
    file: PathBuf,
    /// Where ours lies.
    _installed: Option<Arc<Installed>>,
}

impl Program {
    pub fn ours() -> Self {
        let installed = Installed::shared();
        Self { name: "ours", is_ours: true, file: installed.applet("multilog"), _installed: Some(installed) }
    }

    pub fn reference() -> Option<Self> {
        Some(Self { name: "the reference", is_ours: false, file: peer("multilog")?, _installed: None })
    }

    /// The reference, if it is there, and ours.
    pub fn all() -> Vec<Self> {
        Self::reference().into_iter().chain([Self::ours()]).collect()
    }

    /// A call of it in this directory.
    pub fn command<W: AsRef<OsStr>>(&self, place: &Path, actions: &[W]) -> Command {
        let mut command = Command::new(&self.file);
        command.args(actions).current_dir(place);
        command
    }
}

/// A directory for one test, with the log directory `log` in it, which is not there at first.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One in memory, if there is such a file system: where it does not matter that a disk is slow.
    pub fn in_memory() -> Self {
        tempfile::tempdir_in("/dev/shm").map_or_else(|_| Self::new(), Self)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn log(&self) -> PathBuf {
        self.at("log")
    }
}

/// How often something is done at random: `count` times, or as many times as CATENA_ROUNDS makes of it, of which 1000 are the
/// usual number.
pub fn rounds(count: usize) -> usize {
    (count * rounds_asked_for().map_or(1000, |asked| asked as usize)).div_ceil(1000)
}
