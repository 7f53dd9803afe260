//! tai64nlocal: what is a label and what is not. Each row says what becomes of it in UTC, in the reference and in ours.

use crate::decode::{label, seconds};
use crate::run::{Filter, Side, both};
use crate::support::Installed;
use nix::poll::PollTimeout;
use nix::sys::signal::Signal;

/// What the reference does where ours does something else.
enum Instead {
    /// localtime(3) gives it a null pointer, which it follows.
    Crashes,
    Prints(&'static [u8]),
}
use Instead::{Crashes, Prints};

/// Both make this of it.
const SAME: &[(&[u8], &[u8])] = &[
    (b"", b""),
    (b"\n", b"\n"),
    (b"no label\n", b"no label\n"),
    (b"no newline", b"no newline"),
    (b"@400000006b01125025fcc8ec a\n", b"2026-11-21 03:38:46.637323500 a\n"),
    (b"@400000006b01125025fcc8ec a", b"2026-11-21 03:38:46.637323500 a"),
    (b"@400000006b01125025fcc8ec\n", b"2026-11-21 03:38:46.637323500\n"),
    (b"@400000006b01125025fcc8ec \n", b"2026-11-21 03:38:46.637323500 \n"),
    // no space is put between
    (b"@400000006b01125025fcc8ecmark\n", b"2026-11-21 03:38:46.637323500mark\n"),
    // what is no lower-case digit ends the label
    (b"@400000006b01125025fcc8ecAB\n", b"2026-11-21 03:38:46.637323500AB\n"),
    (b"@400000006b01125025fcc8ec@\n", b"2026-11-21 03:38:46.637323500@\n"),
    (b"@400000006b01125025fcc8ec\0\n", b"2026-11-21 03:38:46.637323500\0\n"),
    (b"@400000006b01125025fcc8ec\xff\n", b"2026-11-21 03:38:46.637323500\xff\n"),
    (b"@400000000000000a00000000 0\n", b"1970-01-01 00:00:00.000000000 0\n"),
    (b"@400000000000000900000001 -1\n", b"1969-12-31 23:59:59.000000001 -1\n"),
    (b"@400000000000000a3b9ac9ff\n", b"1970-01-01 00:00:00.999999999\n"),
    // seconds below 2^62
    (b"@3fffffff6b01125000000000\n", b"1890-10-14 21:10:30.000000000\n"),
    (b"@4000003afff4418900000000\n", b"9999-12-31 23:59:59.000000000\n"),
    // not at the beginning of a line
    (b" @400000006b01125025fcc8ec\n", b" @400000006b01125025fcc8ec\n"),
    (b"a @400000006b01125025fcc8ec\n", b"a @400000006b01125025fcc8ec\n"),
    (b"a@xyz @\n", b"a@xyz @\n"),
    (
        b"@400000006b01125025fcc8ec @400000006b01125025fcc8ec\n",
        b"2026-11-21 03:38:46.637323500 @400000006b01125025fcc8ec\n",
    ),
    (
        b"@400000006b01125025fcc8ec\n@400000006b01125125fcc8ec\n",
        b"2026-11-21 03:38:46.637323500\n2026-11-21 03:38:47.637323500\n",
    ),
    (b"\n\n@400000000000000a00000000\n\n", b"\n\n1970-01-01 00:00:00.000000000\n\n"),
    (b"\0\xff\x80\n\0", b"\0\xff\x80\n\0"),
    (b"\r\n@400000000000000a00000000\r\n", b"\r\n1970-01-01 00:00:00.000000000\r\n"),
];

/// Ours makes the last of it; where nothing is said, what it was.
type Row = (&'static [u8], Instead, Option<&'static [u8]>);

const OTHER: &[Row] = &[
    (b"@\n", Crashes, None),
    (b"@xyz\n", Crashes, None),
    (b"@ \n", Crashes, None),
    (b"@@400000006b01125025fcc8ec\n", Crashes, None),
    (b"@\0\n", Crashes, None),
    // upper-case digits
    (b"@400000006B01125025FCC8EC a\n", Crashes, None),
    // 23 and 25
    (b"@400000006b01125025fcc8e a\n", Crashes, None),
    (b"@400000006b01125025fcc8ecc a\n", Crashes, None),
    (b"@f a\n", Crashes, None),
    (b"@ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff a\n", Crashes, None),
    // out of range
    (b"@ffffffffffffffff00000000\n", Crashes, None),
    (b"@800000000000000000000000\n", Crashes, None),
    (b"@7fffffffffffffff00000000\n", Crashes, None),
    (b"@000000000000000000000000\n", Crashes, None),
    // the end of the input
    (b"@400000006b01125025fcc8ec", Prints(b""), Some(b"2026-11-21 03:38:46.637323500")),
    (b"x\n@400000006b01125025fcc8ec", Prints(b"x\n"), Some(b"x\n2026-11-21 03:38:46.637323500")),
    (b"@", Prints(b""), None),
    (b"@400000006b01125025fcc8e", Prints(b""), None),
    (b"@400000006b01125025fcc8ecc", Prints(b""), None),
    (b"@400000006b01125025fcc8EC", Crashes, None),
    (b"@400000006b0112503b9aca00", Prints(b""), None),
    // more nanoseconds than a second has
    (b"@400000006b0112503b9aca00 a\n", Prints(b"2026-11-21 03:38:46.1000000000 a\n"), None),
    (b"@400000006b011250ffffffff a\n", Prints(b"2026-11-21 03:38:46.4294967295 a\n"), None),
    // years of four digits are the year 0 to the year 9999
    (b"@4000003afff4418a00000000\n", Prints(b"10000-01-01 00:00:00.000000000\n"), None),
    (b"@3ffffff1868b840900000000\n", Prints(b"18446744073709551615-12-31 23:59:59.000000000\n"), None),
    (b"@3ffffff1868b840a00000000\n", Prints(b"0-01-01 00:00:00.000000000\n"), Some(b"0000-01-01 00:00:00.000000000\n")),
    (
        b"@3ffffff8df7bbb0a00000000\n",
        Prints(b"999-12-31 00:00:00.000000000\n"),
        Some(b"0999-12-31 00:00:00.000000000\n"),
    ),
    // the last second that localtime(3) can count, and the next
    (b"@40f0c29d868bfd8900000000\n", Prints(b"2147483647-12-31 23:59:59.000000000\n"), None),
];

#[test]
fn a_label_at_the_start_of_a_line_becomes_the_time() {
    let installed = Installed::shared();
    for program in both(&installed, "tai64nlocal") {
        for (input, output) in SAME {
            let ended = program.filtered(input);
            let seen = (ended.code, ended.stdout.escape_ascii().to_string(), ended.stderr.as_str());
            assert_eq!(seen, (0, output.escape_ascii().to_string(), ""), "{program:?}: {}", input.escape_ascii());
        }
    }
}

#[test]
fn what_is_no_label_passes_through_ours() {
    let installed = Installed::shared();
    for program in both(&installed, "tai64nlocal") {
        for (input, instead, output) in OTHER {
            let ended = program.filtered(input);
            let seen = (ended.code, ended.stdout.escape_ascii().to_string(), ended.stderr.as_str());
            let (code, expected): (i32, &[u8]) = match (program.side, instead) {
                (Side::Ours, _) => (0, output.unwrap_or(input)),
                (Side::Reference, Crashes) => (1000 + Signal::SIGSEGV as i32, b""),
                (Side::Reference, Prints(text)) => (0, text),
            };
            let expected = (code, expected.escape_ascii().to_string(), "");
            assert_eq!(seen, expected, "{program:?}: {}", input.escape_ascii());
        }
    }
}

/// All at once, in any order: the rows do not depend on what stands before them.
#[test]
fn rows_do_not_depend_on_each_other() {
    let installed = Installed::shared();
    let rows = SAME.iter().copied().chain(OTHER.iter().map(|(input, _, output)| (*input, output.unwrap_or(input))));
    let mut rows: Vec<_> = rows.filter(|(input, _)| input.ends_with(b"\n")).collect();
    assert!(rows.len() > 40, "{}", rows.len());
    let mut draw = crate::support::random::Random::new(0xface);
    let mut input = Vec::new();
    let mut output = Vec::new();
    for _ in 0..200 {
        draw.shuffle(&mut rows);
        for (from, to) in &rows {
            input.extend_from_slice(from);
            output.extend_from_slice(to);
        }
    }
    let ended = crate::run::ours(&installed, "tai64nlocal").filtered(&input);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout == output);
}

/// What stands before a label, and what is no label, is not held back; a line is not waited for.
#[test]
fn what_is_read_appears_at_once() {
    let installed = Installed::shared();
    let at = label((seconds("2026-11-21 03:38:46"), 5));
    for program in both(&installed, "tai64nlocal") {
        let mut filter = Filter::start(program.call::<&str>(&[]));
        filter.write(b"abc");
        assert_eq!(filter.read(3), b"abc", "{program:?}");
        filter.write(b"def\nx");
        assert_eq!(filter.read(5), b"def\nx", "{program:?}");
        filter.write_and_wait(format!("\n{}", &at[..7]).as_bytes());
        assert_eq!(filter.read(1), b"\n", "{program:?}");
        filter.write_and_wait(&at.as_bytes()[7..]);
        assert!(!filter.has_output(PollTimeout::ZERO), "{program:?}: one more digit would change it");
        filter.write(b" ");
        assert_eq!(filter.read(30), b"2026-11-21 03:38:46.000000005 ", "{program:?}");
        filter.write(b"beginning");
        assert_eq!(filter.read(9), b"beginning", "{program:?}");
        assert_eq!(filter.finish(), (Vec::new(), 0), "{program:?}");
    }
}

/// Wherever reading is interrupted, a label is one.
#[test]
fn a_cut_anywhere_changes_nothing() {
    let installed = Installed::shared();
    let at = label((seconds("2026-11-21 03:38:46"), 5));
    let input = format!("x\n{at} y {at}\n{at}");
    let whole = format!("x\n2026-11-21 03:38:46.000000005 y {at}\n2026-11-21 03:38:46.000000005");
    for program in both(&installed, "tai64nlocal") {
        let (end, expected) = match program.side {
            Side::Ours => ("", whole.clone()),
            // which loses a label at the very end
            Side::Reference => (" ", format!("{whole} ")),
        };
        let input = format!("{input}{end}");
        for cut in 1..input.len() {
            let mut filter = Filter::start(program.call::<&str>(&[]));
            filter.write_and_wait(&input.as_bytes()[..cut]);
            filter.write_and_wait(&input.as_bytes()[cut..]);
            let (output, code) = filter.finish();
            assert_eq!((String::from_utf8_lossy(&output).as_ref(), code), (expected.as_str(), 0), "{program:?}, {cut}");
        }
    }
}
