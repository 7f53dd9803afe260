//! `svc --check`: the exit code tells whether all have been told.

use crate::ground::Ground;
use crate::status::Status;
use std::fs;

#[test]
fn the_worst_of_all_directories_decides() {
    let ground = Ground::new();
    let web = ground.service("web").supervised(&Status::up(7));
    let mail = ground.service("mail").supervised(&Status::up(8));
    ground.service("idle").prepare();
    ground.service("without");
    fs::write(ground.service("file").file("supervise"), "").unwrap();
    for (dirs, code, warnings) in [
        ("web", 0, 0),
        ("web mail", 0, 0),
        ("idle", 100, 1),
        ("without", 100, 1),
        ("web idle mail", 100, 1),
        ("nosuch", 111, 1),
        ("file", 111, 1),
        ("nosuch idle", 111, 2),
        ("idle web file without", 111, 3),
    ] {
        let ended = ground.say(&format!("svc -t --check {dirs}"));
        assert_eq!((ended.code, ended.stderr.lines().count()), (code, warnings), "{dirs}: {ended:?}");
        // and all who can be told are
        for (name, service) in [("web", &web), ("mail", &mail)] {
            assert_eq!(service.commands(), if dirs.contains(name) { "t" } else { "" }, "{dirs}");
        }
        assert_eq!(ground.say(&format!("svc -t {dirs}")).code, 0, "{dirs}");
        web.commands();
        mail.commands();
    }
}
