//! A service directory.

use crate::kept::Start;
use crate::recorder;
use crate::status::Status;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::{world_readable_directory, write_script};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A service, in a directory of its own below a temporary one.
pub struct Service {
    place: TempDir,
    directory: PathBuf,
}

impl Service {
    /// One whose `run` is a recorder.
    pub fn new() -> Self {
        let service = Self::empty();
        service.record("run");
        service
    }

    /// One without a program.
    pub fn empty() -> Self {
        let place = world_readable_directory();
        let directory = place.path().join("service");
        fs::create_dir(&directory).unwrap();
        Self { place, directory }
    }

    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// The directory in which the service's lies.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Makes this program a recorder.
    pub fn record(&self, name: &str) {
        symlink(recorder::file(), self.at(name)).unwrap();
    }

    /// Makes this program a shell's script.
    pub fn script(&self, name: &str, text: &str) {
        self.script_of(name, &format!("#!/bin/sh\n{text}\n"));
    }

    /// Makes this text executable.
    pub fn script_of(&self, name: &str, text: &str) {
        write_script(&self.at(name), text);
    }

    /// A file with this in it.
    pub fn put(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    /// The same service with a further file.
    pub fn with(self, name: &str, text: &str) -> Self {
        self.put(name, text);
        self
    }

    /// The same service with a further recorder.
    pub fn recording(self, name: &str) -> Self {
        self.record(name);
        self
    }

    pub fn take_away(&self, name: &str) {
        fs::remove_file(self.at(name)).unwrap();
    }

    /// A start of supervise for it.
    pub fn start(&self, suite: &Suite) -> Start {
        Start::of(suite, "supervise").word(&self.directory)
    }

    /// Starts supervise and waits until it is there.
    #[track_caller]
    pub fn supervise(&self, suite: &Suite) -> Supervised<'_> {
        Supervised::new(self, self.start(suite).go())
    }

    /// What `svok` looks for.
    pub fn is_supervised(&self) -> bool {
        open_fifo(&self.at("supervise/ok")).is_ok()
    }

    /// The status as it is now.
    #[track_caller]
    pub fn status(&self) -> Status {
        Status(fs::read(self.at("supervise/status")).unwrap())
    }

    /// The lines of `supervise/info`, empty if there is no such file.
    pub fn info(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.at("supervise/info")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// What is in a directory of it: kind and mode as ls shows them, and the size of a plain file.
    pub fn list(&self, name: &str) -> BTreeMap<String, String> {
        let entries = fs::read_dir(self.at(name)).unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.file_name().into_string().unwrap(), shown(&entry.path()))).collect()
    }
}

/// Kind and mode as ls shows them, and the size of a plain file.
pub fn shown(path: &Path) -> String {
    let metadata = fs::symlink_metadata(path).unwrap();
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => 'd',
        kind if kind.is_fifo() => 'p',
        kind if kind.is_symlink() => 'l',
        kind if kind.is_file() => '-',
        _ => '?',
    };
    let letters = (0..9).map(|place| if metadata.mode() >> (8 - place) & 1 == 1 { b"rwx"[place % 3] } else { b'-' });
    let mode: String = letters.map(char::from).collect();
    let size = if metadata.is_file() { format!(" {}", metadata.len()) } else { String::new() };
    format!("{kind}{mode}{size}")
}

/// Opens a FIFO for writing if somebody reads from it.
pub fn open_fifo(path: &Path) -> nix::Result<OwnedFd> {
    nix::fcntl::open(path, OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())
}
