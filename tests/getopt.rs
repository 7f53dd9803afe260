//! The option grammar, against the C library's getopt_long(3) as oracle: random tables, random words.
#![allow(unsafe_code)]
#![cfg(target_env = "gnu")]

mod support;

use catena::options::{self, Misuse, Opt};
use catena::sys::words::{Word, Words};
use proptest::prelude::*;
use std::ffi::{CString, c_char, c_int};
use std::sync::Mutex;

/// struct option of getopt.h.
#[repr(C)]
struct LongOption {
    name: *const c_char,
    has_arg: c_int,
    flag: *mut c_int,
    val: c_int,
}

unsafe extern "C" {
    fn getopt_long(
        argc: c_int,
        argv: *const *mut c_char,
        short: *const c_char,
        long: *const LongOption,
        index: *mut c_int,
    ) -> c_int;
    static mut optind: c_int;
    static mut opterr: c_int;
    static mut optarg: *mut c_char;
    static mut optopt: c_int;
}

/// getopt keeps its state in globals.
static TURN: Mutex<()> = Mutex::new(());

/// What either parser makes of a command line: the options in order, and how many words are left; or what is wrong.
#[derive(Debug, PartialEq)]
enum Reading {
    Options(Vec<(String, Option<Vec<u8>>)>, usize),
    Wrong(&'static str, String),
}

fn ours(table: &'static [Opt], words: &[Vec<u8>]) -> Reading {
    let args = Words::leak(words.iter().map(|word| Word::leak(word.clone())));
    match options::parse(table, args, true) {
        Ok(given) => Reading::Options(
            given
                .in_order()
                .map(|one| (one.name().to_owned(), one.value().map(|value| value.bytes().to_vec())))
                .collect(),
            given.operands().len(),
        ),
        Err(Misuse::UnknownLetter(letter)) => Reading::Wrong("unknown", char::from(letter).to_string()),
        Err(Misuse::LetterWithoutValue(letter)) => Reading::Wrong("no value", char::from(letter).to_string()),
        Err(Misuse::UnknownName(_) | Misuse::Ambiguous(..)) => Reading::Wrong("unknown", String::new()),
        Err(Misuse::NameWithoutValue(_)) => Reading::Wrong("no value", String::new()),
        Err(Misuse::UnwantedValue(_)) => Reading::Wrong("unwanted value", String::new()),
    }
}

fn the_c_librarys(table: &'static [Opt], words: &[Vec<u8>]) -> Reading {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let all: Vec<&Opt> = options::with_standard(table).collect();
    // + stops at the first operand, : tells a missing value from an unknown option
    let mut letters = String::from("+:");
    for option in all.iter().filter(|option| option.short().is_some()) {
        letters.push(char::from(option.short().unwrap()));
        letters.push_str(if option.value.is_some() { ":" } else { "" });
    }
    let letters = CString::new(letters).unwrap();
    let names: Vec<(CString, usize)> = all
        .iter()
        .enumerate()
        .filter_map(|(place, option)| Some((CString::new(option.long()?).unwrap(), place)))
        .collect();
    const FIRST: c_int = 1000;
    let long: Vec<LongOption> = names
        .iter()
        .map(|(name, place)| LongOption {
            name: name.as_ptr(),
            has_arg: c_int::from(all[*place].value.is_some()) + c_int::from(all[*place].is_optional),
            flag: std::ptr::null_mut(),
            val: FIRST + c_int::try_from(*place).unwrap(),
        })
        .chain([LongOption { name: std::ptr::null(), has_arg: 0, flag: std::ptr::null_mut(), val: 0 }])
        .collect();
    let argv: Vec<CString> =
        [b"name".to_vec()].iter().chain(words).map(|word| CString::new(word.clone()).unwrap()).collect();
    let pointers: Vec<*mut c_char> =
        argv.iter().map(|word| word.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect();
    let argc = c_int::try_from(argv.len()).unwrap();

    let mut options = Vec::new();
    // SAFETY: a NULL-terminated argv, a NUL-terminated option string, a table ended by a zero entry; one thread at a
    // time; optarg points into argv.
    unsafe {
        optind = 0;
        opterr = 0;
        loop {
            let found = getopt_long(argc, pointers.as_ptr(), letters.as_ptr(), long.as_ptr(), std::ptr::null_mut());
            // a char, which may be signed
            let letter = Some(optopt.to_le_bytes()[0]).filter(|&letter| letter != 0 && optopt < FIRST);
            let letter = letter.map_or(String::new(), |letter| char::from(letter).to_string());
            let option = match found {
                -1 => break,
                // for a long option optopt is its value in the table, or 0 if there is none such
                63 if optopt >= FIRST => return Reading::Wrong("unwanted value", String::new()),
                63 => return Reading::Wrong("unknown", letter),
                58 if optopt >= FIRST => return Reading::Wrong("no value", String::new()),
                58 => return Reading::Wrong("no value", letter),
                found if found >= FIRST => all[usize::try_from(found - FIRST).unwrap()],
                found => all
                    .iter()
                    .find(|option| option.short().map(c_int::from) == Some(found))
                    .expect("a letter of the table"),
            };
            let value = option.value.filter(|_| !optarg.is_null());
            let value = value.map(|_| std::ffi::CStr::from_ptr(optarg).to_bytes().to_vec());
            options.push((option.id.to_owned(), value));
            if matches!(option.id, "help" | "version") {
                // ours stops here; what is left is compared no further
                return Reading::Options(options, usize::MAX);
            }
        }
        Reading::Options(options, usize::try_from(argc - optind).unwrap())
    }
}

/// A table from a pool in which one long name is the beginning of another and two begin alike.
fn table() -> impl Strategy<Value = &'static [Opt]> {
    let pool = vec![
        Opt::flag("n", "n"),
        Opt::flag("N", "N"),
        Opt::valued("m", "M", "m"),
        Opt::valued("a", "A", "a"),
        Opt::flag("fork", "fork").or(b'f'),
        Opt::flag("wait", "wait"),
        Opt::flag("for", "for"),
        Opt::valued("nofile", "N", "nofile"),
        Opt::valued("nproc", "N", "nproc").or(b'p'),
        Opt::optional("close", "FROM", "close"),
        Opt::flag("help", "help").or(b'h'),
    ];
    let size = pool.len();
    proptest::sample::subsequence(pool, 0..=size).prop_map(|table| &*Vec::leak(table))
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "-",
        "--",
        "",
        "-n",
        "-nN",
        "-m",
        "-m5",
        "-m=",
        "-nm",
        "-nmN",
        "-a=",
        "-a",
        "-f",
        "-fnm",
        "-h",
        "-z",
        "-nz",
        "--fork",
        "--fo",
        "--for",
        "--f",
        "--wait",
        "--w=1",
        "--nofile",
        "--nofile=",
        "--nofile=1=2",
        "--no",
        "--n",
        "--nproc",
        "--np=3",
        "--close",
        "--close=",
        "--clo=9",
        "--help",
        "--hel",
        "--version",
        "--=",
        "--=x",
        "--nosuch",
        "---",
        "prog",
        "-n-",
        "--fork=",
    ];
    prop_oneof![
        8 => proptest::sample::select(known.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(proptest::sample::select(b"-nNmafpwz=:?+ \xff\xc3W;".to_vec()), 0..5),
    ]
}

/// `-W`, `-:` and `-?` mean something of their own to getopt(3); no table of ours has them, and no user types them.
fn is_common_ground(words: &[Vec<u8>]) -> bool {
    !words.iter().any(|word| {
        word.starts_with(b"-") && !word.starts_with(b"--") && word[1..].iter().any(|byte| b":?;W".contains(byte))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_every_command_line_as_getopt_does(table in table(), words in proptest::collection::vec(word(), 0..6)) {
        prop_assume!(is_common_ground(&words));
        let expected = the_c_librarys(table, &words);
        let mut found = ours(table, &words);
        if let (Reading::Options(_, left), Reading::Options(_, usize::MAX)) = (&mut found, &expected) {
            *left = usize::MAX;
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn without_abbreviations_a_long_name_is_whole() {
    static TABLE: [Opt; 1] = [Opt::flag("fcntl", "fcntl")];
    let args = Words::leak([Word::constant(c"--fcn"), Word::constant(c"x")]);
    assert_eq!(options::parse(&TABLE, args, false).unwrap_err(), Misuse::UnknownName(b"fcn"));
    assert!(options::parse(&TABLE, args, true).unwrap().in_order().any(|one| one.name() == "fcntl"));
}

/// An option that is in a table and that nobody asks for does nothing.
#[cfg(debug_assertions)]
#[test]
fn every_option_of_a_table_is_read() {
    for applet in catena::applets::ALL {
        for option in applet.options {
            let dashes = if option.short().is_some() && option.long().is_none() { "-" } else { "--" };
            // whether the value makes sense is another matter
            let value = option.value.map(|_| "1");
            let name = match value.filter(|_| option.is_optional) {
                Some(value) => format!("{dashes}{}={value}", option.id),
                None => format!("{dashes}{}", option.id),
            };
            let value = value.filter(|_| !option.is_optional);
            let operands = applet.operands.iter().map(|_| "x").chain(["program"]);
            let words = [name.as_str()].into_iter().chain(value).chain(operands);
            let words = Words::leak(words.map(|word| Word::leak(word.as_bytes().to_vec())));
            let given = options::parse(applet.options, words, false).unwrap();
            use catena::applet::Role;
            match applet.role {
                Role::Link(read) => drop(read(&given)),
                Role::Tap(read) => drop(read(&given)),
                Role::Tool(_, read) => drop(read(&given)),
            }
            let is_answer = ["help", "version"].contains(&option.id);
            assert!(
                is_answer || given.was_asked_for(option.id),
                "{} has the option {name} in its table, and its reading never asks for it",
                applet.name
            );
        }
    }
}
