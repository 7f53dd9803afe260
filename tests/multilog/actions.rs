//! Every action that the reference has, one by one: what it does, its limits, and where it stands in the list.

use crate::case::{Case, case, check, exits};
use std::fs;
use std::path::Path;

/// A line with its label, as it looks when labels have been made alike.
fn labelled(line: &str) -> String {
    format!("@40000000LLLLLLLLLLLLLLLL {line}\n")
}

#[test]
fn lines_are_selected_by_patterns() {
    let lines = "one\ntwo\n\nthree\n";
    check(&[
        case(&[], lines).expect(exits(0)),
        case(&["-*", "+*", "-x"], lines).expect(exits(0)),
        case(&["e"], lines).expect(exits(0).says(lines)),
        case(&["-*", "e"], lines).expect(exits(0)),
        case(&["-*", "+one", "e"], lines).expect(exits(0).says("one\n")),
        case(&["-*", "+", "e"], lines).expect(exits(0).says("\n")),
        case(&["-", "e"], lines).expect(exits(0).says("one\ntwo\nthree\n")),
        case(&["-t*", "e"], lines).expect(exits(0).says("one\n\n")),
        case(&["-*e", "e"], lines).expect(exits(0).says("two\n\nthree\n")),
        // the first e, not the last: it never goes back
        case(&["-*ee", "e"], lines).expect(exits(0).says("one\ntwo\n\n")),
        case(&["-*ree", "e"], lines).expect(exits(0).says("one\ntwo\n\n")),
        case(&["-*e*e", "e"], "ee\ne\n").expect(exits(0).says("e\n")),
        // the state carries along the list
        case(&["-*", "+t*", "-*e", "e"], lines).expect(exits(0).says("two\nthree\n")),
        case(&["-*", "e", "+one", "e", "-*", "+two", "e"], lines).expect(exits(0).says("one\ntwo\n")),
        case(&["e", "e", "-one", "e"], "one\ntwo\n").expect(exits(0).says("one\none\ntwo\ntwo\ntwo\n")),
        // a plus where all is selected, a minus where nothing is
        case(&["+nothing", "e"], lines).expect(exits(0).says(lines)),
        case(&["-*", "-*", "+*", "+*", "e"], lines).expect(exits(0).says(lines)),
        // nothing but a star is special
        case(&["-*", "+a.c", "+[b]", "+a?c", "+\\*", "e"], "abc\nb\na.c\n[b]\na?c\n\\xyz\n")
            .expect(exits(0).says("a.c\n[b]\na?c\n\\xyz\n")),
    ]);
}

#[test]
fn a_star_skips_to_the_first_of_what_comes_next() {
    let cases = [
        // (pattern, line, does it match)
        ("", "", true),
        ("", "x", false),
        ("*", "", true),
        ("*", "x", true),
        ("x", "x", true),
        ("x", "xx", false),
        ("x*", "x", true),
        ("x*", "xyz", true),
        ("x*", "yx", false),
        ("*x", "x", true),
        ("*x", "yyx", true),
        ("*x", "xyx", false),
        ("*x", "", false),
        ("*x*", "yxy", true),
        ("*xy", "axy", true),
        ("*xy", "axxy", false),
        ("**", "", false),
        ("**", "x", false),
        ("**", "x*y", true),
        ("**x", "yx", false),
        ("**x", "*x", true),
        ("**x", "y*zx", true),
        ("**x", "x*", false),
        ("***", "*", true),
        ("***", "", false),
        ("*\u{e9}", "caf\u{e9}", true),
        ("*: fatal: *", "multilog: fatal: out of memory", true),
        // the first colon is another one
        ("*: fatal: *", "a: b: fatal: c", false),
        ("* fatal: *", "a: b: fatal: c", false),
        ("x*x", "x", false),
        ("x*x", "xx", true),
        ("x*x", "xax", true),
        ("x*x", "xaxx", false),
    ];
    check(&cases.map(|(pattern, line, is_match)| {
        let said = if is_match { format!("{line}\n") } else { String::new() };
        case(&["-*", &format!("+{pattern}"), "e"], format!("{line}\n")).expect(exits(0).says(said))
    }));
}

#[test]
fn a_label_is_put_before_each_line() {
    check(&[
        case(&["t", "e"], "one\n\ntwo")
            .expect(exits(0).says([labelled("one"), labelled(""), labelled("two")].concat())),
        case(&["t", "./log"], "one\ntwo\n").expect(exits(0).log("log", [labelled("one"), labelled("two")].concat())),
        case(&["t", "e"], "").expect(exits(0)),
        case(&["t"], "one\n").expect(exits(0)),
        // patterns see it
        case(&["t", "-one", "e"], "one\n").expect(exits(0).says(labelled("one"))),
        case(&["t", "-@4*", "e"], "one\n").expect(exits(0)),
        case(&["t", "-* one", "e"], "one\ntwo\n").expect(exits(0).says(labelled("two"))),
        case(&["t", "-*", "+", "e"], "\n").expect(exits(0)),
        // only as the first action
        case(&["e", "t"], "one\n").expect(exits(0).says("one\n").ignores(&["t"])),
        case(&["", "t", "e"], "one\n").expect(exits(0).says("one\n").ignores(&["", "t"])),
        case(&["t", "t", "e"], "one\n").expect(exits(0).says(labelled("one")).ignores(&["t"])),
        case(&["+*", "t", "e"], "one\n").expect(exits(0).says("one\n").ignores(&["t"])),
    ]);
}

/// The first byte of a word is the action; what follows `t` or `e` does not matter to the reference.
#[test]
fn letters_behind_an_action_do_not_matter() {
    check(&[
        case(&["text", "e"], "one\n").expect(exits(0).says(labelled("one"))),
        case(&["extra"], "one\n").expect(exits(0).says("one\n")),
    ]);
}

#[test]
fn e_prints_200_bytes_at_most() {
    let line = |length: usize| "x".repeat(length);
    let cases = [0, 1, 199, 200, 201, 999, 1000, 1001, 3000].map(|length| {
        let line = line(length);
        let said = if length > 200 { format!("{}...\n", &line[..200]) } else { format!("{line}\n") };
        case(&["e"], format!("{line}\n")).expect(exits(0).says(said))
    });
    check(&cases);
    let with_label = |length: usize, rest: &str| {
        let said = format!("@40000000LLLLLLLLLLLLLLLL {}{rest}\n", line(length.min(174)));
        case(&["t", "e"], line(length)).expect(exits(0).says(said))
    };
    check(&[with_label(173, ""), with_label(174, ""), with_label(175, "..."), with_label(3000, "...")]);
    check(&[case(&["e"], b"\0\xff\x1b[m\n").expect(exits(0).says(b"\0\xff\x1b[m\n"))]);
}

/// 1001 bytes: the line and newlines.
fn padded(line: &str) -> Vec<u8> {
    let mut padded = line.as_bytes().to_vec();
    padded.resize(1001, b'\n');
    padded
}

#[test]
fn a_status_file_holds_the_last_line() {
    let long = "x".repeat(1500);
    check(&[
        case(&["=status"], "one\ntwo\n").expect(exits(0).leaves("status", 0o600, padded("two"))),
        case(&["=status"], "").expect(exits(0).leaves("status", 0o600, "")),
        case(&["-*", "=status"], "one\n").expect(exits(0).leaves("status", 0o600, "")),
        case(&["-two", "=status"], "one\ntwo\n").expect(exits(0).leaves("status", 0o600, padded("one"))),
        case(&["=status"], "\n").expect(exits(0).leaves("status", 0o600, padded(""))),
        case(&["=status"], "one\nlast").expect(exits(0).leaves("status", 0o600, padded("last"))),
        case(&["t", "=status"], "one\n").expect(exits(0).leaves("status", 0o600, padded(labelled("one").trim_end()))),
        case(&["=status"], &long).expect(exits(0).leaves("status", 0o600, padded(&long[..1000]))),
        case(&["=status"], &long[..1000]).expect(exits(0).leaves("status", 0o600, padded(&long[..1000]))),
        case(&["=status"], &long[..999]).expect(exits(0).leaves("status", 0o600, padded(&long[..999]))),
        // a short line after a long one
        case(&["=status"], format!("{long}\none\n")).expect(exits(0).leaves("status", 0o600, padded("one"))),
        // a longer file keeps its tail and its mode
        case(&["=status"], "one\n").file("status", 0o644, "o".repeat(1500)).expect(exits(0).leaves(
            "status",
            0o644,
            [padded("one").as_slice(), "o".repeat(499).as_bytes()].concat(),
        )),
        case(&["=status"], "").file("status", 0o644, "old").expect(exits(0).leaves("status", 0o644, "old")),
        // two files, and one file twice
        case(&["=one", "-b", "=two"], "a\nb\n").expect(exits(0).leaves("one", 0o600, padded("b")).leaves(
            "two",
            0o600,
            padded("a"),
        )),
        case(&["-b", "=one", "+*", "=one"], "a\nb\n").expect(exits(0).leaves("one", 0o600, padded("b"))),
        case(&["=one", "-b", "=one"], "a\nb\n").expect(exits(0).leaves("one", 0o600, padded("b"))),
        case(&["=here/status"], "one\n")
            .set_up(|work| fs::create_dir(work.join("here")).unwrap())
            .expect(exits(0).directory("here", 0o755).leaves("here/status", 0o600, padded("one"))),
        // a symbolic link leads to the file
        case(&["=link"], "one\n")
            .set_up(|work| std::os::unix::fs::symlink("file", work.join("link")).unwrap())
            .expect(exits(0).leaves("link@", 0, "file").leaves("file", 0o600, padded("one"))),
    ]);
}

#[test]
fn unknown_actions_are_ignored() {
    let unknown = ["", "x", "z9", "?", "\u{fc}", "  e"];
    let words: Vec<&str> = unknown.into_iter().chain(["e"]).collect();
    check(&[
        case(&words, "one\n").expect(exits(0).says("one\n").ignores(&unknown)),
        case(&["x", "x"], "one\n").expect(exits(0).ignores(&["x", "x"])),
        case(&["x"], "").expect(exits(0).ignores(&["x"])),
        // no word is an option
        case(&["--", "-*", "e"], "-\n\none\n").expect(exits(0)),
        case(&["--", "e"], "-\n\none\n").expect(exits(0).says("\none\n")),
        case(&["--help", "e"], "-help\none\n").expect(exits(0).says("one\n")),
        case(&["--version", "e"], "one\n-version\n").expect(exits(0).says("one\n")),
        case(&["-e", "e"], "e\none\n").expect(exits(0).says("one\n")),
    ]);
}

/// Nine lines that each fill a file of the least size, since it is longer than 2096 bytes.
fn nine_files() -> String {
    (1..=9).map(|number| format!("{}\n", number.to_string().repeat(2200))).collect()
}

/// What is left of those: so many old files, and an empty `current`.
fn kept(number: usize) -> crate::case::Outcome {
    let lines = nine_files();
    let lines: Vec<&str> = lines.lines().collect();
    let kept = lines[9 - number..].iter().enumerate();
    kept.fold(exits(0).log("log", ""), |outcome, (place, line)| {
        outcome.leaves(&format!("log/@{place}.s"), 0o744, format!("{line}\n"))
    })
}

fn filling(actions: &[&str]) -> Case {
    case(actions, nine_files())
}

#[test]
fn a_number_keeps_one_file_less() {
    check(&[
        filling(&["s4096", "./log"]).expect(kept(9)),
        filling(&["s4096", "n10", "./log"]).expect(kept(9)),
        filling(&["s4096", "n9", "./log"]).expect(kept(8)),
        filling(&["s4096", "n3", "./log"]).expect(kept(2)),
        filling(&["s4096", "n2", "./log"]).expect(kept(1)),
        // the least is 2
        filling(&["s4096", "n1", "./log"]).expect(kept(1)),
        filling(&["s4096", "n0", "./log"]).expect(kept(1)),
        filling(&["s4096", "n", "./log"]).differs(kept(1), kept(9).ignores(&["n"]), WITHOUT_A_NUMBER),
        filling(&["s4096", "nx", "./log"]).differs(kept(1), kept(9).ignores(&["nx"]), WITHOUT_A_NUMBER),
        filling(&["s4096", "n-5", "./log"]).differs(kept(1), kept(9).ignores(&["n-5"]), WITHOUT_A_NUMBER),
        filling(&["s4096", "n3x", "./log"]).expect(kept(2).ignores(&["n3x"])),
        filling(&["s4096", "n3 ", "./log"]).expect(kept(2).ignores(&["n3 "])),
        filling(&["s4096", "n", "n3", "nx", "./log"]).differs(kept(1), kept(2).ignores(&["n", "nx"]), WITHOUT_A_NUMBER),
        // in the reference it is 1, and so 2
        filling(&["s4096", "n1k", "./log"]).differs(kept(1), kept(9), "k, M, G and T count"),
        filling(&["s4096", "n3kB", "./log"]).differs(kept(2), kept(9).ignores(&["n3kB"]), NOT_MEANT),
        filling(&["s4096", "n1x", "./log"]).differs(kept(1), kept(9).ignores(&["n1x"]), NOT_MEANT),
        filling(&["s4096", "n3", "n2kB", "./log"]).differs(kept(1), kept(2).ignores(&["n2kB"]), NOT_MEANT),
        filling(&["s4096", "n0004", "./log"]).expect(kept(3)),
        filling(&["s4096", "n4294967295", "./log"]).expect(kept(9)),
        filling(&["s4096", "n18446744073709551615", "./log"]).expect(kept(9)),
        filling(&["s4096", "n18446744073709551616", "./log"]).differs(
            kept(1),
            kept(9),
            "a number that is too large is large, and not 0",
        ),
        // the last one before the directory counts, and none behind it
        filling(&["s4096", "n5", "n3", "./log", "n7"]).expect(kept(2)),
        filling(&["n3", "s4096", "./log"]).expect(kept(2)),
    ]);
}

/// In the reference it is 0, and so the least there is: the log is cut to almost nothing.
const WITHOUT_A_NUMBER: &str = "a word without a number changes nothing";

/// What the reference makes of it nobody can have meant, and it costs lines.
const NOT_MEANT: &str = "a word that is no number makes no log shorter, unless its digits could be meant by themselves";

#[test]
fn a_size_has_a_least_and_a_default() {
    let none = |lines: &str| exits(0).log("log", lines);
    let lines = nine_files();
    check(&[
        filling(&["./log"]).expect(none(&lines)),
        filling(&["./log", "s4096"]).expect(none(&lines)),
        filling(&["s99999", "./log"]).expect(none(&lines)),
        filling(&["s4096", "s99999", "./log"]).expect(none(&lines)),
        // ends at 2096, and not at 2201
        filling(&["s4096", "./log"]).expect(kept(9)),
        filling(&["s", "./log"]).differs(kept(9), none(&lines).ignores(&["s"]), WITHOUT_A_NUMBER),
        filling(&["sx", "./log"]).differs(kept(9), none(&lines).ignores(&["sx"]), WITHOUT_A_NUMBER),
        filling(&["s0", "./log"]).expect(kept(9)),
        filling(&["s4095", "./log"]).expect(kept(9)),
        filling(&["s4201", "./log"]).expect(kept(9)),
        // digits that are a size by themselves
        filling(&["s4096x", "./log"]).expect(kept(9).ignores(&["s4096x"])),
        filling(&["s4096bytes", "./log"]).expect(kept(9).ignores(&["s4096bytes"])),
        filling(&["s10x", "./log"]).differs(kept(9), none(&lines).ignores(&["s10x"]), NOT_MEANT),
        filling(&["s0x20000", "./log"]).differs(kept(9), none(&lines).ignores(&["s0x20000"]), NOT_MEANT),
        filling(&["s10MB", "./log"]).differs(kept(9), none(&lines).ignores(&["s10MB"]), NOT_MEANT),
        filling(&["s10KiB", "./log"]).differs(kept(9), none(&lines).ignores(&["s10KiB"]), NOT_MEANT),
        filling(&["s4096kB", "./log"]).differs(kept(9), none(&lines).ignores(&["s4096kB"]), NOT_MEANT),
        filling(&["s4096.5 M", "./log"]).differs(kept(9), none(&lines).ignores(&["s4096.5 M"]), NOT_MEANT),
        filling(&["s4096", "s10MB", "./log"]).expect(kept(9).ignores(&["s10MB"])),
        filling(&["s4096", "s99999MB", "./log"]).expect(none(&lines).ignores(&["s99999MB"])),
        filling(&["s10M", "./log"]).differs(kept(9), none(&lines), "k, M, G and T count"),
        filling(&["s100k", "./log"]).differs(kept(9), none(&lines), "k, M, G and T count"),
        filling(&["s1T", "./log"]).differs(kept(9), none(&lines), "k, M, G and T count"),
        filling(&["s1t", "./log"]).differs(kept(9), none(&lines), "k, M, G and T count"),
        filling(&["s1k", "./log"]).expect(kept(9)),
        // what held before goes on
        filling(&["s4096", "s", "./log"]).expect(kept(9).ignores(&["s"])),
        filling(&["s004096", "./log"]).expect(kept(9)),
        filling(&["s 99999", "./log"]).differs(kept(9), none(&lines).ignores(&["s 99999"]), WITHOUT_A_NUMBER),
        filling(&["s-99999", "./log"]).differs(kept(9), none(&lines).ignores(&["s-99999"]), WITHOUT_A_NUMBER),
        filling(&["s16777215", "./log"]).expect(none(&lines)),
        filling(&["s999999999", "./log"]).expect(none(&lines)),
        filling(&["s18446744073709551615", "./log"]).expect(none(&lines)),
        filling(&["s18446744073709551616", "./log"]).differs(kept(9), none(&lines), "likewise"),
        // each directory has its own
        case(&["s4096", "n2", "./one", "s99999", "./two"], "x".repeat(2200)).expect(
            exits(0)
                .log("one", "")
                .leaves("one/@0.s", 0o744, "x".repeat(2200) + "\n")
                .log("two", "x".repeat(2200) + "\n"),
        ),
    ]);
}

#[test]
fn a_processor_makes_of_a_file_what_is_kept() {
    let kept = |processed: &str| exits(0).log("log", "").leaves("log/@0.s", 0o744, processed);
    let (full, shout) = ("x".repeat(2200) + "\n", "X".repeat(2200) + "\n");
    let fill = |actions: &[&str]| case(actions, &full);
    check(&[
        fill(&["!tr a-z A-Z", "s4096", "./log"]).expect(kept(&shout)),
        // only a full file is processed
        fill(&["!tr a-z A-Z", "./log"]).expect(exits(0).log("log", &full)),
        // for later directories, the last one
        fill(&["s4096", "./log", "!tr a-z A-Z"]).expect(kept(&full)),
        fill(&["s4096", "!exit 1", "!tr a-z A-Z", "./log"]).expect(kept(&shout)),
        fill(&["s4096", "!cat >&2", "./log"]).expect(kept("").says(&full)),
        // it runs in the log directory, with the state behind 4 and 5
        fill(&["s4096", "!test -f previous && ls", "./log"])
            .expect(kept("current\nlock\nnewstate\nprevious\nprocessed\nstate\n")),
        fill(&["s4096", "!echo kept >&5", "./log"]).expect(kept("").leaves("log/state", 0o644, "kept\n")),
        // the reference runs an empty command, which leaves an empty file
        fill(&["s4096", "!tr a-z A-Z", "!", "./log"]).differs(
            kept(""),
            kept(&full),
            "without a command there is no processor",
        ),
    ]);
}

/// The default is 99999 bytes: with 97999 of them the newline ends the file.
#[test]
fn the_default_size_is_99999() {
    let write = |before: usize, is_full: bool| {
        let whole = "o".repeat(before) + "x\n";
        let outcome = exits(0).log("log", if is_full { "" } else { &whole }).directory("log", 0o755).lacks("log/state");
        let outcome = if is_full { outcome.leaves("log/@0.s", 0o744, &whole) } else { outcome };
        case(&["./log"], "x\n").file("log/current", 0o744, "o".repeat(before)).expect(outcome)
    };
    check(&[write(97_996, false), write(97_997, true), write(97_998, true)]);
}

/// The reference takes 16777215 for anything larger, ours 2147483647, as daemontools-encore does.
#[test]
fn a_size_has_a_greatest() {
    fn grow(work: &Path, size: u64) {
        fs::create_dir(work.join("log")).unwrap();
        fs::File::create(work.join("log/current")).unwrap().set_len(size).unwrap();
        crate::ground::set_mode(&work.join("log/current"), 0o744);
    }
    let subjects = crate::ground::Subjects::new();
    for (size, before, is_moved_by_reference, is_moved_by_ours) in [
        ("s16777215", 16_777_214, true, true),
        ("s20000000", 17_000_000, true, false),
        ("s20000000", 19_997_997, true, false),
        ("s20000000", 19_997_998, true, true),
        ("s99999999999", 17_000_000, true, false),
        ("s99999999999", 2_147_483_647, true, true),
        ("s99999999999", 2_147_481_640, true, false),
    ] {
        for subject in &subjects.all {
            let ground = crate::ground::Ground::new();
            grow(&ground.work(), before);
            assert_eq!(ground.start(subject, &[size, "./log"], crate::running::piped(b"x\n")).code(), 0);
            // by name only: the file is too large to be read
            let names = fs::read_dir(ground.work().join("log")).unwrap();
            let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let is_moved = names.into_iter().any(|name| name.starts_with('@'));
            let expected = if subject.is_ours { is_moved_by_ours } else { is_moved_by_reference };
            assert_eq!(is_moved, expected, "{}: {size} after {before} bytes", subject.name);
        }
    }
}
