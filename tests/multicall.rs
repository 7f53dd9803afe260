//! catena by its own name.

mod support;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

fn run(words: &[&str]) -> Output {
    Command::new(support::catena()).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Exit code and standard error, with nothing on standard output.
fn refusal(words: &[&str]) -> (i32, String) {
    let output = run(words);
    assert_eq!(text(&output.stdout), "", "{words:?}");
    (output.status.code().unwrap(), text(&output.stderr))
}

#[test]
fn list_names_every_applet_a_line_each() {
    let expected: String = catena::applets::ALL.iter().map(|applet| format!("{}\n", applet.name)).collect();
    assert_eq!(text(&run(&["--list"]).stdout), expected);
}

#[test]
fn called_alone_it_lists_the_applets_in_groups() {
    // `catena` is among the links, so it is a topic, too
    for words in [&[][..], &["--help"], &["help"], &["help", "catena"]] {
        let output = run(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        let shown = text(&output.stdout);
        for applet in catena::applets::ALL {
            let row = shown.lines().find(|line| line.trim_start().starts_with(&format!("{} ", applet.name)));
            assert!(row.is_some_and(|row| row.ends_with(applet.about)), "{} in {shown}", applet.name);
        }
    }
}

#[test]
fn help_is_the_same_by_every_way() {
    let installed = support::Installed::new();
    for applet in catena::applets::ALL {
        let shown = text(&run(&["help", applet.name]).stdout);
        assert!(shown.starts_with(applet.about), "{shown}");
        assert!(shown.contains("Usage: ") && shown.contains("Exit status:"), "{shown}");
        assert_eq!(text(&run(&[applet.name, "--help"]).stdout), shown);
        let by_name = Command::new(installed.applet(applet.name)).arg("--help").output().unwrap();
        assert_eq!((text(&by_name.stdout), by_name.status.code()), (shown, Some(0)));
    }
}

#[test]
fn version_names_the_package() {
    let version = concat!("catena ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(&run(&["--version"]).stdout), version);
    assert_eq!(text(&run(&["softlimit", "--version"]).stdout), format!("softlimit from {version}"));
}

#[test]
fn help_counts_only_before_the_operands() {
    let output = run(&["softlimit", "echo", "--help", "--version"]);
    assert_eq!(text(&output.stdout), "--help --version\n");
}

#[test]
fn a_text_that_cannot_be_written_is_a_failure() {
    for words in [&["--help"][..], &["--list"], &["softlimit", "--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = Command::new(support::catena()).args(words).stdout(full).status().unwrap();
        assert_eq!(status.code(), Some(111), "{words:?}");
    }
}

#[test]
fn an_unknown_applet_is_not_found_and_the_nearest_is_named() {
    let (code, said) = refusal(&["softlimt", "-o", "3", "true"]);
    assert_eq!((code, said.as_str()), (127, "catena: fatal: unknown applet softlimt; did you mean softlimit?\n"));
    let (code, said) = refusal(&["help", "stelock"]);
    assert_eq!((code, said.as_str()), (127, "catena: fatal: unknown applet stelock; did you mean setlock?\n"));
    let (code, said) = refusal(&["frobnicate"]);
    assert_eq!(
        (code, said.as_str()),
        (127, "catena: fatal: unknown applet frobnicate; catena --list names them all\n")
    );
}

#[test]
fn a_link_called_like_no_applet_is_refused_and_a_renamed_copy_is_catena() {
    let called = |name: &str| {
        let output = Command::new(support::catena()).arg0(name).arg("--list").output().unwrap();
        (output.status.code().unwrap(), text(&output.stderr))
    };
    assert_eq!(called("/somewhere/catena-0.1"), (0, String::new()));
    assert_eq!(called(""), (0, String::new()));
    assert_eq!(called("nohub"), (127, "catena: fatal: unknown applet nohub; did you mean nohup?\n".to_owned()));
}

#[test]
fn wrong_options_are_one_line_and_100() {
    for words in [&["-z"][..], &["--nosuch"], &["--install"], &["--list=x"]] {
        let (code, said) = refusal(words);
        assert_eq!(code, 100, "{words:?}");
        assert!(said.starts_with("catena: fatal: ") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn install_links_every_applet_and_spares_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("setsid"), "mine").unwrap();
    let install = || run(&["--install", directory.path().to_str().unwrap()]);
    let output = install();
    assert_eq!(output.status.code(), Some(111));
    let said = format!("catena: fatal: unable to link {}: file already exists\n", at("setsid").display());
    assert_eq!(text(&output.stderr), said);
    assert_eq!(std::fs::read_to_string(at("setsid")).unwrap(), "mine");
    std::fs::remove_file(at("setsid")).unwrap();

    // again: what is linked already is as it should be
    assert_eq!(install().status.code(), Some(0));
    for name in catena::applets::ALL.iter().map(|applet| applet.name).chain(["catena"]) {
        assert_eq!(at(name).read_link().unwrap(), support::catena().canonicalize().unwrap());
    }
    let output = Command::new(at("softlimit")).args(["echo", "linked"]).output().unwrap();
    assert_eq!(text(&output.stdout), "linked\n");
}

#[test]
fn catena_is_found_behind_install_by_its_own_name() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(&["--install", directory.path().to_str().unwrap()]).status.code(), Some(0));
    let help = |words: &[&str]| {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "exec \"$@\"", "sh", "catena"]).args(words).env("PATH", directory.path());
        let output = shell.output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(help(&["help", "svc"]), (Some(0), text(&run(&["help", "svc"]).stdout), String::new()));
    assert_eq!(help(&["help", "catena"]), (Some(0), text(&run(&["help"]).stdout), String::new()));
    // also in the middle of a chain, fused or not
    for fuse in ["1", "0"] {
        let mut chain = Command::new(directory.path().join("pgrphack"));
        chain.args(["catena", "softlimit", "-o", "64", "/bin/echo", "end"]).env("PATH", directory.path());
        let output = chain.env("CATENA_FUSE", fuse).output().unwrap();
        assert_eq!((text(&output.stdout), text(&output.stderr)), ("end\n".to_owned(), String::new()), "{fuse}");
    }
}

/// As `COPY catena /usr/local/bin/` and `RUN catena --install /usr/local/bin` do it in a container.
#[test]
fn install_into_its_own_directory_leaves_the_program_as_it_is() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for name in ["catena", "catena-0.1"] {
        support::copy_program(support::catena(), &at(name));
        let before = std::fs::symlink_metadata(at(name)).unwrap();
        for _ in 0..2 {
            let output =
                Command::new(at(name)).args(["--install", "."]).current_dir(directory.path()).output().unwrap();
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
        }
        let after = std::fs::symlink_metadata(at(name)).unwrap();
        assert!(after.is_file() && (after.ino(), after.len()) == (before.ino(), before.len()), "{name}");
        assert_eq!(at("catena").canonicalize().unwrap(), at(name).canonicalize().unwrap());
        assert_eq!(at("svc").canonicalize().unwrap(), at(name).canonicalize().unwrap());
        for applet in catena::applets::ALL {
            std::fs::remove_file(at(applet.name)).unwrap();
        }
        std::fs::remove_file(at("catena")).unwrap();
    }
}

#[test]
fn install_takes_what_leads_to_this_program_and_nothing_else() {
    let installed = support::Installed::new();
    // links by another text, as install.sh makes them
    let install = |into: &Path| {
        let output = Command::new(installed.applet("catena")).arg("--install").arg(into).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(install(installed.path()), (Some(0), String::new()));
    assert_eq!(installed.applet("svc").read_link().unwrap(), Path::new("catena"));
    // another build of catena is not this one
    let other = tempfile::tempdir().unwrap();
    let taken = other.path().join("catena");
    support::write_script(&taken, "another build\n");
    let said = format!("catena: fatal: unable to link {}: file already exists\n", taken.display());
    assert_eq!(install(other.path()), (Some(111), said));
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "another build\n");
    assert!(other.path().join("svc").exists());
}

#[test]
fn an_uninstalled_applet_works_in_the_middle_of_an_explicit_chain() {
    let nowhere = tempfile::tempdir().unwrap();
    let lock = nowhere.path().join("a lock").to_str().unwrap().to_owned();
    let chain = |words: &[&str]| {
        let mut command = Command::new(support::catena());
        command.args(words).env_clear().env("PATH", nowhere.path());
        command.output().unwrap()
    };
    for manner in [&["pgrphack"][..], &["--no-fuse", "pgrphack"]] {
        let output = chain(&[manner, &["softlimit", "-o", "64", "setlock", &lock, "/bin/echo", "end"]].concat());
        assert_eq!((text(&output.stdout), text(&output.stderr)), ("end\n".to_owned(), String::new()));
    }
    // also where the chain becomes explicit in its middle
    let installed = support::Installed::new();
    let only_catena = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(installed.applet("catena"), only_catena.path().join("catena")).unwrap();
    for fuse in ["1", "0"] {
        let output = Command::new(installed.applet("pgrphack"))
            .args(["catena", "softlimit", "setlock", &lock, "/bin/echo", "end"])
            .env_clear()
            .envs([("PATH", only_catena.path().as_os_str()), ("CATENA_FUSE", fuse.as_ref())])
            .output()
            .unwrap();
        assert_eq!((text(&output.stdout), text(&output.stderr)), ("end\n".to_owned(), String::new()), "{fuse}");
    }
    // by a link's name it is not: there a word is what PATH says
    let output = Command::new(installed.applet("pgrphack"))
        .args(["softlimit", "/bin/echo"])
        .env("PATH", nowhere.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(111));
    assert_eq!(text(&output.stderr), "pgrphack: fatal: unable to run softlimit: file does not exist\n");
}

#[test]
fn what_path_finds_wins_over_an_applet() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("softlimit");
    support::write_script(&program, "#!/bin/sh\necho found \"$@\"\n");
    let run = || {
        let mut command = Command::new(support::catena());
        command.args(["pgrphack", "softlimit", "x"]).env("PATH", directory.path());
        command.output().unwrap()
    };
    assert_eq!(text(&run().stdout), "found x\n");
    // found, and not runnable: not nothing
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = run();
    assert_eq!(output.status.code(), Some(111));
    assert_eq!(text(&output.stderr), "pgrphack: fatal: unable to run softlimit: access denied\n");
}

#[test]
fn a_link_to_another_copy_is_not_this_program() {
    let here = support::Installed::new();
    let there = support::Installed::new();
    // the copy cannot run; were it taken for this program, it would
    std::fs::remove_file(there.applet("catena")).unwrap();
    support::write_script(&there.applet("catena"), "no program\n");
    let output = Command::new(here.applet("pgrphack"))
        .args([there.applet("softlimit").as_path(), Path::new("/bin/true")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(111));
    let said = format!("pgrphack: fatal: unable to run {}: exec format error\n", there.applet("softlimit").display());
    assert_eq!(text(&output.stderr), said);
}

#[test]
fn a_closed_or_broken_standard_error_does_not_change_the_exit_code() {
    let (reader, writer) = nix::unistd::pipe().unwrap();
    drop(reader);
    for words in [&["softlimit", "-z"][..], &["softlimit", "/nonexistent"], &["setuidgid", "nosuchaccount", "true"]] {
        let expected = run(words).status.code();
        let status = Command::new(support::catena()).args(words).stderr(writer.try_clone().unwrap()).status().unwrap();
        assert_eq!(status.code(), expected, "{words:?} with a broken pipe");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = Command::new(support::catena()).args(words).stderr(full).status().unwrap();
        assert_eq!(status.code(), expected, "{words:?} with a full device");
    }
}

#[test]
fn what_is_too_large_for_an_exec_is_refused_at_the_link_that_made_it_so() {
    let installed = support::Installed::new();
    let directory = tempfile::tempdir().unwrap();
    // NAME=value and its NUL: 32 pages are the kernel's limit for one string
    for (length, said) in
        [(32 * 4096 - 4 - 1, ""), (32 * 4096 - 4, "envdir: fatal: unable to run pgrphack: argument list too long\n")]
    {
        std::fs::write(directory.path().join("BIG"), "x".repeat(length)).unwrap();
        for fuse in ["1", "0"] {
            let output = Command::new(installed.applet("envdir"))
                .arg(directory.path())
                .args(["pgrphack", "softlimit", "/bin/true"])
                .env("PATH", installed.path())
                .env("CATENA_FUSE", fuse)
                .output()
                .unwrap();
            assert_eq!(text(&output.stderr), said, "{length} with CATENA_FUSE={fuse}");
        }
    }
}

#[test]
fn a_link_that_waits_is_seen_under_its_own_name_fused_or_not() {
    let installed = support::Installed::new();
    let directory = tempfile::tempdir().unwrap();
    // the first holds the lock until it is told; the second was started as pgrphack and waits as setlock
    let script = "
        mkfifo held release
        setlock one sh -c 'echo >held; read line <release' & read line <held
        pgrphack setlock one cat /proc/self/comm & waiting=$!
        until read -r name </proc/$waiting/comm && [ \"$name\" = setlock ]; do :; done
        echo >release; wait";
    for fuse in ["1", "0"] {
        let output = Command::new("/bin/sh")
            .args(["-c", script])
            .current_dir(directory.path())
            .env("PATH", format!("{}:/usr/bin:/bin", installed.path().display()))
            .env("CATENA_FUSE", fuse)
            .output()
            .unwrap();
        assert_eq!((text(&output.stdout), text(&output.stderr)), ("cat\n".to_owned(), String::new()));
        for fifo in ["held", "release"] {
            std::fs::remove_file(directory.path().join(fifo)).unwrap();
        }
    }
}
