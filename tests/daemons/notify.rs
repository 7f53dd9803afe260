//! Readiness by a message to a socket, as systemd understands it: whose messages count, and which.

use crate::ground::{Ground, Run, WAYS, Way};
use crate::support::{is_root, leave_out, peer};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{self, AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr};
use std::io::{IoSlice, Read};
use std::os::fd::{AsRawFd, OwnedFd};

/// A program of Perl's that does what its arguments say: `say=TEXT` sends a message, `wait` reads a line, `end=N` exits, and
/// anything else is reported.
const SPEAKER: &str = r#"#!/usr/bin/perl
use Socket;
open(VOICE, ">&=8"); open(LIFE, "<&=9"); select(VOICE); $| = 1;
socket(S, AF_UNIX, SOCK_DGRAM, 0);
for (@ARGV) {
    if (s/^say=//) {
        s/\\n/\n/g;
        my $to = $ENV{NOTIFY_SOCKET};
        $to =~ s/^@/\0/;
        defined send(S, $_, 0, pack_sockaddr_un($to)) or print "cannot send: $!\n";
    } elsif ($_ eq "wait") { sysread(LIFE, my $line, 1) }
    elsif (/^end=(.*)/) { exit $1 }
    elsif ($_ eq "address") { print "$ENV{NOTIFY_SOCKET}\n" }
    else { print "$_\n" }
}
"#;

fn ground() -> Option<Ground> {
    peer("perl")?;
    let ground = Ground::new();
    crate::support::write_script(&ground.at("speaker"), SPEAKER);
    Some(ground)
}

fn start(ground: &Ground, way: Way, more: &[&str]) -> Run {
    ground.start(way, &[&["--ready=notify"], more].concat())
}

#[test]
fn a_message_of_the_daemon_says_it() {
    let Some(ground) = ground() else { return };
    for way in WAYS {
        for chain in [
            &["speaker", "say=READY=1", "wait"][..],
            &["speaker", "say=STATUS=up\\nREADY=1\\nMAINPID=1", "wait"],
            &["speaker", "say=junk", "say=READY=1", "wait"],
            &["setlock", "@/lock", "speaker", "say=READY=1", "wait"],
            &["setsid", "--fork", "speaker", "say=READY=1", "wait"],
            &["sh", "-c", "exec speaker say=READY=1 wait"],
            &["setuidgid", "nobody", "speaker", "say=READY=1", "wait"],
        ] {
            if chain[0] == "setuidgid" && !is_root() {
                leave_out("a message from another account: needs root");
                continue;
            }
            let mut run = start(&ground, way, chain);
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{chain:?} {way:?}");
            assert_eq!(run.finish(), "", "{chain:?} {way:?}");
        }
        // what it has said before it ended counts
        let mut run = start(&ground, way, &["speaker", "say=READY=1", "end=3"]);
        assert_eq!((run.code(), run.stderr(), run.rest()), (0, String::new(), String::new()), "{way:?}");
    }
}

#[test]
fn an_end_without_it_is_a_failure() {
    let Some(ground) = ground() else { return };
    for way in WAYS {
        let mut run = start(&ground, way, &["-p", "@/pid", "speaker", "say=STATUS=READY=1", "say=READY=0", "end=3"]);
        let says = "daemonize: \"speaker\" exited with 3 before it was ready\n";
        run.assert_failed(&format!("{way:?}"), 1, says);
        assert!(!ground.at("pid").exists());
    }
}

/// Messages arrive in order: when the one that can be seen has been seen, those before it did not count.
#[test]
fn what_only_looks_like_it_does_not_count() {
    let Some(ground) = ground() else { return };
    let long = format!("say={}\\nREADY=1", "x".repeat(100_000));
    for way in WAYS {
        for words in
            ["READY=0", "READY=10", "READY=1 ", " READY=1", "ready=1", "XREADY=1", "READY", "STATUS=READY=1", ""]
        {
            assert_passed_over(&ground, way, &[], &["speaker", &format!("say={words}")]);
        }
        assert_passed_over(&ground, way, &[], &["speaker", &long]);
    }
}

#[test]
fn a_message_of_another_process_does_not_count() {
    let Some(ground) = ground() else { return };
    for way in WAYS {
        for child in ["speaker say=READY=1", "(speaker say=READY=1)", "setsid --wait speaker say=READY=1"] {
            let script = format!("{child}; exec speaker \"$@\"");
            assert_passed_over(&ground, way, &[], &["sh", "-c", &script, "sh"]);
            assert_passed_over(&ground, way, &["--notify-access=main"], &["sh", "-c", &script, "sh"]);
        }
    }
}

/// Runs what says something that must not count, and behind it a status and, once the test has seen that, the truth.
#[track_caller]
fn assert_passed_over(ground: &Ground, way: Way, options: &[&str], words: &[&str]) {
    let context = format!("{options:?} {words:?} {way:?}");
    let more = ["say=STATUS=behind it", "wait", "say=READY=1", "wait"];
    let mut run = start(ground, way, &[options, &["-v"], words, &more].concat());
    run.wait_for_output("Status: behind it\n");
    assert!(!run.has_returned(), "{context}");
    run.tell("");
    assert_eq!((run.code(), run.stderr()), (0, String::new()), "{context}");
    assert_eq!(run.finish(), "", "{context}");
}

#[test]
fn descendants_count_where_all_are_admitted() {
    let Some(ground) = ground() else { return };
    for way in WAYS {
        for script in ["speaker say=READY=1 wait; :", "(speaker say=READY=1 wait; :); :"] {
            let mut run = start(&ground, way, &["--notify-access=all", "sh", "-c", script]);
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{script} {way:?}");
            assert_eq!(run.finish(), "", "{script} {way:?}");
        }
    }
}

/// The socket of a run, from a process that has nothing to do with it: this one.
fn send(address: &str, text: &str, with: Option<&OwnedFd>) {
    let socket = socket::socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let address = UnixAddr::new_abstract(address.strip_prefix('@').unwrap().as_bytes()).unwrap();
    let number = with.map(|file| [file.as_raw_fd()]);
    let rights = number.as_ref().map(|number| ControlMessage::ScmRights(number));
    let messages: Vec<ControlMessage> = rights.into_iter().collect();
    let slices = [IoSlice::new(text.as_bytes())];
    socket::sendmsg(socket.as_raw_fd(), &slices, &messages, MsgFlags::empty(), Some(&address)).unwrap();
}

#[test]
fn a_stranger_never_counts() {
    let Some(ground) = ground() else { return };
    for way in WAYS {
        for access in ["--notify-access=main", "--notify-access=all"] {
            let words = ["-v", access, "speaker", "address", "wait", "say=STATUS=behind it", "wait", "say=READY=1"];
            let mut run = start(&ground, way, &words);
            let address = run.line();
            send(&address, "READY=1", None);
            run.tell("");
            run.wait_for_output("Status: behind it\n");
            assert!(!run.has_returned(), "{access} {way:?}");
            assert!(!run.stdout().contains("READY"));
            run.tell("");
            assert_eq!((run.code(), run.rest()), (0, String::new()), "{access} {way:?}");

            // one that is gone when its message is looked at
            let mut run = start(&ground, way, &words);
            let address = run.line();
            kill(run.pid(), Signal::SIGSTOP).unwrap();
            let mut stranger = ground.command(true, &["@/speaker", "say=READY=1"]);
            stranger.env("NOTIFY_SOCKET", &address);
            let mut stranger = Run::new(stranger);
            assert_eq!((stranger.code(), stranger.rest()), (0, String::new()));
            kill(run.pid(), Signal::SIGCONT).unwrap();
            run.tell("");
            run.wait_for_output("Status: behind it\n");
            assert!(!run.has_returned(), "{access} {way:?}: gone");
            run.tell("");
            assert_eq!((run.code(), run.rest()), (0, String::new()), "{access} {way:?}");
        }
    }
}

/// sd_notify_barrier(3): who sends a descriptor waits until nobody has it any more.
#[test]
fn a_descriptor_that_comes_with_a_message_is_let_go() {
    let Some(ground) = ground() else { return };
    for way in WAYS {
        let mut run = start(&ground, way, &["speaker", "address", "wait", "say=READY=1", "wait"]);
        let address = run.line();
        let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        send(&address, "BARRIER=1", Some(&writer));
        drop(writer);
        let mut nothing = Vec::new();
        std::fs::File::from(reader).read_to_end(&mut nothing).unwrap();
        assert!(!run.has_returned(), "{way:?}");
        run.tell("");
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        assert_eq!(run.finish(), "");
    }
}

#[test]
fn states_are_told_to_who_wants_to_know() {
    let Some(ground) = ground() else { return };
    for way in WAYS {
        let words = ["speaker", "say=STATUS=half way", "say=MAINPID=1\\nSTATUS=nearly", "say=READY=1"];
        let mut run = start(&ground, way, &[&["-v"], &words[..]].concat());
        assert_eq!(run.code(), 0);
        assert_eq!(run.stdout(), "Daemonizing...\nStatus: half way\nStatus: nearly\n", "{way:?}");
        let mut run = start(&ground, way, &words);
        assert_eq!((run.code(), run.stdout()), (0, String::new()), "{way:?}");
    }
}

#[test]
fn a_socket_that_was_named_before_is_not_the_daemons() {
    let Some(ground) = ground() else { return };
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        let chain = ["--ready=notify", "-E", "NOTIFY_SOCKET=/run/other", "speaker", "address", "say=READY=1"];
        let mut command = ground.command(way.fused, &[&["daemonize"], twice, &chain].concat());
        command.env("NOTIFY_SOCKET", "/run/another");
        let mut run = Run::new(command);
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        assert!(run.line().starts_with('@'), "{way:?}");
        // without --ready=notify it is the caller's
        let mut command = ground.command(way.fused, &[&["daemonize"], twice, &["speaker", "address"]].concat());
        command.env("NOTIFY_SOCKET", "/run/another");
        let mut run = Run::new(command);
        assert_eq!((run.code(), run.line()), (0, "/run/another".to_owned()), "{way:?}");
    }
}

/// It speaks for its parent, where it may: then it is as if the daemon had said it.
#[test]
fn systemd_notify_says_it() {
    let Some(program) = peer("systemd-notify") else { return };
    let ground = Ground::new();
    let script = format!("{} --status=x; {0} --ready; read line <&9; :", program.display());
    for way in WAYS {
        for access in ["--notify-access=all", "--notify-access=main"] {
            if access.ends_with("main") && !is_root() {
                leave_out("systemd-notify for its parent: needs root");
                continue;
            }
            let mut run = start(&ground, way, &[access, "sh", "-c", &script]);
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{access} {way:?}");
            assert_eq!(run.finish(), "");
        }
    }
}

#[test]
fn redis_says_it() {
    let Some(server) = peer("redis-server") else { return };
    let ground = Ground::new();
    let run = |way, more: &[&str]| {
        let server = [server.to_str().unwrap(), "--supervised", "systemd", "--port", "0", "--unixsocket", "@/redis"];
        let rest = ["--dir", "@/.", "--save", "", "--loglevel", "warning"];
        ground.start(way, &[&["-p", "@/pid", "--ready=notify", "--timeout=50"], more, &server, &rest].concat())
    };
    for way in WAYS {
        let mut run = run(way, &[]);
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        std::os::unix::net::UnixStream::connect(ground.at("redis")).unwrap();
        let pid = std::fs::read_to_string(ground.at("pid")).unwrap().trim().parse().unwrap();
        kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM).unwrap();
        assert_eq!(run.rest(), "", "{way:?}");
        std::fs::remove_file(ground.at("pid")).unwrap();
    }
}
