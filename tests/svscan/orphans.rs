//! Processes that a service leaves behind and that hold the pipe to its logger: the logger never sees the end, and still the
//! tree ends.

use crate::all_at_once::Slow;
use crate::first::svscan_first;
use crate::ground::{Ground, OURS, Way};
use crate::lines::{WRITER, assert_complete, wait_for_lines};
use crate::processes::argv;
use crate::support::namespaces::{FIRST, may_unshare};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

pub const SLOW: &[Slow] = &[
    ("an_orphan_with_the_pipe_delays_the_end_by_five_seconds", OURS, an_orphan_with_the_pipe),
    ("an_orphan_with_the_pipe_ends_with_the_first_process", OURS, below_the_first_process),
];

/// Leaves a process behind that has the pipe and heeds no request.
fn leaving() -> String {
    format!("setsid sh -c 'trap \"\" TERM; echo NAME orphan $$ >&8; exec sleep 1000000' &\n{WRITER}")
}

/// Without a shell around it, which would be killed and leave it.
const LOGGER: &str = "echo NAME/log up $$ >&8; exec cat >>lines";

fn an_orphan_with_the_pipe(way: Way) {
    let ground = Ground::new(way);
    ground.service_with_log("a", &leaving(), LOGGER);
    ground.service_with_log("b", WRITER, LOGGER);
    let mut tree = ground.start();
    let orphan = tree.hears("a orphan", 1);
    tree.all_up(&["a", "a/log", "b", "b/log"]);
    wait_for_lines(&ground, &["a", "b"]);
    let asked = Instant::now();
    tree.signal(Signal::SIGTERM);
    assert_eq!(tree.code(tree.svscan), 0);
    let taken = asked.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(20)).contains(&taken), "{taken:?}");
    assert_complete(&ground, &["a", "b"]);
    let left: Vec<i32> = tree.processes().iter().map(|process| process.pid).collect();
    assert_eq!(left, [orphan], "{:#?}", tree.shown());
    assert_eq!(argv(orphan), ["sleep", "1000000"]);
}

/// Which kills it, as nothing may be left.
fn below_the_first_process(way: Way) {
    if !may_unshare(FIRST) {
        return;
    }
    let ground = Ground::new(way);
    ground.service_with_log("a", &leaving(), LOGGER);
    let (mut tree, outside) = svscan_first(&ground);
    tree.hears("a orphan", 1);
    tree.all_up(&["a", "a/log"]);
    wait_for_lines(&ground, &["a"]);
    let asked = Instant::now();
    tree.signal(Signal::SIGTERM);
    assert_eq!(tree.code(outside), 0);
    assert!((Duration::from_secs(5)..Duration::from_secs(20)).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    tree.is_gone();
    assert_complete(&ground, &["a"]);
}
