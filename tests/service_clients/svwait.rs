//! svwait: what counts as up, down and ready, and its exit codes. The test plays supervise.

use crate::ground::Ground;
use crate::run::{Ended, run, unprivileged};
use crate::service::{Service, info, own_identity};
use crate::status::{FAILED, RUNNING, STARTED, STARTING, STOPPED, STOPPING, Status};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

fn unable(goal: &str, why: &str) -> String {
    format!("svwait: fatal: unable to wait until web is {goal}: {why}\n")
}

/// The codes of a look at up, down and ready.
pub fn codes(ground: &Ground) -> [i32; 3] {
    ["-u", "-d", "-r"].map(|goal| {
        let ended = ground.say(&format!("svwait {goal} -t 0 web"));
        let name = match goal {
            "-u" => "up",
            "-d" => "down",
            _ => "ready",
        };
        let said = match ended.code {
            99 => unable(name, "timed out"),
            1 => unable(name, "it has failed"),
            _ => String::new(),
        };
        let said = if ended.code == 111 { "svwait: fatal: no supervise runs for web\n" } else { &said };
        assert_eq!(ended, Ended::with(ended.code, "", said));
        ended.code
    })
}

#[test]
fn what_a_status_means() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let finishing = |phase| Status::classic(7, b'd').ending(&[phase, 2]);
    for (status, expected) in [
        (Status::up(7), [0, 99, 0]),
        (Status::up(7).paused(), [0, 99, 0]),
        (Status::with_phase(7, b'd', RUNNING), [0, 99, 0]),
        (Status::with_phase(7, 0, RUNNING), [0, 99, 0]),
        (Status::with_phase(7, b'u', STARTING), [99, 99, 99]),
        (Status::with_phase(0, b'u', STARTING), [99, 99, 99]),
        (Status::with_phase(0, b'u', STARTED), [0, 99, 0]),
        (Status::with_phase(7, b'd', STOPPING), [99, 99, 99]),
        (finishing(STOPPING), [99, 99, 99]),
        // an orphanage: what has been left behind still runs
        (Status::with_phase(0, b'd', STOPPING), [99, 99, 99]),
        (Status::down(), [99, 0, 99]),
        (Status::with_phase(0, b'u', STOPPED), [99, 0, 99]),
        (Status::with_phase(0, b'd', FAILED), [1, 0, 1]),
        (Status::classic(7, b'u'), [0, 99, 0]),
        (Status::classic(7, b'd'), [0, 99, 0]),
        (Status::classic(0, b'u'), [99, 0, 99]),
        (Status::classic(7, b'u').ending(&[RUNNING]), [0, 99, 0]),
        (Status::classic(7, b'd').ending(&[STOPPING]), [99, 99, 99]),
        // runit's: 1 is run, 2 is finish, and what is before it says whether TERM was sent
        (Status::classic(7, b'u').ending(&[0, 1]), [0, 99, 0]),
        (Status::classic(7, b'u').ending(&[1, 1]), [0, 99, 0]),
        (finishing(0), [99, 99, 99]),
        (finishing(1), [99, 99, 99]),
        (Status::classic(0, b'd').ending(&[0, 0]), [99, 0, 99]),
    ] {
        service.status(&status);
        assert_eq!(codes(&ground), expected, "{status:?}");
    }
    // a log in the same supervise decides nothing
    service.replace("status", Status::up(7).with_log(&Status::down()));
    assert_eq!(codes(&ground), [0, 99, 0]);
    // what is being written says nothing yet
    for text in [&b""[..], b"short"] {
        service.replace("status", text);
        assert_eq!(codes(&ground), [99, 99, 99]);
    }
    fs::remove_file(service.file("supervise/status")).unwrap();
    assert_eq!(codes(&ground), [99, 99, 99]);
}

#[test]
fn what_ready_means() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let ready = |what: &str, expected: i32| assert_eq!(ground.say("svwait -r -t 0 web").code, expected, "{what}");
    ready("nobody tells", 0);
    service.info(7, "restarts=0\n");
    ready("it never says it", 0);
    service.info(7, "restarts=0\nready=0\n");
    ready("not yet", 99);
    assert_eq!(ground.say("svwait -u -t 0 web"), Ended::silent(0));
    service.info(7, "restarts=0\nready=1\nready_at=5\n");
    ready("it has said it", 0);
    service.info(6, "restarts=0\nready=1\n");
    ready("another process has", 99);
    service.info(6, "restarts=0\n");
    ready("another process never did", 99);
    // what an earlier supervise has left behind says nothing of this one's service
    let (supervise, start) = own_identity();
    for text in [
        info(6, supervise, start + 500, "ready=0\n"),
        info(6, 0, 0, "ready=0\n"),
        info(6, u32::MAX, start, "ready=0\n"),
        info(6, supervise, start, "boot=5\nready=0\n"),
    ] {
        service.replace("info", text);
        ready("of another supervise", 0);
    }
    service.info(7, "ready=1\n").status(&Status::down());
    ready("it is down", 99);
}

#[test]
fn what_keeps_it_from_looking_is_an_error() {
    let ground = Ground::new();
    let error = |said: &str| Ended::with(111, "", &format!("svwait: fatal: unable to {said}\n"));
    fs::write(ground.at("plain"), "").unwrap();
    assert_eq!(ground.say("svwait nosuch"), error("chdir to nosuch: file does not exist"));
    assert_eq!(ground.say("svwait -d plain"), error("chdir to plain: not a directory"));
    let service = ground.service("web");
    service.put("supervise", "");
    assert_eq!(ground.say("svwait web"), error("wait until web is up: not a directory"));
    assert_eq!(ground.say("svwait -d web"), error("wait until web is down: not a directory"));
    fs::remove_file(service.file("supervise")).unwrap();
    let service = service.supervised(&Status::up(7));
    fs::remove_file(service.file("supervise/status")).unwrap();
    fs::create_dir(service.file("supervise/status")).unwrap();
    assert_eq!(ground.say("svwait -r web"), error("wait until web is ready: is a directory"));
    fs::set_permissions(service.file("supervise"), Permissions::from_mode(0o000)).unwrap();
    assert_eq!(run(unprivileged(&mut ground.line("svwait web"))), error("wait until web is up: access denied"));
    fs::set_permissions(service.file("supervise"), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn it_waits_no_longer_than_it_is_told() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::down());
    for (limit, milliseconds) in [("0", 0), ("0.2", 200), (".25", 250)] {
        let start = Instant::now();
        assert_eq!(ground.say(&format!("svwait -t {limit} web")), Ended::with(99, "", &unable("up", "timed out")));
        assert!(start.elapsed() >= Duration::from_millis(milliseconds), "{limit}: {:?}", start.elapsed());
    }
    // what cannot be counted is for ever
    let waiting = ground.start("svwait -t 99999999999999999999 web");
    waiting.wait_for_sleep();
    assert!(waiting.is_running());
}

#[test]
fn how_it_is_called() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    for wrong in [
        "svwait",
        "svwait -u",
        "svwait -x web",
        "svwait -t",
        "svwait -t x web",
        "svwait -t -1 web",
        "svwait -t 5",
        "svwait --up web",
        "svwait --appear=5 web",
        "svwait -t= web",
    ] {
        let ended = ground.say(wrong);
        assert_eq!((ended.code, ended.stdout.as_str()), (100, ""), "{wrong}");
        assert!(ended.stderr.lines().last().unwrap().starts_with("svwait: usage: svwait [-udrao] "), "{ended:?}");
    }
    // up if nothing is said; else the last counts
    for (options, code) in [("", 0), ("-d", 99), ("-du", 0), ("-u -d", 99), ("-dr", 0), ("-t 9 -t0 -d", 99)] {
        let time = if options.contains("-t") { "" } else { "-t 0 " };
        assert_eq!(ground.say(&format!("svwait {time}{options} web")).code, code, "{options}");
    }
}

/// Also where the files of supervise are elsewhere.
#[test]
fn supervisedir_is_followed() {
    let ground = Ground::new();
    let base = ground.at("run");
    fs::create_dir(&base).unwrap();
    let service = ground.service("web");
    let real = fs::canonicalize(service.path()).unwrap();
    let place = base.join(real.to_str().unwrap()[1..].replace('/', ":"));
    for (value, place) in [("state", service.file("state")), (base.to_str().unwrap(), place)] {
        let waiting = crate::run::start(ground.line("svwait --appear web").env("SUPERVISEDIR", value));
        waiting.wait_for_sleep();
        // not here
        let elsewhere: Service = ground.service("web").supervised(&Status::up(7));
        waiting.wait_for_sleep();
        assert!(waiting.is_running());
        fs::rename(elsewhere.file("supervise"), &place).unwrap();
        assert_eq!(waiting.finish(), Ended::silent(0), "{value}");
    }
}
