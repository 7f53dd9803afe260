//! tai64nlocal: local time in many zones, at every change of their clocks, as the reference and `date` have it.

use crate::decode::{label, seconds};
use crate::run::{Program, Side, both, fed, ours};
use crate::support::random::Random;
use crate::support::{Installed, leave_out, peer};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the C library looks for zones.
pub const DIRECTORY: &str = "/usr/share/zoneinfo";

const NAMED: &[&str] = &[
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Caracas",
    "Pacific/Apia",
    "Europe/Dublin",
    // names, though they look like rules
    "EST5EDT",
    "CST6CDT",
    "MST7MDT",
    "PST8PDT",
    "EST",
    // with leap seconds
    "right/Europe/Berlin",
    "right/UTC",
];

/// Rules instead of names, and what names no zone, which is UTC.
const RULES: &[&str] = &[
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT4,M3.2.0,M11.1.0",
    "<+0530>-5:30",
    "<-0330>3:30<-0230>,M3.2.0,M11.1.0",
    "AAA-12:34:56",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "AAA3BBB,J60/0,J300/-3:30",
    "AAA3BBB,59,299/26",
    "",
    "No/Such_Zone",
];

/// Whether there is such a zone; if not, says that something is left out.
pub fn has_zone(name: &str) -> bool {
    let is_there = Path::new(DIRECTORY).join(name).exists();
    if !is_there {
        leave_out("zones by name: no time zone data is installed");
    }
    is_there
}

fn zones() -> Vec<&'static str> {
    let named = NAMED.iter().filter(|name| has_zone(name));
    named.chain(RULES).copied().collect()
}

/// What `date` says of these seconds in the zone, a line each.
pub fn local_by_date(zone: &str, moments: &[i64], format: &str) -> Option<Vec<u8>> {
    let date = peer("date").filter(is_gnu)?;
    let input: String = moments.iter().map(|at| format!("@{at}\n")).collect();
    let mut call = Command::new(date);
    call.args(["-f", "-", format]).env_clear().env("LC_ALL", "C").env("TZ", zone);
    let ended = fed(call, input.as_bytes());
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "date in {zone}");
    Some(ended.stdout)
}

pub fn is_gnu(date: &PathBuf) -> bool {
    let version = Command::new(date).arg("--version").output().unwrap();
    let is_gnu = String::from_utf8_lossy(&version.stdout).contains("GNU coreutils");
    if !is_gnu {
        leave_out("comparison with date: not GNU's");
    }
    is_gnu
}

/// Labels, a line each, of these seconds.
pub fn labels(moments: &[i64], nanoseconds: u32) -> String {
    moments.iter().map(|&at| label((at, nanoseconds)) + "\n").collect()
}

/// Every change of the clocks that a zone's file has, and every leap second (tzfile(5)).
pub fn changes(file: &Path) -> Vec<i64> {
    let Ok(file) = std::fs::read(file) else { return Vec::new() };
    let count = |header: usize, place: usize| -> usize {
        let at = header + 20 + 4 * place;
        u32::from_be_bytes(file[at..at + 4].try_into().unwrap()).try_into().unwrap()
    };
    assert!(file.starts_with(b"TZif") && file[4] >= b'2', "{file:?}");
    // behind the data for 32 bits: counts of UT and standard indicators, leap seconds, transitions, types, characters
    let [ut, standard, leap, transitions, types, characters] = std::array::from_fn(|place| count(0, place));
    let second = 44 + transitions * 5 + types * 6 + characters + leap * 8 + standard + ut;
    let times = &file[second + 44..];
    let [_, _, leap, transitions, types, characters] = std::array::from_fn(|place| count(second, place));
    let leaps = &times[transitions * 9 + types * 6 + characters..][..leap * 12];
    let times = times[..transitions * 8].chunks_exact(8).chain(leaps.chunks_exact(12));
    times.map(|time| i64::from_be_bytes(time[..8].try_into().unwrap())).collect()
}

/// Seconds around each change, and some from all centuries that have four digits in the reference, too, in any order
/// and backwards: what is remembered of one must not be wrong for the next.
fn moments(zone: &str, draw: &mut Random) -> Vec<i64> {
    let (first, last) = ["1000-01-03 00:00:00", "9999-12-29 00:00:00"].map(seconds).into();
    let mut moments: Vec<i64> = (0..1000).map(|_| draw.within(first..last)).collect();
    let now = seconds("2026-11-21 00:00:00");
    moments.extend((0..500).map(|_| draw.within((now - 3_000_000_000).max(first)..now + 3_000_000_000)));
    for change in changes(&Path::new(DIRECTORY).join(zone)).into_iter().filter(|change| (first..last).contains(change))
    {
        moments.extend([-3600, -61, -60, -59, -28, -8, -1, 0, 1, 7, 28, 59, 60, 3600].map(|by| change + by));
    }
    let mut backwards = moments.clone();
    backwards.sort_by(|one, other| other.cmp(one));
    draw.shuffle(&mut moments);
    [moments, backwards].concat()
}

#[test]
fn clocks_change_when_the_rules_say() {
    if !has_zone("Europe/Berlin") {
        return;
    }
    let installed = Installed::shared();
    // the last second before a change, and the first after it
    for (zone, change, before, after) in [
        ("Europe/Berlin", "2026-03-29 01:00:00", "2026-03-29 01:59:59", "2026-03-29 03:00:00"),
        ("Europe/Berlin", "2026-10-25 01:00:00", "2026-10-25 02:59:59", "2026-10-25 02:00:00"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25 01:00:00", "2026-10-25 02:59:59", "2026-10-25 02:00:00"),
        (":Europe/Berlin", "2026-10-25 01:00:00", "2026-10-25 02:59:59", "2026-10-25 02:00:00"),
        ("/usr/share/zoneinfo/Europe/Berlin", "2026-10-25 01:00:00", "2026-10-25 02:59:59", "2026-10-25 02:00:00"),
        ("America/New_York", "2026-03-08 07:00:00", "2026-03-08 01:59:59", "2026-03-08 03:00:00"),
        ("America/New_York", "2026-11-01 06:00:00", "2026-11-01 01:59:59", "2026-11-01 01:00:00"),
        ("EST5EDT", "2000-04-02 07:00:00", "2000-04-02 01:59:59", "2000-04-02 03:00:00"),
        ("PST8PDT", "2026-11-01 09:00:00", "2026-11-01 01:59:59", "2026-11-01 01:00:00"),
        ("PST8PDT", "2026-01-01 08:00:00", "2025-12-31 23:59:59", "2026-01-01 00:00:00"),
        // 27 leap seconds come before
        ("right/UTC", "2017-01-01 00:00:26", "2016-12-31 23:59:59", "2016-12-31 23:59:60"),
        ("right/UTC", "2017-01-01 00:00:27", "2016-12-31 23:59:60", "2017-01-01 00:00:00"),
        // by the rule behind the table of changes
        ("America/New_York", "2500-11-07 06:00:00", "2500-11-07 01:59:59", "2500-11-07 01:00:00"),
        // half an hour, and the other half of the world
        ("Australia/Lord_Howe", "2026-04-04 15:00:00", "2026-04-05 01:59:59", "2026-04-05 01:30:00"),
        ("Australia/Lord_Howe", "2026-10-03 15:30:00", "2026-10-04 01:59:59", "2026-10-04 02:30:00"),
        ("Asia/Kolkata", "2026-03-29 01:00:00", "2026-03-29 06:29:59", "2026-03-29 06:30:00"),
        // a day that was left out
        ("Pacific/Apia", "2011-12-30 10:00:00", "2011-12-29 23:59:59", "2011-12-31 00:00:00"),
        ("UTC0", "2016-12-31 23:59:60", "2016-12-31 23:59:59", "2017-01-01 00:00:00"),
        ("", "2000-01-01 00:00:00", "1999-12-31 23:59:59", "2000-01-01 00:00:00"),
        ("No/Such_Zone", "2000-01-01 00:00:00", "1999-12-31 23:59:59", "2000-01-01 00:00:00"),
        ("<+0530>-5:30", "2000-01-01 00:00:00", "2000-01-01 05:29:59", "2000-01-01 05:30:00"),
        ("AAA-12:34:56", "2000-01-01 00:00:00", "2000-01-01 12:34:55", "2000-01-01 12:34:56"),
    ] {
        let change = seconds(change);
        for program in both(&installed, "tai64nlocal") {
            for (moments, expected) in
                [([change - 1, change], [before, after]), ([change, change - 1], [after, before])]
            {
                let expected = expected.map(|time| format!("{time}.000000007\n")).concat();
                let seen = program.filtered_in(Some(zone), labels(&moments, 7).as_bytes());
                assert_eq!(String::from_utf8_lossy(&seen), expected, "{program:?} in {zone}");
            }
        }
    }
}

/// Each line of the second that is not the same in both, the first few of them.
pub fn differences(input: &str, [first, second]: [&[u8]; 2]) -> String {
    let lines = |text: &[u8]| String::from_utf8_lossy(text).lines().map(str::to_owned).collect::<Vec<_>>();
    let (first, second) = (lines(first), lines(second));
    assert_eq!((first.len(), second.len()), (input.lines().count(), input.lines().count()));
    let all = input.lines().zip(first.iter().zip(&second));
    let different = all.filter(|(_, (first, second))| first != second);
    different.take(5).map(|(label, (first, second))| format!("\n{label}: {first}, not {second}")).collect()
}

#[test]
fn many_labels_become_what_the_reference_makes_of_them() {
    let installed = Installed::shared();
    let programs = both(&installed, "tai64nlocal");
    let [Program { side: Side::Reference, .. }, _] = &programs[..] else { return };
    let mut draw = Random::new(0xcafe);
    let mut count = 0;
    for zone in zones() {
        let moments = moments(zone, &mut draw);
        let input = labels(&moments, draw.below(1_000_000_000) as u32);
        count += moments.len();
        let [theirs, ours] = [0, 1].map(|side| programs[side].filtered_in(Some(zone), input.as_bytes()));
        let different = differences(&input, [&ours, &theirs]);
        assert_eq!(different, "", "in {zone:?}");
    }
    assert!(count >= 20_000, "{count}");
}

#[test]
fn local_time_is_what_date_says() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let mut draw = Random::new(0xbeef);
    for zone in zones() {
        let mut moments = moments(zone, &mut draw);
        // the reference does not fill these up with zeros; ours does, as GNU date
        let years = seconds("0000-01-03 00:00:00")..seconds("1000-01-01 00:00:00");
        moments.extend((0..300).map(|_| draw.within(years.clone())));
        let Some(expected) = local_by_date(zone, &moments, "+%Y-%m-%d %H:%M:%S.000000000") else { return };
        let input = labels(&moments, 0);
        let seen = program.filtered_in(Some(zone), input.as_bytes());
        let different = differences(&input, [&seen, &expected]);
        assert_eq!(different, "", "in {zone:?}");
    }
}

/// The year is the local one: what is 9999 here may be 10000 there.
#[test]
fn years_without_four_digits_stay_labels() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let [first, last] = ["0000-01-01 00:00:00", "9999-12-31 23:59:59"].map(seconds);
    for (zone, at, expected) in [
        ("UTC0", first, Some("0000-01-01 00:00:00")),
        ("UTC0", first - 1, None),
        ("UTC0", last, Some("9999-12-31 23:59:59")),
        ("UTC0", last + 1, None),
        ("EAST-1", first - 1, Some("0000-01-01 00:59:59")),
        ("EAST-1", first - 3601, None),
        ("EAST-1", last, None),
        ("EAST-1", last - 3600, Some("9999-12-31 23:59:59")),
        ("WEST1", first, None),
        ("WEST1", first + 3600, Some("0000-01-01 00:00:00")),
        ("WEST1", last + 3600, Some("9999-12-31 23:59:59")),
        ("WEST1", last + 3601, None),
        ("EAST-1", i64::MAX - (1 << 62) - 10, None),
        ("WEST1", -(1 << 62) - 10, None),
    ] {
        let input = label((at, 0));
        let expected = expected.map_or(input.clone(), |time| format!("{time}.000000000"));
        let seen = program.filtered_in(Some(zone), input.as_bytes());
        assert_eq!(String::from_utf8_lossy(&seen), expected, "{at} in {zone}");
        // and what is written another way is not converted either
        for words in [&["--iso"][..], &["-f", "%Y"]] {
            let mut call = program.call(words);
            call.env("TZ", zone);
            let is_converted = fed(call, input.as_bytes()).stdout != input.as_bytes();
            assert_eq!(is_converted, expected != input, "{words:?}: {at} in {zone}");
        }
    }
}
