//! Generated streams that fill many files. Ours ends a file at another newline than the reference, so here all files in
//! order are compared with what was written, and each file is held to the rules: the reference's to those that hold for
//! both, ours to exactly where a file ends, which follows from the bytes alone.

use crate::generator::{line_for, pattern_list};
use crate::ground::{Ground, Input, Seen, Subject, Subjects, without_labels};
use crate::model::expect;
use crate::streams::difference;
use crate::support::random::{Random, at_least};
use std::thread;

const STREAMS: u64 = 120;

#[test]
fn files_are_full_and_nothing_is_missing() {
    let subjects = &Subjects::new();
    thread::scope(|scope| {
        for part in 0..2 {
            scope.spawn(move || {
                for seed in (0..at_least(STREAMS)).filter(|seed| seed % 2 == part) {
                    subjects.all.iter().for_each(|subject| check(seed, subject));
                }
            });
        }
    });
}

/// A log directory, as the actions before it have made it.
struct Log {
    name: &'static str,
    size: usize,
    number: usize,
}

fn check(seed: u64, subject: &Subject) {
    let random = &mut Random::new(1_000_000 + seed);
    let mut actions = Vec::new();
    let mut logs = Vec::new();
    let has_labels = random.percent(50);
    if has_labels {
        actions.push(b"t".to_vec());
    }
    // more than fits into a pipe, or into a buffer
    let is_large = random.percent(10);
    for name in ["one", "two"].into_iter().take(random.between(1, 2)) {
        let sizes: &[usize] =
            if is_large { &[65_536, 70_001, 131_072, 400_000] } else { &[4096, 4097, 5000, 6001, 9999] };
        let size = random.one_of(sizes);
        let number = random.one_of(&[2, 3, 5, 10, 1000]);
        actions.extend([format!("s{size}"), format!("n{number}")].map(String::into_bytes));
        if random.percent(30) {
            actions.extend(pattern_list(random));
        }
        if random.percent(20) {
            // it changes nothing
            actions.push(b"!cat".to_vec());
        }
        actions.push(format!("./{name}").into_bytes());
        logs.push(Log { name, size, number });
    }
    let bytes = input(random, is_large);
    let pieces = random.pieces(&bytes, 10);
    let input = match random.below(3) {
        0 => Input::File(bytes.clone()),
        1 => Input::Pipe(pieces),
        _ => Input::Socket(pieces),
    };
    let ground = Ground::new();
    let seen = ground.run(subject, &actions, &input);
    let shown: Vec<_> = actions.iter().map(|action| action.escape_ascii().to_string()).collect();
    let context = format!("{}, stream {seed}: {shown:?}", subject.name);
    assert_eq!((seen.code, seen.stderr.as_slice()), (0, &b""[..]), "{context}");
    let expected = expect(&actions, &bytes);
    for (log, (_, written)) in logs.iter().zip(&expected.logs) {
        let context = format!("{context}, {}", log.name);
        check_log(log, &seen, written, &context);
        if subject.is_ours {
            check_ends(log, &seen, written, &context);
            if has_labels {
                let (_, labels) = without_labels(&seen.whole(log.name));
                assert!(labels.is_sorted_by(|one, next| one < next), "{context}: labels");
            }
        }
    }
    let mut names: Vec<&str> = Vec::new();
    for name in seen.files.keys().filter(|name| !name.contains('@')) {
        names.push(name);
    }
    let of_each = |log: &Log| ["", "current", "lock", "state"].map(|file| format!("{}/{file}", log.name));
    assert_eq!(names, logs.iter().flat_map(of_each).collect::<Vec<_>>(), "{context}");
}

/// What holds for the reference and for ours.
fn check_log(log: &Log, seen: &Seen, written: &[u8], context: &str) {
    let old = seen.old(log.name);
    assert!(old.iter().all(|(mode, _)| *mode == 0o744), "{context}: modes");
    assert_eq!(seen.files[&format!("{}/current", log.name)].0, 0o744, "{context}");
    let mut whole = without_labels(&seen.whole(log.name)).0;
    if old.len() == log.number - 1 {
        // earlier ones may have been removed
        let kept = &written[written.len() - whole.len()..];
        assert!(whole == kept, "{context}: {}", difference(&whole, kept));
    } else {
        assert!(old.len() < log.number, "{context}: {} old files", old.len());
        // a line that is cut by a new file may look like one that begins with a label
        whole = without_labels(&whole).0;
        assert!(whole == written, "{context}: {}", difference(&whole, written));
    }
    for (_, content) in old {
        assert!(content.len() <= log.size && content.len() >= log.size - 2000, "{context}: {} bytes", content.len());
        assert!(content.len() == log.size || content.ends_with(b"\n"), "{context}: cut at {}", content.len());
    }
    let current = &seen.files[&format!("{}/current", log.name)].1;
    assert!(current.len() <= log.size, "{context}: {} bytes in current", current.len());
}

/// Where ours ends its files: behind the first newline that makes it size − 2000 bytes or more, or at the size.
fn check_ends(log: &Log, seen: &Seen, written: &[u8], context: &str) {
    let mut files: Vec<&[u8]> = Vec::new();
    let mut rest = written;
    while let Some(end) = end_of_file(rest, log.size) {
        let (file, after) = rest.split_at(end);
        files.push(file);
        rest = after;
    }
    let old = seen.old(log.name);
    assert_eq!(old.len(), files.len().min(log.number - 1), "{context}: old files");
    for ((_, seen), file) in old.iter().zip(&files[files.len() - old.len()..]) {
        let seen = without_labels(seen).0;
        assert!(seen == *file, "{context}: {}", difference(&seen, file));
    }
    let current = without_labels(&seen.files[&format!("{}/current", log.name)].1).0;
    assert!(current == rest, "{context}: current: {}", difference(&current, rest));
}

/// The length of the file that these bytes begin with, if it is full.
pub fn end_of_file(bytes: &[u8], size: usize) -> Option<usize> {
    let least = size - 2000;
    let newline = bytes.iter().skip(least - 1).position(|&byte| byte == b'\n').map(|place| place + least);
    match newline {
        Some(end) if end <= size => Some(end),
        _ => (bytes.len() > size).then_some(size),
    }
}

/// Many short lines, or some that no file can hold.
pub fn input(random: &mut Random, is_large: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = if is_large { random.between(200_000, 1_000_000) } else { random.between(3000, 60_000) };
    let longest = random.one_of(if is_large { &[300, 3000, 100_000, 500_000] } else { &[20, 300, 3000, 20_000] });
    while bytes.len() < length {
        if random.percent(50) {
            bytes.extend(line_for(random, &[b"+*".to_vec(), b"+x*y".to_vec()]));
        } else {
            let letter = random.one_of(b"xyz@ \xff");
            bytes.resize(bytes.len() + random.below(longest), letter);
        }
        bytes.push(b'\n');
    }
    if random.percent(50) {
        bytes.pop();
    }
    bytes
}

/// At the boundaries themselves, byte by byte: how long the first file is if the only newline comes there.
#[test]
fn a_file_ends_at_the_first_newline_that_makes_it_long_enough() {
    let subjects = Subjects::new();
    for (newline, first) in
        [(2094, 4096), (2095, 2096), (2096, 2097), (4094, 4095), (4095, 4096), (4096, 4096), (5000, 4096)]
    {
        // a newline that comes too early, then one in the place, then one far behind
        let mut input = vec![b'x'; 8000];
        input[100] = b'\n';
        input[newline] = b'\n';
        input[7999] = b'\n';
        for subject in &subjects.all {
            let ground = Ground::new();
            let seen = ground.run(subject, &["s4096", "./log"], &Input::File(input.clone()));
            let lengths: Vec<_> = seen.old("log").iter().map(|(_, content)| content.len()).collect();
            // a second newline in the reference's piece of 512 bytes would be where it ends; there is none
            assert_eq!(lengths[0], first, "{}, newline at {newline}: {lengths:?}", subject.name);
            assert!(seen.whole("log") == input, "{}", subject.name);
        }
    }
}

/// Of two newlines in reach, ours takes the first, the reference the last of what it writes at once.
#[test]
fn of_two_newlines_the_first_ends_the_file() {
    let subjects = Subjects::new();
    let mut input = vec![b'x'; 3000];
    // in the reference's fifth piece of 512 bytes, from 2048 on
    for newline in [2100, 2200, 2300, 2999] {
        input[newline] = b'\n';
    }
    for subject in &subjects.all {
        let ground = Ground::new();
        let seen = ground.run(subject, &["s4096", "./log"], &Input::File(input.clone()));
        let lengths: Vec<_> = seen.old("log").iter().map(|(_, content)| content.len()).collect();
        assert_eq!(lengths, [if subject.is_ours { 2101 } else { 2301 }], "{}", subject.name);
        assert!(seen.whole("log") == input, "{}", subject.name);
    }
}

/// A file that was full already when it is continued.
#[test]
fn a_continued_file_keeps_its_size() {
    let subjects = Subjects::new();
    for (before, first) in [
        // long enough to end, but that needs a newline of this run
        (3000, 3005),
        (4090, 4095),
        // only so much room is left
        (4093, 4096),
        // no room at all: it is moved away before anything is written
        (4096, 4096),
        (9000, 9000),
        // not long enough yet
        (2090, 0),
    ] {
        for subject in &subjects.all {
            let ground = Ground::new();
            ground.put("log/current", 0o744, vec![b'o'; before]);
            let seen = ground.run(subject, &["s4096", "./log"], &Input::File(b"line\n".to_vec()));
            let lengths: Vec<_> = seen.old("log").iter().map(|(_, content)| content.len()).collect();
            let expected = if first == 0 { vec![] } else { vec![first] };
            assert_eq!(lengths, expected, "{}, {before} bytes", subject.name);
            let whole = [vec![b'o'; before].as_slice(), b"line\n"].concat();
            assert!(seen.whole("log") == whole, "{}, {before} bytes", subject.name);
        }
    }
}
