//! What a service that is down has left behind: waited for, or not.

use crate::ground::Ground;
use crate::json::parse;
use crate::service::own_identity;
use crate::status::{FAILED, STOPPING, Status, now};

/// What `svstat`, `--table` and `--json` say of it.
#[track_caller]
fn said(ground: &Ground) -> [String; 3] {
    let [line, table, json] = ["svstat web", "svstat --table web", "svstat --json web"].map(|call| {
        let ended = ground.say(call);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{call}");
        ended.stdout
    });
    let object = parse(json.trim_end());
    let cell = table.lines().nth(1).unwrap().rsplit("  ").next().unwrap().to_owned();
    let (_, suffixes) = line.trim_end().split_once(" seconds").unwrap();
    [suffixes.to_owned(), cell, format!("{} {}", object.get("left").shown(), object.get("left_pid").shown())]
}

#[test]
fn what_is_waited_for_or_runs_on_is_shown() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    service.put("down", "");
    let (pid, start) = own_identity();
    let alive = |count: u32| format!("left={count}\nleft_pid={pid}\nleft_starttime={start}\n");
    let other = format!("left=1\nleft_pid={pid}\nleft_starttime={}\n", start + 1000);
    let waiting = || Status::with_phase(0, b'd', STOPPING).since(now(), 0);
    for (status, info, line, note, keys) in [
        (waiting(), alive(1), format!(", waits for pid {pid}"), format!("waits for pid {pid}"), format!("1 {pid}")),
        (
            waiting(),
            alive(3),
            format!(", waits for pid {pid} and 2 more"),
            format!("waits for pid {pid} and 2 more"),
            format!("3 {pid}"),
        ),
        // the line of one that is down is the reference's
        (Status::down(), alive(1), String::new(), format!("has left pid {pid}"), format!("1 {pid}")),
        (
            Status::with_phase(0, b'd', FAILED),
            alive(2),
            String::new(),
            format!("has left pid {pid} and 1 more"),
            format!("2 {pid}"),
        ),
        // another process by now
        (Status::down(), other, String::new(), "-".to_owned(), "0 null".to_owned()),
        (Status::down(), String::new(), String::new(), "-".to_owned(), "0 null".to_owned()),
        // of a process that it had before
        (Status::up(7), alive(1), ", normally down".to_owned(), "normally down".to_owned(), "0 null".to_owned()),
    ] {
        service.status(&status).info(status.pid, &info);
        assert_eq!(said(&ground), [line, note, keys], "{status:?} {info}");
    }
}
