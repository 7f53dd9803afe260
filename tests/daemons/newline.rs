//! Readiness by a newline on a descriptor, as s6 and supervise understand it: what counts as one, and what does not.

use crate::ground::{FUSED, Ground, UNFUSED_TWICE, WAYS, is_alive};
use crate::support::{leave_out, peer};
use nix::sys::signal::{Signal, kill};
use std::fs;

#[test]
fn a_newline_says_it_and_nothing_before_it_does() {
    let ground = Ground::new();
    ground.script("alone", "echo >&3; read line <&9");
    ground.script("in-two", "printf abc >&3; echo half >&8; read line <&9; printf 'def\\nmore' >&3; read line <&9");
    ground.script("closes", "echo >&3; exec 3>&-; read line <&9");
    for way in WAYS {
        for chain in [
            &["alone"][..],
            &["closes"],
            &["setlock", "@/lock", "alone"],
            &["setsid", "--fork", "alone"],
            &["fghack", "alone"],
            &["sh", "-c", "exec alone"],
        ] {
            let mut run = ground.start(way, &[&["--ready=fd=3"], chain].concat());
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{chain:?} {way:?}");
            assert_eq!(run.finish(), "");
        }
        let mut run = ground.start(way, &["--ready=fd=3", "in-two"]);
        assert_eq!(run.line(), "half");
        assert!(!run.has_returned(), "{way:?}");
        run.tell("go on");
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        assert_eq!(run.finish(), "");
    }
}

#[test]
fn an_end_before_it_is_a_failure_and_one_right_behind_it_is_none() {
    let ground = Ground::new();
    ground.script("exits", "printf abc >&3; exit 5");
    ground.script("killed", "kill -9 $$");
    ground.script("short", "echo >&3; exit 5");
    for way in WAYS {
        for (program, how) in [("exits", "exited with 5"), ("killed", "was killed by signal 9 (SIGKILL)")] {
            let says = format!("daemonize: \"{program}\" {how} before it was ready\n");
            let mut run = ground.start(way, &["--ready=fd=3", "-p", "@/pid", program]);
            run.assert_failed(&format!("{program} {way:?}"), 1, &says);
            assert!(!ground.at("pid").exists(), "{program} {way:?}");
        }
        let mut run = ground.start(way, &["--ready=fd=3", "short"]);
        assert_eq!((run.code(), run.stderr(), run.rest()), (0, String::new(), String::new()), "{way:?}");
        let says = "daemonize: Can't exec \"no-such\": No such file or directory\n";
        ground.start(way, &["--ready=fd=3", "no-such"]).assert_failed(&format!("{way:?}"), 1, says);
    }
}

#[test]
fn a_pipe_closed_without_it_is_a_failure_and_the_daemon_is_stopped() {
    let ground = Ground::new();
    ground.script("silent", "printf abc >&3; exec 3>&-; read line <&9; echo survived >&8");
    // it takes a second each time, in which the end that usually causes this could come
    for way in [FUSED, UNFUSED_TWICE] {
        let says = "daemonize: \"silent\" closed its pipe without saying that it is ready; it has been stopped\n";
        ground.start(way, &["--ready=fd=3", "silent"]).assert_failed(&format!("{way:?}"), 1, says);
        let mut run = ground.start(way, &["--ready=fd=3", "--on-timeout=keep", "-p", "@/pid", "silent"]);
        assert_eq!(run.code(), 1);
        let pid = fs::read_to_string(ground.at("pid")).unwrap();
        let says = format!("it goes on as pid {}\n", pid.trim_end());
        assert!(run.stderr().ends_with(&says), "{way:?}: {}", run.stderr());
        assert_eq!(run.finish(), "survived\n");
        fs::remove_file(ground.at("pid")).unwrap();
    }
}

#[test]
fn a_child_that_has_the_pipe_does_not_stand_for_a_program_that_has_ended() {
    let ground = Ground::new();
    ground.script("leaves-a-child", "{ read line <&9; echo left >&8; } & exit 6");
    for way in WAYS {
        let mut run = ground.start(way, &["--ready=fd=3", "leaves-a-child"]);
        assert_eq!(run.code(), 1, "{way:?}");
        assert_eq!(run.stderr(), "daemonize: \"leaves-a-child\" exited with 6 before it was ready\n", "{way:?}");
    }
}

/// The manual: "A daemon that ends, closes the pipe, or is not ready within --timeout has failed; it is sent SIGTERM with its
/// process group".
#[test]
fn what_a_program_leaves_that_ends_before_it_is_ready_is_stopped() {
    let ground = Ground::new();
    ground.script("leaves-a-child", "{ read line <&9; echo left >&8; } & echo child $! >&8; exit 6");
    for way in WAYS {
        let mut run = ground.start(way, &["--ready=fd=3", "leaves-a-child"]);
        let child = run.line().strip_prefix("child ").unwrap().parse().unwrap();
        assert_eq!(run.code(), 1, "{way:?}");
        crate::ground::wait_for_end_of(nix::unistd::Pid::from_raw(child));
    }
}

#[test]
fn the_daemon_has_the_pipe_under_its_number_and_no_other_of_it() {
    let ground = Ground::new();
    let show = "exec >&8; ls /proc/$$/fd; test -p /proc/$$/fd/5 && echo pipe; echo >&5; read line <&9";
    for way in WAYS {
        for (links, numbers) in [
            (&[][..], "0 1 2 5 8 9"),
            (&["setlock", "@/lock"], "0 1 2 3 5 8 9"),
            // as ls sorts them
            (&["-p", "@/pid", "setlock", "@/lock"], "0 1 10 2 3 5 8 9"),
        ] {
            let mut run = ground.start(way, &[&["--ready=fd=5"], links, &["sh", "-c", show]].concat());
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{links:?} {way:?}");
            let seen: Vec<String> = run.finish().lines().map(str::to_owned).collect();
            assert_eq!(seen.join(" "), format!("{numbers} pipe"), "{links:?} {way:?}");
        }
    }
}

#[test]
fn s6_speaks_it() {
    let ground = Ground::new();
    let Some(svscan) = peer("s6-svscan") else { return };
    fs::create_dir(ground.at("scan")).unwrap();
    for way in WAYS {
        let mut run =
            ground.start(way, &["-p", "@/pid", "--ready=fd=3", svscan.to_str().unwrap(), "-d", "3", "@/scan"]);
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        // a writer is only let in while it reads
        let control = ground.at("scan/.s6-svscan/control");
        let flags = nix::fcntl::OFlag::O_WRONLY | nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_CLOEXEC;
        nix::fcntl::open(&control, flags, nix::sys::stat::Mode::empty()).unwrap();
        let daemon = nix::unistd::Pid::from_raw(fs::read_to_string(ground.at("pid")).unwrap().trim().parse().unwrap());
        assert!(is_alive(daemon));
        kill(daemon, Signal::SIGTERM).unwrap();
        assert_eq!(run.rest(), "", "{way:?}");
        fs::remove_file(ground.at("pid")).unwrap();
    }
    let (Some(server), Some(logger)) = (peer("s6-ipcserver"), peer("s6-log")) else { return };
    for way in WAYS {
        let server = format!("exec {} -1 @/socket cat >&3", server.display());
        let mut run = ground.start(way, &["-p", "@/pid", "--ready=fd=3", "sh", "-c", &server]);
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        std::os::unix::net::UnixStream::connect(ground.at("socket")).unwrap();
        let daemon = fs::read_to_string(ground.at("pid")).unwrap().trim().parse().unwrap();
        kill(nix::unistd::Pid::from_raw(daemon), Signal::SIGTERM).unwrap();
        assert_eq!(run.rest(), "", "{way:?}");
        fs::remove_file(ground.at("pid")).unwrap();
        fs::remove_file(ground.at("socket")).unwrap();

        // it reads from /dev/null to the end, so it is ready, and then it ends
        let logger = logger.to_str().unwrap();
        let mut run = ground.start(way, &["--ready=fd=3", logger, "-d", "3", "t", "@/logs"]);
        assert_eq!((run.code(), run.stderr(), run.rest()), (0, String::new(), String::new()), "{way:?}");
        assert!(ground.at("logs/current").exists());
        fs::remove_dir_all(ground.at("logs")).unwrap();
    }
}

#[test]
fn bash_can_say_it_on_a_high_number() {
    let Some(bash) = peer("bash") else { return leave_out("a newline on descriptor 1023: no bash") };
    let ground = Ground::new();
    for way in WAYS {
        let words = ["--ready=fd=1023", bash.to_str().unwrap(), "-c", "echo >&1023; read line <&9"];
        let mut run = ground.start(way, &words);
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        assert_eq!(run.finish(), "");
    }
}
