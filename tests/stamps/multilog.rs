//! multilog: the stamps `t`, `T`, `i`, `I` and the prefix `p` before lines, as a decoder of its own reads them. The
//! reference has `t` alone.

use crate::decode::{self, Moment, now};
use crate::run::{Program, Side, both, fed, ours};
use crate::support::Installed;
use crate::zones::{has_zone, local_by_date};

/// What came of a call in an empty directory: `log/current` there, and what was said.
struct Logged {
    current: Vec<u8>,
    status: Vec<u8>,
    stderr: String,
}

impl Logged {
    fn lines(&self) -> Vec<&[u8]> {
        self.current.split_inclusive(|&byte| byte == b'\n').collect()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.current).into_owned()
    }
}

/// Logs the input to `./log` behind these actions, and asserts that this ends well.
#[track_caller]
fn logged(program: &Program, zone: &str, actions: &[&str], input: &[u8]) -> Logged {
    let directory = tempfile::tempdir().unwrap();
    let mut call = program.call(&[actions, &["./log"]].concat());
    call.env("TZ", zone).current_dir(directory.path());
    let ended = fed(call, input);
    assert_eq!((ended.code, ended.stdout.as_slice()), (0, &b""[..]), "{program:?} {actions:?}: {ended:?}");
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap_or_default();
    Logged { current: read("log/current"), status: read("status"), stderr: ended.stderr }
}

/// A stamp's moment, and how many bytes it has. All of its digits are looked at.
type Decode = fn(&[u8]) -> Option<(Moment, usize)>;

fn label(line: &[u8]) -> Option<(Moment, usize)> {
    let (at, rest) = decode::split(line);
    Some((at, line.len() - rest.len()))
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `SECONDS.MICROS `.
fn seconds(line: &[u8]) -> Option<(Moment, usize)> {
    let stamp = std::str::from_utf8(line).ok()?.split_once(' ')?.0;
    let (seconds, microseconds) = stamp.split_once('.')?;
    let is_shaped = digits(seconds) && digits(microseconds) && microseconds.len() == 6 && !seconds.starts_with('0');
    let at = (seconds.parse().ok()?, microseconds.parse::<u32>().ok()? * 1000);
    is_shaped.then_some((at, stamp.len() + 1))
}

/// `YYYY-MM-DDTHH:MM:SS.uuuuuu`, as seconds of that clock and the nanoseconds.
fn clock(stamp: &str) -> Option<Moment> {
    let shape: String = stamp.chars().map(|byte| if byte.is_ascii_digit() { '0' } else { byte }).collect();
    let is_shaped = shape == "0000-00-00T00:00:00.000000";
    is_shaped.then(|| (decode::seconds(stamp), stamp[20..].parse::<u32>().unwrap() * 1000))
}

/// `…Z `.
fn utc(line: &[u8]) -> Option<(Moment, usize)> {
    let stamp = std::str::from_utf8(line).ok()?.split_once(' ')?.0;
    Some((clock(stamp.strip_suffix('Z')?)?, stamp.len() + 1))
}

/// `…+HH:MM `.
fn local(line: &[u8]) -> Option<(Moment, usize)> {
    let stamp = std::str::from_utf8(line).ok()?.split_once(' ')?.0;
    let (time, offset) = stamp.split_at_checked(26)?;
    let (seconds, nanoseconds) = clock(time)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let is_shaped = digits(hours) && digits(minutes) && hours.len() == 2 && minutes.len() == 2;
    let east = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    let sign = match &offset[..1] {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    is_shaped.then_some(((seconds - sign * east, nanoseconds), stamp.len() + 1))
}

const STAMPS: &[(&str, Decode)] = &[("t", label), ("T", seconds), ("i", utc), ("I", local)];

/// The sides that know this stamp.
fn knowing(installed: &Installed, stamp: &str) -> Vec<Program> {
    if stamp == "t" { both(installed, "multilog") } else { vec![ours(installed, "multilog")] }
}

/// Some nanoseconds earlier.
fn before((seconds, nanoseconds): Moment, by: i64) -> Moment {
    let all = i64::from(nanoseconds) - by;
    (seconds + all.div_euclid(1_000_000_000), all.rem_euclid(1_000_000_000) as u32)
}

#[test]
fn every_stamp_is_the_time_of_its_line() {
    let installed = Installed::shared();
    let mut input = b"first\n\n\0\xff bytes\n".to_vec();
    for number in 0..20_000 {
        input.extend_from_slice(format!("{number} 2026-11-21 @4000\n").as_bytes());
    }
    for &(stamp, decode) in STAMPS {
        for zone in ["UTC0", "EAST-1", "<-0330>3:30"] {
            for program in knowing(&installed, stamp) {
                let earliest = now();
                let logged = logged(&program, zone, &[stamp, "s16777215"], &input);
                let latest = now();
                assert_eq!(logged.stderr, "", "{program:?} {stamp}");
                let mut without = Vec::new();
                let mut moments = Vec::new();
                for line in logged.lines() {
                    // the text may have bytes that are no characters
                    let stamped = &line[..line.len().min(40)];
                    let stamped = stamped.split_inclusive(|&byte| byte == b' ').next().unwrap();
                    let Some((at, length)) = decode(stamped) else { panic!("{program:?}: {}", line.escape_ascii()) };
                    moments.push(at);
                    without.extend_from_slice(&line[length..]);
                }
                assert!(without == input, "{program:?} {stamp}");
                assert!(moments.is_sorted(), "{program:?} {stamp}");
                // microseconds are cut; the reference's labels are up to half of one ahead
                let (first, last) = (moments[0], moments[moments.len() - 1]);
                assert!(first >= before(earliest, 1000), "{program:?} {stamp}: {first:?} before {earliest:?}");
                assert!(last <= before(latest, -1000), "{program:?} {stamp}: {last:?} after {latest:?}");
                if stamp == "t" && program.side == Side::Ours {
                    assert!(moments.is_sorted_by(|one, other| one < other), "lines have labels of their own");
                }
            }
        }
    }
}

/// The last line's stamp stands before what there is of it.
#[test]
fn a_line_without_an_end_is_stamped_and_ended() {
    let installed = Installed::shared();
    for &(stamp, decode) in STAMPS {
        for program in knowing(&installed, stamp) {
            for input in ["", "\n", "x", "x\ny"] {
                let logged = logged(&program, "UTC0", &[stamp], input.as_bytes());
                let texts: Vec<&[u8]> = logged.lines().iter().map(|line| &line[decode(line).unwrap().1..]).collect();
                let expected: String = input.lines().map(|line| format!("{line}\n")).collect();
                assert_eq!(texts.concat(), expected.as_bytes(), "{program:?} {stamp} {input:?}");
            }
        }
    }
}

#[test]
fn local_time_has_the_offset_of_the_zone() {
    let installed = Installed::shared();
    let program = ours(&installed, "multilog");
    let offset = |zone: &str| {
        let stamp = logged(&program, zone, &["I"], b"\n").text();
        (stamp[..19].to_owned(), stamp[26..].trim_end().to_owned(), local(stamp.as_bytes()).unwrap().0.0)
    };
    for (zone, expected) in [("UTC0", "+00:00"), ("", "+00:00"), ("EAST-1", "+01:00"), ("<-0330>3:30", "-03:30")] {
        assert_eq!(offset(zone).1, expected, "{zone}");
    }
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "EST5EDT", "PST8PDT"] {
        if !has_zone(zone) {
            return;
        }
        let (time, offset, at) = offset(zone);
        let Some(expected) = local_by_date(zone, &[at], "+%Y-%m-%dT%H:%M:%S%:z") else { return };
        assert_eq!(format!("{time}{offset}\n").as_bytes(), expected, "{zone}");
    }
}

#[test]
fn a_prefix_stands_behind_the_stamp() {
    let installed = Installed::shared();
    let program = ours(&installed, "multilog");
    let one = logged(&program, "UTC0", &["pweb: "], b"a\n\nb");
    assert_eq!((one.text().as_str(), one.stderr.as_str()), ("web: a\nweb: \nweb: b\n", ""));
    for &(stamp, decode) in STAMPS {
        let logged = logged(&program, "UTC0", &[stamp, "p[\u{e9}] \t"], b"a\n\nb");
        let texts: Vec<&[u8]> = logged.lines().iter().map(|line| &line[decode(line).unwrap().1..]).collect();
        assert_eq!(String::from_utf8_lossy(&texts.concat()), "[\u{e9}] \ta\n[\u{e9}] \t\n[\u{e9}] \tb\n", "{stamp}");
        assert_eq!(logged.stderr, "", "{stamp}");
    }
}

#[test]
fn stamps_and_prefixes_elsewhere_are_ignored() {
    let installed = Installed::shared();
    for program in both(&installed, "multilog") {
        for (actions, ignored) in [
            (&["+*", "t"][..], &["t"][..]),
            (&["+*", "T"], &["T"]),
            (&["+*", "i", "I"], &["i", "I"]),
            (&["s5000", "pweb: "], &["pweb: "]),
            (&["+*", "pweb: ", "t"], &["pweb: ", "t"]),
            (&["", "t"], &["", "t"]),
        ] {
            let logged = logged(&program, "UTC0", actions, b"line\n");
            assert_eq!(logged.text(), "line\n", "{program:?} {actions:?}");
            if program.side == Side::Reference {
                assert_eq!(logged.stderr, "", "{actions:?}");
                continue;
            }
            let lines: Vec<&str> = logged.stderr.lines().collect();
            let is_warned = |(line, word): (&&str, &&str)| {
                line.starts_with(&format!("multilog: warning: ignoring action {word}: "))
            };
            assert_eq!(lines.len(), ignored.len(), "{actions:?}: {}", logged.stderr);
            assert!(lines.iter().zip(ignored).all(is_warned), "{actions:?}: {}", logged.stderr);
        }
        // a second stamp, and what comes between stamp and prefix
        let logged = logged(&program, "UTC0", &["t", "t"], b"line\n");
        assert_eq!(decode::split(&logged.current).1, b"line\n", "{program:?}");
        assert_eq!(logged.stderr.lines().count(), usize::from(program.side == Side::Ours), "{program:?}");
    }
    let program = ours(&installed, "multilog");
    for (actions, expected) in [
        (&["pone ", "ptwo "][..], "one line\n"),
        (&["pone ", "t"], "one line\n"),
        (&["pone ", "i", "ptwo "], "one line\n"),
    ] {
        let logged = logged(&program, "UTC0", actions, b"line\n");
        assert_eq!(logged.text(), expected, "{actions:?}");
        assert_eq!(logged.stderr.lines().count(), actions.len() - 1, "{actions:?}: {}", logged.stderr);
    }
    let logged = logged(&program, "UTC0", &["t", "+*", "pone "], b"line\n");
    assert_eq!(decode::split(&logged.current).1, b"line\n");
    assert_eq!(logged.stderr.lines().count(), 1, "{}", logged.stderr);
}

#[test]
fn patterns_see_stamp_and_prefix() {
    let installed = Installed::shared();
    let input = b"keep this\nsecret that\n";
    for program in both(&installed, "multilog") {
        let texts = |actions: &[&str]| {
            let logged = logged(&program, "UTC0", actions, input);
            logged
                .lines()
                .iter()
                .map(|line| String::from_utf8_lossy(decode::split(line).1).into_owned())
                .collect::<String>()
        };
        assert_eq!(texts(&["t", "-@*"]), "", "{program:?}");
        assert_eq!(texts(&["t", "-keep*", "-secret*"]), "keep this\nsecret that\n", "{program:?}");
        assert_eq!(texts(&["t", "-*", "+@* keep*"]), "keep this\n", "{program:?}");
    }
    let program = ours(&installed, "multilog");
    let text = |actions: &[&str]| logged(&program, "UTC0", actions, input).text();
    assert_eq!(text(&["pA:", "-A:secret*"]), "A:keep this\n");
    assert_eq!(text(&["pA:", "-secret*"]), "A:keep this\nA:secret that\n");
    assert_eq!(text(&["pA:", "-*", "+A:* that"]), "A:secret that\n");
    for (stamp, pattern) in [("T", "+*. keep this"), ("i", "+*Z keep this"), ("I", "+*+00:00 keep this")] {
        let pattern = if stamp == "T" { "+*.* keep this" } else { pattern };
        let seen = text(&[stamp, "-*", pattern]);
        assert!(seen.ends_with(" keep this\n") && seen.lines().count() == 1, "{stamp}: {seen}");
        assert_eq!(text(&[stamp, "-*", "+keep*"]), "", "{stamp}");
    }
}

/// What goes to standard error and into a status file is the line with its stamp: 200 and 1000 bytes in all.
#[test]
fn other_actions_see_stamp_and_prefix() {
    let installed = Installed::shared();
    let long = [&b"x".repeat(1500)[..], b"\n"].concat();
    for program in both(&installed, "multilog") {
        let logged = logged(&program, "UTC0", &["t", "e", "=status"], &long);
        assert!(decode::split(&logged.current).1 == long, "{program:?}: the line itself is not cut");
        let (_, said) = decode::split(logged.stderr.as_bytes());
        assert_eq!(String::from_utf8_lossy(said), "x".repeat(174) + "...\n", "{program:?}");
        assert_eq!(logged.status.len(), 1001, "{program:?}");
        let (_, shown) = decode::split(&logged.status);
        assert_eq!(String::from_utf8_lossy(shown), "x".repeat(974) + "\n", "{program:?}");
    }
    let program = ours(&installed, "multilog");
    let logged = logged(&program, "UTC0", &["pA:", "e", "=status"], b"line\n");
    assert_eq!((logged.text().as_str(), logged.stderr.as_str()), ("A:line\n", "A:line\n"));
    assert_eq!(logged.status, [&b"A:line\n"[..], &b"\n".repeat(994)].concat());
}
