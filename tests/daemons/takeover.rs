//! Changing over from bmc/daemonize, which gives the pid file to the account of -u and leaves it there: the next start takes
//! it over, but not beside a daemon that still runs, and not where anybody else could have put it.

use crate::ground::{Ground, Run, WAYS, Way, is_alive, wait_for_end_of};
use crate::pidfile_ground::{holder, holder_of, pid_in};
use crate::support::{is_root, leave_out, peer};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;

const NOBODY: u32 = 65534;
const STRANGER: u32 = 65533;

/// A ground with a directory `run` that is root's, where there is a reference to change over from.
fn ground() -> Option<(Ground, PathBuf)> {
    if !is_root() {
        leave_out("pid files of the daemon's account: need root");
        return None;
    }
    let Some(peer) = peer("daemonize") else {
        leave_out("pid files of the daemon's account: no bmc/daemonize here");
        return None;
    };
    let ground = Ground::new();
    fs::create_dir(ground.at("run")).unwrap();
    fs::set_permissions(ground.at("run"), fs::Permissions::from_mode(0o755)).unwrap();
    Some((ground, peer))
}

/// Starts `serve` with the reference, as nobody.
fn with_peer(ground: &Ground, peer: &std::path::Path, options: &[&str]) -> (Run, nix::unistd::Pid) {
    let words = [&[peer.to_str().unwrap(), "-u", "nobody"], options, &["@/serve"]].concat();
    let mut run = ground.run(true, &words);
    assert_eq!((run.code(), run.stderr()), (0, String::new()));
    let pid = run.serving();
    (run, pid)
}

/// Lets the daemon go. What it has open is closed one by one, so only its end is that of its locks.
fn ends(former: &mut Run, pid: nix::unistd::Pid) {
    assert_eq!(former.finish(), "");
    wait_for_end_of(pid);
}

/// Owner, group and permissions.
fn owner_of(ground: &Ground) -> (u32, u32, u32) {
    let seen = fs::symlink_metadata(ground.at("run/pid")).unwrap();
    (seen.uid(), seen.gid(), seen.mode() & 0o7777)
}

/// All of the file that a start could change.
fn look(ground: &Ground) -> (u64, u32, u32, u32, i64, i64, Vec<u8>) {
    let seen = fs::symlink_metadata(ground.at("run/pid")).unwrap();
    let text = fs::read(ground.at("run/pid")).unwrap_or_default();
    (seen.ino(), seen.mode(), seen.uid(), seen.gid(), seen.ctime(), seen.ctime_nsec(), text)
}

#[track_caller]
fn refuses(ground: &Ground, way: Way, options: &[&str], code: i32, says: &str) {
    let before = look(ground);
    let words = [&["-u", "nobody", "-p", "@/run/pid"], options, &["serve"]].concat();
    ground.start(way, &words).assert_failed(&format!("{options:?} {way:?}"), code, &ground.fill(says));
    assert_eq!(look(ground), before, "{options:?} {way:?}: untouched");
}

#[test]
fn what_a_predecessor_has_left_is_taken_over() {
    let Some((ground, peer)) = ground() else { return };
    for way in WAYS {
        for options in [&[][..], &["-l", "@/run/lock"], &["-l", "@/run/pid"]] {
            let (mut former, pid) = with_peer(&ground, &peer, &[options, &["-p", "@/run/pid"]].concat());
            ends(&mut former, pid);
            assert_eq!(owner_of(&ground).0, NOBODY);
            assert_eq!(pid_in(&ground.at("run/pid")), pid);

            let words = [&["-u", "nobody", "-p", "@/run/pid"], options, &["serve"]].concat();
            let mut run = ground.start(way, &words);
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{options:?} {way:?}");
            let daemon = run.serving();
            // the reference makes a lock file its owner's alone, and the pid file is that where both have one name
            let mode = if options.last() == Some(&"@/run/pid") { 0o600 } else { 0o644 };
            assert_eq!(owner_of(&ground), (0, 0, mode), "{options:?} {way:?}");
            assert_eq!(pid_in(&ground.at("run/pid")), daemon);
            if options.last() != Some(&"@/run/pid") {
                assert_eq!(holder(&ground.at("run/pid")), daemon);
            }
            assert_eq!(run.finish(), "");
            fs::remove_dir_all(ground.at("run")).unwrap();
            fs::create_dir(ground.at("run")).unwrap();
            fs::set_permissions(ground.at("run"), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// The predecessor holds no lock on its pid file, or one of another kind.
#[test]
fn not_beside_a_daemon_that_runs() {
    let Some((ground, peer)) = ground() else { return };
    for (theirs, ours) in [
        (&[][..], &[][..]),
        (&[], &["-l", "@/run/pid"]),
        (&[], &["-l", "@/run/lock"]),
        (&[], &["--pidfile-owner=user"]),
        (&["-l", "@/run/lock"], &["-l", "@/run/lock"]),
        (&["-l", "@/run/lock"], &[]),
        (&["-l", "@/run/pid"], &["-l", "@/run/pid"]),
        (&["-l", "@/run/pid"], &[]),
    ] {
        let (mut former, pid) = with_peer(&ground, &peer, &[theirs, &["-p", "@/run/pid"]].concat());
        let held = format!("daemonize: @/run/pid is held by pid {pid} (serve), which has not locked it\n");
        let locked =
            |file: &str| format!("daemonize: Can't lock the lock file \"{file}\". Is another instance running?\n");
        let (code, says) = match (theirs, ours) {
            ([_, theirs], [_, ours]) if theirs == ours => (1, locked(ours)),
            _ => (75, held),
        };
        for way in WAYS {
            refuses(&ground, way, ours, code, &says);
        }
        assert!(is_alive(pid));
        ends(&mut former, pid);
        let _ = fs::remove_file(ground.at("run/lock"));
        fs::remove_file(ground.at("run/pid")).unwrap();
    }
}

#[test]
fn not_where_others_could_have_put_it() {
    let Some((ground, peer)) = ground() else { return };
    let directory = |mode, owner| {
        chown(ground.at("run"), Some(owner), Some(owner)).unwrap();
        fs::set_permissions(ground.at("run"), fs::Permissions::from_mode(mode)).unwrap();
    };
    let (mut former, pid) = with_peer(&ground, &peer, &["-p", "@/run/pid"]);
    ends(&mut former, pid);
    let text = |how: &str| format!("daemonize: unable to use @/run/pid: {how}\n");
    let others = text("it belongs to user 65534, in a directory that group or others may write to");
    let anothers = text("it belongs to user 65534, in a directory that is another user's");
    for (mode, owner, says) in [
        (0o1777, 0, &others),
        (0o775, 0, &others),
        (0o757, 0, &others),
        (0o755, NOBODY, &anothers),
        (0o700, STRANGER, &anothers),
    ] {
        directory(mode, owner);
        refuses(&ground, WAYS[0], &[], 1, says);
    }
    directory(0o755, 0);
    // of whom it is not
    chown(ground.at("run/pid"), Some(STRANGER), None).unwrap();
    refuses(&ground, WAYS[0], &[], 1, &text("it belongs to user 65533"));
    chown(ground.at("run/pid"), Some(NOBODY), None).unwrap();
    // and nothing else than without that
    fs::set_permissions(ground.at("run/pid"), fs::Permissions::from_mode(0o664)).unwrap();
    refuses(&ground, WAYS[0], &[], 1, &text("group or others may write to it (mode 0664)"));
    fs::set_permissions(ground.at("run/pid"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::hard_link(ground.at("run/pid"), ground.at("second")).unwrap();
    refuses(&ground, WAYS[0], &[], 1, &text("it has 2 hard links"));
    fs::remove_file(ground.at("second")).unwrap();
    fs::rename(ground.at("run/pid"), ground.at("run/target")).unwrap();
    symlink("target", ground.at("run/pid")).unwrap();
    refuses(&ground, WAYS[0], &[], 1, &text("it is a symbolic link"));
    // pidfile-lock knows no account to take anything over from
    fs::rename(ground.at("run/target"), ground.at("run/pid")).unwrap();
    let before = look(&ground);
    let says = "pidfile-lock: fatal: unable to use @/run/pid: it belongs to user 65534\n";
    ground.run(true, &["pidfile-lock", "@/run/pid", "serve"]).assert_failed("pidfile-lock", 111, &ground.fill(says));
    assert_eq!(look(&ground), before);
}

#[test]
fn a_pid_that_is_another_accounts_process_now_names_nobody() {
    let Some((ground, _)) = ground() else { return };
    for way in WAYS {
        for (text, owner) in
            [(format!("{}\n", std::process::id()), "invoker"), (String::new(), "invoker"), ("77".into(), "user")]
        {
            fs::write(ground.at("run/pid"), &text).unwrap();
            chown(ground.at("run/pid"), Some(NOBODY), Some(NOBODY)).unwrap();
            let owns = format!("--pidfile-owner={owner}");
            let mut run = ground.start(way, &["-u", "nobody", "-p", "@/run/pid", &owns, "serve"]);
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{text:?} {way:?}");
            let daemon = run.serving();
            assert_eq!(holder_of(&ground.at("run/pid")), Some(daemon));
            assert_eq!(owner_of(&ground).0, if owner == "user" { NOBODY } else { 0 }, "{text:?} {way:?}");
            assert_eq!(run.finish(), "");
        }
    }
}
