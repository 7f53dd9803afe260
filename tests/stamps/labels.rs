//! tai64n: what labels look like, and that they are the clock's.

use crate::decode::{self, LENGTH, Moment, now, split};
use crate::run::{Ended, Filter, Program, Side, both, fed};
use crate::support::Installed;
use crate::support::random::Random;
use nix::poll::PollTimeout;

/// Lines, their labels, and times read before and after.
struct Stamped {
    before: Moment,
    labels: Vec<Moment>,
    after: Moment,
}

/// Labels the lines, and asserts that nothing but labels was added.
fn stamp(program: &Program, input: &[u8]) -> Stamped {
    let before = now();
    let Ended { code, stdout, stderr } = program.filtered(input);
    let after = now();
    assert_eq!((code, stderr.as_str()), (0, ""), "{program:?}");
    let mut without = Vec::new();
    let mut labels = Vec::new();
    for line in stdout.split_inclusive(|&byte| byte == b'\n') {
        let (at, text) = split(line);
        labels.push(at);
        without.extend_from_slice(text);
    }
    assert!(without == input, "{program:?}: {} bytes became {}", input.len(), without.len());
    Stamped { before, labels, after }
}

/// A moment some nanoseconds later or earlier.
fn moved((seconds, nanoseconds): Moment, by: i64) -> Moment {
    let all = i64::from(nanoseconds) + by;
    (seconds + all.div_euclid(1_000_000_000), all.rem_euclid(1_000_000_000) as u32)
}

#[test]
fn a_label_is_an_at_sign_and_24_lower_case_digits_and_a_space() {
    let installed = Installed::shared();
    for program in both(&installed, "tai64n") {
        let stdout = program.filtered(b"line\n").stdout;
        let shape: Vec<u8> =
            stdout.iter().map(|byte| if b"0123456789abcdef".contains(byte) { b'0' } else { *byte }).collect();
        // the letter e of "line" is a digit, too
        assert_eq!(shape, b"@000000000000000000000000 lin0\n", "{program:?}");
        // 2^62 seconds and those since 1970: so until the year 2106
        assert!(stdout.starts_with(b"@40000000"), "{program:?}");
    }
}

#[test]
fn labels_are_the_time_and_do_not_decrease() {
    let installed = Installed::shared();
    let input = b"a line\n".repeat(20_000);
    for program in both(&installed, "tai64n") {
        let stamped = stamp(&program, &input);
        assert_eq!(stamped.labels.len(), 20_000);
        let (first, last) = (stamped.labels[0], stamped.labels[19_999]);
        // the reference counts microseconds and adds 500 nanoseconds
        assert!(first >= moved(stamped.before, -1000) && last <= moved(stamped.after, 1000), "{program:?}");
        match program.side {
            Side::Reference => {
                assert!(stamped.labels.is_sorted());
                assert!(stamped.labels.iter().all(|at| at.1 % 1000 == 500));
            }
            Side::Ours => {
                assert!(stamped.labels.is_sorted_by(|before, after| before < after), "lines have labels of their own");
                assert!(!stamped.labels.iter().all(|at| at.1 % 1000 == 500), "labels have full nanoseconds");
            }
        }
    }
}

#[test]
fn what_is_begun_appears_at_once_with_the_time_of_its_first_byte() {
    let installed = Installed::shared();
    for program in both(&installed, "tai64n") {
        let mut filter = Filter::start(program.call::<&str>(&[]));
        let before = now();
        filter.write(b"a");
        let begun = filter.read(LENGTH + 2);
        let after = now();
        let (at, text) = split(&begun);
        assert_eq!(text, b"a", "{program:?}");
        assert!(at >= moved(before, -1000) && at <= moved(after, 1000), "{program:?}: {at:?}");
        filter.write(b"bc");
        assert_eq!(filter.read(2), b"bc", "{program:?}: the rest has no label");
        filter.write(b"d\n");
        assert_eq!(filter.read(2), b"d\n", "{program:?}");
        assert!(!filter.has_output(PollTimeout::ZERO), "{program:?}: an empty line is not begun");
        let before = now();
        filter.write(b"\ne");
        let rest = filter.read(2 * (LENGTH + 2));
        let (first, second) = rest.split_at(LENGTH + 2);
        assert_eq!((split(first).1, split(second).1), (&b"\n"[..], &b"e"[..]), "{program:?}");
        assert!(split(first).0 >= moved(before, -1000), "{program:?}: a later line has a later label");
        assert_eq!(filter.finish(), (Vec::new(), 0), "{program:?}: no newline is added");
    }
}

#[test]
fn nothing_becomes_nothing_and_an_empty_line_is_a_line() {
    let installed = Installed::shared();
    for program in both(&installed, "tai64n") {
        assert_eq!(stamp(&program, b"").labels.len(), 0);
        assert_eq!(stamp(&program, b"\n").labels.len(), 1);
        assert_eq!(stamp(&program, b"\n\n\nx").labels.len(), 4);
        assert_eq!(stamp(&program, b"no newline").labels.len(), 1);
    }
}

#[test]
fn any_bytes_and_lines_of_any_length_pass() {
    let installed = Installed::shared();
    let mut all: Vec<u8> = (0..=255).collect();
    all.extend_from_slice(b"\0\0\n\xff\xfe@400000000000000a00000000 \n\r\n");
    // around the sizes of buffers and pipes
    for length in [0, 1, 25, 1023, 1024, 1025, 2048, 4095, 65_535, 65_536, 65_537, 131_072, 262_145, 1_000_000] {
        all.extend(std::iter::repeat_n(b'x', length));
        all.push(b'\n');
    }
    let mut draw = Random::new(0x5eed);
    all.extend((0..300_000).map(|_| draw.next() as u8));
    for program in both(&installed, "tai64n") {
        let stamped = stamp(&program, &all);
        assert_eq!(stamped.labels.len(), all.split_inclusive(|&byte| byte == b'\n').count());
    }
}

/// Wherever the input is cut, the lines are the same.
#[test]
fn a_cut_anywhere_changes_nothing() {
    let installed = Installed::shared();
    let input = b"one\n\ntwo\nthree";
    for program in both(&installed, "tai64n") {
        for cut in 0..=input.len() {
            let mut filter = Filter::start(program.call::<&str>(&[]));
            filter.write_and_wait(&input[..cut]);
            filter.write_and_wait(&input[cut..]);
            let (output, code) = filter.finish();
            let lines = output.split_inclusive(|&byte| byte == b'\n');
            let texts: Vec<&[u8]> = lines.map(|line| split(line).1).collect();
            assert_eq!((texts.concat(), code), (input.to_vec(), 0), "{program:?}, cut at {cut}");
            assert_eq!(texts.len(), 4, "{program:?}, cut at {cut}");
        }
    }
}

/// Through both filters a line gets the time at which it was read, readable.
#[test]
fn a_round_trip_gives_the_time_of_the_label() {
    let installed = Installed::shared();
    let mut input = Vec::new();
    for number in 0..3000 {
        input.extend_from_slice(format!("line {number} \u{e9}\0 with bytes\n").as_bytes());
    }
    for stamping in both(&installed, "tai64n") {
        let labelled = stamping.filtered(&input).stdout;
        let expected = decode::converted(&labelled, false);
        assert_ne!(expected, labelled);
        for converting in both(&installed, "tai64nlocal") {
            let seen = converting.filtered(&labelled).stdout;
            assert!(seen == expected, "{stamping:?} and {converting:?}");
        }
    }
}

#[test]
fn words_are_ignored_by_the_reference_and_warned_about_by_ours() {
    let installed = Installed::shared();
    for name in ["tai64n", "tai64nlocal"] {
        for program in both(&installed, name) {
            let ended = fed(program.call(&["word", "another"]), b"\n");
            assert_eq!((ended.code, ended.stdout.ends_with(b"\n")), (0, true), "{program:?}");
            match program.side {
                Side::Reference => assert_eq!(ended.stderr, ""),
                Side::Ours => {
                    assert!(ended.stderr.starts_with(&format!("{name}: warning: ")), "{ended:?}");
                    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
                }
            }
        }
    }
}
