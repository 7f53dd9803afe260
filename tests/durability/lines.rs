//! Numbered lines of many lengths, made and recognised as fast as a logger takes them.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

/// Lines of a block: those with the same last three digits have the same length.
const BLOCK: u64 = 1000;
/// Digits of a number.
const DIGITS: usize = 10;
/// The longest line: it needs three files where the size is the smallest.
pub const LONGEST: usize = DIGITS + 1 + 9000 + 1;

/// Whether lines are among them that do not fit into a file of the smallest size, or almost not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Short,
    Long,
}

/// The lines of block 0, and where each begins, and the end of the last.
struct Template {
    text: Vec<u8>,
    starts: Vec<usize>,
}

impl Kind {
    fn template(self) -> &'static Template {
        static TEMPLATES: [OnceLock<Template>; 2] = [OnceLock::new(), OnceLock::new()];
        TEMPLATES[self as usize].get_or_init(|| Template::new(self))
    }

    /// A line without its number, but with its newline.
    fn rest(self, number: u64) -> &'static [u8] {
        let place = usize::try_from(number % BLOCK).unwrap();
        let template = self.template();
        &template.text[template.starts[place] + DIGITS..template.starts[place + 1]]
    }

    /// The bytes of a line, with its newline.
    fn length(self, number: u64) -> usize {
        DIGITS + self.rest(number).len()
    }

    /// These lines.
    pub fn text(self, numbers: Range<u64>) -> Vec<u8> {
        let mut text = Vec::new();
        for number in numbers {
            write!(text, "{number:010}").unwrap();
            text.extend_from_slice(self.rest(number));
        }
        text
    }
}

impl Template {
    fn new(kind: Kind) -> Self {
        let mut template = Self { text: vec![], starts: vec![0] };
        for number in 0..BLOCK {
            let length = match (kind, number) {
                (Kind::Long, 333) => 2700,
                (Kind::Long, 777) => 9000,
                _ => 2 + number * 7919 % 241,
            };
            write!(template.text, "{number:010} ").unwrap();
            template.text.extend((number..number + length).map(|letter| b'a' + (letter % 26) as u8));
            template.text.push(b'\n');
            template.starts.push(template.text.len());
        }
        template
    }
}

/// These lines, none of them long.
pub fn text(numbers: Range<u64>) -> Vec<u8> {
    Kind::Short.text(numbers)
}

/// Writes lines, from number 0 on, as fast as they are taken.
pub struct Writer {
    thread: JoinHandle<u64>,
    is_over: Arc<AtomicBool>,
}

impl Writer {
    pub fn start(mut to: File, kind: Kind) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let template = kind.template();
            let mut block = template.text.clone();
            for number in 0.. {
                // the last three digits stay
                let digits = format!("{number:07}");
                for &start in &template.starts[..BLOCK as usize] {
                    block[start..start + DIGITS - 3].copy_from_slice(digits.as_bytes());
                }
                // nobody to read: the test has failed
                if told.load(Ordering::Relaxed) || to.write_all(&block).is_err() {
                    return number * BLOCK;
                }
            }
            unreachable!()
        });
        Self { thread, is_over }
    }

    /// Lets it come to the end of its block and close the pipe. Somebody has to read meanwhile.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// How many lines it has written.
    pub fn lines(self) -> u64 {
        self.thread.join().unwrap()
    }
}

/// Lines that are there once more.
pub struct Repeat {
    pub first: u64,
    pub bytes: usize,
}

/// The lines of a directory, file by file: they go on from file to file, or back at the beginning of one.
pub struct Reader {
    kind: Kind,
    is_stamped: bool,
    /// The number of the line that has to come.
    next: u64,
    /// What a file has not of the line `next`.
    missing: Option<Vec<u8>>,
    pub repeats: Vec<Repeat>,
}

const STAMP: usize = 26;

impl Reader {
    pub fn new(kind: Kind, is_stamped: bool) -> Self {
        Self { kind, is_stamped, next: 0, missing: None, repeats: vec![] }
    }

    /// Takes in the next file. Panics where lines are missing, or others are there than were written.
    #[track_caller]
    pub fn take(&mut self, name: &str, text: &[u8]) {
        let mut rest = self.go_on(text);
        while !rest.is_empty() {
            let is_first = rest.len() == text.len();
            rest = self.take_line(name, rest, is_first);
        }
    }

    /// A line that did not fit goes on here, unless it was cut by a kill.
    fn go_on<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let Some(missing) = self.missing.take() else { return text };
        if let Some(rest) = text.strip_prefix(&*missing) {
            self.next += 1;
            return rest;
        }
        match missing.strip_prefix(text) {
            Some(missing) if !text.is_empty() => {
                self.missing = Some(missing.to_vec());
                &[]
            }
            _ => text,
        }
    }

    #[track_caller]
    fn take_line<'a>(&mut self, name: &str, rest: &'a [u8], is_first: bool) -> &'a [u8] {
        let shown = || rest[..rest.len().min(400)].escape_ascii().to_string();
        let mut words = rest;
        if self.is_stamped {
            let is_stamp = |byte: (usize, &u8)| match byte.0 {
                0 => *byte.1 == b'@',
                25 => *byte.1 == b' ',
                _ => byte.1.is_ascii_digit() || (b'a'..=b'f').contains(byte.1),
            };
            assert!(rest.iter().take(STAMP).enumerate().all(is_stamp), "{name}: no stamp: {}", shown());
            words = rest.get(STAMP..).unwrap_or_default();
        }
        // so short that its number is not known: cut by a kill
        let Some((digits, _)) = words.split_at_checked(DIGITS) else {
            assert!(!words.contains(&b'\n'), "{name}: not a line: {}", shown());
            self.missing = None;
            return &[];
        };
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let number: u64 = number.unwrap_or_else(|| {
            panic!("{name}: no number where line {} has to be, or one before: {}", self.next, shown())
        });
        assert!(number <= self.next, "{name}: lines {} to {number} are lost: {}", self.next, shown());
        if number < self.next {
            assert!(is_first, "{name}: line {number} instead of {} in the middle of a file", self.next);
            let bytes = (number..self.next).map(|number| self.kind.length(number)).sum();
            self.repeats.push(Repeat { first: number, bytes });
            self.next = number;
        }
        let whole = self.kind.rest(number);
        let after = &words[DIGITS..];
        if let Some(after) = after.strip_prefix(whole) {
            self.next += 1;
            return after;
        }
        let missing = whole.strip_prefix(after);
        self.missing = Some(missing.unwrap_or_else(|| panic!("{name}: another line {number}: {}", shown())).to_vec());
        &[]
    }

    /// All files have been taken in: this many lines are there.
    #[track_caller]
    pub fn finish(self, lines: u64) -> Vec<Repeat> {
        assert!(self.missing.is_none(), "the last line is cut");
        assert_eq!(self.next, lines, "the last lines are lost");
        self.repeats
    }
}

/// Which of the lines are there whole, for a program that may lose some. Returns how many are not.
pub fn count_lost<'a>(files: impl Iterator<Item = &'a [u8]>, is_stamped: bool, lines: u64) -> u64 {
    let mut seen = vec![false; usize::try_from(lines).unwrap()];
    for line in files.flat_map(|text| text.split_inclusive(|&byte| byte == b'\n')) {
        let line = if is_stamped { line.get(STAMP..).unwrap_or_default() } else { line };
        let digits = line.get(..DIGITS).and_then(|digits| std::str::from_utf8(digits).ok());
        let Some(number) = digits.and_then(|digits| digits.parse::<u64>().ok()) else { continue };
        if line[DIGITS..] == *Kind::Short.rest(number) {
            seen[usize::try_from(number).unwrap()] = true;
        }
    }
    seen.iter().filter(|is_seen| !**is_seen).count() as u64
}

#[test]
fn a_reader_sees_what_is_lost_and_what_is_there_twice() {
    let text = |numbers| Kind::Long.text(numbers);
    let read = |files: &[Vec<u8>], lines: u64| {
        std::panic::catch_unwind(|| {
            let mut reader = Reader::new(Kind::Long, false);
            files.iter().for_each(|file| reader.take("file", file));
            reader.finish(lines).len()
        })
    };
    let mut cut = text(0..778);
    let end = cut.split_off(text(0..777).len() + 4096);
    assert_eq!(read(&[text(0..5), text(5..9)], 9).unwrap(), 0);
    assert_eq!(read(&[text(0..5), text(3..9)], 9).unwrap(), 1);
    assert_eq!(read(&[cut.clone(), end.clone()], 778).unwrap(), 0, "cut by a rotation");
    assert_eq!(read(&[cut.clone(), end[..4096].to_vec(), end[4096..].to_vec()], 778).unwrap(), 0, "in three files");
    assert_eq!(read(&[cut.clone(), text(777..779)], 779).unwrap(), 0, "cut by a kill, and there again");
    assert_eq!(read(&[cut.clone(), text(770..779)], 779).unwrap(), 1);
    read(&[text(0..5), text(6..9)], 9).unwrap_err();
    read(&[text(0..5)], 6).unwrap_err();
    read(&[cut.clone()], 778).unwrap_err();
    read(&[cut, text(778..779)], 779).unwrap_err();
    read(&[[text(0..5), text(3..9)].concat()], 9).unwrap_err();
    read(&[text(0..5), b"other\n".to_vec()], 5).unwrap_err();
    assert_eq!(count_lost([&*Kind::Short.text(0..5), &Kind::Short.text(6..9)].into_iter(), false, 10), 2);
}
