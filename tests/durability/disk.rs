//! A small file system of one's own, where even an ordinary user can fill one.

use crate::logger::Logger;
use crate::program::{Place, Program};
use crate::support::leave_out;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A tmpfs in a mount namespace, which lasts as long as a process in it does.
pub struct Disk {
    keeper: Child,
    place: Place,
}

impl Disk {
    /// One of so many pages. `None` where there are no user namespaces, and says so.
    pub fn new(pages: usize) -> Option<Self> {
        let place = Place::new();
        fs::create_dir(place.at("disk")).unwrap();
        let script = "mount -t tmpfs -o size=$1 none \"$0\" && echo ready && exec cat";
        let keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", script])
            .arg(place.at("disk"))
            .arg((pages * page()).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut keeper) = keeper else {
            leave_out("a full disk: no unshare here");
            return None;
        };
        let mut answer = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut answer).unwrap();
        let disk = Self { keeper, place };
        if answer != "ready\n" {
            leave_out("a full disk: no user namespaces here");
            return None;
        }
        Some(disk)
    }

    /// The way to a file of it from outside of the namespace.
    pub fn at(&self, name: &str) -> PathBuf {
        let inside = self.place.at("disk");
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(inside.strip_prefix("/").unwrap()).join(name)
    }

    /// Starts a logger in it.
    pub fn start(&self, program: &Program, actions: &[&str], input: &File) -> Logger {
        let kinds = [("user", CloneFlags::CLONE_NEWUSER), ("mnt", CloneFlags::CLONE_NEWNS)];
        let spaces = kinds.map(|(name, kind)| {
            let file = File::open(format!("/proc/{}/ns/{name}", self.keeper.id())).unwrap();
            (file, kind)
        });
        let directory = CString::new(self.place.at("disk").as_os_str().as_bytes()).unwrap();
        let enter = move || {
            for (file, kind) in &spaces {
                setns(file, *kind)?;
            }
            // SAFETY: a C string.
            Errno::result(unsafe { libc::chdir(directory.as_ptr()) }).map(drop).map_err(Into::into)
        };
        Logger::prepared(program, self.place.path(), actions, input.try_clone().unwrap(), enter)
    }

    /// Leaves no page free.
    pub fn fill(&self) {
        let mut filler = File::create(self.at("filler")).unwrap();
        let page = vec![0; page()];
        let full = loop {
            if let Err(error) = filler.write_all(&page) {
                break error;
            }
        };
        assert_eq!(full.raw_os_error(), Some(libc::ENOSPC));
    }

    /// Takes that back.
    pub fn make_room(&self) {
        fs::remove_file(self.at("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // it sees the end of its input
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn page() -> usize {
    // SAFETY: a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
}
