//! What is read: lines of any length and any bytes, in parts or at once; and starts that fail before anything has been read.

use crate::case::{case, check, exits};
use crate::ground::{Ground, Input, Subjects};
use crate::running::{Writer, pipe, piped, sockets};
use crate::support::waiting::{look_until, unread};
use std::fs::File;
use std::io::{Read, Seek, Write};

#[test]
fn lines_may_be_of_any_length_and_bytes() {
    let long = |length: usize, end: &str| "x".repeat(length) + end;
    let mut cases = Vec::new();
    for length in [0, 1, 199, 200, 201, 511, 512, 513, 999, 1000, 1001, 1002, 1023, 1024, 1025, 3000, 70_000] {
        // the newline is added where it is missing, and only there
        cases.push(case(&["./log"], long(length, "\n")).expect(exits(0).log("log", long(length, "\n"))));
        let last = if length == 0 { String::new() } else { long(length, "\n") };
        cases.push(case(&["./log"], long(length, "")).expect(exits(0).log("log", last)));
        let three = [long(length, "\n"), "short\n".to_owned(), long(length, "\n")].concat();
        cases.push(case(&["s200000", "./log"], &three).expect(exits(0).log("log", &three)));
    }
    let odd = b"a\0b\n\0\n\xff\xfe\r\n\t\x1b\n\n\n";
    cases.push(case(&["./log"], odd).expect(exits(0).log("log", odd)));
    cases.push(case(&["-*", "+\u{e9}*", "./log"], b"\xc3\xa9\n\xe9\n").expect(exits(0).log("log", b"\xc3\xa9\n")));
    cases.push(case(&["-a", "./log"], b"a\0b\na\n").expect(exits(0).log("log", b"a\0b\n")));
    check(&cases);
}

/// Only the first 1000 bytes decide, and with them the whole line comes or goes.
#[test]
fn a_line_is_looked_at_up_to_1000_bytes() {
    let line = |length: usize, last: &str| "x".repeat(length - last.len()) + last + "\n";
    let [at_999, at_1000, at_1001, at_3000] = [999, 1000, 1001, 3000].map(|length| line(length, "y"));
    let all = [&at_999, &at_1000, &at_1001, &at_3000].map(String::as_str).concat();
    let cut = format!("{}y{}\n", "x".repeat(999), "z".repeat(2000));
    let is_cut = format!("{}yy\n", "x".repeat(999));
    check(&[
        case(&["-*", "+x*y", "./log"], &all).expect(exits(0).log("log", [at_999.as_str(), &at_1000].concat())),
        case(&["-x*y", "./log"], &all).expect(exits(0).log("log", [at_1001.as_str(), &at_3000].concat())),
        case(&["-*", "+x*y", "./log"], &cut).expect(exits(0).log("log", &cut)),
        case(&["-*", "+x*y", "./log"], &is_cut).expect(exits(0).log("log", &is_cut)),
        // a pattern of that length
        case(&["-*", &format!("+{}", "x".repeat(1000)), "./log"], "x".repeat(3000))
            .expect(exits(0).log("log", "x".repeat(3000) + "\n")),
        case(&["-*", &format!("+{}", "x".repeat(1001)), "./log"], "x".repeat(3000)).expect(exits(0).log("log", "")),
    ]);
    // the label counts: 26 bytes of it and 974 of the line
    for (length, is_match) in [(973, true), (974, true), (975, false)] {
        let subjects = Subjects::new();
        for subject in &subjects.all {
            let ground = Ground::new();
            let seen = ground.run(subject, &["t", "-*", "+*y", "./log"], &Input::File(line(length, "y").into()));
            let log = seen.without_labels().files.remove("log/current").unwrap().1;
            assert_eq!(log.len(), if is_match { 27 + length } else { 0 }, "{}: {length}", subject.name);
        }
    }
}

/// The end comes at the very byte where a line is full.
#[test]
fn an_end_after_1000_bytes_is_no_line_more() {
    let x = "x".repeat(1000);
    check(&[
        case(&["./log", "e"], &x).expect(exits(0).log("log", format!("{x}\n")).says(format!("{}...\n", &x[..200]))),
        case(&["./log"], format!("{x}\n")).expect(exits(0).log("log", format!("{x}\n"))),
        case(&["./log"], format!("{x}\n\n")).expect(exits(0).log("log", format!("{x}\n\n"))),
        case(&["./log"], format!("{x}\n{x}")).expect(exits(0).log("log", format!("{x}\n{x}\n"))),
    ]);
}

/// What a start says that fails, and that the next program finds all of the input still there.
#[test]
fn a_start_that_fails_has_read_nothing() {
    let subjects = Subjects::new();
    for (actions, says) in [
        (["./file", "e"], "unable to open directory ./file: not a directory"),
        (["./none/log", "e"], "unable to open directory ./none/log: file does not exist"),
        (["e", "./loop"], "unable to open directory ./loop: symbolic link loop"),
        (["e", "=here"], "unable to create here: is a directory"),
        (["e", "=none/status"], "unable to create none/status: file does not exist"),
        (["e", "="], "unable to create : file does not exist"),
        // files before directories, wherever they stand
        (["./file", "=here"], "unable to create here: is a directory"),
        (["./here", "./here"], "unable to lock directory ./here: temporary failure"),
        (["./here", "./here/."], "unable to lock directory ./here/.: temporary failure"),
        (["./odd", "e"], "unable to append to ./odd/current: is a directory"),
    ] {
        for subject in &subjects.all {
            for kind in [Kind::File, Kind::Pipe, Kind::Socket] {
                let context = format!("{}: {actions:?}, {kind:?}", subject.name);
                let ground = Ground::new();
                ground.put("file", 0o644, "");
                ground.put("here/file", 0o644, "");
                ground.put("odd/current/file", 0o644, "");
                let work = ground.work();
                std::os::unix::fs::symlink("loop", work.join("loop")).unwrap();
                let mut input = kind.holding(b"one\ntwo\n");
                let given = input.try_clone().unwrap();
                assert_eq!(ground.start(subject, &actions, given.into()).code(), 111, "{context}");
                let said = String::from_utf8(ground.stderr()).unwrap();
                assert_eq!(said, format!("multilog: fatal: {says}\n"), "{context}");
                let mut left = Vec::new();
                input.read_to_end(&mut left).unwrap();
                assert_eq!(left, b"one\ntwo\n", "{context}");
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    File,
    Pipe,
    Socket,
}

impl Kind {
    /// Something to read these bytes from, and then the end.
    fn holding(self, bytes: &[u8]) -> File {
        match self {
            Self::File => {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(bytes).unwrap();
                file.rewind().unwrap();
                file
            }
            Self::Pipe => File::from(piped(bytes)),
            Self::Socket => {
                let [reader, writer] = sockets();
                File::from(writer).write_all(bytes).unwrap();
                File::from(reader)
            }
        }
    }
}

/// A file is read from where it stands, and left at its end.
#[test]
fn a_file_is_read_from_its_offset() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        let mut input = Kind::File.holding(b"zero\none\ntwo");
        input.seek(std::io::SeekFrom::Start(5)).unwrap();
        assert_eq!(ground.start(subject, &["./log"], input.try_clone().unwrap().into()).code(), 0);
        assert_eq!(ground.files()["log/current"].1, b"one\ntwo\n", "{}", subject.name);
        assert_eq!(input.stream_position().unwrap(), 12, "{}", subject.name);
    }
}

/// What comes in parts is one line, however long it takes.
#[test]
fn a_line_may_come_in_parts() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        for [reader, writer] in [pipe(), sockets()] {
            let ground = Ground::new();
            let mut running = ground.start(subject, &["-*", "+one two", "./log", "e"], reader);
            let mut writer = Writer::new(writer);
            assert!(writer.write(b"x\none "));
            running.wait_for_sleep();
            assert!(writer.write(b"two"));
            running.wait_for_sleep();
            assert!(writer.write(b"\none two three\n"));
            drop(writer);
            let seen = running.finish();
            assert_eq!((seen.code, seen.stderr.as_slice()), (0, &b"one two\n"[..]), "{}", subject.name);
            assert_eq!(seen.files["log/current"].1, b"one two\n", "{}", subject.name);
        }
    }
}

/// A part of a line is kept for a second at most before it is taken out of the pipe; the line is whole nevertheless.
#[test]
fn a_part_of_a_line_is_taken_in_after_a_while() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let [reader, writer] = pipe();
        let watched = reader.try_clone().unwrap();
        let ground = Ground::new();
        let running = ground.start(subject, &["t", "-*", "+* one two", "./log"], reader);
        let mut writer = Writer::new(writer);
        assert!(writer.write(b"one "));
        look_until("it has been read", || unread(&watched) == 0);
        assert!(writer.write(b"two\nthree\n"));
        drop(writer);
        let seen = running.finish().without_labels();
        assert_eq!(seen.files["log/current"].1, b"@40000000LLLLLLLLLLLLLLLL one two\n", "{}", subject.name);
    }
}
