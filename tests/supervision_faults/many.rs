//! More services than descriptors at first, under one svscan.

use crate::keeper;
use crate::place::{Place, Start};
use crate::process;
use crate::random_kills::is_thorough;
use crate::status::{Status, is_supervised};
use crate::suite::Suite;
use crate::support::waiting::look_until;
use crate::tree::Tree;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt;
use std::time::Instant;

/// What the limit is at first. A pipe for each log alone takes more.
const LIMIT: u64 = 64;
/// Each one of so many has a log.
const LOGGED: usize = 4;

fn service_name(number: usize) -> String {
    format!("service-{number:04}")
}

/// The limit on open descriptors, soft and hard.
fn limits(pid: Pid) -> [String; 2] {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    [words[0].to_owned(), words[1].to_owned()]
}

/// Starts so many, and ends them.
fn start_and_end(suite: &Suite, count: usize, logged: usize, limit: Option<u64>) {
    let place = Place::new(suite);
    let mut expected = BTreeSet::new();
    for number in 0..count {
        let name = service_name(number);
        if number % logged == 0 {
            place.add_logged(&name, "pause");
            expected.insert(format!("{name}/log"));
        } else {
            place.add(&name, "pause");
        }
        expected.insert(name);
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let soft = limit.unwrap_or(soft);
    let mut events = place.events();
    let since = Instant::now();
    let svscan = suite.program("svscan");
    let mut tree = Tree::start(&place, &[keeper::AGAIN.as_ref(), svscan.as_ref()], "", |command| {
        // SAFETY: one system call.
        unsafe { command.pre_exec(move || Ok(setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?)) };
    });
    let mut started: BTreeMap<String, Pid> = BTreeMap::new();
    while started.len() < expected.len() {
        let Start { service, pid, .. } = events.next();
        assert!(expected.contains(&service), "{service}");
        let earlier = started.insert(service.clone(), pid);
        assert_eq!(earlier, None, "{service} has been started twice");
    }
    let up = since.elapsed();
    for (name, &pid) in &started {
        let service = place.service(name);
        look_until(&format!("{name} is up"), || Status::of(&service).is_some_and(|up| up.pid() == Some(pid)));
        assert!(is_supervised(&service), "{name}");
        assert_eq!(limits(pid), [soft, hard].map(show_limit), "{name}");
    }
    assert_eq!(tree.processes().len(), 2 * expected.len() + 1);
    assert_eq!(place.said(), "");

    let since = Instant::now();
    let names: Vec<String> = (0..count).map(service_name).collect();
    tree.stop(&names.iter().map(String::as_str).collect::<Vec<_>>());
    println!("{} with {:?}: up after {up:?}, gone after {:?}", expected.len(), suite.kind, since.elapsed());
    assert!(started.into_values().all(|pid| !process::is_alive(pid)));
    assert_eq!(place.violations(), "");
}

fn show_limit(limit: u64) -> String {
    if limit == libc::RLIM_INFINITY { "unlimited".to_owned() } else { limit.to_string() }
}

#[test]
fn more_services_than_descriptors_all_run() {
    let count = if is_thorough() { 1100 } else { 200 };
    start_and_end(&Suite::ours(), count, LOGGED, Some(LIMIT));
}

/// It takes as many as its limit allows.
#[test]
fn many_services_of_the_reference_all_run() {
    let Some(reference) = Suite::reference() else { return };
    start_and_end(&reference, 60, LOGGED, None);
}
