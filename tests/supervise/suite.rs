//! The programs under test: ours, and the reference where it is installed.

use crate::support::{Installed, peer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

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

impl Suite {
    /// catena, installed once for the tests that run at a time.
    pub fn ours() -> Self {
        // what a static holds is never dropped, so it does not hold it
        static INSTALLED: Mutex<Weak<Installed>> = Mutex::new(Weak::new());
        let mut shared = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        let installed = shared.upgrade().unwrap_or_else(|| Arc::new(Installed::new()));
        *shared = Arc::downgrade(&installed);
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
