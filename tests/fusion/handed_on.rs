//! What one link puts into the environment, the next must act on, as it would when started with that environment.

use crate::ground::{Ground, Mode, shown};
use crate::hostile::PLAIN;
use crate::launch::no_forks;
use crate::links::Words;
use crate::support;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// Modes that do not use the variable, as the chain itself may set it.
const FUSED: Mode = Mode { variable: None, ..Mode::FUSED };
const MODES: &[Mode] =
    &[Mode::UNFUSED, Mode { variable: None, ..Mode::BY_NAME }, Mode { variable: None, ..Mode::BY_NAME_EXPLICIT }];

/// A place for environment directories beside the working directory.
struct Family {
    ground: Ground,
    directory: TempDir,
}

impl Family {
    fn new() -> Self {
        Self { ground: Ground::new(), directory: support::world_readable_directory() }
    }

    /// An environment directory with this one variable.
    fn sets(&self, name: &str, value: &str) -> String {
        let directory = self.directory.path().join(format!("{name} is {}", value.replace('/', "-")));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(name), value).unwrap();
        directory.to_str().unwrap().to_owned()
    }

    /// Runs the chain in all modes, and gives what all of them agree on.
    fn run(&self, chain: &[&str], is_probed: bool) -> crate::ground::Outcome {
        let mut words: Words = chain.iter().map(|word| word.as_bytes().to_vec()).collect();
        if is_probed {
            words.extend(self.ground.probe());
        }
        let outcome = self.ground.run(&words, &PLAIN, FUSED);
        for &mode in MODES {
            let mut other = self.ground.run(&words, &PLAIN, mode);
            if mode.variable.is_some() {
                // this mode has a variable more, or had
                let [one, two] = [&outcome, &other].map(|outcome| outcome.report.as_ref());
                let differences = one.zip(two).map(|(one, two)| one.differences(two)).unwrap_or_default();
                assert!(differences.iter().all(|line| line.starts_with("env ")), "{}: {differences:?}", shown(&words));
                other.report = other.report.and(outcome.report.clone());
            }
            let difference = other.difference_from(&outcome);
            assert!(difference.is_empty(), "{}\n{mode:?}{difference}", shown(&words));
        }
        outcome
    }
}

#[test]
fn a_new_path_counts_from_the_link_after_the_next() {
    let family = Family::new();
    let path = family.directory.path().join("path");
    std::fs::create_dir(&path).unwrap();
    let envdir = family.sets("PATH", path.to_str().unwrap());

    // nothing there: pgrphack is still found by the old PATH, nohup no more
    let chain = ["envdir", &envdir, "pgrphack", "nohup"];
    let links = family.ground.installed.path().to_owned();
    let by_links = |chain: &[&str]| {
        let words: Words = chain.iter().map(|word| word.as_bytes().to_vec()).chain(family.ground.probe()).collect();
        [FUSED, Mode::UNFUSED].map(|mode| family.ground.run(&words, &PLAIN, mode))
    };
    for outcome in by_links(&chain) {
        assert_eq!(outcome.stderr, "pgrphack: fatal: unable to run nohup: file does not exist\\n");
        assert_eq!(outcome.code, 111);
        assert!(outcome.report.is_none());
    }
    // by catena's own name the word still means the applet
    let outcome = family.ground.run(
        &chain.iter().map(|word| word.as_bytes().to_vec()).chain(family.ground.probe()).collect::<Words>(),
        &PLAIN,
        Mode { variable: None, ..Mode::BY_NAME },
    );
    assert_eq!(outcome.report.unwrap().get("ignored 1"), "yes");

    // a foreign nohup there
    {
        let _guard = no_forks();
        script(&path.join("nohup"));
    }
    let outcome = family.run(&chain, true);
    assert!(outcome.report.is_none());
    assert!(outcome.stdout.starts_with("foreign nohup "), "{}", outcome.stdout);
    assert_eq!(outcome.code, 4);

    // a link to this very catena under another name, and another copy of catena
    std::fs::remove_file(path.join("nohup")).unwrap();
    symlink(links.join("catena"), path.join("nohup")).unwrap();
    let outcome = family.run(&chain, true);
    assert_eq!(outcome.report.unwrap().get("ignored 1"), "yes");
    std::fs::remove_file(path.join("nohup")).unwrap();
    {
        let _guard = no_forks();
        std::fs::copy(links.join("catena"), path.join("nohup")).unwrap();
    }
    let outcome = family.run(&chain, true);
    assert_eq!(outcome.report.unwrap().get("ignored 1"), "yes");
}

fn script(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, "#!/bin/sh\necho foreign ${0##*/} \"$@\"\nexit 4\n").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn posixly_correct_changes_the_next_nohups_codes() {
    let family = Family::new();
    let envdir = family.sets("POSIXLY_CORRECT", "\n");
    for (end, code) in [(&["--bogus"][..], 127), (&[], 127), (&["no-such-program"], 127), (&["./directory"], 126)] {
        assert_eq!(family.run(&[&["envdir", &envdir, "nohup"], end].concat(), false).code, code, "{end:?}");
        assert_eq!(family.run(&[&["pgrphack", "envdir", &envdir, "nohup"], end].concat(), false).code, code);
    }
    assert_eq!(family.run(&["pgrphack", "nohup", "--bogus"], false).code, 125);
    assert_eq!(family.run(&["envdir", &envdir, "setsid", "--bogus"], false).code, 1);
}

#[test]
fn limits_from_variables_count_for_the_next_softlimit() {
    let family = Family::new();
    let envdir = family.sets("SOFTLIMIT_OPENFILES", "33");
    let soft = |chain: &[&str]| {
        let report = family.run(chain, true).report.unwrap();
        report.get("limit Max open files").split(' ').next().unwrap().to_owned()
    };
    assert_eq!(soft(&["pgrphack", "envdir", &envdir, "softlimit"]), "33");
    assert_eq!(soft(&["envdir", &envdir, "nohup", "softlimit", "-o", "44"]), "44");
    assert_ne!(soft(&["softlimit", "envdir", &envdir, "nohup"]), "33");
    let wrong = family.sets("SOFTLIMIT_CPUSECS", "many");
    assert_eq!(family.run(&["envdir", &wrong, "softlimit"], true).code, 100);
}

#[test]
fn fusion_can_be_switched_off_on_the_way() {
    let family = Family::new();
    let [off, on] = ["0", "1"].map(|value| family.sets("CATENA_FUSE", value));
    for chain in [
        ["pgrphack", "envdir", &off, "nohup", "softlimit", "-o", "33"],
        ["envdir", &off, "pgrphack", "softlimit", "-o", "33", "nohup"],
        ["envdir", &on, "pgrphack", "softlimit", "-o", "33", "nohup"],
    ] {
        let report = family.run(&chain, true).report.unwrap();
        let value = if chain.contains(&off.as_str()) { "0" } else { "1" };
        assert!(report.list("env").contains(&format!("CATENA_FUSE={value}").as_str()), "{chain:?}");
        assert_eq!(report.get("ignored 1"), "yes");
        assert!(report.get("limit Max open files").starts_with("33 "));
    }
}

/// The file of nohup goes where the new HOME says: not even the old one is tried.
#[test]
fn home_counts_for_the_next_nohup() {
    let family = Family::new();
    let home = family.directory.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let envdir = family.sets("HOME", home.to_str().unwrap());
    for mode in [FUSED, Mode::UNFUSED, Mode::BY_NAME_EXPLICIT] {
        let chain = ["envdir", &envdir, "nohup"].map(|word| word.as_bytes().to_vec());
        let words: Words = chain.into_iter().chain(family.ground.probe()).collect();
        let outcome = family.ground.run_with(&words, &crate::hostile::HOMELESS, mode, &["HOME=/nonexistent"]);
        let report = outcome.report.unwrap();
        let file = home.join("nohup.out");
        assert!(report.get("fd 1").starts_with(file.to_str().unwrap()), "{mode:?}: {}", report.get("fd 1"));
        std::fs::remove_file(file).unwrap();
    }
}
