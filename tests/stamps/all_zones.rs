//! tai64nlocal: all zones that are installed, files of other kinds, and rules by chance, as `date` has them, whatever C
//! library either was built with.

use crate::decode::{label, seconds};
use crate::run::{Program, fed, ours};
use crate::support::random::Random;
use crate::support::{Installed, peer};
use crate::zones::{DIRECTORY, changes, differences, has_zone, is_gnu, labels};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Ours and GNU's date, with this in the environment.
struct Pair {
    program: Program,
    date: PathBuf,
}

impl Pair {
    /// `None`, and says so, where there is no such date.
    fn new(installed: &Installed) -> Option<Self> {
        Some(Self { program: ours(installed, "tai64nlocal"), date: peer("date").filter(is_gnu)? })
    }

    /// Asserts that both write these moments alike.
    #[track_caller]
    fn check(&self, environment: &[(&str, &str)], moments: &[i64], format: &str) {
        let mut date = Command::new(&self.date);
        let input: String = moments.iter().map(|at| format!("@{at}\n")).collect();
        date.args(["-f", "-", &format!("+{format}")]).env_clear().env("LC_ALL", "C");
        let expected = fed(with(date, environment), input.as_bytes());
        assert_eq!((expected.code, expected.stderr.as_str()), (0, ""), "date with {environment:?}");
        let mut call = self.program.call(&["-f", format]);
        call.env_remove("TZ");
        let input = labels(moments, 0);
        let seen = fed(with(call, environment), input.as_bytes());
        assert_eq!((seen.code, seen.stderr.as_str()), (0, ""), "{environment:?}");
        assert_eq!(differences(&input, [&seen.stdout, &expected.stdout]), "", "with {environment:?}");
    }
}

fn with(mut command: Command, environment: &[(&str, &str)]) -> Command {
    command.envs(environment.iter().copied());
    command
}

/// Everything that depends on the zone, and the calendar besides.
const FORMAT: &str = "%Y-%m-%d %T %z %Z %j %a %U %V %G";
const SHORT: &str = "%Y-%m-%d %T %Z";

/// Seconds around these, and some of all centuries that `date` can write.
fn around(changes: &[i64], count: usize, draw: &mut Random) -> Vec<i64> {
    let all = seconds("1000-01-03 00:00:00")..seconds("9999-12-29 00:00:00");
    let near = changes.iter().flat_map(|change| [-2, -1, 0, 1].map(|by| change + by)).filter(|at| all.contains(at));
    let mut moments: Vec<i64> = near.collect();
    moments.extend((0..count).map(|_| draw.within(0..seconds("2100-01-01 00:00:00"))));
    moments.extend((0..count).map(|_| draw.within(all.clone())));
    moments
}

/// Names of all files of zones that differ.
fn names() -> Vec<String> {
    let mut left = vec![PathBuf::from(DIRECTORY)];
    let mut names = BTreeMap::new();
    while let Some(path) = left.pop() {
        if let Ok(entries) = std::fs::read_dir(&path) {
            left.extend(entries.map(|entry| entry.unwrap().path()));
        } else if let Some(text) = std::fs::read(&path).ok().filter(|text| text.starts_with(b"TZif")) {
            names.insert(text, path.strip_prefix(DIRECTORY).unwrap().to_str().unwrap().to_owned());
        }
    }
    names.into_values().collect()
}

#[test]
fn every_zone_is_as_date_has_it() {
    let installed = Installed::shared();
    let Some(pair) = Pair::new(&installed) else { return };
    if !has_zone("Europe/Berlin") {
        return;
    }
    let mut draw = Random::new(0xa11);
    let names = names();
    assert!(names.len() > 200, "{names:?}");
    for name in &names {
        let changes = changes(&Path::new(DIRECTORY).join(name));
        let last = &changes[changes.len().saturating_sub(40)..];
        pair.check(&[("TZ", name)], &around(last, 20, &mut draw), SHORT);
    }
    for name in
        ["EST5EDT", "right/Europe/London", "Asia/Kathmandu", "America/St_Johns"].iter().filter(|name| has_zone(name))
    {
        let changes = changes(&Path::new(DIRECTORY).join(name));
        pair.check(&[("TZ", name)], &around(&changes, 500, &mut draw), FORMAT);
    }
}

/// A rule in which all is well.
fn rule(draw: &mut Random) -> String {
    const NAMES: [&str; 6] = ["AAA", "Long", "<+05>", "<-0330>", "<A1B>", "ZZZZZZ"];
    const OFFSETS: [&str; 8] = ["0", "5", "-1", "+3:30", "-12", "-5:45:30", "11", "24"];
    const TIMES: [&str; 10] = ["", "", "/0", "/3", "/24", "/-2:30", "/26", "/1:02:03", "/+3", "/+26"];
    let day = |draw: &mut Random| match draw.below(4) {
        0 => format!("J{}", 1 + draw.below(365)),
        1 => draw.below(365).to_string(),
        _ => format!("M{}.{}.{}", 1 + draw.below(12), 1 + draw.below(5), draw.below(7)),
    };
    let mut rule = format!("{}{}", NAMES[draw.below(6)], OFFSETS[draw.below(8)]);
    if draw.below(8) > 0 {
        let offset = if draw.below(2) == 0 { "" } else { OFFSETS[draw.below(8)] };
        rule += &format!("{}{offset}", NAMES[draw.below(6)]);
        for _ in 0..2 {
            rule += &format!(",{}{}", day(draw), TIMES[draw.below(10)]);
        }
    }
    rule
}

#[test]
fn every_rule_is_as_date_has_it() {
    let installed = Installed::shared();
    let Some(pair) = Pair::new(&installed) else { return };
    let mut draw = Random::new(0x2e1e);
    for _ in 0..400 {
        let rule = rule(&mut draw);
        let years = ["1970", "1971", "2000", "2027", "2100"].map(|year| seconds(&format!("{year}-01-01 00:00:00")));
        let mut moments = around(&years, 60, &mut draw);
        moments.extend((0..40).map(|_| draw.within(seconds("2024-01-01 00:00:00")..seconds("2028-01-01 00:00:00"))));
        pair.check(&[("TZ", &rule)], &moments, SHORT);
    }
}

/// Its numbers are scanf's: a plus and blanks may stand before them, but not before the first one without a sign.
#[test]
fn numbers_of_a_rule_may_have_a_plus() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let at = seconds("2026-10-25 01:00:00");
    let seen = program.filtered_in(Some("CET-1CEST,M3.5.0/+2,M10.5.0/+3"), labels(&[at - 1, at], 0).as_bytes());
    let expected = "2026-10-25 02:59:59.000000000\n2026-10-25 02:00:00.000000000\n";
    assert_eq!(String::from_utf8_lossy(&seen), expected);
    let Some(pair) = Pair::new(&installed) else { return };
    let mut draw = Random::new(0x9105);
    let changes = ["2026-03-29 00:00:00", "2026-10-25 01:00:00"].map(seconds);
    let moments = around(&changes, 60, &mut draw);
    for rule in [
        "CET-1CEST,M3.5.0/+2,M10.5.0/+3",
        "CET-1CEST,M3.5.0/+2:+30,M10.5.0/+3:+30:+15",
        "CET-1CEST,M3.5.0/-+2,M10.5.0/ 3: 30",
        "CET-1CEST,M+3.+5.+0,M 10. 5. 0/3",
        "CET-1CEST,J88/+2,298/+3",
        "CET-+1:+30CEST-+2,M3.5.0,M10.5.0",
        "CET- 1CEST 2,M3.5.0,M10.5.0",
        "CET++1CEST+ 2,M3.5.0,M10.5.0",
        "CET 1CEST,M3.5.0,M10.5.0",
        "AAA++5",
        "AAA 5",
    ] {
        pair.check(&[("TZ", rule)], &moments, SHORT);
    }
}

/// They are those of the United States. glibc has them, too, unless a file `posixrules` is there.
#[test]
fn a_rule_without_dates_has_dates() {
    let installed = Installed::shared();
    let Some(pair) = Pair::new(&installed) else { return };
    let mut draw = Random::new(0xda7e);
    let changes = [(2026, "03-08 07:00:00"), (2026, "11-01 06:00:00"), (2500, "11-07 06:00:00")];
    let changes = changes.map(|(year, time)| seconds(&format!("{year}-{time}")));
    let moments = around(&changes, 500, &mut draw);
    for rule in ["AST4ADT", "EST5EDT4", "EST5EDT", "AAA5BBB,", "HST10HDT", "CST6CDT5"] {
        pair.check(&[("TZ", rule), ("TZDIR", "/nonexistent")], &moments, SHORT);
    }
    let [begin, end, _] = changes;
    let at = [begin - 1, begin, end - 1, end];
    let seen = pair.program.filtered_in(Some("EST5EDT4"), labels(&at, 0).as_bytes());
    let expected = ["2026-03-08 01:59:59", "2026-03-08 03:00:00", "2026-11-01 01:59:59", "2026-11-01 01:00:00"];
    let expected = expected.map(|time| format!("{time}.000000000\n")).concat();
    assert_eq!(String::from_utf8_lossy(&seen), expected);
}

#[test]
fn what_tz_names_may_be_anywhere_or_nowhere() {
    let installed = Installed::shared();
    let Some(pair) = Pair::new(&installed) else { return };
    let mut draw = Random::new(0xf11e);
    let moments = around(&[], 200, &mut draw);
    for zone in ["EST5EDT", "Europe/Berlin", "Universal", "", ":", ":EST5", "UTC", "Nowhere", "right/UTC"] {
        pair.check(&[("TZ", zone), ("TZDIR", "/nonexistent")], &moments, SHORT);
        pair.check(&[("TZ", zone), ("TZDIR", "")], &moments, SHORT);
    }
    if !has_zone("America/New_York") {
        return;
    }
    let directory = format!("{DIRECTORY}/America");
    pair.check(&[("TZ", "New_York"), ("TZDIR", &directory)], &moments, SHORT);
    pair.check(&[("TZ", ":../Europe/Berlin"), ("TZDIR", &directory)], &moments, SHORT);
    pair.check(&[("TZ", &format!("{directory}/New_York"))], &moments, SHORT);
    pair.check(&[("TZ", &format!(":{directory}/New_York")), ("TZDIR", "/nonexistent")], &moments, SHORT);
}

#[test]
fn files_are_of_several_kinds() {
    let installed = Installed::shared();
    let Some(pair) = Pair::new(&installed) else { return };
    if !has_zone("Europe/Berlin") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut draw = Random::new(0xb1d);
    let check = |file: &Path, draw: &mut Random| {
        let berlin = changes(&Path::new(DIRECTORY).join("Europe/Berlin"));
        pair.check(&[("TZ", file.to_str().unwrap())], &around(&berlin, 200, draw), FORMAT);
    };
    // as they were before they had room for 64 bits
    let mut old = std::fs::read(Path::new(DIRECTORY).join("Europe/Berlin")).unwrap();
    let second = old.windows(4).rposition(|bytes| bytes == b"TZif").unwrap();
    old.truncate(second);
    old[4] = 0;
    std::fs::write(directory.path().join("old"), &old).unwrap();
    check(&directory.path().join("old"), &mut draw);
    // cut
    old.pop();
    std::fs::write(directory.path().join("cut"), &old).unwrap();
    check(&directory.path().join("cut"), &mut draw);
    // with a rule from early on, and with leap seconds besides
    let source = Path::new(DIRECTORY).join("tzdata.zi");
    let (Some(zic), true) = (peer("zic"), source.exists()) else { return };
    for (name, leaps) in [("slim", "/dev/null"), ("slim.right", "/usr/share/zoneinfo/leapseconds")] {
        let output = directory.path().join(name);
        let compiled = Command::new(&zic).args(["-b", "slim", "-L", leaps, "-d"]).arg(&output).arg(&source).output();
        let compiled = compiled.unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        for zone in ["Europe/Berlin", "America/New_York", "America/Godthab", "Africa/Casablanca", "Asia/Tokyo"] {
            check(&output.join(zone), &mut draw);
        }
    }
}

/// glibc would wait for somebody to write there.
#[test]
fn a_fifo_is_no_zone() {
    let installed = Installed::shared();
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let at = label((seconds("2026-11-21 04:26:50"), 5));
    let seen = ours(&installed, "tai64nlocal").filtered_in(Some(fifo.to_str().unwrap()), at.as_bytes());
    assert_eq!(String::from_utf8_lossy(&seen), "2026-11-21 04:26:50.000000005");
}
