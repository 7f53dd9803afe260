//! Symbolic links in a log directory, where somebody else may have put them: ours neither writes through one, nor takes one
//! for a file of its own.

use crate::ground::{Ground, Input, Subject, Subjects};
use std::os::unix::fs::symlink;

/// What lies outside, and what the link leads to.
const OUTSIDE: &[u8] = b"outside\n";

/// A log directory with a link of this name in it, to a file of this mode outside.
fn with_link(name: &str, mode: u32) -> Ground {
    let ground = Ground::new();
    ground.put("outside", mode, OUTSIDE);
    std::fs::create_dir_all(ground.work().join("log")).unwrap();
    symlink("../outside", ground.work().join("log").join(name)).unwrap();
    ground
}

/// Fills a file of the least size and begins another.
const TWO_LINES: fn() -> Input = || Input::File(("x".repeat(2200) + "\ny\n").into_bytes());

fn is_untouched(ground: &Ground, mode: u32) -> bool {
    ground.files()["outside"] == (mode, OUTSIDE.to_vec())
}

#[test]
fn nothing_is_written_through_a_link() {
    let subjects = Subjects::new();
    for mode in [0o644, 0o744] {
        for (name, code) in [("current", 111), ("lock", 111), ("state", 0)] {
            for subject in &subjects.all {
                let context = format!("{}: {name}, {mode:o}", subject.name);
                let ground = with_link(name, mode);
                let seen = ground.run(subject, &["./log"], &Input::File(b"line\n".to_vec()));
                if !subject.is_ours {
                    // the reference goes on writing where it believes to have stopped
                    assert_eq!(seen.code, 0, "{context}");
                    assert_eq!(is_untouched(&ground, mode), (name, mode) != ("current", 0o744), "{context}");
                    continue;
                }
                assert!(is_untouched(&ground, mode), "{context}");
                let said = String::from_utf8(seen.stderr).unwrap();
                assert_eq!(seen.code, code, "{context}: {said}");
                let is_told =
                    said.starts_with("multilog: fatal: unable to ") && said.ends_with(": symbolic link loop\n");
                assert_eq!(is_told, code == 111, "{context}: {said}");
            }
        }
    }
}

/// What a processor writes goes into files of the log directory, and into no other.
#[test]
fn a_processor_writes_through_no_link() {
    let subjects = Subjects::new();
    for name in ["processed", "newstate"] {
        for subject in &subjects.all {
            let ground = with_link(name, 0o644);
            // a clean one, so that it is not a crash that this comes from
            ground.put("log/current", 0o744, "");
            ground.put("log/state", 0o644, "");
            let actions = ["!cat; echo state >&5", "s4096", "./log"];
            if subject.is_ours {
                let seen = ground.run(subject, &actions, &TWO_LINES());
                let said = seen.stderr.escape_ascii().to_string();
                assert!(is_untouched(&ground, 0o644), "{name}: {:?}, {said}", ground.files());
                assert_eq!((seen.code, said.as_str()), (0, ""), "{name}");
                assert_eq!(seen.files["log/state"], (0o644, b"state\n".to_vec()), "{name}");
                assert_eq!(seen.whole("log").len(), 2203, "{name}");
            }
        }
    }
}

/// A link's own mode has every bit set, but says nothing of a file that would be complete.
#[test]
fn a_link_is_no_processed_file() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = with_link("processed", 0o644);
        ground.put("log/previous", 0o744, "full\n");
        ground.put("log/current", 0o644, "cut");
        let seen = ground.run(subject, &["./log"], &Input::File(b"line\n".to_vec()));
        assert_eq!((seen.code, seen.stderr), (0, vec![]), "{}", subject.name);
        let old = [("log/@0.u", 0o744, "full\n"), ("log/@1.u", 0o644, "cut")];
        for (name, mode, content) in old {
            assert_eq!(seen.files.get(name), Some(&(mode, content.into())), "{}: {name}", subject.name);
        }
        assert!(is_untouched(&ground, 0o644), "{}", subject.name);
    }
}

/// With the name of an old file it is one for the reference, and the first to go.
#[test]
fn a_link_is_no_old_file() {
    let subjects = Subjects::new();
    let run = |subject: &Subject| {
        let ground = with_link("@400000006000000000000000.s", 0o644);
        let seen = ground.run(subject, &["s4096", "n2", "./log"], &TWO_LINES());
        assert_eq!((seen.code, seen.stderr.as_slice()), (0, &b""[..]), "{}", subject.name);
        assert!(is_untouched(&ground, 0o644), "{}", subject.name);
        // the first by its name is the link, where it is there
        assert_eq!(seen.files.contains_key("log/@0.s@"), subject.is_ours, "{}: {:?}", subject.name, seen.files.keys());
        assert_eq!(seen.files.contains_key("log/@1.s"), subject.is_ours, "{}", subject.name);
    };
    subjects.all.iter().for_each(run);
}
