//! Text that is not ours in what catena says: every applet gets a hostile word in every place that takes one, and neither a
//! terminal is commanded nor a second line forged.

mod support;

use catena::applet::Applet;
use catena::{applets, documents};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Begins a line, clears a screen in three encodings, turns the direction of writing, begins a line in Unicode's way.
const HOSTILE: &[u8] = b"a\nforged: b\x1b[2J\xc2\x9b31m\x9b2J\xe2\x80\xae\xe2\x80\xa8\tz";

/// The same as it may be shown.
const SHOWN: &str = "a?forged: b?[2J?31m?2J???z";

/// The same in the words of GNU (coreutils 9.1 in the locale C).
const QUOTED: &str = r"'a'$'\n''forged: b'$'\033''[2J'$'\302\233''31m'$'\233''2J'$'\342\200\256\342\200\250\t''z'";

/// A call and what it has written to standard output and error.
struct Said {
    call: String,
    output: Vec<u8>,
    error: Vec<u8>,
}

fn call(directory: &Path, program: &Path, words: &[OsString], environment: &[(&str, &[u8])]) -> Said {
    let mut command = Command::new(program);
    command.args(words).current_dir(directory).stdin(Stdio::null()).env("HOME", directory).process_group(0);
    command.envs(environment.iter().map(|&(name, value)| (name, OsStr::from_bytes(value))));
    let (mut output, writer) = std::io::pipe().unwrap();
    let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let (mut said, mut printed) = (Vec::new(), Vec::new());
    child.stderr.take().unwrap().read_to_end(&mut said).unwrap();
    output.read_to_end(&mut printed).unwrap();
    child.wait().unwrap();
    let words: Vec<_> = words.iter().map(|word| word.as_bytes().escape_ascii().to_string()).collect();
    Said {
        call: format!("{} {}", program.file_name().unwrap().display(), words.join(" ")),
        output: printed,
        error: said,
    }
}

/// Nothing but whole lines, each of a name and what it says, and of usage texts.
fn check(said: &Said) {
    let error = String::from_utf8_lossy(&said.error).into_owned();
    let all = [error.as_str(), &String::from_utf8_lossy(&said.output)].concat();
    assert!(!all.chars().any(|sign| sign != '\n' && catena::voice::foreign::is_unfit(sign)), "{}: {all:?}", said.call);
    assert!(!all.lines().any(|line| line.starts_with("forged")), "{}: {all:?}", said.call);
    let bytes = [said.error.as_slice(), &said.output].concat();
    let stray = bytes.utf8_chunks().flat_map(|chunk| chunk.invalid()).any(|byte| *byte < 0xa0);
    assert!(!stray, "{}: {}", said.call, bytes.escape_ascii());
    if error.is_empty() {
        return;
    }
    // the usage is several lines, and ours word by word
    let usages = applets::ALL.iter().map(|applet| documents::usage(applet));
    let rest = usages.filter_map(|usage| error.strip_suffix(usage.as_str())).min_by_key(|rest| rest.len());
    let rest = rest.unwrap_or(&error);
    let begins = |line: &str| {
        line.split_once(": ").is_some_and(|(name, _)| name == "catena" || applets::find(name.as_bytes()).is_some())
    };
    assert!(rest.is_empty() || rest.ends_with('\n'), "{}: {error:?}", said.call);
    assert!(rest.lines().all(begins), "{}: {error:?}", said.call);
}

fn words(words: &[&[u8]]) -> Vec<OsString> {
    words.iter().map(|word| OsStr::from_bytes(word).to_owned()).collect()
}

/// What a call of the applet begins with to get as far as its program.
fn example(applet: &Applet) -> Vec<OsString> {
    let own: &[&str] = match applet.name {
        "setlock" | "pidfile-lock" => &["lock"],
        "setuidgid" => &["-q", ":65534:65534"],
        _ => applet.example,
    };
    own.iter().map(OsString::from).collect()
}

/// All calls of one applet with a hostile word in them.
fn calls(applet: &Applet) -> Vec<Vec<OsString>> {
    let hostile = OsStr::from_bytes(HOSTILE);
    let with = |before: &str| {
        let mut word = OsString::from(before);
        word.push(hostile);
        word
    };
    let example = example(applet);
    let mut calls = vec![
        vec![with("--")],
        vec![with("-")],
        vec![with("--help=")],
        vec![hostile.into()],
        vec![with("/nonexistent/")],
    ];
    for letter in [&b"\n"[..], b"\x1b", b"\x9b", b"\xc2"] {
        calls.push(words(&[&[b"-", letter].concat()]));
    }
    for option in catena::options::with_standard(applet.options) {
        if let Some(long) = option.long() {
            calls.push(vec![with(&format!("--{long}="))]);
        }
        let mut call = match (option.value, option.long(), option.short()) {
            (None, ..) => continue,
            (_, _, Some(letter)) => vec![format!("-{}", char::from(letter)).into()],
            (_, long, None) => vec![format!("--{}", long.unwrap()).into()],
        };
        call.push(hostile.into());
        calls.push(call.clone());
        call.extend(example.iter().cloned());
        call.push("true".into());
        calls.push(call);
    }
    for place in 0..example.len() {
        let mut call = example.clone();
        call[place] = with("/nonexistent/");
        call.push("true".into());
        calls.push(call.clone());
        call[place] = hostile.into();
        calls.push(call);
    }
    for program in [hostile.to_owned(), with("/nonexistent/"), with("./")] {
        calls.push([example.clone(), vec![program]].concat());
    }
    if !applet.is_link() {
        // the second one, behind one that is there
        calls.push(vec![".".into(), hostile.into()]);
        calls.push(vec!["up".into(), hostile.into()]);
        calls.push(vec!["t".into(), with("./"), with("s9=")]);
    }
    calls
}

#[test]
fn every_applet_keeps_a_hostile_word_in_its_line() {
    let installed = support::Installed::new();
    let outer = support::world_readable_directory();
    // where services are sought, there is one of that name, and it is none
    for applet in applets::ALL {
        let directory = outer.path().join(applet.name);
        std::fs::create_dir(&directory).unwrap();
        let mut count = 0;
        for words in calls(applet) {
            // these two do not come to an end where nothing keeps them from their work
            let is_endless = matches!(applet.name, "svscan" | "supervise" | "svscanboot") && words[0] == ".";
            if is_endless {
                continue;
            }
            let said = call(&directory, &installed.applet(applet.name), &words, &[]);
            check(&said);
            let text = String::from_utf8_lossy(&said.error).into_owned();
            count += usize::from(text.contains(SHOWN) || text.contains(QUOTED));
        }
        // its words are a heading to this one, which says nothing
        let least = if applet.name == "readproctitle" { 0 } else { 1 };
        assert!(count >= least, "{} says no word of all", applet.name);
    }
}

#[test]
fn catena_keeps_a_hostile_word_in_its_line() {
    let directory = support::world_readable_directory();
    let file = OsStr::from_bytes(HOSTILE);
    std::fs::create_dir(directory.path().join(file)).unwrap();
    std::fs::write(directory.path().join(file).join("nohup"), "").unwrap();
    for (words, expected) in [
        (words(&[HOSTILE]), format!("catena: fatal: unknown applet {SHOWN}; catena --list names them all\n")),
        (words(&[b"help", HOSTILE]), format!("catena: fatal: unknown applet {SHOWN}; catena --list names them all\n")),
        (words(&[&[b"--", HOSTILE].concat()]), format!("catena: fatal: unknown option --{SHOWN}; see catena --help\n")),
        (words(&[b"-\x9b"]), "catena: fatal: unknown option -?; see catena --help\n".to_owned()),
        (words(&[b"--list", HOSTILE]), format!("catena: fatal: unexpected operand {SHOWN}; see catena --help\n")),
        (
            words(&[b"--install", HOSTILE]),
            format!("catena: fatal: unable to link {SHOWN}/nohup: file already exists\n"),
        ),
        (
            words(&[b"--install", &[b"no", HOSTILE].concat()]),
            format!("catena: fatal: unable to link into no{SHOWN}: file does not exist\n"),
        ),
    ] {
        let said = call(directory.path(), support::catena(), &words, &[]);
        assert_eq!(String::from_utf8_lossy(&said.error), expected, "{}", said.call);
    }
    let link = directory.path().join(OsStr::from_bytes(&[b"no\n", HOSTILE].concat()));
    std::os::unix::fs::symlink(support::catena(), &link).unwrap();
    let said = call(directory.path(), &link, &[], &[]);
    let expected = format!("catena: fatal: unknown applet no?{SHOWN}; catena --list names them all\n");
    assert_eq!(String::from_utf8_lossy(&said.error), expected);
}

/// Ordinary names are what they were, byte for byte.
#[test]
fn what_can_be_printed_passes_as_it_is() {
    let installed = support::Installed::new();
    let directory = support::world_readable_directory();
    for name in ["/b\u{e4}r \u{4e2d} \u{1f600}".as_bytes(), b"/b\xe4r \xa0\xff", b"/a '\"\\?"] {
        let said = call(directory.path(), &installed.applet("envdir"), &words(&[name, b"true"]), &[]);
        let expected = [b"envdir: fatal: unable to switch to directory ", name, b": file does not exist\n"].concat();
        assert_eq!(said.error.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }
}

/// What a later link says goes through a pipe to the one who started it, and is said there.
#[test]
fn a_message_that_is_said_again_is_one_line() {
    let installed = support::Installed::new();
    let directory = support::world_readable_directory();
    let elsewhere = directory.path().join("log");
    for fuse in ["1", "0"] {
        for (chain, expected) in [
            (
                words(&[b"envdir", HOSTILE, b"true"]),
                format!("envdir: fatal: unable to switch to directory {SHOWN}: file does not exist\n"),
            ),
            (
                words(&[b"softlimit", &[b"--", HOSTILE].concat(), b"true"]),
                format!(
                    "softlimit: illegal option -- {SHOWN}\n{}",
                    documents::usage(applets::find(b"softlimit").unwrap())
                ),
            ),
            (
                words(&[b"nohup", &[b"--", HOSTILE].concat(), b"true"]),
                format!("nohup: unrecognized option '--{SHOWN}'\nTry 'nohup --help' for more information.\n"),
            ),
            (words(&[HOSTILE]), format!("daemonize: Can't exec \"{SHOWN}\": No such file or directory\n")),
        ] {
            let bin = installed.path();
            let mut words = words(&[b"-e"]);
            words.push(elsewhere.clone().into());
            let mut chain = chain;
            if chain.len() > 1 {
                chain[0] = bin.join(&chain[0]).into();
            }
            words.extend(chain);
            let said =
                call(directory.path(), &installed.applet("daemonize"), &words, &[("CATENA_FUSE", fuse.as_bytes())]);
            assert_eq!(String::from_utf8_lossy(&said.error), expected, "{} {fuse}", said.call);
        }
    }
}
