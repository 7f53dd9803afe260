//! What the end of a tree waits for: how long, and what is said of it. Where nothing is read, all is over before the ten
//! seconds that those who run containers give it.

use crate::all_at_once::Slow;
use crate::ground::{Executed, Foreign, Ground, OURS, OWN, Way};
use crate::lines::assert_numbered;
use crate::support::waiting::{look_for, look_until};
use crate::support::{peer, takes_less_than};
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use std::fs;
use std::time::{Duration, Instant};

pub const SLOW: &[Slow] = &[
    ("what_a_service_left_behind_holds_its_log_for_five_seconds", OURS, held),
    ("what_a_service_left_behind_holds_both_logs_for_less_than_ten_seconds", OURS, both_held),
    ("what_is_left_in_the_pipe_of_a_log_that_does_not_read_is_said_to_be_lost", OURS, unread),
    ("a_log_that_does_not_start_is_given_up_after_five_seconds", OWN, absent),
    ("a_log_that_reads_slowly_is_waited_for", OURS, slow),
    ("a_service_that_does_not_end_is_waited_for_and_said_once", OURS, service_stays),
    ("a_log_that_does_not_end_is_waited_for_and_said_once", OURS, log_stays),
    ("a_supervise_that_is_killed_again_and_again_at_the_end_is_replaced_five_times", OWN, killed_again_and_again),
    ("a_supervise_that_is_exec_ed_at_the_end_lives_to_hear_of_it", &[Executed], slow_to_hear),
    ("a_supervise_that_takes_no_commands_is_said_once", &[Foreign], deaf),
];

/// What containers are given.
const GIVEN: Duration = Duration::from_secs(10);

/// A service that leaves something behind which has its standard output, and lives longer than any test.
const LEAVES: &str = "sleep 1000 & echo NAME up $$ >&8; echo line 1; read x <&9";

const LOGGER: &str = "echo NAME/log up $$ >&8; exec cat >>lines";

/// What svscan has said itself. Our supervises say by name what they wait for, and what has been left behind.
fn of_svscan(ground: &Ground) -> String {
    without_supervises(&ground.messages())
}

fn without_supervises(said: &str) -> String {
    said.split_inclusive('\n').filter(|line| !line.starts_with("supervise: warning: ")).collect()
}

/// Ends svscan, with what is left of the services. Gives how long svscan has taken.
fn end(tree: &mut Tree<'_>) -> Duration {
    let asked = Instant::now();
    tree.signal(Signal::SIGTERM);
    assert_eq!(tree.code(tree.svscan), 0);
    let taken = asked.elapsed();
    for left in tree.processes() {
        // it may be about to end by itself
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(left.pid), Signal::SIGKILL);
    }
    tree.is_gone();
    taken
}

fn held(way: Way) {
    takes_less_than(Duration::from_millis(7_500), || {
        let ground = Ground::new(way);
        ground.service_with_log("a", LEAVES, LOGGER);
        let mut tree = ground.start();
        tree.all_up(&["a", "a/log"]);
        look_until("it is logged", || fs::read(ground.service_at("a/log/lines")).is_ok_and(|lines| !lines.is_empty()));
        let taken = end(&mut tree);
        assert!(taken >= Duration::from_secs(5), "{taken:?}");
        assert_eq!(of_svscan(&ground), "svscan: warning: ending the log of a: something still holds its pipe\n");
        assert_numbered(&ground.service_at("a/log/lines"), 1);
        taken
    });
}

/// One after the other, as svscan's own is the last.
fn both_held(way: Way) {
    takes_less_than(GIVEN - Duration::from_secs(1), || {
        let ground = Ground::new(way);
        ground.make(&ground.service_at(".all"), "all", LOGGER, None);
        ground.service_with_log("a", LEAVES, LOGGER);
        let mut tree = Tree::new(&ground, &[]);
        tree.start_svscan_by("exec \"$@\" .all");
        tree.all_up(&["a", "a/log", "all/log"]);
        let taken = end(&mut tree);
        let own = fs::read_to_string(ground.service_at(".all/lines")).unwrap();
        assert_eq!(without_supervises(&own), "svscan: warning: ending the log of a: something still holds its pipe\n");
        assert_eq!(
            of_svscan(&ground),
            "svscan: warning: ending svscan's own log .all: something still holds its pipe\n"
        );
        taken
    });
}

fn unread(way: Way) {
    takes_less_than(GIVEN - Duration::from_secs(1), || {
        let ground = Ground::new(way);
        ground.service_with_log(
            "a",
            "echo line 1; echo NAME up $$ >&8; read x <&9",
            "echo NAME/log up $$ >&8; exec sleep 1000",
        );
        let mut tree = ground.start();
        tree.all_up(&["a", "a/log"]);
        let taken = end(&mut tree);
        let ending = "svscan: warning: ending the log of a: it does not read what is left\n";
        let lost = "svscan: warning: unable to log the last 7 bytes of a: its log does not read them\n";
        assert_eq!(of_svscan(&ground), [ending, lost].concat());
        taken
    });
}

fn absent(way: Way) {
    takes_less_than(GIVEN - Duration::from_secs(1), || {
        let ground = Ground::new(way);
        ground.service_with_log("a", "echo line 1; echo NAME up $$ >&8; read x <&9", LOGGER);
        fs::write(ground.service_at("a/log/supervise"), "in its way").unwrap();
        let mut tree = ground.start();
        tree.all_up(&["a"]);
        look_until("its supervise has said so", || ground.messages().contains("supervise: fatal: "));
        let taken = end(&mut tree);
        let messages = ground.messages();
        let mut own = messages.lines().filter(|line| line.starts_with("svscan: "));
        let lost = "svscan: warning: unable to log the last 7 bytes of a: its log does not read them";
        assert_eq!((own.next(), own.next()), (Some(lost), None));
        taken
    });
}

/// Sixteen lines, half a second each: longer than patience.
fn slow(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log(
        "a",
        "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo line $n; done; echo NAME up $$ >&8; read x <&9",
        "echo NAME/log up $$ >&8; while read -r line; do sleep 0.5; echo \"$line\" >>lines; done",
    );
    let mut tree = ground.start();
    tree.all_up(&["a", "a/log"]);
    tree.stop();
    assert_numbered(&ground.service_at("a/log/lines"), 16);
    assert_eq!(of_svscan(&ground), "");
}

fn service_stays(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("a", "trap '' TERM; echo NAME up $$ >&8; read x <&9", LOGGER);
    let mut tree = ground.start();
    let service = tree.hears("a up", 1);
    tree.all_up(&["a/log"]);
    tree.signal(Signal::SIGTERM);
    let said = "svscan: warning: waiting for a: it has been told to end\n";
    look_until("it is said", || of_svscan(&ground) == said);
    // another two turns
    std::thread::sleep(Duration::from_secs(11));
    assert!(!tree.has_ended(tree.svscan));
    signal_to(service, Signal::SIGKILL);
    assert_eq!(tree.code(tree.svscan), 0);
    tree.is_gone();
    assert_eq!(of_svscan(&ground), said);
}

fn log_stays(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log(
        "a",
        "echo NAME up $$ >&8; read x <&9",
        "trap '' TERM; echo NAME/log up $$ >&8; exec sleep 1000",
    );
    let mut tree = ground.start();
    tree.all_up(&["a"]);
    let logger = tree.hears("a/log up", 1);
    tree.signal(Signal::SIGTERM);
    let first = "svscan: warning: ending the log of a: it does not end by itself\n";
    let second = "svscan: warning: waiting for the log of a: it has been told to end\n";
    look_until("it is said", || of_svscan(&ground) == [first, second].concat());
    std::thread::sleep(Duration::from_secs(11));
    assert!(!tree.has_ended(tree.svscan));
    signal_to(logger, Signal::SIGKILL);
    assert_eq!(tree.code(tree.svscan), 0);
    tree.is_gone();
    assert_eq!(of_svscan(&ground), [first, second].concat());
}

/// One that is stopped does not make its FIFO.
fn deaf(way: Way) {
    let ground = Ground::new(way);
    let program = ground.at("deaf");
    crate::ground::script(&program, "echo deaf up $$ >&8; trap '' TERM; read x <&9");
    ground.service("a", "exit");
    let mut tree = Tree::new(&ground, &[("CATENA_SUPERVISE", program.to_str().unwrap())]);
    tree.start_svscan();
    let supervise = tree.hears("deaf up", 1);
    tree.signal(Signal::SIGTERM);
    let said = "svscan: warning: waiting for a: its supervise takes no commands\n";
    look_until("it is said", || of_svscan(&ground) == said);
    signal_to(supervise, Signal::SIGKILL);
    assert_eq!(tree.code(tree.svscan), 0);
    tree.is_gone();
    assert_eq!(of_svscan(&ground), said);
}

/// Its service heeds no request, and runs on each time. In between svscan sleeps.
fn killed_again_and_again(way: Way) {
    const TIMES: usize = 5;
    let ground = Ground::new(way);
    ground.service_with_log("a", "trap '' TERM; echo NAME up $$ >&8; while :; do sleep 1; done", LOGGER);
    let mut tree = ground.start();
    let service = tree.hears("a up", 1);
    tree.all_up(&["a/log"]);
    tree.signal(Signal::SIGTERM);
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", tree.svscan)).unwrap();
        let fields: Vec<u64> = stat.rsplit(')').next().unwrap().split(' ').filter_map(|it| it.parse().ok()).collect();
        fields[10] + fields[11]
    };
    let leaving = "svscan: warning: leaving a running: its supervise has been killed again and again\n";
    let has_left = || of_svscan(&ground).contains(leaving);
    let (mut supervise, mut killed, before) = (tree.wait_for_supervise("a"), 0, ticks());
    while !has_left() {
        // one that was asked to end in the moment it began has done so
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervise), Signal::SIGKILL);
        killed += 1;
        let next = || tree.supervise("a").filter(|&pid| pid != supervise);
        supervise = look_for("another supervise or a word", || next().or_else(|| has_left().then_some(supervise)));
    }
    assert!(killed <= 1 + TIMES, "{killed}");
    // in four seconds of waiting
    let taken = ticks() - before;
    assert!(taken < 40, "{taken} hundredths of a second");
    end(&mut tree);
    assert_eq!(of_svscan(&ground).matches("leaving").count(), 1);
    assert!(!crate::processes::is_alive(service));
}

/// Between its exec and the moment in which it has set its signals up, TERM would kill it.
fn slow_to_hear(way: Way) {
    let Some(strace) = peer("strace") else { return };
    let ground = Ground::new(way);
    ground.service("a", "trap '' TERM; echo NAME up $$ >&8; while :; do sleep 1; done");
    let mut tree = Tree::new(&ground, &[]);
    let trace = "-D -f -qq -o /dev/null --trace=execve --inject=execve:delay_exit=300000";
    tree.start_svscan_by(&format!("exec {} {trace} \"$@\"", strace.display()));
    let service = tree.hears("a up", 1);
    let first = tree.wait_for_supervise("a");
    look_until("it can be told", || ground.try_to_tell("a", "").is_ok());
    tree.signal(Signal::SIGTERM);
    // it has been told
    look_until("it is told", || of_supervise_is_told(&ground));
    signal_to(first, Signal::SIGKILL);
    let second = tree.wait_for_successor("a", first);
    look_until("the other one can be told", || ground.try_to_tell("a", "").is_ok());
    assert_eq!(tree.supervise("a"), Some(second));
    signal_to(service, Signal::SIGKILL);
    assert_eq!(tree.code(tree.svscan), 0, "{}", ground.messages());
    assert_eq!(of_svscan(&ground).matches("leaving").count(), 0, "{}", ground.messages());
}

/// Whether the supervise of `a` has sent its service TERM.
fn of_supervise_is_told(ground: &Ground) -> bool {
    fs::read(ground.service_at("a/supervise/status")).is_ok_and(|status| status[17] == b'd')
}
