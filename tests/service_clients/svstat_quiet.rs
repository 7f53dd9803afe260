//! `svstat -q`: nothing is said, and the exit code tells.

use crate::ground::Ground;
use crate::run::Ended;
use crate::status::{FAILED, STARTED, STARTING, Status};
use std::fs;

#[test]
fn the_worst_service_decides() {
    let ground = Ground::new();
    let _services = [
        ground.service("up").supervised(&Status::up(7)),
        ground.service("classic").supervised(&Status::classic(7, b'd')),
        ground.service("started").supervised(&Status::with_phase(0, b'u', STARTED)),
        ground.service("starting").supervised(&Status::with_phase(7, b'u', STARTING)),
        ground.service("down").supervised(&Status::down()),
        ground.service("waiting").supervised(&Status::classic(0, b'u')),
        ground.service("failed").supervised(&Status::with_phase(0, b'd', FAILED)),
    ];
    ground.service("idle").prepare();
    ground.service("without");
    fs::write(ground.service("file").file("supervise"), "").unwrap();
    let short = ground.service("short");
    short.begin().replace("status", "short");
    for (names, code) in [
        ("up", 0),
        ("up classic started starting", 0),
        ("down", 1),
        ("waiting", 1),
        ("up down up", 1),
        ("idle", 2),
        ("without", 2),
        ("down idle up", 2),
        ("failed", 3),
        ("idle failed down up", 3),
        ("nosuch", 111),
        ("file", 111),
        ("short", 111),
        ("failed nosuch up", 111),
    ] {
        for options in ["-q", "-q --json", "-q --table", "-ql"] {
            assert_eq!(ground.say(&format!("svstat {options} {names}")), Ended::silent(code), "{options} {names}");
        }
    }
    assert_eq!(ground.say("svstat -q"), Ended::silent(0));
}

#[test]
fn a_log_decides_only_if_it_is_asked_for() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let codes = || ["-q", "-ql", "-qL"].map(|options| ground.say(&format!("svstat {options} web")).code);
    assert_eq!(codes(), [1, 1, 2], "no log");
    service.replace("status", Status::up(7).with_log(&Status::down()));
    assert_eq!(codes(), [0, 0, 1]);
    service.replace("status", Status::down().with_log(&Status::up(8)));
    assert_eq!(codes(), [1, 1, 0]);
    service.status(&Status::up(7));
    let log = ground.service("web/log");
    assert_eq!(codes(), [0, 0, 2]);
    let _log = log.supervised(&Status::with_phase(0, b'd', FAILED));
    assert_eq!(codes(), [0, 0, 3]);
}
