//! The end of a tree: TERM or INT stops the services, then their loggers, and loses no line.

use crate::all_at_once::Slow;
use crate::ground::{Executed, Forked, Ground, OURS, OWN, Reference, SERVE, Way, each};
use crate::lines::{LOGGER, WRITER, assert_complete, wait_for_lines};
use crate::processes::{is_alive, process};
use crate::support::takes_less_than;
use crate::support::waiting::{PATIENCE, look_until};
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use std::fs;
use std::time::{Duration, Instant};

pub const SLOW: &[Slow] = &[
    ("what_needs_seven_seconds_to_end_is_waited_for", OURS, seven_seconds),
    ("services_end_at_the_same_time", OURS, services_end_at_the_same_time),
    ("what_waits_for_its_restart_is_not_started_any_more", OURS, what_waits_for_its_restart),
    ("a_logger_that_is_missing_at_the_end_is_started_for_what_is_in_its_pipe", OWN, a_missing_logger),
];

/// Where in what was heard this is.
#[track_caller]
fn place(lines: &[String], said: &str) -> usize {
    let place = lines.iter().position(|line| line.starts_with(&format!("{said} ")));
    place.unwrap_or_else(|| panic!("{said} is not in {lines:#?}"))
}

/// Each logger has seen the end of its service.
#[track_caller]
fn assert_loggers_last(tree: &mut Tree<'_>, names: &[&str]) {
    let lines = tree.voice.lines();
    for name in names {
        assert!(place(&lines, &format!("{name} ended")) < place(&lines, &format!("{name}/log ended")), "{lines:#?}");
    }
}

#[test]
fn term_and_interrupt_end_services_first_and_loggers_last_and_lose_no_line() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        each(OURS, |way| {
            let ground = Ground::new(way);
            for name in ["a", "b"] {
                ground.service_with_log(name, WRITER, LOGGER);
            }
            // one that needs its time, and writes even then
            let slow = WRITER.replace("echo $n >", "sleep 1\nn=$((n + 1)); echo line $n; echo $n >");
            ground.service_with_log("slow", &slow, LOGGER);
            ground.service("plain", SERVE);
            ground.service("down", SERVE);
            fs::write(ground.service_at("down/down"), "").unwrap();
            let mut tree = ground.start();
            tree.all_up(&["a", "a/log", "b", "b/log", "slow", "slow/log", "plain"]);
            tree.wait_for_supervise("down");
            wait_for_lines(&ground, &["a", "b", "slow"]);
            tree.signal(signal);
            assert_eq!(tree.code(tree.svscan), 0);
            tree.is_gone();
            assert_loggers_last(&mut tree, &["a", "b", "slow"]);
            assert_complete(&ground, &["a", "b", "slow"]);
            assert_eq!(ground.messages(), "");
        });
    }
}

#[test]
fn a_paused_service_is_ended_too() {
    each(OURS, |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", WRITER, LOGGER);
        let mut tree = ground.start();
        let service = tree.hears("a up", 1);
        tree.all_up(&["a/log"]);
        ground.tell("a", "p");
        look_until("it is stopped", || process(service).is_some_and(|it| it.state == 'T'));
        tree.stop();
        assert_loggers_last(&mut tree, &["a"]);
        assert_complete(&ground, &["a"]);
    });
}

#[test]
fn a_request_to_end_that_is_repeated_changes_nothing() {
    each(OURS, |way| {
        let ground = Ground::new(way);
        // not before all requests have come
        let slow =
            "echo NAME ending $$ >&8; until [ -e released ]; do sleep 0.1; done\nn=$((n + 1)); echo line $n; echo $n >";
        ground.service_with_log("a", &WRITER.replace("echo $n >", slow), LOGGER);
        let mut tree = ground.start();
        tree.all_up(&["a", "a/log"]);
        tree.signal(Signal::SIGTERM);
        tree.hears("a ending", 1);
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGALRM, Signal::SIGHUP, Signal::SIGTERM] {
            tree.signal(signal);
        }
        // nor does what appears now
        ground.service("late", SERVE);
        fs::write(ground.service_at("a/released"), "").unwrap();
        assert_eq!(tree.code(tree.svscan), 0);
        tree.is_gone();
        assert_loggers_last(&mut tree, &["a"]);
        assert_complete(&ground, &["a"]);
        assert!(!tree.voice.lines().iter().any(|line| line.starts_with("late")));
    });
}

#[test]
fn a_request_to_end_that_comes_early_leaves_nothing() {
    each(OURS, |way| {
        let ground = Ground::new(way);
        for name in ["a", "b", "c"] {
            ground.service_with_log(name, SERVE, LOGGER);
        }
        let mut tree = Tree::new(&ground, &[]);
        for round in 0..12_u32 {
            let svscan = tree.start_svscan();
            // the moments are what is tried here
            std::thread::sleep(Duration::from_millis(2).saturating_mul(round * round / 2));
            tree.signal(Signal::SIGTERM);
            // before it has taken care of the signal it is killed by it, but then it has started nothing
            let code = tree.code(svscan);
            assert!([0, 1000 + libc::SIGTERM].contains(&code), "{code}");
            tree.is_gone();
        }
        assert_eq!(ground.messages(), "");
    });
}

/// As TERM does it in the reference.
#[test]
fn quit_lets_go_of_all() {
    each(&[Reference, Forked, Executed, crate::ground::Foreign], |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", SERVE, LOGGER);
        ground.service("plain", SERVE);
        let mut tree = ground.start();
        let mut kept = ["a", "a/log", "plain"].map(|name| tree.hears(&format!("{name} up"), 1)).to_vec();
        kept.extend(["a", "a/log", "plain"].map(|name| tree.supervise(name).unwrap()));
        if way == Reference {
            tree.signal(Signal::SIGTERM);
            assert_eq!(tree.code(tree.svscan), 1000 + libc::SIGTERM);
        } else {
            tree.signal(Signal::SIGQUIT);
            assert_eq!(tree.code(tree.svscan), 0);
        }
        assert!(kept.iter().all(|&pid| is_alive(pid)), "{:#?}", tree.shown());
        // they are as they were, and can be told to end
        ground.tell("plain", "dx");
        look_until("one has ended", || tree.supervise("plain").is_none());
        assert!(kept[..2].iter().chain(&kept[3..5]).all(|&pid| is_alive(pid)), "{:#?}", tree.shown());
    });
}

/// No patience that ends before a service does.
fn seven_seconds(way: Way) {
    let ground = Ground::new(way);
    let slow = WRITER.replace("echo $n >", "sleep 7\nn=$((n + 1)); echo line $n; echo $n >");
    ground.service_with_log("slow", &slow, LOGGER);
    ground.service("alone", "trap 'sleep 7; echo NAME ended $$ >&8; exit' TERM; echo NAME up $$ >&8; read x <&9");
    let mut tree = ground.start();
    tree.all_up(&["slow", "slow/log", "alone"]);
    tree.stop();
    assert_loggers_last(&mut tree, &["slow"]);
    place(&tree.voice.lines(), "alone ended");
    assert_complete(&ground, &["slow"]);
}

fn services_end_at_the_same_time(way: Way) {
    let ground = Ground::new(way);
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    ground.services(names.iter().cloned(), "trap 'sleep 3; exit' TERM; echo up up $$ >&8; read x <&9");
    let mut tree = ground.start();
    tree.hears("up up", names.len());
    let asked = Instant::now();
    tree.stop();
    // one after the other they would take thirty seconds
    assert!((3..PATIENCE.as_secs() / 3).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
}

/// A supervise that cannot start, and one that was killed: svscan would start both again later.
fn what_waits_for_its_restart(way: Way) {
    takes_less_than(Duration::from_secs(4), || {
        let ground = Ground::new(way);
        ground.service("broken", SERVE);
        fs::write(ground.service_at("broken/supervise"), "in its way").unwrap();
        ground.service("idle", SERVE);
        fs::write(ground.service_at("idle/down"), "").unwrap();
        let mut tree = ground.start();
        look_until("the broken one has said so", || ground.messages().contains("supervise: fatal: "));
        signal_to(tree.wait_for_supervise("idle"), Signal::SIGKILL);
        let asked = Instant::now();
        tree.stop();
        assert_eq!(tree.voice.lines(), [""; 0]);
        asked.elapsed()
    });
}

/// Its supervise and itself have been killed right before: what the service writes at its end is in the pipe.
fn a_missing_logger(way: Way) {
    // a second until its supervise is there again, and no patience at its end
    takes_less_than(Duration::from_secs(4), || {
        let ground = Ground::new(way);
        let run = "trap 'echo last; echo NAME ended $$ >&8; exit' TERM; echo first; echo NAME up $$ >&8; read x <&9";
        ground.service_with_log("a", run, "echo NAME/log up $$ >&8; exec cat >>lines");
        let mut tree = ground.start();
        tree.all_up(&["a"]);
        let log = tree.hears("a/log up", 1);
        let logged = || fs::read_to_string(ground.service_at("a/log/lines")).unwrap_or_default();
        look_until("the first line is logged", || logged() == "first\n");
        let supervise = tree.supervise("a/log").unwrap();
        for pid in [supervise, log] {
            signal_to(pid, Signal::SIGKILL);
        }
        // one that is not dead yet may still take something out of the pipe with it
        look_until("both have gone", || ![supervise, log].into_iter().any(is_alive));
        let asked = Instant::now();
        tree.stop();
        assert_eq!(logged(), "first\nlast\n");
        asked.elapsed()
    });
}
