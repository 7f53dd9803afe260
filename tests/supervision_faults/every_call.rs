//! supervise killed right before each of its system calls in turn, and each of those that its children make before their
//! exec: its successor finds what runs, starts no copy of it, and ends it.

use crate::place::Place;
use crate::process;
use crate::status::{Status, control};
use crate::suite::Suite;
use crate::support::leave_out;
use crate::support::waiting::PATIENCE;
use crate::tree::Tree;
use crate::{keeper, roles, tracer};
use nix::unistd::Pid;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Stories told at the same time.
const THREADS: usize = 4;

/// A service with scripts is started, and told to end as soon as it runs; its supervise is killed before its system call of
/// this number. Then another one takes over. Gives false if the first has come to its end.
fn tell(number: u64) -> bool {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "pause");
    for script in ["start", "finish"] {
        roles::link(&service.join(script));
    }
    let mut events = place.events();
    let (tracer, supervise, call) = (place.at(tracer::NAME), place.suite.program("supervise"), number.to_string());
    let words = [keeper::ONCE.as_ref(), tracer.as_ref(), tracer::KILL.as_ref(), call.as_ref(), supervise.as_ref()];
    let mut first = Tree::start(&place, &words, "one", |_| ());
    let since = Instant::now();
    let mut is_told = false;
    let code = loop {
        if let Some(code) = first.code_within(Duration::from_millis(1)) {
            break code;
        }
        if !is_told && events.next_within(Duration::ZERO).is_some_and(|start| start.role == "run") {
            is_told = true;
            let _ = control(&service, b"dx");
        }
        assert!(since.elapsed() < PATIENCE, "before call {number}: {}", place.said());
    };
    match code {
        0 => {}
        tracer::SURVIVED => {
            first.wait_until_gone();
            return false;
        }
        tracer::REFUSED => {
            leave_out("kills at each system call: tracing is not allowed here");
            return false;
        }
        code => panic!("{code}, {}", place.said()),
    }

    // what the killed one was about to run may still hold its lock, and then this is refused
    let mut second = loop {
        let mut tree = Tree::supervise(&place, "one");
        let is_there = loop {
            // its own, as the other may not yet be gone
            let own = process::descriptors(tree.program());
            if own.iter().any(|descriptor| descriptor.ends_with("/supervise/ok")) {
                break true;
            }
            if let Some(code) = tree.code_within(Duration::from_millis(1)) {
                assert_eq!(code, 111, "before call {number}: {}", place.said());
                break false;
            }
        };
        if is_there {
            break tree;
        }
    };
    let others = |service: Option<Pid>| {
        let all = first.processes().into_iter().chain(second.processes());
        all.filter(|it| it.pid != second.program() && Some(it.pid) != service).count()
    };
    let is_up = |status: &Status| {
        let pid = status.pid().filter(|&pid| status.want() == b'u' && status.says_running() && process::is_alive(pid));
        pid.is_some() && others(pid) == 0
    };
    // what the first was told is the second's to do where it has found the service still running
    let is_down = |status: &Status| is_told && status.want() == b'd' && status.says_stopped() && others(None) == 0;
    let assert_comes_true = |is_so: &dyn Fn(&Status) -> bool| {
        let since = Instant::now();
        while !Status::of(&service).is_some_and(|status| is_so(&status)) {
            if since.elapsed() > PATIENCE {
                let (status, said) = (Status::of(&service), place.said());
                let left = [first.processes(), second.processes()];
                panic!("not right after a kill before call {number}: {status:?}, {left:?}, {said}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(place.violations(), "", "before call {number}: {}", place.said());
    };
    assert_comes_true(&|status| is_up(status) || is_down(status));
    control(&service, b"u").unwrap();
    assert_comes_true(&is_up);
    second.stop(&["one"]);
    first.wait_until_gone();
    assert_eq!(place.violations(), "", "before call {number}: {}", place.said());
    true
}

#[test]
fn no_kill_before_any_system_call_makes_a_copy() {
    let next = AtomicU64::new(1);
    let told: usize = std::thread::scope(|scope| {
        let told = || (0..).take_while(|_| tell(next.fetch_add(1, Ordering::Relaxed))).count();
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(told)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("killed before each of {told} system calls");
}
