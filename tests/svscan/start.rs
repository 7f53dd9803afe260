//! How svscan is called, what it is started with, and what of that its services get.

use crate::all_at_once::Slow;
use crate::ground::{
    ALL, Executed, Foreign, Forked, Ground, OURS, OWN, Reference, SERVE, Way, each, is_catena, script,
};
use crate::processes::{argv, descriptor_limits, descriptors, is_alive, link, process};
use crate::support::waiting::look_until;
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::symlink;

pub const SLOW: &[Slow] = &[
    ("dead_supervises_are_seen_where_children_are_ignored", ALL, ignored_children),
    ("closed_standard_files_are_dev_null_for_the_supervisors_and_closed_for_services", OURS, closed_standard_files),
    ("svscan_itself_can_be_logged", OURS, a_log_of_its_own),
];

/// What starts it ends at once, so the code and the message are all.
#[track_caller]
fn ends(way: Way, words: &[&str], code: i32, message: &str) {
    let ground = Ground::new(way);
    fs::write(ground.at("file"), "").unwrap();
    let mut tree = Tree::new(&ground, &[]);
    let program = ground.program("svscan");
    let top = ground.at("").display().to_string();
    let words: Vec<String> = words.iter().map(|word| word.replace("@/", &top)).collect();
    let all: Vec<&str> = [program.to_str().unwrap()].into_iter().chain(words.iter().map(String::as_str)).collect();
    let pid = tree.run(&all);
    assert_eq!(tree.code(pid), code, "{words:?}");
    let said = ground.messages().replace(&top, "@/");
    assert!(said.starts_with(message) && said.lines().count() == 1, "{words:?}: {said}");
    tree.is_gone();
}

#[test]
fn a_directory_that_cannot_be_entered_is_fatal() {
    each(&[Reference, Forked], |way| {
        ends(way, &["@/nowhere"], 111, "svscan: fatal: unable to chdir to @/nowhere: file does not exist\n");
        ends(way, &["@/file"], 111, "svscan: fatal: unable to chdir to @/file: not a directory\n");
        ends(way, &[""], 111, "svscan: fatal: unable to chdir to : file does not exist\n");
    });
}

/// The reference has no second argument, and ignores all after the first.
#[test]
fn more_than_two_arguments_are_wrong_usage() {
    each(&[Forked], |way| ends(way, &["@/service", ".log", "more"], 100, "svscan: usage: "));
}

#[test]
fn services_have_the_limit_on_descriptors_that_svscan_was_given() {
    each(ALL, |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", SERVE, "echo NAME/log up $$ >&8; exec cat");
        let mut tree = Tree::new(&ground, &[]);
        tree.start_svscan_by("ulimit -S -n 77; exec \"$@\"");
        let service = tree.hears("a up", 1);
        let logger = tree.hears("a/log up", 1);
        let supervises = ["a", "a/log"].map(|name| tree.supervise(name).unwrap());
        for pid in [service, logger].into_iter().chain(supervises) {
            assert_eq!(descriptor_limits(pid).0, "77", "{:?}", argv(pid));
        }
        let (soft, hard) = descriptor_limits(tree.svscan);
        // ours does not run out of descriptors before it must
        assert_eq!(soft, if way == Reference { "77" } else { &hard });
        assert_ne!(hard, "77");
    });
}

#[test]
fn services_have_the_signals_that_svscan_was_given() {
    each(ALL, |way| {
        let ground = Ground::new(way);
        ground.service_with_log(
            "a",
            "echo NAME up $$ >&8; exec sleep 1000000",
            "echo NAME/log up $$ >&8; exec sleep 1000000",
        );
        let mut tree = Tree::new(&ground, &[]);
        tree.start_svscan_by("trap '' HUP USR1 ALRM; exec \"$@\"");
        for name in ["a up", "a/log up"] {
            let service = tree.hears(name, 1);
            look_until("the shell has gone", || argv(service) == ["sleep", "1000000"]);
            let status = fs::read_to_string(format!("/proc/{service}/status")).unwrap();
            let mask = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                u64::from_str_radix(line.trim(), 16).unwrap()
            };
            let ignored: u64 =
                [libc::SIGHUP, libc::SIGUSR1, libc::SIGALRM].iter().map(|signal| 1 << (signal - 1)).sum();
            // those above belong to the C library
            let ordinary = (1 << 31) - 1;
            assert_eq!((mask("SigIgn:") & ordinary, mask("SigBlk:")), (ignored, 0));
        }
    });
}

/// The reference finds whatever goes by that name; ours is one program with its supervise.
#[test]
fn the_supervise_below_ours_is_our_own_whatever_the_path_has() {
    each(&[Reference, Forked, Executed], |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", SERVE, "echo NAME/log up $$ >&8; exec cat");
        fs::create_dir(ground.at("bin")).unwrap();
        script(&ground.at("bin/supervise"), "echo other up $$ >&8; read x <&9");
        let mut tree = Tree::new(&ground, &[]);
        tree.start_svscan_by(&format!("PATH={}:$PATH exec \"$@\"", ground.at("bin").display()));
        if way == Reference {
            tree.hears("other up", 2);
        } else {
            tree.all_up(&["a", "a/log"]);
            assert!(tree.supervises().iter().all(|it| is_catena(&ground, it.pid)), "{:#?}", tree.shown());
        }
    });
}

#[test]
fn an_empty_environment_will_do() {
    each(OWN, |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", SERVE, "echo NAME/log up $$ >&8; exec /bin/cat");
        let mut tree = Tree::new(&ground, &[]);
        let fuse = if way == Executed { "CATENA_FUSE=0" } else { "" };
        tree.start_svscan_by(&format!("exec env -i {fuse} \"$@\""));
        tree.all_up(&["a", "a/log"]);
        tree.stop();
        assert_eq!(ground.messages(), "");
    });
}

#[test]
fn svscan_called_by_way_of_catena_or_a_chain_is_the_same() {
    each(OWN, |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", SERVE, "echo NAME/log up $$ >&8; exec cat");
        let [catena, directory] = [ground.installed.applet("catena"), ground.at("service")];
        let [catena, directory] = [&catena, &directory].map(|path| path.to_str().unwrap());
        for front in [&[catena][..], &[catena, "softlimit", "-o", "500"], &[catena, "setsid"]] {
            let mut tree = Tree::new(&ground, &[]);
            // links look their programs up
            let path = format!("PATH={}:/usr/bin:/bin", ground.installed.path().display());
            let words: Vec<&str> = ["env", &path].iter().chain(front).copied().chain(["svscan", directory]).collect();
            tree.svscan = tree.run(&words);
            tree.hears("a up", 1);
            tree.all_up(&["a/log"]);
            if front.len() > 1 {
                // a link leaves nothing of itself to be seen
                let mut words = argv(tree.svscan);
                // but the room that its words had
                words.truncate(words.iter().rposition(|word| !word.is_empty()).map_or(0, |last| last + 1));
                assert_eq!(words, ["svscan", directory]);
                assert_eq!(process(tree.svscan).map(|it| it.comm).as_deref(), Some("svscan"));
            }
            assert!(tree.supervises().iter().all(|it| it.comm == "supervise"), "{:#?}", tree.shown());
            tree.stop();
        }
    });
}

/// Then the reference is told of no death, and does not notice any.
fn ignored_children(way: Way) {
    let ground = Ground::new(way);
    ground.service("a", SERVE);
    fs::write(ground.service_at("a/down"), "").unwrap();
    let mut tree = Tree::new(&ground, &[]);
    // a shell would not ignore this one
    tree.start_svscan_by("exec env --ignore-signal=CHLD \"$@\"");
    let former = tree.wait_for_supervise("a");
    look_until("svscan runs", || process(tree.svscan).is_some_and(|it| it.comm == "svscan"));
    let status = fs::read_to_string(format!("/proc/{}/status", tree.svscan)).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let is_ignored = u64::from_str_radix(mask.trim(), 16).unwrap() >> (libc::SIGCHLD - 1) & 1 == 1;
    assert_eq!(is_ignored, way == Reference);
    signal_to(former, Signal::SIGKILL);
    if way == Reference {
        look_until("it has gone", || !is_alive(former));
        for marker in ["marker", "another-marker"] {
            ground.service(marker, SERVE);
            tree.all_up(&[marker]);
        }
        assert_eq!(tree.supervise("a"), None);
    } else {
        tree.wait_for_successor("a", former);
        tree.stop();
    }
}

/// In the reference the first pipe lies where they were. Here nothing does, and services find them closed.
fn closed_standard_files(way: Way) {
    let ground = Ground::new(way);
    let sleep = "echo NAME up $$ >&8; exec sleep 1000000";
    ground.service_with_log("a", sleep, "echo NAME/log up $$ >&8; exec sleep 1000000");
    ground.service("plain", sleep);
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by("exec \"$@\" <&- >&- 2>&-");
    let targets = |pid: i32| [0, 1, 2].map(|number| link(pid, &format!("fd/{number}")));
    let services = ["a", "a/log", "plain"].map(|name| tree.hears(&format!("{name} up"), 1));
    let pipe = link(tree.supervise("a").unwrap(), "fd/1");
    assert!(pipe.starts_with("pipe:["), "{pipe}");
    let expected = [["", &pipe, ""], [&pipe, "", ""], ["", "", ""]];
    // a program that is being loaded has the lowest numbers for its libraries
    for (service, expected) in services.into_iter().zip(expected) {
        look_until("the shell has gone", || argv(service) == ["sleep", "1000000"]);
        look_until("it sleeps", || process(service).is_some_and(|it| it.state == 'S'));
        assert_eq!(targets(service), expected, "{:?}", descriptors(service));
    }
    let null = "/dev/null";
    assert_eq!(targets(tree.svscan), [null; 3]);
    if way != Foreign {
        let supervises = ["a", "a/log", "plain"].map(|name| targets(tree.supervise(name).unwrap()));
        assert_eq!(supervises, [[null, &pipe, null], [&pipe, null, null], [null; 3]]);
    }
    tree.stop();
}

/// encore's second argument. Its name may begin with a dot, since it is not found by looking.
fn a_log_of_its_own(way: Way) {
    let ground = Ground::new(way);
    let logger = "echo NAME up $$ >&8; cat >>lines; echo NAME ended $$ >&8";
    ground.make(&ground.service_at(".all"), "all", logger, None);
    let talks = "echo from NAME; echo complaint of NAME >&2; echo NAME up $$ >&8; \
                 trap 'echo last of NAME; echo NAME ended $$ >&8; exit' TERM; read x <&9";
    ground.service("a", talks);
    ground.service("b", talks);
    symlink("nowhere", ground.service_at("dangling")).unwrap();
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by("exec \"$@\" .all");
    tree.all_up(&["all", "a", "b"]);
    let first = tree.supervise(".all").unwrap();
    assert_eq!(argv(first), ["supervise", ".all"]);
    let pipe = link(first, "fd/0");
    assert!(pipe.starts_with("pipe:["), "{pipe}");
    let targets = |pid: i32| [1, 2].map(|number| link(pid, &format!("fd/{number}")));
    for pid in [tree.svscan, tree.supervise("a").unwrap(), tree.supervise("b").unwrap()] {
        assert_eq!(targets(pid), [&*pipe, &*pipe], "{:?}", argv(pid));
    }
    assert!(
        !descriptors(first).iter().any(|(number, target)| *number != 0 && *target == pipe),
        "or it would never end"
    );
    tree.stop();
    let lines = fs::read_to_string(ground.service_at(".all/lines")).unwrap();
    let mut sorted: Vec<&str> = lines.lines().collect();
    sorted.sort_unstable();
    let warning = "svscan: warning: unable to stat dangling: file does not exist";
    let expected = ["complaint of a", "complaint of b", "from a", "from b", "last of a", "last of b", warning];
    assert_eq!(sorted, expected);
    let heard = tree.voice.lines();
    assert!(heard.last().unwrap().starts_with("all ended "), "{heard:?}");
}
