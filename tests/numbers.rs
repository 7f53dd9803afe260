//! Options that take a number, of all applets: what is none is wrong usage, and nothing is run. An option belongs here by
//! what its value is called, so that a new one is covered by that, or found to be called by no known name.
#![allow(clippy::unwrap_used, reason = "what starts the programs is part of the tests")]

#[path = "support/mod.rs"]
mod support;

use catena::applet::{Applet, Role};
use catena::applets;
use catena::options::Opt;
use std::process::{Command, Stdio};
use support::{Installed, world_readable_directory};

/// How a value is called that is a number or has one in it, what stands before the number, a good one, and whether one of
/// more than 64 bits is a large number, and not a wrong one.
const NUMBERS: &[(&str, &str, &str, bool)] = &[
    ("SECONDS", "", "5.25", true),
    ("STATE", "down,", "0.5", true),
    ("MS", "", "5", true),
    ("FD", "", "77", false),
    ("FROM", "", "77", false),
    ("WHEN", "fd=", "77", false),
    ("CODE", "", "77", false),
    ("MODE", "", "0640", false),
    ("DIGITS", "", "5", false),
    ("LIMIT", "", "1000000000", true),
    ("LIMITS", "", "1000000000", true),
];

/// How values are called that have no number in them.
const OTHERS: &[&str] =
    &["ACCOUNT", "ACTION", "DIR", "FILE", "FORMAT", "LOCKFILE", "NAME=VALUE", "PREFIX", "WHO", "WHOM"];

/// What is no number, whatever is counted.
const WRONG: &[&str] = &[
    "", " ", "x", "+", "+5", "-5", " 5", "5 ", "\t5", "5\n", "5x", "x5", "0x5", "1e1", "5,5", "5_0", "5.5.5", "5:",
    "\u{665}",
];

/// More than 64 bits.
const HUGE: &str = "18446744073709551621";

struct Ran {
    code: Option<i32>,
    stderr: String,
    has_gone_on: bool,
}

/// Calls the applet with this value for the option, and words enough behind it.
fn call(installed: &Installed, applet: &Applet, option: &Opt, value: &str) -> Ran {
    let ground = world_readable_directory();
    let mut command = Command::new(installed.applet(applet.name));
    match option.long() {
        Some(name) => command.arg(format!("--{name}={value}")),
        None => command.arg(format!("-{}", option.id)).arg(value),
    };
    // what ends at once, and what can be heard of to its end
    match applet.name {
        "svwait" => drop(command.arg("-d")),
        "daemonize" => drop(command.arg("--keep-stdio")),
        _ => {}
    }
    for (operand, _) in applet.operands {
        let word = if operand.contains("DIR") { "." } else { "file" };
        command.arg(word);
    }
    if is_link(applet) {
        command.args(["echo", "ran"]);
    }
    let output = command.current_dir(&ground).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ran { code: output.status.code(), stderr, has_gone_on: output.stdout == b"ran\n" }
}

fn is_link(applet: &Applet) -> bool {
    matches!(applet.role, Role::Link(_))
}

/// Whether it was not taken for wrong usage. daemonize has one code for all that goes wrong.
fn is_taken(applet: &Applet, ran: &Ran) -> bool {
    if is_link(applet) { ran.has_gone_on } else { ran.code != Some(applet.codes.usage.into()) }
}

/// Every option with a value, in all applets.
fn options() -> impl Iterator<Item = (&'static Applet, &'static Opt, &'static str)> {
    let valued =
        |applet: &'static Applet| applet.options.iter().filter_map(move |option| Some((applet, option, option.value?)));
    applets::ALL.iter().copied().flat_map(valued)
}

#[test]
fn values_are_called_by_known_names() {
    for (applet, option, name) in options() {
        let is_known = NUMBERS.iter().any(|(number, ..)| *number == name) || OTHERS.contains(&name);
        assert!(is_known, "{}, {}: is {name} a number?", applet.name, option.id);
    }
}

#[test]
fn what_is_no_number_is_wrong_usage() {
    let installed = Installed::new();
    let mut count = 0;
    for (applet, option, name) in options() {
        let Some((_, before, ..)) = NUMBERS.iter().find(|(number, ..)| *number == name) else { continue };
        count += 1;
        for wrong in WRONG {
            // softlimit has a meaning for one of them
            if name == "LIMITS" && *wrong == "5:" {
                continue;
            }
            let ran = call(&installed, applet, option, &format!("{before}{wrong}"));
            let context = format!("{}, {}, {wrong:?}: {}", applet.name, option.id, ran.stderr);
            assert_eq!(ran.code, Some(applet.codes.usage.into()), "{context}");
            assert!(!ran.has_gone_on && !ran.stderr.is_empty(), "{context}");
        }
    }
    assert!(count >= 35, "{count}");
}

#[test]
fn what_is_a_number_is_taken() {
    let installed = Installed::new();
    for (applet, option, name) in options() {
        let Some((_, before, good, is_large)) = NUMBERS.iter().find(|(number, ..)| *number == name) else { continue };
        let ran = call(&installed, applet, option, &format!("{before}{good}"));
        assert!(is_taken(applet, &ran), "{}, {}, {good}: {}", applet.name, option.id, ran.stderr);
        // to wait so long for echo to go on running fails at its end
        let ran = call(&installed, applet, option, &format!("{before}{HUGE}"));
        assert_eq!(is_taken(applet, &ran), *is_large, "{}, {}, {HUGE}: {}", applet.name, option.id, ran.stderr);
    }
}
