//! tai64nlocal: the options that ours adds. The reference has none and ignores all words, which is stated once.

use crate::decode::{label, seconds, utc};
use crate::run::{Program, Side, both, fed, ours};
use crate::support::random::Random;
use crate::support::{Installed, leave_out};
use crate::zones::{has_zone, local_by_date};

/// With these words, in this zone, the label of this moment becomes this.
#[track_caller]
fn assert_becomes(program: &Program, words: &[&str], zone: &str, (time, nanoseconds): (&str, u32), expected: &str) {
    let input = format!("{} x\n", label((seconds(time), nanoseconds)));
    let mut call = program.call(words);
    call.env("TZ", zone);
    let ended = fed(call, input.as_bytes());
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{words:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stdout), format!("{expected} x\n"), "{words:?} in {zone}");
}

/// UTC, and 2026-11-21 05:26:50 in the zone `EAST-1`.
const TIME: (&str, u32) = ("2026-11-21 04:26:50", 123_456_789);

/// One hour east of Greenwich.
const EAST: &str = "EAST-1";

#[test]
fn the_reference_takes_no_options() {
    let installed = Installed::shared();
    for program in both(&installed, "tai64nlocal").iter().filter(|program| program.side == Side::Reference) {
        for words in [&["-u"][..], &["-d", "3"], &["--iso"], &["-f", "%s"], &["-a"]] {
            assert_becomes(program, words, EAST, TIME, "2026-11-21 05:26:50.123456789");
        }
    }
}

#[test]
fn u_is_utc() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    for zone in [EAST, "UTC0", "", "WEST12:34", "nowhere"] {
        assert_becomes(&program, &["-u"], zone, TIME, "2026-11-21 04:26:50.123456789");
    }
    assert_becomes(&program, &[], EAST, TIME, "2026-11-21 05:26:50.123456789");
}

#[test]
fn d_is_how_many_decimals() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let time = "2026-11-21 04:26:50";
    // cut, not rounded: a second that has not begun is not shown
    for (digits, decimals) in ["", ".9", ".98", ".987", ".9876", ".98765", ".987654", ".9876543", ".98765432"]
        .iter()
        .chain([&".987654321"])
        .enumerate()
    {
        let digits = digits.to_string();
        let at = (time, 987_654_321);
        assert_becomes(&program, &["-d", &digits], "UTC0", at, &format!("{time}{decimals}"));
        assert_becomes(&program, &[&format!("-d{digits}")], "UTC0", at, &format!("{time}{decimals}"));
    }
    assert_becomes(&program, &["-d", "3"], "UTC0", (time, 999_999_999), &format!("{time}.999"));
    assert_becomes(&program, &["-d", "3"], "UTC0", (time, 1), &format!("{time}.000"));
    assert_becomes(&program, &["-d", "3", "-d", "1"], "UTC0", (time, 987_654_321), &format!("{time}.9"));
    assert_becomes(&program, &["-ud2"], EAST, (time, 987_654_321), &format!("{time}.98"));
}

#[test]
fn iso_has_a_t_and_the_offset() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    for (zone, expected) in [
        (EAST, "2026-11-21T05:26:50.123456789+01:00"),
        ("UTC0", "2026-11-21T04:26:50.123456789+00:00"),
        ("<-0930>9:30", "2026-11-20T18:56:50.123456789-09:30"),
        ("<+1345>-13:45", "2026-11-21T18:11:50.123456789+13:45"),
    ] {
        assert_becomes(&program, &["--iso"], zone, TIME, expected);
    }
    assert_becomes(&program, &["-u", "--iso"], EAST, TIME, "2026-11-21T04:26:50.123456789Z");
    assert_becomes(&program, &["--iso", "-d", "3"], EAST, TIME, "2026-11-21T05:26:50.123+01:00");
    assert_becomes(&program, &["--iso", "-d0"], EAST, TIME, "2026-11-21T05:26:50+01:00");
    if !has_zone("Europe/Berlin") {
        return;
    }
    // an offset of its own on each side of the change of clocks
    let change = ("2026-10-25 00:59:59", 0);
    assert_becomes(&program, &["--iso", "-d0"], "Europe/Berlin", change, "2026-10-25T02:59:59+02:00");
    let change = ("2026-10-25 01:00:00", 0);
    assert_becomes(&program, &["--iso", "-d0"], "Europe/Berlin", change, "2026-10-25T02:00:00+01:00");
}

/// `date` says the same, over many years: `%:z` is the offset with a colon.
#[test]
fn iso_is_what_date_says() {
    const ZONE: &str = "Australia/Lord_Howe";
    if !has_zone(ZONE) {
        return;
    }
    let installed = Installed::shared();
    let mut draw = Random::new(0x150);
    // since 1970 all its offsets are full minutes
    let moments: Vec<i64> = (0..2000).map(|_| draw.within(0..seconds("2200-01-01 00:00:00"))).collect();
    let Some(expected) = local_by_date(ZONE, &moments, "+%Y-%m-%dT%H:%M:%S%:z") else { return };
    let mut call = ours(&installed, "tai64nlocal").call(&["--iso", "-d0"]);
    call.env("TZ", ZONE);
    let input: String = moments.iter().map(|&at| label((at, 5)) + "\n").collect();
    assert!(fed(call, input.as_bytes()).stdout == expected);
}

#[test]
fn f_is_a_format_of_strftime_with_n_for_the_decimals() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    for (words, expected) in [
        (&["-f", "%Y-%m-%d %H:%M:%S.%N"][..], "2026-11-21 05:26:50.123456789"),
        (&["-f", "%s"], "1795235210"),
        (&["-f", "%s.%N", "-d", "6"], "1795235210.123456"),
        (&["-f", "%N%N", "-d1"], "11"),
        (&["-f", "[%N]", "-d0"], "[]"),
        (&["-f", "%%N %N"], "%N 123456789"),
        (&["-f", "%%%N"], "%123456789"),
        (&["-f", "%%%%N"], "%%N"),
        (&["-f", "no conversion"], "no conversion"),
        (&["-f", ""], ""),
        (&["-f%j"], "325"),
        (&["-f", "%a %b %e %T %z"], "Sat Nov 21 05:26:50 +0100"),
        (&["-f", "%n%t"], "\n\t"),
        (&["-u", "-f", "%T %z"], "04:26:50 +0000"),
        (&["-f", "\u{fc}ber %H"], "\u{fc}ber 05"),
        // in the C locale morning is not empty, but this may be: no text is not an error
        (&["-f", "%H", "-f", "%M"], "26"),
    ] {
        assert_becomes(&program, words, EAST, TIME, expected);
    }
    // longer than any buffer for it would be at first
    let (format, expected) = ("%A ".repeat(500), "Saturday ".repeat(500));
    assert_becomes(&program, &["-f", &format], EAST, TIME, &expected);
    let (format, expected) = (format!("{}%N", "x".repeat(5000)), format!("{}123456789", "x".repeat(5000)));
    assert_becomes(&program, &["-f", &format], EAST, TIME, &expected);
}

#[test]
fn f_leaves_other_conversions_to_strftime() {
    if cfg!(target_env = "musl") {
        leave_out("unknown conversions of strftime: musl's own");
        return;
    }
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    assert_becomes(&program, &["-f", "%:N|%H"], EAST, TIME, "%:N|05");
    assert_becomes(&program, &["-f", "%Q|%H"], EAST, TIME, "%Q|05");
}

#[test]
fn of_f_and_iso_the_last_one_counts() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    assert_becomes(&program, &["-f", "%s", "--iso", "-d0"], EAST, TIME, "2026-11-21T05:26:50+01:00");
    assert_becomes(&program, &["--iso", "-f", "%s"], EAST, TIME, "1795235210");
    assert_becomes(&program, &["--iso", "-f", "%H", "-u", "--iso"], EAST, TIME, "2026-11-21T04:26:50.123456789Z");
}

/// Seconds of many minutes one after the other and at random: whatever is remembered of the one before.
#[test]
fn every_style_is_right_in_any_order() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let mut draw = Random::new(0x0dd);
    let start = seconds("1999-12-31 23:50:00");
    let mut moments: Vec<i64> = (0..1200).map(|second| start + second).collect();
    let mut shuffled = moments.clone();
    draw.shuffle(&mut shuffled);
    moments.extend(shuffled);
    let input: String = moments.iter().map(|&at| label((at, 900_000_000)) + "\n").collect();
    for (words, separator, end) in
        [(&["-d1"][..], " ", ".9"), (&["-u", "--iso", "-d0"], "T", "Z"), (&["-f", "%Y-%m-%dT%T %N", "-d2"], "T", " 90")]
    {
        let times = moments.iter().map(|&at| utc(at).unwrap().replace(' ', separator) + end + "\n");
        let expected: String = times.collect();
        let seen = fed(program.call(words), input.as_bytes()).stdout;
        assert!(seen == expected.as_bytes(), "{words:?}");
    }
}

#[test]
fn a_converts_labels_behind_white_space() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let at = label((seconds("2026-11-21 04:26:50"), 5));
    let time = "2026-11-21 04:26:50.000000005";
    for (input, expected) in [
        (format!("{at} {at}\n"), format!("{time} {time}\n")),
        (format!("a {at} b\t{at}\n"), format!("a {time} b\t{time}\n")),
        (format!("\r{at}\x0b{at}\x0c{at}\n"), format!("\r{time}\x0b{time}\x0c{time}\n")),
        (format!("  {at}"), format!("  {time}")),
        (format!(" {at}x {at}0 {at}"), format!(" {time}x {at}0 {time}")),
        (format!("({at}) ={at} @{at} {at}{at}\n"), format!("({at}) ={at} @{at} {time}{at}\n")),
        (format!("{at}{at} {at}\n"), format!("{time}{at} {time}\n")),
        (" @ @x @\n".to_owned(), " @ @x @\n".to_owned()),
        (format!("\u{a0}{at}\0{at}\n"), format!("\u{a0}{at}\0{at}\n")),
    ] {
        let seen = fed(program.call(&["-a"]), input.as_bytes()).stdout;
        assert_eq!(String::from_utf8_lossy(&seen), expected);
    }
}

#[test]
fn help_and_version_are_told_and_nothing_is_read() {
    let installed = Installed::shared();
    for name in ["tai64n", "tai64nlocal"] {
        for word in ["--help", "--version"] {
            let ended = fed(ours(&installed, name).call(&[word]), b"a line that nobody reads\n");
            let text = String::from_utf8_lossy(&ended.stdout).into_owned();
            assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{name} {word}");
            assert!(text.contains(name) && !text.contains("nobody"), "{name} {word}: {text}");
        }
    }
}
