//! The tests themselves: they refuse to start where they could show nothing, and the quick tier has what it promises.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::namespaces::{MOUNTS, may_unshare};
use support::null_device::REFUSAL;

fn at(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The test programs by their names, with the file that each begins with.
fn programs() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(at("tests")).unwrap().map(|entry| entry.unwrap().path());
    let programs = entries.filter_map(|path| {
        let is_file = path.extension().is_some_and(|extension| extension == "rs");
        let file = if is_file { path.clone() } else { path.join("main.rs") };
        file.exists().then(|| (path.file_stem().unwrap().to_str().unwrap().to_owned(), file))
    });
    let mut programs: Vec<_> = programs.collect();
    programs.sort();
    programs
}

/// How this very program starts where `file` is mounted over /dev/null: code, output and errors.
fn start_with(file: &str) -> (Option<i32>, String, String) {
    let script = "mount --bind \"$0\" /dev/null && exec \"$1\" --list";
    let mut command = Command::new("unshare");
    command.args(MOUNTS).args(["/bin/sh", "-c", script, file]).arg(std::env::current_exe().unwrap());
    let output = command.output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), stdout, stderr)
}

#[test]
fn no_test_starts_where_dev_null_is_something_else() {
    if !may_unshare(MOUNTS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let plain = place.path().join("plain");
    fs::write(&plain, "").unwrap();
    for other in [plain.to_str().unwrap(), "/dev/zero"] {
        assert_eq!(start_with(other), (Some(1), String::new(), REFUSAL.to_owned()), "{other}");
    }
    let (code, listed, said) = start_with("/dev/null");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(listed.contains("no_test_starts_where_dev_null_is_something_else: test\n"), "{listed}");
}

/// What refuses is in `tests/support`, and the program's own unit tests name it.
#[test]
fn every_test_program_can_refuse() {
    let programs = programs();
    assert!(programs.len() > 20, "{programs:?}");
    for (name, file) in programs {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("\nmod support;\n"), "{name} does not have `mod support;` in {}", file.display());
    }
    assert!(fs::read_to_string(at("src/lib.rs")).unwrap().contains("\nmod null_device;\n"));
}

/// The words of `cargo quick`.
fn quick() -> Vec<String> {
    let config = fs::read_to_string(at(".cargo/config.toml")).unwrap();
    let alias = config.lines().find_map(|line| line.strip_prefix("quick = \"")?.strip_suffix('"'));
    alias.expect("no alias `quick`").split(' ').map(str::to_owned).collect()
}

#[test]
fn the_quick_tier_has_what_tells_of_a_mistake_soon() {
    let words = quick();
    assert_eq!(words[..3], ["test", "--locked", "--lib"]);
    let chosen: Vec<&str> = words[3..].chunks(2).map(|pair| pair.last().unwrap().as_str()).collect();
    assert!(words[3..].chunks(2).all(|pair| pair[0] == "--test"), "{words:?}");
    let promised = ["docs", "multicall", "getopt", "contract", "fusion", "compliance", "suite", "house", "engine"];
    for (name, _) in programs() {
        let is_promised = promised.contains(&name.as_str());
        assert_eq!(chosen.contains(&name.as_str()), is_promised, "{name} in the alias of .cargo/config.toml");
    }
}
