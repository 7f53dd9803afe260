//! The programs under test: ours, and the reference where it is installed.

use crate::support::{Installed, peer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// supervise and what drives it, of one make.
#[derive(Clone)]
pub struct Suite {
    /// For messages.
    pub name: &'static str,
    pub is_ours: bool,
    /// What its supervise is called.
    supervise: &'static str,
    directory: PathBuf,
    /// Where ours lies.
    _installed: Option<Arc<Installed>>,
}

impl fmt::Debug for Suite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Suite {
    /// catena.
    pub fn ours() -> Self {
        let installed = Installed::shared();
        let directory = installed.path().to_owned();
        Self { name: "ours", is_ours: true, supervise: "supervise", directory, _installed: Some(installed) }
    }

    /// daemontools as the distribution has it.
    pub fn reference() -> Option<Self> {
        Self::peer("the reference", "supervise")
    }

    /// runit, whose supervise is called runsv.
    pub fn runit() -> Option<Self> {
        Self::peer("runit", "runsv")
    }

    fn peer(name: &'static str, supervise: &'static str) -> Option<Self> {
        let directory = peer(supervise)?.parent()?.to_owned();
        Some(Self { name, is_ours: false, supervise, directory, _installed: None })
    }

    /// The reference, if it is there, and ours.
    pub fn all() -> Vec<Self> {
        Self::reference().into_iter().chain([Self::ours()]).collect()
    }

    /// A program of it.
    pub fn file(&self, name: &str) -> PathBuf {
        let name = if name == "supervise" { self.supervise } else { name };
        Path::new(&self.directory).join(name)
    }
}
