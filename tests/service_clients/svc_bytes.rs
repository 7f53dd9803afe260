//! The bytes that svc sends: those of the reference, in one write.

use crate::ground::Ground;
use crate::run::{Ended, Side, run};
use crate::status::Status;
use crate::support::{leave_out, peer};

/// Options that the reference knows, and what comes of them.
const CASES: &[(&[&str], &str)] = &[
    (&[], ""),
    (&["-u"], "u"),
    (&["-d"], "d"),
    (&["-o"], "o"),
    (&["-p"], "p"),
    (&["-c"], "c"),
    (&["-h"], "h"),
    (&["-a"], "a"),
    (&["-i"], "i"),
    (&["-t"], "t"),
    (&["-k"], "k"),
    (&["-x"], "x"),
    (&["-dx"], "dx"),
    (&["-xd"], "xd"),
    (&["-d", "-x"], "dx"),
    (&["-ox"], "ox"),
    (&["-u", "-xd"], "uxd"),
    (&["-dudududu"], "du"),
    (&["-uuduk"], "udk"),
    (&["-u", "-u", "--"], "u"),
    (&["-kuhhaadp", "-ckit", "-oxu"], "kuhadpcitox"),
    (&["-udopchaitkx"], "udopchaitkx"),
];

#[test]
fn each_letter_once_and_in_its_order() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    for svc in ground.both("svc") {
        for (options, letters) in CASES {
            let words = [options, &["web"][..]].concat();
            assert_eq!(ground.run(&svc, &words), Ended::silent(0), "{svc:?} {words:?}");
            assert_eq!(service.commands(), *letters, "{svc:?} {words:?}");
        }
    }
}

/// As daemontools-encore has them. The reference refuses these letters.
#[test]
fn letters_that_the_reference_does_not_know() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    for (option, letters) in [
        ("-q", "q"),
        ("-1", "1"),
        ("-2", "2"),
        ("-w", "w"),
        ("-+k", "+k"),
        ("-+k=t", "+k=t"),
        ("-+k+t", "+kt"),
        ("-12qw21", "12qw"),
        // an `l` where there was no `L` says nothing
        ("-l", ""),
        ("-ld", "d"),
        ("-dlu", "du"),
        ("-dld", "dd"),
    ] {
        for svc in ground.both("svc") {
            let ended = ground.run(&svc, &[option, "web"]);
            let sent = service.commands();
            match svc.side {
                Side::Ours => assert_eq!((ended, sent.as_str()), (Ended::silent(0), letters), "{option}"),
                Side::Reference => assert_eq!((ended.code, sent.as_str()), (100, ""), "{option}"),
            }
        }
    }
}

#[test]
fn every_directory_is_told_all_of_it() {
    let ground = Ground::new();
    let names = ["a", "b", "c"];
    let services = names.map(|name| ground.service(name).supervised(&Status::up(7)));
    let absolute = ground.at("b");
    for svc in ground.both("svc") {
        assert_eq!(ground.run(&svc, &["-d", "-x", "a", absolute.to_str().unwrap(), "b/../c"]), Ended::silent(0));
        for service in &services {
            assert_eq!(service.commands(), "dx", "{svc:?}");
        }
        // what looks like an option behind a name is a name
        let ended = ground.run(&svc, &["-d", "a", "-x", "b"]);
        assert_eq!(ended.code, 0);
        assert_eq!(ended.stderr, "svc: warning: unable to chdir to -x: file does not exist\n");
        assert_eq!(services.each_ref().map(|service| service.commands()), ["d", "d", ""]);
    }
}

#[test]
fn all_letters_go_in_one_write() {
    let Some(strace) = peer("strace") else { return };
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let trace = ground.at("trace");
    for svc in ground.both("svc") {
        let mut traced = std::process::Command::new(&strace);
        traced.args(["-f", "-e", "trace=write", "-o"]).arg(&trace).arg(&svc.file);
        traced.args(["-dxkut", "web"]).current_dir(ground.path());
        let ended = run(&mut traced);
        if !trace.exists() || ended.code != 0 {
            leave_out("counting writes: strace cannot trace here");
            return;
        }
        assert_eq!(service.commands(), "dxkut");
        let text = std::fs::read_to_string(&trace).unwrap();
        let writes: Vec<&str> = text.lines().filter(|line| line.contains("write(")).collect();
        assert!(writes.len() == 1 && writes[0].contains("\"dxkut\", 5)"), "{svc:?}: {text}");
    }
}
