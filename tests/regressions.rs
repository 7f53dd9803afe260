//! What has been wrong once, each with the smallest call that showed it.
#![allow(unsafe_code)]

mod support;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use support::Installed;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a shell line with the applets in front of the usual PATH.
fn shell(installed: &Installed, line: &str) -> Output {
    let path = format!("{}:/usr/bin:/bin", installed.path().display());
    let directory = tempfile::tempdir().unwrap();
    Command::new("/bin/sh").args(["-c", line]).env("PATH", path).current_dir(directory.path()).output().unwrap()
}

fn printed(installed: &Installed, line: &str) -> String {
    text(&shell(installed, line).stdout)
}

#[test]
fn a_long_chain_needs_no_more_memory_than_its_links() {
    let installed = Installed::new();
    let variables = tempfile::tempdir().unwrap();
    for number in 0..40 {
        std::fs::write(variables.path().join(format!("V{number}")), "x".repeat(1000)).unwrap();
    }
    let links = ["envdir", variables.path().to_str().unwrap()].repeat(700);
    for fuse in ["1", "0"] {
        let output = Command::new(installed.applet("softlimit"))
            .args(["-a", "30000000"])
            .args(&links)
            .arg("/bin/true")
            .env("PATH", installed.path())
            .env("CATENA_FUSE", fuse)
            .output()
            .unwrap();
        assert_eq!((text(&output.stderr), output.status.code()), (String::new(), Some(0)), "CATENA_FUSE={fuse}");
    }
}

#[test]
fn a_message_is_not_taken_for_a_code_where_standard_output_and_error_are_closed() {
    let installed = Installed::new();
    let output = shell(&installed, "setsid -f nosuch >&- 2>&-; echo $? >code; cat code");
    assert_eq!(text(&output.stdout), "127\n");
    let output = shell(&installed, "setsid -fc true </dev/null >&- 2>&-; echo $? >code; cat code");
    assert_eq!(text(&output.stdout), "1\n");
}

#[test]
fn setsid_knows_real_time_signals() {
    let installed = Installed::new();
    let output = shell(&installed, "setsid -fw sh -c 'kill -40 $$'; echo $?");
    assert_eq!(text(&output.stdout), "168\n");
    assert!(text(&output.stderr).ends_with(" did not exit normally\n"), "{output:?}");
}

#[test]
fn a_file_that_cannot_be_looked_at_may_still_be_run() {
    let Some(strace) = support::peer("strace") else { return };
    let installed = Installed::new();
    let output = Command::new(strace)
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=statx", "-e", "inject=statx:error=EPERM"])
        .arg(installed.applet("nohup"))
        .arg(installed.applet("pgrphack"))
        .args(["/bin/echo", "ran"])
        .output()
        .unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("ran\n".to_owned(), String::new()));
}

#[test]
fn behind_a_set_id_launcher_it_runs_and_set_id_itself_it_does_not() {
    if !support::is_root() {
        return support::leave_out("set-id starts: need root");
    }
    let installed = Installed::new();
    let start = |program: &Path, ids: [u32; 3]| {
        let mut command = Command::new(program);
        command.args(["pgrphack", "/bin/echo", "ran"]).env("PATH", installed.path());
        // SAFETY: a system call between fork and exec.
        unsafe {
            command.pre_exec(move || match libc::setresuid(ids[0], ids[1], ids[2]) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
        command.output().unwrap()
    };
    let output = start(&installed.applet("pgrphack"), [1000, 0, 0]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("ran\n".to_owned(), String::new()));

    let set_id = installed.path().join("set-id");
    std::fs::create_dir(&set_id).unwrap();
    support::copy_program(support::catena(), &set_id.join("pgrphack"));
    assert!(Command::new("chmod").arg("4755").arg(set_id.join("pgrphack")).status().unwrap().success());
    let output = start(&set_id.join("pgrphack"), [1000, 1000, 1000]);
    assert_eq!(output.status.code(), Some(111), "{output:?}");
    let said = "catena: fatal: refusing to run set-user-id, set-group-id or with file capabilities\n";
    assert_eq!(text(&output.stderr), said);
    std::fs::remove_dir_all(set_id).unwrap();
}

#[test]
fn last_words_kill_nobody() {
    let installed = Installed::new();
    for (command, expected) in [
        ("setsid -fw sh -c 'kill -9 $$'", "137"),
        ("catena bogus", "127"),
        ("softlimit -z", "100"),
        ("softlimit nosuch", "111"),
    ] {
        // a pipe whose reader has come and gone
        let line = format!("mkfifo gone; {{ : <gone; }} & exec 3>&1 2>gone; wait; {command}; echo $?");
        assert_eq!(printed(&installed, &line).trim(), expected, "{command} with a broken pipe");
    }
    for (command, expected) in [("softlimit -f 0 nosuch", "111"), ("(ulimit -f 0; envdir nosuch true)", "111")] {
        assert_eq!(printed(&installed, &format!("{command} 2>file; echo $?")).trim(), expected, "{command}");
    }
}

/// Wherever in its page the stack was when the limit was lowered.
#[test]
fn a_stack_that_cannot_grow_has_room_for_a_message() {
    const PAGE: usize = 4096;
    let installed = Installed::new();
    for padding in (0..PAGE).step_by(64) {
        let output = Command::new(installed.applet("softlimit"))
            .args(["-s", "16384", "true"])
            .args((0..30_000).map(|number| number.to_string()))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PADDING", "x".repeat(padding))
            .output()
            .unwrap();
        let said = "softlimit: fatal: unable to run true: argument list too long\n";
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(111), said.to_owned()), "{padding}");
    }
}

#[test]
fn install_takes_one_directory_that_exists() {
    let said = |words: &[&str]| {
        let output = Command::new(support::catena()).args(words).output().unwrap();
        assert!(text(&output.stderr).lines().count() == 1 && output.stdout.is_empty(), "{output:?}");
        output.status.code()
    };
    assert_eq!(said(&["--install", ""]), Some(100));
    assert_eq!(said(&["--install="]), Some(100));
    assert_eq!(said(&["--install", "/tmp", "extra"]), Some(100));
    assert_eq!(said(&["--list", "extra"]), Some(100));
    assert_eq!(said(&["--install", "/nonexistent"]), Some(111));
    assert_eq!(said(&["--install", "/etc/passwd"]), Some(111));
}

#[test]
fn an_element_of_path_that_is_too_long_is_passed_over_by_execvp_s_equals() {
    let installed = Installed::new();
    let long = "/a".repeat(3000);
    let line = format!("PATH={long}:$PATH; nohup echo ran </dev/null");
    let peer = support::peer("nohup").map(|peer| line.replace("nohup", peer.to_str().unwrap()));
    for line in [Some(line), peer].into_iter().flatten() {
        assert_eq!(printed(&installed, &line), "ran\n");
    }
}

/// Nobody reads the status pipe before its end, so what is written into it must not depend on the length of PATH.
#[test]
fn a_long_path_does_not_fill_the_status_pipe() {
    let installed = Installed::new();
    let path = ":".repeat(9500);
    for line in ["daemonize no-such-program", "daemonize setsid -f no-such-program"] {
        let chain = line.replace("setsid", installed.applet("setsid").to_str().unwrap());
        let words: Vec<&str> = chain.split(' ').skip(1).collect();
        let output = Command::new(installed.applet("daemonize")).args(words).env("PATH", &path).output().unwrap();
        assert_eq!(text(&output.stderr).lines().count(), 1, "{line}: {output:?}");
        assert!(matches!(output.status.code(), Some(1 | 127)), "{line}: {output:?}");
    }
}

/// A signal that finds the program ended, but not waited for, belongs to what the program has left.
#[test]
fn fghack_hands_a_signal_on_to_what_is_left() {
    let installed = Installed::new();
    for _ in 0..20 {
        // stopped, it finds end and signal at the same time
        let line = "
            fghack --subreaper sh -c 'sleep 1000 >/dev/null & echo $$; read x; exit 3' <go >pid & fghack=$!
            exec 3>go
            read program <pid
            kill -STOP $fghack
            exec 3>&-
            # it has handed its child on only when it is a zombie
            until grep -q ') Z ' /proc/$program/stat; do :; done
            kill -TERM $fghack
            kill -CONT $fghack
            wait $fghack
            echo $?";
        let output = shell(&installed, &format!("mkfifo go pid; {line}"));
        assert_eq!(text(&output.stdout), "3\n", "{output:?}");
    }
}

/// Where /proc tells nothing, the kernel is asked.
#[test]
fn daemonize_knows_its_children_without_proc() {
    let installed = Installed::new();
    let unshare = "unshare --user --map-root-user --pid --fork";
    if !shell(&installed, &format!("{unshare} true")).status.success() {
        return support::leave_out("daemonize in a pid namespace without its /proc: not allowed here");
    }
    for (line, code) in [
        ("daemonize -p P --settle=300 setsid -f no-such-program", 127),
        ("daemonize -p P --settle=5000 sh -c 'exit 3'", 1),
        ("daemonize -p P --timeout=0.2 --ready=fd=5 sleep 1000", 1),
    ] {
        let output = shell(&installed, &format!("{unshare} sh -c '{}; echo $? $(ls)'", line.replace('\'', "\"")));
        assert_eq!(text(&output.stdout), format!("{code}\n"), "{line}: {output:?}");
    }
    let line = "daemonize --settle=100 setsid -f sleep 2";
    let output = shell(&installed, &format!("{unshare} sh -c '{line}; echo $?'"));
    assert_eq!(text(&output.stdout), "0\n", "{output:?}");
}

/// Low limits on memory are in daily use, and a link must live with them: all that a program has from the start counts. (On
/// the address space as well, but that counts the code, of which a debug build has much.)
#[test]
#[cfg(all(target_feature = "crt-static", target_env = "gnu"))]
fn links_live_under_low_memory_limits() {
    let installed = Installed::new();
    for limit in ["-d 300000", "-d 200000"] {
        let line = format!("CATENA_FUSE=0 softlimit {limit} setlock -n one setlock -n two ./no-such-program; echo $?");
        let output = shell(&installed, &line);
        let expected = "setlock: fatal: unable to run ./no-such-program: file does not exist\n";
        assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("111\n", expected), "{limit}");
    }
}

/// Without /proc nobody tells which descriptors there are, and the limit of now does not bound those from a time of another.
#[test]
fn close_fds_closes_what_is_above_a_lowered_limit_without_proc() {
    if !support::namespaces::may_unshare(support::namespaces::MOUNTS) {
        return;
    }
    let installed = Installed::new();
    let look = "{ : <&\"$0\"; } 2>/dev/null && echo \"$0 open\" || echo \"$0 closed\"";
    for (before, expected) in [("", "open"), ("--close-fds", "closed")] {
        // dash itself knows no number of two digits, so bash opens it
        let line = format!(
            "mount -t tmpfs none /proc && exec 70</dev/zero && ulimit -n 32 && \
             daemonize {before} -o \"$PWD/said\" -c / /bin/bash -c '{look}' 70"
        );
        let path = format!("{}:/usr/bin:/bin", installed.path().display());
        let directory = tempfile::tempdir().unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(support::namespaces::MOUNTS).args(["/bin/bash", "-c", &line]);
        let output = unshare.env("PATH", path).current_dir(directory.path()).output().unwrap();
        // the daemon may write after its start has been told
        let said = || text(&std::fs::read(directory.path().join("said")).unwrap_or_default());
        support::waiting::look_until("the daemon has said it", || !said().is_empty());
        assert_eq!(said(), format!("70 {expected}\n"), "{before}: {output:?}");
    }
}
