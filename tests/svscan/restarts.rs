//! When a supervise has ended, svscan starts it again: how soon, and with what.

use crate::all_at_once::Slow;
use crate::changes::LOGGER;
use crate::ground::{ALL, Ground, Reference, SERVE, Way};
use crate::processes::{is_alive, link, process};
use crate::support::waiting::{look_for, look_until};
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};
use std::fs;

pub const SLOW: &[Slow] = &[
    ("a_killed_supervise_is_replaced_after_a_second", ALL, a_killed_supervise_is_replaced),
    ("a_supervise_that_ended_soon_is_replaced_after_five_seconds", ALL, one_that_ended_soon_is_replaced),
    ("a_supervise_that_ended_late_is_replaced_after_a_second", ALL, one_that_ended_late_is_replaced),
];

/// A service that is down at first.
fn make_down(ground: &Ground, name: &str) {
    fs::write(ground.service_at(name).join("down"), "").unwrap();
}

/// Seconds since the machine was started, as /proc counts them.
fn now() -> f64 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap();
    now.tv_sec() as f64 + now.tv_nsec() as f64 / 1e9
}

/// When a process was started, on that clock, to a hundredth of a second.
fn start_of(pid: i32) -> f64 {
    // SAFETY: a number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    process(pid).unwrap().started as f64 / ticks as f64
}

/// Of a pair that is down, so that nothing but the two supervises is there.
pub fn idle_pair(ground: &Ground) {
    ground.service_with_log("a", SERVE, LOGGER);
    make_down(ground, "a");
    make_down(ground, "a/log");
}

/// How long after `death` the successor of a supervise was started.
fn gap(tree: &Tree<'_>, name: &str, former: i32, death: f64) -> f64 {
    start_of(tree.wait_for_successor(name, former)) - death
}

/// All of them took so long or longer, and the shortest not much longer, as a machine may have much else to do. The reference
/// looks every five seconds.
#[track_caller]
fn assert_gaps(way: Way, gaps: &[f64], least: f64, most: f64) {
    if way != Reference {
        let is_right = gaps.iter().all(|gap| *gap >= least) && gaps.iter().any(|gap| *gap < most);
        assert!(is_right, "{gaps:?} s");
    }
}

fn a_killed_supervise_is_replaced(way: Way) {
    let ground = Ground::new(way);
    idle_pair(&ground);
    let mut tree = ground.start();
    let pipe = link(tree.wait_for_supervise("a"), "fd/1");
    let mut gaps = Vec::new();
    for (name, number) in [("a", "fd/1"), ("a/log", "fd/0"), ("a", "fd/1")] {
        let former = tree.wait_for_supervise(name);
        let killed = now();
        signal_to(former, Signal::SIGKILL);
        gaps.push(gap(&tree, name, former, killed));
        assert_eq!(link(tree.supervise(name).unwrap(), number), pipe, "the same pipe as before");
    }
    assert_gaps(way, &gaps, 0.98, 4.5);
    assert_eq!(tree.supervises().len(), 2, "{:#?}", tree.shown());
    assert_eq!(tree.voice.lines(), [""; 0]);
}

fn one_that_ended_soon_is_replaced(way: Way) {
    let ground = Ground::new(way);
    idle_pair(&ground);
    let tree = ground.start();
    let mut gaps = Vec::new();
    for name in ["a", "a/log"] {
        let mut former = tree.wait_for_supervise(name);
        gaps.push(look_for("one that ends soon", || {
            let born = start_of(former);
            let told = look_for("it can be told", || {
                let told = now();
                ground.try_to_tell(name, "x").ok().map(|()| told)
            });
            look_until("it has ended", || !is_alive(former));
            let lived = now() - born;
            former = tree.wait_for_successor(name, former);
            // on a machine that had no time for this, once more
            (lived < 4.5).then(|| start_of(former) - told)
        }));
    }
    assert_gaps(way, &gaps, 4.98, 9.0);
}

fn one_that_ended_late_is_replaced(way: Way) {
    let ground = Ground::new(way);
    idle_pair(&ground);
    let tree = ground.start();
    let former = ["a", "a/log"].map(|name| tree.wait_for_supervise(name));
    let born = former.map(start_of);
    look_until("both are old", || born.iter().all(|born| now() - born > 7.0));
    let gaps = ["a", "a/log"].into_iter().zip(former).map(|(name, former)| {
        let told = now();
        ground.tell(name, "x");
        gap(&tree, name, former, told)
    });
    assert_gaps(way, &gaps.collect::<Vec<_>>(), 0.98, 4.5);
}
