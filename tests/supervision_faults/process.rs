//! Processes as /proc shows them.

use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: Pid,
    pub parent: Pid,
    /// What it is called.
    pub name: String,
    /// As the letter of proc(5).
    pub state: char,
    /// In ticks since the machine's start: with the pid it is the process's identity.
    pub started: u64,
}

impl Process {
    /// What is known of the process `pid`, or `None` if there is none.
    pub fn of(pid: Pid) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let (before, after) = stat.rsplit_once(") ")?;
        let name = before.split_once('(')?.1.to_owned();
        let mut fields = after.split(' ');
        let state = fields.next()?.chars().next()?;
        let parent = Pid::from_raw(fields.next()?.parse().ok()?);
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { pid, parent, name, state, started })
    }

    pub fn is_zombie(&self) -> bool {
        self.state == 'Z'
    }

    /// Which directory it is in, as device and inode; `None` if it has ended.
    pub fn directory(&self) -> Option<(u64, u64)> {
        fs::metadata(format!("/proc/{}/cwd", self.pid)).ok().map(|about| (about.dev(), about.ino()))
    }
}

/// All processes. To look costs some milliseconds, so those who ask at the same time share what is seen after they asked.
pub fn all() -> Arc<Vec<Process>> {
    static SEEN: Mutex<Option<(Instant, Arc<Vec<Process>>)>> = Mutex::new(None);
    let asked = Instant::now();
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((when, processes)) = &*seen
        && *when >= asked
    {
        return Arc::clone(processes);
    }
    let when = Instant::now();
    let processes = Arc::new(look());
    *seen = Some((when, Arc::clone(&processes)));
    processes
}

fn look() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Process::of(Pid::from_raw(pid))).collect()
}

/// Those that have come of this one.
pub fn descendants(ancestor: Pid) -> Vec<Process> {
    let all = all();
    let mut found: Vec<Process> = vec![];
    let mut ancestors = vec![ancestor];
    while let Some(parent) = ancestors.pop() {
        for child in all.iter().filter(|process| process.parent == parent) {
            ancestors.push(child.pid);
            found.push(child.clone());
        }
    }
    found
}

/// Whether there is such a process, and it has not ended.
pub fn is_alive(pid: Pid) -> bool {
    Process::of(pid).is_some_and(|process| !process.is_zombie())
}

/// The descriptors that it has open, each with what it is of. None if it has ended.
pub fn descriptors(pid: Pid) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return vec![] };
    let mut shown: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let target = fs::read_link(&path).ok()?;
            Some(format!("{} {}", path.file_name()?.to_str()?, target.display()))
        })
        .collect();
    shown.sort();
    shown
}
