//! `svc -L` and `-l`: the log of a service, which its own supervise may have (daemontools-encore), or a supervise in `log`.

use crate::ground::Ground;
use crate::run::Ended;
use crate::service::Service;
use crate::status::Status;

/// Options; what the supervise of both gets; what each of two supervises gets.
const CASES: &[(&str, &str, [&str; 2])] = &[
    ("-d", "d", ["d", ""]),
    ("-Ld", "Ld", ["", "d"]),
    ("-L -d", "Ld", ["", "d"]),
    ("-dLx", "dLx", ["d", "x"]),
    ("-uLdlx", "uLdlx", ["ux", "d"]),
    ("-lu", "u", ["u", ""]),
    ("-Luldx", "Luldx", ["dx", "u"]),
    // once in each part
    ("-ddLddxldd", "dLdxld", ["dd", "dx"]),
    ("-L+k=t", "L+k=t", ["", "+k=t"]),
    ("-L", "", ["", ""]),
    ("-udLl", "ud", ["ud", ""]),
];

#[test]
fn a_log_in_the_same_supervise_is_told_by_letters() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    service.replace("status", Status::up(7).with_log(&Status::up(8)));
    for (options, letters, _) in CASES {
        assert_eq!(ground.say(&format!("svc {options} web")), Ended::silent(0), "{options}");
        assert_eq!(service.commands(), *letters, "{options}");
    }
}

fn with_directory(ground: &Ground, status: &Status) -> (Service, Service) {
    (ground.service("web").supervised(status), ground.service("web/log").supervised(&Status::up(8)))
}

#[test]
fn a_log_with_a_supervise_of_its_own_is_told_there() {
    let ground = Ground::new();
    // daemontools', ours, and one of which nothing is known
    for status in [Status::classic(7, b'u'), Status::up(7), Status::classic(7, b'u').ending(&[0; 21])] {
        let (service, log) = with_directory(&ground, &status);
        for (options, _, letters) in CASES {
            assert_eq!(ground.say(&format!("svc {options} web")), Ended::silent(0), "{options}");
            assert_eq!([service.commands(), log.commands()], *letters, "{options} {status:?}");
        }
    }
}

/// daemontools' supervise would take `d` for itself.
#[test]
fn what_is_for_a_log_that_is_not_there_is_said_and_not_sent() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::classic(7, b'u'));
    let missing = "svc: warning: unable to chdir to web/log: file does not exist\n";
    assert_eq!(ground.say("svc -Ld web"), Ended::with(0, "", missing));
    assert_eq!(service.commands(), "");
    // the service itself is told all the same
    assert_eq!(ground.say("svc -Ldlu web"), Ended::with(0, "", missing));
    assert_eq!(service.commands(), "u");
    ground.service("web/log").prepare();
    let idle = "svc: warning: unable to control web/log: supervise not running\n";
    assert_eq!(ground.say("svc -uLd --check web"), Ended::with(100, "", idle));
    assert_eq!(service.commands(), "u");
}

#[test]
fn after_a_log_the_next_name_is_seen_from_where_it_began() {
    let ground = Ground::new();
    let (service, log) = with_directory(&ground, &Status::up(7));
    let mail = ground.service("mail").supervised(&Status::up(9));
    let mail_log = ground.service("mail/log").supervised(&Status::up(9));
    assert_eq!(ground.say("svc -dLx web mail"), Ended::silent(0));
    assert_eq!([&service, &log, &mail, &mail_log].map(Service::commands), ["d", "x", "d", "x"]);
}
