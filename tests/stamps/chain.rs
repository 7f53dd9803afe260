//! The filters at the end of a chain: with what the links before have made of the environment, and as if they had been
//! executed alone.

use crate::decode::{label, seconds};
use crate::run::Filter;
use crate::support::{Installed, peer};
use std::path::Path;
use std::process::Command;

/// One hour east of Greenwich, then three and a half west of it.
const ZONES: [&str; 2] = ["EAST-1", "<-0330>3:30"];

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, zone) in ["east", "west"].iter().zip(ZONES) {
        std::fs::create_dir(directory.path().join(name)).unwrap();
        std::fs::write(directory.path().join(name).join("TZ"), format!("{zone}\n")).unwrap();
    }
    directory
}

fn chain(path: &Path, fuse: &str, words: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(path.join(words[0]));
    command.args(&words[1..]).current_dir(directory).env_clear();
    command.env("PATH", path).env("CATENA_FUSE", fuse).env("TZ", "UTC0");
    command
}

/// What this makes of a label, and its exit code.
fn through(command: Command) -> (String, i32) {
    let mut filter = Filter::start(command);
    filter.write(format!("{} x\n", label((seconds("2026-11-21 04:26:50"), 123_456_789))).as_bytes());
    let (output, code) = filter.finish();
    (String::from_utf8(output).unwrap(), code)
}

#[test]
fn the_zone_is_the_one_that_the_links_before_have_set() {
    let installed = Installed::shared();
    let directory = directory();
    for (words, expected) in [
        (&["envdir", "east", "tai64nlocal"][..], "2026-11-21 05:26:50.123456789 x\n"),
        (&["envdir", "west", "tai64nlocal"], "2026-11-21 00:56:50.123456789 x\n"),
        (&["envdir", "east", "envdir", "west", "tai64nlocal"], "2026-11-21 00:56:50.123456789 x\n"),
        (&["envdir", "west", "envdir", "east", "tai64nlocal"], "2026-11-21 05:26:50.123456789 x\n"),
        (&["setlock", "lock", "envdir", "east", "tai64nlocal"], "2026-11-21 05:26:50.123456789 x\n"),
        (&["softlimit", "-o", "20", "tai64nlocal"], "2026-11-21 04:26:50.123456789 x\n"),
    ] {
        for fuse in ["1", "0"] {
            let seen = through(chain(installed.path(), fuse, words, directory.path()));
            assert_eq!(seen, (expected.to_owned(), 0), "{words:?}, CATENA_FUSE={fuse}");
        }
        // the same chain of the reference's programs
        if let Some(there) = peer("tai64nlocal").and(peer(words[0])) {
            let seen = through(chain(there.parent().unwrap(), "1", words, directory.path()));
            assert_eq!(seen, (expected.to_owned(), 0), "{words:?} of the reference");
        }
    }
}

/// In the C library's own zone, which is that of the beginning, these would be others.
#[test]
fn a_format_of_ones_own_is_in_that_zone_too() {
    let installed = Installed::shared();
    let directory = directory();
    for (name, expected) in [
        ("east", "05 1795235210 001795235210 EAST  EAST east"),
        ("west", "00 1795235210 001795235210 -0330 -0330 -0330"),
    ] {
        for fuse in ["1", "0"] {
            let words = ["envdir", name, "tai64nlocal", "-f", "%H %10s %012Es %_Z %5Z %#OZ"];
            let seen = through(chain(installed.path(), fuse, &words, directory.path()));
            assert_eq!(seen, (format!("{expected} x\n"), 0), "{words:?}, CATENA_FUSE={fuse}");
        }
    }
}

#[test]
fn options_are_read_at_the_end_of_a_chain() {
    let installed = Installed::shared();
    let directory = directory();
    for fuse in ["1", "0"] {
        let run = |words: &[&str]| through(chain(installed.path(), fuse, words, directory.path()));
        let expected = "2026-11-21T05:26:50.123+01:00 x\n".to_owned();
        assert_eq!(run(&["envdir", "east", "tai64nlocal", "--iso", "-d3"]), (expected, 0));
        let mut call = chain(installed.path(), fuse, &["envdir", "east", "tai64nlocal", "-x"], directory.path());
        let output = call.output().unwrap();
        assert_eq!(output.status.code(), Some(100), "CATENA_FUSE={fuse}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.lines().last().unwrap().starts_with("tai64nlocal: usage: "), "{said}");
    }
}

#[test]
fn a_label_comes_through_a_chain() {
    let installed = Installed::shared();
    let directory = directory();
    for fuse in ["1", "0"] {
        let words = ["envdir", "east", "pgrphack", "tai64n"];
        let mut filter = Filter::start(chain(installed.path(), fuse, &words, directory.path()));
        filter.write(b"line\n");
        let (output, code) = filter.finish();
        assert_eq!((crate::decode::split(&output).1, code), (&b"line\n"[..], 0), "CATENA_FUSE={fuse}");
    }
}

/// `ps` and `pkill` find it as the program it is, by its own words alone.
#[test]
fn a_fused_filter_looks_like_one_that_was_executed() {
    let installed = Installed::shared();
    let directory = directory();
    for name in ["tai64n", "tai64nlocal"] {
        for fuse in ["1", "0"] {
            let words = ["envdir", "east", "setlock", "lock", name, "word"];
            let mut filter = Filter::start(chain(installed.path(), fuse, &words, directory.path()));
            // it runs as soon as it gives something back
            filter.write(b"a line\n");
            assert!(filter.read(7).len() == 7);
            let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", filter.id())).unwrap();
            assert_eq!(read("comm"), format!("{name}\n"), "CATENA_FUSE={fuse}");
            // what is left of the room for its words is empty, which ps and pgrep pass over
            assert_eq!(read("cmdline").trim_end_matches('\0'), format!("{name}\0word"), "CATENA_FUSE={fuse}");
            assert_eq!(filter.finish().1, 0);
        }
    }
}
