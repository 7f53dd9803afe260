//! svscan is killed, and another one started on the same directory: it takes over what runs and the pipes to the loggers, as if
//! nothing had happened.

use crate::all_at_once::Slow;
use crate::ground::{ALL, Ground, OWN, SERVE, Way};
use crate::lines::{LOGGER, WRITER, assert_complete, wait_for_lines};
use crate::processes::{descriptors, is_alive, is_for_writing, link};
use crate::support::waiting::look_until;
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;

pub const SLOW: &[Slow] = &[
    ("a_killed_svscan_has_a_successor_that_goes_on", OWN, a_successor_goes_on),
    ("an_svscan_killed_with_the_service_s_supervise_has_one", OWN, |way| killed_together(way, &["a"])),
    ("an_svscan_killed_with_the_logger_s_supervise_has_one", OWN, |way| killed_together(way, &["a/log"])),
    ("an_svscan_killed_with_both_supervises_has_one", OWN, |way| killed_together(way, &["a", "a/log"])),
    ("an_svscan_killed_with_all_but_the_service_has_one", OWN, all_but_the_service),
    ("the_log_of_svscan_itself_is_taken_over_too", OWN, own_log),
    ("what_has_vanished_before_the_successor_came_is_left_alone", OWN, vanished_before),
    ("a_successor_makes_no_second_copies", ALL, no_second_copies),
];

/// Waits until svscan has both ends of a pipe.
#[track_caller]
fn has_taken(tree: &Tree<'_>, pipe: &str) {
    look_until("svscan has the pipe", || {
        let all = descriptors(tree.svscan).into_iter().filter(|(_, target)| target == pipe);
        let ends: BTreeSet<bool> = all.map(|(number, _)| is_for_writing(tree.svscan, number)).collect();
        ends.len() == 2
    });
}

/// Kills svscan and starts another.
fn replace(tree: &mut Tree<'_>, signal: Signal) {
    tree.signal(signal);
    tree.code(tree.svscan);
    tree.start_svscan();
}

/// A pair and a service without a log.
fn grow(ground: &Ground) -> (Tree<'_>, String) {
    ground.service_with_log("a", WRITER, LOGGER);
    ground.service("plain", SERVE);
    let mut tree = ground.start();
    tree.all_up(&["a", "a/log", "plain"]);
    wait_for_lines(ground, &["a"]);
    let pipe = link(tree.supervise("a").unwrap(), "fd/1");
    (tree, pipe)
}

/// How often each has said that it is up.
fn starts(tree: &mut Tree<'_>) -> [usize; 3] {
    let lines = tree.voice.lines();
    ["a up ", "a/log up ", "plain up "].map(|said| lines.iter().filter(|line| line.starts_with(said)).count())
}

const NAMES: [&str; 3] = ["a", "a/log", "plain"];

fn a_successor_goes_on(way: Way) {
    let ground = Ground::new(way);
    let (mut tree, pipe) = grow(&ground);
    let supervises = NAMES.map(|name| tree.supervise(name));
    // the second time after it has let go by itself
    for (signal, marker) in [(Signal::SIGKILL, "first"), (Signal::SIGQUIT, "second")] {
        replace(&mut tree, signal);
        has_taken(&tree, &pipe);
        ground.service(marker, SERVE);
        tree.all_up(&[marker]);
        assert_eq!(NAMES.map(|name| tree.supervise(name)), supervises);
        assert_eq!(starts(&mut tree), [1, 1, 1], "{:#?}", tree.shown());
    }
    assert_eq!(tree.supervises().len(), 5, "{:#?}", tree.shown());
    // it restarts what it has not started itself, with the same pipe, and supervise finds its service
    for (name, number) in [("a", "fd/1"), ("a/log", "fd/0"), ("plain", "")] {
        let former = tree.supervise(name).unwrap();
        signal_to(former, Signal::SIGKILL);
        let latter = tree.wait_for_successor(name, former);
        if !number.is_empty() {
            assert_eq!(link(latter, number), pipe);
        }
        look_until("it can be told", || ground.try_to_tell(name, "u").is_ok());
    }
    assert_eq!(starts(&mut tree), [1, 1, 1]);
    // the next life of the service writes into the same pipe
    ground.tell("a", "t");
    tree.hears("a up", 2);
    tree.stop();
    assert_complete(&ground, &["a"]);
    assert_eq!(ground.messages(), "");
}

/// Nobody but the service and its logger has the pipe any more.
fn killed_together(way: Way, names: &[&str]) {
    let ground = Ground::new(way);
    let (mut tree, pipe) = grow(&ground);
    let former: Vec<i32> = names.iter().map(|name| tree.supervise(name).unwrap()).collect();
    tree.signal(Signal::SIGKILL);
    for &pid in &former {
        signal_to(pid, Signal::SIGKILL);
    }
    tree.code(tree.svscan);
    tree.start_svscan();
    has_taken(&tree, &pipe);
    for (name, former) in names.iter().zip(former) {
        let latter = tree.wait_for_successor(name, former);
        assert_eq!(link(latter, if *name == "a" { "fd/1" } else { "fd/0" }), pipe);
        look_until("it can be told", || ground.try_to_tell(name, "u").is_ok());
    }
    assert_eq!((tree.supervises().len(), starts(&mut tree)), (3, [1, 1, 1]), "{:#?}", tree.shown());
    ground.tell("a", "t");
    tree.hears("a up", 2);
    tree.stop();
    assert_complete(&ground, &["a"]);
}

/// Only a service that has nothing to say meanwhile can live through that.
fn all_but_the_service(way: Way) {
    let ground = Ground::new(way);
    let quiet = "trap 'echo last; exit' TERM; echo first; echo NAME up $$ >&8; read x <&9";
    ground.service_with_log("a", quiet, "echo NAME/log up $$ >&8; exec cat >>lines");
    let mut tree = ground.start();
    let service = tree.hears("a up", 1);
    let logger = tree.hears("a/log up", 1);
    let logged = || std::fs::read_to_string(ground.service_at("a/log/lines")).unwrap_or_default();
    look_until("the first line is logged", || logged() == "first\n");
    let supervises = ["a", "a/log"].map(|name| tree.supervise(name).unwrap());
    let pipe = link(supervises[0], "fd/1");
    for pid in [tree.svscan, supervises[0], supervises[1], logger] {
        signal_to(pid, Signal::SIGKILL);
    }
    tree.code(tree.svscan);
    look_until("all of them have gone", || !supervises.into_iter().chain([logger]).any(is_alive));
    tree.start_svscan();
    tree.hears("a/log up", 2);
    assert_eq!(link(tree.supervise("a/log").unwrap(), "fd/0"), pipe);
    assert!(is_alive(service));
    tree.stop();
    assert_eq!(logged(), "first\nlast\n");
    assert_eq!(tree.voice.lines().iter().filter(|line| line.starts_with("a up ")).count(), 1);
}

/// What is started with a log of its own has that after the first svscan, too.
fn own_log(way: Way) {
    let ground = Ground::new(way);
    ground.make(&ground.service_at(".all"), "all", "echo NAME up $$ >&8; exec cat >>lines", None);
    let says = "trap 'echo NAME: last; exit' TERM; echo NAME: first; echo NAME up $$ >&8; read x <&9";
    ground.service("a", says);
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by("exec \"$@\" .all");
    tree.all_up(&["all", "a"]);
    let kept = [".all", "a"].map(|name| tree.supervise(name).unwrap());
    let pipe = link(kept[0], "fd/0");
    tree.signal(Signal::SIGKILL);
    tree.code(tree.svscan);
    tree.start_svscan_by("exec \"$@\" .all");
    ground.service("b", says);
    tree.all_up(&["b"]);
    assert_eq!([".all", "a"].map(|name| tree.supervise(name).unwrap()), kept);
    assert_eq!(["fd/1", "fd/2"].map(|number| link(tree.svscan, number)), [&*pipe, &*pipe]);
    // and is started again with it
    signal_to(kept[0], Signal::SIGKILL);
    assert_eq!(link(tree.wait_for_successor(".all", kept[0]), "fd/0"), pipe);
    // by what changes nothing: u would start the logger once more if it has ended before that is read
    look_until("it can be told", || ground.try_to_tell(".all", "=").is_ok());
    tree.stop();
    let lines = std::fs::read_to_string(ground.service_at(".all/lines")).unwrap();
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a: first", "a: last", "b: first", "b: last"]);
    assert_eq!(tree.voice.lines().len(), 3, "none of the services was started twice: {:?}", tree.voice.lines());
}

/// It is not in the directory, so nothing tells of it.
fn vanished_before(way: Way) {
    let ground = Ground::new(way);
    let (mut tree, _) = grow(&ground);
    let supervises = ["a", "a/log"].map(|name| tree.supervise(name).unwrap());
    let hidden = ground.hide("a");
    replace(&mut tree, Signal::SIGKILL);
    ground.service("marker", SERVE);
    tree.all_up(&["marker"]);
    assert!(supervises.into_iter().all(is_alive));
    assert_eq!(starts(&mut tree), [1, 1, 1]);
    // and when it is there again it is known
    std::fs::rename(hidden, ground.service_at("a")).unwrap();
    ground.service("another-marker", SERVE);
    tree.all_up(&["another-marker"]);
    assert_eq!(["a", "a/log"].map(|name| tree.supervise(name).unwrap()), supervises);
    tree.stop();
    assert_complete(&ground, &["a"]);
}

/// Whatever else: locks keep the second supervise out.
fn no_second_copies(way: Way) {
    let ground = Ground::new(way);
    let (mut tree, _) = grow(&ground);
    replace(&mut tree, Signal::SIGKILL);
    for marker in ["marker", "another-marker"] {
        ground.service(marker, SERVE);
        tree.all_up(&[marker]);
    }
    assert_eq!(starts(&mut tree), [1, 1, 1]);
}
