//! The programs under test: ours, and the reference where it is installed.

use crate::support::{Installed, peer};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Whose programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours; svscan makes its supervises by a fork.
    Ours,
    /// Ours; svscan makes its supervises by an exec.
    Unfused,
    /// daemontools'.
    Reference,
}

/// Programs that belong together.
#[derive(Clone)]
pub struct Suite {
    pub kind: Kind,
    installed: Arc<Installed>,
}

impl Suite {
    pub fn new(kind: Kind) -> Self {
        Self { kind, installed: Installed::shared() }
    }

    pub fn ours() -> Self {
        Self::new(Kind::Ours)
    }

    /// The reference, where it is installed.
    pub fn reference() -> Option<Self> {
        let is_installed = ["svscan", "supervise", "svstat", "svok"].iter().all(|name| peer(name).is_some());
        is_installed.then(|| Self::new(Kind::Reference))
    }

    /// The reference, where it is installed, and ours.
    pub fn all() -> Vec<Self> {
        Self::reference().into_iter().chain([Self::ours()]).collect()
    }

    pub fn is_ours(&self) -> bool {
        self.kind != Kind::Reference
    }

    /// Where a program lies.
    pub fn program(&self, name: &str) -> PathBuf {
        if self.is_ours() { self.installed.applet(name) } else { peer(name).unwrap() }
    }

    /// Our multilog, whoever supervises it: the reference's loses what it has in hand when it is killed.
    pub fn logger(&self) -> PathBuf {
        self.installed.applet("multilog")
    }

    /// A call of one of the programs, in the environment that it needs for this place.
    pub fn command(&self, name: &str, place: &Path) -> Command {
        let mut command = Command::new(self.program(name));
        self.equip(&mut command, place);
        command
    }

    /// Gives a command the environment that these programs need.
    pub fn equip(&self, command: &mut Command, place: &Path) {
        let ours = self.installed.path().display();
        let path = if self.is_ours() { format!("{ours}:/usr/bin:/bin") } else { "/usr/bin:/bin".to_owned() };
        command.env_clear().env("PATH", path).env(crate::roles::PLACE, place);
        if self.kind == Kind::Unfused {
            command.env("CATENA_FUSE", "0");
        }
    }
}
