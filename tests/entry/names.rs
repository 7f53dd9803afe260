//! What catena is called as: argv[0], and behind it the name that was exec'ed.

use crate::launch::{Executed, exec};
use crate::support::{Installed, peer, write_script};
use std::os::unix::fs::symlink;
use std::process::Command;

/// Prints whether SIGHUP is ignored.
const IS_IGNORED: &str =
    r#"while read -r name set; do [ "$name" = SigIgn: ] && echo "$((0x$set & 1))"; done </proc/self/status; :"#;

#[test]
fn a_link_is_what_it_is_called_or_the_file_that_was_run() {
    let installed = Installed::new();
    let directory = tempfile::tempdir().unwrap();
    let setsid = installed.applet("setsid");
    let shell = ["/bin/sh", "-c", IS_IGNORED];
    let mut files = vec![installed.applet("nohup")];
    files.extend(peer("nohup"));
    for file in files {
        // for the peer any name does
        for name in ["nohup", "", "-nohup", "worker", "-worker", "catena-worker", "some/where/", "..", "-"] {
            let words = [&[name, setsid.to_str().unwrap()][..], &shell].concat();
            let outcome = exec(&Executed::Name(&file), &words, directory.path());
            assert_eq!((outcome.stdout.as_str(), outcome.code), ("1\n", 0), "{file:?} as {name:?}: {outcome:?}");
        }
    }
    // its own name prevails
    for name in ["pgrphack", "-pgrphack", "/some/where/pgrphack"] {
        let words = [&[name, setsid.to_str().unwrap()][..], &shell].concat();
        let outcome = exec(&Executed::Name(&installed.applet("nohup")), &words, directory.path());
        assert_eq!((outcome.stdout.as_str(), outcome.code), ("0\n", 0), "{name}: {outcome:?}");
    }
    let words = [&["-catena", "nohup"][..], &shell].concat();
    let outcome = exec(&Executed::Name(&installed.applet("setsid")), &words, directory.path());
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("1\n", 0), "{outcome:?}");
}

#[test]
fn called_with_no_words_every_applet_says_how_it_is_called() {
    let installed = Installed::new();
    let directory = tempfile::tempdir().unwrap();
    let code = |name| match name {
        "nohup" => 125,
        "setsid" | "daemonize" => 1,
        "envdir" => 111,
        _ => 100,
    };
    for applet in catena::applets::ALL {
        // the kernel makes one empty word of none since 5.18
        for words in [&[][..], &[""]] {
            let outcome = exec(&Executed::Name(&installed.applet(applet.name)), words, directory.path());
            assert_eq!(
                (outcome.stdout.as_str(), outcome.code),
                ("", code(applet.name)),
                "{}: {outcome:?}",
                applet.name
            );
            assert!(outcome.stderr.contains(applet.name), "{}: {outcome:?}", applet.name);
        }
    }
    for words in [&[][..], &[""]] {
        let outcome = exec(&Executed::Name(&installed.applet("catena")), words, directory.path());
        let said = "catena: fatal: missing operand; see catena --help\n";
        assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (100, "", said));
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn who_has_no_name_at_all_runs_nothing() {
    let installed = Installed::new();
    let directory = tempfile::tempdir().unwrap();
    let run = |executed: Executed<'_>, name| {
        let outcome = exec(&executed, &[name, "/bin/echo", "ran"], directory.path());
        assert_eq!(outcome.stdout, "", "{outcome:?}");
        (outcome.code, outcome.stderr)
    };
    let nohup = installed.applet("nohup");
    let nameless = "catena: fatal: unable to tell which applet is meant: argv[0] is empty\n";
    let unknown = "catena: fatal: unknown applet worker; catena --list names them all\n";
    assert_eq!(run(Executed::Descriptor(&nohup), ""), (127, nameless.to_owned()));
    assert_eq!(run(Executed::Descriptor(&nohup), "worker"), (127, unknown.to_owned()));
    let outcome = exec(&Executed::Descriptor(&nohup), &["nohup", "/bin/echo", "ran"], directory.path());
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("ran\n", 0));

    // a script is not what its interpreter is
    symlink("catena", installed.applet("worker")).unwrap();
    let script = directory.path().join("setsid");
    write_script(&script, format!("#!{}\n", installed.applet("worker").display()));
    assert_eq!(run(Executed::Name(&script), "any"), (127, unknown.to_owned()));
}

/// In a fresh directory, with the applets in PATH and two more links.
fn with_odd_links(line: &str) -> (i32, String) {
    let installed = Installed::new();
    for name in ["catena-0.1", "-setuidgid"] {
        symlink("catena", installed.applet(name)).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let path = format!("{}:/usr/bin:/bin", installed.path().display());
    let mut shell = Command::new("/bin/sh");
    let output = shell.args(["-c", line]).env("PATH", path).current_dir(directory.path()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_failure_is_told_whatever_the_link_is_called() {
    let unknown = "setuidgid: fatal: unknown account nosuch\n";
    for link in ["setuidgid", "catena setuidgid", "catena --no-fuse setuidgid", "catena-0.1 setuidgid", "-- -setuidgid"]
    {
        for fuse in ["1", "0"] {
            let line = format!("CATENA_FUSE={fuse} daemonize {link} nosuch true");
            assert_eq!(with_odd_links(&line), (111, unknown.to_owned()), "{line}");
        }
    }
    let (code, said) = with_odd_links("daemonize catena bogus");
    assert_eq!((code, said.as_str()), (127, "catena: fatal: unknown applet bogus; catena --list names them all\n"));
    let (code, said) = with_odd_links("daemonize catena --bogus");
    assert_eq!((code, said.as_str()), (100, "catena: fatal: unknown option --bogus; see catena --help\n"));
    assert_eq!(with_odd_links("daemonize catena --no-fuse pgrphack true"), (0, String::new()));
    assert_eq!(with_odd_links("daemonize catena-0.1 pgrphack true"), (0, String::new()));
    // a word that is found nowhere is an applet only by its very name
    let (code, said) = with_odd_links("catena pgrphack catena-1 nohup true");
    assert_eq!((code, said.as_str()), (111, "pgrphack: fatal: unable to run catena-1: file does not exist\n"));
}
