//! What changes while svscan runs: services appear, vanish and come back, a log is added, a supervise dies.

use crate::all_at_once::Slow;
use crate::ground::{ALL, Ground, OURS, Reference, SERVE, Way, each, script};
use crate::processes::{argv, descriptors, directory, is_alive, link, process};
use crate::restarts::idle_pair;
use crate::support::namespaces::{USER, may_unshare};
use crate::support::takes_less_than;
use crate::support::waiting::{PATIENCE, look_until};
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

pub const SLOW: &[Slow] = &[
    ("an_empty_directory_is_scanned_on", ALL, an_empty_directory_is_scanned_on),
    ("a_vanished_service_runs_on_and_is_forgotten_when_it_ends", ALL, a_vanished_service_runs_on),
    ("a_name_that_comes_back_as_another_directory_is_a_service_again", ALL, a_name_comes_back),
    ("a_directory_that_comes_back_is_the_same_service", ALL, a_directory_comes_back),
    ("a_service_that_is_renamed_is_started_by_its_new_name", ALL, another_name),
    ("a_log_that_is_added_is_used_from_the_next_start_on", ALL, a_log_is_added),
    ("hangup_ends_what_has_vanished", OURS, hangup_ends_what_has_vanished),
    ("where_nobody_may_enter_the_directory_for_a_while_nothing_else_is_scanned", OURS, no_way_back),
    ("a_scan_can_be_asked_for", OURS, a_scan_can_be_asked_for),
    ("without_inotify_there_is_a_scan_every_five_seconds", OURS, without_inotify),
    ("a_directory_that_changes_all_the_time_is_scanned_all_the_same", OURS, ceaseless_changes),
];

/// Waits until svscan has scanned once more, which a new service proves.
#[track_caller]
fn another_scan(tree: &mut Tree<'_>, marker: &str) {
    tree.ground.service(marker, SERVE);
    tree.all_up(&[marker]);
}

/// A logger that says that it is there, and what it has read.
pub const LOGGER: &str = "echo NAME/log up $$ >&8; exec cat >>lines";

fn an_empty_directory_is_scanned_on(way: Way) {
    let ground = Ground::new(way);
    let mut tree = ground.start();
    look_until("svscan waits", || process(tree.svscan).is_some_and(|it| it.comm == "svscan" && it.state == 'S'));
    ground.service("first", SERVE);
    tree.all_up(&["first"]);
    ground.service_with_log("second", SERVE, LOGGER);
    tree.all_up(&["second", "second/log"]);
    assert_eq!(link(tree.supervise("second").unwrap(), "fd/1"), link(tree.supervise("second/log").unwrap(), "fd/0"));
    assert_eq!(ground.messages(), "");
}

fn a_vanished_service_runs_on(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("gone", SERVE, LOGGER);
    let mut tree = ground.start();
    let service = tree.hears("gone up", 1);
    tree.all_up(&["gone/log"]);
    let [main, log] = ["gone", "gone/log"].map(|name| tree.supervise(name).unwrap());
    let pipe = link(main, "fd/1");
    let hidden = ground.hide("gone");
    another_scan(&mut tree, "marker");
    assert!([service, main, log].into_iter().all(is_alive));
    // ours sees the log off by itself
    for half in if way == Reference { &["", "/log"][..] } else { &[""] } {
        ground.tell(&ground.hidden(&hidden, half), "dx");
    }
    look_until("both supervises have ended", || ![main, log].into_iter().any(is_alive));
    look_until("svscan has closed the pipe", || !descriptors(tree.svscan).values().any(|target| *target == pipe));
    another_scan(&mut tree, "another-marker");
    assert_eq!(tree.supervises().len(), 2, "{:#?}", tree.shown());
}

/// The reference starts the new one beside the old one. Ours may wait for the end of that, as there would be two copies of one
/// service if all that has happened is that it was installed anew.
fn a_name_comes_back(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("a", SERVE, LOGGER);
    let mut tree = ground.start();
    tree.all_up(&["a", "a/log"]);
    let former = ["a", "a/log"].map(|name| tree.supervise(name).unwrap());
    let pipe = link(former[0], "fd/1");
    let hidden = ground.hide("a");
    ground.service_with_log("a", SERVE, LOGGER);
    if way == Reference {
        tree.hears("a up", 2);
    }
    another_scan(&mut tree, "marker");
    assert!(former.into_iter().all(is_alive), "the old one runs on");
    // ours sees the log off by itself
    for half in if way == Reference { &["", "/log"][..] } else { &[""] } {
        ground.tell(&ground.hidden(&hidden, half), "dx");
    }
    tree.hears("a up", 2);
    tree.hears("a/log up", 2);
    let latter = ["a", "a/log"].map(|name| tree.supervise(name).unwrap());
    look_until("the old one has ended", || !former.into_iter().any(is_alive));
    assert!(latter.into_iter().all(is_alive));
    assert_eq!(link(latter[0], "fd/1"), link(latter[1], "fd/0"));
    assert_ne!(link(latter[0], "fd/1"), pipe);
}

fn a_directory_comes_back(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("a", SERVE, LOGGER);
    let mut tree = ground.start();
    tree.all_up(&["a", "a/log"]);
    let hidden = ground.hide("a");
    another_scan(&mut tree, "marker");
    fs::rename(hidden, ground.service_at("a")).unwrap();
    another_scan(&mut tree, "another-marker");
    assert_eq!(tree.supervises().len(), 4, "{:#?}", tree.shown());
    assert_eq!(
        tree.voice.lines().iter().filter(|line| line.starts_with("a")).count(),
        3,
        "a, a/log and another-marker"
    );
    // it is restarted again, so it is not taken for vanished
    let main = tree.supervise("a").unwrap();
    ground.tell("a", "dx");
    tree.wait_for_successor("a", main);
}

/// The reference looks for a log when it first sees a service, and never again.
fn a_log_is_added(way: Way) {
    let ground = Ground::new(way);
    ground.service("a", SERVE);
    let mut tree = ground.start();
    tree.all_up(&["a"]);
    let former = tree.supervise("a").unwrap();
    let own = link(tree.svscan, "fd/1");
    fs::create_dir(ground.at("making/log")).unwrap();
    script(&ground.at("making/log/run"), &LOGGER.replace("NAME", "a"));
    fs::rename(ground.at("making/log"), ground.service_at("a/log")).unwrap();
    another_scan(&mut tree, "marker");
    assert!(is_alive(former), "it is not restarted for that");
    assert_eq!(tree.supervises().len(), 2, "{:#?}", tree.shown());
    ground.tell("a", "dx");
    tree.hears("a up", 2);
    let latter = tree.supervise("a").unwrap();
    if way == Reference {
        another_scan(&mut tree, "another-marker");
        assert_eq!((link(latter, "fd/1"), tree.supervise("a/log")), (own, None));
    } else {
        tree.all_up(&["a/log"]);
        assert_eq!(link(latter, "fd/1"), link(tree.supervise("a/log").unwrap(), "fd/0"));
    }
}

fn hangup_ends_what_has_vanished(way: Way) {
    let ground = Ground::new(way);
    let ends = "trap 'echo NAME ended $$ >&8; echo last; exit' TERM; echo first; echo NAME up $$ >&8; read x <&9";
    ground.service_with_log("gone", ends, LOGGER);
    ground.service("gone-too", ends);
    ground.service_with_log("stays", ends, LOGGER);
    symlink("../late", ground.service_at("late")).unwrap();
    let mut tree = ground.start();
    tree.all_up(&["gone", "gone/log", "gone-too", "stays", "stays/log"]);
    let stays = ["stays", "stays/log"].map(|name| tree.supervise(name).unwrap());
    let pipe = link(tree.supervise("gone").unwrap(), "fd/1");
    let hidden = ["gone", "gone-too"].map(|name| ground.hide(name));
    another_scan(&mut tree, "marker");
    assert!(!tree.voice.lines().iter().any(|line| line.contains("ended")), "not before it is asked for");
    ground.make(&ground.at("late"), "late", SERVE, None);
    tree.signal(Signal::SIGHUP);
    tree.hears("gone ended", 1);
    tree.hears("gone-too ended", 1);
    // it scans, too
    tree.all_up(&["late"]);
    look_until("the vanished have ended", || tree.supervises().len() == 4);
    look_until("svscan has closed their pipe", || !descriptors(tree.svscan).values().any(|target| *target == pipe));
    assert_eq!(fs::read_to_string(hidden[0].join("log/lines")).unwrap(), "first\nlast\n");
    assert!(stays.into_iter().all(is_alive));
    // what comes back is started anew
    fs::rename(&hidden[1], ground.service_at("gone-too")).unwrap();
    tree.hears("gone-too up", 2);
    assert!(!tree.voice.lines().iter().any(|line| line.starts_with("stays ended")));
}

/// A link to what does not exist yet: nothing happens in the directory itself when that comes into being.
fn a_scan_can_be_asked_for(way: Way) {
    let ground = Ground::new(way);
    symlink("../late", ground.service_at("late")).unwrap();
    ground.service("z", SERVE);
    let mut tree = ground.start();
    tree.all_up(&["z"]);
    ground.make(&ground.at("late"), "late", SERVE, None);
    let asked = Instant::now();
    tree.signal(Signal::SIGALRM);
    tree.all_up(&["late"]);
    assert!(asked.elapsed() < PATIENCE / 2, "that was the scan of once a minute");
}

fn without_inotify(way: Way) {
    if !may_unshare(USER) {
        return;
    }
    let ground = Ground::new(way);
    ground.service("first", SERVE);
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by(
        "exec unshare --user --map-root-user \
         sh -c 'echo 0 >/proc/sys/user/max_inotify_instances; exec \"$@\"' sh \"$@\"",
    );
    tree.all_up(&["first"]);
    assert!(!descriptors(tree.svscan).values().any(|target| target.contains("inotify")));
    for name in ["second", "third"] {
        let made = Instant::now();
        ground.service(name, SERVE);
        tree.all_up(&[name]);
        assert!(made.elapsed() < PATIENCE / 2, "that was the scan of once a minute");
    }
    // it may be said, but not each time
    assert!(ground.messages().lines().count() <= 1, "{}", ground.messages());
    tree.stop();
}

/// Each change may put the next scan off a little, but not for ever.
fn ceaseless_changes(way: Way) {
    let ground = Ground::new(way);
    let mut tree = ground.start();
    look_until("svscan waits", || process(tree.svscan).is_some_and(|it| it.comm == "svscan" && it.state == 'S'));
    let is_enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            while !is_enough.load(Relaxed) {
                fs::write(ground.service_at("file"), "").unwrap();
                fs::remove_file(ground.service_at("file")).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        for name in ["first", "second"] {
            let made = Instant::now();
            ground.service(name, SERVE);
            let is_up = tree.is_up_within(name, PATIENCE / 6);
            // or the scope would never end
            is_enough.store(!is_up || name == "second", Relaxed);
            assert!(is_up, "{name} is not up after {:?}", made.elapsed());
        }
        changes.join().unwrap();
    });
}

/// A service that goes by another name is still the same, but is started by its new name.
fn another_name(way: Way) {
    let ground = Ground::new(way);
    idle_pair(&ground);
    let mut tree = ground.start();
    let former = tree.wait_for_supervise("a");
    fs::rename(ground.service_at("a"), ground.service_at("b")).unwrap();
    another_scan(&mut tree, "marker");
    assert_eq!((tree.supervise("b"), argv(former)[1..].join(" ")), (Some(former), "a".to_owned()));
    signal_to(former, Signal::SIGKILL);
    let latter = tree.wait_for_successor("b", former);
    assert_eq!(argv(latter), ["supervise", "b"]);
    assert_eq!(link(latter, "fd/1"), link(tree.supervise("b/log").unwrap(), "fd/0"));
}

#[test]
fn a_new_service_is_up_well_under_a_second_after_it_has_appeared() {
    // one way after the other, so that they do not slow each other down
    for &way in OURS {
        each(&[way], |way| {
            let ground = Ground::new(way);
            let mut tree = ground.start();
            another_scan(&mut tree, "marker");
            let mut nth = 0;
            takes_less_than(Duration::from_secs(1), || {
                let mut taken: Vec<Duration> = Vec::new();
                for _ in 0..5 {
                    nth += 1;
                    let name = format!("service{nth}");
                    ground.service(&name, SERVE);
                    let appeared = Instant::now();
                    tree.all_up(&[name]);
                    taken.push(appeared.elapsed());
                }
                taken.sort();
                taken[taken.len() / 2]
            });
        });
    }
}

/// In a user namespace where root is nobody special to the file system. svscan goes to the directory of a log to tell it to end,
/// and cannot come back at once.
fn no_way_back(way: Way) {
    if !may_unshare(&["--user"]) {
        return;
    }
    let ground = Ground::new(way);
    ground.service("stays", SERVE);
    ground.service_with_log(
        "a",
        "trap 'echo NAME told $$ >&8' TERM; echo NAME up $$ >&8; while :; do read x <&9; done",
        LOGGER,
    );
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by("exec unshare --user \"$@\"");
    tree.all_up(&["stays", "a", "a/log"]);
    let log = tree.wait_for_supervise("a/log");
    ground.hide("a");
    tree.signal(Signal::SIGHUP);
    let service = tree.hears("a told", 1);
    let mode = |mode| fs::set_permissions(ground.at("service"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0);
    signal_to(service, Signal::SIGKILL);
    look_until("its log has ended", || !is_alive(log));
    tree.signal(Signal::SIGALRM);
    look_until("it has been asked to look", || {
        let status = fs::read_to_string(format!("/proc/{}/status", tree.svscan)).unwrap();
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        u64::from_str_radix(field("ShdPnd:"), 16).unwrap() == 0 && field("State:").starts_with('S')
    });
    mode(0o755);
    ground.service("later", SERVE);
    tree.all_up(&["later"]);
    assert_eq!(directory(tree.svscan), Some(ground.identity(".")));
    let former = tree.wait_for_supervise("stays");
    signal_to(former, Signal::SIGKILL);
    tree.wait_for_successor("stays", former);
    assert_eq!(tree.supervises().len(), 2, "{:#?}", tree.shown());
}
