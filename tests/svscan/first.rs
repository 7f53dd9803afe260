//! svscan and supervise as the first process of a pid namespace, as in a container: they reap what is orphaned, end on TERM
//! from outside, and leave nothing.

use crate::ground::{Ground, OURS, OWN, Reference, SERVE, Way, each};
use crate::lines::{LOGGER, WRITER, assert_complete, wait_for_lines};
use crate::processes::{self, children, is_alive};
use crate::support::namespaces::{FIRST, may_unshare};
use crate::support::waiting::{PATIENCE, look_for, look_until};
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use std::path::Path;
use std::time::Instant;

/// A tree whose first process in its namespace is this program. Gives the process that waits for it outside.
fn start_first<'a>(ground: &'a Ground, program: &str, operand: &Path) -> (Tree<'a>, i32) {
    let mut tree = Tree::new(ground, &[]);
    let program = ground.program(program);
    let mut words = vec!["unshare"];
    words.extend(FIRST);
    words.extend(["--", program.to_str().unwrap(), operand.to_str().unwrap()]);
    let outside = tree.run(&words);
    // not before it has become the program
    tree.svscan = look_for("the first process", || {
        let found = children(outside).into_iter().next()?;
        (processes::link(found, "exe") != processes::link(outside, "exe")).then_some(found)
    });
    (tree, outside)
}

/// A tree whose first process is svscan, and the process that waits for that outside.
pub fn svscan_first(ground: &Ground) -> (Tree<'_>, i32) {
    start_first(ground, "svscan", &ground.at("service"))
}

/// Ours is the first process in each way; what it has not been started on is left out once.
fn each_first(ways: &[Way], test: impl Fn(Way) + Sync) {
    if may_unshare(FIRST) {
        each(ways, test);
    }
}

/// Leaves twenty behind that end at once, each a little later than the other.
const LEAVING: &str = "\
for number in 0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j; do
    (sleep 0.1 && echo orphan over $$ >&8 &)
done
echo NAME up $$ >&8
read x <&9";

#[test]
fn svscan_reaps_orphans_as_the_first_process() {
    each_first(OURS, |way| {
        let ground = Ground::new(way);
        ground.service("a", LEAVING);
        ground.service_with_log("b", LEAVING, LOGGER);
        let (mut tree, outside) = svscan_first(&ground);
        tree.hears("orphan over", 40);
        tree.all_up(&["a", "b", "b/log"]);
        look_until("only the supervises are left, and no zombie", || children(tree.svscan).len() == 3);
        tree.signal(Signal::SIGTERM);
        assert_eq!(tree.code(outside), 0);
        tree.is_gone();
        assert_eq!(ground.messages(), "");
    });
}

#[test]
fn svscan_as_the_first_process_ends_all_in_order() {
    each_first(OURS, |way| {
        let ground = Ground::new(way);
        ground.service_with_log("a", WRITER, LOGGER);
        ground.service_with_log("b", WRITER, LOGGER);
        // what it leaves ends with the namespace, whatever it ignores
        ground.service("daemon", &format!("(trap '' TERM; exec setsid sleep 1000000 &)\n{SERVE}"));
        let (mut tree, outside) = svscan_first(&ground);
        tree.all_up(&["a", "a/log", "b", "b/log", "daemon"]);
        wait_for_lines(&ground, &["a", "b"]);
        tree.signal(Signal::SIGTERM);
        assert_eq!(tree.code(outside), 0);
        tree.is_gone();
        let lines = tree.voice.lines();
        let place = |said: &str| lines.iter().position(|line| line.starts_with(said)).expect(said);
        for name in ["a", "b"] {
            assert!(place(&format!("{name} ended")) < place(&format!("{name}/log ended")), "{lines:#?}");
        }
        assert_complete(&ground, &["a", "b"]);
        assert_eq!(ground.messages(), "");
    });
}

#[test]
fn the_reference_as_the_first_process_does_not_hear_term() {
    each_first(&[Reference], |way| {
        let ground = Ground::new(way);
        ground.service("a", SERVE);
        let (mut tree, _) = svscan_first(&ground);
        tree.all_up(&["a"]);
        tree.signal(Signal::SIGTERM);
        ground.service("later", SERVE);
        tree.all_up(&["later"]);
    });
}

#[test]
fn a_missing_directory_is_fatal_to_the_first_process_too() {
    each_first(&[Reference, crate::ground::Forked], |way| {
        let ground = Ground::new(way);
        let mut tree = Tree::new(&ground, &[]);
        let svscan = ground.program("svscan");
        let outside = tree.run(&[&["unshare"], FIRST, &["--", svscan.to_str().unwrap(), "/nowhere"]].concat());
        assert_eq!(tree.code(outside), 111);
        assert_eq!(ground.messages(), "svscan: fatal: unable to chdir to /nowhere: file does not exist\n");
    });
}

#[test]
fn two_hundred_services_end_within_two_seconds_and_their_own_time() {
    const COUNT: usize = 200;
    if !may_unshare(FIRST) {
        return;
    }
    // one way after the other, as the time is looked at
    for &way in OWN {
        each(&[way], |way| {
            let ground = Ground::new(way);
            let names = (0..COUNT).map(|number| format!("service{number:03}"));
            // half a second is their own time
            ground.services(names, "trap 'sleep 0.5; exit' TERM; echo up up $$ >&8; read x <&9");
            let started = Instant::now();
            let (mut tree, outside) = svscan_first(&ground);
            tree.hears("up up", COUNT);
            let up = started.elapsed();
            assert_eq!(tree.supervises().len(), COUNT);
            let asked = Instant::now();
            tree.signal(Signal::SIGTERM);
            assert_eq!(tree.code(outside), 0);
            let taken = asked.elapsed();
            tree.is_gone();
            // straight to the descriptor, as the harness would keep it to itself
            let figure = format!(
                "{COUNT} services, {way:?}: up after {up:.2?}, ended {taken:.2?} after the request, 0.5 s of that their own\n"
            );
            let _ = nix::unistd::write(std::io::stderr(), figure.as_bytes());
            assert!(taken < PATIENCE / 3, "{taken:?}");
        });
    }
}

#[test]
fn supervise_as_the_first_process_ends_on_request_and_reaps_orphans() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        each_first(OWN, |way| {
            let ground = Ground::new(way);
            let ends = "trap 'echo NAME ended $$ >&8; exit 3' TERM";
            ground.service("a", &format!("{ends}\n{LEAVING}"));
            let (mut tree, outside) = start_first(&ground, "supervise", &ground.service_at("a"));
            tree.hears("orphan over", 20);
            look_until("only the service is left, and no zombie", || children(tree.svscan).len() == 1);
            tree.signal(signal);
            assert_eq!(tree.code(outside), 0);
            tree.hears("a ended", 1);
            tree.is_gone();
            assert_eq!(tree.voice.lines().iter().filter(|line| line.starts_with("a up ")).count(), 1);
        });
    }
}

/// In a container `x` is not the only way out; in the reference it is.
#[test]
fn supervise_as_the_first_process_obeys_its_fifo() {
    each_first(&[Reference, crate::ground::Forked], |way| {
        let ground = Ground::new(way);
        ground.service("a", "trap 'echo NAME ended $$ >&8; exit' TERM; echo NAME up $$ >&8; read x <&9");
        let (mut tree, outside) = start_first(&ground, "supervise", &ground.service_at("a"));
        tree.all_up(&["a"]);
        if way == Reference {
            signal_to(tree.svscan, Signal::SIGTERM);
            ground.tell("a", "t");
            // it still restarts what ends
            tree.hears("a up", 2);
            assert!(is_alive(tree.svscan));
        }
        ground.tell("a", "dx");
        assert_eq!(tree.code(outside), 0);
        tree.is_gone();
    });
}
