//! Which applets are linked, and whose files are in the way.

use crate::stage::{Entry, Stage, Tree, expected, run, without_manifest};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

#[test]
fn a_name_found_elsewhere_is_left_out_and_listed() {
    let stage = Stage::new();
    stage.take("two-b");
    let said = stage.run(&[]).succeeded().stdout;
    assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "three"]));
    assert!(said.contains(&format!("two-b ({})", stage.path("some tools/two-b").display())), "{said}");
    for words in ["--all", "--applets", "catena NAME", "'catena help NAME' tells how to use one."] {
        assert!(said.contains(words), "{words} not in {said}");
    }
    // what is left out has no page in the root; it is said where there is one
    let pages = said.lines().find_map(|line| line.strip_prefix("The manual pages of all are in ")?.strip_suffix('.'));
    assert!(Path::new(pages.unwrap()).join("two-b.1").exists(), "{said}");
    assert!(!said.contains("one (") && !said.contains("three ("), "{said}");
    // only programs count
    let stage = Stage::new();
    stage.put("some tools/one", "no program");
    fs::create_dir(stage.path("some tools/three")).unwrap();
    assert!(!stage.run(&[]).succeeded().stdout.contains("Not linked"));
}

#[test]
fn all_links_what_is_found_elsewhere_too() {
    let stage = Stage::new();
    stage.take("two-b");
    let said = stage.run(&["--all"]).succeeded().stdout;
    assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "two-b", "three"]));
    assert!(!said.contains("Not linked"), "{said}");
}

#[test]
fn applets_links_what_is_named_and_keeps_what_is_linked() {
    let stage = Stage::new();
    stage.take("two-b");
    stage.run(&["--applets", "two-b"]).succeeded();
    assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["two-b"]));
    stage.run(&["--applets=one"]).succeeded();
    assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "two-b"]));
    let stage = Stage::new();
    stage.run(&["--applets", "one,three"]).succeeded();
    assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "three"]));
}

#[test]
fn an_unknown_applet_stops_everything() {
    let stage = Stage::new();
    // in a directory with a file called like an applet
    stage.put("one", "");
    for names in ["one,nosuch", "on?", "two", "one two", "catena"] {
        stage.run(&["--applets", names]).failed(&["there is no applet "]);
        assert_eq!(stage.root(), Tree::new(), "{names}");
    }
}

#[test]
fn a_strangers_file_in_the_place_of_a_link_is_left_alone() {
    for is_link in [false, true] {
        let stage = Stage::new();
        let place = stage.path("a root/usr/local/bin/one");
        stage.put("a root/usr/local/bin/other", "somebody's");
        if is_link {
            symlink("other", &place).unwrap();
        } else {
            stage.put("a root/usr/local/bin/one", "somebody's");
        }
        let before = stage.root();
        for words in [&["--all"][..], &["--applets", "one"]] {
            stage.run(words).failed(&[place.to_str().unwrap(), "nothing was installed"]);
            assert_eq!(stage.root(), before);
        }
        let said = stage.run(&[]).succeeded().stdout;
        assert!(said.contains(&format!("one ({})", place.display())), "{said}");
        let after = stage.root();
        assert!(before.iter().all(|(path, entry)| after.get(path) == Some(entry)));
        assert_eq!(after.get("usr/local/bin/three"), Some(&Entry::Link("catena".into())));
        assert_eq!(after.get("usr/local/share/man/man1/one.1"), None);
    }
}

#[test]
fn a_strangers_file_in_any_other_place_is_an_error() {
    for path in
        ["usr/local/bin/catena", "usr/local/share/man/man1/three.1", "usr/local/share/zsh/site-functions/_catena"]
    {
        let stage = Stage::new();
        stage.put(&format!("a root/{path}"), "somebody's");
        let before = stage.root();
        stage.run(&[]).failed(&[stage.path("a root").join(path).to_str().unwrap(), "nothing was installed"]);
        assert_eq!(stage.root(), before);
    }
}

#[test]
fn a_link_to_catena_is_taken_over() {
    let stage = Stage::new();
    fs::create_dir_all(stage.path("a root/usr/local/bin")).unwrap();
    symlink("catena", stage.path("a root/usr/local/bin/one")).unwrap();
    stage.run(&["--all"]).succeeded();
    assert_eq!(without_manifest(stage.root(), "usr/local"), expected("usr/local", &["one", "two-b", "three"]));
}

#[test]
fn its_own_links_on_path_are_not_another_program() {
    let stage = Stage::new();
    let install = || {
        let mut command = stage.bare();
        let path = format!("{}:{}", stage.path("a root/bin").display(), stage.path("some tools").display());
        command.env("PATH", path).env("PREFIX", stage.path("a root")).arg("--binary").arg(stage.path("a build"));
        run(&mut command).succeeded().stdout
    };
    assert!(!install().contains("Not linked"));
    let first = stage.root();
    assert!(!install().contains("Not linked"));
    assert_eq!(stage.root(), first);
    assert_eq!(first.get("bin/one"), Some(&Entry::Link("catena".into())));
}

#[test]
fn a_package_is_not_thinned_out_by_what_is_installed_here() {
    let stage = Stage::new();
    let build = |command: &mut Command| {
        let path = format!("{}:{}", stage.path("host/bin").display(), stage.path("some tools").display());
        let words = ["--binary", "a build", "--prefix"];
        run(command.env("PATH", path).args(words).arg(stage.path("host"))).succeeded().stdout
    };
    build(&mut stage.bare());
    let said = build(stage.bare().args(["--destdir", "a root"]));
    assert!(!said.contains("Not linked"), "{said}");
    let packaged = stage.path("a root").join(stage.path("host/bin/one").strip_prefix("/").unwrap());
    assert_eq!(fs::read_link(packaged).unwrap(), Path::new("catena"));
}
