//! What others may have put in the place of a log directory's files, before the start or meanwhile: another name of a file that
//! is theirs, a FIFO, a directory. Ours writes to none of them and waits for none. For symbolic links see links.rs.

use crate::ground::{Ground, Input, Subjects};
use crate::running::{Running, Writer, pipe};
use nix::sys::stat::Mode;
use std::fs;
use std::path::Path;

/// What lies outside, and may have another name inside.
const OUTSIDE: &[u8] = b"outside\n";

/// The names that are a log directory's own.
const NAMES: [&str; 6] = ["current", "lock", "previous", "processed", "state", "newstate"];

const PROCESSOR: &[&str] = &["s4096", "!cat; echo state >&5", "./log"];

fn with_outside(mode: u32) -> Ground {
    let ground = Ground::new();
    ground.put("outside", mode, OUTSIDE);
    fs::create_dir_all(ground.work().join("log")).unwrap();
    ground
}

fn is_untouched(ground: &Ground, mode: u32) -> bool {
    ground.files()["outside"] == (mode, OUTSIDE.to_vec())
}

/// Fills a file of the least size and begins another.
fn two_lines() -> Vec<u8> {
    ("x".repeat(2200) + "\ny\n").into_bytes()
}

fn hard_link(ground: &Ground, name: &str) {
    fs::hard_link(ground.work().join("outside"), ground.work().join("log").join(name)).unwrap();
}

fn fifo(log: &Path, name: &str, mode: u32) {
    nix::unistd::mkfifo(&log.join(name), Mode::from_bits_truncate(mode)).unwrap();
    crate::ground::set_mode(&log.join(name), mode);
}

/// The mode says that a file is complete, or is not; either way it is somebody else's.
#[test]
fn nothing_is_written_through_another_name() {
    let subjects = Subjects::new();
    for mode in [0o644, 0o744] {
        for name in NAMES {
            for subject in &subjects.all {
                let context = format!("{}: {name}, {mode:o}", subject.name);
                let ground = with_outside(mode);
                hard_link(&ground, name);
                if name == "current" {
                    // the reference needs it where it goes on
                    ground.put("log/state", 0o644, "");
                }
                let seen = ground.run(subject, PROCESSOR, &Input::File(two_lines()));
                let said = seen.stderr.escape_ascii().to_string();
                assert_eq!((seen.code, said.as_str()), (0, ""), "{context}");
                // the reference goes on with what it believes to have closed
                let is_safe = subject.is_ours || (name, mode) != ("current", 0o744);
                assert_eq!(is_untouched(&ground, mode), is_safe, "{context}: {:?}", ground.files());
                if subject.is_ours {
                    assert!(seen.files["log/current"].1 == b"y\n", "{context}");
                    assert!(seen.whole("log").ends_with(&two_lines()), "{context}");
                }
            }
        }
    }
}

/// A file that is gone on with has no other name; what a copy by links (`cp -al`) shares stays as it was, too.
#[test]
fn a_clean_file_with_another_name_is_kept_as_an_old_one() {
    let subjects = Subjects::new();
    let ground = Ground::new();
    ground.put("log/current", 0o744, "old\n");
    ground.put("log/state", 0o644, "state\n");
    fs::hard_link(ground.work().join("log/current"), ground.work().join("copy")).unwrap();
    let seen = ground.run(subjects.ours(), &["./log"], &Input::File(b"new\n".to_vec())).without_labels();
    assert_eq!((seen.code, seen.stderr), (0, vec![]));
    for (name, mode, content) in [
        ("copy", 0o744, "old\n"),
        ("log/@0.u", 0o744, "old\n"),
        ("log/current", 0o744, "new\n"),
        ("log/state", 0o644, "state\n"),
    ] {
        assert_eq!(seen.files.get(name), Some(&(mode, content.into())), "{name}");
    }
}

/// One that has logged a line, so that all that is to be put in order at the start is.
fn start<'a>(ground: &'a Ground, subject: &crate::ground::Subject) -> (Running<'a>, Writer) {
    let [input, writer] = pipe();
    let mut running = ground.start(subject, PROCESSOR, input);
    let mut writer = Writer::new(writer);
    assert!(writer.write(b"first\n"));
    running.wait_until("it is logged", |ground| {
        ground.files().get("log/current").is_some_and(|current| current.1 == b"first\n")
    });
    (running, writer)
}

/// It waits for nobody either, which the reference does.
#[test]
fn what_is_put_there_meanwhile_is_not_written_to() {
    let subjects = Subjects::new();
    for name in ["previous", "processed", "state", "newstate"] {
        for subject in &subjects.all {
            for is_link in [true, false] {
                if !is_link && !subject.is_ours {
                    continue;
                }
                let context = format!("{}: {name}, a {}", subject.name, if is_link { "link" } else { "FIFO" });
                let ground = with_outside(0o644);
                let (mut running, mut writer) = start(&ground, subject);
                let log = ground.work().join("log");
                let _ = fs::remove_file(log.join(name));
                match is_link {
                    true => hard_link(&ground, name),
                    false => fifo(&log, name, 0o644),
                }
                assert!(writer.write(&two_lines()));
                drop(writer);
                assert_eq!(running.code(), 0, "{context}");
                assert_eq!(ground.stderr(), b"", "{context}");
                let is_safe = subject.is_ours || !["processed", "newstate"].contains(&name);
                assert_eq!(is_untouched(&ground, 0o644), is_safe, "{context}");
                if subject.is_ours {
                    let files = ground.files();
                    assert_eq!(files["log/state"], (0o644, b"state\n".to_vec()), "{context}");
                    assert_eq!(files["log/current"].1, b"y\n", "{context}");
                    let of_ours = files.iter().filter(|(name, _)| name.starts_with("log/@") && name.ends_with(".s"));
                    let old: Vec<u8> = of_ours.flat_map(|(_, content)| content.1.clone()).collect();
                    assert!(old == [b"first\n", &two_lines()[..2201]].concat(), "{context}: {:?}", files.keys());
                }
            }
        }
    }
}

/// What cannot be a log is not made one, and what stands in the place of `lock` locks nothing.
#[test]
fn a_fifo_is_refused_at_the_start() {
    let subjects = Subjects::new();
    for (name, says) in [
        ("current", "append to ./log/current: it is not a regular file"),
        ("lock", "lock directory ./log: lock is not a regular file"),
    ] {
        let ground = with_outside(0o644);
        let log = ground.work().join("log");
        fifo(&log, name, 0o744);
        // with a reader it can be opened
        let reader = fs::File::options().read(true).write(true).open(log.join(name)).unwrap();
        let seen = ground.run(subjects.ours(), &["./log"], &Input::File(b"line\n".to_vec()));
        let said = String::from_utf8(seen.stderr).unwrap();
        assert_eq!((seen.code, said), (111, format!("multilog: fatal: unable to {says}\n")));
        drop(reader);
    }
}

/// In a status file one goes back to the beginning; where that cannot be done, the reference tries for ever.
#[test]
fn a_status_file_that_has_no_beginning_is_refused() {
    let subjects = Subjects::new();
    let ground = Ground::new();
    fifo(&ground.work(), "status", 0o600);
    let reader = fs::File::options().read(true).write(true).open(ground.work().join("status")).unwrap();
    let seen = ground.run(subjects.ours(), &["=status"], &Input::File(b"line\n".to_vec()));
    let said = String::from_utf8(seen.stderr).unwrap();
    let expected = "multilog: fatal: unable to move to beginning of status: unseekable descriptor\n";
    assert_eq!((seen.code, said.as_str()), (111, expected));
    drop(reader);
}

/// What the user names is the user's: the file itself is written to, whatever its names, and a device is one as well.
#[test]
fn a_status_file_is_written_where_it_is() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        ground.put("outside", 0o640, OUTSIDE);
        fs::hard_link(ground.work().join("outside"), ground.work().join("hard")).unwrap();
        std::os::unix::fs::symlink("outside", ground.work().join("soft")).unwrap();
        for name in ["=hard", "=soft"] {
            let seen = ground.run(subject, &[name, "=/dev/null"], &Input::File(name.as_bytes().to_vec()));
            assert_eq!((seen.code, seen.stderr), (0, vec![]), "{}: {name}", subject.name);
            let (mode, content) = ground.files()["outside"].clone();
            assert!(mode == 0o640 && content.len() == 1001 && content.starts_with(name.as_bytes()), "{}", subject.name);
        }
    }
}
