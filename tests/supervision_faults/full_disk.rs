//! A disk that is full while states change: the status is true all the same, commands work, an end is an end.

use crate::keeper;
use crate::place::Place;
use crate::process;
use crate::status::{Status, control, is_supervised};
use crate::suite::Suite;
use crate::support::waiting::look_until;
use crate::tree::Tree;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Pages of the disk, and files.
const PAGES: usize = 64;
const FILES: usize = 64;
/// Within what time a supervise ends on TERM, on a machine that has much else to do.
const END: Duration = Duration::from_secs(5);

/// How the disk is full.
type Fill = fn(&Place);

const WAYS: [(&str, Fill); 2] =
    [("no page", |place| place.disk().fill()), ("no file", |place| place.disk().fill_with_files())];

/// Both at the same time.
fn each_way(test: impl Fn(&str, Fill) + Sync) {
    std::thread::scope(|scope| {
        for (way, fill) in WAYS {
            let test = &test;
            scope.spawn(move || test(way, fill));
        }
    });
}

#[track_caller]
fn wait_for_pid(service: &Path, is_right: impl Fn(Option<Pid>) -> bool) {
    look_until("the status is true", || Status::of(service).is_some_and(|status| is_right(status.pid())));
}

/// What supervise has said about the status file. It may also have trouble with the file of its own.
fn warnings(place: &Place) -> (usize, usize) {
    let said = place.said();
    for line in said.lines() {
        assert!(line.starts_with("supervise: warning: unable to "), "{said}");
    }
    let of_info = said.lines().filter(|line| line.contains("supervise/info")).count();
    (said.lines().count() - of_info, of_info)
}

#[test]
fn the_status_is_true_while_the_disk_is_full() {
    each_way(|way, fill| {
        let Some(place) = Place::on_disk(&Suite::ours(), PAGES, FILES) else { return };
        let service = place.add("one", "pause");
        let mut events = place.events();
        let mut tree = Tree::supervise(&place, "one");
        let mut pid = events.next().pid;
        wait_for_pid(&service, |up| up == Some(pid));
        for trouble in 1..=2 {
            // what is written behind the status frees the page of what it replaces
            let info = service.join("supervise/info");
            let line = format!("\npid={pid}\n");
            look_until("all is written", || fs::read_to_string(&info).is_ok_and(|text| text.contains(&line)));
            fill(&place);
            for _ in 0..2 {
                control(&service, b"d").unwrap();
                wait_for_pid(&service, |up| up.is_none());
                assert!(!process::is_alive(pid));
                assert_eq!(Status::of(&service).unwrap().want(), b'd');
                control(&service, b"u").unwrap();
                pid = events.next().pid;
                wait_for_pid(&service, |up| up == Some(pid));
                control(&service, b"k").unwrap();
                pid = events.next().pid;
                wait_for_pid(&service, |up| up == Some(pid));
            }
            let (status, info) = warnings(&place);
            assert!(status == trouble && info <= trouble, "{way}: {}", place.said());
            place.disk().make_room();
            control(&service, b"d").unwrap();
            wait_for_pid(&service, |up| up.is_none());
            control(&service, b"u").unwrap();
            pid = events.next().pid;
            wait_for_pid(&service, |up| up == Some(pid));
            assert!(!service.join("supervise/status.new").exists(), "{way}");
        }
        tree.stop(&["one"]);
        assert_eq!(place.violations(), "");
    });
}

/// On a full disk the file is overwritten where it lies; but not if it is somebody's under another name.
#[test]
fn a_file_with_another_name_is_not_overwritten_on_a_full_disk() {
    let Some(place) = Place::on_disk(&Suite::ours(), PAGES, FILES) else { return };
    let service = place.add("one", "pause");
    let mut events = place.events();
    let mut tree = Tree::supervise(&place, "one");
    let pid = events.next().pid;
    wait_for_pid(&service, |up| up == Some(pid));
    let victim = service.join("victim");
    std::fs::hard_link(service.join("supervise/status"), &victim).unwrap();
    let before = std::fs::read(&victim).unwrap();
    place.disk().fill();
    control(&service, b"d").unwrap();
    look_until("it is gone", || !process::is_alive(pid));
    look_until("a warning", || warnings(&place).0 >= 1);
    control(&service, b"u").unwrap();
    let pid = events.next().pid;
    assert_eq!(std::fs::read(&victim).unwrap(), before);
    place.disk().make_room();
    wait_for_pid(&service, |up| up == Some(pid));
    assert_eq!(std::fs::read(&victim).unwrap(), before);
    tree.stop(&["one"]);
    assert_eq!(place.violations(), "");
}

/// It warns, and then says for as long as nothing else happens that the service is up.
#[test]
fn the_references_status_is_false_when_the_disk_has_been_full() {
    let Some(reference) = Suite::reference() else { return };
    each_way(|way, fill| {
        let Some(place) = Place::on_disk(&reference, PAGES, FILES) else { return };
        let service = place.add("one", "pause");
        let mut events = place.events();
        let mut tree = Tree::supervise(&place, "one");
        let pid = events.next().pid;
        wait_for_pid(&service, |up| up == Some(pid));
        fill(&place);
        control(&service, b"d").unwrap();
        look_until("it is gone", || !process::is_alive(pid));
        // of the command, and of the end
        look_until("two warnings", || warnings(&place).0 >= 2);
        assert_eq!(Status::of(&service).unwrap().pid(), Some(pid), "{way}");
        place.disk().make_room();
        assert_eq!(Status::of(&service).unwrap().pid(), Some(pid), "{way}");
        control(&service, b"x").unwrap();
        assert_eq!(tree.code(), 0);
    });
}

/// Its successor must know of a service that was started while nothing could be written.
#[test]
fn a_supervise_that_is_killed_while_the_disk_is_full_leaves_no_copy_to_its_successor() {
    each_way(|way, fill| {
        let Some(place) = Place::on_disk(&Suite::ours(), PAGES, FILES) else { return };
        let service = place.add("one", "pause");
        let mut events = place.events();
        let supervise = place.suite.program("supervise");
        let mut tree = Tree::start(&place, &[keeper::AGAIN.as_ref(), supervise.as_ref()], "one", |_| ());
        let mut pid = events.next().pid;
        wait_for_pid(&service, |up| up == Some(pid));
        fill(&place);
        for _ in 0..3 {
            kill(pid, Signal::SIGKILL).unwrap();
            pid = events.next().pid;
            wait_for_pid(&service, |up| up == Some(pid));
            tree.kill_program();
            tree.next_pid();
            look_until("it has a successor", || is_supervised(&service));
            wait_for_pid(&service, |up| up == Some(pid));
            assert_eq!(place.violations(), "", "{way}");
        }
        tree.stop(&["one"]);
        assert!(!process::is_alive(pid));
        assert_eq!(place.violations(), "", "{way}");
    });
}

#[test]
fn a_supervise_starts_and_ends_on_a_full_disk() {
    each_way(|way, fill| {
        let Some(place) = Place::on_disk(&Suite::ours(), PAGES, FILES) else { return };
        let service = place.add("one", "pause");
        let mut events = place.events();
        let mut before = Tree::supervise(&place, "one");
        events.next();
        before.stop(&["one"]);
        fill(&place);
        let mut tree = Tree::supervise(&place, "one");
        let pid = events.next().pid;
        wait_for_pid(&service, |up| up == Some(pid));
        let asked = Instant::now();
        tree.stop(&["one"]);
        let time = asked.elapsed();
        assert!(time < END, "{way}: {time:?}");
        assert!(!process::is_alive(pid));
    });
}

/// Where it has never run it cannot, says why, and starts nothing.
#[test]
fn a_supervise_that_cannot_make_its_directory_ends() {
    for suite in Suite::all() {
        let Some(place) = Place::on_disk(&suite, PAGES, FILES) else { return };
        place.add("one", "pause");
        let mut events = place.events();
        place.disk().fill_with_files();
        let mut tree = Tree::supervise(&place, "one");
        assert_eq!(tree.code(), 111);
        tree.wait_until_gone();
        assert!(place.said().starts_with("supervise: fatal: unable to "), "{}", place.said());
        assert_eq!(events.next_within(Duration::ZERO), None);
    }
}

/// multilog gives up on a full disk ten seconds after it has been asked to end, which it is after the five in which it has read
/// nothing.
#[test]
fn a_tree_ends_on_a_full_disk() {
    const LOGGER: Duration = Duration::from_secs(10);
    let Some(place) = Place::on_disk(&Suite::ours(), PAGES, FILES) else { return };
    let service = place.add_logged("one", "write");
    place.add("two", "pause");
    let mut events = place.events();
    let mut tree = Tree::svscan(&place);
    let started: Vec<Pid> = (0..3).map(|_| events.next().pid).collect();
    let current = place.main_log("one").join("current");
    look_until("lines are logged", || fs::metadata(&current).is_ok_and(|about| about.len() > 1000));
    place.disk().fill();
    look_until("the logger waits", || place.said().contains("multilog: warning: unable to write to ./main/current"));
    let asked = Instant::now();
    tree.stop(&[]);
    let time = asked.elapsed();
    assert!(time < LOGGER + 2 * END, "{time:?}");
    println!("a tree on a full disk has ended after {time:?}");
    assert!(started.into_iter().all(|pid| !process::is_alive(pid)));
    assert!(Status::of(&service).unwrap().says_stopped());
    assert!(Status::of(&service.join("log")).unwrap().says_stopped());
    assert_eq!(place.violations(), "");
}
