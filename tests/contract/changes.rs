//! What an applet may change, line by line of the probe's report, and what each must have changed.

use crate::hostile::Start;
use crate::report::Report;
use catena::applet::{Applet, Aspect};

/// Whether a link with this aspect may make a difference in this line, started so.
pub fn may_change(aspect: Aspect, start: &Start, direct: &Report, line: &str) -> bool {
    match aspect {
        Aspect::HangupDisposition => line == "ignored 1",
        // no state here has a terminal at 0 to 2
        Aspect::StandardDescriptors => false,
        Aspect::Session => ["group", "session", "terminal", "terminal group", "autogroup"].contains(&line),
        Aspect::StandardFiles => ["fd 0", "fd 1", "fd 2"].contains(&line),
        Aspect::Directory => line.starts_with("cwd"),
        Aspect::Process => start.is_leader && is_lost_by_fork(line),
        // what was its own group is its parent's
        Aspect::Child => is_lost_by_fork(line) || start.is_leader && line == "group",
        Aspect::WitnessDescriptors => line.starts_with("fd ") && direct.get(line).is_empty(),
        // on request alone, and the examples request nothing
        Aspect::FileModeMask | Aspect::Descriptors | Aspect::ReadyDescriptor => false,
        Aspect::Environment => line.starts_with("env "),
        Aspect::Identity => {
            line.starts_with("Cap")
                || ["Uid", "Gid", "Groups", "parent-death signal", "session keyring"].contains(&line)
        }
        Aspect::Limits => line.starts_with("limit "),
        // setlock takes the first, pidfile-lock one that no script's redirection has
        Aspect::LockDescriptor => [lowest_free(direct), lowest_free_from(10, direct)]
            .iter()
            .any(|number| line == format!("fd {number}") || line == format!("fd {number} lock")),
    }
}

/// The pid, and what a child does not get: fork(2).
fn is_lost_by_fork(line: &str) -> bool {
    // 9 has a lock of the open file, which a child shares; that of 11 it shares too, and its holder is the parent
    ["pid", "parent", "parent-death signal", "child subreaper", "fd 10 lock", "fd 11 lock"].contains(&line)
        || line.starts_with("timer ")
        || line.starts_with("pending for ")
}

/// The descriptor that the next open gives.
fn lowest_free(report: &Report) -> usize {
    lowest_free_from(0, report)
}

fn lowest_free_from(first: usize, report: &Report) -> usize {
    (first..).find(|number| report.get(&format!("fd {number}")).is_empty()).unwrap()
}

/// Asserts that the applet's example has done what the applet documents.
pub fn assert_documented(applet: &Applet, start: &Start, direct: &Report, through: &Report, shown: &str) {
    let changed = direct.differences(through);
    match applet.name {
        "nohup" => assert_eq!(through.get("ignored 1"), "yes", "{shown}"),
        // it cannot without a fork, and then it leaves everything
        "pgrphack" if start.is_leader => assert!(changed.is_empty(), "{shown}: {changed:?}"),
        "pgrphack" | "setsid" => {
            assert_eq!(through.get("session"), "self", "{shown}");
            assert_eq!(through.get("group"), "self", "{shown}");
            assert_eq!(through.get("terminal"), "0", "{shown}");
            assert_eq!(through.get("pid"), if start.is_leader { "forked" } else { "started" }, "{shown}");
        }
        // its example is a directory that does not exist
        "envdir" => assert!(changed.is_empty(), "{shown}: {changed:?}"),
        "envuidgid" => {
            let mut expected = direct.list("env");
            let place = expected.iter().position(|entry| *entry == "UID=old").unwrap();
            expected[place] = "UID=65534";
            expected.retain(|entry| *entry != "UID=older");
            expected.push("GID=65534");
            assert_eq!(through.list("env"), expected, "{shown}");
        }
        "setuidgid" => {
            let four = r"65534\t65534\t65534\t65534";
            assert_eq!(
                [through.get("Uid"), through.get("Gid"), through.get("Groups")],
                [four, four, "65534"],
                "{shown}"
            );
            assert_eq!(through.get("CapAmb"), "0000000000000000", "{shown}");
            // -q: these are the account's ids already, and ambient capabilities, with what comes of them, alone may go
            if direct.get("Uid") == four {
                let is_ambient = |line: &&String| ["CapAmb", "CapEff", "CapPrm"].contains(&line.as_str());
                let has_ambient = direct.get("CapAmb") != "0000000000000000";
                assert!(changed.iter().all(|line| has_ambient && is_ambient(&line)), "{shown}: {changed:?}");
            } else {
                assert_eq!(through.get("CapPrm"), "0000000000000000", "{shown}");
                assert_eq!(through.get("parent-death signal"), "0", "{shown}");
            }
        }
        "softlimit" => {
            for (line, soft) in [("limit Max open files", "64"), ("limit Max core file size", "0")] {
                let (_, hard) = direct.get(line).split_once(' ').unwrap();
                assert_eq!(through.get(line), format!("{soft} {hard}"), "{shown}");
            }
            assert!(changed.len() <= 2, "{shown}: {changed:?}");
        }
        "setlock" => {
            let number = lowest_free(direct);
            let descriptor = through.get(&format!("fd {number}"));
            assert!(descriptor.contains("/lock flags ") && descriptor.contains(" on exec 0 "), "{shown}: {descriptor}");
            let lock = through.get(&format!("fd {number} lock"));
            assert_eq!(lock, "FLOCK ADVISORY WRITE by self 0 EOF", "{shown}");
        }
        "daemonize" => {
            assert_eq!(through.get("session"), "self", "{shown}");
            assert_eq!(through.get("group"), "self", "{shown}");
            assert_eq!(through.get("terminal"), "0", "{shown}");
            assert_eq!(through.get("pid"), "forked", "{shown}");
            assert_eq!(through.get("cwd"), "/", "{shown}");
            for name in ["fd 0", "fd 1", "fd 2"] {
                assert!(through.get(name).starts_with("/dev/null "), "{shown}: {name} {}", through.get(name));
            }
        }
        "pidfile-lock" => {
            let number = lowest_free_from(10, direct);
            let descriptor = through.get(&format!("fd {number}"));
            assert!(descriptor.contains("/lock flags ") && descriptor.contains(" on exec 0 "), "{shown}: {descriptor}");
            let lock = through.get(&format!("fd {number} lock"));
            // who does not own the file cannot mark a descriptor that only reads it (O_NOATIME)
            let how = if shown.contains("a capability without root") { "WRITE" } else { "READ" };
            assert_eq!(lock, format!("POSIX ADVISORY {how} by self 0 EOF"), "{shown}");
        }
        "fghack" => {
            assert_eq!(through.get("pid"), "forked", "{shown}");
            let group = if start.is_leader { "started" } else { direct.get("group") };
            assert_eq!(through.get("group"), group, "{shown}");
            let pipes = changed.iter().filter(|line| through.get(line).starts_with("pipe:[] ")).count();
            assert_eq!(pipes, 31, "{shown}: {changed:?}");
        }
        // a new applet is held to its aspects alone until someone says here what it does
        _ => {}
    }
}
