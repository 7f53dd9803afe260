//! CONTRIBUTING.md names what is there. Its commands are CI's own steps as they stand, or run tests that are there; and each
//! part of the house has its line.

use crate::blocks::{blocks, unseen};
use crate::support;
use std::path::{Path, PathBuf};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(top().join(name)).unwrap()
}

/// Whether this is no checkout, and then says so.
fn is_packaged() -> bool {
    let is_packaged = !top().join(".ci").exists();
    if is_packaged {
        support::leave_out("commands of CONTRIBUTING.md: a package has neither .ci nor .cargo");
    }
    is_packaged
}

fn is_test(name: &str) -> bool {
    let tests = top().join("tests");
    tests.join(format!("{name}.rs")).is_file() || tests.join(name).join("main.rs").is_file()
}

/// The words between backquotes.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether CI's script has it for a command: at an end, and behind a word of its own.
fn is_step(command: &str, ci: &str) -> bool {
    ci.lines().any(|line| line.strip_suffix(command).is_some_and(|before| before.is_empty() || before.ends_with(' ')))
}

/// What a command is short for, by cargo's configuration.
fn alias(command: &str, configuration: &str) -> Option<String> {
    let beginning = format!("{} = \"", command.strip_prefix("cargo ")?);
    let aliases = configuration.lines().skip_while(|line| *line != "[alias]");
    let meaning = aliases.filter_map(|line| line.strip_prefix(&beginning)).next()?;
    Some(format!("cargo {}", meaning.trim_end_matches('"')))
}

/// What is wrong with a command that runs tests and is none of CI's, if anything. CI runs the tests themselves.
fn misled(command: &str) -> Option<String> {
    let words = command.strip_prefix("BLESS=1 ").unwrap_or(command);
    let words = alias(words, &text(".cargo/config.toml")).unwrap_or_else(|| words.to_owned());
    let Some(words) = words.strip_prefix("cargo test --locked ") else {
        return Some("no step of .ci/run and no command that runs tests".to_owned());
    };
    let mut words = words.split(' ');
    while let Some(word) = words.next() {
        match (word, words.clone().next()) {
            ("--lib", _) => {}
            ("--test", Some(name)) if is_test(name) => drop(words.next()),
            (word, next) => return Some(format!("{word} {next:?}")),
        }
    }
    None
}

#[test]
fn commands_are_those_that_ci_runs() {
    if is_packaged() {
        return;
    }
    let page = text("CONTRIBUTING.md");
    assert_eq!(unseen(&page), [""; 0]);
    let ci = text(".ci/run");
    let blocks = blocks(&page);
    assert!(blocks.len() > 4, "{blocks:?}");
    for command in blocks.iter().flat_map(|block| &block.lines) {
        // the last step there runs what is quoted in a shell of its own
        let quoted = format!("'{command}'");
        let is_run = command == ".ci/run" || is_step(command, &ci) || is_step(&quoted, &ci);
        if !is_run && let Some(wrong) = misled(command) {
            panic!("CONTRIBUTING.md: {command}: {wrong}");
        }
    }
}

#[test]
fn what_is_not_run_is_found() {
    if is_packaged() {
        return;
    }
    assert_eq!(misled("BLESS=1 cargo test --locked --test docs"), None);
    for command in ["cargo test --locked --test nothing", "cargo test --locked --tset docs", "cargo tset", "rm file"] {
        assert!(misled(command).is_some() && !is_step(command, &text(".ci/run")), "{command}");
    }
    assert_eq!(alias("cargo a", "a = \"b\"\n[alias]\na = \"test -x\"\n").as_deref(), Some("cargo test -x"));
    assert!(is_step("cargo test", "x=1 cargo test\n") && !is_step("cargo test", "cargo test --lib\nmycargo test"));
}

#[test]
fn tests_and_files_that_are_named_are_there() {
    let page = text("CONTRIBUTING.md");
    let rows =
        page.lines().skip_while(|line| !line.contains("| run also")).skip(2).take_while(|line| line.starts_with('|'));
    let tests: Vec<&str> = rows.flat_map(|row| spans(row.split('|').nth(2).unwrap())).collect();
    assert!(tests.len() > 10, "{tests:?}");
    for name in tests {
        assert!(is_test(name), "CONTRIBUTING.md: there is no test {name}");
    }
    for name in spans(&page).filter(|span| span.starts_with("src/") || span.starts_with("tests/")) {
        let is_pattern = name.bytes().any(|byte| byte.is_ascii_uppercase());
        assert!(is_pattern || top().join(name).exists(), "CONTRIBUTING.md: there is no {name}");
    }
}

#[test]
fn each_part_of_the_house_has_its_line() {
    let page = text("CONTRIBUTING.md");
    let rows =
        || page.lines().skip_while(|line| !line.contains("| in `src/`")).take_while(|line| line.starts_with('|'));
    let named: Vec<&str> = rows().flat_map(|row| spans(row.split('|').nth(1).unwrap())).collect();
    for entry in std::fs::read_dir(top().join("src")).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = if path.is_dir() { format!("{name}/") } else { name.to_owned() };
        let is_named = named.iter().any(|span| *span == name || (name.ends_with('/') && span.starts_with(&name)));
        assert!(is_named, "CONTRIBUTING.md, \"The house\": no line for src/{name}");
    }
}
