//! Generated streams through generated lists of actions: the same directories, files, modes and messages from reference
//! and ours, and those that model.rs expects. No file becomes so large here that it would be rotated; see rotating.rs.

use crate::generator::{line_for, pattern_list};
use crate::ground::{Content, Ground, Input, Seen, Subject, Subjects};
use crate::model::{Expected, expect, ignored, is_directory, lines, take_warnings};
use crate::support::random::{Random, at_least};
use std::collections::BTreeMap;
use std::thread;

const STREAMS: u64 = 520;

/// Sizes so large that nothing is rotated, each as it may be written.
const LARGE: &[&str] = &["s100000", "s16777215", "s200000x", "s00150000", "s99999"];
/// Sizes that become the least one, 4096.
const SMALL: &[&str] = &["s", "sx", "s0", "s4096", "s1", "s4000", "s-5"];
/// What goes into a file before it is rotated.
const LEAST_ROOM: usize = 4096 - 2000 - 1;
const ROOM: usize = 99_999 - 2000 - 1;
/// What changes nothing as long as no file is full.
const NUMBERS: &[&str] = &["n", "n0", "n1", "n2", "n3", "nx", "n100", "!", "!cat", "!exit 1"];
/// Known to nobody, or `t` in the wrong place.
const UNKNOWN: &[&str] = &["", "x", "Xyz", "t", "?", "z1", "%s", "1", "\u{e4}", "two words"];
const DIRECTORIES: &[&str] = &["./log", ".hidden", "./log.2"];
const STATUS: &[&str] = &["status", "./other"];

/// One stream.
struct Stream {
    actions: Vec<Vec<u8>>,
    input: Input,
    bytes: Vec<u8>,
    /// What is there before.
    files: Vec<(String, Content)>,
}

#[test]
fn streams_leave_the_same() {
    let subjects = &Subjects::new();
    thread::scope(|scope| {
        for part in 0..2 {
            scope.spawn(move || {
                for seed in (0..at_least(STREAMS)).filter(|seed| seed % 2 == part) {
                    let stream = Stream::new(seed);
                    for subject in &subjects.all {
                        stream.check(seed, subject);
                    }
                }
            });
        }
    });
}

#[test]
fn the_streams_have_all_in_them() {
    let streams: Vec<Stream> = (0..STREAMS).map(Stream::new).collect();
    let count = |is_so: &dyn Fn(&Stream) -> bool| streams.iter().filter(|stream| is_so(stream)).count();
    let with = |first: u8| count(&|stream| stream.actions.iter().any(|action| action.first() == Some(&first)));
    for first in *b".+-e=snt" {
        assert!(with(first) > 100, "actions that begin with {}: {}", first.escape_ascii(), with(first));
    }
    assert!(count(&|stream| !ignored(&stream.actions).is_empty()) > 100);
    assert!(count(&|stream| stream.actions.first().is_some_and(|action| action == b"t")) > 100);
    assert!(count(&|stream| stream.actions.iter().filter(|action| is_directory(action)).count() == 3) > 50);
    assert!(count(&|stream| stream.bytes.last().is_some_and(|&byte| byte != b'\n')) > 100);
    assert!(count(&|stream| stream.bytes.len() > 50_000) > 20);
    assert!(count(&|stream| lines(&stream.bytes).iter().any(|line| line.len() > 1000)) > 100);
    assert!(count(&|stream| !stream.files.is_empty()) > 100);
    for is_kind in [
        (|input| matches!(input, Input::File(_))) as fn(&Input) -> bool,
        |input| matches!(input, Input::Pipe(pieces) if pieces.len() > 3),
        |input| matches!(input, Input::Socket(pieces) if pieces.len() > 3),
    ] {
        assert!(count(&|stream| is_kind(&stream.input)) > 50);
    }
}

impl Stream {
    fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let (actions, room, patterns) = actions(random);
        let mut bytes = input(random, &patterns);
        let mut files = Vec::new();
        for directory in actions.iter().filter(|action| is_directory(action)) {
            files.extend(leftovers(random, std::str::from_utf8(directory).unwrap()));
        }
        if random.percent(30) {
            let content = vec![b's'; random.one_of(&[0, 1, 1000, 1001, 1002, 2500])];
            files.push(("status".to_owned(), (0o640, content)));
        }
        // as much of the stream as fits into each file
        while expect(&actions, &bytes).logs.iter().any(|(_, log)| log.len() + 200 > room) {
            bytes.truncate(bytes.len() * 3 / 4);
        }
        let input = match random.below(3) {
            0 => Input::File(bytes.clone()),
            1 => Input::Pipe(random.pieces(&bytes, 12)),
            _ => Input::Socket(random.pieces(&bytes, 12)),
        };
        Self { actions, input, bytes, files }
    }

    fn check(&self, seed: u64, subject: &Subject) {
        let shown: Vec<_> = self.actions.iter().map(|action| action.escape_ascii().to_string()).collect();
        let context = format!("{}, stream {seed}: {shown:?}", subject.name);
        let ground = Ground::new();
        for (name, (mode, content)) in &self.files {
            ground.put(name, *mode, content);
        }
        let mut seen = ground.run(subject, &self.actions, &self.input).without_labels();
        if subject.is_ours {
            let words = ignored(&self.actions);
            seen.stderr =
                take_warnings(&seen.stderr, &words).unwrap_or_else(|mistake| panic!("{context}: {mistake}")).to_vec();
        }
        let expected = self.expected(&expect(&self.actions, &self.bytes));
        assert_eq!(seen.code, expected.code, "{context}");
        assert!(
            seen.stderr == expected.stderr,
            "{context}: standard error\n{}",
            difference(&seen.stderr, &expected.stderr)
        );
        let list = |seen: &Seen| {
            seen.files
                .iter()
                .map(|(name, (mode, content))| format!("{name} {mode:o} {}", content.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(list(&seen), list(&expected), "{context}");
        for (name, (_, content)) in &expected.files {
            let seen = &seen.files[name].1;
            assert!(seen == content, "{context}: {name}\n{}", difference(seen, content));
        }
    }

    /// All that must be there afterwards.
    fn expected(&self, expected: &Expected) -> Seen {
        let before = |name: &str| self.files.iter().find(|(file, _)| file == name).map(|(_, content)| content);
        let mut files = BTreeMap::new();
        for (directory, log) in &expected.logs {
            let name = directory.trim_start_matches("./");
            let is_new = !self.files.iter().any(|(file, _)| file.starts_with(&format!("{directory}/")));
            files.insert(format!("{name}/"), (if is_new { 0o700 } else { 0o755 }, Vec::new()));
            files.insert(format!("{name}/lock"), (0o600, Vec::new()));
            let (mut start, mut is_fresh) = (Vec::new(), true);
            match before(&format!("{directory}/current")) {
                // ours and the reference go on with it
                Some((0o744, content)) => (start, is_fresh) = (content.clone(), false),
                Some((mode, content)) => {
                    files.insert(format!("{name}/@0.u"), (*mode, content.clone()));
                }
                None => {}
            }
            if is_fresh {
                files.insert(format!("{name}/state"), (0o644, Vec::new()));
            }
            start.extend_from_slice(log);
            files.insert(format!("{name}/current"), (0o744, start));
        }
        for action in self.actions.iter().filter_map(|action| action.strip_prefix(b"=")) {
            let action = std::str::from_utf8(action).unwrap();
            let (mode, mut content) = before(action).cloned().unwrap_or((0o600, Vec::new()));
            if let Some(line) = expected.status.get(action) {
                content.resize(content.len().max(line.len()), 0);
                content[..line.len()].copy_from_slice(line);
            }
            files.insert(action.trim_start_matches("./").to_owned(), (mode, content));
        }
        if let Some(file) = before("status") {
            files.entry("status".to_owned()).or_insert(file.clone());
        }
        Seen { code: 0, stderr: expected.printed.clone(), files }
    }
}

/// What an earlier logger may have left in a directory: nothing, a file closed cleanly, or one left by a crash.
fn leftovers(random: &mut Random, directory: &str) -> Vec<(String, Content)> {
    let content = vec![b'o'; random.between(1, 150)];
    match random.below(6) {
        0 => vec![(format!("{directory}/current"), (0o744, [&content[..], b"\n"].concat()))],
        1 => vec![(format!("{directory}/current"), (0o644, content))],
        _ => Vec::new(),
    }
}

/// A list of actions, how much may go into each directory, and the patterns in the list or some instead.
fn actions(random: &mut Random) -> (Vec<Vec<u8>>, usize, Vec<Vec<u8>>) {
    let (sizes, mut room) = if random.percent(50) { (SMALL, LEAST_ROOM) } else { (LARGE, ROOM) };
    let patterns = pattern_list(random);
    let mut left = patterns.clone().into_iter();
    let mut directories = DIRECTORIES.iter().take(random.below(4));
    let mut list: Vec<Vec<u8>> = Vec::new();
    if random.percent(45) {
        list.push(b"t".to_vec());
    }
    for _ in 0..random.between(1, 12) {
        let word: &str = match random.below(12) {
            0..4 => match left.next() {
                Some(pattern) => {
                    list.push(pattern);
                    continue;
                }
                None => continue,
            },
            4..7 => match directories.next() {
                Some(directory) => directory,
                None => continue,
            },
            7 => "e",
            8 => {
                let file = random.one_of(STATUS);
                list.push([b"=", file.as_bytes()].concat());
                continue;
            }
            9 => random.one_of(sizes),
            10 => random.one_of(NUMBERS),
            _ => random.one_of(UNKNOWN),
        };
        list.push(word.as_bytes().to_vec());
    }
    list.extend(directories.filter(|_| random.percent(60)).map(|directory| directory.as_bytes().to_vec()));
    // a word that has come first by chance
    while list.first().is_some_and(|word| word != b"t" && word.first() == Some(&b't')) {
        list.remove(0);
    }
    room = if list.iter().any(|word| word.first() == Some(&b's')) { room } else { ROOM };
    (list, room, patterns)
}

/// Short or long, with a partial last line or without.
fn input(random: &mut Random, patterns: &[Vec<u8>]) -> Vec<u8> {
    let length = random.one_of(&[0, 1, 1, 3, 10, 30, 100, 1000]);
    let mut bytes = Vec::new();
    for _ in 0..random.between(0, length) {
        bytes.extend(line_for(random, patterns));
        bytes.push(b'\n');
    }
    if random.percent(40) {
        bytes.extend(line_for(random, patterns));
    }
    bytes
}

/// Where two texts begin to differ.
pub fn difference(seen: &[u8], expected: &[u8]) -> String {
    let place = seen.iter().zip(expected).take_while(|(one, other)| one == other).count();
    let part = |text: &[u8]| text[place..text.len().min(place + 120)].escape_ascii().to_string();
    let sizes = (seen.len(), expected.len());
    format!("at byte {place}, of {sizes:?} bytes: {:?}, not {:?}", part(seen), part(expected))
}
