//! What several test programs need: the program under test under all its names, and the peers it is compared with.
#![allow(dead_code, reason = "each test program uses a part")]

pub mod disk;
pub mod namespaces;
pub mod null_device;
pub mod random;
pub mod together;
pub mod tracer;
pub mod waiting;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tempfile::TempDir;

/// The catena that cargo built for this test run.
pub fn catena() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_catena"))
}

/// A directory with a copy of catena and a link to it for every applet, readable by every account.
pub struct Installed {
    directory: TempDir,
}

impl Installed {
    /// A fresh one. A copy, since the checkout may lie where other accounts cannot reach.
    pub fn new() -> Self {
        let directory = world_readable_directory();
        copy_program(catena(), &directory.path().join("catena"));
        for applet in catena::applets::ALL {
            std::os::unix::fs::symlink("catena", directory.path().join(applet.name)).unwrap();
        }
        Self { directory }
    }

    /// The one that those who use it at the same time have in common, gone with the last of them: a copy is tens of megabytes.
    /// For who leaves it as it is.
    pub fn shared() -> Arc<Self> {
        // what a static holds is never dropped, so it does not hold it
        static SHARED: Mutex<Weak<Installed>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let installed = shared.upgrade().unwrap_or_else(|| Arc::new(Self::new()));
        *shared = Arc::downgrade(&installed);
        installed
    }

    /// The directory itself, to be put into PATH.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The absolute name of an applet's link, or of `catena` itself.
    pub fn applet(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

/// Copies an executable file. Another process does it: a descriptor open for writing in this one would be inherited by
/// what other threads are forking, and then an exec of the copy fails with ETXTBSY.
pub fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").args([from, to]).status().unwrap().success());
}

/// Writes an executable script; by another process, for the same reason.
pub fn write_script(to: &Path, text: impl AsRef<[u8]>) {
    let mut install =
        Command::new("install").args(["-m", "755", "/dev/stdin"]).arg(to).stdin(Stdio::piped()).spawn().unwrap();
    install.stdin.take().unwrap().write_all(text.as_ref()).unwrap();
    assert!(install.wait().unwrap().success());
}

/// A temporary directory that other accounts can search and read.
pub fn world_readable_directory() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// The peer `name` as the distribution installs it, or `None`, and then says once what is left out.
pub fn peer(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(|directory| Path::new(directory).join(name));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        leave_out(&format!("comparison with {name}: not installed"));
    }
    found
}

/// Says, once in each test program, that something is not tested here. Seen even where the harness captures output.
pub fn leave_out(what: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().unwrap().insert(what.to_owned()) {
        // straight to the descriptor: the harness captures only the macros
        let _ = nix::unistd::write(std::io::stderr(), format!("left out: {what}\n").as_bytes());
    }
}

/// Whether this process is root with the capability to become anybody.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// What takes less than this on a machine that has time for it does so once in three times.
#[track_caller]
pub fn takes_less_than(limit: Duration, mut what: impl FnMut() -> Duration) {
    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.push(what());
        if taken.last().is_some_and(|last| *last < limit) {
            return;
        }
    }
    panic!("not less than {limit:?}: {taken:?}");
}
