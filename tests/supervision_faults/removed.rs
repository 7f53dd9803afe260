//! Directories that are removed below a running supervise.

use crate::place::Place;
use crate::process;
use crate::status::{Status, control, is_supervised};
use crate::suite::Suite;
use crate::support::waiting::look_until;
use crate::tree::Tree;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Within what time `supervise/` is there again, on a machine that has much else to do.
const HEALED: Duration = Duration::from_secs(2);

#[track_caller]
fn wait_for_pid(service: &Path, pid: Option<Pid>) {
    look_until("the status is true", || Status::of(service).is_some_and(|status| status.pid() == pid));
}

/// `rm -rf supervise`. What is made again meanwhile may be removed, too, or stay.
fn remove_supervise(service: &Path) {
    let supervise = service.join("supervise");
    let lock = supervise.join("lock");
    let before = fs::metadata(&lock).map(|about| std::os::unix::fs::MetadataExt::ino(&about)).ok();
    while let Err(error) = fs::remove_dir_all(&supervise) {
        assert!(matches!(error.raw_os_error(), Some(libc::ENOTEMPTY | libc::ENOENT)), "{error}");
        let now = fs::metadata(&lock).map(|about| std::os::unix::fs::MetadataExt::ino(&about)).ok();
        if before != now {
            break;
        }
    }
}

/// All that others can do with a service can be done again: it is found, a second supervise is refused, commands work.
#[track_caller]
fn assert_works(place: &Place, service: &Path, pid: Pid) {
    let mut second = Tree::supervise(place, "one");
    assert_eq!(second.code(), 111);
    let refused = "unable to acquire ";
    assert!(place.said().lines().last().is_some_and(|line| line.contains(refused)), "{}", place.said());
    assert_eq!(Status::of(service).unwrap().pid(), Some(pid));
    assert!(process::is_alive(pid));
}

#[test]
fn a_removed_supervise_directory_is_there_again_at_once() {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "pause");
    let mut events = place.events();
    let mut tree = Tree::supervise(&place, "one");
    let pid = events.next().pid;
    wait_for_pid(&service, Some(pid));
    let mut times = vec![];
    for _ in 0..5 {
        let since = Instant::now();
        remove_supervise(&service);
        look_until("it is supervised", || is_supervised(&service));
        wait_for_pid(&service, Some(pid));
        times.push(since.elapsed());
        assert_works(&place, &service, pid);
    }
    println!("supervise/ is there again after {times:?}");
    times.sort_unstable();
    assert!(times[times.len() / 2] < HEALED, "{times:?}");

    // the same where it is down
    control(&service, b"d").unwrap();
    wait_for_pid(&service, None);
    remove_supervise(&service);
    look_until("it is supervised", || is_supervised(&service));
    wait_for_pid(&service, None);
    assert_eq!(Status::of(&service).unwrap().want(), b'd');
    control(&service, b"u").unwrap();
    wait_for_pid(&service, Some(events.next().pid));
    tree.stop(&["one"]);
    assert_eq!(place.violations(), "");
}

#[test]
fn a_supervise_directory_that_is_removed_again_and_again_is_there_in_the_end() {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "pause");
    let mut events = place.events();
    let mut tree = Tree::svscan(&place);
    let mut pid = events.next().pid;
    let mut times = vec![];
    for _ in 0..3 {
        for _ in 0..20 {
            // it is waited for here where it is not there
            let since = Instant::now();
            remove_supervise(&service);
            times.push(since.elapsed());
        }
        kill(pid, Signal::SIGKILL).unwrap();
        remove_supervise(&service);
        pid = events.next().pid;
        remove_supervise(&service);
        let since = Instant::now();
        look_until("it is supervised", || is_supervised(&service));
        wait_for_pid(&service, Some(pid));
        times.push(since.elapsed());
        assert_works(&place, &service, pid);
    }
    times.sort_unstable();
    let slowest = times[times.len() - 1];
    println!("supervise/ is there again after {slowest:?} at most, removed {} times", times.len());
    // the slowest few may be the machine's
    assert!(times[times.len() * 9 / 10] < HEALED, "{times:?}");
    // what is there again is enough for a successor
    kill(tree.supervise_of(&service), Signal::SIGKILL).unwrap();
    look_until("it is gone", || !is_supervised(&service));
    look_until("it is supervised again", || is_supervised(&service));
    wait_for_pid(&service, Some(pid));
    assert_eq!(place.violations(), "");
    tree.stop(&["one"]);
    assert_eq!(place.violations(), "");
}

#[test]
fn nobody_can_reach_the_reference_without_its_directory() {
    let Some(reference) = Suite::reference() else { return };
    let place = Place::new(&reference);
    let service = place.add("one", "pause");
    let mut events = place.events();
    let _tree = Tree::supervise(&place, "one");
    let pid = events.next().pid;
    wait_for_pid(&service, Some(pid));
    remove_supervise(&service);
    kill(pid, Signal::SIGKILL).unwrap();
    // it lives, and warns
    assert_ne!(events.next().pid, pid);
    assert!(!is_supervised(&service));
    assert_eq!(control(&service, b"d"), Err(Errno::ENOENT));
}

/// Replaces a service directory by a new one of the same name.
fn reinstall(place: &Place, name: &str) {
    remove_whole(&place.service(name));
    place.add(name, "pause");
}

/// What is made again meanwhile is removed, too.
fn remove_whole(service: &Path) {
    while let Err(error) = fs::remove_dir_all(service) {
        assert!(matches!(error.raw_os_error(), Some(libc::ENOTEMPTY)), "{error}");
    }
}

#[test]
fn a_service_whose_directory_is_replaced_goes_on_until_it_ends_and_then_the_new_one_starts() {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "pause");
    place.add("two", "pause");
    let mut events = place.events();
    let mut tree = Tree::svscan(&place);
    let mut pids = [events.next(), events.next()];
    pids.sort_by(|a, b| a.service.cmp(&b.service));
    let [mut one, two] = pids.map(|start| start.pid);
    for _ in 0..3 {
        wait_for_pid(&service, Some(one));
        let old = tree.supervise_of(&service);
        reinstall(&place, "one");
        // one that comes later is started: the scan has been, and has left the new directory alone
        let name = format!("after-{one}");
        let later = place.add(&name, "pause");
        let start = events.next();
        assert_eq!(start.service, name);
        wait_for_pid(&later, Some(start.pid));
        assert!(process::is_alive(one) && process::is_alive(old), "{}", place.said());
        assert_eq!(place.violations(), "");
        assert!(!is_supervised(&service));

        kill(one, Signal::SIGKILL).unwrap();
        one = events.next_of("one", "run").pid;
        wait_for_pid(&service, Some(one));
        look_until("the old one is gone", || !process::is_alive(old));
        assert!(is_supervised(&service));
        assert_eq!(process::Process::of(one).unwrap().directory(), directory(&service));
    }
    assert!(process::is_alive(two));
    tree.stop(&[]);
    assert_eq!(place.violations(), "");
}

fn directory(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

#[test]
fn a_service_whose_directory_is_removed_is_not_started_again() {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "pause");
    let mut events = place.events();
    let mut tree = Tree::svscan(&place);
    let pid = events.next().pid;
    wait_for_pid(&service, Some(pid));
    let supervise = tree.supervise_of(&service);
    remove_whole(&service);
    place.add("two", "pause");
    assert_eq!(events.next().service, "two");
    assert!(process::is_alive(pid) && process::is_alive(supervise));
    kill(pid, Signal::SIGKILL).unwrap();
    look_until("its supervise ends", || !process::is_alive(supervise));
    tree.stop(&[]);
    assert_eq!(events.next_within(Duration::ZERO), None, "it has been started again");
}

#[test]
fn the_reference_starts_a_copy_in_a_directory_that_is_new() {
    let Some(reference) = Suite::reference() else { return };
    let place = Place::new(&reference);
    let service = place.add("one", "pause");
    let mut events = place.events();
    let _tree = Tree::svscan(&place);
    wait_for_pid(&service, Some(events.next().pid));
    reinstall(&place, "one");
    look_until("another copy complains", || place.violations().starts_with("one: there is another copy"));
}
