//! `svstat --table`: columns, in which no name can do harm.

use crate::ground::Ground;
use crate::run::Ended;
use crate::status::{FAILED, RUNNING, STARTED, STARTING, STOPPING, Status, now};
use crate::support::waiting::look_until;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The cells of a table, which are at least two spaces apart; by where the headings begin.
#[track_caller]
fn cells(table: &str) -> Vec<Vec<String>> {
    let heading = table.lines().next().unwrap();
    let names = ["NAME", "STATE", "PID", "TIME", "RESTARTS", "LAST", "NOTES"];
    assert_eq!(heading.split_whitespace().collect::<Vec<_>>(), names);
    let mut places: Vec<usize> = names.iter().map(|name| heading.find(name).unwrap()).collect();
    places.push(usize::MAX);
    let row = |line: &str| -> Vec<String> {
        let signs: Vec<char> = line.chars().collect();
        let cell = |place: &[usize]| {
            let [begin, end] = [place[0], place[1]].map(|place| place.min(signs.len()));
            let is_apart = begin == 0 || begin == signs.len() || signs[begin - 2..begin] == [' ', ' '];
            assert!(is_apart, "{table}");
            signs[begin..end].iter().collect::<String>().trim_end().to_owned()
        };
        places.windows(2).map(cell).collect()
    };
    table.lines().skip(1).map(row).collect()
}

#[track_caller]
fn rows(ground: &Ground, call: &str) -> Vec<Vec<String>> {
    let ended = ground.say(call);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{call}");
    assert!(ended.stdout.lines().all(|line| line.trim_end() == line), "spaces at the end: {ended:?}");
    cells(&ended.stdout)
}

#[test]
fn a_row_says_how_a_service_is() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (status, info, down, expected) in [
        (Status::up(7), "restarts=0\n", false, ["running", "7", "0s", "0", "-", ""]),
        (Status::up(7), "restarts=12\nlast_exit=1\nready=1\n", false, ["running", "7", "0s", "12", "exit 1", "ready"]),
        (
            Status::up(7),
            "restarts=1\nlast_signal=9\nready=0\n",
            true,
            ["running", "7", "0s", "1", "SIGKILL", "not ready, normally down"],
        ),
        (Status::up(7).paused(), "restarts=1\nlast_signal=64\n", false, ["paused", "7", "0s", "1", "signal 64", ""]),
        (Status::with_phase(7, b'd', STOPPING), "", false, ["stopping", "7", "0s", "0", "-", "want down"]),
        (Status::with_phase(7, 0, RUNNING), "", false, ["running", "7", "0s", "0", "-", "once"]),
        (Status::with_phase(7, b'u', STARTING), "", false, ["starting", "7", "0s", "0", "-", ""]),
        (Status::with_phase(0, b'u', STARTED), "", false, ["started", "-", "0s", "0", "-", ""]),
        (Status::down(), "", false, ["stopped", "-", "0s", "0", "-", "normally up"]),
        (Status::down(), "", true, ["stopped", "-", "0s", "0", "-", ""]),
        (Status::with_phase(0, b'd', FAILED), "last_exit=100\n", true, ["failed", "-", "0s", "0", "exit 100", ""]),
        (
            Status::with_phase(0, b'u', 0),
            "restarts=5\nlast_exit=1\nbackoff_ms=4000\n",
            false,
            ["stopped", "-", "0s", "5", "exit 1", "normally up, want up, waits 4 s between starts"],
        ),
    ] {
        service.status(&status).info(status.pid, info);
        let _ = std::fs::remove_file(service.file("down"));
        if down {
            service.put("down", "");
        }
        assert_eq!(rows(&ground, "svstat --table web"), [[&["web"][..], &expected].concat()], "{status:?}");
    }
}

#[test]
fn what_nobody_tells_is_a_hyphen() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (status, expected) in [
        (Status::classic(7, b'u'), ["up", "7", "0s", "-", "-", ""]),
        (Status::classic(7, b'u').paused(), ["paused", "7", "0s", "-", "-", ""]),
        (Status::classic(0, b'u'), ["down", "-", "0s", "-", "-", "normally up, want up"]),
        (Status::classic(7, b'd').ending(&[1, 1]), ["up", "7", "0s", "-", "-", "want down, got TERM"]),
    ] {
        service.status(&status);
        assert_eq!(rows(&ground, "svstat --table web"), [[&["web"][..], &expected].concat()], "{status:?}");
    }
    ground.service("idle").prepare();
    let wrong = |name, state, why| [name, state, "-", "-", "-", "-", why].map(str::to_owned).to_vec();
    assert_eq!(
        rows(&ground, "svstat --table idle nosuch"),
        [
            wrong("idle", "unsupervised", "supervise not running"),
            wrong("nosuch", "unknown", "unable to chdir: file does not exist"),
        ]
    );
    assert_eq!(rows(&ground, "svstat --table"), Vec::<Vec<String>>::new());
}

#[test]
fn times_are_in_their_two_largest_units() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (age, shown) in [(10, "10s"), (61, "1m01s"), (3661, "1h01m"), (100_000, "1d03h")] {
        look_until("the second is the same", || {
            let since = now() - age;
            service.status(&Status::up(7).since(since, 0));
            let time = rows(&ground, "svstat --table web")[0][3].clone();
            // unless the machine was slow
            if now() == since + age {
                assert_eq!(time, shown);
            }
            now() == since + age
        });
    }
}

#[test]
fn columns_are_aligned_and_names_harmless() {
    let ground = Ground::new();
    let names: [&[u8]; 4] = [b"a", b"a-longer-name", "zoë".as_bytes(), b"bad\x1b[2J\nname\xff"];
    let names = names.map(OsStr::from_bytes);
    let _services = names.map(|name| ground.service(name).supervised(&Status::up(70_000)));
    let words = [&[OsStr::new("--table")][..], &names].concat();
    let output = ground.call(&ground.ours("svstat"), &words).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.chars().all(|sign| sign == '\n' || !sign.is_control()), "{table:?}");
    let found: Vec<String> = cells(&table).into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(found, ["a", "a-longer-name", "zoë", "bad?[2J?name\u{fffd}"]);
    assert!(cells(&table).iter().all(|row| row[1..3] == ["running", "70000"]), "{table}");
}

#[test]
fn logs_have_rows_of_their_own() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let names = |call: &str| -> Vec<(String, String)> {
        rows(&ground, call).into_iter().map(|row| (row[0].clone(), row[2].clone())).collect()
    };
    let pair = |name: &str, pid: &str| (name.to_owned(), pid.to_owned());
    assert_eq!(names("svstat --table -L web"), [pair("web/log", "-")]);
    service.replace("status", Status::up(7).with_log(&Status::up(8)));
    assert_eq!(names("svstat --table web"), [pair("web", "7"), pair("web/log", "8")]);
    assert_eq!(names("svstat --table -l web"), [pair("web", "7")]);
    assert_eq!(names("svstat --table -L web"), [pair("web/log", "8")]);
    // the last one counts
    assert_eq!(ground.say("svstat --json --table -l web").stdout, ground.say("svstat --table -l web").stdout);
    assert!(ground.say("svstat --table --json web").stdout.starts_with('{'));
    assert_eq!(ground.say("svstat --table nosuch").code, Ended::silent(0).code);
}
