//! How the house is built: which folder may use which, what an applet may know of, and where unsafe code stands. Texts alone are
//! read, so that a message can name the line.

mod support;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up: a folder of src, or a file beside them, uses what stands in its own row and in those above it here.
/// What is not listed may use all, and nothing may use it: the entry.
const ROWS: &[&[&str]] = &[
    &["sys"],
    &["number"],
    &["environ", "files", "process", "time", "voice"],
    &["accounts", "pidfile", "service", "start_report"],
    &["carried"],
    &["attributes"],
    &["applet", "options"],
    &["applets"],
    &["call", "documents"],
    &["chain", "multicall"],
];

/// The program's own files, beside the library.
const ENTRY: &[&str] = &["main"];

/// What is still the other way round, as (file, what it uses, why). One that is gone has to be struck off here.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Names that say nothing of what is in a file.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "manager", "util", "utils"];

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a directory, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The files of src, as their names from there, with their text.
fn sources() -> Vec<(String, String)> {
    let src = top().join("src");
    let name = |path: &Path| path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
    files(&src).iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The lines of code, numbered from 1: without comments, and without a last module of tests, which may use what it likes.
fn code<'a>(name: &str, text: &'a str) -> Vec<(usize, &'a str)> {
    let mut lines: Vec<(usize, &str)> = Vec::new();
    if name.ends_with("tests.rs") {
        return lines;
    }
    for (number, line) in text.lines().enumerate() {
        let is_module = line.starts_with("mod ") && line.ends_with('{');
        if is_module && lines.last().is_some_and(|(_, before)| before.starts_with("#[cfg(test)]")) {
            break;
        }
        let line = line.find("//").map_or(line, |start| &line[..start]);
        lines.push((number + 1, line));
    }
    lines
}

/// The modules of a file, from the crate on.
fn modules(name: &str) -> Vec<&str> {
    let name = name.trim_end_matches(".rs").trim_end_matches("/mod");
    name.split('/').collect()
}

/// What a line uses of this crate, as paths from there. A path that climbs is followed.
fn used(name: &str, line: &str) -> Vec<String> {
    let is_in_path = |character: char| character.is_alphanumeric() || matches!(character, '_' | ':');
    let mut found = Vec::new();
    for (place, _) in line.match_indices("crate::").chain(line.match_indices("super::")) {
        if line[..place].ends_with(|character: char| is_in_path(character) || character == '$') {
            continue;
        }
        let path = line[place..].split(|character| !is_in_path(character)).next().unwrap();
        let mut here = modules(name);
        let mut words: Vec<&str> = path.split("::").filter(|word| !word.is_empty()).collect();
        if words[0] == "crate" {
            here.clear();
            words.remove(0);
        }
        while words.first() == Some(&"super") {
            here.pop();
            words.remove(0);
        }
        here.extend(words);
        found.push(here.join("::"));
    }
    found
}

fn row(folder: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&folder))
}

/// The applet that a path lies in: its group and its name.
fn applet<'a>(modules: &[&'a str]) -> Option<(&'a str, &'a str)> {
    match modules {
        ["applets", group, name, ..] => Some((group, name)),
        _ => None,
    }
}

/// What is wrong with a file's use of a path, if anything: what it uses, and what to do.
fn offence(name: &str, path: &str) -> Option<(String, &'static str)> {
    let own = modules(name);
    let other: Vec<&str> = path.split("::").collect();
    if let (Some(mine), Some(theirs)) = (applet(&own), applet(&other))
        && mine != theirs
    {
        let what = format!("applets::{}::{}", theirs.0, theirs.1);
        return Some((what, "an applet knows no other: what both need goes into a folder of its subject"));
    }
    let folder = other.first()?;
    let is_own = own.first() == Some(folder);
    if own.first() == Some(&"applets") && is_own && own.len() > 1 && applet(&other).is_none() {
        return Some(("applets".into(), "an applet does not know the list of them: who asks for it stands above"));
    }
    let up = row(own.first()?)? < row(folder).unwrap_or(ROWS.len());
    let advice = "it points up: move what is used down, or hand it in as an argument; the rows are in tests/house.rs";
    up.then(|| ((*folder).to_owned(), advice))
}

#[test]
fn folders_use_what_stands_below_them() {
    let mut complaints = String::new();
    let mut excused = vec![false; EXCEPTIONS.len()];
    for (name, text) in sources() {
        let folder = modules(&name)[0].to_owned();
        if row(&folder).is_none() && !["build", "lib"].contains(&folder.as_str()) && !ENTRY.contains(&folder.as_str()) {
            let _ =
                writeln!(complaints, "src/{name}: {folder} has no place in the table of tests/house.rs; give it one");
        }
        for (number, line) in code(&name, &text) {
            for path in used(&name, line) {
                let Some((what, advice)) = offence(&name, &path) else { continue };
                match EXCEPTIONS.iter().position(|&(file, used, _)| file == name && used == what) {
                    Some(place) => excused[place] = true,
                    None => {
                        let _ = writeln!(complaints, "src/{name}:{number}: uses {path}: {advice}");
                    }
                }
            }
        }
    }
    for ((file, what, _), _) in EXCEPTIONS.iter().zip(excused).filter(|&(_, is_used)| !is_used) {
        let _ = writeln!(complaints, "src/{file} uses {what} no more: strike the exception in tests/house.rs off");
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    assert_eq!(used("voice/failure.rs", "use crate::sys::signal;"), ["sys::signal"]);
    assert_eq!(used("a/b/c.rs", "use super::super::write;"), ["a::write"]);
    assert_eq!(used("a/mod.rs", "let x = crate::d::E + super::f(g::super_h);"), ["d::E", "f"]);
    assert_eq!(used("a/mod.rs", "$crate::x!(); nix::crate_y();"), [""; 0]);
    assert!(offence("sys/file.rs", "number::decimal").is_some() && offence("number.rs", "sys::file").is_none());
    assert!(offence("voice/exit.rs", "time::zone").is_none() && offence("voice/exit.rs", "nowhere").is_some());
    assert!(
        offence("applets/a/b/c.rs", "applets::a::b::D").is_none()
            && offence("applets/a/b.rs", "applets::a::c").is_some()
    );
    assert!(offence("applets/a/b.rs", "applets::ALL").is_some() && offence("applets/mod.rs", "applet").is_none());
    assert!(offence("call.rs", "applets::find").is_none() && offence("applets/a/b.rs", "chain::run").is_some());
}

/// The word itself, not a part of another, such as the name of the lint.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |character: Option<char>| character.is_some_and(|it| it.is_alphanumeric() || it == '_');
    line.match_indices(word).any(|(place, _)| {
        !is_part(line[..place].chars().next_back()) && !is_part(line[place + word.len()..].chars().next())
    })
}

#[test]
fn unsafe_code_stands_in_sys_and_the_entry() {
    let mut complaints = String::new();
    for (name, text) in sources() {
        if name.starts_with("sys/") || ENTRY.contains(&name.trim_end_matches(".rs")) {
            continue;
        }
        for (number, line) in text.lines().enumerate().map(|(place, line)| (place + 1, line.trim_start())) {
            let is_code = !line.starts_with("//");
            if is_code && (has_word(line, "unsafe") || line.contains("allow(unsafe_code")) {
                let _ = writeln!(
                    complaints,
                    "src/{name}:{number}: unsafe code outside src/sys: give the call a type there that cannot be used wrongly"
                );
            }
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn files_are_named_for_what_is_in_them() {
    let mut complaints = String::new();
    for path in ["src", "tests"].iter().flat_map(|folder| files(&top().join(folder))) {
        let path = path.strip_prefix(top()).unwrap().to_owned();
        let names = path.iter().map(|name| name.to_str().unwrap().trim_end_matches(".rs"));
        let words: Vec<&str> = names.flat_map(|name| name.split(['_', '-'])).collect();
        if let Some(word) = words.iter().find(|word| EMPTY_NAMES.contains(word)) {
            let _ = writeln!(complaints, "{}: {word} says nothing of what is in it: name its subject", path.display());
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}
