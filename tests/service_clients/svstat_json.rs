//! `svstat --json`: an object a line, with the same keys always.

use crate::ground::Ground;
use crate::json::{Value, parse};
use crate::service::Service;
use crate::status::{FAILED, RUNNING, STOPPED, STOPPING, Status, now};
use crate::support::random::Random;
use crate::support::waiting::look_until;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

/// The keys in the order of their names, but for `name`, `log` and `error`.
const KEYS: [&str; 16] = [
    "backoff_s",
    "last_exit",
    "last_signal",
    "left",
    "left_pid",
    "normally_up",
    "paused",
    "pid",
    "ready",
    "restarts",
    "seconds",
    "since",
    "state",
    "supervised",
    "up",
    "want",
];

/// The objects that a call prints.
#[track_caller]
fn objects(ground: &Ground, call: &str) -> Vec<Value> {
    let ended = ground.say(call);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{call}");
    assert!(ended.stdout.is_empty() || ended.stdout.ends_with('\n'));
    ended.stdout.lines().map(parse).collect()
}

#[track_caller]
fn object(ground: &Ground) -> Value {
    let mut all = objects(ground, "svstat --json web");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Asserts the values of these keys, as they are written.
#[track_caller]
fn assert_has(object: &Value, expected: &[(&str, &str)]) {
    for (key, value) in expected {
        assert_eq!(object.get(key).shown(), *value, "{key}");
    }
}

#[test]
fn all_keys_are_always_there() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    let _log = ground.service("web/log").supervised(&Status::up(8));
    ground.service("idle").prepare();
    let with = |more: &[&'static str]| {
        let mut keys = [&KEYS[..], more].concat();
        keys.sort_unstable();
        keys
    };
    let all = objects(&ground, "svstat --json web idle nosuch web/log");
    assert_eq!(all[0].keys(), with(&["name", "log"]));
    assert_eq!(all[0].get("log").keys(), with(&[]));
    for wrong in &all[1..3] {
        assert_eq!(wrong.keys(), with(&["name", "log", "error"]));
    }
    assert_eq!(all[3].get("log"), &Value::Null);
    for (object, name) in all.iter().zip(["web", "idle", "nosuch", "web/log"]) {
        assert_eq!(object.get("name"), &Value::Text(name.to_owned()));
    }
    assert_eq!(objects(&ground, "svstat --json"), []);
}

#[test]
fn what_the_status_says() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (status, has_down, expected) in [
        (Status::up(7), false, ["true", "true", "7", "false", "\"up\"", "true", "\"running\""]),
        (Status::up(u32::MAX).paused(), true, ["true", "true", "4294967295", "true", "\"up\"", "false", "\"running\""]),
        (
            Status::with_phase(7, b'd', STOPPING),
            false,
            ["true", "true", "7", "false", "\"down\"", "true", "\"stopping\""],
        ),
        (Status::with_phase(7, 0, RUNNING), false, ["true", "true", "7", "false", "\"once\"", "true", "\"running\""]),
        (
            Status::with_phase(0, b'd', FAILED),
            true,
            ["true", "false", "null", "false", "\"down\"", "false", "\"failed\""],
        ),
        (
            Status::with_phase(0, b'u', STOPPED),
            false,
            ["true", "false", "null", "false", "\"up\"", "true", "\"stopped\""],
        ),
        // there it is up without a process
        (Status::with_phase(0, b'u', 2), false, ["true", "true", "null", "false", "\"up\"", "true", "\"started\""]),
        (Status::classic(7, b'u'), false, ["true", "true", "7", "false", "\"up\"", "true", "null"]),
        (Status::classic(0, b'd'), true, ["true", "false", "null", "false", "\"down\"", "false", "null"]),
        (Status::classic(7, b'u').ending(&[1, 1]), false, ["true", "true", "7", "false", "\"up\"", "true", "null"]),
    ] {
        let _ = fs::remove_file(service.file("down"));
        if has_down {
            service.put("down", "");
        }
        service.status(&status);
        let object = object(&ground);
        let keys = ["supervised", "up", "pid", "paused", "want", "normally_up", "state"];
        let pairs: Vec<(&str, &str)> = keys.into_iter().zip(expected).collect();
        assert_has(&object, &pairs);
        // there is no info
        assert_has(&object, &["ready", "restarts", "last_exit", "last_signal", "backoff_s"].map(|key| (key, "null")));
    }
}

/// By the system's own `date`.
#[test]
fn times_are_those_of_the_status() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (seconds, nanoseconds, decimals) in
        [(0, 0, "000000000"), (1_000_000_000, 1, "000000001"), (951_782_399, 999_999_999, "999999999")]
    {
        service.status(&Status::up(7).since(seconds, nanoseconds));
        let date =
            Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%S"]).output().unwrap();
        let date = String::from_utf8(date.stdout).unwrap();
        let before = now();
        let object = object(&ground);
        assert_eq!(object.get("since"), &Value::Text(format!("{}.{decimals}Z", date.trim_end())));
        let Value::Number(counted) = object.get("seconds") else { panic!("{object:?}") };
        assert!((before - seconds..=now() - seconds).contains(&counted.parse().unwrap()), "{counted}");
    }
    // what has no date
    let mut bytes = Status::up(7).bytes();
    bytes[0] = 0x7f;
    service.replace("status", bytes);
    assert_has(&object(&ground), &[("since", "null"), ("seconds", "0"), ("pid", "7")]);
}

fn with_info(service: &Service, pid: u32, lines: &str) {
    service.info(pid, lines);
}

#[test]
fn what_only_a_supervise_of_ours_tells() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    for (lines, expected) in [
        ("restarts=0\n", ["null", "0", "null", "null", "0"]),
        ("restarts=3\nlast_exit=0\nready=0\n", ["false", "3", "0", "null", "0"]),
        (
            "restarts=18446744073709551615\nlast_exit=255\nready=1\nready_at=5\n",
            ["true", "18446744073709551615", "255", "null", "0"],
        ),
        ("restarts=4\nlast_signal=9\nbackoff_ms=4000\n", ["null", "4", "null", "9", "4"]),
        ("restarts=4\nlast_signal=64\nbackoff_ms=1500\ncolour=blue\n", ["null", "4", "null", "64", "1.5"]),
        ("restarts=4\nbackoff_ms=250\nlast_exit=1\n", ["null", "4", "1", "null", "0.25"]),
    ] {
        with_info(&service, 7, lines);
        let keys = ["ready", "restarts", "last_exit", "last_signal", "backoff_s"];
        let pairs: Vec<(&str, &str)> = keys.into_iter().zip(expected).collect();
        assert_has(&object(&ground), &pairs);
    }
    // of another process
    with_info(&service, 8, "restarts=3\nlast_exit=0\nready=1\n");
    let nothing = ["ready", "restarts", "last_exit", "last_signal", "backoff_s"].map(|key| (key, "null"));
    assert_has(&object(&ground), &nothing);
    for text in [
        "version=2\npid=7\nrestarts=3\n",
        "pid=7\nrestarts=3\n",
        "version=1\npid=seven\nrestarts=3\n",
        "",
        "\0\0\0\n=\n",
    ] {
        service.replace("info", text);
        assert_has(&object(&ground), &nothing);
    }
    // down, it speaks of no process
    service.status(&Status::down());
    with_info(&service, 0, "restarts=3\nlast_signal=15\n");
    assert_has(&object(&ground), &[("restarts", "3"), ("last_signal", "15"), ("pid", "null"), ("up", "false")]);
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_the_line() {
    let ground = Ground::new();
    ground.service("idle").prepare();
    ground.service("without");
    fs::write(ground.service("file").file("supervise"), "").unwrap();
    let short = ground.service("short");
    short.begin().replace("status", "short");
    let s6 = ground.service("s6");
    s6.begin().replace("status", [0; 35]);
    for (name, supervised) in [
        ("idle", "false"),
        ("without", "false"),
        ("s6", "false"),
        ("file", "null"),
        ("short", "null"),
        ("nosuch", "null"),
    ] {
        let line = ground.say(&format!("svstat {name}")).stdout;
        let object = objects(&ground, &format!("svstat --json {name}")).remove(0);
        assert_eq!(
            format!(
                "{name}: {}\n",
                match object.get("error") {
                    Value::Text(text) => text,
                    other => panic!("{other:?}"),
                }
            ),
            line
        );
        assert_has(&object, &[("supervised", supervised), ("log", "null")]);
        for key in KEYS.into_iter().filter(|key| *key != "supervised") {
            assert_eq!(object.get(key), &Value::Null, "{name} {key}");
        }
    }
}

#[test]
fn a_log_is_an_object_in_its_service() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    service.replace("status", Status::up(7).with_log(&Status::with_phase(8, b'd', STOPPING)));
    assert_has(
        object(&ground).get("log"),
        &[("pid", "8"), ("want", "\"down\""), ("state", "\"stopping\""), ("supervised", "true")],
    );
    let alone = objects(&ground, "svstat --json -l web").remove(0);
    assert_has(&alone, &[("pid", "7"), ("log", "null")]);
    let log = objects(&ground, "svstat --json -L web").remove(0);
    assert_has(&log, &[("name", "\"web/log\""), ("pid", "8")]);
    assert!(!log.keys().contains(&"log"));

    service.status(&Status::up(7));
    let log = ground.service("web/log");
    log.prepare();
    assert_has(object(&ground).get("log"), &[("supervised", "false"), ("error", "\"supervise not running\"")]);
    let log = log.supervised(&Status::up(9));
    log.info(9, "restarts=2\n");
    assert_has(object(&ground).get("log"), &[("pid", "9"), ("restarts", "2")]);
    drop(log);
    fs::remove_dir_all(ground.at("web/log")).unwrap();
    let log = objects(&ground, "svstat --json -L web").remove(0);
    assert_has(&log, &[("supervised", "false"), ("error", "\"no log service\"")]);
}

#[test]
fn any_name_makes_valid_json() {
    let ground = Ground::new();
    for (name, shown) in [
        (&b"with \"quotes\" and \\"[..], "with \"quotes\" and \\"),
        (b"two\nlines\tand\x1b[2J", "two\nlines\tand\u{1b}[2J"),
        (b"\x7f\x01", "\u{7f}\u{1}"),
        ("zoë 😀 \u{9b}".as_bytes(), "zoë 😀 \u{9b}"),
        (b"latin \xeb", "latin \u{fffd}"),
        (b"\xff\xfe\xc3", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xed\xa0\x80 half", "\u{fffd}\u{fffd}\u{fffd} half"),
    ] {
        let _service = ground.service(OsStr::from_bytes(name)).supervised(&Status::up(7));
        let words = [OsStr::new("--json"), OsStr::from_bytes(name)];
        let output = ground.call(&ground.ours("svstat"), &words).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // one line, and nothing in it that a terminal would obey
        assert_eq!(text.lines().count(), 1);
        assert!(text.chars().filter(|sign| sign.is_control()).eq(['\n']), "{text:?}");
        let object = parse(text.trim_end());
        assert_has(&object, &[("pid", "7")]);
        assert_eq!(object.get("name"), &Value::Text(shown.to_owned()));
    }
}

/// What stands in the files of others can say anything.
#[test]
fn any_bytes_in_the_files_make_valid_json() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let mut random = Random::new(7);
    for round in 0..60 {
        let status = random.bytes(round % 45);
        let pid = status.get(12..16).map_or(0, |pid| u32::from_le_bytes(pid.try_into().unwrap()));
        service.replace("status", status);
        let lines: Vec<u8> = random
            .bytes(120)
            .into_iter()
            .map(|byte| b"0123456789=\nabcdefrestarts_ly"[usize::from(byte) % 29])
            .collect();
        service.info(pid, &String::from_utf8(lines).unwrap());
        look_until("a line", || objects(&ground, "svstat --json web").len() == 1);
        ground.say("svstat --table web");
    }
}
