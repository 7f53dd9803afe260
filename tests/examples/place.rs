//! A directory of its own for what an example makes, and the processes that run in it.

use crate::support::waiting::look_within;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// More than anything here takes, also on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Waits until it holds.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    look_within(LIMIT, what, || holds().then_some(()));
}

/// Where an example has its files. What still runs of it at the end is killed.
pub struct Place(TempDir);

impl Place {
    /// An empty one, which other accounts can reach.
    pub fn new() -> Self {
        Self(crate::support::world_readable_directory())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Processes that are, or run, something below the place.
    pub fn running(&self) -> Vec<Pid> {
        let all = std::fs::read_dir("/proc").unwrap();
        let pids = all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        let is_below = |pid: &i32| {
            let links = ["exe", "cwd"].map(|name| std::fs::read_link(format!("/proc/{pid}/{name}")));
            links.iter().flatten().any(|target| target.starts_with(self.path()))
        };
        pids.filter(is_below).map(Pid::from_raw).collect()
    }

    /// Returns when nothing runs here any more.
    pub fn wait_for_the_end(&self, of: &str) {
        look_within(LIMIT, &format!("the end of what {of} leaves running"), || self.running().is_empty().then_some(()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // what has been killed starts nothing any more, so this comes to an end
        for pid in std::iter::from_fn(|| Some(self.running())).take_while(|pids| !pids.is_empty()).flatten() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}
