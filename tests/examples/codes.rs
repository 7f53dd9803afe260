//! The exit codes that the README's table has beyond those that every applet has: each of them comes.

use crate::blocks::readme;
use crate::place::{Place, until};
use crate::support::{self, Installed};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An applet, one of its codes as the table has it, a line that is typed, and what that exits with. Of the services in the
/// directory `up` runs, `off` does not, `failed` has failed for good, and `deaf` heeds no TERM; nobody supervises `alone`.
const CASES: &[(&str, &str, &str, i32)] = &[
    ("setsid", "128+N", "setsid --fork --wait sh -c 'kill -KILL $$'", 128 + 9),
    ("setsid", "128+N", "setsid --fork --wait sh -c 'kill -TERM $$'", 128 + 15),
    ("setsid", "N", "setsid --fork --wait sh -c 'exit 9'", 9),
    ("setsid", "N", "setsid sh -c 'exit 9'", 9),
    ("daemonize", "75", "pidfile-lock pid sh -c 'daemonize -p pid true; exit $?'", 75),
    ("daemonize", "N", "daemonize envdir no-such-directory true", 111),
    ("daemonize", "N", "daemonize setsid no-such-program", 127),
    ("pidfile-lock", "75", "pidfile-lock pid sh -c 'pidfile-lock pid true; exit $?'", 75),
    ("fghack", "N", "fghack sh -c 'exit 7'", 7),
    ("svstat", "1", "svstat -q up off", 1),
    ("svstat", "2", "svstat -q up alone", 2),
    ("svstat", "3", "svstat -q up failed", 3),
    ("svc", "N", "svc --wait=up,0 off", 99),
    ("svc", "N", "svc --wait=up failed", 1),
    ("svwait", "1", "svwait failed", 1),
    ("svwait", "99", "svwait -t 0 off", 99),
    // it sleeps only when it has a watch on the directory, and has looked
    (
        "svwait",
        "102",
        "svwait off & until grep -qs ^inotify /proc/$!/fdinfo/* && grep -q '^State:.S' /proc/$!/status; do :; done; svc -x off; wait $!",
        102,
    ),
    ("svc", "99", "svc --remove=0 deaf", 99),
];

/// The applets of the README's table, with each code behind the first ones.
fn of_the_table() -> BTreeSet<(String, String)> {
    let readme = readme();
    let rows = readme.lines().skip_while(|line| !line.starts_with("| applet |")).skip(2);
    rows.take_while(|row| row.starts_with('|'))
        .flat_map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let name = cells[1].trim_matches('`').to_owned();
            cells[4].split(", ").skip(1).map(move |code| (name.clone(), code.to_owned())).collect::<Vec<_>>()
        })
        .collect()
}

/// A line of a shell in a directory, with the names of catena first in PATH. It does not take a minute.
fn shell(installed: &Installed, directory: &Path, line: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", "sh", "-c", line]).current_dir(directory).stdin(Stdio::null());
    command.env("PATH", format!("{}:/usr/bin:/bin", installed.path().display()));
    command
}

/// A supervise for each of these services.
fn supervised(installed: &Installed, directory: &Path, services: &[(&str, &str)]) -> Vec<Child> {
    let start = |(name, run): &(&str, &str)| {
        fs::create_dir(directory.join(name)).unwrap();
        support::write_script(&directory.join(name).join("run"), format!("#!/bin/sh\n{run}\n"));
        if *name == "off" {
            fs::write(directory.join("off/down"), "").unwrap();
        }
        let mut command = Command::new(installed.applet("supervise"));
        command.arg(name).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    services.iter().map(start).collect()
}

#[test]
fn the_exit_codes_of_the_readme_come() {
    let known = CASES.iter().map(|&(applet, code, ..)| (applet.to_owned(), code.to_owned())).collect();
    assert_eq!(of_the_table(), known);

    let installed = Installed::new();
    let place = Place::new();
    nix::unistd::mkfifo(&place.path().join("go"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    const STAYS: &str = "read -r line <>../go";
    let deaf = format!("trap '' TERM; >deaf; {STAYS}");
    let services = [("up", STAYS), ("off", STAYS), ("failed", "exit 100"), ("deaf", &deaf)];
    let mut running = supervised(&installed, place.path(), &services);
    fs::create_dir(place.path().join("alone")).unwrap();
    for (name, code) in [("up", 0), ("off", 1), ("failed", 3), ("deaf", 0)] {
        let look = || shell(&installed, place.path(), &format!("svstat -q {name}")).status().unwrap().code();
        until(name, || look() == Some(code));
    }
    until("a deaf one", || place.path().join("deaf/deaf").exists());

    for &(_, _, line, code) in CASES {
        let output = shell(&installed, place.path(), line).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    }
    drop(place);
    for supervise in &mut running {
        supervise.wait().unwrap();
    }
}
