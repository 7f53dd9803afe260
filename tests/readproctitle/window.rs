//! What is shown of what is read. The expectation is the definition: each byte that is no NUL moves those behind the third
//! one to the left and comes in at the end.

use crate::run::{Draw, Side, Title, both};
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

/// One byte at a time.
fn move_in(window: &mut [u8], input: &[u8], side: Side) {
    for &byte in input.iter().filter(|&&byte| byte != 0) {
        let is_deadly = matches!(byte, 1..=9 | 11..=31 | 127);
        let shown = if is_deadly && side == Side::Ours { b'?' } else { byte };
        window.copy_within(4.., 3);
        *window.last_mut().unwrap() = shown;
    }
}

#[test]
fn all_of_the_window_is_dots_at_first_whatever_it_was() {
    let installed = Installed::new();
    for (_, program) in both(&installed) {
        for words in [&["....."][..], &["service", "errors:", "xxxxxxxxxx"], &["", "a b", "-5-of-\u{fc}"]] {
            let dots = vec![b'.'; words.last().unwrap().len()];
            assert_eq!(title(&program, words).shown(), line(&program, words, &dots));
        }
    }
}

#[test]
fn what_is_read_comes_in_from_the_right_and_three_dots_stay() {
    let installed = Installed::new();
    let words = ["service", "errors:", ".........."];
    for (side, program) in both(&installed) {
        let mut title = title(&program, &words);
        let steps: [(&[u8], &[u8]); 9] = [
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
            (b"\xff\x80\xc3\xbc", b"...789\xff\x80\xc3\xbc"),
        ];
        for (input, window) in steps {
            title.write(input);
            let seen = title.shown();
            assert_eq!(seen.escape_ascii().to_string(), line(&program, &words, window).escape_ascii().to_string());
        }
        title.write(b"\x1b[2J\x07\t\x7f");
        let window: &[u8] = if side == Side::Ours { b"...?[2J???" } else { b"...\x1b[2J\x07\t\x7f" };
        assert_eq!(title.shown().escape_ascii().to_string(), line(&program, &words, window).escape_ascii().to_string());
        assert_eq!(title.finish(), 0);
    }
}

#[test]
fn random_input_in_random_parts_ends_as_it_would_byte_by_byte() {
    let installed = Installed::new();
    let mut draw = Draw(0x51ab_77e1_90cc_0d03);
    for (side, program) in both(&installed) {
        for length in [5, 6, 7, 40, 400, 5000] {
            let last = "x".repeat(length);
            let words = ["service", "errors:", &last];
            let mut title = title(&program, &words);
            let mut window = vec![b'.'; length];
            for _ in 0..30 {
                let most = if draw.below(4) == 0 { 9000 } else { 50 };
                let part: Vec<u8> =
                    (0..draw.below(most)).map(|_| draw.below(256) as u8 * (draw.below(5) > 0) as u8).collect();
                move_in(&mut window, &part, side);
                title.write(&part);
                assert_eq!(title.shown(), line(&program, &words, &window));
            }
            assert_eq!(&window[..3], b"...");
            assert_eq!(title.proc("environ").unwrap(), b"NEIGHBOUR=untouched\0");
            assert_eq!(title.finish(), 0);
        }
    }
}

/// A pipe that is full when it starts.
#[test]
fn it_reads_in_blocks() {
    const FULL: usize = 60_000;
    let installed = Installed::new();
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
