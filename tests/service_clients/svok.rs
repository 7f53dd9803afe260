//! svok beside the reference: silent, and 0, 100 or 111.

use crate::ground::Ground;
use crate::run::{Ended, Side, run, unprivileged};
use crate::status::Status;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn the_code_tells_and_errors_are_said_as_the_reference_says_them() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    ground.service("idle").prepare();
    ground.service("without");
    let ended = ground.service("ended").supervised(&Status::up(7));
    ended.end();
    fs::write(ground.service("file").file("supervise"), "").unwrap();
    fs::create_dir_all(ground.service("directory").file("supervise/ok")).unwrap();
    symlink("nowhere", ground.service("dangling").file("supervise")).unwrap();
    symlink("web", ground.at("link")).unwrap();
    fs::write(ground.at("plain"), "").unwrap();
    let chdir =
        |name: &str, why: &str| Ended::with(111, "", &format!("svok: fatal: unable to chdir to {name}: {why}\n"));
    let open = |name: &str, why: &str| {
        Ended::with(111, "", &format!("svok: fatal: unable to open {name}/supervise/ok: {why}\n"))
    };
    for svok in ground.both("svok") {
        for (name, expected) in [
            ("web", Ended::silent(0)),
            ("link", Ended::silent(0)),
            ("web/../web/.", Ended::silent(0)),
            ("idle", Ended::silent(100)),
            ("without", Ended::silent(100)),
            ("ended", Ended::silent(100)),
            ("dangling", Ended::silent(100)),
            ("file", open("file", "not a directory")),
            ("directory", open("directory", "is a directory")),
            ("nosuch", chdir("nosuch", "file does not exist")),
            ("plain", chdir("plain", "not a directory")),
            ("", chdir("", "file does not exist")),
        ] {
            assert_eq!(ground.run(&svok, &[name]), expected, "{svok:?} {name}");
        }
    }
}

#[test]
fn how_it_is_called() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    for svok in ground.both("svok") {
        let ended = ground.run(&svok, &[""; 0]);
        assert_eq!(ended.code, 100, "{svok:?}");
        assert!(ended.stderr.starts_with("svok: usage: svok "), "{ended:?}");
        // one more is not looked at, which ours says
        let ended = ground.run(&svok, &["web", "nosuch"]);
        let warning =
            if svok.side == Side::Ours { "svok: warning: ignoring nosuch: one directory at a time\n" } else { "" };
        assert_eq!(ended, Ended::with(0, "", warning));
        // what looks like an option is one for ours only
        let ended = ground.run(&svok, &["-x"]);
        let code = if svok.side == Side::Ours { 100 } else { 111 };
        assert_eq!(ended.code, code, "{svok:?} {ended:?}");
    }
}

#[test]
fn what_may_not_be_looked_at_is_an_error() {
    let ground = Ground::new();
    let closed = ground.service("closed").supervised(&Status::up(7));
    let guarded = ground.service("guarded").supervised(&Status::up(7));
    fs::set_permissions(closed.path(), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(guarded.file("supervise"), Permissions::from_mode(0o000)).unwrap();
    for svok in ground.both("svok") {
        for (name, said) in [("closed", "chdir to closed"), ("guarded", "open guarded/supervise/ok")] {
            let ended = run(unprivileged(&mut ground.call(&svok, &[name])));
            let said = format!("svok: fatal: unable to {said}: access denied\n");
            assert_eq!(ended, Ended::with(111, "", &said), "{svok:?}");
        }
    }
    for path in [closed.path().to_owned(), guarded.file("supervise")] {
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
}

/// The reference is content with any file that can be written.
#[test]
fn what_is_no_fifo_proves_nothing() {
    let ground = Ground::new();
    let plain = ground.service("plain");
    plain.prepare();
    fs::remove_file(plain.file("supervise/ok")).unwrap();
    fs::write(plain.file("supervise/ok"), "").unwrap();
    let web = ground.service("web").supervised(&Status::up(7));
    let link = ground.service("link");
    link.prepare();
    fs::remove_file(link.file("supervise/ok")).unwrap();
    symlink(web.file("supervise/ok"), link.file("supervise/ok")).unwrap();
    for svok in ground.both("svok") {
        let is_ours = svok.side == Side::Ours;
        assert_eq!(ground.run(&svok, &["plain"]), Ended::silent(if is_ours { 100 } else { 0 }));
        let said = "svok: fatal: unable to open link/supervise/ok: symbolic link loop\n";
        let expected = if is_ours { Ended::with(111, "", said) } else { Ended::silent(0) };
        assert_eq!(ground.run(&svok, &["link"]), expected);
    }
}

#[test]
fn the_files_of_supervise_may_be_elsewhere() {
    let ground = Ground::new();
    let web = ground.service("web").supervised(&Status::up(7));
    fs::rename(web.file("supervise"), web.file("state")).unwrap();
    let looked = |value: &str| run(ground.line("svok web").env("SUPERVISEDIR", value));
    assert_eq!(looked("state"), Ended::silent(0));
    assert_eq!(looked("supervise"), Ended::silent(100));
    let real = fs::canonicalize(web.path()).unwrap();
    let base = ground.at("run");
    let place = base.join(real.to_str().unwrap()[1..].replace('/', ":"));
    fs::create_dir(&base).unwrap();
    fs::rename(web.file("state"), &place).unwrap();
    assert_eq!(looked(base.to_str().unwrap()), Ended::silent(0));
    // messages name it as it is
    fs::remove_dir_all(&place).unwrap();
    fs::write(&place, "").unwrap();
    let said = format!(
        "svok: fatal: unable to open {}/{}/ok: not a directory\n",
        base.display(),
        place.file_name().unwrap().to_str().unwrap()
    );
    assert_eq!(looked(base.to_str().unwrap()), Ended::with(111, "", &said));
}
