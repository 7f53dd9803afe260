//! TERM to svscan right behind a fault, before anything of it has been put right: all ends, and nothing is left.

use crate::keeper;
use crate::log;
use crate::place::Place;
use crate::status::{Status, is_supervised};
use crate::suite::Suite;
use crate::support::waiting::look_until;
use crate::tree::Tree;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, raise, sigprocmask};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

/// A tree of one service with a log, and what is done to it. Gives what is dead then.
type Fault = fn(&mut Tree<'_>, &Path, &Path) -> Vec<Pid>;

fn pid_of(service: &Path) -> Pid {
    Status::of(service).and_then(|status| status.pid()).unwrap()
}

const FAULTS: &[(&str, Fault)] = &[
    ("nothing", |_, _, _| vec![]),
    ("service", |_, service, _| vec![pid_of(service)]),
    ("logger", |_, _, log| vec![pid_of(log)]),
    ("supervise", |tree, service, _| vec![tree.supervise_of(service)]),
    ("supervise of the logger", |tree, _, log| vec![tree.supervise_of(log)]),
    ("both supervises", |tree, service, log| vec![tree.supervise_of(service), tree.supervise_of(log)]),
    ("service and supervise", |tree, service, _| vec![tree.supervise_of(service), pid_of(service)]),
    ("logger and supervise", |tree, _, log| vec![tree.supervise_of(log), pid_of(log)]),
    ("all but svscan", |tree, service, log| {
        vec![tree.supervise_of(service), tree.supervise_of(log), pid_of(service), pid_of(log)]
    }),
];

fn wait_until_up(service: &Path, log: &Path) {
    for directory in [service, log] {
        look_until("all is up", || {
            is_supervised(directory) && Status::of(directory).is_some_and(|status| status.says_running())
        });
    }
}

#[track_caller]
fn end(tree: &mut Tree<'_>, what: &str) {
    tree.stop(&[]);
    let place = tree.place;
    assert_eq!(place.violations(), "", "{what}");
    let found = log::check(place, "one");
    assert!(found.lines > 0, "{what}: {found:?}");
}

#[test]
fn nothing_is_left_where_all_is_to_end_right_behind_a_fault() {
    std::thread::scope(|scope| {
        for &(what, fault) in FAULTS {
            let thread = std::thread::Builder::new().name(what.to_owned());
            let test = move || {
                let place = Place::new(&Suite::ours());
                let service = place.add_logged("one", "write");
                let log = service.join("log");
                let mut tree = Tree::svscan(&place);
                wait_until_up(&service, &log);
                let dead = fault(&mut tree, &service, &log);
                for &pid in &dead {
                    kill(pid, Signal::SIGKILL).unwrap();
                }
                look_until(what, || dead.iter().all(|&pid| !crate::process::is_alive(pid)));
                end(&mut tree, what);
            };
            thread.spawn_scoped(scope, test).unwrap();
        }
    });
}

/// TERM waits for it when it starts: it finds what its predecessor has left before it looks for anything new.
#[test]
fn nothing_is_left_where_the_successor_of_a_killed_svscan_is_to_end_at_once() {
    let place = Place::new(&Suite::ours());
    let service = place.add_logged("one", "write");
    let log = service.join("log");
    let svscan = place.suite.program("svscan");
    let mut tree = Tree::start(&place, &[keeper::ONCE.as_ref(), svscan.as_ref()], "", |_| ());
    wait_until_up(&service, &log);
    tree.kill_program();
    let mut successor = place.suite.command("svscan", place.path());
    successor.arg(place.scan()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(place.stderr());
    // SAFETY: system calls only.
    unsafe {
        successor.pre_exec(|| {
            let mut term = SigSet::empty();
            term.add(Signal::SIGTERM);
            sigprocmask(SigmaskHow::SIG_BLOCK, Some(&term), None)?;
            Ok(raise(Signal::SIGTERM)?)
        });
    }
    assert_eq!(successor.status().unwrap().code(), Some(0));
    tree.wait_until_gone();
    assert_eq!(place.violations(), "");
    assert!(log::check(&place, "one").lines > 0);
}
