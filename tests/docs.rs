//! The documents: manual pages, completions and the README's list of applets are rendered from the applets' own
//! definitions, and the committed files must be what is rendered. `BLESS=1 cargo test --test docs` writes them anew.

mod support;

#[path = "docs/completions.rs"]
mod completions;
#[path = "docs/lint.rs"]
mod lint;
#[path = "docs/manual.rs"]
mod manual;
#[path = "docs/references.rs"]
mod references;

use catena::applet::{Applet, Grammar, Group, Role};
use catena::applets;
use catena::documents;
use catena::options::{self, Given, Misuse};
use catena::sys::words::{Word, Words};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every generated file and its text.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::from([(PathBuf::from("man/catena.1"), manual::catena())]);
    for applet in applets::ALL {
        files.insert(Path::new("man").join(format!("{}.1", applet.name)), manual::page(applet));
    }
    files.extend(completions::all());
    files
}

#[test]
fn the_committed_documents_are_what_the_definitions_say() {
    let bless = std::env::var_os("BLESS").is_some();
    let documents = documents();
    let mut stale = Vec::new();
    for (name, text) in &documents {
        let path = top().join(name);
        if bless {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        } else if std::fs::read_to_string(path).ok().as_ref() != Some(text) {
            stale.push(name.clone());
        }
    }
    for directory in ["man", "completions/bash", "completions/zsh", "completions/fish"] {
        for entry in std::fs::read_dir(top().join(directory)).unwrap() {
            let name = Path::new(directory).join(entry.unwrap().file_name());
            if !documents.contains_key(&name) {
                stale.push(name);
            }
        }
    }
    assert!(stale.is_empty(), "not as the definitions say (BLESS=1 writes them anew): {stale:?}");
}

#[test]
fn the_readme_lists_every_applet() {
    const BEGIN: &str = "<!-- applets: BLESS=1 cargo test --test docs -->\n";
    const END: &str = "<!-- end of applets -->\n";
    let path = top().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the beginning of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, wanted).unwrap();
    } else {
        assert!(readme == wanted, "the table of applets has drifted (BLESS=1 writes it anew)");
    }
}

fn table() -> String {
    let mut table = String::from("\n| applet | what it does | reference | exit codes |\n|---|---|---|---|\n");
    for (_, applets) in applets::GROUPS {
        for applet in *applets {
            let codes = [applet.codes.usage, applet.codes.failure, applet.codes.not_found, applet.codes.not_runnable];
            let codes = &codes[..if applet.is_link() { 4 } else { 2 }];
            let mut codes = vec![codes.iter().map(u8::to_string).collect::<Vec<_>>().join("/")];
            let known = |code: &str| code == "0" || codes[0].split('/').any(|known| known == code);
            let others = applet.other_codes.iter().map(|(code, _)| code.to_string()).filter(|code| !known(code));
            let others: Vec<String> = others.collect();
            codes.extend(others);
            let codes = codes.join(", ");
            table += &format!("| `{}` | {} | {} | {codes} |\n", applet.name, applet.about, applet.manual.reference);
        }
    }
    table += "\nExit codes: wrong usage / own failure / program not found / program not runnable; what ends a chain has the first two. \
              Others follow, which the page explains: N is one that another program or a later link has exited with, in \
              128+N a signal. 0 is success.\n\n";
    table
}

/// What the first line about all of it must name, so that each group of applets is in it.
fn word_for(group: Group) -> &'static str {
    match group {
        Group::Session | Group::Environment | Group::Privilege | Group::Lock => "wrappers",
        Group::Daemon => "daemons",
        Group::Supervision => "supervision",
        Group::Log => "logging",
    }
}

#[test]
fn the_first_line_about_catena_names_every_group_of_applets() {
    for text in [env!("CARGO_PKG_DESCRIPTION"), documents::CATENA_DESCRIPTION[0]] {
        for &(group, _) in applets::GROUPS {
            assert!(text.to_lowercase().contains(word_for(group)), "{} is not in {text}", word_for(group));
        }
    }
    let first = documents::overview().lines().next().unwrap().to_owned();
    assert_eq!(first, env!("CARGO_PKG_DESCRIPTION"));
    assert!(
        manual::catena().contains(&format!("catena \\- {}", env!("CARGO_PKG_DESCRIPTION").replace('\'', "\\*(Aq")))
    );
}

#[test]
fn the_table_and_the_page_know_the_same_exit_codes() {
    let table = table();
    for applet in applets::ALL {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{}` |", applet.name))).unwrap();
        let codes = row.rsplit('|').nth(1).unwrap().trim();
        let codes: BTreeSet<&str> = codes.split(['/', ',']).map(str::trim).collect();
        let page = documents::exit_status(applet);
        // success is in no row, and what is else is the program's own
        let page: BTreeSet<&str> =
            page.iter().map(|(code, _)| code.as_str()).filter(|code| !["0", "else"].contains(code)).collect();
        assert_eq!(codes, page, "{}", applet.name);
    }
}

#[test]
fn clap_accepts_every_definition() {
    for applet in applets::ALL {
        documents::command(applet).debug_assert();
    }
    documents::catena_command().debug_assert();
}

#[test]
fn every_example_of_an_applet_parses() {
    for applet in applets::ALL.iter().filter(|applet| applet.is_link()) {
        let words = applet.example.iter().map(|word| Word::leak(word.as_bytes().to_vec()));
        let given = options::parse(applet.options, Words::leak(words), false)
            .unwrap_or_else(|misuse| panic!("{}: {misuse:?}", applet.name));
        assert_eq!(given.operands().len(), applet.operands.len(), "{}", applet.name);
    }
}

#[test]
fn options_are_declared_once_and_know_their_link() {
    for applet in applets::ALL {
        let mut seen = BTreeSet::new();
        for option in options::with_standard(applet.options) {
            let names = option.short().map(|letter| char::from(letter).to_string()).into_iter();
            for name in names.chain(option.long().map(str::to_owned)) {
                assert!(seen.insert(name.clone()), "{}: {name} twice", applet.name);
            }
            assert!(!option.help.ends_with('.') && !option.help.is_empty(), "{}: {}", applet.name, option.id);
        }
    }
}

#[test]
fn the_examples_of_the_manual_begin_a_chain_with_the_applet() {
    for applet in applets::ALL {
        assert!(!applet.manual.examples.is_empty(), "{}", applet.name);
        for (line, _) in applet.manual.examples {
            assert_eq!(line.split(' ').next(), Some(applet.name), "{line}");
            parses_as_chain(applet, line);
        }
    }
}

#[test]
fn the_accounts_of_the_examples_are_on_every_system() {
    // what the README has in a block is run by the tests of examples
    let readme = std::fs::read_to_string(top().join("README.md")).unwrap();
    let mut lines: Vec<String> = readme.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    lines.extend(documents::overview().lines().filter(|line| line.starts_with("  catena ")).map(str::to_owned));
    lines.extend(applets::ALL.iter().flat_map(|applet| applet.manual.examples).map(|(line, _)| (*line).to_owned()));
    let mut accounts = Vec::new();
    for line in &lines {
        let mut words = line.split_whitespace().skip_while(|word| !["setuidgid", "envuidgid"].contains(word)).skip(1);
        accounts.extend(words.find(|word| !word.starts_with('-')).map(|account| (account, line)));
    }
    // by number no account need exist
    let is_everywhere = |account: &str| account.starts_with(':') || ["nobody", "nobody:users"].contains(&account);
    let wrong: Vec<_> = accounts.iter().filter(|(account, _)| !is_everywhere(account)).collect();
    assert!(wrong.is_empty() && accounts.len() > 6, "{wrong:?} of {accounts:?}");
}

/// Every link of the line parses, as far as its words are applets.
fn parses_as_chain(first: &'static Applet, line: &str) {
    let words: Vec<Word> = line
        .split(' ')
        .take_while(|word| !word.starts_with(['<', '>', '&', '|']) && !word.starts_with("2>"))
        .map(|word| Word::leak(word.as_bytes().to_vec()))
        .collect();
    let mut rest = Words::leak(words).from(1);
    let mut link = first;
    loop {
        if let Role::Tool(grammar, _) = link.role {
            let given = match grammar {
                Grammar::Words(_) | Grammar::Title => Given::words(rest),
                Grammar::Options => options::parse(link.options, rest, true).unwrap(),
            };
            return assert!(link.takes(given.operands().len()), "{line}");
        }
        let given = options::parse(link.options, rest, false)
            .unwrap_or_else(|misuse: Misuse| panic!("{line}: {}: {misuse:?}", link.name));
        rest = given.operands().from(link.operands.len());
        assert!(!rest.is_empty(), "{line}: {} lacks a program", link.name);
        match applets::find(rest.first().bytes()) {
            Some(next) => link = next,
            None => break,
        }
        rest = rest.from(1);
    }
}

#[test]
fn the_completions_are_what_their_shells_can_read() {
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let Some(program) = support::peer(shell) else { continue };
        for (name, _) in documents().into_iter().filter(|(name, _)| name.starts_with(format!("completions/{shell}"))) {
            let output = std::process::Command::new(&program).arg(check).arg(top().join(&name)).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", name.display());
        }
    }
}

/// What bash offers for a command line whose last word is being typed.
fn bash_offers(program: &Path, name: &str, words: &[&str]) -> Vec<String> {
    let script = "
        _command_offset() { COMPREPLY=(\"a command line from word $1\"); }
        source \"$1\"; shift
        COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))
        function=$(complete -p \"$1\"); function=${function#*-F }; function=${function%% *}
        \"$function\" \"$1\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = std::process::Command::new(program);
    bash.args(["-c", script, "bash"]).arg(top().join("completions/bash").join(name)).arg(name).args(words);
    let output = bash.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_options_and_then_the_rest_as_a_command_line() {
    let Some(bash) = support::peer("bash") else { return };
    let program = |place: usize| vec![format!("a command line from word {place}")];
    assert_eq!(bash_offers(&bash, "nohup", &["ma"]), program(1));
    assert_eq!(bash_offers(&bash, "nohup", &["--", "ma"]), program(2));
    assert_eq!(bash_offers(&bash, "setlock", &["-n", "-t", "5", "file", "ma"]), program(5));
    assert_eq!(bash_offers(&bash, "setlock", &["-n", "file", "make", "-"]), program(3));
    assert_eq!(bash_offers(&bash, "softlimit", &["--nofile", "5", "-m100", "ma"]), program(4));
    assert!(bash_offers(&bash, "setlock", &["-"]).contains(&"--fcntl".to_owned()));
    assert_eq!(bash_offers(&bash, "catena", &["--no-fuse", "setsid", "ma"]), program(2));
    assert!(bash_offers(&bash, "catena", &["setl"]).contains(&"setlock".to_owned()));
}
