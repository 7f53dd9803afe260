//! A start that takes too long: --timeout bounds it, and stops what has been started unless that is to be kept.

use crate::ground::{FUSED, FUSED_TWICE, Ground, Run, UNFUSED, UNFUSED_TWICE, WAYS, Way, is_alive, is_unlocked};
use nix::unistd::Pid;
use std::fs;

/// Time enough to start a program on a machine that has much else to do. Several starts share it.
const TIME: &str = "--timeout=2";

/// Starts the chain in these ways, all at once.
fn start_all(ground: &Ground, ways: &[Way], words: &[&str]) -> Vec<(Way, Run)> {
    ways.iter().map(|&way| (way, ground.start(way, words))).collect()
}

#[test]
fn a_daemon_that_is_never_ready_is_stopped() {
    let ground = Ground::new();
    let mut runs = Vec::new();
    for (options, chain) in [
        (&["--ready=fd=3"][..], &["serve"][..]),
        (&["--ready=notify"], &["serve"]),
        (&["--ready=fd=3"], &["setlock", "@/lock", "serve"]),
        (&["--ready=fd=3", "--no-session"], &["serve"]),
        (&["--ready=fd=3"], &["setsid", "--fork", "serve"]),
    ] {
        let words = [&[TIME], options, chain].concat();
        // that one takes turns
        let ways = if chain[0] == "setlock" { &[UNFUSED_TWICE][..] } else { &WAYS };
        runs.extend(start_all(&ground, ways, &words).into_iter().map(|(way, run)| (format!("{words:?} {way:?}"), run)));
    }
    for (context, run) in &mut runs {
        let says = "daemonize: \"serve\" was not ready within 2 s; it has been stopped\n";
        assert_eq!((run.code(), run.stderr().as_str()), (1, says), "{context}");
        assert!(run.rest().starts_with("serving "), "{context}");
    }
}

#[test]
fn a_link_that_waits_is_stopped_before_the_program_has_run() {
    let ground = Ground::new();
    for way in [FUSED, UNFUSED] {
        for chain in [
            &["-p", "@/pid", "setlock", "@/held", "serve"][..],
            &["softlimit", "-c", "0", "setlock", "@/held", "serve"],
            &["fghack", "setlock", "@/held", "serve"],
            &["-p", "@/pid", "-o", "@/fifo", "serve"],
        ] {
            assert_stopped(&ground, way, chain);
        }
    }
}

#[test]
fn whom_a_link_has_forked_is_stopped_as_well() {
    let ground = Ground::new();
    for way in WAYS {
        assert_stopped(&ground, way, &["-p", "@/pid", "setsid", "--fork", "setlock", "@/held", "serve"]);
    }
    for way in [FUSED_TWICE, UNFUSED_TWICE] {
        for chain in [
            &["-p", "@/pid", "setlock", "@/held", "serve"][..],
            &["fghack", "setlock", "@/held", "serve"],
            &["-p", "@/pid", "-o", "@/fifo", "serve"],
        ] {
            assert_stopped(&ground, way, chain);
        }
    }
}

/// Starts a chain that waits for the lock on `held` or for a reader of `fifo`.
fn assert_stopped(ground: &Ground, way: Way, chain: &[&str]) {
    let _held = ground.hold("held");
    let _ = nix::unistd::mkfifo(&ground.at("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o600));
    let words = [&["--timeout=0.1"], chain].concat();
    let says = "daemonize: the daemon was not started within 0.1 s; it has been stopped\n";
    ground.start(way, &words).assert_failed(&format!("{words:?} {way:?}"), 1, says);
    assert!(!ground.at("pid").exists(), "{words:?} {way:?}");
}

#[test]
fn it_is_asked_to_end_before_it_is_made_to_and_its_group_as_well() {
    let ground = Ground::new();
    ground.script(
        "polite",
        "trap 'echo asked >&8; exit 0' TERM\n\
         sh -c 'trap \"echo child asked >&8; exit 0\" TERM; echo child here >&8; while read line; do :; done' <&9 &\n\
         wait",
    );
    for (way, run) in &mut start_all(&ground, &WAYS, &[TIME, "--ready=fd=3", "polite"]) {
        assert_eq!(run.line(), "child here", "{way:?}");
        assert_eq!(run.code(), 1);
        let rest = run.rest();
        let mut lines: Vec<&str> = rest.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["asked", "child asked"], "{way:?}");
    }
}

/// Five seconds from the one signal to the other.
#[test]
fn who_does_not_listen_is_killed_with_its_group() {
    let ground = Ground::new();
    ground.script(
        "stubborn",
        "trap '' TERM; (read line <&9; echo left >&8) & echo child $! >&8; read line <&9; echo left >&8",
    );
    for (way, run) in &mut start_all(&ground, &[FUSED, UNFUSED_TWICE], &[TIME, "--ready=fd=3", "stubborn"]) {
        let child: i32 = run.line().strip_prefix("child ").unwrap().parse().unwrap();
        let says = "daemonize: \"stubborn\" was not ready within 2 s; it has been stopped\n";
        run.assert_failed(&format!("{way:?}"), 1, says);
        assert!(!is_alive(Pid::from_raw(child)), "{way:?}");
    }
}

#[test]
fn one_that_is_kept_goes_on_and_keeps_its_pid_file() {
    let ground = Ground::new();
    let mut runs = Vec::new();
    for (number, way) in WAYS.into_iter().enumerate() {
        for more in ["none", "lock", "pid"] {
            let [pid, lock] = ["pid", more].map(|name| format!("@/{name}-{number}-{more}"));
            let more: &[&str] = if more == "none" { &[] } else { &["-l", &lock] };
            let options = [TIME, "--on-timeout=keep", "--ready=fd=3", "-p", &pid];
            let run = ground.start(way, &[&options, more, &["serve"]].concat());
            runs.push((run, ground.fill(&pid), pid == lock));
        }
    }
    for (run, pid, is_flocked) in &mut runs {
        let daemon = run.serving();
        let says = format!("daemonize: \"serve\" was not ready within 2 s; it goes on as pid {daemon}\n");
        assert_eq!((run.code(), run.stderr()), (1, says), "{pid}");
        assert!(is_alive(daemon), "{pid}");
        assert_eq!(fs::read_to_string(&pid).unwrap(), format!("{daemon}\n"), "{pid}");
        // a record lock that is its own, or the flock of -l
        assert_eq!(is_unlocked(pid.as_ref()), *is_flocked, "{pid}");
        assert_eq!(run.finish(), "");
    }
}

#[test]
fn a_link_that_waits_and_is_kept_runs_the_program_later() {
    let ground = Ground::new();
    for way in [FUSED, UNFUSED] {
        assert_kept(&ground, way, &["setlock", "@/held", "serve"]);
    }
}

#[test]
fn whom_a_link_has_forked_is_named_where_it_is_kept() {
    let ground = Ground::new();
    for way in WAYS {
        assert_kept(&ground, way, &["setsid", "--fork", "setlock", "@/held", "serve"]);
    }
    for way in [FUSED_TWICE, UNFUSED_TWICE] {
        assert_kept(&ground, way, &["setlock", "@/held", "serve"]);
    }
}

/// Starts a chain that waits for the lock on `held`, and lets it have that when the foreground has given up.
fn assert_kept(ground: &Ground, way: Way, chain: &[&str]) {
    let held = ground.hold("held");
    let mut run = ground.start(way, &[&["--timeout=1", "--on-timeout=keep"], chain].concat());
    assert_eq!(run.code(), 1, "{chain:?} {way:?}");
    drop(held);
    let daemon = run.serving();
    let says = format!("daemonize: the daemon was not started within 1 s; it goes on as pid {daemon}\n");
    assert_eq!(run.stderr(), says, "{chain:?} {way:?}");
    assert_eq!(run.finish(), "");
}

#[test]
fn a_start_in_time_and_a_time_of_zero_change_nothing() {
    let ground = Ground::new();
    for way in WAYS {
        for timeout in ["--timeout=50", "--timeout=0", "--timeout=0.0"] {
            let held = ground.hold("held");
            let mut run = ground.start(way, &[timeout, "setlock", "@/held", "serve"]);
            ground.wait_for_waiter("held");
            assert!(!run.has_returned(), "{timeout} {way:?}");
            drop(held);
            run.serving();
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{timeout} {way:?}");
            assert_eq!(run.finish(), "");
        }
    }
}
