//! A logger on a small file system of its own.

use crate::logger::Logger;
use crate::program::{Place, Program};
use crate::support::disk;
use nix::errno::Errno;
use std::ffi::CString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A file system, and the place that it is mounted in.
pub struct Disk {
    disk: disk::Disk,
    place: Place,
}

impl Disk {
    /// One of so many pages. `None` where there are no user namespaces, and says so.
    pub fn new(pages: usize) -> Option<Self> {
        let place = Place::new();
        fs::create_dir(place.at("disk")).unwrap();
        Some(Self { disk: disk::Disk::new(&place.at("disk"), pages, None)?, place })
    }

    /// The way to a file of it from outside of the namespace.
    pub fn at(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    /// Starts a logger in it.
    pub fn start(&self, program: &Program, actions: &[&str], input: &File) -> Logger {
        let directory = CString::new(self.place.at("disk").as_os_str().as_bytes()).unwrap();
        let entrance = self.disk.entrance();
        let enter = move || {
            entrance()?;
            // SAFETY: a C string.
            Errno::result(unsafe { libc::chdir(directory.as_ptr()) }).map(drop).map_err(Into::into)
        };
        Logger::prepared(program, self.place.path(), actions, input.try_clone().unwrap(), enter)
    }

    /// Leaves no page free.
    pub fn fill(&self) {
        self.disk.fill();
    }

    /// Takes that back.
    pub fn make_room(&self) {
        self.disk.make_room();
    }
}
