//! Fused equals unfused: a chain of links in one process does what the same chain does with an exec for each link. The
//! same report of a probe at its end, the same output, exit code and files left behind.
//!
//! Not compared: what a debugger, `ps` or an exec hook of a security module sees of a chain under way.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the launcher and the ground are part of the tests")]

mod cost;
mod ground;
mod handed_on;
#[path = "../support/hostile.rs"]
mod hostile;
#[path = "../support/launch.rs"]
mod launch;
mod links;
#[path = "../support/probe.rs"]
mod probe;
mod refused;
#[path = "../support/report.rs"]
mod report;
#[path = "../support/mod.rs"]
mod support;
mod tools;

use ground::{Ground, Mode};
use hostile::{EVERYTHING, PLAIN, STARTS, Start};
use links::Words;
use support::is_root;
use support::random::Random;

/// As links in PATH, and by catena's own name where PATH has nothing: the modes of each that must agree.
const BY_LINKS: &[Mode] = &[Mode::FUSED, Mode::UNFUSED, Mode::BY_NAME, Mode::BY_NAME_UNFUSED, Mode::BY_NAME_EXPLICIT];
const BY_NAME_ALONE: &[Mode] =
    &[Mode::BY_NAME.without_links(), Mode::BY_NAME_UNFUSED.without_links(), Mode::BY_NAME_EXPLICIT.without_links()];

/// The start, or a plain one, for a program that is loaded dynamically: see [`links::random`].
fn possible(chain: &[Vec<u8>], start: Start) -> Start {
    let is_loaded = cfg!(not(target_feature = "crt-static"));
    if is_loaded && chain.iter().any(|word| word == b"fghack") { PLAIN } else { start }
}

#[test]
fn every_pair_of_links() {
    let ground = Ground::new();
    for first in links::harmless() {
        for second in links::harmless() {
            let chain: Words = [first.clone(), second.clone(), ground.probe()].concat();
            ground.assert_same(&chain, &PLAIN, BY_LINKS);
            ground.assert_same(&chain, &possible(&chain, EVERYTHING), BY_NAME_ALONE);
        }
    }
}

#[test]
fn random_chains() {
    const CHAINS: usize = 100;
    let ground = Ground::new();
    let mut draw = Random::new(0x9e37_79b9_7f4a_7c15);
    let starts: Vec<&Start> = STARTS.iter().filter(|start| is_root() || !start.needs_root).collect();
    let mut through = 0;
    for number in 0..CHAINS {
        let chain = links::random(&mut draw, &ground.probe());
        let start = starts[number % starts.len()].closing(if number % 3 == 0 { draw.below(8) as u8 } else { 0 });
        let by_links = ground.assert_same(&chain, &start, BY_LINKS);
        ground.assert_same(&chain, &start, BY_NAME_ALONE);
        through += usize::from(by_links.report.is_some());
    }
    // both kinds are there: chains that come to their end, and chains that do not
    assert!((CHAINS / 4..CHAINS * 9 / 10).contains(&through), "{through} of {CHAINS} chains run through");
}

/// What stands in for a difference: a comparison that missed one of these would prove nothing above.
#[test]
fn a_difference_is_seen_wherever_it_is() {
    let ground = Ground::new();
    let run = |words: &[&str], is_probed: bool| {
        let mut chain: Words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        if is_probed {
            chain.extend(ground.probe());
        }
        ground.run(&chain, &PLAIN, Mode::FUSED)
    };
    let plain = run(&["nohup", "pgrphack"], true);
    assert_eq!(plain.difference_from(&run(&["nohup", "pgrphack"], true)), "");
    let expectations: &[(&[&str], bool, &str)] = &[
        (&["nohup", "softlimit"], true, "report"),
        (&["nohup", "pgrphack", "--help"], false, "stdout"),
        (&["nohup", "pgrphack", "-x"], false, "stderr"),
        (&["nohup", "pgrphack", "-x"], false, "code"),
        (&["nohup", "setlock", "-n", "lock"], true, "files"),
        (&["nohup", "envdir", "env"], true, "report"),
        (&["envuidgid", ":1:2", "pgrphack"], true, "report"),
    ];
    for (words, is_probed, what) in expectations {
        let difference = plain.difference_from(&run(words, *is_probed));
        assert!(difference.contains(what), "{words:?}: {difference:?}");
    }
}
