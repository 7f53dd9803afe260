//! What is shown of what is read. The expectation is the definition: each byte that is no NUL moves those behind the third
//! one to the left and comes in at the end.

use crate::run::{Side, Title, both};
use crate::support::random::Random;
use crate::support::{Installed, leave_out};
use std::path::Path;
use std::process::Command;

/// A process with these words. Its environment, which lies behind them in memory, has one entry.
fn title(program: &Path, words: &[&str]) -> Title {
    let mut command = Command::new(program);
    command.args(words).env_clear().env("NEIGHBOUR", "untouched");
    Title::start(command, b"")
}

/// The words, and what is in the place of the last one.
fn line(program: &Path, words: &[&str], window: &[u8]) -> Vec<u8> {
    let (_, before) = words.split_last().unwrap();
    let mut line = program.as_os_str().as_encoded_bytes().to_vec();
    for word in before {
        line.push(0);
        line.extend_from_slice(word.as_bytes());
    }
    line.push(0);
    line.extend_from_slice(window);
    line
}

/// The window of so many bytes over all input.
fn window(length: usize, input: &[u8], side: Side) -> Vec<u8> {
    let input: Vec<u8> = input.iter().copied().filter(|&byte| byte != 0).collect();
    let shown = if side == Side::Ours { fit(&input) } else { input };
    let all = [vec![b'.'; length], shown].concat();
    let mut window = [b"...", &all[all.len() - (length - 3)..]].concat();
    if side == Side::Ours {
        // what is left of a character that has gone out in part
        let rest = window[3..].iter_mut().take_while(|byte| **byte & 0xc0 == 0x80);
        rest.filter(|byte| **byte < 0xa0).for_each(|byte| *byte = b'?');
    }
    window
}

/// What is to be seen of the text, of which more may come.
fn fit(text: &[u8]) -> Vec<u8> {
    let is_deadly = |sign: char| {
        let turns = matches!(sign as u32, 0x61c | 0x200e | 0x200f | 0x2028..=0x202e | 0x2066..=0x2069);
        sign != '\n' && (sign.is_control() || turns)
    };
    let mut shown = Vec::new();
    let mut chunks = text.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let signs = chunk.valid().chars().map(|sign| if is_deadly(sign) { '?' } else { sign });
        shown.extend(signs.collect::<String>().into_bytes());
        let rest = chunk.invalid();
        let is_begun = chunks.peek().is_none() && std::str::from_utf8(rest).is_err_and(|why| why.error_len().is_none());
        if !is_begun {
            shown.extend(rest.iter().map(|&byte| if byte < 0xa0 { b'?' } else { byte }));
        }
    }
    shown
}

#[test]
fn all_of_the_window_is_dots_at_first_whatever_it_was() {
    let installed = Installed::shared();
    for (_, program) in both(&installed) {
        for words in [&["....."][..], &["service", "errors:", "xxxxxxxxxx"], &["", "a b", "-5-of-\u{fc}"]] {
            let dots = vec![b'.'; words.last().unwrap().len()];
            assert_eq!(title(&program, words).shown(), line(&program, words, &dots));
        }
    }
}

#[test]
fn what_is_read_comes_in_from_the_right_and_three_dots_stay() {
    let installed = Installed::shared();
    let words = ["service", "errors:", ".........."];
    for (side, program) in both(&installed) {
        let mut title = title(&program, &words);
        let is_ours = side == Side::Ours;
        let steps: [(&[u8], &[u8]); 10] = [
            (b"a", b".........a"),
            (b"bc", b".......abc"),
            (b"defg", b"...abcdefg"),
            (b"h", b"...bcdefgh"),
            // a newline stays
            (b"i\n", b"...defghi\n"),
            // NUL bytes are dropped, wherever they are
            (b"\0", b"...defghi\n"),
            (b"\0j\0\0k\0", b"...fghi\njk"),
            // longer than the window
            (b"0123456789", b"...3456789"),
            (b"\xff\x80\xc3\xbc", if is_ours { b"...789\xff?\xc3\xbc" } else { b"...789\xff\x80\xc3\xbc" }),
            (b"\xc2\x9b1m", if is_ours { b"...\xff?\xc3\xbc?1m" } else { b"...\x80\xc3\xbc\xc2\x9b1m" }),
        ];
        for (input, window) in steps {
            title.write(input);
            let seen = title.shown();
            assert_eq!(seen.escape_ascii().to_string(), line(&program, &words, window).escape_ascii().to_string());
        }
        title.write(b"\x1b[2J\x07\t\x7f");
        let window: &[u8] = if is_ours { b"...?[2J???" } else { b"...\x1b[2J\x07\t\x7f" };
        assert_eq!(title.shown().escape_ascii().to_string(), line(&program, &words, window).escape_ascii().to_string());
        assert_eq!(title.finish(), 0);
    }
}

#[test]
fn random_input_in_random_parts_ends_as_it_would_byte_by_byte() {
    let installed = Installed::shared();
    let mut draw = Random::new(0x51ab_77e1_90cc_0d03);
    for (side, program) in both(&installed) {
        for length in [5, 6, 7, 40, 400, 5000] {
            let last = "x".repeat(length);
            let words = ["service", "errors:", &last];
            let mut title = title(&program, &words);
            let mut all = Vec::new();
            for _ in 0..30 {
                let most = if draw.below(4) == 0 { 9000 } else { 50 };
                let part: Vec<u8> =
                    (0..draw.below(most)).map(|_| draw.below(256) as u8 * (draw.below(5) > 0) as u8).collect();
                all.extend_from_slice(&part);
                let window = window(length, &all, side);
                title.write(&part);
                assert_eq!(title.shown(), line(&program, &words, &window));
            }
            assert_eq!(title.proc("environ").unwrap(), b"NEIGHBOUR=untouched\0");
            assert_eq!(title.finish(), 0);
        }
    }
}

/// A pipe that is full when it starts.
#[test]
fn it_reads_in_blocks() {
    const FULL: usize = 60_000;
    let installed = Installed::shared();
    for (side, program) in both(&installed) {
        let mut command = Command::new(&program);
        command.args(["errors:", "........"]);
        let title = Title::start(command, &b"abcdefg ".repeat(FULL / 8));
        assert!(title.shown().ends_with(b"\0...defg "));
        let Ok(account) = title.proc("io") else {
            return leave_out("how much readproctitle reads at a time: no /proc/PID/io");
        };
        let account = String::from_utf8(account).unwrap();
        let calls = account.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap();
        let calls: usize = calls.parse().unwrap();
        if side == Side::Ours {
            assert!(calls <= FULL / 1000, "{calls}");
        } else {
            assert!(calls >= FULL, "{calls}");
        }
    }
}
