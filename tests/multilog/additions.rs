//! Actions that daemontools' multilog does not have: daemontools-encore's `F S T w`, and our own `i I a m N p`. What is
//! expected of them comes from their description; of `F`, from the C library's fnmatch.

use crate::case::{case, check, exits};
use crate::ground::{Ground, Input, Subjects};
use crate::running::piped;
use crate::support::random::Random;
use std::ffi::CString;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[test]
fn f_and_s_change_what_patterns_are() {
    check(&[
        case(&["F", "-*", "+*.log", "e"], "a.log\nb.logs\nc.x.log\n").ours_only(exits(0).says("a.log\nc.x.log\n")),
        // it goes back where a simple one would not
        case(&["-*", "+*x.", "e"], "xx.\n").ours_only(exits(0)),
        case(&["F", "-*", "+*x.", "e"], "xx.\n").ours_only(exits(0).says("xx.\n")),
        case(&["F", "-*", "+[ab]?", "e"], "a1\nb\nc1\nb22\n").ours_only(exits(0).says("a1\n")),
        case(&["F", "-*", "+[!ab]*", "e"], "a1\nc1\n\n").ours_only(exits(0).says("c1\n")),
        case(&["F", "-*", r"+\**", "e"], "*1\na1\n").ours_only(exits(0).says("*1\n")),
        case(&["F", "-", "e"], "\none\n").ours_only(exits(0).says("one\n")),
        // neither slashes nor dots at the beginning are special
        case(&["F", "-*", "+*c", "+?x", "e"], "a/b/c\n.x\n").ours_only(exits(0).says("a/b/c\n.x\n")),
        // bytes are bytes
        case(&["F", "-*", "+?", "e"], b"\xff\n\xc3\xa9\n").ours_only(exits(0).says(b"\xff\n")),
        // back again, for the patterns behind it
        case(&["F", "-?", "S", "-?x", "e"], "a\n?\nbx\n?x\n").ours_only(exits(0).says("bx\n")),
        // and on the next line all begins anew: a pattern before F stays a simple one
        case(&["-?", "F", "-x?", "e"], "?\na\nx1\n?\nb\nx?\n").ours_only(exits(0).says("a\nb\n")),
        case(&["F", "S", "-?", "e"], "?\na\n").ours_only(exits(0).says("a\n")),
        // 1000 bytes of a line are looked at
        case(&["F", "-*", "+x*y", "./log"], "x".repeat(999) + "yz\n")
            .ours_only(exits(0).log("log", "x".repeat(999) + "yz\n")),
        case(&["F", "-*", "+x*y", "e"], "x".repeat(1000) + "y\n").ours_only(exits(0)),
    ]);
}

/// Many stars, of which none fits, do not take for ever.
#[test]
fn a_pattern_of_many_stars_is_soon_decided() {
    let stars = format!("+{}b", "*a".repeat(400));
    let line = "a".repeat(999) + "\n";
    check(&[case(&["F", "-*", &stars, "e"], line.repeat(200)).ours_only(exits(0))]);
}

/// Parts of patterns, and for each a text that it matches.
const PARTS: &[(&str, &str)] = &[
    ("a", "a"),
    ("b", "b"),
    ("1", "1"),
    ("-", "-"),
    ("]", "]"),
    (".", "."),
    ("/", "/"),
    ("*", ""),
    ("*", "a/1"),
    ("*", ".b"),
    ("?", "b"),
    ("?", "/"),
    ("[ab]", "b"),
    ("[!ab]", "1"),
    ("[a-c]", "c"),
    ("[]a]", "]"),
    ("[!]a]", "b"),
    ("[a-]", "-"),
    ("[[:digit:]]", "1"),
    ("[![:alpha:]1]", "."),
    ("[*?]", "*"),
    ("[[]", "["),
    ("\\*", "*"),
    ("\\?", "?"),
    ("\\a", "a"),
    ("\\[", "["),
];

/// Patterns as POSIX describes them, with nothing that it leaves open; each against lines that may well match.
#[test]
fn f_patterns_match_as_fnmatch_does() {
    const LETTERS: &[u8] = b"aabbc1-][*?.\\/";
    let subjects = Subjects::new();
    let random = &mut Random::new(4);
    let mut counts = [0, 0];
    for _ in 0..120 {
        let mut parts: Vec<(&str, &str)> = (0..random.between(1, 5)).map(|_| random.one_of(PARTS)).collect();
        if random.percent(15) {
            // nothing behind it closes it, so it is a letter
            parts.push(("[a", "[a"));
        }
        let pattern: String = parts.iter().map(|(part, _)| *part).collect();
        let mut lines = Vec::new();
        for _ in 0..40 {
            let text: String = parts.iter().map(|(_, text)| *text).collect();
            let mut line = text.into_bytes();
            for _ in 0..random.below(3) {
                let letter = random.one_of(LETTERS);
                match random.below(line.len() + 1) {
                    place if random.percent(30) => line.insert(place, letter),
                    place if place == line.len() => {}
                    place if random.percent(20) => drop(line.remove(place)),
                    place => line[place] = letter,
                }
            }
            lines.push(line);
        }
        let is_match = |line: &[u8]| {
            let [pattern, line] = [pattern.as_bytes(), line].map(|text| CString::new(text).unwrap());
            // SAFETY: both are C strings.
            unsafe { libc::fnmatch(pattern.as_ptr(), line.as_ptr(), 0) == 0 }
        };
        let mut expected = Vec::new();
        for line in &lines {
            counts[usize::from(is_match(line))] += 1;
            if is_match(line) {
                expected.extend([line.as_slice(), b"\n"].concat());
            }
        }
        let ground = Ground::new();
        let input = [lines.join(&b'\n').as_slice(), b"\n"].concat();
        let seen = ground.run(subjects.ours(), &["F", "-*", &format!("+{pattern}"), "e"], &Input::File(input));
        let [seen, expected] = [seen.stderr, expected].map(|text| text.escape_ascii().to_string());
        assert_eq!(seen, expected, "{pattern}");
    }
    assert!(counts.iter().all(|&count| count > 1000), "no match and match: {counts:?}");
}

/// A stamp's shape: `9` stands for a digit.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, expected): (u8, u8)| match expected {
        b'9' => byte.is_ascii_digit(),
        b'+' => matches!(byte, b'+' | b'-'),
        _ => byte == expected,
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

#[test]
fn readable_stamps_are_put_before_each_line() {
    let subjects = Subjects::new();
    for (action, shape) in [
        ("T", "9999999999.999999 line"),
        ("i", "9999-99-99T99:99:99.999999Z line"),
        ("I", "9999-99-99T99:99:99.999999+99:99 line"),
    ] {
        let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let before = seconds();
        let ground = Ground::new();
        let seen = ground.run(subjects.ours(), &[action, "e", "./log"], &Input::File(b"line\nline".to_vec()));
        let after = seconds();
        let said = String::from_utf8(seen.stderr).unwrap();
        assert_eq!(said.lines().count(), 2, "{said}");
        assert!(said.lines().all(|line| has_shape(line, shape)), "{action}: {said}");
        assert_eq!(seen.files["log/current"].1, said.as_bytes(), "{action}");
        if action == "T" {
            let first: f64 = said.split(' ').next().unwrap().parse().unwrap();
            assert!((before - 0.001..=after + 0.001).contains(&first), "{before} {said} {after}");
        }
    }
    // only as the first action
    for action in ["T", "i", "I"] {
        check(&[
            case(&["e", action], "one\n").ours_only(exits(0).says("one\n").ignores(&[action])),
            case(&["t", action, "-*", "+@*", "./log"], "").ours_only(exits(0).log("log", "").ignores(&[action])),
        ]);
    }
    check(&[
        // patterns see them
        case(&["T", "-*.*", "e"], "one\n").ours_only(exits(0)),
        case(&["i", "-*Z *", "e"], "one\n").ours_only(exits(0)),
        case(&["I", "-2*", "e"], "one\n").ours_only(exits(0)),
    ]);
}

#[test]
fn a_prefix_is_put_before_each_line() {
    let padded = |line: &str| [line.as_bytes(), &vec![b'\n'; 1001 - line.len()]].concat();
    let label = "@40000000LLLLLLLLLLLLLLLL";
    check(&[
        case(&["pweb: ", "e"], "one\n\ntwo").ours_only(exits(0).says("web: one\nweb: \nweb: two\n")),
        case(&["pweb: ", "./log"], "one\n").ours_only(exits(0).log("log", "web: one\n")),
        case(&["pweb: ", "=status"], "one\n").ours_only(exits(0).leaves("status", 0o600, padded("web: one"))),
        // behind the stamp
        case(&["t", "pweb: ", "e"], "one\n").ours_only(exits(0).says(format!("{label} web: one\n"))),
        // patterns see it
        case(&["pweb: ", "-*", "+web: o*", "e"], "one\ntwo\n").ours_only(exits(0).says("web: one\n")),
        case(&["pweb: ", "-one", "e"], "one\n").ours_only(exits(0).says("web: one\n")),
        // it counts in the 200 and in the 1000
        case(&["pweb: ", "e"], "x".repeat(195)).ours_only(exits(0).says(format!("web: {}\n", "x".repeat(195)))),
        case(&["pweb: ", "e"], "x".repeat(196)).ours_only(exits(0).says(format!("web: {}...\n", "x".repeat(195)))),
        case(&["pweb: ", "-*", "+*y", "./log"], "x".repeat(994) + "yx\n")
            .ours_only(exits(0).log("log", format!("web: {}yx\n", "x".repeat(994)))),
        case(&["pweb: ", "-*", "+*y", "./log"], "x".repeat(995) + "y\n").ours_only(exits(0).log("log", "")),
        // nothing is put before nothing
        case(&["pweb: ", "./log"], "").ours_only(exits(0).log("log", "")),
        // elsewhere it is ignored
        case(&["e", "pweb: "], "one\n").ours_only(exits(0).says("one\n").ignores(&["pweb: "])),
        case(&["pa", "pb", "e"], "one\n").ours_only(exits(0).says("aone\n").ignores(&["pb"])),
        case(&["t", "x", "pa", "e"], "one\n").ours_only(exits(0).says(format!("{label} one\n")).ignores(&["x", "pa"])),
        case(&["pa", "t", "e"], "one\n").ours_only(exits(0).says("aone\n").ignores(&["t"])),
    ]);
}

/// Four lines that each fill a file of the least size.
fn four_files() -> String {
    (1..=4).map(|number| format!("{}\n", number.to_string().repeat(2200))).collect()
}

fn old(outcome: crate::case::Outcome, log: &str, code: &str, first: usize) -> crate::case::Outcome {
    let lines = four_files();
    let kept = lines.lines().skip(first).enumerate();
    kept.fold(outcome, |outcome, (place, line)| {
        outcome.leaves(&format!("{log}/@{place}.{code}"), 0o744, format!("{line}\n"))
    })
}

#[test]
fn w_gives_old_files_another_code() {
    let longest = "c".repeat(32);
    check(&[
        case(&["s4096", "wgz", "./log"], four_files()).ours_only(old(exits(0).log("log", ""), "log", "gz", 0)),
        case(&["s4096", &format!("w{longest}"), "./log"], four_files()).ours_only(old(
            exits(0).log("log", ""),
            "log",
            &longest,
            0,
        )),
        // for later directories
        case(&["s4096", "./one", "wgz", "./two"], four_files()).ours_only(old(
            old(exits(0).log("one", "").log("two", ""), "one", "s", 0),
            "two",
            "gz",
            0,
        )),
        // files of any code count, and the oldest go first
        case(&["s4096", "n3", "wgz", "./log"], four_files())
            .file("log/@400000006000000000000000.s", 0o744, "old")
            .ours_only(old(exits(0).log("log", "").directory("log", 0o755), "log", "gz", 2)),
        // what a processor has made of it
        case(&["s4096", "wup", "!tr a-z A-Z", "./log"], "x".repeat(2200)).ours_only(exits(0).log("log", "").leaves(
            "log/@0.up",
            0o744,
            "X".repeat(2200) + "\n",
        )),
        // what a crash has left keeps its own
        case(&["wgz", "./log"], "")
            .file("log/current", 0o644, "cut")
            .ours_only(exits(0).log("log", "").directory("log", 0o755).leaves("log/@0.u", 0o644, "cut")),
        // no name of another directory, and none too long
        case(&["s4096", "w../x", "./log"], four_files()).ours_only(old(
            exits(0).log("log", "").ignores(&["w../x"]),
            "log",
            "s",
            0,
        )),
        case(&["s4096", &format!("w{longest}c"), "./log"], four_files()).ours_only(old(
            exits(0).log("log", "").ignores(&[&format!("w{longest}c")]),
            "log",
            "s",
            0,
        )),
    ]);
}

/// Each of the four old files has 2201 bytes.
#[test]
fn m_limits_the_bytes_of_old_files() {
    let kept = |actions: &[&str], first: usize| {
        case(actions, four_files()).ours_only(old(exits(0).log("log", ""), "log", "s", first))
    };
    check(&[
        kept(&["s4096", "m5000", "./log"], 2),
        kept(&["s4096", "m5k", "./log"], 2),
        kept(&["s4096", "m7000", "./log"], 1),
        kept(&["s4096", "m1M", "./log"], 0),
        kept(&["s4096", "m1G", "./log"], 0),
        kept(&["s4096", "m0", "./log"], 0),
        kept(&["s4096", "m5000", "m0", "./log"], 0),
        // both limits hold
        kept(&["s4096", "n2", "m7000", "./log"], 3),
        kept(&["s4096", "n10", "m7000", "./log"], 1),
        // for later directories
        kept(&["s4096", "./log", "m5000"], 0),
        // what is no old file does not count
        case(&["s4096", "m7000", "./log"], four_files())
            .file("log/@notes-about-this-directory", 0o644, "n".repeat(5000))
            .ours_only(old(exits(0).log("log", "").directory("log", 0o755), "log", "s", 1).leaves(
                "log/@notes-about-this-directory",
                0o644,
                "n".repeat(5000),
            )),
    ]);
}

/// Where nothing is amiss, a number for full disks changes nothing.
#[test]
fn a_number_for_full_disks_is_an_action() {
    let kept = |action: &str| {
        case(&["s4096", action, "./log"], four_files()).ours_only(old(exits(0).log("log", ""), "log", "s", 0))
    };
    check(&["N", "N0", "N1", "N2", "N100"].map(kept));
}

/// Also while nothing comes, and not before its time; an empty file stays where it is.
#[test]
fn a_rotates_by_age() {
    let subjects = Subjects::new();
    let ground = Ground::new();
    let [reader, writer] = crate::running::pipe();
    let start = Instant::now();
    let mut running = ground.start(subjects.ours(), &["a1", "./log", "a0", "./other", "n3"], reader);
    assert_eq!(nix::unistd::write(&writer, b"one\n"), Ok(4));
    let has = |name: &'static str| move |ground: &Ground| ground.files().contains_key(name);
    running.wait_until("the file is old", has("log/@0.s"));
    // the clock of files may be a tick behind
    assert!(start.elapsed() > Duration::from_millis(950), "after {:?}", start.elapsed());
    assert_eq!(nix::unistd::write(&writer, b"two\n"), Ok(4));
    running.wait_until("the next file is old", has("log/@1.s"));
    drop(writer);
    assert_eq!(running.code(), 0);
    let files = ground.files();
    assert_eq!(files["log/@0.s"], (0o744, b"one\n".to_vec()));
    assert_eq!(files["log/@1.s"], (0o744, b"two\n".to_vec()));
    assert_eq!(files["log/current"], (0o744, vec![]));
    assert_eq!(files["other/current"], (0o744, b"one\ntwo\n".to_vec()));
    // suffixes are known
    for action in ["a1s", "a1m", "a2h", "a3d", "a0"] {
        let ground = Ground::new();
        assert_eq!(ground.start(subjects.ours(), &[action, "./log"], piped(b"one\n")).code(), 0);
        assert_eq!((ground.stderr(), ground.files()["log/current"].1.as_slice()), (vec![], &b"one\n"[..]), "{action}");
    }
}
