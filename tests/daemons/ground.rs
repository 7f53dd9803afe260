//! Where starts happen: a directory with a few programs, chains started from it fused and with an exec for each link, and
//! what can be seen of a start: the foreground's exit code and output, and the daemon's own voice.
//!
//! Every process of a chain has the writing end of a pipe on descriptor 8, its voice: lines are what a daemon reports, and
//! the end of the pipe means that no process is left. On descriptor 9 it has the reading end of its life: a daemon
//! that reads from it ends when the test lets go of it, or itself ends.
#![allow(dead_code, reason = "what is here is shared by several modules")]

pub use crate::run::Run;
use crate::support::waiting::look_until;
use crate::support::{Installed, is_root, world_readable_directory, write_script};
use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::RawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// What every process of a chain has open besides its standard files.
pub const VOICE: RawFd = 8;
pub const LIFE: RawFd = 9;

/// How the links follow each other, and whether daemonize forks twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub fused: bool,
    pub twice: bool,
}

pub const FUSED: Way = Way { fused: true, twice: false };
pub const UNFUSED: Way = Way { fused: false, twice: false };
pub const FUSED_TWICE: Way = Way { fused: true, twice: true };
pub const UNFUSED_TWICE: Way = Way { fused: false, twice: true };

/// All of them.
pub const WAYS: [Way; 4] = [FUSED, UNFUSED, FUSED_TWICE, UNFUSED_TWICE];

pub struct Ground {
    pub installed: Arc<Installed>,
    directory: TempDir,
}

impl Ground {
    /// A fresh one, with a program `serve` that says its process id and lives until it is let go.
    pub fn new() -> Self {
        let ground = Self { installed: Installed::shared(), directory: world_readable_directory() };
        if is_root() {
            // so that a daemon of another account can work in it
            fs::set_permissions(ground.directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        }
        ground.script("serve", "echo serving $$ >&8; read line <&9; exit 0");
        ground
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A text in which `@/` stands for the directory and its slash.
    pub fn fill(&self, text: &str) -> String {
        text.replace("@/", &format!("{}/", self.directory.path().display()))
    }

    /// Makes a program of a shell's lines.
    pub fn script(&self, name: &str, text: &str) {
        write_script(&self.at(name), self.fill(&format!("#!/bin/sh\n{text}\n")));
    }

    /// A command under a name of catena's, or an absolute one, with `@/` filled in. PATH begins with the applets.
    pub fn command(&self, fused: bool, words: &[&str]) -> Command {
        let [first, rest @ ..] = words else { panic!("no words") };
        let program = self.fill(first);
        let program = if program.contains('/') { program.into() } else { self.installed.applet(&program) };
        let mut command = Command::new(program);
        command.args(rest.iter().map(|word| self.fill(word)));
        let path = [self.installed.path(), self.directory.path(), Path::new("/usr/bin"), Path::new("/bin")];
        let path = path.map(|directory| directory.to_str().unwrap().to_owned()).join(":");
        command.env_clear().env("PATH", path).env("CATENA_FUSE", if fused { "1" } else { "0" });
        command.current_dir(self.directory.path());
        command
    }

    /// Starts `daemonize` with these words.
    pub fn start(&self, way: Way, words: &[&str]) -> Run {
        let twice: &[&str] = if way.twice { &["daemonize", "--double-fork"] } else { &["daemonize"] };
        self.run(way.fused, &[twice, words].concat())
    }

    /// Starts any command.
    pub fn run(&self, fused: bool, words: &[&str]) -> Run {
        Run::new(self.command(fused, words))
    }

    /// Takes a flock on a file, as setlock does.
    pub fn hold(&self, name: &str) -> Flock<File> {
        let file = File::options().create(true).truncate(false).write(true).open(self.at(name)).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o666)).unwrap();
        Flock::lock(file, FlockArg::LockExclusive).unwrap()
    }

    /// Waits until a process waits for a lock on this file.
    pub fn wait_for_waiter(&self, name: &str) {
        let inode = format!(":{} ", fs::metadata(self.at(name)).unwrap().ino());
        look_until(&format!("somebody waits for {name}"), || {
            let locks = fs::read_to_string("/proc/locks").unwrap();
            locks.lines().any(|line| line.contains("-> ") && line.contains(&inode))
        });
    }

    /// All files with their contents, and the directories.
    pub fn files(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        list(self.directory.path(), &mut files);
        files
    }
}

/// A directory that its owner cannot look into cannot be removed either.
impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.at("secret"), fs::Permissions::from_mode(0o700));
    }
}

fn list(directory: &Path, files: &mut BTreeMap<PathBuf, String>) {
    // some are locked against their owner
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            list(&path, files);
        }
        let content = if metadata.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let text = match content.len() {
            0..200 => String::from_utf8_lossy(&content).into_owned(),
            length => format!("{length} bytes"),
        };
        files.insert(path, text);
    }
}

/// Whether nobody has a record lock on the file.
pub fn is_unlocked(file: &Path) -> bool {
    let file = File::options().read(true).write(true).open(file).unwrap();
    // SAFETY: all zero is a valid lock.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as _;
    fcntl(&file, FcntlArg::F_GETLK(&mut lock)).unwrap();
    i32::from(lock.l_type) == i32::from(libc::F_UNLCK as i16)
}

/// Whether there is such a process, and it is no zombie.
pub fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// Waits until a process that is not this one's child has ended.
pub fn wait_for_end_of(pid: Pid) {
    look_until(&format!("the end of {pid}"), || !is_alive(pid));
}
