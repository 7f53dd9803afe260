//! Upgrading, and taking all away again.

use crate::stage::{Entry, Stage, Tree, build, expected, tree, without_manifest};
use crate::support;
use crate::support::write_script;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

#[test]
fn a_dry_run_of_uninstalling_removes_nothing() {
    let stage = Stage::new();
    stage.run(&[]).succeeded();
    let before = stage.root();
    let said = stage.run(&["--uninstall", "--dry-run"]).succeeded().stdout;
    assert_eq!(stage.root(), before);
    for (path, entry) in before {
        let line = format!("would remove {}", stage.path("a root").join(path).display());
        let line = if matches!(entry, Entry::Directory(_)) { line + " if it is empty" } else { line };
        assert!(said.lines().any(|said| said == line), "{line:?} not in {said}");
    }
}

#[test]
fn uninstalling_leaves_the_root_as_it_was() {
    let stage = Stage::new();
    stage.run(&[]).succeeded();
    stage.run(&["--uninstall"]).succeeded();
    assert_eq!(stage.root(), Tree::new());
    // among others' files and in directories that were there, empty ones too
    let stage = Stage::new();
    stage.put("a root/usr/local/share/man/man1/other.1", "other");
    stage.put("a root/usr/local/bin/other", "other");
    fs::create_dir_all(stage.path("a root/usr/local/share/zsh")).unwrap();
    let before = stage.root();
    stage.run(&["--all"]).succeeded();
    assert_ne!(stage.root(), before);
    stage.run(&["--uninstall"]).succeeded();
    assert_eq!(stage.root(), before);
}

#[test]
fn uninstalling_leaves_what_is_no_longer_as_installed() {
    let stage = Stage::new();
    stage.run(&[]).succeeded();
    stage.put("a root/usr/local/share/man/man1/one.1", "a better page");
    fs::remove_file(stage.path("a root/usr/local/bin/one")).unwrap();
    stage.put("a root/usr/local/bin/one", "another one");
    fs::remove_file(stage.path("a root/usr/local/bin/two-b")).unwrap();
    symlink("elsewhere", stage.path("a root/usr/local/bin/two-b")).unwrap();
    stage.put("a root/usr/local/share/fish/vendor_completions.d/new.fish", "new");
    fs::remove_file(stage.path("a root/usr/local/share/zsh/site-functions/_one")).unwrap();
    let said = stage.run(&["--uninstall"]).succeeded().stdout;
    let left: Vec<String> = stage
        .root()
        .into_iter()
        .filter(|(_, entry)| !matches!(entry, Entry::Directory(_)))
        .map(|(path, _)| path)
        .collect();
    let changed = ["usr/local/bin/one", "usr/local/bin/two-b", "usr/local/share/man/man1/one.1"];
    assert_eq!(left, [&changed[..2], &["usr/local/share/fish/vendor_completions.d/new.fish"], &changed[2..]].concat());
    for path in changed {
        assert!(
            said.lines().any(|line| line == stage.path("a root").join(path).to_str().unwrap()),
            "{path} not in {said}"
        );
    }
}

#[test]
fn uninstalling_what_is_not_installed_is_an_error() {
    let stage = Stage::new();
    stage.put("a root/usr/local/bin/catena", "somebody's");
    let before = stage.root();
    stage.run(&["--uninstall"]).failed(&["nothing is installed", "a root/usr/local"]);
    assert_eq!(stage.root(), before);
}

#[test]
fn an_upgrade_replaces_keeps_and_removes() {
    let stage = Stage::new();
    stage.take("two-b");
    stage.run(&["--all"]).succeeded();
    let program = stage.path("a root/usr/local/bin/catena");
    let former = fs::File::open(&program).unwrap();
    // the next version has another applet, and one less
    write_script(&stage.path("a build"), build(&["two-b", "three", "four"]));
    stage.put("a checkout/man/four.1", "page of four");
    stage.put("a checkout/man/three.1", "new page of three");
    fs::remove_file(stage.path("a checkout/completions/bash/three")).unwrap();
    stage.run(&[]).succeeded();
    // who runs the former goes on running it
    assert_ne!(former.metadata().unwrap().ino(), fs::metadata(&program).unwrap().ino());
    assert_eq!(fs::read_to_string(&program).unwrap(), build(&["two-b", "three", "four"]));
    let root = stage.root();
    let names: Vec<&str> = root.keys().filter_map(|path| path.strip_prefix("usr/local/bin/")).collect();
    assert_eq!(names, ["catena", "four", "three", "two-b"]);
    assert_eq!(root["usr/local/share/man/man1/three.1"], Entry::File(0o644, "new page of three".to_owned()));
    let names: Vec<&str> = root.keys().filter_map(|path| path.strip_prefix("usr/local/share/")).collect();
    assert!(!names.iter().any(|name| name.contains("one") || name.ends_with("completions/three")), "{names:?}");
    stage.run(&["--uninstall"]).succeeded();
    assert_eq!(stage.root(), Tree::new());
}

#[test]
fn what_an_interrupted_run_leaves_can_be_completed_and_removed() {
    for finish in [&["--uninstall"][..], &[]] {
        let stage = Stage::new();
        let link = stage.path("some tools/ln");
        fs::remove_file(&link).unwrap();
        write_script(&link, "#!/bin/sh\nexit 1\n");
        let outcome = stage.run(&[]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(stage.path("a root/usr/local/bin/catena").exists());
        fs::remove_file(&link).unwrap();
        symlink(support::peer("ln").unwrap(), &link).unwrap();
        stage.run(finish).succeeded();
        if finish.is_empty() {
            assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "two-b", "three"]));
        } else {
            assert_eq!(stage.root(), Tree::new());
        }
    }
}

#[test]
fn a_failing_copy_leaves_no_temporary_file() {
    let stage = Stage::new();
    let copy = stage.path("some tools/chmod");
    fs::remove_file(&copy).unwrap();
    write_script(&copy, "#!/bin/sh\nexit 1\n");
    let outcome = stage.run(&[]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("cannot install"), "{outcome:?}");
    assert_eq!(tree(&stage.path("a root/usr/local/bin")), Tree::new());
}
