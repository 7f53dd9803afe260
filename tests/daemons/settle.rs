//! A program that ends soon after its start, which the exec alone cannot tell: --settle.

use crate::ground::{Ground, Run, WAYS, Way};

/// Far longer than any of the ends here takes: the foreground returns with the end.
const LONG: &str = "--settle=50000";

#[test]
fn an_end_within_the_time_is_a_failure_that_says_how() {
    let ground = Ground::new();
    for (name, text) in [("exits", "exit 3"), ("well", "exit 0"), ("killed", "kill -9 $$"), ("aborts", "kill -ABRT $$")]
    {
        ground.script(name, text);
    }
    for way in WAYS {
        for (chain, how) in [
            (&["exits"][..], "\"exits\" exited with 3"),
            (&["well"], "\"well\" exited with 0"),
            (&["@/killed"], "\"@/killed\" was killed by signal 9 (SIGKILL)"),
            (&["setlock", "@/lock", "aborts"], "\"aborts\" was killed by signal 6 (SIGABRT)"),
            (&["setsid", "--fork", "exits"], "\"exits\" exited with 3"),
            (&["fghack", "exits"], "\"exits\" exited with 3"),
            // the kernel kills it in the exec, past the point where that could fail
            (&["softlimit", "-m", "5000", "exits"], "\"exits\" was killed by signal 11 (SIGSEGV)"),
        ] {
            let words = [&[LONG, "-p", "@/pid"], chain].concat();
            let says = ground.fill(&format!("daemonize: {how} within 50000 ms of its start\n"));
            ground.start(way, &words).assert_failed(&format!("{words:?} {way:?}"), 1, &says);
            assert!(!ground.at("pid").exists(), "{words:?} {way:?}");
        }
    }
}

#[test]
fn without_it_such_a_start_is_a_success() {
    let ground = Ground::new();
    ground.script("exits", "exit 3");
    for way in WAYS {
        for chain in [&["exits"][..], &["softlimit", "-m", "5000", "exits"], &["--settle=0", "exits"]] {
            let mut run = ground.start(way, chain);
            assert_eq!((run.code(), run.stderr(), run.rest()), (0, "".into(), "".into()), "{chain:?} {way:?}");
        }
    }
}

#[test]
fn a_program_that_goes_on_is_a_success_after_the_time() {
    let ground = Ground::new();
    for way in WAYS {
        for chain in [&["serve"][..], &["setsid", "serve"], &["fghack", "serve"]] {
            let mut run = ground.start(way, &[&["--settle=20"], chain].concat());
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{chain:?} {way:?}");
            run.serving();
            assert_eq!(run.finish(), "", "{chain:?} {way:?}");
        }
    }
}

/// The foreground does not look away from who goes on: the parents that links leave behind end at once.
#[test]
fn after_a_link_that_forks_it_is_the_program_that_counts() {
    let ground = Ground::new();
    for way in WAYS {
        for chain in [
            &["setsid", "--fork", "serve"][..],
            &["setsid", "setsid", "--fork", "setsid", "serve"],
            &["daemonize", "serve"],
            &["daemonize", "--double-fork", "setsid", "serve"],
        ] {
            let mut run = ground.start(way, &[&["--settle=30"], chain].concat());
            let pid = run.serving();
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{chain:?} {way:?}");
            assert!(crate::ground::is_alive(pid));
            assert_eq!(run.finish(), "");
        }
    }
}

/// Where SIGCHLD is ignored a child leaves no status; the foreground has to want it all the same.
#[test]
fn an_end_is_also_known_where_sigchld_is_ignored() {
    let ground = Ground::new();
    ground.script("exits", "exit 3");
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        for chain in [&["exits"][..], &["setlock", "@/lock", "exits"], &["fghack", "exits"]] {
            let words = [&["daemonize"], twice, &[LONG], chain].concat();
            let mut run = with_sigchld_ignored(&ground, way, &words);
            let says = "daemonize: \"exits\" exited with 3 within 50000 ms of its start\n";
            run.assert_failed(&format!("{words:?} {way:?}"), 1, says);
        }
    }
}

/// What setsid leaves behind is reaped by the kernel where its parent ignores SIGCHLD, sometimes before the foreground can
/// look. Then its code is unknown, and not that of setsid's own parent.
#[test]
fn an_end_that_nobody_saw_is_not_given_another_ones_code() {
    let ground = Ground::new();
    ground.script("exits", "exit 3");
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        for _ in 0..50 {
            let words = [&["daemonize"], twice, &[LONG, "setsid", "--fork", "exits"]].concat();
            let mut run = with_sigchld_ignored(&ground, way, &words);
            let how = ["exited with 3", "ended"]
                .map(|how| format!("daemonize: \"exits\" {how} within 50000 ms of its start\n"));
            assert_eq!(run.code(), 1, "{way:?}");
            assert!(how.contains(&run.stderr()), "{way:?}: {}", run.stderr());
        }
    }
}

fn with_sigchld_ignored(ground: &Ground, way: Way, words: &[&str]) -> Run {
    Run::with(ground.command(way.fused, words), || {
        // SAFETY: no handler.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        Ok(())
    })
}
