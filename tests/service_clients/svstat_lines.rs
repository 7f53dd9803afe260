//! The lines of svstat, byte for byte those of the reference, for all that a daemontools can have written, and for all that
//! can be wrong.

use crate::ground::Ground;
use crate::run::{Ended, Program, Side, run, unprivileged};
use crate::status::{FUTURE, Status, now};
use crate::support::waiting::look_until;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;

/// The line by the specification's table.
fn expected(pid: u32, paused: u8, want: u8, has_down: bool) -> String {
    let mut line = if pid == 0 { "down 0 seconds".to_owned() } else { format!("up (pid {pid}) 0 seconds") };
    let is_up = pid != 0;
    for (applies, suffix) in [
        (is_up && has_down, "normally down"),
        (!is_up && !has_down, "normally up"),
        (is_up && paused != 0, "paused"),
        (!is_up && want == b'u', "want up"),
        (is_up && want == b'd', "want down"),
    ] {
        if applies {
            line += ", ";
            line += suffix;
        }
    }
    line
}

#[test]
fn every_combination_has_its_line() {
    let ground = Ground::new();
    let mut services = Vec::new();
    let mut names = Vec::new();
    let mut lines = String::new();
    for pid in [0, 0x0100_59c6, u32::MAX] {
        for paused in [0, 1, 2] {
            for want in [b'u', b'd', 0, b'x'] {
                for (number, down) in ["none", "file", "directory", "dangling"].into_iter().enumerate() {
                    // what follows is nothing to the reference: two kinds for each
                    const RESTS: [&[u8]; 8] = [&[], &[3, 1], &[3], &[5, 0], &[], &[4, 2], &[2, 0], &[7, 9]];
                    for rest in &RESTS[2 * number..2 * number + 2] {
                        let name = format!("{}", names.len());
                        let service = ground.service(&name);
                        let has_down = match down {
                            "file" => fs::write(service.file("down"), "").is_ok(),
                            "directory" => fs::create_dir(service.file("down")).is_ok(),
                            "dangling" => symlink("nowhere", service.file("down")).is_err(),
                            _ => false,
                        };
                        let status = Status { paused, want, ..Status::classic(pid, want).ending(rest) };
                        service.prepare();
                        // looked at by name: one reader for all of them will do
                        fs::remove_file(service.file("supervise/ok")).unwrap();
                        services.push(service.status(&status).path().to_owned());
                        lines += &format!("{name}: {}\n", expected(pid, paused, want, has_down));
                        names.push(name);
                    }
                }
            }
        }
    }
    let shared = ground.service("shared").supervised(&Status::down());
    for service in &services {
        fs::hard_link(shared.file("supervise/ok"), service.join("supervise/ok")).unwrap();
    }
    for svstat in ground.both("svstat") {
        let ended = ground.run(&svstat, &names);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        for (line, expected) in ended.stdout.lines().zip(lines.lines()) {
            assert_eq!(line, expected, "{svstat:?}");
        }
        assert_eq!(ended.stdout, lines);
    }
}

#[test]
fn seconds_are_counted_as_the_reference_counts_them() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let seconds = |svstat: &Program| {
        let line = ground.run(svstat, &["web"]).stdout;
        let seconds = line.strip_prefix("web: up (pid 7) ").and_then(|line| line.strip_suffix(" seconds\n"));
        seconds.unwrap_or_else(|| panic!("{line}")).parse::<i64>().unwrap()
    };
    for (age, nanoseconds) in [(0, 0), (1, 999_999_999), (100, 0), (86_400, 5), (1_000_000_000, 0)] {
        service.status(&Status::classic(7, b'u').since(now() - age, nanoseconds));
        for svstat in ground.both("svstat") {
            let before = now();
            let counted = seconds(&svstat);
            let since =
                i64::from_be_bytes(fs::read(service.file("supervise/status")).unwrap()[..8].try_into().unwrap());
            let since = since - (1 << 62) - 10;
            // time(2) may be behind by a tick
            assert!((before - 1 - since..=now() - since).contains(&counted), "{svstat:?} {age}: {counted}");
        }
    }
    // what is still to come, by much or by little, is now
    for ahead in [1, 3600, FUTURE - now()] {
        for svstat in ground.both("svstat") {
            look_until("the clock does not get there before", || {
                let since = now() + ahead;
                service.status(&Status::classic(7, b'u').since(since, 0));
                let counted = seconds(&svstat);
                now() < since && counted == 0
            });
        }
    }
}

#[test]
fn what_is_wrong_has_its_line() {
    let ground = Ground::new();
    ground.service("without");
    ground.service("idle").prepare();
    let ended = ground.service("ended").supervised(&Status::up(7));
    ended.end();
    fs::write(ground.service("file").file("supervise"), "").unwrap();
    fs::create_dir_all(ground.service("directory").file("supervise/ok")).unwrap();
    let statusless = ground.service("statusless");
    statusless.begin();
    let loop_ = ground.service("loop").supervised(&Status::up(7));
    symlink("down", loop_.file("down")).unwrap();
    let short: Vec<_> = [0, 1, 12, 17]
        .map(|length| {
            let service = ground.service(format!("short{length}"));
            service.begin().replace("status", &Status::up(7).bytes()[..length]);
            service
        })
        .into();
    fs::write(ground.at("plain"), "").unwrap();
    let chdir = "unable to chdir";
    let ok = "unable to open supervise/ok";
    let bad = "unable to read supervise/status: bad format";
    let cases = [
        ("nosuch", format!("{chdir}: file does not exist")),
        ("plain", format!("{chdir}: not a directory")),
        ("", format!("{chdir}: file does not exist")),
        ("-- ", format!("{chdir}: file does not exist")),
        ("two\nlines\x1b", format!("{chdir}: file does not exist")),
        ("loop", "unable to stat down: symbolic link loop".to_owned()),
        ("without", format!("{ok}: file does not exist")),
        ("file", format!("{ok}: not a directory")),
        ("directory", format!("{ok}: is a directory")),
        ("idle", "supervise not running".to_owned()),
        ("ended", "supervise not running".to_owned()),
        ("statusless", "unable to open supervise/status: file does not exist".to_owned()),
        ("short0", bad.to_owned()),
        ("short1", bad.to_owned()),
        ("short12", bad.to_owned()),
        ("short17", bad.to_owned()),
        (".", format!("{ok}: file does not exist")),
    ];
    let names: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
    // ours keeps a name in its line
    let shown =
        |side: Side, name: &str| if side == Side::Ours { name.replace(['\n', '\x1b'], "?") } else { name.to_owned() };
    for svstat in ground.both("svstat") {
        // ours takes what begins with a hyphen for options
        let words = if svstat.side == Side::Ours { [&["--"], names.as_slice()].concat() } else { names.clone() };
        let lines: String =
            cases.iter().map(|(name, line)| format!("{}: {line}\n", shown(svstat.side, name))).collect();
        assert_eq!(ground.run(&svstat, &words), Ended::with(0, &lines, ""), "{svstat:?}");
        assert_eq!(ground.run(&svstat, &[""; 0]), Ended::silent(0), "{svstat:?}");
    }
    drop(short);
}

/// The reference takes what it has at hand for what it could not read.
#[test]
fn a_status_that_cannot_be_read_is_said_to_be_so() {
    let ground = Ground::new();
    let service = ground.service("web");
    service.begin();
    fs::create_dir(service.file("supervise/status")).unwrap();
    for svstat in ground.both("svstat") {
        let ended = ground.run(&svstat, &["web"]);
        match svstat.side {
            Side::Ours => {
                assert_eq!(ended, Ended::with(0, "web: unable to read supervise/status: is a directory\n", ""));
            }
            Side::Reference => {
                assert!(ended.stdout.starts_with("web: down ") && ended.stdout.contains(" seconds"), "{ended:?}")
            }
        }
    }
}

#[test]
fn what_may_not_be_looked_at_has_its_line() {
    let ground = Ground::new();
    let [closed, guarded, secret] =
        ["closed", "guarded", "secret"].map(|name| ground.service(name).supervised(&Status::up(7)));
    fs::set_permissions(closed.path(), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(guarded.file("supervise"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(secret.file("supervise"), Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(secret.file("supervise/ok"), Permissions::from_mode(0o622)).unwrap();
    fs::set_permissions(secret.file("supervise/status"), Permissions::from_mode(0o000)).unwrap();
    let lines = "closed: unable to chdir: access denied\n\
                 guarded: unable to open supervise/ok: access denied\n\
                 secret: unable to open supervise/status: access denied\n";
    for svstat in ground.both("svstat") {
        let mut command = ground.call(&svstat, &["closed", "guarded", "secret"]);
        assert_eq!(run(unprivileged(&mut command)), Ended::with(0, lines, ""), "{svstat:?}");
    }
    for path in [closed.path().to_owned(), guarded.file("supervise")] {
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn names_that_are_no_text_are_printed_as_they_are() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let ground = Ground::new();
    let name = OsStr::from_bytes(b"w\xffe\xc3b");
    let _web = ground.service(name).supervised(&Status::up(7));
    for svstat in ground.both("svstat") {
        let output = ground.call(&svstat, &[name]).output().unwrap();
        assert_eq!(output.stdout, b"w\xffe\xc3b: up (pid 7) 0 seconds\n", "{svstat:?}");
    }
}

/// For the reference it has to be readable, even to say nothing.
#[test]
fn the_current_directory_need_not_be_readable() {
    let ground = Ground::new();
    let services = ground.service("services");
    fs::set_permissions(services.path(), Permissions::from_mode(0o311)).unwrap();
    for svstat in ground.both("svstat") {
        let ended = run(unprivileged(ground.call(&svstat, &["nosuch"]).current_dir(services.path())));
        let expected = match svstat.side {
            Side::Ours => Ended::with(0, "nosuch: unable to chdir: file does not exist\n", ""),
            Side::Reference => Ended::with(111, "", "svstat: fatal: unable to open current directory: access denied\n"),
        };
        assert_eq!(ended, expected);
    }
    fs::set_permissions(services.path(), Permissions::from_mode(0o755)).unwrap();
}

/// The reference does not look whether anybody gets what it says.
#[test]
fn an_output_that_takes_nothing_is_no_failure() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    for svstat in ground.both("svstat") {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        assert!(ground.call(&svstat, &["web"]).stdout(full).status().unwrap().success(), "{svstat:?}");
        let mut command = ground.call(&svstat, &["web"]);
        // SAFETY: a number.
        unsafe {
            command.pre_exec(|| {
                libc::close(1);
                Ok(())
            });
        }
        assert!(command.status().unwrap().success(), "{svstat:?}");
    }
    for form in ["--json", "--table"] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = ground
            .line(&format!("svstat {form} web"))
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(111));
        assert_eq!(output.stderr, b"svstat: fatal: unable to write output: out of disk space\n");
    }
}

/// What others may write to is not waited for, and not followed.
#[test]
fn files_that_are_something_else_keep_nobody() {
    let ground = Ground::new();
    let service = ground.service("web");
    service.begin();
    // without a writer, a reader that waits would wait for ever
    nix::unistd::mkfifo(&service.file("supervise/status"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for svstat in ground.both("svstat") {
        let line = "web: unable to read supervise/status: bad format\n";
        assert_eq!(ground.run(&svstat, &["web"]), Ended::with(0, line, ""), "{svstat:?}");
    }
    fs::remove_file(service.file("supervise/status")).unwrap();
    symlink("/dev/zero", service.file("supervise/status")).unwrap();
    assert_eq!(ground.say("svstat web").stdout, "web: unable to open supervise/status: symbolic link loop\n");
}
