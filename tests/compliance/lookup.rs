//! Where each family looks for the next program, and what it makes of a file that is no program.

use crate::case::{Case, exits};

const SCRIPT: &str = "#!/bin/sh\necho ran \"$@\"\n";

fn softlimit(path: &str) -> Case {
    named("softlimit", path)
}

/// `APPLET prog` with this PATH and nothing else in the environment.
fn named(applet: &'static str, path: &str) -> Case {
    Case::new(applet, ["prog"]).environ([path])
}

fn is_there(case: Case) -> Case {
    case.file_of_mode("prog", 0o755, SCRIPT)
}

pub fn cases() -> Vec<Case> {
    let ran = || exits(0).prints("ran\n");
    let mut cases = Vec::new();
    for applet in ["nohup", "setsid", "softlimit", "pgrphack"] {
        let is_daemontools = matches!(applet, "softlimit" | "pgrphack");
        let failed = |code: i32, reason: &str, short: &str| match applet {
            "nohup" => exits(code).says(format!("nohup: failed to run command 'prog': {reason}\n")),
            "setsid" => exits(code).says(format!("setsid: failed to execute prog: {reason}\n")),
            _ => exits(111).says(format!("{applet}: fatal: unable to run prog: {short}\n")),
        };
        cases.extend([
            // no PATH is /bin:/usr/bin; an empty one, or an empty part of it, is the current directory
            Case::new(applet, ["echo", "ran"]).environ([]).expect(ran()),
            is_there(Case::new(applet, ["prog"]).environ([])).expect(failed(
                127,
                "No such file or directory",
                "file does not exist",
            )),
            is_there(named(applet, "PATH=")).expect(ran()),
            is_there(named(applet, "PATH=:/nonexistent")).expect(ran()),
            is_there(named(applet, "PATH=/nonexistent:")).expect(ran()),
            is_there(named(applet, "PATH=/nonexistent::/usr/bin")).expect(ran()),
            // the search goes on past what cannot be run
            is_there(named(applet, "PATH={dir}/first:{dir}"))
                .directory("first")
                .file("first/prog", SCRIPT)
                .expect(ran()),
            is_there(named(applet, "PATH={dir}/first:{dir}")).directory("first").directory("first/prog").expect(ran()),
            is_there(named(applet, "PATH={dir}/sealed:{dir}")).directory_of_mode("sealed", 0).by_nobody().expect(ran()),
            is_there(named(applet, "PATH=/nonexistent:{dir}/lost:{dir}"))
                .directory("lost")
                .file_of_mode("lost/prog", 0o755, "#!/nonexistent/interpreter\n")
                .expect(ran()),
            // and ends with the worst that was seen
            named(applet, "PATH={dir}/sealed:{dir}").directory_of_mode("sealed", 0).by_nobody().expect(failed(
                126,
                "Permission denied",
                "access denied",
            )),
            named(applet, "PATH={dir}:/nonexistent").file("prog", SCRIPT).expect(failed(
                126,
                "Permission denied",
                "access denied",
            )),
            is_there(named(applet, "PATH={dir}/loop:{dir}")).symlink("loop", "loop").expect(failed(
                126,
                "Too many levels of symbolic links",
                "symbolic link loop",
            )),
        ]);
        let plain = is_there(named(applet, "PATH={dir}/plain:{dir}")).file("plain", "");
        cases.push(if is_daemontools {
            plain.differs(
                failed(111, "", "not a directory"),
                ran(),
                "a plain file in PATH hides nothing, as for everybody else",
            )
        } else {
            plain.expect(ran())
        });
        // a script without #!
        let script = |case: Case| case.file_of_mode("prog", 0o755, "echo \"$0\" \"$@\"; exit 3\n");
        let by_file = || script(Case::new(applet, ["./prog", "-a", "b c"]));
        let by_name = || script(Case::new(applet, ["prog", "-a"]).environ(["PATH={dir}"]));
        let empty = || Case::new(applet, ["./empty"]).file_of_mode("empty", 0o755, "");
        if is_daemontools {
            let refused =
                |name: &str| exits(111).says(format!("{applet}: fatal: unable to run {name}: exec format error\n"));
            cases.extend([
                by_file().expect(refused("./prog")),
                by_name().expect(refused("prog")),
                empty().expect(refused("./empty")),
            ]);
        } else {
            cases.extend([
                by_file().expect(exits(3).prints("./prog -a b c\n")),
                by_name().expect(exits(3).prints("{dir}/prog -a\n")),
                empty().expect(exits(0)),
            ]);
        }
        // words are bytes
        cases.push(
            Case::new(applet, ["sh", "-c", "for word; do echo \"[$word]\"; done", "sh", "", "a\nb", "-x", "--help"])
                .arg(b"\x01\xff\xc3(")
                .expect(exits(0).prints(b"[]\n[a\nb]\n[-x]\n[--help]\n[\x01\xff\xc3(]\n")),
        );
    }
    cases.extend([
        softlimit("PATH={dir}")
            .file_of_mode("prog", 0o755, "#!/bin/sh\necho \"$0\"\n")
            .expect(exits(0).prints("{dir}/prog\n")),
        // the file that was found is how a script knows itself
        softlimit("PATH=").file_of_mode("prog", 0o755, "#!/bin/sh\necho \"$0\"\n").expect(exits(0).prints("./prog\n")),
        named("nohup", "PATH=")
            .file_of_mode("prog", 0o755, "#!/bin/sh\necho \"$0\"\n")
            .expect(exits(0).prints("prog\n")),
        // daemontools tries to run the directories of PATH
        Case::new("softlimit", [""]).expect(exits(111).says("softlimit: fatal: unable to run : access denied\n")),
        Case::new("softlimit", []).arg(b"\xff'\n").differs(
            exits(111).says(b"softlimit: fatal: unable to run \xff'\n: file does not exist\n"),
            exits(111).says(b"softlimit: fatal: unable to run \xff'?: file does not exist\n"),
            "a message is one line",
        ),
        Case::new("nohup", []).arg(b"it's \xff").differs(
            exits(127).says_one_line("nohup: failed to run command '"),
            exits(127).says("nohup: failed to run command 'it'\\''s '$'\\377': No such file or directory\n"),
            "with an apostrophe in it and an escape at its end, a word begins with two quotes too many in 9.1",
        ),
        Case::new("setsid", [])
            .arg(b"it's \xff")
            .expect(exits(127).says(b"setsid: failed to execute it's \xff: No such file or directory\n")),
    ]);
    cases
}
