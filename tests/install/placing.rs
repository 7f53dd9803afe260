//! What goes where, and what is said of what cannot.

use crate::stage::{Entry, Stage, Tree, expected, run, tree, without_manifest};
use crate::support;
use crate::support::leave_out;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

#[test]
fn everything_is_put_in_its_place() {
    let stage = Stage::new();
    let outcome = stage.run(&[]).succeeded();
    assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "two-b", "three"]));
    assert!(!outcome.stdout.contains("Not linked"), "{outcome:?}");
}

#[test]
fn the_umask_and_the_modes_of_the_sources_play_no_part() {
    let stage = Stage::new();
    fs::set_permissions(stage.path("a checkout/man/one.1"), fs::Permissions::from_mode(0o600)).unwrap();
    let script = "umask 077; exec ./install.sh \"$@\"";
    let mut command = Command::new("/bin/sh");
    command.env("PATH", stage.path("some tools")).env("DESTDIR", stage.path("a root"));
    command.args(["-c", script, "sh", "--binary", "../a build"]).current_dir(stage.path("a checkout"));
    run(&mut command).succeeded();
    assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "two-b", "three"]));
}

#[test]
fn the_real_catena_works_where_it_is_installed() {
    let stage = Stage::new();
    let mut command = stage.bare();
    run(command.arg("--binary").arg(support::catena()).arg("--prefix").arg(stage.path("a root"))).succeeded();
    for applet in catena::applets::ALL {
        let link = stage.path("a root/bin").join(applet.name);
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("catena"));
        let output = Command::new(&link).arg("--help").output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
        // what the script says of the installed catena
        let help = Command::new(stage.path("a root/bin/catena")).args(["help", applet.name]).output().unwrap();
        assert_eq!((help.status.code(), help.stdout), (Some(0), output.stdout));
    }
    assert_eq!(fs::metadata(stage.path("a root/bin/catena")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn the_committed_documents_are_all_taken() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !checkout.join("man/catena.1").exists() {
        return leave_out("the committed documents' installation: there are none");
    }
    let stage = Stage::new();
    let mut command = Command::new(checkout.join("install.sh"));
    command.env_clear().env("PATH", stage.path("some tools")).env("DESTDIR", stage.path("a root"));
    run(command.arg("--binary").arg(support::catena())).succeeded();
    let places = [
        ("man", "man/man1"),
        ("completions/bash", "bash-completion/completions"),
        ("completions/zsh", "zsh/site-functions"),
        ("completions/fish", "fish/vendor_completions.d"),
    ];
    for (from, to) in places {
        let to = stage.path("a root/usr/local/share").join(to);
        assert_eq!(
            tree(&to).into_keys().collect::<Vec<_>>(),
            tree(&checkout.join(from)).into_keys().collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_prefix_can_be_given_in_every_usual_way() {
    let root = |stage: &Stage| format!("--destdir={}", stage.path("a root").display());
    let ways: [(&[&str], Option<&str>); 6] = [
        (&["--prefix", "/opt/my own"], None),
        (&["--prefix=/opt/my own"], None),
        (&["PREFIX=/opt/my own"], None),
        (&["PREFIX=/opt/my own//"], None),
        (&[], Some("/opt/my own")),
        (&["--prefix", "/opt/my own"], Some("/elsewhere")),
    ];
    for (words, environment) in ways {
        let stage = Stage::new();
        let mut command = stage.bare();
        command.args(["--binary", "a build"]).arg(root(&stage)).args(words);
        run(command.envs(environment.map(|prefix| ("PREFIX", prefix)))).succeeded();
        assert_eq!(without_manifest(stage.root(), "opt/my own"), expected("opt/my own", &["one", "two-b", "three"]));
    }
    for words in [&["DESTDIR=a root"][..], &["--destdir", "a root/"]] {
        let stage = Stage::new();
        run(stage.bare().args(["--binary", "a build"]).args(words)).succeeded();
        assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "two-b", "three"]));
    }
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let stage = Stage::new();
    stage.take("three");
    let said = stage.run(&["--dry-run"]).succeeded().stdout;
    assert_eq!(stage.root(), Tree::new());
    let root = stage.path("a root");
    let lines = expected("usr/local", &["one", "two-b"]).into_iter().map(|(path, entry)| {
        let path = root.join(path).display().to_string();
        match entry {
            Entry::Directory(_) => format!("would make {path}"),
            Entry::File(..) => format!("would install {path}"),
            Entry::Link(target) => format!("would link {path} -> {}", target.display()),
        }
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    let mut said_lines: Vec<&str> = said.lines().filter(|line| line.starts_with("would")).collect();
    said_lines.sort_unstable();
    assert_eq!(said_lines, lines);
    assert!(said.contains(&format!("three ({})", stage.path("some tools/three").display())), "{said}");
}

#[test]
fn documents_may_be_absent() {
    let stage = Stage::new();
    fs::remove_dir_all(stage.path("a checkout/man")).unwrap();
    fs::remove_dir_all(stage.path("a checkout/completions")).unwrap();
    stage.run(&[]).succeeded();
    let files = without_manifest(stage.root(), "usr/local").into_iter();
    let files: Vec<String> =
        files.filter(|(_, entry)| !matches!(entry, Entry::Directory(_))).map(|(path, _)| path).collect();
    assert_eq!(files, ["catena", "one", "three", "two-b"].map(|name| format!("usr/local/bin/{name}")));
}

#[test]
fn a_prefix_that_cannot_be_written_to_is_said() {
    let stage = Stage::new();
    run(stage.bare().args(["--binary", "a build", "--prefix", "/dev/null/x"]))
        .failed(&["/dev/null", "not a directory"]);
    let root = stage.path("a root");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = stage.command();
    if support::is_root() {
        command.uid(65534).gid(65534);
    }
    run(&mut command).failed(&["cannot write to", root.to_str().unwrap()]);
    assert_eq!(stage.root(), Tree::new());
}

#[test]
fn wrong_arguments_are_said() {
    let stage = Stage::new();
    let wrong: [(&[&str], &str); 11] = [
        (&["--prefix", "relative"], "absolute"),
        (&["--prefix", ""], "absolute"),
        (&["--prefix", "/a/../b"], ".."),
        (&["--prefix", "/a\n/b"], "newline"),
        (&["--prefix"], "--prefix needs a value"),
        (&["--applets"], "--applets needs a value"),
        (&["--applets", ","], "no applet"),
        (&["--all", "--applets", "one"], "cannot go together"),
        (&["--nosuch"], "--nosuch"),
        (&["one"], "one"),
        (&["--binary", "no build"], "no build"),
    ];
    for (words, text) in wrong {
        stage.run(words).failed(&[text]);
    }
    stage.put("no program", "");
    stage.run(&["--binary", "no program"]).failed(&["cannot run", "no program"]);
    assert_eq!(stage.root(), Tree::new());
}

#[test]
fn help_is_help() {
    let stage = Stage::new();
    let said = stage.run(&["--help"]).succeeded().stdout;
    for word in
        ["--prefix", "--destdir", "--all", "--applets", "--binary", "--dry-run", "--uninstall", "manifest", "never"]
    {
        assert!(said.contains(word), "{word} not in {said}");
    }
    assert_eq!(stage.root(), Tree::new());
}

#[test]
fn shellcheck_has_nothing_to_say() {
    let Some(shellcheck) = support::peer("shellcheck") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
    let output = Command::new(shellcheck).args(["--norc", "--shell=sh"]).arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
