//! A small file system of one's own, where even an ordinary user can fill one.
#![allow(unsafe_code)]

use super::leave_out;
use nix::sched::{CloneFlags, setns};
use std::fs::{self, File};
use std::io;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A tmpfs in a mount namespace, which lasts as long as a process in it does.
pub struct Disk {
    keeper: Child,
    /// Where it is mounted, for those inside.
    mounted: PathBuf,
}

impl Disk {
    /// One of so many pages, and as many files as the kernel gives it or so many, mounted there. `None` where there are no user namespaces, and says so.
    pub fn new(mounted: &Path, pages: usize, files: Option<usize>) -> Option<Self> {
        let script = "mount -t tmpfs -o \"size=$1$2\" none \"$0\" && echo ready && exec cat";
        let keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", script])
            .arg(mounted)
            .arg((pages * page()).to_string())
            .arg(files.map_or_else(String::new, |files| format!(",nr_inodes={files}")))
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
        let disk = Self { keeper, mounted: mounted.to_owned() };
        if answer != "ready\n" {
            leave_out("a full disk: no user namespaces here");
            return None;
        }
        Some(disk)
    }

    /// The way to it from outside of the namespace.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.keeper.id())).join(self.mounted.strip_prefix("/").unwrap())
    }

    /// Lets a command run in its namespace.
    pub fn enter(&self, command: &mut Command) {
        // SAFETY: system calls only.
        unsafe { command.pre_exec(self.entrance()) };
    }

    /// Brings a process that has been forked, and has one thread, into its namespace.
    pub fn entrance(&self) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
        let kinds = [("user", CloneFlags::CLONE_NEWUSER), ("mnt", CloneFlags::CLONE_NEWNS)];
        let spaces = kinds.map(|(name, kind)| {
            let file = File::open(format!("/proc/{}/ns/{name}", self.keeper.id())).unwrap();
            (file, kind)
        });
        move || Ok(spaces.iter().try_for_each(|(file, kind)| setns(file, *kind))?)
    }

    /// Leaves no page free.
    pub fn fill(&self) {
        let mut filler = File::create(self.path().join(".filler")).unwrap();
        let page = vec![0; page()];
        let full = loop {
            if let Err(error) = filler.write_all(&page) {
                break error;
            }
        };
        assert_eq!(full.raw_os_error(), Some(libc::ENOSPC));
    }

    /// Leaves no file that could be made.
    pub fn fill_with_files(&self) {
        fs::create_dir(self.path().join(".fillers")).unwrap();
        let full = (0..).find_map(|number| File::create(self.path().join(format!(".fillers/{number}"))).err());
        assert_eq!(full.unwrap().raw_os_error(), Some(libc::ENOSPC));
    }

    /// Takes that back.
    pub fn make_room(&self) {
        let _ = fs::remove_file(self.path().join(".filler"));
        let _ = fs::remove_dir_all(self.path().join(".fillers"));
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
