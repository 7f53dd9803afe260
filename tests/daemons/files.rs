//! Failures with files: logs and pid files that cannot be opened or written, directories that are not there, and what a
//! failure that comes late leaves of them.

use crate::failing::{assert_fails, failing};
use crate::ground::{Ground, Run, WAYS};
use crate::support::leave_out;
use std::fs;

#[test]
fn a_log_that_cannot_be_opened() {
    let ground = Ground::new();
    for (options, says) in [
        (&["-o", "@/none/log"][..], "daemonize: Can't open \"@/none/log\" for stdout: No such file or directory\n"),
        (&["-o", "@/."], "daemonize: Can't open \"@/.\" for stdout: Is a directory\n"),
        (&["-e", "@/none/log"], "daemonize: Can't open \"@/none/log\" for stderr: No such file or directory\n"),
        (&["-a", "-e", "@/."], "daemonize: Can't open \"@/.\" for stderr: Is a directory\n"),
        (
            &["-o", "@/out", "-e", "@/none/log", "-p", "@/pid"],
            "daemonize: Can't open \"@/none/log\" for stderr: No such file or directory\n",
        ),
        (&["-c", "@/none"], "daemonize: Can't change working directory to \"@/none\": No such file or directory\n"),
        (
            &["-c", "@/serve", "-p", "@/pid"],
            "daemonize: Can't change working directory to \"@/serve\": Not a directory\n",
        ),
    ] {
        for way in WAYS {
            let words = [options, &["serve"]].concat();
            ground.start(way, &words).assert_failed(&format!("{words:?} {way:?}"), 1, &ground.fill(says));
            assert!(!ground.at("pid").exists(), "{words:?} {way:?}");
        }
    }
    // the reference leaves this, too: what has been opened before the failure
    fs::remove_file(ground.at("out")).unwrap();
    assert_eq!(ground.files().len(), 1);
}

#[test]
fn a_held_pid_file_is_75_and_names_the_holder() {
    let ground = Ground::new();
    let mut holder = ground.run(true, &["pidfile-lock", "@/held.pid", "serve"]);
    let pid = holder.serving();
    let before = ground.files();
    for way in WAYS {
        for (words, name) in [
            (&["-p", "@/held.pid", "serve"][..], "daemonize: "),
            (&["--keep-stdio", "-p", "@/held.pid", "serve"], "daemonize: "),
            (&["pidfile-lock", "@/held.pid", "serve"], "pidfile-lock: fatal: "),
            (&["--keep-stdio", "setlock", "@/lock", "pidfile-lock", "@/held.pid", "serve"], "pidfile-lock: fatal: "),
            (&["fghack", "pidfile-lock", "@/held.pid", "serve"], "pidfile-lock: fatal: "),
        ] {
            let says = ground.fill(&format!("{name}@/held.pid is held by pid {pid} (serve)\n"));
            ground.start(way, words).assert_failed(&format!("{words:?} {way:?}"), 75, &says);
            let _ = fs::remove_file(ground.at("lock"));
            assert_eq!(ground.files(), before, "{words:?} {way:?}");
        }
    }
}

#[test]
fn a_held_lock_of_its_own_is_known_before_the_fork() {
    let ground = Ground::new();
    let _held = ground.hold("held");
    let text = "daemonize: Can't lock the lock file \"@/held\". Is another instance running?\n";
    for way in WAYS {
        ground.start(way, &["-l", "@/held", "-p", "@/pid", "serve"]).assert_failed("-l", 1, &ground.fill(text));
        assert!(!ground.at("pid").exists());
    }
}

#[test]
fn a_file_size_limit_keeps_the_pid_from_being_written() {
    let ground = Ground::new();
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        for old in [None, Some("99999999\n")] {
            let mut expected = ground.files();
            if let Some(text) = old {
                fs::write(ground.at("pid"), text).unwrap();
                expected.insert(ground.at("pid"), String::new());
            }
            let words = [&["softlimit", "-f", "0", "daemonize"], twice, &["-p", "@/pid", "serve"]].concat();
            let says = ground.fill("daemonize: unable to write @/pid: File too large\n");
            ground.run(way.fused, &words).assert_failed(&format!("{words:?} {way:?}"), 1, &says);
            assert_eq!(ground.files(), expected, "{words:?} {way:?}");
            let _ = fs::remove_file(ground.at("pid"));

            if let Some(text) = old {
                fs::write(ground.at("pid"), text).unwrap();
            }
            let words = [&["daemonize"], twice, &["softlimit", "-f", "0", "pidfile-lock", "@/pid", "serve"]].concat();
            let says = ground.fill("pidfile-lock: fatal: unable to write @/pid: file too big\n");
            ground.run(way.fused, &words).assert_failed(&format!("{words:?} {way:?}"), 111, &says);
            assert_eq!(ground.files(), expected, "{words:?} {way:?}");
            let _ = fs::remove_file(ground.at("pid"));
        }
    }
}

/// A file system of its own, where even an ordinary user can fill one.
#[test]
fn a_full_disk_keeps_the_pid_from_being_written() {
    let ground = Ground::new();
    fs::create_dir(ground.at("disk")).unwrap();
    ground.script(
        "on-a-full-disk",
        "mount -t tmpfs -o size=8k tmpfs @/disk || exit 77\n\
         for file in $FILES; do cat /dev/zero >@/disk/$file 2>/dev/null; done\n\
         \"$@\"\n\
         code=$?; ls @/disk >&8; exit $code",
    );
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        for (chain, code, says) in [
            (&["-p", "@/disk/pid", "serve"][..], 1, "daemonize: unable to write @/disk/pid: No space left on device\n"),
            (
                &["pidfile-lock", "@/disk/pid", "serve"],
                111,
                "pidfile-lock: fatal: unable to write @/disk/pid: out of disk space\n",
            ),
        ] {
            let start = ["/usr/bin/unshare", "-rm", "@/on-a-full-disk", "daemonize"];
            let mut command = ground.command(way.fused, &[&start, twice, chain].concat());
            command.env("FILES", "filler");
            let mut run = Run::new(command);
            if run.code() == 77 || run.stderr().starts_with("unshare: ") {
                return leave_out("a full disk: no user namespaces here");
            }
            let context = format!("{chain:?} {way:?}");
            assert_eq!((run.code(), run.stderr()), (code, ground.fill(says)), "{context}");
            assert_eq!(run.rest(), "filler\n", "{context}: the pid file is gone, and no other is there");
        }
    }
}

/// Everything that is there when the last program cannot be run, or is too late.
#[test]
fn a_pid_file_that_was_there_is_left_empty_by_a_failure_of_readiness() {
    let ground = Ground::new();
    ground.script("ends", "exit 4");
    for way in WAYS {
        fs::write(ground.at("pid"), "99999999\n").unwrap();
        let says = "daemonize: \"ends\" exited with 4 before it was ready\n";
        ground.start(way, &["-p", "@/pid", "--ready=fd=3", "ends"]).assert_failed("old", 1, says);
        assert_eq!(fs::read_to_string(ground.at("pid")).unwrap(), "");
        fs::remove_file(ground.at("pid")).unwrap();
        ground.start(way, &["-p", "@/pid", "--ready=fd=3", "ends"]).assert_failed("new", 1, says);
        assert!(!ground.at("pid").exists());
    }
}

#[test]
fn a_message_longer_than_what_a_pipe_takes_in_one_piece_is_still_a_line() {
    let ground = Ground::new();
    let long = format!("/{}", "x".repeat(5000));
    for way in WAYS {
        let mut run = ground.start(way, &["setlock", "@/lock", &long]);
        assert_eq!(run.code(), 111);
        let says = run.stderr();
        assert!(says.starts_with("setlock: fatal: unable to run /xxx"), "{way:?}: {says}");
        assert!(says.ends_with(": file name too long\n") && says.lines().count() == 1, "{way:?}: {} bytes", says.len());
        assert_eq!(run.rest(), "");
    }
}

/// The line of a chain is not said twice where the log is the foreground's own standard error under another name.
#[test]
fn a_log_that_is_the_foregrounds_own_standard_error_has_the_line_once() {
    let ground = Ground::new();
    ground.script("into-log", "exec \"$@\" 2>>@/log");
    let says = "daemonize: Can't exec \"no-such\": No such file or directory\n";
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        let words = [&["@/into-log", "daemonize"], twice, &["-a", "-e", "@/log", "no-such"]].concat();
        let mut run = ground.run(way.fused, &words);
        run.assert_failed(&format!("{way:?}"), 1, "");
        assert_eq!(fs::read_to_string(ground.at("log")).unwrap(), says, "{way:?}");
        fs::remove_file(ground.at("log")).unwrap();
    }
    assert_fails(&ground, &failing(&["no-such"], 1, says.trim_end()));
}
