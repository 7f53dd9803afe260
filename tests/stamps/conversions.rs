//! tai64nlocal: `%Z`, `%s` and `%N` with flags, a width and a modifier, as `date` has them, whatever C library ours was
//! built with: neither its zone nor what it makes of `TZ` is asked for.

use crate::decode::{label, seconds};
use crate::run::{fed, ours};
use crate::support::Installed;
use crate::zones::{differences, labels, local_by_date};
use std::process::Command;

const ZONE: &str = "EST5EDT,M3.2.0,M11.1.0";

/// Conversion, and what it makes of 2023-11-14 22:13:20.120 UTC, and of five seconds before 1970.
const ROWS: &[(&str, &str, &str)] = &[
    ("%Z", "EST", "EST"),
    ("%_Z", "EST", "EST"),
    ("%0Z", "EST", "EST"),
    ("%-Z", "EST", "EST"),
    ("%+Z", "EST", "EST"),
    ("%^Z", "EST", "EST"),
    ("%#Z", "est", "est"),
    ("%^#Z", "est", "est"),
    ("%#^Z", "est", "est"),
    ("%EZ", "EST", "EST"),
    ("%OZ", "EST", "EST"),
    ("%3Z", "EST", "EST"),
    ("%5Z", "  EST", "  EST"),
    ("%5EZ", "  EST", "  EST"),
    ("%_5OZ", "  EST", "  EST"),
    ("%05Z", "00EST", "00EST"),
    ("%+5Z", "00EST", "00EST"),
    ("%-5Z", "EST", "EST"),
    ("%#5Z", "  est", "  est"),
    // of several flags the last one counts
    ("%-_05Z", "00EST", "00EST"),
    ("%0_5Z", "  EST", "  EST"),
    ("%s", "1700000000", "-5"),
    ("%_s", "1700000000", "-5"),
    ("%0s", "1700000000", "-5"),
    ("%-s", "1700000000", "-5"),
    ("%+s", "1700000000", "-5"),
    ("%^#s", "1700000000", "-5"),
    ("%Es", "1700000000", "-5"),
    ("%Os", "1700000000", "-5"),
    ("%10s", "1700000000", "-000000005"),
    ("%12s", "001700000000", "-00000000005"),
    ("%012Es", "001700000000", "-00000000005"),
    ("%+12s", "001700000000", "-00000000005"),
    ("%_12s", "  1700000000", "          -5"),
    ("%-12s", "1700000000", "-5"),
    ("%3N", "120", "000"),
    ("%1N", "1", "0"),
    ("%9N", "120000000", "000000000"),
    ("%12N", "120000000000", "000000000000"),
    ("%03N", "120", "000"),
    ("%+3N", "120", "000"),
    ("%_3N", "12 ", "0  "),
    ("%_N", "12       ", "0        "),
    ("%-3N", "12", "0"),
    ("%^#3N", "120", "000"),
];

#[test]
fn flags_and_a_width_are_as_date_has_them() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    for (format, late, early) in ROWS.iter() {
        for (at, nanoseconds, expected) in [(1_700_000_000, 120_000_000, late), (-5, 0, early)] {
            let mut call = program.call(&["-f", format]);
            call.env("TZ", ZONE);
            let seen = fed(call, label((at, nanoseconds)).as_bytes());
            assert_eq!((String::from_utf8_lossy(&seen.stdout).as_ref(), seen.code), (*expected, 0), "{format} at {at}");
        }
    }
    // all of them as date has them, with what stands between
    let formats: Vec<&str> = ROWS.iter().map(|(format, ..)| *format).collect();
    let format = formats.join("|%H ");
    let moments = [-5, 0, seconds("2026-07-01 00:00:00"), seconds("9999-01-01 00:00:00")];
    let Some(expected) = local_by_date(ZONE, &moments, &format!("+{format}")) else { return };
    let mut call = program.call(&["-f", &format]);
    call.env("TZ", ZONE);
    let input = labels(&moments, 0);
    assert_eq!(differences(&input, [&fed(call, input.as_bytes()).stdout, &expected]), "");
}

/// Without a width it is as wide as `-d` says. `-` leaves zeros at the end out; not every `date` does without a width.
#[test]
fn decimals_are_as_many_as_the_width_or_d_says() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    for (words, expected) in [
        (&["-d", "3", "-f", "%N|%6N|%_N|%-N|%-6N"][..], "120|120000|12 |12|12"),
        (&["-d", "0", "-f", "[%N|%_N|%-N|%2N]"], "[|||12]"),
        (&["-f", "%-N|%EN"], "12|120000000"),
    ] {
        let seen = fed(program.call(words), label((1_700_000_000, 120_000_000)).as_bytes());
        assert_eq!(String::from_utf8_lossy(&seen.stdout), expected, "{words:?}");
    }
}

/// What ends in the middle of a conversion stands for itself, and a wide one costs no more than it must.
#[test]
fn what_is_no_conversion_stands_for_itself() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    for (format, expected) in
        [("%H%", "22%"), ("%H%5", "22%5"), ("%H%_0E", "22%_0E"), ("%%5Z%%s", "%5Z%s"), ("%H%-", "22%-")]
    {
        let seen = fed(program.call(&["-f", format]), label((1_700_000_000, 0)).as_bytes());
        assert_eq!((String::from_utf8_lossy(&seen.stdout).as_ref(), seen.code), (expected, 0), "{format}");
    }
    for letter in ["Z", "s", "N"] {
        let format = format!("%99999999999999999999{letter}");
        let seen = fed(program.call(&["-f", &format]), label((1_700_000_000, 0)).as_bytes());
        assert_eq!((seen.code, seen.stderr.as_str()), (0, ""), "{format}");
        assert!(seen.stdout.len() <= 1 << 16, "{format}: {}", seen.stdout.len());
    }
}

/// glibc would wait there for somebody to write.
#[test]
fn no_conversion_opens_what_tz_names() {
    let installed = Installed::shared();
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').collect();
    for before in ["", "_", "5", "E", "O", "#", "+", "-12E"] {
        let format: String = letters.iter().map(|letter| format!("%{before}{letter} ")).collect();
        let mut call = Command::new("timeout");
        call.args(["-k", "1", "30"]).arg(installed.applet("tai64nlocal")).args(["-f", &format]);
        call.env_clear().env("PATH", "/usr/bin:/bin").env("TZ", &fifo);
        assert_eq!(fed(call, label((1_700_000_000, 0)).as_bytes()).code, 0, "{format}");
    }
}
