//! envdir: from files to variables.

use crate::case::{Case, Outcome, exits};

const PRINT: [&str; 3] = ["env", "sh", "-c"];

/// `envdir env env`, with nothing but PATH in the environment.
fn listing() -> Case {
    Case::new("envdir", ["env", "env"]).environ(["PATH=/usr/bin:/bin"]).directory("env")
}

/// `envdir env sh -c SCRIPT`.
fn script(text: &'static str) -> Case {
    PRINT.into_iter().fold(Case::new("envdir", []), Case::arg).arg(text).directory("env")
}

fn lists(entries: impl AsRef<[u8]>) -> Outcome {
    exits(0).prints([b"PATH=/usr/bin:/bin\n", entries.as_ref()].concat())
}

fn fatal(text: &str) -> Outcome {
    exits(111).says(format!("envdir: fatal: unable to {text}\n"))
}

pub fn cases() -> Vec<Case> {
    [values(), names(), what_is_no_file(), environment(), sizes(), usage(), additions()].into_iter().flatten().collect()
}

fn values() -> Vec<Case> {
    vec![
        listing().expect(lists("")),
        listing().file("env/A", "value").expect(lists("A=value\n")),
        listing().file("env/A", "value\n").expect(lists("A=value\n")),
        listing().file("env/A", "first\nsecond\n").expect(lists("A=first\n")),
        listing().file("env/A", "value \t \t\nx").expect(lists("A=value\n")),
        listing().file("env/A", " \t value\tx  ").expect(lists("A= \t value\tx\n")),
        listing().file("env/A", "one\0two\0\n").expect(lists("A=one\ntwo\n\n")),
        listing().file("env/A", "value \0\n").expect(lists("A=value \n\n")),
        listing().file("env/A", "value\r\n").expect(lists("A=value\r\n")),
        listing().file("env/A", b"\xff\xc3(\x01\n").expect(lists(b"A=\xff\xc3(\x01\n")),
        listing().file("env/A", "B=C\n").expect(lists("A=B=C\n")),
        listing().file("env/A", "\n").expect(lists("A=\n")),
        listing().file("env/A", " \t").expect(lists("A=\n")),
        listing().file("env/A", "\nvalue\n").expect(lists("A=\n")),
        listing().file("env/A", "").expect(lists("")),
        script("echo ${A-unset}").file("env/A", "").env("A=old").expect(exits(0).prints("unset\n")),
        script("echo ${A-unset}").file("env/A", "\n").env("A=old").expect(exits(0).prints("\n")),
        script("echo ${A-unset}").file("env/A", "new").env("A=old").expect(exits(0).prints("new\n")),
        script("echo ${A-unset}").file("env/B", "").env("A=old").expect(exits(0).prints("old\n")),
    ]
}

fn names() -> Vec<Case> {
    let invalid = "a name with = would set another variable";
    vec![
        listing().file("env/.hidden", "x").file("env/..x", "x").directory("env/.d").expect(lists("")),
        listing().file("env/a b", "x").expect(lists("a b=x\n")),
        listing().file("env/a-b", "x").expect(lists("a-b=x\n")),
        listing().file("env/-a", "x").expect(lists("-a=x\n")),
        listing().file("env/1.2", "x").expect(lists("1.2=x\n")),
        listing()
            .set_up(|dir| {
                use std::os::unix::ffi::OsStrExt;
                let name = std::ffi::OsStr::from_bytes(b"\xff\n\xfe");
                std::fs::write(dir.join("env").join(name), "x").expect("file");
            })
            .expect(lists(b"\xff\n\xfe=x\n")),
        listing().file("env/K=L", "text").differs(
            lists("K=L=text\n"),
            exits(111).says_one_line("envdir: fatal: unable to read env/K=L: "),
            invalid,
        ),
        listing().file("env/Z=Q", "").env("Z=old").differs(
            lists("Z=Q\n"),
            exits(111).says_one_line("envdir: fatal: unable to read env/Z=Q: "),
            invalid,
        ),
    ]
}

fn what_is_no_file() -> Vec<Case> {
    let dangling = "where there is no file, no value may be made up";
    let secrets = |case: Case| {
        let case = case.file("env/SECRET", "secret").file("env/TOKEN", "secret");
        // in whatever order the directory is read, some link comes after a file
        case.set_up(|dir| {
            for number in 0..100 {
                std::os::unix::fs::symlink("nowhere", dir.join(format!("env/L{number}"))).expect("symbolic link");
            }
        })
    };
    vec![
        listing().file("target", "x").symlink("../target", "env/A").expect(lists("A=x\n")),
        listing()
            .directory("env/..data")
            .file("env/..data/A", "mounted")
            .symlink("..data/A", "env/A")
            .expect(lists("A=mounted\n")),
        listing().symlink("/dev/null", "env/A").env("A=old").expect(lists("")),
        listing().directory("env/sub").expect(fatal("read env/sub: is a directory")),
        listing().symlink("loop", "env/loop").expect(fatal("read env/loop: symbolic link loop")),
        listing().file_of_mode("env/A", 0, "x").by_nobody().expect(fatal("read env/A: access denied")),
        listing().symlink("nowhere", "env/A").env("A=old").differs(
            lists(""),
            fatal("read env/A: file does not exist"),
            dangling,
        ),
        secrets(script("env | grep -c '=secret'")).differs(
            exits(0).prints_anything(),
            exits(111).says_one_line("envdir: fatal: unable to read env/L"),
            dangling,
        ),
        listing().fifo("env/A").env("A=old").differs(
            lists(""),
            exits(111).says_one_line("envdir: fatal: unable to read env/A: "),
            "a FIFO is no empty file",
        ),
        listing()
            .set_up(|dir| drop(std::os::unix::net::UnixListener::bind(dir.join("env/A")).expect("socket")))
            .expect(exits(111).says_one_line("envdir: fatal: unable to read env/A: ")),
    ]
}

fn environment() -> Vec<Case> {
    let order = "variables keep their places, and new ones come in the order of their names";
    vec![
        listing().file("env/B", "new").environ(["PATH=/usr/bin:/bin", "B=old"]).expect(lists("B=new\n")),
        listing().file("env/A", "new").environ(["PATH=/usr/bin:/bin", "A=1", "B=2", "C=3"]).differs(
            lists("C=3\nB=2\nA=new\n"),
            lists("A=new\nB=2\nC=3\n"),
            order,
        ),
        listing().file("env/A", "").environ(["PATH=/usr/bin:/bin", "A=1", "B=2", "C=3"]).differs(
            lists("C=3\nB=2\n"),
            lists("B=2\nC=3\n"),
            order,
        ),
        listing().file("env/C", "3").file("env/A", "1").file("env/B", "2").ours_only(lists("A=1\nB=2\nC=3\n")),
        script("env | sort | grep ^.=").file("env/C", "3").file("env/A", "1").expect(exits(0).prints("A=1\nC=3\n")),
        listing().file("env/A", "3").environ(["PATH=/usr/bin:/bin", "A=1", "A=2"]).differs(
            lists("A=2\nA=3\n"),
            lists("A=3\n"),
            "the old value must not be found any more",
        ),
        listing().file("env/A", "").environ(["PATH=/usr/bin:/bin", "A=1", "B=0", "A=2"]).differs(
            lists("A=2\nB=0\n"),
            lists("B=0\n"),
            "the old value must not be found any more",
        ),
        listing()
            .file("env/AB", "x")
            .environ(["PATH=/usr/bin:/bin", "A=1", "malformed", "ABC=2"])
            .expect(lists("A=1\nmalformed\nABC=2\nAB=x\n")),
        // the program is looked for in the PATH of before, and has the new one
        script("echo $PATH").file("env/PATH", "/nonexistent").expect(exits(0).prints("/nonexistent\n")),
        script("echo ${PATH-unset}").file("env/PATH", "").expect(exits(0).prints_anything()),
        Case::new("envdir", ["env", "prog"])
            .directory("env")
            .directory("bin")
            .file("env/PATH", "bin")
            .file_of_mode("bin/prog", 0o755, "#!/bin/sh\n")
            .expect(fatal("run prog: file does not exist")),
        script("cd .. && pwd")
            .directory("here")
            .set_up(|dir| {
                std::os::unix::fs::symlink("../env", dir.join("here/env")).expect("symbolic link");
            })
            .within("here")
            .expect(exits(0).prints("{dir}\n")),
        Case::new("envdir", ["{dir}/env", "sh", "-c", "echo $A"])
            .directory("env")
            .file("env/A", "x")
            .directory_of_mode("narrow", 0o311)
            .within("narrow")
            .by_nobody()
            .differs(
                fatal("switch to current directory: access denied"),
                exits(0).prints("x\n"),
                "the current directory need not be readable",
            ),
    ]
}

fn sizes() -> Vec<Case> {
    const MOST: usize = 131_072;
    let value = |length: usize| "v".repeat(length);
    let mut cases = vec![
        // longer than any buffer of s6 and busybox
        script("echo ${#A}").file("env/A", value(10_000)).expect(exits(0).prints("10000\n")),
        script("env | grep -c ^V")
            .set_up(|dir| {
                for number in 0..20_000 {
                    std::fs::write(dir.join(format!("env/V{number}")), "x").expect("file");
                }
            })
            .limit(rlimit::Resource::STACK, 8 << 20, 8 << 20)
            .expect(exits(0).prints("20000\n")),
    ];
    // the kernel's limit for one string is 32 pages
    if nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE) == Ok(Some(4096)) {
        cases.extend([
            script("echo ${#A}").file("env/A", value(MOST - 3)).expect(exits(0).prints(format!("{}\n", MOST - 3))),
            script("echo ${#A}").file("env/A", value(MOST - 2)).expect(fatal("run sh: argument list too long")),
        ]);
    }
    cases
}

fn usage() -> Vec<Case> {
    let wrong = || exits(111).says_first("envdir: usage: envdir ");
    vec![
        Case::new("envdir", []).expect(wrong()),
        Case::new("envdir", ["env"]).directory("env").expect(wrong()),
        Case::new("envdir", ["nodir", "true"]).expect(fatal("switch to directory nodir: file does not exist")),
        Case::new("envdir", ["", "true"]).expect(fatal("switch to directory : file does not exist")),
        Case::new("envdir", ["plain", "true"])
            .file("plain", "")
            .expect(fatal("switch to directory plain: not a directory")),
        Case::new("envdir", ["env", "true"])
            .directory_of_mode("env", 0)
            .by_nobody()
            .expect(fatal("switch to directory env: access denied")),
        Case::new("envdir", ["-z", "true"]).directory("-z").differs(
            exits(0),
            exits(111).says_first("envdir: illegal option -- z\nenvdir: usage: envdir "),
            "options are parsed: a directory -z is ./-z",
        ),
        Case::new("envdir", ["--", "env", "echo", "-a"]).directory("env").differs(
            fatal("switch to directory --: file does not exist"),
            exits(0).prints("-a\n"),
            "options are parsed everywhere",
        ),
        Case::new("envdir", ["-", "echo", "-p", "x"]).directory("-").expect(exits(0).prints("-p x\n")),
    ]
}

fn additions() -> Vec<Case> {
    let with = |options: &[&str], content: &str| {
        let case = options.iter().fold(Case::new("envdir", []), |case, option| case.arg(option));
        let case = case.arg("env").arg("env").environ(["PATH=/usr/bin:/bin"]).directory("env");
        case.file("env/A", content)
    };
    vec![
        with(&["-p", "X_"], "a\n").ours_only(lists("X_A=a\n")),
        with(&["-pX_"], "").env("X_A=old").env("A=kept").ours_only(lists("A=kept\n")),
        with(&["-p", ""], "a\n").ours_only(lists("A=a\n")),
        with(&["-p", "X=", "-n"], "a\n").ours_only(exits(111).says_first("envdir: usage: envdir ")),
        with(&["-n"], "a \t\n").ours_only(lists("A=a \t\n")),
        with(&["-f"], "a \nb\t\n\n").ours_only(lists("A=a \nb\t\n\n")),
        with(&["-f"], "a\nb").ours_only(lists("A=a\nb\n")),
        with(&["-f"], "").env("A=old").ours_only(lists("")),
        with(&["-i"], "a").ours_only(lists("A=a\n")),
        Case::new("envdir", ["-i", "nodir", "echo", "ran"]).differs(
            fatal("switch to directory -i: file does not exist"),
            exits(0).prints("ran\n"),
            "an addition",
        ),
        Case::new("envdir", ["-i", "plain", "true"])
            .file("plain", "")
            .ours_only(fatal("switch to directory plain: not a directory")),
        Case::new("envdir", ["-p"])
            .ours_only(exits(111).says_first("envdir: option requires an argument -- p\nenvdir: usage: ")),
    ]
}
