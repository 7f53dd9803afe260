//! The log directory: what is made in it and with which modes, who may have it, and what is left alone in it.

use crate::case::{case, check, exits};
use crate::ground::{Ground, Input, Subjects, set_mode};
use crate::running::{pipe, piped};
use crate::support;
use std::fs;
use std::os::unix::process::CommandExt;

/// The account and group nobody.
const NOBODY: u32 = 65534;

#[test]
fn a_missing_directory_is_made() {
    check(&[
        case(&["./log"], "one\n").expect(exits(0).log("log", "one\n")),
        case(&["./log"], "").expect(exits(0).log("log", "")),
        case(&["./log/"], "one\n").expect(exits(0).log("log", "one\n")),
        case(&["./\u{fc} log"], "one\n").expect(exits(0).log("\u{fc} log", "one\n")),
        case(&[".log"], "one\n").expect(exits(0).log(".log", "one\n")),
        case(&["./one", "./two"], "x\n").expect(exits(0).log("one", "x\n").log("two", "x\n")),
        // one that an action before it has made is not missing
        case(&["./one", "./one/two"], "x\n").expect(exits(0).log("one", "x\n").log("one/two", "x\n")),
        // one level and no more
        case(&["./one/two"], "x\n")
            .expect(exits(111).says("multilog: fatal: unable to open directory ./one/two: file does not exist\n")),
        // what has been made before the failure stays
        case(&["./one", "./two/three"], "x\n").expect(
            exits(111)
                .says("multilog: fatal: unable to open directory ./two/three: file does not exist\n")
                .log("one", "")
                .leaves("one/current", 0o644, ""),
        ),
        // as many as there are
        case(&[".1", ".2", ".3", ".4", "-x", ".5", ".6", ".7", ".8", ".9", "+*", ".10"], "x\n").expect(
            ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"].iter().enumerate().fold(
                exits(0),
                |outcome, (place, name)| {
                    outcome.log(&format!(".{name}"), if (4..9).contains(&place) { "" } else { "x\n" })
                },
            ),
        ),
        // the directory it is started in
        case(&["."], "x\n")
            .expect(exits(0).leaves("lock", 0o600, "").leaves("state", 0o644, "").leaves("current", 0o744, "x\n")),
        case(&["./link"], "x\n")
            .set_up(|work| {
                fs::create_dir(work.join("log")).unwrap();
                std::os::unix::fs::symlink("log", work.join("link")).unwrap();
            })
            .expect(exits(0).leaves("link@", 0, "log").log("log", "x\n").directory("log", 0o755)),
    ]);
}

/// The umask is 022 whatever it was.
#[test]
fn the_umask_does_not_matter() {
    let cases = [0o000, 0o022, 0o027, 0o077, 0o777].map(|umask| {
        let outcome = exits(0).log("log", "x\n").leaves("status", 0o600, [b"x".as_slice(), &[b'\n'; 1000]].concat());
        case(&["./log", "=status"], "x\n").umask(umask).expect(outcome)
    });
    check(&cases);
}

#[test]
fn a_log_directory_may_be_named_by_its_whole_path() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        let path = ground.work().join("log");
        let seen = ground.run(subject, &[path.to_str().unwrap()], &Input::File(b"x\n".to_vec()));
        assert_eq!(seen.code, 0, "{}", subject.name);
        let expected = [("current", 0o744, "x\n"), ("lock", 0o600, ""), ("state", 0o644, "")];
        for (name, mode, content) in expected {
            assert_eq!(seen.files[&format!("log/{name}")], (mode, content.into()), "{}: {name}", subject.name);
        }
    }
}

#[test]
fn a_second_logger_is_refused() {
    let subjects = Subjects::new();
    for first in &subjects.all {
        for second in &subjects.all {
            let context = format!("{} then {}", first.name, second.name);
            let ground = Ground::new();
            let [reader, writer] = pipe();
            let mut running = ground.start(first, &["./log"], reader);
            // the reference makes it with another mode
            running.wait_until("its file is ready", |ground| {
                ground.files().get("log/current").is_some_and(|current| *current == (0o644, vec![]))
            });
            let mut other = ground.start(second, &["./log"], piped(b"two\n"));
            assert_eq!(other.code(), 111, "{context}");
            let said = String::from_utf8(ground.stderr()).unwrap();
            assert_eq!(said, "multilog: fatal: unable to lock directory ./log: temporary failure\n", "{context}");
            // the first one goes on, and the file is still as it was
            assert_eq!(ground.files()["log/current"], (0o644, vec![]), "{context}");
            assert_eq!(nix::unistd::write(&writer, b"one\n"), Ok(4));
            drop(writer);
            assert_eq!(running.code(), 0, "{context}");
            assert_eq!(ground.files()["log/current"], (0o744, b"one\n".to_vec()), "{context}");
            // and now the second may
            assert_eq!(ground.run(second, &["./log"], &Input::File(b"two\n".to_vec())).code, 0, "{context}");
            assert_eq!(ground.files()["log/current"].1, b"one\ntwo\n", "{context}");
        }
    }
}

/// While it runs, `current` lacks the bit that says that it was closed cleanly, and an flock on `lock` keeps others out.
#[test]
fn the_mode_tells_that_a_file_is_being_written() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        ground.put("log/current", 0o744, "zero\n");
        let [reader, writer] = pipe();
        let mut running = ground.start(subject, &["./log"], reader);
        assert_eq!(nix::unistd::write(&writer, b"one\n"), Ok(4));
        running.wait_until("the line is there", |ground| ground.files()["log/current"].1 == b"zero\none\n");
        assert_eq!(ground.files()["log/current"].0, 0o644, "{}", subject.name);
        let lock = fs::File::open(ground.work().join("log/lock")).unwrap();
        let taken = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockSharedNonblock);
        assert_eq!(taken.err().map(|(_, error)| error), Some(nix::errno::Errno::EWOULDBLOCK), "{}", subject.name);
        drop(writer);
        assert_eq!(running.code(), 0);
        assert_eq!(ground.files()["log/current"], (0o744, b"zero\none\n".to_vec()), "{}", subject.name);
    }
}

/// What an unclean end has left, step by step, and what a start makes of it.
#[test]
fn leftovers_are_recovered() {
    let start = || case(&["./log"], "new\n");
    let fresh = || exits(0).log("log", "new\n").directory("log", 0o755);
    check(&[
        start().file("log/current", 0o644, "cut").expect(fresh().leaves("log/@0.u", 0o644, "cut")),
        start().file("log/current", 0o600, "cut").expect(fresh().leaves("log/@0.u", 0o600, "cut")),
        // state is for a processor, and an unclean end loses it
        start()
            .file("log/current", 0o644, "cut")
            .file("log/state", 0o644, "state")
            .file("log/newstate", 0o644, "newer")
            .expect(fresh().leaves("log/@0.u", 0o644, "cut")),
        start().file("log/state", 0o600, "state").expect(fresh()),
        start()
            .file("log/previous", 0o644, "full\n")
            .file("log/current", 0o644, "cut")
            .expect(fresh().leaves("log/@0.u", 0o644, "full\n").leaves("log/@1.u", 0o644, "cut")),
        start()
            .file("log/previous", 0o744, "full\n")
            .file("log/current", 0o644, "cut")
            .expect(fresh().leaves("log/@0.u", 0o744, "full\n").leaves("log/@1.u", 0o644, "cut")),
        start().file("log/previous", 0o644, "full\n").expect(fresh().leaves("log/@0.u", 0o644, "full\n")),
        // linked under its name already
        start()
            .file("log/@400000006000000000000000.s", 0o744, "full\n")
            .file("log/current", 0o644, "cut")
            .set_up(|work| {
                fs::hard_link(work.join("log/@400000006000000000000000.s"), work.join("log/previous")).unwrap();
            })
            .expect(fresh().leaves("log/@0.s", 0o744, "full\n").leaves("log/@1.u", 0o644, "cut")),
        // not processed to the end
        start()
            .file("log/previous", 0o744, "full\n")
            .file("log/processed", 0o644, "half")
            .file("log/current", 0o644, "cut")
            .file("log/newstate", 0o644, "newer")
            .expect(fresh().leaves("log/@0.u", 0o744, "full\n").leaves("log/@1.u", 0o644, "cut")),
        // processed to the end
        start()
            .file("log/previous", 0o744, "full\n")
            .file("log/processed", 0o744, "processed")
            .file("log/current", 0o644, "cut")
            .expect(fresh().leaves("log/@0.s", 0o744, "processed").leaves("log/@1.u", 0o644, "cut")),
        start()
            .file("log/processed", 0o744, "processed")
            .file("log/current", 0o644, "cut")
            .expect(fresh().leaves("log/@0.s", 0o744, "processed").leaves("log/@1.u", 0o644, "cut")),
        // only as many as the number allows
        case(&["n2", "./log"], "new\n")
            .file("log/previous", 0o644, "full\n")
            .file("log/current", 0o644, "cut")
            .expect(fresh().leaves("log/@0.u", 0o644, "cut")),
        // an empty file is no file, says ours
        start().file("log/current", 0o644, "").differs(
            fresh().leaves("log/@0.u", 0o644, ""),
            fresh(),
            "an empty leftover would take the place of a file with lines",
        ),
        start().file("log/previous", 0o744, "full\n").file("log/current", 0o644, "").differs(
            fresh().leaves("log/@0.u", 0o744, "full\n").leaves("log/@1.u", 0o644, ""),
            fresh().leaves("log/@0.u", 0o744, "full\n"),
            "likewise",
        ),
    ]);
}

/// Beside a clean `current` the reference leaves what it finds, and the next rotation overwrites it.
#[test]
fn leftovers_beside_a_clean_file_are_recovered_by_ours() {
    let clean = || case(&["./log"], "new\n").file("log/current", 0o744, "old\n");
    let kept =
        || exits(0).directory("log", 0o755).leaves("log/lock", 0o600, "").leaves("log/current", 0o744, "old\nnew\n");
    check(&[
        clean().expect(kept()),
        clean().file("log/state", 0o640, "state").expect(kept().leaves("log/state", 0o640, "state")),
        clean().file("log/previous", 0o744, "full\n").differs(
            kept().leaves("log/previous", 0o744, "full\n"),
            kept().leaves("log/@0.u", 0o744, "full\n"),
            "the next rotation would overwrite it",
        ),
        clean().file("log/previous", 0o744, "full\n").file("log/processed", 0o744, "processed").differs(
            kept().leaves("log/previous", 0o744, "full\n").leaves("log/processed", 0o744, "processed"),
            kept().leaves("log/@0.s", 0o744, "processed"),
            "likewise",
        ),
    ]);
}

/// A line of 2200 bytes fills a file of the least size.
fn full(letter: &str) -> String {
    letter.repeat(2200) + "\n"
}

#[test]
fn what_others_have_put_there_is_left_alone() {
    let fill = || case(&["s4096", "n2", "./log"], full("a") + &full("b"));
    let kept = || exits(0).log("log", "").directory("log", 0o755).leaves("log/@0.s", 0o744, full("b"));
    check(&[
        fill()
            .file("log/notes", 0o644, "notes")
            .file("log/@short", 0o644, "notes")
            .file("log/config", 0o600, "s1")
            .file("log/a@400000006000000000000000.s", 0o644, "notes")
            .expect(
                kept()
                    .leaves("log/notes", 0o644, "notes")
                    .leaves("log/@short", 0o644, "notes")
                    .leaves("log/config", 0o600, "s1")
                    .leaves("log/a@400000006000000000000000.s", 0o644, "notes"),
            ),
        // the reference counts every name that begins with @ and is long enough
        fill().file("log/@notes-about-this-directory", 0o644, "notes").differs(
            exits(0).log("log", "").directory("log", 0o755).leaves("log/@notes-about-this-directory", 0o644, "notes"),
            kept().leaves("log/@notes-about-this-directory", 0o644, "notes"),
            "a foreign name takes no place",
        ),
        fill().file("log/@400000006000000000000000", 0o644, "notes").differs(
            kept(),
            kept().leaves("log/@400000006000000000000000", 0o644, "notes"),
            "only names with a dot behind the label are ours",
        ),
        // an old one is an old one, whatever its code
        fill().file("log/@400000006000000000000000.u", 0o644, "old").expect(kept()),
        fill().file("log/@400000006000000000000000.gz", 0o644, "old").expect(kept()),
        // the reference would try to remove it for ever
        fill().set_up(|work| fs::create_dir_all(work.join("log/@400000006000000000000000.s")).unwrap()).ours_only(
            exits(0).log("log", "").directory("log", 0o755).directory("log/@0.s", 0o755).leaves(
                "log/@1.s",
                0o744,
                full("b"),
            ),
        ),
    ]);
}

/// A name with a label that is still to come is the last one removed.
#[test]
fn old_files_go_by_their_labels() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        for (label, content) in [("2", "second"), ("1", "first"), ("3", "third")] {
            ground.put(&format!("log/@40000000600000{label}000000000.s"), 0o744, content);
        }
        let seen = ground.run(subject, &["s4096", "n4", "./log"], &Input::File(full("x").into()));
        let old: Vec<_> = seen.old("log").iter().map(|(_, content)| content.clone()).collect();
        assert_eq!(old, [b"second".to_vec(), b"third".to_vec(), full("x").into()], "{}", subject.name);
    }
}

/// What the account may not do is an error at the start.
#[test]
fn without_permission_it_does_not_start() {
    let subjects = Subjects::new();
    for (mode, says) in [
        (0o000, "unable to open directory ./log: access denied"),
        (0o500, "unable to lock directory ./log: access denied"),
    ] {
        for subject in &subjects.all {
            let ground = Ground::new();
            let log = ground.work().join("log");
            fs::create_dir(&log).unwrap();
            if support::is_root() {
                std::os::unix::fs::chown(&log, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            set_mode(&log, mode);
            let mut running = ground.start_with(subject, &["./log"], piped(b"x\n"), |command| {
                if support::is_root() {
                    command.uid(NOBODY).gid(NOBODY);
                }
            });
            let code = running.code();
            // or it could not be removed
            set_mode(&log, 0o700);
            let said = String::from_utf8(ground.stderr()).unwrap();
            assert_eq!((code, said), (111, format!("multilog: fatal: {says}\n")), "{}", subject.name);
            assert_eq!(fs::read_dir(&log).unwrap().count(), 0, "{}", subject.name);
        }
    }
}
