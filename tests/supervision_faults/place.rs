//! Where a tree of services lies: service directories below `scan`, and beside them what the services tell.

use crate::suite::Suite;
use crate::support::disk::Disk;
use crate::support::waiting::{PATIENCE, is_ready};
use crate::{keeper, roles, tracer};
use nix::sys::stat::Mode;
use nix::sys::statvfs::statvfs;
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Where services tell of their starts.
pub const EVENTS: &str = "events";
/// Where a service's lock lies: not in its directory, which may be replaced.
pub const LOCKS: &str = "locks";
/// How many lines a service has written.
pub const COUNTS: &str = "counts";
/// What services complain of.
pub const VIOLATIONS: &str = "violations";
/// Where the service directories lie.
pub const SCAN: &str = "scan";

/// A directory for one tree.
pub struct Place {
    directory: TempDir,
    /// What `scan` is, if it is a file system of its own.
    disk: Option<Disk>,
    pub suite: Suite,
}

impl Place {
    pub fn new(suite: &Suite) -> Self {
        let place = Self { directory: directory(), disk: None, suite: suite.clone() };
        for name in [LOCKS, COUNTS, SCAN] {
            fs::create_dir(place.at(name)).unwrap();
        }
        fs::write(place.at(VIOLATIONS), "").unwrap();
        nix::unistd::mkfifo(&place.at(EVENTS), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        fs::write(place.at(tracer::AHEAD), "").unwrap();
        for name in [keeper::NAME, tracer::NAME] {
            roles::link(&place.at(name));
        }
        place
    }

    /// One in which `scan` has so many pages and files of its own. `None` where that cannot be had, and says so.
    pub fn on_disk(suite: &Suite, pages: usize, files: usize) -> Option<Self> {
        let mut place = Self::new(suite);
        place.disk = Some(Disk::new(&place.at(SCAN), pages, Some(files))?);
        Some(place)
    }

    /// What `scan` is.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().unwrap()
    }

    /// Lets a command see what the services see.
    pub fn enter(&self, command: &mut Command) {
        self.suite.equip(command, self.path());
        if let Some(disk) = &self.disk {
            disk.enter(command);
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where the service directories are, seen from here.
    pub fn scan(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.at(SCAN), Disk::path)
    }

    /// The service directory of that name, `NAME/log` among them.
    pub fn service(&self, name: &str) -> PathBuf {
        self.scan().join(name)
    }

    /// Makes a service directory. See [`crate::service`] for what can be planned.
    pub fn add(&self, name: &str, plan: &str) -> PathBuf {
        // svscan may look at any moment, so all of it appears at once
        let made = self.scan().join(format!(".new-{}", name.replace('/', "-")));
        fs::create_dir(&made).unwrap();
        fs::write(made.join("plan"), plan).unwrap();
        roles::link(&made.join("run"));
        fs::rename(&made, self.service(name)).unwrap();
        self.service(name)
    }

    /// Makes a service directory with a log.
    pub fn add_logged(&self, name: &str, plan: &str) -> PathBuf {
        let made = self.scan().join(format!(".new-{name}"));
        for (directory, plan) in [(made.clone(), plan.to_owned()), (made.join("log"), self.log_plan())] {
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("plan"), plan).unwrap();
            roles::link(&directory.join("run"));
        }
        fs::rename(&made, self.service(name)).unwrap();
        self.service(name)
    }

    fn log_plan(&self) -> String {
        format!("log {}", self.suite.logger().display())
    }

    /// The log directory of a service.
    pub fn main_log(&self, name: &str) -> PathBuf {
        self.service(name).join("log/main")
    }

    /// What services have complained of: that another copy of them runs.
    pub fn violations(&self) -> String {
        fs::read_to_string(self.at(VIOLATIONS)).unwrap()
    }

    /// How many lines each run of a service has written at least; the last of each may not have been counted.
    pub fn counts(&self, name: &str) -> Vec<u64> {
        let bytes = fs::read(self.at(COUNTS).join(name)).unwrap_or_default();
        bytes.chunks(8).map(|count| u64::from_ne_bytes(count.try_into().unwrap())).collect()
    }

    /// What the services tell from now on.
    pub fn events(&self) -> Events {
        // for writing as well, so that there is no end when no service is there
        let fifo = OpenOptions::new().read(true).write(true).open(self.at(EVENTS)).unwrap();
        Events { fifo, text: vec![], heard: VecDeque::new() }
    }

    /// What the programs of the tree have said.
    pub fn said(&self) -> String {
        fs::read(self.at("stderr")).map(|said| String::from_utf8_lossy(&said).into_owned()).unwrap_or_default()
    }

    /// A file that the tree's standard error is appended to.
    pub fn stderr(&self) -> File {
        OpenOptions::new().append(true).create(true).open(self.at("stderr")).unwrap()
    }
}

/// In memory, if there is such a file system with room for all the lines: how long a disk makes a rename wait at times is
/// not what is looked at.
fn directory() -> TempDir {
    const ROOM: u64 = 1 << 30;
    let memory = Path::new("/dev/shm");
    let has_room = statvfs(memory).is_ok_and(|about| about.blocks_available() * about.fragment_size() > ROOM);
    let made = has_room.then(|| tempfile::tempdir_in(memory).ok()).flatten();
    made.unwrap_or_else(|| tempfile::tempdir().unwrap())
}

/// That a program of a service has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The service, `NAME/log` for a logger.
    pub service: String,
    /// `run`, `start` or `finish`.
    pub role: String,
    pub pid: Pid,
}

/// The starts of services, in order.
pub struct Events {
    fifo: File,
    text: Vec<u8>,
    heard: VecDeque<Start>,
}

impl Events {
    /// The next start, if it comes within this time.
    pub fn next_within(&mut self, time: Duration) -> Option<Start> {
        while self.heard.is_empty() {
            if !is_ready(self.fifo.as_fd(), time) {
                return None;
            }
            let mut room = [0; 65536];
            let count = self.fifo.read(&mut room).unwrap();
            self.text.extend_from_slice(&room[..count]);
            while let Some(end) = self.text.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                let line = str::from_utf8(&line).unwrap();
                let words: Vec<&str> = line.split_whitespace().collect();
                let [service, role, pid] = words[..] else { panic!("{line:?}") };
                let pid = Pid::from_raw(pid.parse().unwrap());
                self.heard.push_back(Start { service: service.to_owned(), role: role.to_owned(), pid });
            }
        }
        self.heard.pop_front()
    }

    /// The next start.
    #[track_caller]
    pub fn next(&mut self) -> Start {
        self.next_within(PATIENCE).unwrap_or_else(|| panic!("no service has started within a minute"))
    }

    /// The next start of this one; others are passed over.
    #[track_caller]
    pub fn next_of(&mut self, service: &str, role: &str) -> Start {
        loop {
            let start = self.next();
            if start.service == service && start.role == role {
                return start;
            }
        }
    }
}
