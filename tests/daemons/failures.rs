//! Every failure that a chain can have after the fork: the foreground's exit code is that of the link that failed, its line
//! is said once wherever somebody can read it, and nothing is left.

use crate::failing::{assert_fails, assert_fails_behind, failing, stony_ground};
use crate::ground::{Ground, Run, WAYS, is_unlocked};
use crate::support::{is_root, leave_out};
use std::fs;

#[test]
fn at_an_account_a_lock_or_an_argument() {
    let ground = stony_ground();
    let _held = ground.hold("held");
    for case in [
        failing(&["setuidgid", "no-such-account", "serve"], 111, "setuidgid: fatal: unknown account no-such-account"),
        failing(&["setlock", "-n", "@/held", "serve"], 111, "setlock: fatal: unable to lock @/held: temporary failure"),
        failing(
            &["setlock", "@/none/lock", "serve"],
            111,
            "setlock: fatal: unable to open @/none/lock: file does not exist",
        ),
        failing(
            &["softlimit", "-c", "0", "setlock", "-n", "@/held", "pgrphack", "serve"],
            111,
            "setlock: fatal: unable to lock @/held: temporary failure",
        ),
    ] {
        assert_fails(&ground, &case);
    }
}

#[test]
fn at_a_program_in_the_words_and_with_the_code_of_the_link_in_front_of_it() {
    let ground = stony_ground();
    for case in [
        failing(&["no-such"], 1, "daemonize: Can't exec \"no-such\": No such file or directory"),
        failing(&["plain"], 1, "daemonize: Can't exec \"plain\": Permission denied"),
        failing(&["@/no-interpreter"], 1, "daemonize: Can't exec \"@/no-interpreter\": No such file or directory"),
        failing(&["nohup", "no-such"], 127, "nohup: failed to run command 'no-such': No such file or directory"),
        failing(&["nohup", "@/plain"], 126, "nohup: failed to run command '@/plain': Permission denied"),
        failing(
            &["nohup", "@/no-interpreter"],
            127,
            "nohup: failed to run command '@/no-interpreter': No such file or directory",
        ),
        failing(&["pgrphack", "no-such"], 111, "pgrphack: fatal: unable to run no-such: file does not exist"),
        failing(&["pgrphack", "@/plain"], 111, "pgrphack: fatal: unable to run @/plain: access denied"),
        failing(
            &["softlimit", "@/no-interpreter"],
            111,
            "softlimit: fatal: unable to run @/no-interpreter: file does not exist",
        ),
        failing(&["envdir", "@/env", "no-format"], 111, "envdir: fatal: unable to run no-format: exec format error"),
        failing(
            &["pidfile-lock", "@/more.pid", "no-such"],
            127,
            "pidfile-lock: fatal: unable to run no-such: file does not exist",
        ),
    ] {
        // that one's own file stays, empty
        let is_pid_file = case.chain[0] == "pidfile-lock";
        if is_pid_file {
            fs::write(ground.at("more.pid"), "").unwrap();
        }
        assert_fails(&ground, &case);
        if is_pid_file {
            assert!(is_unlocked(&ground.at("more.pid")));
        }
    }
}

#[test]
fn at_an_env_directory() {
    let ground = stony_ground();
    let locked: &[&str] = match is_root() {
        true => &["setuidgid", "nobody", "envdir", "@/secret", "serve"],
        false => &["envdir", "@/secret", "serve"],
    };
    for case in [
        failing(
            &["envdir", "@/none", "serve"],
            111,
            "envdir: fatal: unable to switch to directory @/none: file does not exist",
        ),
        failing(
            &["envdir", "@/plain", "serve"],
            111,
            "envdir: fatal: unable to switch to directory @/plain: not a directory",
        ),
        failing(locked, 111, "envdir: fatal: unable to switch to directory @/secret: access denied"),
        failing(
            &["envdir", "@/dangling", "serve"],
            111,
            "envdir: fatal: unable to read @/dangling/NAME: file does not exist",
        ),
        failing(&["envdir", "@/large", "serve"], 111, "envdir: fatal: unable to run serve: argument list too long"),
        failing(
            &["envdir", "@/large", "setlock", "@/held", "serve"],
            111,
            "envdir: fatal: unable to run setlock: argument list too long",
        ),
    ] {
        assert_fails(&ground, &case);
    }
}

#[test]
fn in_a_process_that_a_link_has_forked() {
    let ground = stony_ground();
    let _held = ground.hold("held");
    let says = "setlock: fatal: unable to lock @/held: temporary failure";
    let held = ["setlock", "-n", "@/held", "serve"];
    let missing = ["setlock", "@/plain", "no-such"];
    let missing_says = "setlock: fatal: unable to run no-such: file does not exist";
    for forking in [
        &["setsid"][..],
        &["setsid", "--fork"],
        &["setsid", "--wait"],
        &["fghack"],
        &["fghack", "--subreaper"],
        &["daemonize", "--keep-stdio"],
        &["daemonize", "--keep-stdio", "--double-fork"],
        &["setsid", "fghack", "daemonize", "--keep-stdio", "setsid"],
    ] {
        assert_fails_behind(&ground, &failing(&[forking, &held].concat(), 111, says));
        assert_fails_behind(&ground, &failing(&[forking, &missing].concat(), 111, missing_says));
    }
    // a second one that sends its messages nowhere: they arrive all the same
    let silent = [&["daemonize"][..], &held].concat();
    for way in WAYS {
        let context = format!("{silent:?} {way:?}");
        ground.start(way, &silent).assert_failed(&context, 111, &format!("{}\n", ground.fill(says)));
    }
}

/// The manual: "If the start fails, the file is emptied, or removed if it was new."
#[test]
fn in_a_process_that_a_link_behind_the_pid_file_has_forked() {
    let ground = stony_ground();
    let _held = ground.hold("held");
    let says = "setlock: fatal: unable to lock @/held: temporary failure";
    for forking in [&["setsid"][..], &["setsid", "--fork"], &["daemonize", "--keep-stdio", "--double-fork"]] {
        let chain = [forking, &["setlock", "-n", "@/held", "serve"]].concat();
        assert_fails(&ground, &failing(&chain, 111, says));
    }
}

#[test]
fn at_the_wrong_usage_of_a_later_link() {
    let ground = Ground::new();
    for (chain, code) in [
        (&["setlock", "@/lock"][..], 100),
        (&["setuidgid", "root"], 100),
        (&["envdir"], 111),
        (&["softlimit", "-z"], 100),
        (&["nohup"], 125),
        (&["setsid", "--bogus", "serve"], 1),
        (&["daemonize"], 1),
        (&["pidfile-lock", "@/lock"], 100),
    ] {
        let mut alone = ground.run(true, chain);
        assert_eq!(alone.code(), code, "{chain:?}");
        let says = alone.stderr();
        assert!(says.lines().count() >= 1 && says.ends_with('\n'), "{says:?}");
        for way in WAYS {
            for options in [&[][..], &["--keep-stdio"]] {
                let words = [options, chain].concat();
                ground.start(way, &words).assert_failed(&format!("{words:?} {way:?}"), code, &says);
            }
        }
    }
}

#[test]
fn from_a_chain_called_by_its_name_where_path_leads_nowhere() {
    let ground = stony_ground();
    let _held = ground.hold("held");
    for more in [&[][..], &["--no-fuse"]] {
        for way in WAYS {
            let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
            let chain = ["setuidgid", "root", "setlock", "-n", "@/held", "@/serve"];
            let chain = if is_root() { &chain[..] } else { &chain[2..] };
            let words = [&["catena"], more, &["daemonize"], twice, chain].concat();
            let mut command = ground.command(way.fused, &words);
            command.env("PATH", "");
            let says = ground.fill("setlock: fatal: unable to lock @/held: temporary failure\n");
            Run::new(command).assert_failed(&format!("{words:?} {way:?}"), 111, &says);
        }
    }
}

#[test]
fn a_script_without_an_interpreter_is_the_shells_behind_daemonize_and_nothing_behind_daemontools() {
    let ground = Ground::new();
    crate::support::write_script(&ground.at("bare"), "echo bare $1 >&8\n");
    for way in WAYS {
        for chain in [&["@/bare", "1"][..], &["bare", "1"], &["nohup", "bare", "1"], &["setsid", "@/bare", "1"]] {
            let mut run = ground.start(way, chain);
            assert_eq!((run.code(), run.rest(), run.stderr()), (0, "bare 1\n".into(), "".into()), "{chain:?} {way:?}");
        }
    }
    let says = "pgrphack: fatal: unable to run bare: exec format error";
    assert_fails(&ground, &failing(&["pgrphack", "bare"], 111, says));
}

#[test]
fn as_another_account() {
    if !is_root() {
        return leave_out("failures behind a change of account: need root");
    }
    let ground = stony_ground();
    for case in [
        failing(
            &["setuidgid", "nobody", "setlock", "@/secret/lock", "serve"],
            111,
            "setlock: fatal: unable to open @/secret/lock: access denied",
        ),
        failing(
            &["setuidgid", "nobody", "@/secret/program"],
            111,
            "setuidgid: fatal: unable to run @/secret/program: access denied",
        ),
    ] {
        assert_fails(&ground, &case);
    }
    for way in WAYS {
        let says = ground.fill("daemonize: Can't open \"@/secret/log\" for stdout: Permission denied\n");
        let words = ["-u", "nobody", "-o", "@/secret/log", "serve"];
        ground.start(way, &words).assert_failed(&format!("{way:?}"), 1, &says);
        let says = ground.fill("daemonize: Can't change working directory to \"@/secret\": Permission denied\n");
        let words = ["-u", "nobody", "-c", "@/secret", "serve"];
        ground.start(way, &words).assert_failed(&format!("{way:?}"), 1, &says);
    }
}
