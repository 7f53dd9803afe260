//! What is in the place of an installed file but is none: it is named, and nothing is done; and names that only this script
//! should use lead nowhere else.

use crate::stage::{Stage, run, tree};
use nix::sys::stat::Mode;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// What may be planted under a name, with a file `victim` beside the root.
#[derive(Clone, Copy, Debug)]
enum Plant {
    Fifo,
    Directory,
    Link,
    LinkToDirectory,
    HardLink,
}

impl Plant {
    fn at(self, place: &Path, stage: &Stage) {
        stage.put("victim", "precious");
        fs::create_dir_all(stage.path("victims")).unwrap();
        let _ = fs::remove_file(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        match self {
            Self::Fifo => nix::unistd::mkfifo(place, Mode::from_bits_truncate(0o644)).unwrap(),
            Self::Directory => fs::create_dir(place).unwrap(),
            Self::Link => symlink(stage.path("victim"), place).unwrap(),
            Self::LinkToDirectory => symlink(stage.path("victims"), place).unwrap(),
            Self::HardLink => fs::hard_link(stage.path("victim"), place).unwrap(),
        }
    }
}

#[track_caller]
fn is_unharmed(stage: &Stage, context: &str) {
    assert_eq!(fs::read(stage.path("victim")).unwrap(), b"precious", "{context}");
    assert_eq!(fs::read_dir(stage.path("victims")).unwrap().count(), 0, "{context}");
}

const PLACES: [&str; 3] = ["bin/catena", "share/man/man1/one.1", "share/catena/manifest"];

#[test]
fn what_is_no_file_is_an_error_and_stays() {
    for place in PLACES {
        for plant in [Plant::Fifo, Plant::Directory, Plant::Link, Plant::LinkToDirectory] {
            for is_upgrade in [false, true] {
                let stage = Stage::new();
                if is_upgrade {
                    stage.run(&[]).succeeded();
                }
                let path = stage.path("a root/usr/local").join(place);
                plant.at(&path, &stage);
                let context = format!("{place} {plant:?} {is_upgrade}");
                let kind = fs::symlink_metadata(&path).unwrap().file_type();
                for words in [&[][..], &["--all"]] {
                    stage.run(words).failed(&[path.to_str().unwrap(), "nothing was "]);
                    assert_eq!(fs::symlink_metadata(&path).unwrap().file_type(), kind, "{context}");
                    is_unharmed(&stage, &context);
                }
            }
        }
    }
}

#[test]
fn a_file_that_was_changed_since_is_not_overwritten() {
    let stage = Stage::new();
    stage.run(&[]).succeeded();
    stage.put("a root/usr/local/share/man/man1/one.1", "a better page");
    let before = stage.root();
    stage.put("a checkout/man/one.1", "a new page");
    let place = stage.path("a root/usr/local/share/man/man1/one.1");
    stage.run(&[]).failed(&[place.to_str().unwrap(), "was changed since", "nothing was installed"]);
    assert_eq!(stage.root(), before);
    // unless what is there is what would come
    stage.put("a root/usr/local/share/man/man1/one.1", "a new page");
    stage.run(&[]).succeeded();
    stage.run(&["--uninstall"]).succeeded();
    assert_eq!(stage.root(), crate::stage::Tree::new());
}

/// Names that are written to before they are renamed.
#[test]
fn a_temporary_name_leads_nowhere_else() {
    for name in ["share/catena/manifest.new", "bin/.catena.$$", "bin/.one.$$", "share/man/man1/.one.1.$$"] {
        for plant in [Plant::Fifo, Plant::Link, Plant::LinkToDirectory, Plant::HardLink] {
            let stage = Stage::new();
            let planted = stage.path("planted");
            plant.at(&planted, &stage);
            // by a process of the same number
            let script = format!(
                "for d in bin share/catena share/man/man1; do mkdir -p \"$DESTDIR/usr/local/$d\"; done\n\
                 mv ../planted \"$DESTDIR/usr/local/{name}\"; exec ./install.sh \"$@\""
            );
            let mut command = Command::new("/bin/sh");
            command.env("PATH", stage.path("some tools")).env("DESTDIR", stage.path("a root"));
            command.args(["-c", &script, "sh", "--binary", "../a build"]).current_dir(stage.path("a checkout"));
            run(&mut command).succeeded();
            is_unharmed(&stage, &format!("{name} {plant:?}"));
            let left: Vec<String> = tree(&stage.path("a root/usr/local")).into_keys().collect();
            assert!(
                !left.iter().any(|path| path.contains("/.") || path.ends_with(".new")),
                "{name} {plant:?}: {left:?}"
            );
        }
    }
}

#[test]
fn a_manifest_names_nothing_outside_the_prefix() {
    let stage = Stage::new();
    stage.run(&[]).succeeded();
    stage.put("a root/etc/precious", "page of one");
    fs::create_dir(stage.path("a root/empty")).unwrap();
    let manifest = stage.path("a root/usr/local/share/catena/manifest");
    let mut text = fs::read_to_string(&manifest).unwrap();
    let line = text.lines().find(|line| line.ends_with("/one.1")).unwrap().to_owned();
    let sum = line.rsplit_once(' ').unwrap().0;
    text.push_str(&format!(
        "{sum} /usr/local/../../etc/precious\n{sum} /etc/precious\nd /empty\nd /usr/local/../../empty\n"
    ));
    fs::write(&manifest, text).unwrap();
    stage.run(&["--uninstall"]).succeeded();
    let left: Vec<String> = stage.root().into_keys().collect();
    assert_eq!(left, ["empty", "etc", "etc/precious"]);
}
