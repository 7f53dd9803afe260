//! Where a tree of services grows: a directory of services made of shell scripts, and the ways in which an svscan can be run on
//! it.
//!
//! Every process of a tree has its voice on descriptor 8 (voice.rs), and the reading end of its life on descriptor 9: what
//! reads from it blocks as long as the test has not let go.
#![allow(dead_code, reason = "what is here is shared by several modules")]

use crate::support::together::together;
use crate::support::{Installed, peer, world_readable_directory, write_script};
use crate::tree::Tree;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::RawFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// What every process of a tree has open besides its standard files.
pub const VOICE: RawFd = 8;
pub const LIFE: RawFd = 9;

/// A service that says `NAME up PID` and lives until it is killed.
pub const SERVE: &str = "echo NAME up $$ >&8; read x <&9";

/// Which svscan is run, and which supervise below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Debian's, both.
    Reference,
    /// Ours, both, as they come: what svscan forks goes on as supervise.
    Forked,
    /// Ours, both, with an exec between them.
    Executed,
    /// Our svscan, and Debian's supervise below it.
    Foreign,
}

pub use Way::{Executed, Foreign, Forked, Reference};

pub const ALL: &[Way] = &[Reference, Forked, Executed, Foreign];
/// Our svscan.
pub const OURS: &[Way] = &[Forked, Executed, Foreign];
/// Our svscan and our supervise.
pub const OWN: &[Way] = &[Forked, Executed];

/// Does this in each way at the same time, as most of it is waiting, and names those that failed. What cannot be run here is
/// left out.
#[track_caller]
pub fn each(ways: &[Way], test: impl Fn(Way) + Sync) {
    let ways: Vec<Way> = ways.iter().copied().filter(|way| way.is_possible()).collect();
    together(&ways, |&way| test(way));
}

impl Way {
    pub fn is_possible(self) -> bool {
        match self {
            Reference => peer("svscan").is_some() && peer("supervise").is_some(),
            Forked | Executed => true,
            Foreign => peer("supervise").is_some(),
        }
    }

    /// What our svscan is told by its environment.
    pub fn variables(self) -> Vec<(&'static str, String)> {
        match self {
            Reference | Forked => vec![],
            Executed => vec![("CATENA_FUSE", "0".to_owned())],
            Foreign => vec![("CATENA_SUPERVISE", peer("supervise").unwrap().display().to_string())],
        }
    }
}

pub struct Ground {
    pub way: Way,
    pub installed: Arc<Installed>,
    directory: TempDir,
}

impl Ground {
    pub fn new(way: Way) -> Self {
        let ground = Self { way, installed: Installed::shared(), directory: world_readable_directory() };
        for name in ["service", "making"] {
            fs::create_dir(ground.at(name)).unwrap();
        }
        fs::write(ground.at("messages"), "").unwrap();
        ground
    }

    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A place below the directory of services.
    pub fn service_at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.at("service").join(name)
    }

    /// What has been said on standard error so far.
    pub fn messages(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.at("messages")).unwrap()).into_owned()
    }

    /// A program of this way: ours, or the peer's.
    pub fn program(&self, name: &str) -> PathBuf {
        if self.way == Reference { peer(name).unwrap() } else { self.installed.applet(name) }
    }

    /// A service whose `run` has these lines, with the name for `NAME`. It appears all at once.
    pub fn service(&self, name: &str, run: &str) {
        self.pair(name, run, None);
    }

    /// The same with a `log/run`.
    pub fn service_with_log(&self, name: &str, run: &str, log: &str) {
        self.pair(name, run, Some(log));
    }

    fn pair(&self, name: &str, run: &str, log: Option<&str>) {
        self.make(&self.service_at(name), name, run, log);
    }

    /// Makes a service directory anywhere. `word` is what it is called in its own scripts.
    pub fn make(&self, at: &Path, word: &str, run: &str, log: Option<&str>) {
        let made = tempfile::tempdir_in(self.at("making")).unwrap();
        script(&made.path().join("run"), &run.replace("NAME", word));
        if let Some(log) = log {
            fs::create_dir(made.path().join("log")).unwrap();
            script(&made.path().join("log/run"), &log.replace("NAME", word));
        }
        fs::rename(made.keep(), at).unwrap();
    }

    /// Many alike, named by `name`, with a script that is written once.
    pub fn services(&self, names: impl Iterator<Item = String>, run: &str) {
        script(&self.at("run-of-many"), run);
        for name in names {
            let made = tempfile::tempdir_in(self.at("making")).unwrap();
            symlink(self.at("run-of-many"), made.path().join("run")).unwrap();
            fs::rename(made.keep(), self.service_at(name)).unwrap();
        }
    }

    /// Starts svscan on the directory.
    pub fn start(&self) -> Tree<'_> {
        let mut tree = Tree::new(self, &[]);
        tree.start_svscan();
        tree
    }

    /// Writes to the control FIFO of a service, `NAME` or `NAME/log`, as svc does.
    #[track_caller]
    pub fn tell(&self, name: &str, letters: &str) {
        self.try_to_tell(name, letters).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    pub fn try_to_tell(&self, name: &str, letters: &str) -> nix::Result<()> {
        let fifo = self.service_at(name).join("supervise/control");
        let fifo = nix::fcntl::open(&fifo, OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?;
        assert_eq!(nix::unistd::write(&fifo, letters.as_bytes())?, letters.len());
        Ok(())
    }

    /// Moves a service directory out of sight. What runs in it goes on.
    pub fn hide(&self, name: &str) -> PathBuf {
        let to = tempfile::tempdir_in(self.at("making")).unwrap().keep().join("hidden");
        fs::rename(self.service_at(name), &to).unwrap();
        to
    }

    /// What [`Self::tell`] calls a hidden directory, or its `/log`.
    pub fn hidden(&self, at: &Path, half: &str) -> String {
        format!("../{}{half}", at.strip_prefix(self.at("")).unwrap().display())
    }

    /// Device and inode of a service directory, `NAME` or `NAME/log`.
    pub fn identity(&self, name: impl AsRef<OsStr>) -> (u64, u64) {
        let metadata = fs::metadata(self.service_at(Path::new(&name))).unwrap();
        (metadata.dev(), metadata.ino())
    }
}

/// Writes a shell script.
pub fn script(at: &Path, lines: &str) {
    write_script(at, format!("#!/bin/sh\n{lines}\n"));
}

/// Whether ours is the very program.
pub fn is_catena(ground: &Ground, pid: i32) -> bool {
    crate::processes::link(pid, "exe") == ground.installed.applet("catena").display().to_string()
}
