//! envuidgid: UID and GID of an account as variables.

use crate::case::{Case, Outcome, exits};

fn listing(account: &str) -> Case {
    Case::new("envuidgid", [account, "env"]).environ(["PATH=/usr/bin:/bin"])
}

fn lists(entries: &str) -> Outcome {
    exits(0).prints(format!("PATH=/usr/bin:/bin\n{entries}"))
}

pub fn cases() -> Vec<Case> {
    let (uid, gid) = crate::accounts::ids("nobody").unwrap_or((65534, 65534));
    let unknown = |account: &str| exits(111).says(format!("envuidgid: fatal: unknown account {account}\n"));
    let usage = || exits(100).says_first("envuidgid: usage: envuidgid ");
    let forms = "the forms of chpst -U";
    vec![
        listing("root").expect(lists("GID=0\nUID=0\n")),
        listing("root").by_nobody().expect(lists("GID=0\nUID=0\n")),
        listing("nobody").expect(lists(&format!("GID={gid}\nUID={uid}\n"))),
        listing("root").environ(["PATH=/usr/bin:/bin", "UID=x", "B=1", "GID=y", "C=2"]).differs(
            lists("GID=0\nB=1\nC=2\nUID=0\n"),
            lists("UID=0\nB=1\nGID=0\nC=2\n"),
            "variables keep their places",
        ),
        listing("root").environ(["PATH=/usr/bin:/bin", "UID=1", "UID=2"]).differs(
            lists("GID=0\nUID=2\nUID=0\n"),
            lists("UID=0\nGID=0\n"),
            "the old value must not be found any more",
        ),
        listing("no such account").expect(unknown("no such account")),
        listing("").expect(unknown("")),
        // digits are a name
        listing("0").expect(unknown("0")),
        listing("65534").expect(unknown("65534")),
        listing(":1234:1235").differs(unknown(":1234:1235"), lists("GID=1235\nUID=1234\n"), forms),
        listing("root:root").differs(unknown("root:root"), lists("GID=0\nUID=0\n"), forms),
        listing(":4294967295:1").expect(exits(111).says_one_line("envuidgid: fatal: ")),
        listing(":1:4294967295").expect(exits(111).says_one_line("envuidgid: fatal: ")),
        listing(":4294967294:4294967294").ours_only(lists("GID=4294967294\nUID=4294967294\n")),
        Case::new("envuidgid", []).expect(usage()),
        Case::new("envuidgid", ["root"]).expect(usage()),
        Case::new("envuidgid", ["--", "root", "echo", "-a"]).differs(
            unknown("--"),
            exits(0).prints("-a\n"),
            "options are parsed everywhere",
        ),
        Case::new("envuidgid", ["nosuch", "nosuch"]).expect(unknown("nosuch")),
        Case::new("envuidgid", ["root", "nosuch"])
            .expect(exits(111).says("envuidgid: fatal: unable to run nosuch: file does not exist\n")),
    ]
}
