//! What svc says, word for word as the reference, and its exit code, which is 0 all the same.

use crate::ground::Ground;
use crate::run::{Ended, Side, run, unprivileged};
use crate::status::Status;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

const CHDIR: &str = "svc: warning: unable to chdir to";
const CONTROL: &str = "svc: warning: unable to control";

#[test]
fn what_keeps_from_a_service_is_a_warning_and_the_next_one_is_told() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    ground.service("without");
    ground.service("idle").prepare();
    ground.service("half").prepare();
    fs::remove_file(ground.at("half/supervise/control")).unwrap();
    fs::write(ground.service("file").file("supervise"), "").unwrap();
    fs::create_dir_all(ground.service("directory").file("supervise/control")).unwrap();
    fs::write(ground.at("plain"), "").unwrap();
    std::os::unix::fs::symlink("loop", ground.at("loop")).unwrap();
    std::os::unix::fs::symlink("web", ground.at("link")).unwrap();
    let long = "x".repeat(300);
    let cases: &[(&str, String)] = &[
        ("nosuch", format!("{CHDIR} nosuch: file does not exist\n")),
        ("plain", format!("{CHDIR} plain: not a directory\n")),
        ("loop", format!("{CHDIR} loop: symbolic link loop\n")),
        (&long, format!("{CHDIR} {long}: file name too long\n")),
        ("", format!("{CHDIR} : file does not exist\n")),
        ("two\nlines", format!("{CHDIR} two\nlines: file does not exist\n")),
        ("without", format!("{CONTROL} without: file does not exist\n")),
        ("half", format!("{CONTROL} half: file does not exist\n")),
        ("idle", format!("{CONTROL} idle: supervise not running\n")),
        ("file", format!("{CONTROL} file: not a directory\n")),
        ("directory", format!("{CONTROL} directory: is a directory\n")),
        ("link", String::new()),
        ("web/", String::new()),
        (".//web", String::new()),
    ];
    // ours keeps a name in its line
    let shown = |side: Side, said: &str| {
        if side == Side::Ours { said.replace("two\nlines", "two?lines") } else { said.to_owned() }
    };
    for svc in ground.both("svc") {
        for (name, said) in cases {
            let said = &shown(svc.side, said);
            // the one behind it is told whatever became of the first
            assert_eq!(ground.run(&svc, &["-t", name, "web"]), Ended::with(0, "", said), "{svc:?} {name}");
            let sent = service.commands();
            assert_eq!(sent, if said.is_empty() { "tt" } else { "t" }, "{svc:?} {name}");
        }
        let names: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
        let said: String = cases.iter().map(|(_, said)| shown(svc.side, said)).collect();
        assert_eq!(ground.run(&svc, &[&["-d"], names.as_slice()].concat()), Ended::with(0, "", &said));
        service.commands();
        assert_eq!(ground.run(&svc, &["-u"]), Ended::silent(0), "{svc:?}");
        assert_eq!(ground.run(&svc, &[""; 0]), Ended::silent(0), "{svc:?}");
    }
}

#[test]
fn what_may_not_be_entered_or_written_is_a_warning() {
    let ground = Ground::new();
    let closed = ground.service("closed");
    closed.prepare().begin();
    fs::set_permissions(closed.path(), Permissions::from_mode(0o000)).unwrap();
    let guarded = ground.service("guarded").supervised(&Status::up(7));
    fs::set_permissions(guarded.file("supervise/control"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(guarded.file("supervise"), Permissions::from_mode(0o711)).unwrap();
    for svc in ground.both("svc") {
        let mut command = ground.call(&svc, &["-d", "closed", "guarded"]);
        let said = format!("{CHDIR} closed: access denied\n{CONTROL} guarded: access denied\n");
        assert_eq!(run(unprivileged(&mut command)), Ended::with(0, "", &said), "{svc:?}");
    }
    // for whoever cleans up
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
}

/// The first line is the reference's; the second says the same in the words of this house.
#[test]
fn a_bad_option_is_wrong_usage_and_nobody_is_told() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    for (options, complaint) in [
        (&["-z"][..], "svc: illegal option -- z\n"),
        (&["-dz"], "svc: illegal option -- z\n"),
        (&["-d", "-Z"], "svc: illegal option -- Z\n"),
        (&["-d-"], "svc: illegal option -- -\n"),
        (&["-u", "--", "-z"], ""),
    ] {
        for svc in ground.both("svc") {
            let ended = ground.run(&svc, &[options, &["web"]].concat());
            let is_usage = !complaint.is_empty();
            assert_eq!(ended.code, if is_usage { 100 } else { 0 }, "{svc:?} {options:?}");
            if is_usage {
                assert!(ended.stderr.starts_with(complaint), "{svc:?} {options:?}: {ended:?}");
                let second = if svc.side == Side::Ours {
                    "svc: usage: svc [-udopchaitkxq12w+=Ll] "
                } else {
                    "svc options: u up, d down, "
                };
                assert!(ended.stderr[complaint.len()..].starts_with(second), "{options:?}: {ended:?}");
                assert_eq!(ended.stderr.lines().count(), 2);
            }
            assert_eq!(service.commands(), if is_usage { "" } else { "u" }, "{svc:?} {options:?}");
        }
    }
    for wrong in [
        "svc --nonsense web",
        "svc --wait web",
        "svc --wait= web",
        "svc --wait=sideways web",
        "svc --wait=up,soon web",
        "svc --check=1 web",
        "svc --re web",
    ] {
        let ended = ground.say(&format!("{wrong} -d"));
        assert_eq!((ended.code, ended.stdout.as_str()), (100, ""), "{wrong}");
        assert!(ended.stderr.lines().last().unwrap().starts_with("svc: usage: svc "), "{wrong}: {ended:?}");
        assert_eq!(service.commands(), "", "{wrong}");
    }
}

/// For the reference it has to be readable.
#[test]
fn the_current_directory_need_not_be_readable() {
    let ground = Ground::new();
    let services = ground.service("services");
    let service = ground.service("services/web").supervised(&Status::up(7));
    fs::set_permissions(service.file("supervise"), Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(service.file("supervise/control"), Permissions::from_mode(0o622)).unwrap();
    fs::set_permissions(services.path(), Permissions::from_mode(0o311)).unwrap();
    for svc in ground.both("svc") {
        let mut command = ground.call(&svc, &["-d", "web", "nosuch"]);
        let ended = run(unprivileged(command.current_dir(services.path())));
        match svc.side {
            Side::Ours => assert_eq!(ended, Ended::with(0, "", &format!("{CHDIR} nosuch: file does not exist\n"))),
            Side::Reference => {
                let said = "svc: fatal: unable to open current directory: access denied\n";
                assert_eq!(ended, Ended::with(111, "", said));
            }
        }
        assert_eq!(service.commands(), if svc.side == Side::Ours { "d" } else { "" });
    }
    fs::set_permissions(services.path(), Permissions::from_mode(0o755)).unwrap();
}

/// The reference writes into whatever has that name.
#[test]
fn a_control_that_is_no_fifo_gets_nothing() {
    let ground = Ground::new();
    let plain = ground.service("plain");
    plain.prepare();
    let target = ground.at("target");
    for svc in ground.both("svc") {
        fs::remove_file(plain.file("supervise/control")).unwrap();
        fs::write(plain.file("supervise/control"), "").unwrap();
        let ended = ground.run(&svc, &["-d", "plain"]);
        let written = fs::read_to_string(plain.file("supervise/control")).unwrap();
        let expected = match svc.side {
            Side::Ours => (Ended::with(0, "", &format!("{CONTROL} plain: supervise not running\n")), ""),
            Side::Reference => (Ended::silent(0), "d"),
        };
        assert_eq!((ended, written.as_str()), expected, "{svc:?}");

        // nor does what a link leads to
        fs::write(&target, "").unwrap();
        fs::remove_file(plain.file("supervise/control")).unwrap();
        std::os::unix::fs::symlink(&target, plain.file("supervise/control")).unwrap();
        let ended = ground.run(&svc, &["-d", "plain"]);
        let written = fs::read_to_string(&target).unwrap();
        let expected = match svc.side {
            Side::Ours => (Ended::with(0, "", &format!("{CONTROL} plain: symbolic link loop\n")), ""),
            Side::Reference => (Ended::silent(0), "d"),
        };
        assert_eq!((ended, written.as_str()), expected, "{svc:?}");
    }
}

/// Whichever descriptors it is started without: a warning must not become commands.
#[test]
fn no_warning_gets_into_a_fifo() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    for closed in 0..8 {
        let mut command = ground.line("svc -d nosuch web nosuch");
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        // SAFETY: system calls.
        unsafe {
            command.pre_exec(move || {
                for number in (0..3).filter(|number| closed & 1 << number != 0) {
                    libc::close(number);
                }
                Ok(())
            });
        }
        assert!(command.status().unwrap().success());
        assert_eq!(service.commands(), "d", "without {closed:03b}");
    }
}

/// As `$SUPERVISEDIR` says (daemontools-encore): another name, or another place and the path with colons.
#[test]
fn the_files_of_supervise_may_be_elsewhere() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    fs::rename(service.file("supervise"), service.file("state")).unwrap();
    let told = |value: &str| {
        let mut command = ground.line("svc -d web");
        (run(command.env("SUPERVISEDIR", value)), service.commands())
    };
    let unknown = || (Ended::with(0, "", &format!("{CONTROL} web: file does not exist\n")), String::new());
    assert_eq!(told("state"), (Ended::silent(0), "d".to_owned()));
    assert_eq!(told("supervise"), unknown());
    // by its own path, as the system knows it
    let real = fs::canonicalize(service.path()).unwrap();
    let name = real.to_str().unwrap()[1..].replace('/', ":");
    let base = ground.at("run");
    fs::create_dir(&base).unwrap();
    assert_eq!(told(base.to_str().unwrap()), unknown());
    fs::rename(service.file("state"), base.join(name)).unwrap();
    assert_eq!(told(base.to_str().unwrap()), (Ended::silent(0), "d".to_owned()));
}
