//! Nothing is left of a restart: no zombie, no descriptor. Many services at the same time, as each starts once a second.

use crate::place::Place;
use crate::process::descriptors;
use crate::random_kills::is_thorough;
use crate::roles;
use crate::status::{Status, control, is_supervised};
use crate::suite::Suite;
use crate::support::waiting::look_until;
use crate::tree::Tree;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;

/// Services, and restarts of each.
fn size() -> (usize, usize) {
    if is_thorough() { (200, 50) } else { (40, 5) }
}

/// Waits until no service runs and no process is left over, and gives how many descriptors each supervise and svscan has.
#[track_caller]
fn descriptors_at_rest(tree: &Tree<'_>, names: &[String]) -> BTreeMap<Pid, Vec<String>> {
    let place = tree.place;
    for name in names {
        control(&place.service(name), b"d").unwrap();
    }
    for name in names {
        look_until(&format!("{name} is down"), || {
            Status::of(&place.service(name)).is_some_and(|status| status.says_stopped() && status.want() == b'd')
        });
    }
    let mut processes = vec![];
    look_until("nothing is left over", || {
        processes = tree.processes();
        processes.len() == names.len() + 1
    });
    for process in &processes {
        let is_expected = process.name == "supervise" || process.name == "svscan";
        assert!(is_expected && !process.is_zombie(), "{process:?}");
    }
    processes.into_iter().map(|process| (process.pid, descriptors(process.pid))).collect()
}

/// Restarts, after some of which all are counted that the descriptors are as many as after others.
fn restart(suite: &Suite, has_scripts: bool) {
    let (count, restarts) = size();
    let place = Place::new(suite);
    let names: Vec<String> = (0..count).map(|number| format!("service-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let service = place.add(name, "ends");
        for script in ["start", "finish"] {
            // each kind, and both, and none
            let has_it = if script == "start" { number % 2 == 1 } else { number % 4 >= 2 };
            if has_scripts && has_it {
                roles::link(&service.join(script));
            }
        }
    }
    let mut events = place.events();
    let mut tree = Tree::svscan(&place);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut run_until = |least: usize| {
        while seen.len() < count || seen.values().any(|&runs| runs < least) {
            let start = events.next();
            if start.role == "run" {
                *seen.entry(start.service).or_default() += 1;
            }
        }
        seen.values().sum::<usize>()
    };
    run_until(2);
    let before = descriptors_at_rest(&tree, &names);
    for name in &names {
        control(&place.service(name), b"u").unwrap();
    }
    let runs = run_until(restarts + 2);
    let after = descriptors_at_rest(&tree, &names);
    for (pid, before) in &before {
        let after = &after[pid];
        assert_eq!(before.len(), after.len(), "{pid} had {before:#?}\nand after {runs} runs in all: {after:#?}");
    }
    println!("{runs} runs of {count} services with {:?}: nothing is left of them", suite.kind);
    tree.stop(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(place.violations(), "");
}

#[test]
fn a_restart_leaves_no_zombie_and_no_descriptor() {
    restart(&Suite::ours(), true);
}

#[test]
fn a_restart_by_the_reference_leaves_no_zombie_and_no_descriptor() {
    let Some(reference) = Suite::reference() else { return };
    restart(&reference, false);
}

/// Each has a pipe that svscan keeps.
#[test]
fn a_killed_supervise_leaves_no_zombie_and_no_descriptor_in_svscan() {
    const SERVICES: usize = 10;
    let place = Place::new(&Suite::ours());
    let directories: Vec<_> = (0..SERVICES)
        .flat_map(|number| {
            let service = place.add_logged(&format!("service-{number}"), "pause");
            [service.join("log"), service]
        })
        .collect();
    let mut tree = Tree::svscan(&place);
    let mut first: Option<Vec<String>> = None;
    let wait_until_up = || {
        for directory in &directories {
            look_until(&format!("{} is up", directory.display()), || {
                is_supervised(directory) && Status::of(directory).is_some_and(|status| status.says_running())
            });
        }
    };
    for _ in 0..if is_thorough() { 20 } else { 4 } {
        wait_until_up();
        let now = descriptors(tree.program());
        let first = first.get_or_insert_with(|| now.clone());
        assert_eq!(now.len(), first.len(), "{now:#?}\nat first: {first:#?}");
        assert!(tree.processes().iter().all(|process| !process.is_zombie()));
        for supervise in tree.processes().into_iter().filter(|it| it.name == "supervise") {
            kill(supervise.pid, Signal::SIGKILL).unwrap();
        }
        look_until("all are gone", || directories.iter().all(|directory| !is_supervised(directory)));
    }
    wait_until_up();
    tree.stop(&[]);
    assert_eq!(place.violations(), "");
}
