//! Behind other links, and by catena's own name: its own words are all that is shown.

use crate::run::Title;
use crate::support::{Installed, is_root, leave_out};
use std::process::Command;

const WORDS: [&str; 3] = ["service", "errors:", "................"];

#[test]
fn it_shows_its_own_words_alone_however_it_was_started() {
    let installed = Installed::shared();
    let chains: [&[&str]; 6] = [
        &[],
        &["softlimit", "-o", "100"],
        &["nohup", "pgrphack"],
        &["setuidgid", ":65534:65534", "softlimit"],
        &["catena"],
        &["catena", "--no-fuse"],
    ];
    for links in chains {
        if links.first() == Some(&"setuidgid") && !is_root() {
            leave_out("readproctitle behind setuidgid: needs root");
            continue;
        }
        for fuse in ["1", "0"] {
            let words = [links, &["readproctitle"], &WORDS].concat();
            let mut command = Command::new(installed.applet(words[0]));
            command.args(&words[1..]).env("PATH", installed.path()).env("CATENA_FUSE", fuse);
            let mut title = Title::start(command, b"");
            title.write(b"multilog: warning: disk full\n");
            // argv[0] is the name as it was typed, behind a link
            let name = if links.is_empty() { installed.applet("readproctitle") } else { "readproctitle".into() };
            let mut expected = [name.as_os_str().as_encoded_bytes(), b"\0service\0errors:\0...g: disk full\n"].concat();
            if words[0] == "catena" {
                // the words have moved to where these were
                let before = installed.applet("catena").as_os_str().len() + 1;
                let flags = links[1..].iter().map(|flag| flag.len() + 1).sum::<usize>();
                expected.resize(expected.len() + before + flags, 0);
            }
            let shown = title.shown();
            assert_eq!(shown.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{links:?} {fuse}");
            assert_eq!(title.proc("comm").unwrap(), b"readproctitle\n");
            assert_eq!(title.finish(), 0, "{links:?}");
        }
    }
}

#[test]
fn a_chain_by_catenas_own_name_shows_its_words_alone() {
    let installed = Installed::shared();
    for path in [installed.path().to_str().unwrap(), "/nonexistent"] {
        for flag in [&[][..], &["--no-fuse"]] {
            let mut command = Command::new(installed.applet("catena"));
            command.args(flag).args(["softlimit", "-o", "100", "readproctitle"]).args(WORDS).env("PATH", path);
            let mut title = Title::start(command, b"");
            title.write(b"svscan: ready");
            let shown = title.shown();
            // the exec is of `catena readproctitle`, which leaves room behind the words
            let surplus = shown.iter().rev().take_while(|&&byte| byte == 0).count();
            let words = &shown[..shown.len() - surplus];
            assert_eq!(words.escape_ascii().to_string(), "readproctitle\\x00service\\x00errors:\\x00...svscan: ready");
            assert!(surplus < 20, "{surplus}");
            assert_eq!(title.finish(), 0);
        }
    }
}
