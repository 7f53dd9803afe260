//! nohup: which descriptors it changes and what it says, for every combination; options; failures.

use crate::case::{Case, Outcome, Stream, exits};

/// Says on descriptor 3 what 0, 1 and 2 are, how 0 is opened and which signals are ignored, and writes to 1 and 2.
/// Parentheses, since a shell may redirect its own descriptors for a command.
const TELL: &str = r#"
for n in 0 1 2; do (readlink /proc/$$/fd/$n) >&3 2>/dev/null || echo closed >&3; done
(sed -n 's/^flags:.*\([0-7]\)$/mode \1/p' /proc/$$/fdinfo/0) >&3 2>/dev/null
sed -n 's/^SigIgn:[^0-9a-f]*/ignored /p' /proc/$$/status >&3
if [ -e /proc/$$/fd/1 ]; then echo out; fi
if [ -e /proc/$$/fd/2 ]; then echo err >&2; fi
exit 7"#;

/// What a descriptor is in the program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Becomes {
    /// As it was.
    Kept,
    /// The null device, opened for writing.
    Null,
    /// nohup.out.
    File,
    /// What standard output is, where that was no terminal.
    Output,
}
use Becomes::{File, Kept, Null, Output};

const IGNORING: &str = "nohup: ignoring input\n";
const APPENDING: &str = "nohup: appending output to 'nohup.out'\n";
const REDIRECTING: &str = "nohup: redirecting stderr to stdout\n";
const IGNORING_APPENDING: &str = "nohup: ignoring input and appending output to 'nohup.out'\n";
const IGNORING_REDIRECTING: &str = "nohup: ignoring input and redirecting stderr to stdout\n";

/// Descriptors before, messages, descriptors after.
type Combination = (&'static str, &'static [&'static str], Option<[Becomes; 3]>);

/// Descriptors 0, 1, 2: t a terminal, f something else, c closed; what is said; what they become, if it goes so far.
const COMBINATIONS: [Combination; 27] = [
    ("ttt", &[IGNORING_APPENDING], Some([Null, File, File])),
    ("ttf", &[IGNORING_APPENDING], Some([Null, File, Kept])),
    ("ttc", &[IGNORING_APPENDING], None),
    ("tft", &[IGNORING_REDIRECTING], Some([Null, Kept, Output])),
    ("tff", &[IGNORING], Some([Null, Kept, Kept])),
    ("tfc", &[IGNORING], None),
    ("tct", &[IGNORING_APPENDING, IGNORING_REDIRECTING], Some([Null, Kept, File])),
    ("tcf", &[IGNORING], Some([Null, Kept, Kept])),
    ("tcc", &[IGNORING], None),
    ("ftt", &[APPENDING], Some([Kept, File, File])),
    ("ftf", &[APPENDING], Some([Kept, File, Kept])),
    ("ftc", &[APPENDING], None),
    ("fft", &[REDIRECTING], Some([Kept, Kept, Output])),
    ("fff", &[], Some([Kept, Kept, Kept])),
    ("ffc", &[], Some([Kept, Kept, Kept])),
    ("fct", &[APPENDING, REDIRECTING], Some([Kept, Kept, File])),
    ("fcf", &[], Some([Kept, Kept, Kept])),
    ("fcc", &[], Some([Kept, Kept, Kept])),
    ("ctt", &[APPENDING], Some([Kept, File, File])),
    ("ctf", &[APPENDING], Some([Kept, File, Kept])),
    ("ctc", &[APPENDING], None),
    ("cft", &[REDIRECTING], Some([Kept, Kept, Output])),
    ("cff", &[], Some([Kept, Kept, Kept])),
    ("cfc", &[], Some([Kept, Kept, Kept])),
    ("cct", &[APPENDING, REDIRECTING], Some([Kept, Kept, File])),
    ("ccf", &[], Some([Kept, Kept, Kept])),
    ("ccc", &[], Some([Kept, Kept, Kept])),
];

fn combination((letters, said, results): Combination) -> Case {
    let letter = |number: usize| letters.as_bytes()[number];
    let stream = |number: usize| match letter(number) {
        b't' => Stream::Terminal,
        b'c' => Stream::Closed,
        _ if number == 0 => Stream::Null,
        _ => Stream::Pipe,
    };
    let case = Case::new("nohup", ["sh", "-c", TELL]).streams(stream(0), stream(1), stream(2));
    let Some(results) = results else {
        let opens_file = letter(1) == b't';
        let outcome = exits(125).reports("");
        return case.expect(if opens_file {
            outcome.leaves("nohup.out", 0o600, "")
        } else {
            outcome.lacks("nohup.out")
        });
    };

    // where each line is to arrive: nohup's own on the standard error that it was given, then the program's
    let mut report = String::new();
    let (mut output, mut error, mut terminal, mut file) = (String::new(), String::new(), String::new(), String::new());
    for line in said {
        if letter(2) == b't' { &mut terminal } else { &mut error }.push_str(line);
    }
    for (number, result) in results.into_iter().enumerate() {
        let line = ["", "out\n", "err\n"][number];
        let (is, arrival) = match (result, letter(number)) {
            (Null, _) => ("/dev/null\n", None),
            (File, _) => ("{dir}/nohup.out\n", Some(&mut file)),
            (Output, _) => ("pipe\n", Some(&mut output)),
            (Kept, b'c') => ("closed\n", None),
            (Kept, _) if number == 0 => ("/dev/null\n", None),
            (Kept, _) if number == 1 => ("pipe\n", Some(&mut output)),
            (Kept, _) => ("pipe\n", Some(&mut error)),
        };
        report += is;
        if let Some(arrival) = arrival {
            arrival.push_str(line);
        }
    }
    report += match (results[0], letter(0)) {
        (Null, _) => "mode 1\n",
        (_, b'c') => "",
        _ => "mode 0\n",
    };
    report += "ignored 0000000000000001\n";
    let outcome = exits(7).reports(report).prints(output).says(error).shows(terminal);
    case.expect(if results.contains(&File) {
        outcome.leaves("nohup.out", 0o600, file)
    } else {
        outcome.lacks("nohup.out")
    })
}

/// Words that are not there, and what coreutils makes of them: in a locale with UTF-8, so what can be printed stays.
const QUOTED: &[(&[u8], &str)] = &[
    (b"a b", "'a b'"),
    (b"a\nb", r"'a'$'\n''b'"),
    (b"\x1b[2J", r"''$'\033''[2J'"),
    (b"a\tb\x7f", r"'a'$'\t''b'$'\177'"),
    (b"\x07\x08\x0c\n\r\x0b", r"''$'\a\b\f\n\r\v'"),
    (b"\x011", r"''$'\001''1'"),
    (b"a\xc2\x9bb\x9b", r"'a'$'\302\233''b'$'\233'"),
    (b"b\xe4r", r"'b'$'\344''r'"),
    (b"b\xc3\xa4r \xe4\xb8\xad \xf0\x9f\x98\x80", "'b\u{e4}r \u{4e2d} \u{1f600}'"),
    (b"a\xe2\x80\xa8b", r"'a'$'\342\200\250''b'"),
    (b"a\xe2\x80", r"'a'$'\342\200'"),
    (b"a'b", "\"a'b\""),
    (b"'", "\"'\""),
    (b"~'", "\"~'\""),
    (b"a~'", r"'a~'\'''"),
    (b"!x'", r"'!x'\'''"),
    (b"a\"'b", r#"'a"'\''b'"#),
    (b"a'\nb", r"'a'\'''$'\n''b'"),
    (b"\n'b", r"''$'\n'\''b'"),
    (b"'\n'", r"''\'''$'\n'\'''"),
    (b"a\\b\"$`*", r#"'a\b"$`*'"#),
    (b"{'}", r"'{'\''}'"),
];

const UTF8: [&str; 2] = ["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"];

fn misuse(code: i32, what: &str) -> Outcome {
    exits(code).says(format!("nohup: {what}\nTry 'nohup --help' for more information.\n"))
}

/// Prints its arguments, each in brackets.
const WORDS: &str = "for word; do echo \"[$word]\"; done";

pub fn cases() -> Vec<Case> {
    let nohup = Case::new::<0>;
    let mut cases: Vec<Case> = COMBINATIONS.into_iter().map(combination).collect();
    cases.extend([
        // options
        nohup("nohup", []).expect(misuse(125, "missing operand")),
        nohup("nohup", []).arg("--").expect(misuse(125, "missing operand")),
        nohup("nohup", []).env("POSIXLY_CORRECT=").expect(misuse(127, "missing operand")),
        nohup("nohup", []).env("POSIXLY_CORRECT=1").expect(misuse(127, "missing operand")),
        Case::new("nohup", ["-z", "true"]).expect(misuse(125, "invalid option -- 'z'")),
        Case::new("nohup", ["-z", "true"]).env("POSIXLY_CORRECT=").expect(misuse(127, "invalid option -- 'z'")),
        Case::new("nohup", ["--foo", "true"]).expect(misuse(125, "unrecognized option '--foo'")),
        Case::new("nohup", ["--help=3", "true"]).expect(misuse(125, "option '--help' doesn't allow an argument")),
        Case::new("nohup", ["--vers"]).expect(exits(0).prints_first("nohup ")),
        Case::new("nohup", ["--version", "false"]).expect(exits(0).prints_first("nohup ")),
        Case::new("nohup", ["--he"]).expect(exits(0).prints_anything()),
        Case::new("nohup", ["--", "echo", "a"]).expect(exits(0).prints("a\n")),
        Case::new("nohup", ["-", "a"])
            .expect(exits(127).says("nohup: failed to run command '-': No such file or directory\n")),
        Case::new("nohup", ["sh", "-c", WORDS, "sh", "--help", "--version", "-z", "--", "", "a\nb"])
            .arg(b"\xff\x01\xfe")
            .expect(exits(0).prints(b"[--help]\n[--version]\n[-z]\n[--]\n[]\n[a\nb]\n[\xff\x01\xfe]\n")),
        // what goes wrong with the program
        Case::new("nohup", ["nosuch"])
            .expect(exits(127).says("nohup: failed to run command 'nosuch': No such file or directory\n")),
        Case::new("nohup", [""])
            .expect(exits(127).says("nohup: failed to run command '': No such file or directory\n")),
        Case::new("nohup", ["./lost"])
            .file_of_mode("lost", 0o755, "#!/nonexistent/interpreter\n")
            .expect(exits(127).says("nohup: failed to run command './lost': No such file or directory\n")),
        Case::new("nohup", ["./plain"])
            .file("plain", "#!/bin/sh\n")
            .expect(exits(126).says("nohup: failed to run command './plain': Permission denied\n")),
        Case::new("nohup", ["nosuch"])
            .env("POSIXLY_CORRECT=1")
            .expect(exits(127).says("nohup: failed to run command 'nosuch': No such file or directory\n")),
        Case::new("nohup", ["/"])
            .env("POSIXLY_CORRECT=1")
            .expect(exits(126).says("nohup: failed to run command '/': Permission denied\n")),
        // the message goes to the standard error that nohup was given, and the file stays
        Case::new("nohup", ["nosuch"]).streams(Stream::Terminal, Stream::Terminal, Stream::Terminal).expect(
            exits(127)
                .shows(
                    [IGNORING_APPENDING, "nohup: failed to run command 'nosuch': No such file or directory\n"].concat(),
                )
                .leaves("nohup.out", 0o600, ""),
        ),
        Case::new("nohup", ["nosuch"]).streams(Stream::Null, Stream::Pipe, Stream::Terminal).expect(
            exits(127)
                .shows([REDIRECTING, "nohup: failed to run command 'nosuch': No such file or directory\n"].concat()),
        ),
        Case::new("nohup", ["nosuch"]).streams(Stream::Null, Stream::Pipe, Stream::Closed).expect(exits(127)),
        Case::new("nohup", ["./plain"])
            .file("plain", "")
            .streams(Stream::Null, Stream::Pipe, Stream::Full)
            .expect(exits(125)),
        // a message that is due must arrive; with none, nobody needs the standard error
        Case::new("nohup", ["touch", "ran"])
            .streams(Stream::Null, Stream::Terminal, Stream::Full)
            .expect(exits(125).leaves("nohup.out", 0o600, "").lacks("ran")),
        Case::new("nohup", ["touch", "ran"])
            .streams(Stream::Terminal, Stream::Pipe, Stream::Full)
            .expect(exits(125).lacks("ran")),
        Case::new("nohup", ["touch", "ran"])
            .streams(Stream::Terminal, Stream::Pipe, Stream::Full)
            .env("POSIXLY_CORRECT=1")
            .expect(exits(127).lacks("ran")),
        Case::new("nohup", ["touch", "ran"])
            .streams(Stream::Null, Stream::Pipe, Stream::Full)
            .expect(exits(0).leaves("ran", 0o644, "")),
        // the program's own end
        Case::new("nohup", ["sh", "-c", "kill -9 $$"]).expect(crate::case::dies_of(9)),
        Case::new("nohup", ["sh", "-c", "kill -1 $$; echo alive"]).expect(exits(0).prints("alive\n")),
        Case::new("nohup", ["sh", "-c", "echo $$"]).expect(exits(0).prints("{pid}\n")),
    ]);
    cases.extend(QUOTED.iter().map(|&(word, shown)| {
        let says = format!("nohup: failed to run command {shown}: No such file or directory\n");
        nohup("nohup", []).environ(UTF8).arg(word).expect(exits(127).says(says))
    }));
    // the name of the file, likewise
    let home = |words: &'static [&'static str]| {
        let says = ["nohup: failed to open 'nohup.out': Is a directory\n", words[1]].concat();
        Case::new("nohup", ["true"])
            .environ(UTF8)
            .env(words[0])
            .directory("nohup.out")
            .streams(Stream::Null, Stream::Terminal, Stream::Pipe)
            .expect(exits(125).says(says))
    };
    cases.extend([
        home(&[
            "HOME=/no\nsuch",
            concat!(r"nohup: failed to open '/no'$'\n''such/nohup.out'", ": No such file or directory\n"),
        ]),
        home(&["HOME=/no'such", "nohup: failed to open \"/no'such/nohup.out\": No such file or directory\n"]),
    ]);
    cases
}
