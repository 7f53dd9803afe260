//! What /proc says of processes.
#![allow(dead_code, reason = "what is here is shared by several modules")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// A process as /proc/PID/stat has it.
#[derive(Clone, Debug)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub state: char,
    pub comm: String,
    /// When it was started, in clock ticks since the machine was.
    pub started: u64,
}

/// The process of this id.
pub fn process(pid: i32) -> Option<Process> {
    let stat = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?).into_owned();
    let (before, after) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = after.split(' ').collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        state: fields.first()?.chars().next()?,
        comm: before.split_once('(')?.1.to_owned(),
        started: fields.get(19)?.parse().ok()?,
    })
}

/// All processes there are.
pub fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()));
    numbers.filter_map(process).collect()
}

/// All that have come of this process and still run. Zombies do not.
pub fn descendants(of: i32) -> Vec<Process> {
    let mut by_parent: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for process in all() {
        by_parent.entry(process.parent).or_default().push(process);
    }
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        let children = by_parent.remove(&parent).unwrap_or_default();
        parents.extend(children.iter().map(|child| child.pid));
        found.extend(children.into_iter().filter(|child| child.state != 'Z'));
    }
    found
}

/// Whether there is such a process, and it is no zombie.
pub fn is_alive(pid: i32) -> bool {
    process(pid).is_some_and(|process| process.state != 'Z')
}

/// The entries of /proc/PID/cmdline or environ, each ended by a NUL.
pub fn entries(file: &str) -> Vec<String> {
    let all = fs::read(file).unwrap_or_default();
    let Some(all) = all.strip_suffix(b"\0") else { return Vec::new() };
    all.split(|&byte| byte == 0).map(|entry| String::from_utf8_lossy(entry).into_owned()).collect()
}

/// The words it was started with.
pub fn argv(pid: i32) -> Vec<String> {
    entries(&format!("/proc/{pid}/cmdline"))
}

/// Where a link below /proc/PID leads.
pub fn link(pid: i32, name: &str) -> String {
    fs::read_link(format!("/proc/{pid}/{name}")).map(|target| target.display().to_string()).unwrap_or_default()
}

/// Its open descriptors, and what they are.
pub fn descriptors(pid: i32) -> BTreeMap<i32, String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()));
    numbers.map(|number: i32| (number, link(pid, &format!("fd/{number}")))).collect()
}

/// Whether a descriptor is open for writing.
pub fn is_for_writing(pid: i32, number: i32) -> bool {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
    i32::from_str_radix(flags.trim(), 8).unwrap_or(0) & libc::O_ACCMODE != libc::O_RDONLY
}

/// What its current directory is: device and inode.
pub fn directory(pid: i32) -> Option<(u64, u64)> {
    fs::metadata(format!("/proc/{pid}/cwd")).ok().map(|it| (it.dev(), it.ino()))
}

/// Its children in the order in which they were made.
pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// The soft and the hard limit on open descriptors.
pub fn descriptor_limits(pid: i32) -> (String, String) {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    let mut values = line.split_whitespace().skip(3).map(str::to_owned);
    (values.next().unwrap_or_default(), values.next().unwrap_or_default())
}
