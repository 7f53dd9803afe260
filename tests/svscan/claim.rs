//! One svscan for a directory: another one refuses and touches nothing, as long as the first lives, and no longer. In the
//! reference, and where the supervises are all that is locked, both run side by side.

use crate::all_at_once::Slow;
use crate::ground::{Foreign, Forked, Ground, OURS, OWN, Reference, SERVE, Way, each};
use crate::lines::{LOGGER, WRITER, assert_complete, wait_for_lines};
use crate::processes::{children, descriptors, is_alive, process};
use crate::support::namespaces::{FIRST, MOUNTS, may_unshare};
use crate::support::peer;
use crate::support::waiting::{look_for, look_until};
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

pub const SLOW: &[Slow] = &[
    ("of_two_svscans_started_at_once_one_runs_fifty_times", OWN, fifty_races),
    ("the_successor_of_a_killed_svscan_need_not_wait_for_its_death", OWN, successors_at_once),
    ("two_svscans_of_the_reference_run_side_by_side", &[Reference], side_by_side),
];

/// The file that is locked.
const LOCK: &str = ".svscan.lock";

fn refusal(pid: i32) -> String {
    format!("svscan: fatal: another svscan runs here (pid {pid})\n")
}

/// All files below a directory, and what a change of them would change.
fn snapshot(of: &Path) -> BTreeMap<PathBuf, (u64, u64, i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut left = vec![of.to_owned()];
    while let Some(path) = left.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let text = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.insert(path, (about.ino(), about.size(), about.mtime(), about.mtime_nsec(), text));
    }
    found
}

/// What runs, but for what comes and goes.
fn supervises(tree: &Tree<'_>) -> Vec<i32> {
    let mut all: Vec<i32> = tree.supervises().iter().map(|it| it.pid).collect();
    all.sort_unstable();
    all
}

/// Starts an svscan where another one lives, by words of the test's, which refuses.
#[track_caller]
fn is_refused(tree: &mut Tree<'_>, words: &[&str], said: &str) {
    let before = (tree.ground.messages(), supervises(tree), snapshot(&tree.ground.at("service")));
    let second = tree.run(words);
    assert_eq!(tree.code(second), 111, "{words:?}: {}", tree.ground.messages());
    let messages = tree.ground.messages();
    assert_eq!(messages.strip_prefix(&before.0), Some(said), "{words:?}");
    assert_eq!(supervises(tree), before.1, "{words:?}");
    let after = snapshot(&tree.ground.at("service"));
    // the reference's supervise writes its status once more a second after a start
    let is_its_own =
        |path: &Path| tree.ground.way == Foreign && (path.ends_with("supervise") || path.ends_with("status"));
    let is_changed = |path: &&PathBuf| before.2.get(*path) != after.get(*path) && !is_its_own(path);
    let changed: Vec<&PathBuf> = before.2.keys().chain(after.keys()).filter(is_changed).collect();
    assert!(changed.is_empty(), "{words:?}: {changed:?}");
}

#[test]
fn a_second_svscan_refuses_and_touches_nothing() {
    each(OURS, |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", SERVE, LOGGER);
        ground.service("plain", SERVE);
        let mut tree = ground.start();
        tree.all_up(&["a", "a/log", "plain"]);
        look_until("it can be told", || ["a", "plain"].iter().all(|name| ground.try_to_tell(name, "").is_ok()));
        let svscan = ground.program("svscan");
        let (svscan, directory) = (svscan.to_str().unwrap(), ground.at("service"));
        symlink("service", ground.at("another-name")).unwrap();
        let other = ground.at("another-name");
        look_until("all is written", || {
            let shows_pid = |name: &&str| {
                let status = fs::read(ground.service_at(name).join("supervise/status")).unwrap_or_default();
                status.get(12..16).is_some_and(|pid| pid != [0; 4])
            };
            ["a", "a/log", "plain"].iter().all(shows_pid)
        });
        let said = refusal(tree.svscan);
        is_refused(&mut tree, &[svscan, directory.to_str().unwrap()], &said);
        is_refused(&mut tree, &[svscan, other.to_str().unwrap()], &said);
        // the current one
        is_refused(&mut tree, &[svscan], &said);
        // nor is its own log started
        is_refused(&mut tree, &[svscan, directory.to_str().unwrap(), "a"], &said);
        assert_eq!(tree.voice.lines().len(), 3, "{:?}", tree.voice.lines());
        // the first one goes on
        ground.service("marker", SERVE);
        tree.all_up(&["marker"]);
        tree.stop();
        assert_eq!(ground.messages(), said.repeat(4));
        // and is no reason to refuse any more
        tree.start_svscan();
        tree.hears("a up", 2);
        tree.stop();
    });
}

/// As long as it lives: a service takes its time.
#[test]
fn an_svscan_that_is_ending_is_not_followed_before_it_has_ended() {
    each(OURS, |way| {
        let ground = Ground::new(way);
        ground.service("slow", "trap 'echo NAME ending $$ >&8' TERM; echo NAME up $$ >&8; read x <&9; read x <&9");
        let mut tree = ground.start();
        let service = tree.hears("slow up", 1);
        tree.signal(Signal::SIGTERM);
        tree.hears("slow ending", 1);
        let svscan = ground.program("svscan");
        let second = tree.run(&[svscan.to_str().unwrap(), ground.at("service").to_str().unwrap()]);
        assert_eq!(tree.code(second), 111);
        assert_eq!(ground.messages(), refusal(tree.svscan));
        signal_to(service, Signal::SIGKILL);
        assert_eq!(tree.code(tree.svscan), 0);
        tree.is_gone();
    });
}

/// Nothing of the tree has the lock but svscan: it is free when that is gone.
#[test]
fn nobody_inherits_the_lock() {
    each(OURS, |way| {
        let ground = Ground::new(way);
        ground.service("a", SERVE);
        let mut tree = ground.start();
        let service = tree.hears("a up", 1);
        let supervise = tree.supervise("a").unwrap();
        let has_lock = |pid: i32| descriptors(pid).values().any(|target| target.ends_with(LOCK));
        assert!(has_lock(tree.svscan));
        assert!(!has_lock(service) && !has_lock(supervise));
        let about = fs::metadata(ground.service_at(LOCK)).unwrap();
        assert_eq!((about.mode() & 0o7777, about.len()), (0o600, 0));
    });
}

/// Whoever removes it has not made it free: what runs tells.
#[test]
fn an_svscan_whose_lock_was_removed_is_found_by_its_supervises() {
    each(OWN, |way| {
        let ground = Ground::new(way);
        ground.service("a", SERVE);
        let mut tree = ground.start();
        tree.all_up(&["a"]);
        look_until("it tells of itself", || ground.service_at("a/supervise/info").exists());
        fs::remove_file(ground.service_at(LOCK)).unwrap();
        let first = tree.svscan;
        let second = tree.start_svscan();
        assert_eq!(tree.code(second), 111);
        assert_eq!(ground.messages(), refusal(first));
        // the supervise of one that is gone tells of none
        signal_to(first, Signal::SIGKILL);
        tree.code(first);
        fs::remove_file(ground.service_at(LOCK)).unwrap();
        tree.start_svscan();
        ground.service("marker", SERVE);
        tree.all_up(&["marker"]);
        tree.stop();
    });
}

#[test]
fn what_is_no_lock_is_left_as_it_is() {
    type Make = fn(&Path, &Path);
    let cases: [(&str, Make); 4] = [
        ("link", |lock, victim| symlink(victim, lock).unwrap()),
        ("second name", |lock, victim| fs::hard_link(victim, lock).unwrap()),
        ("fifo", |lock, _| mkfifo(lock, Mode::S_IRWXU).unwrap()),
        ("directory", |lock, _| fs::create_dir(lock).unwrap()),
    ];
    for (case, make) in cases {
        let ground = Ground::new(Forked);
        ground.service("a", SERVE);
        let (lock, victim) = (ground.service_at(LOCK), ground.at("victim"));
        fs::write(&victim, "as it was").unwrap();
        make(&lock, &victim);
        let before = (snapshot(&lock), snapshot(&victim));
        let mut tree = ground.start();
        assert_eq!(tree.code(tree.svscan), 111, "{case}");
        tree.is_gone();
        assert_eq!(
            ground.messages(),
            "svscan: fatal: unable to use .svscan.lock: it is no lock of svscan's\n",
            "{case}"
        );
        assert_eq!((snapshot(&lock), snapshot(&victim)), before, "{case}");
    }
}

/// Whose number is not to be had.
#[test]
fn an_svscan_outside_of_the_namespace_is_seen_all_the_same() {
    if !may_unshare(FIRST) {
        return;
    }
    each(&[Forked], |way| {
        let ground = Ground::new(way);
        ground.service("a", SERVE);
        let mut tree = ground.start();
        tree.all_up(&["a"]);
        let (svscan, directory) = (ground.program("svscan"), ground.at("service"));
        let words = [svscan.to_str().unwrap(), directory.to_str().unwrap()];
        let second = tree.run(&[&["unshare"], FIRST, &["--"], &words].concat());
        assert_eq!(tree.code(second), 111);
        assert_eq!(ground.messages(), "svscan: fatal: another svscan runs here\n");
    });
}

/// Makes a directory that cannot be written to, with the supervise directories elsewhere, starts an svscan, then another
/// one, and ends the first. The arguments: how the supervise directories are found, the directory of services, svscan.
const READ_ONLY: &str = "\
set -e
how=$1 top=$2 directory=$2/service svscan=$3
mkdir \"$top/elsewhere\"
if [ \"$how\" = linked ]; then ln -s \"$top/elsewhere/a\" \"$directory/a/supervise\"
else SUPERVISEDIR=$top/elsewhere; export SUPERVISEDIR; fi
mount --bind \"$directory\" \"$directory\"
mount -o remount,bind,ro \"$directory\"
\"$svscan\" \"$directory\" &
read up <\"$top/up\"
code=0
\"$svscan\" \"$directory\" || code=$?
echo \"$code $!\" >\"$top/second\"
kill \"$!\"
wait \"$!\"";

#[test]
fn a_directory_that_cannot_be_written_to_has_one_svscan_too() {
    if !may_unshare(MOUNTS) {
        return;
    }
    for how in ["linked", "elsewhere"] {
        each(OWN, |way| {
            let ground = Ground::new(way);
            // when it is up, its supervise has told of itself
            let tells = "until grep -q ^pid=$$ ../../elsewhere/*/info; do :; done";
            ground.service("a", &format!("{tells}\necho NAME up $$ >&8; echo >../../up; read x <&9"));
            mkfifo(&ground.at("up"), Mode::S_IRWXU).unwrap();
            let mut tree = Tree::new(&ground, &[]);
            let (svscan, top) = (ground.program("svscan"), ground.at(""));
            let words = ["sh", "-c", READ_ONLY, "sh", how, top.to_str().unwrap(), svscan.to_str().unwrap()];
            let outer = tree.run(&[&["unshare"], MOUNTS, &words].concat());
            assert_eq!(tree.code(outer), 0, "{how}: {}", ground.messages());
            tree.is_gone();
            let second = fs::read_to_string(ground.at("second")).unwrap();
            let (code, first) = second.trim().split_once(' ').unwrap();
            assert_eq!(code, "111", "{how}: {}", ground.messages());
            assert_eq!(ground.messages(), refusal(first.parse().unwrap()), "{how}");
            assert_eq!(tree.voice.lines().len(), 1, "{how}");
            assert!(!ground.service_at(LOCK).exists());
        });
    }
}

/// It ends what is left of an earlier tree before svscan comes to refuse: so it must not come to that.
#[test]
fn svscanboot_refuses_before_it_ends_anything() {
    each(&[Forked, Foreign], |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", WRITER, LOGGER);
        let mut tree = ground.start();
        tree.all_up(&["a", "a/log"]);
        wait_for_lines(&ground, &["a"]);
        let boot = ground.program("svscanboot");
        let second = tree.run(&[boot.to_str().unwrap(), ground.at("service").to_str().unwrap()]);
        assert_eq!(tree.code(second), 111);
        assert_eq!(ground.messages(), format!("svscanboot: fatal: another svscan runs here (pid {})\n", tree.svscan));
        // who had been told to end would do so before another one has been started
        let before = ["a", "a/log"].map(|name| tree.supervise(name));
        ground.service("marker", SERVE);
        tree.all_up(&["marker"]);
        assert_eq!(["a", "a/log"].map(|name| tree.supervise(name)), before);
        tree.stop();
        assert_eq!(tree.voice.lines().iter().filter(|line| line.starts_with("a up ")).count(), 1);
        assert_complete(&ground, &["a"]);
    });
}

#[test]
fn the_svscan_of_svscanboot_has_the_lock_from_the_beginning() {
    each(&[Forked], |way| {
        let ground = Ground::new(way);
        ground.service("a", SERVE);
        let mut tree = Tree::new(&ground, &[]);
        let boot = ground.program("svscanboot");
        let boot = [boot.to_str().unwrap(), ground.at("service").to_str().unwrap()].map(str::to_owned);
        let boot = boot.each_ref().map(String::as_str);
        let title = tree.run(&boot);
        let service = tree.hears("a up", 1);
        let svscan = look_for("svscan", || children(title).into_iter().next());
        let locks = |pid: i32| descriptors(pid).values().filter(|target| target.ends_with(LOCK)).count();
        assert_eq!([svscan, tree.supervise("a").unwrap(), service, title].map(locks), [1, 0, 0, 0]);
        let second = tree.run(&boot);
        assert_eq!(tree.code(second), 111);
        let third = tree.start_svscan();
        assert_eq!(tree.code(third), 111);
        let said =
            ["svscanboot", "svscan"].map(|name| format!("{name}: fatal: another svscan runs here (pid {svscan})\n"));
        assert_eq!(ground.messages(), said.concat());
        assert!(is_alive(service));
        signal_to(svscan, Signal::SIGTERM);
        assert_eq!(tree.code(title), 0);
        tree.is_gone();
    });
}

/// Whether it is opening a file: a FIFO, if that lasts.
fn opens(pid: i32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let opens = [
        libc::SYS_openat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open,
    ];
    call.split(' ').next().and_then(|number| number.parse().ok()).is_some_and(|number| opens.contains(&number))
}

/// Both wait for a gate that opens once.
fn fifty_races(way: Way) {
    let ground = Ground::new(way);
    ground.service("down", SERVE);
    fs::write(ground.service_at("down/down"), "").unwrap();
    let gate = ground.at("gate");
    mkfifo(&gate, Mode::S_IRWXU).unwrap();
    let lines = format!("read x <{}; exec \"$@\"", gate.display());
    let mut tree = Tree::new(&ground, &[]);
    for _ in 0..50 {
        let both = [tree.start_svscan_by(&lines), tree.start_svscan_by(&lines)];
        // a shell that begins sleeps now and then, too
        let is_at_gate = |pid: i32| process(pid).is_some_and(|it| it.comm == "sh" && it.state == 'S') && opens(pid);
        look_until("both wait", || both.iter().all(|&pid| is_at_gate(pid)));
        drop(fs::File::options().write(true).open(&gate).unwrap());
        let loser = look_for("one has ended", || both.iter().position(|&pid| tree.has_ended(pid)));
        assert_eq!(tree.code(both[loser]), 111, "{}", ground.messages());
        let winner = both[1 - loser];
        assert!(ground.messages().ends_with(&refusal(winner)), "{}", ground.messages());
        tree.wait_for_supervise("down");
        signal_to(winner, Signal::SIGTERM);
        assert_eq!(tree.code(winner), 0);
        tree.is_gone();
    }
    assert_eq!(ground.messages().lines().count(), 50, "{}", ground.messages());
}

/// Whoever kills it and starts another at once gets that.
fn successors_at_once(way: Way) {
    let ground = Ground::new(way);
    ground.service("a", SERVE);
    let mut tree = ground.start();
    tree.all_up(&["a"]);
    for round in 0..20 {
        let former = tree.svscan;
        tree.start_svscan_by(&format!("kill -9 {former}; exec \"$@\""));
        // or it would be the former one that starts the marker
        assert_eq!(tree.code(former), 1000 + libc::SIGKILL);
        let marker = format!("marker-{round}");
        ground.service(&marker, SERVE);
        tree.all_up(&[&marker]);
    }
    assert_eq!(tree.voice.lines().iter().filter(|line| line.starts_with("a up ")).count(), 1);
    tree.stop();
    assert_eq!(ground.messages(), "");
}

/// Whether the second one is the reference's or s6's.
fn side_by_side(way: Way) {
    let ground = Ground::new(way);
    ground.service("a", SERVE);
    let mut tree = ground.start();
    tree.all_up(&["a"]);
    let first = tree.svscan;
    let second = tree.start_svscan();
    look_until("the second one is kept out by locks only", || {
        ground.messages().contains("unable to acquire a/supervise/lock")
    });
    assert!([first, second].into_iter().all(is_alive));
    if let Some(other) = peer("s6-svscan") {
        fs::create_dir(ground.at("other")).unwrap();
        let words = [other.to_str().unwrap(), ground.at("other").to_str().unwrap()].map(str::to_owned);
        let words = words.each_ref().map(String::as_str);
        let first = tree.run(&words);
        look_until("it has its lock", || ground.at("other/.s6-svscan/lock").exists() && is_alive(first));
        look_until("it has its control", || ground.at("other/.s6-svscan/control").exists());
        let second = tree.run(&words);
        assert_eq!(tree.code(second), 100);
        signal_to(first, Signal::SIGTERM);
        tree.code(first);
    }
}
