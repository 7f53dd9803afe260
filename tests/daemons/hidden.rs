//! The pipe on which a start is told never shows: not in the environment of a program that is no link, not among its
//! descriptors, not by taking a number that a link would have had.

use crate::ground::{Ground, Run, WAYS, Way};
use crate::support::{is_root, peer};

/// A shell that says its environment and its descriptors. No script, which a shell would have open itself.
const SHOW: &str = "exec >&8; tr '\\0' '\\n' </proc/$$/environ; ls /proc/$$/fd; :";

/// Runs it to its end and takes it apart: the entries of the environment, and the descriptors.
fn shown(mut run: Run) -> (i32, Vec<String>, Vec<i32>) {
    let code = run.code();
    assert_eq!(run.stderr(), "");
    let rest = run.rest();
    let (numbers, entries): (Vec<&str>, Vec<&str>) = rest.lines().partition(|line| line.parse::<i32>().is_ok());
    let mut numbers: Vec<i32> = numbers.iter().map(|number| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    (code, entries.into_iter().map(str::to_owned).collect(), numbers)
}

/// What stands in front of the shell, and the descriptors that it has besides 0, 1, 2 and those of the test.
const CHAINS: &[(&[&str], &[i32])] = &[
    (&[], &[]),
    (&["-p", "@/pid"], &[10]),
    (&["-l", "@/lock"], &[3]),
    (&["-o", "@/out", "-e", "@/out"], &[]),
    (&["-o", "@/out", "-e", "@/other"], &[]),
    (&["setlock", "@/lock"], &[3]),
    (&["setlock", "@/lock", "setlock", "@/other-lock"], &[3, 4]),
    (&["setlock", "@/a", "setlock", "@/b", "setlock", "@/c", "setlock", "@/d", "setlock", "@/e"], &[3, 4, 5, 6, 7]),
    (&["setlock", "-d", "5", "@/lock", "pidfile-lock", "@/more-pid"], &[5, 10]),
    (&["-l", "@/lock", "setlock", "@/other-lock"], &[3, 4]),
    (&["nohup", "softlimit", "-c", "0", "pgrphack"], &[]),
    (&["setsid", "--fork", "setlock", "@/lock"], &[3]),
    (&["setsid", "--wait", "setlock", "@/lock"], &[3]),
    (&["daemonize", "setlock", "@/lock", "daemonize"], &[3]),
    (&["fghack", "--subreaper", "setlock", "@/lock"], &[3]),
    // the shell needs numbers above 10 for itself
    (&["softlimit", "-o", "20", "setlock", "@/lock"], &[3]),
];

#[test]
fn a_foreign_program_sees_nothing_of_it() {
    let ground = Ground::new();
    for way in WAYS {
        for (chain, more) in CHAINS {
            let words = [*chain, &["sh", "-c", SHOW]].concat();
            let (code, entries, numbers) = shown(ground.start(way, &words));
            let mut expected: Vec<i32> = [&[0, 1, 2], *more, &[8, 9]].concat();
            expected.sort_unstable();
            assert_eq!((code, numbers), (0, expected), "{chain:?} {way:?}");
            let mut names: Vec<&str> = entries.iter().map(|entry| entry.split('=').next().unwrap()).collect();
            names.sort_unstable();
            assert_eq!(names, ["CATENA_FUSE", "PATH"], "{chain:?} {way:?}");
        }
    }
}

#[test]
fn nor_behind_another_foreign_program_or_through_catenas_own_name() {
    let ground = Ground::new();
    let show = format!("PATH=/usr/bin:/bin; {SHOW}");
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        for more in [&[][..], &["--no-fuse"]] {
            for links in [
                &["setlock", "@/lock"][..],
                &["setlock", "@/lock", "/usr/bin/env"],
                &["catena", "setlock", "@/lock"],
                &["setuidgid", "root", "setlock", "@/lock"],
                &["setsid", "--fork", "setlock", "@/lock", "softlimit"],
            ] {
                if links[0] == "setuidgid" && !is_root() {
                    continue;
                }
                let words = [&["catena"], more, &["daemonize"], twice, links, &["/bin/sh", "-c", &show]].concat();
                let mut command = ground.command(way.fused, &words);
                command.env("PATH", "").env("CATENA_STATUS_FD", "8:1,9:1");
                let (code, entries, numbers) = shown(Run::new(command));
                assert_eq!((code, numbers), (0, vec![0, 1, 2, 3, 8, 9]), "{words:?} {way:?}");
                let is_named = entries.iter().any(|entry| entry.contains("CATENA_STATUS"));
                assert!(!is_named, "{words:?} {way:?}: {entries:?}");
            }
        }
    }
}

#[test]
fn the_lowest_free_descriptor_is_the_same_with_daemonize_and_without_and_with_daemontools() {
    let ground = Ground::new();
    let links = ["setlock", "@/lock", "sh", "-c", SHOW];
    let (_, _, alone) = shown(ground.run(true, &links));
    if let Some(peer) = peer("setlock") {
        let words = [&[peer.to_str().unwrap()], &links[1..]].concat();
        assert_eq!(shown(ground.run(true, &words)).2, alone);
    }
    assert_eq!(alone, [0, 1, 2, 3, 8, 9]);
    for way in WAYS {
        assert_eq!(shown(ground.start(way, &links)).2, alone, "{way:?}");
    }
}

/// A number that somebody asks for is given up by the pipe, wherever it is.
#[test]
fn a_link_may_have_any_number_for_its_own() {
    let ground = Ground::new();
    for way in WAYS {
        for number in [1023, 1022, 1000, 3, 4, 5, 6, 7] {
            let wanted = number.to_string();
            let lock = ["setlock", "-d", &wanted, "@/lock"];
            assert_relayed(&ground, way, &[], &lock, number);
            let pid_file = ["pidfile-lock", "-d", &wanted, "@/more-pid"];
            assert_relayed(&ground, way, &[], &pid_file, number);
            let twice = ["setlock", "-d", &wanted, "@/lock", "nohup", "pgrphack"];
            assert_relayed(&ground, way, &[], &twice, number);
            let ready = format!("--ready=fd={wanted}");
            assert_relayed(&ground, way, &[], &["daemonize", &ready, "--on-timeout=keep"], number);
        }
        // as few as there can be: the pipe has to be on 7, 6 or 5
        for number in [7, 6, 5, 4] {
            let wanted = number.to_string();
            let lock = ["setlock", "-d", &wanted, "@/lock"];
            assert_relayed(&ground, way, &["softlimit", "-o", "10"], &lock, number);
        }
    }
}

/// A failure behind it is heard, and a success behind it has the number open.
#[track_caller]
fn assert_relayed(ground: &Ground, way: Way, limit: &[&str], link: &[&str], number: i32) {
    let context = format!("{limit:?} {link:?} {way:?}");
    let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
    let words = [limit, &["daemonize"], twice, link, &["pgrphack", "no-such"]].concat();
    let says = "pgrphack: fatal: unable to run no-such: file does not exist\n";
    ground.run(way.fused, &words).assert_failed(&context, 111, says);
    // bash, since the other shell knows descriptors of one digit only
    let show = format!("{SHOW}; echo >&{number}");
    let words = [limit, &["daemonize"], twice, link, &["/bin/bash", "-c", &show]].concat();
    let (code, _, numbers) = shown(ground.run(way.fused, &words));
    assert_eq!((code, numbers.contains(&number)), (0, true), "{context}: {numbers:?}");
}

#[test]
fn a_limit_of_ten_descriptors_is_enough_for_the_truth() {
    let ground = Ground::new();
    let _held = ground.hold("held");
    let says = ground.fill("setlock: fatal: unable to lock @/held: temporary failure\n");
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        for chain in [
            [&["softlimit", "-o", "10", "daemonize"], twice, &["setlock", "-n", "@/held", "serve"]].concat(),
            [&["softlimit", "-o", "10", "daemonize"], twice, &["-p", "@/pid", "setlock", "-n", "@/held", "serve"]]
                .concat(),
            [&["daemonize"], twice, &["softlimit", "-o", "5", "setlock", "-n", "@/held", "serve"]].concat(),
        ] {
            ground.run(way.fused, &chain).assert_failed(&format!("{chain:?} {way:?}"), 111, &says);
        }
    }
}
