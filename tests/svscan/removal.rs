//! A service that is removed: when its directory is no longer in the scanned one and it has ended, its log reads what is left
//! and ends, too, whatever has become of the directories. In the reference the log runs on.

use crate::all_at_once::Slow;
use crate::ground::{Foreign, Ground, LIFE, OURS, OWN, Reference, SERVE, VOICE, Way, each};
use crate::lines::{LOGGER, WRITER, assert_numbered, wait_for_lines};
use crate::processes::{descriptors, directory, is_alive, link};
use crate::support::namespaces::{USER, may_unshare};
use crate::support::waiting::look_until;
use crate::tree::{Tree, signal_to};
use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use std::fs;
use std::path::{Path, PathBuf};

pub const SLOW: &[Slow] = &[
    ("a_hundred_services_are_removed_without_a_rest", OURS, hundred_removals),
    ("a_service_whose_directories_go_in_any_order_ends_with_its_log", OWN, any_order),
    ("a_renamed_service_is_reached_where_its_files_are_elsewhere", OWN, elsewhere),
    ("a_service_that_comes_back_while_its_log_ends_is_started_after_that", OURS, comes_back),
    ("a_vanished_service_is_not_started_again_before_the_next_scan", OWN, no_start_before_the_scan),
    ("the_log_of_a_vanished_service_is_started_again_where_it_was", OURS, log_of_vanished),
    ("a_vanished_service_that_a_killed_supervise_has_left_keeps_its_log", OWN, left_by_killed),
    ("the_log_of_a_vanished_service_that_was_taken_over_ends_too", OWN, taken_over),
    ("in_the_reference_the_log_of_a_vanished_service_runs_on", &[Reference], runs_on),
];

/// Takes this long to end, and writes until then.
pub const SLOW_WRITER: &str = "\
trap 'end=1' TERM
n=0
echo NAME up $$ >&8
while [ \"${end-0}\" -lt 16 ]; do
    n=$((n + 1))
    echo line $n
    sleep 0.02
    [ -z \"$end\" ] || end=$((end + 1))
done
echo $n >count
echo NAME ended $$ >&8";

/// Moves a service out of the scan, within the directory.
fn rename(ground: &Ground, name: &str) -> PathBuf {
    let to = ground.service_at(format!(".{name}"));
    fs::rename(ground.service_at(name), &to).unwrap();
    to
}

/// The control FIFO of a supervise, which may go.
fn control(of: &Path) -> std::os::fd::OwnedFd {
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    nix::fcntl::open(&of.join("supervise/control"), flags, Mode::empty()).unwrap()
}

/// Waits until nothing but svscan runs, which has no pipe of theirs.
#[track_caller]
pub fn only_svscan_is_left(tree: &Tree<'_>) {
    look_until(&format!("only svscan is left, not {:#?}", tree.shown()), || {
        tree.processes().iter().all(|it| it.pid == tree.svscan)
    });
    look_until("it has closed their pipes", || {
        let pipes = descriptors(tree.svscan).into_iter().filter(|(_, target)| target.starts_with("pipe:"));
        pipes.into_iter().all(|(number, _)| number == LIFE || number == VOICE)
    });
}

/// All that was written is in the log.
#[track_caller]
pub fn is_complete(at: &Path) {
    let count = fs::read_to_string(at.join("count")).unwrap_or_else(|_| panic!("{} has not ended", at.display()));
    assert_numbered(&at.join("log/lines"), count.trim().parse().unwrap());
}

/// Quick ones, and slow ones, told before and after they have vanished.
fn hundred_removals(way: Way) {
    let ground = Ground::new(way);
    let mut tree = ground.start();
    // the reference's supervise takes a second for each
    let rounds = if way == Foreign { 3 } else { 10 };
    for round in 0..rounds {
        let names: Vec<String> = (0..10).map(|number| format!("s{round}-{number}")).collect();
        for (number, name) in names.iter().enumerate() {
            ground.service_with_log(name, if number % 2 == 0 { WRITER } else { SLOW_WRITER }, LOGGER);
        }
        for name in &names {
            tree.all_up(&[name.clone(), format!("{name}/log")]);
            look_until("it can be told", || ground.try_to_tell(name, "").is_ok());
        }
        let hidden: Vec<PathBuf> = names
            .iter()
            .enumerate()
            .map(|(number, name)| {
                if number / 2 % 2 == 0 {
                    ground.tell(name, "dx");
                    return rename(&ground, name);
                }
                let hidden = rename(&ground, name);
                ground.tell(&format!(".{name}"), "dx");
                hidden
            })
            .collect();
        only_svscan_is_left(&tree);
        for at in hidden {
            is_complete(&at);
            fs::remove_dir_all(at).unwrap();
        }
    }
    let ended = tree.voice.lines().iter().filter(|line| line.contains("/log ended ")).count();
    // the reference's supervise does not listen for a second, and may start one once more meanwhile
    assert!(ended == 10 * rounds || way == Foreign && ended > 10 * rounds, "all loggers have seen the end: {ended}");
    assert_eq!(ground.messages(), "");
    tree.stop();
}

/// What is made again meanwhile is removed, too.
fn remove(at: &Path) {
    while let Err(error) = fs::remove_dir_all(at) {
        assert!(matches!(error.raw_os_error(), Some(libc::ENOTEMPTY)), "{error}");
    }
}

/// Each removes a service that is up, in an order of its own, and tells its supervise to end by the FIFO that it had.
fn any_order(way: Way) {
    type Removal = fn(&Path, &dyn Fn());
    const WAYS: [(&str, Removal); 6] = [
        ("told first", |at, tell| {
            tell();
            remove(at);
        }),
        ("told last", |at, tell| {
            remove(at);
            tell();
        }),
        ("the log first", |at, tell| {
            remove(&at.join("log"));
            tell();
            remove(at);
        }),
        ("the log first, then the rest", |at, tell| {
            remove(&at.join("log"));
            remove(at);
            tell();
        }),
        ("the files of the log's supervise first", |at, tell| {
            remove(&at.join("log/supervise"));
            tell();
            remove(at);
        }),
        ("the log moved away", |at, tell| {
            fs::rename(at.join("log"), at.with_file_name(".log-of-it")).unwrap();
            tell();
            remove(at);
            remove(&at.with_file_name(".log-of-it"));
        }),
    ];
    let ground = Ground::new(way);
    // where nobody removes what it has written
    let logged = ground.at("lines");
    let logger = format!("echo NAME/log up $$ >&8; cat >>{}; echo NAME/log ended $$ >&8", logged.display());
    let writer = "trap 'echo last; exit' TERM; echo first; echo NAME up $$ >&8; read x <&9";
    let mut tree = ground.start();
    for (nth, (case, removal)) in WAYS.into_iter().enumerate() {
        fs::write(&logged, "").unwrap();
        ground.service_with_log("a", writer, &logger);
        tree.hears("a up", nth + 1);
        tree.hears("a/log up", nth + 1);
        look_until("it can be told", || ground.try_to_tell("a", "").is_ok() && ground.try_to_tell("a/log", "").is_ok());
        let main = tree.supervise("a").unwrap();
        let fifo = control(&ground.service_at("a"));
        removal(&ground.service_at("a"), &|| {
            match ground.service_at("a").exists() {
                true => assert_eq!(nix::unistd::write(&fifo, b"dx"), Ok(2)),
                // made anew meanwhile, the FIFO may be another one
                false => signal_to(main, Signal::SIGTERM),
            }
        });
        only_svscan_is_left(&tree);
        tree.hears("a/log ended", nth + 1);
        assert_eq!(fs::read_to_string(&logged).unwrap(), "first\nlast\n", "{case}: {}", ground.messages());
        assert!(!ground.messages().contains("svscan: "), "{case}: {}", ground.messages());
        assert!(!ground.service_at("a").exists(), "{case}");
    }
    tree.stop();
}

/// By its new path the FIFO of the log's supervise is not found. Nothing is started once more for that.
fn elsewhere(way: Way) {
    let ground = Ground::new(way);
    let base = ground.at("elsewhere");
    fs::create_dir(&base).unwrap();
    ground.service_with_log("a", WRITER, LOGGER);
    let mut tree = Tree::new(&ground, &[("SUPERVISEDIR", base.to_str().unwrap())]);
    tree.start_svscan();
    tree.all_up(&["a", "a/log"]);
    wait_for_lines(&ground, &["a"]);
    let path = ground.service_at("a").canonicalize().unwrap();
    let fifo = base.join(path.to_str().unwrap()[1..].replace('/', ":")).join("control");
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let fifo = nix::fcntl::open(&fifo, flags, Mode::empty()).unwrap();
    let hidden = rename(&ground, "a");
    nix::unistd::write(&fifo, b"dx").unwrap();
    only_svscan_is_left(&tree);
    is_complete(&hidden);
    assert_eq!(tree.voice.lines().iter().filter(|line| line.starts_with("a/log up ")).count(), 1);
    assert_eq!(ground.messages(), "");
    tree.stop();
}

/// Its logger takes its time, in which it is not started a second time.
fn comes_back(way: Way) {
    let ground = Ground::new(way);
    let logger = "echo NAME/log up $$ >&8; cat >>lines; echo NAME/log drained $$ >&8; read x <&9; read x <&9";
    ground.service_with_log("a", SERVE, logger);
    let mut tree = ground.start();
    tree.all_up(&["a", "a/log"]);
    let logger = tree.hears("a/log up", 1);
    let hidden = rename(&ground, "a");
    ground.tell(".a", "dx");
    tree.hears("a/log drained", 1);
    fs::rename(hidden, ground.service_at("a")).unwrap();
    ground.service("marker", SERVE);
    tree.all_up(&["marker"]);
    assert!(is_alive(logger));
    assert_eq!(tree.voice.lines().iter().filter(|line| line.starts_with("a up ")).count(), 1);
    signal_to(logger, Signal::SIGKILL);
    tree.hears("a up", 2);
    tree.hears("a/log up", 2);
    assert_eq!(link(tree.supervise("a").unwrap(), "fd/1"), link(tree.supervise("a/log").unwrap(), "fd/0"));
    assert_eq!(ground.messages(), "");
}

/// Nobody tells svscan of it, so it would be due to start again before it is seen. Another one has its name meanwhile.
fn no_start_before_the_scan(way: Way) {
    if !may_unshare(USER) {
        return;
    }
    let ground = Ground::new(way);
    ground.service_with_log("a", SERVE, LOGGER);
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by(
        "exec unshare --user --map-root-user \
         sh -c 'echo 0 >/proc/sys/user/max_inotify_instances; exec \"$@\"' sh \"$@\"",
    );
    tree.all_up(&["a", "a/log"]);
    let former = ground.identity("a");
    look_until("it can be told", || ground.try_to_tell("a", "").is_ok());
    rename(&ground, "a");
    ground.make(&ground.service_at("a"), "new", SERVE, None);
    ground.tell(".a", "dx");
    tree.all_up(&["new"]);
    look_until("the former one has gone", || tree.supervises().iter().all(|it| directory(it.pid) != Some(former)));
    look_until("only the new one is left", || tree.supervises().len() == 1);
    assert_eq!(tree.voice.lines().iter().filter(|line| line.starts_with("new up ")).count(), 1, "once");
    assert!(!ground.messages().contains("fatal"), "{}", ground.messages());
}

/// And not where another one has its name by now.
fn log_of_vanished(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("a", WRITER, LOGGER);
    let mut tree = ground.start();
    tree.all_up(&["a", "a/log"]);
    wait_for_lines(&ground, &["a"]);
    let former = tree.supervise("a/log").unwrap();
    let hidden = rename(&ground, "a");
    ground.make(&ground.service_at("a"), "new", SERVE, Some(&LOGGER.replace("echo NAME/log ended $$ >&8", "")));
    tree.all_up(&["new", "new/log"]);
    signal_to(former, Signal::SIGKILL);
    tree.wait_for_successor(".a/log", former);
    look_until("it can be told", || ground.try_to_tell(".a/log", "").is_ok());
    ground.tell(".a", "dx");
    look_until("it has gone", || tree.supervise(".a").is_none() && tree.supervise(".a/log").is_none());
    // of the reference's make, the first logger goes on beside the second
    if way != Foreign {
        is_complete(&hidden);
    }
    assert_eq!(tree.supervises().len(), 2, "{:#?}", tree.shown());
}

/// Nobody has told it to end.
fn left_by_killed(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("a", WRITER, LOGGER);
    let mut tree = ground.start();
    let service = tree.hears("a up", 1);
    let logger = tree.hears("a/log up", 1);
    look_until("it tells of itself", || ground.try_to_tell("a", "").is_ok());
    let hidden = rename(&ground, "a");
    ground.service("marker", SERVE);
    tree.all_up(&["marker"]);
    signal_to(tree.supervise(".a").unwrap(), Signal::SIGKILL);
    look_until("its supervise has gone", || tree.supervise(".a").is_none());
    ground.service("another-marker", SERVE);
    tree.all_up(&["another-marker"]);
    assert!([service, logger].into_iter().all(is_alive));
    signal_to(service, Signal::SIGTERM);
    tree.hears("a/log ended", 1);
    look_until("its supervise has gone", || tree.supervise(".a/log").is_none());
    is_complete(&hidden);
    tree.stop();
    assert_eq!(ground.messages(), "");
}

/// Of a supervise that is no child svscan does not learn how it has ended.
fn taken_over(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("a", WRITER, LOGGER);
    let mut tree = ground.start();
    tree.all_up(&["a", "a/log"]);
    wait_for_lines(&ground, &["a"]);
    tree.signal(Signal::SIGKILL);
    tree.code(tree.svscan);
    tree.start_svscan();
    ground.service("marker", SERVE);
    tree.all_up(&["marker"]);
    let hidden = rename(&ground, "a");
    ground.tell(".a", "dx");
    look_until("both have gone", || tree.supervises().len() == 1);
    is_complete(&hidden);
    assert_eq!(ground.messages(), "");
}

fn runs_on(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("a", SERVE, LOGGER);
    let mut tree = ground.start();
    tree.all_up(&["a"]);
    let logger = tree.hears("a/log up", 1);
    rename(&ground, "a");
    ground.tell(".a", "dx");
    look_until("its supervise has gone", || tree.supervise(".a").is_none());
    // at its next look it knows
    ground.service("marker", SERVE);
    tree.all_up(&["marker"]);
    ground.service("another-marker", SERVE);
    tree.all_up(&["another-marker"]);
    assert!(is_alive(logger) && tree.supervise(".a/log").is_some());
}

/// An entry that goes without a log goes without a word.
#[test]
fn a_removed_service_without_a_log_is_forgotten() {
    each(OURS, |way| {
        let ground = Ground::new(way);
        ground.service("a", SERVE);
        let mut tree = ground.start();
        tree.all_up(&["a"]);
        look_until("it can be told", || ground.try_to_tell("a", "").is_ok());
        rename(&ground, "a");
        ground.tell(".a", "dx");
        only_svscan_is_left(&tree);
        assert_eq!(ground.messages(), "");
        tree.stop();
    });
}
