//! What the README shows to be typed: its indented blocks, and the commands in them with what they say.

use std::path::Path;

/// An indented block.
#[derive(Debug)]
pub struct Block {
    /// Its lines, without the indentation.
    pub lines: Vec<String>,
}

/// A line behind `$ `, and what is shown below it.
#[derive(Debug)]
pub struct Typed {
    pub line: String,
    /// Lines of output; one that is `…` stands for any number.
    pub shown: Vec<String>,
    pub code: i32,
}

pub fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// All of a text.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(line) if inside => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            Some(line) => blocks.push(Block { lines: vec![line.to_owned()] }),
            None => {}
        }
        inside = line.starts_with("    ");
    }
    blocks
}

/// Lines that look like a block, or like a command in one, and that [`blocks`] and [`Block::typed`] do not see as such:
/// a block is indented by four spaces, and a command stands at its left edge.
pub fn unseen(text: &str) -> Vec<&str> {
    let is_unseen = |line: &&str| {
        let begins = |mark: &str| line.trim_start().trim_start_matches(['>', '-', '*', ' ', '\t']).starts_with(mark);
        let is_seen = line.starts_with("    $ ");
        let is_indented_by_tab = line[..line.len() - line.trim_start().len()].contains('\t');
        begins("```") || begins("~~~") || begins("<pre") || is_indented_by_tab || (begins("$ ") && !is_seen)
    };
    text.lines().filter(is_unseen).collect()
}

impl Block {
    /// Its commands. A block of scripts or of bare command lines has none.
    pub fn typed(&self) -> Vec<Typed> {
        let mut all: Vec<Typed> = Vec::new();
        for line in &self.lines {
            if let Some(line) = line.strip_prefix("$ ") {
                all.push(Typed { line: line.to_owned(), shown: Vec::new(), code: 0 });
                continue;
            }
            let last = all.last_mut().unwrap_or_else(|| panic!("{line} comes before any command"));
            match line.strip_prefix("(exit code ").and_then(|rest| rest.strip_suffix(')')) {
                Some(code) => last.code = code.parse().unwrap(),
                None => last.shown.push(line.clone()),
            }
        }
        all
    }
}

/// The commands in the first column of the table whose first row begins so.
pub fn table(text: &str, beginning: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|line| !line.starts_with(beginning)).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cell = row.split('|').nth(1).unwrap();
        let spans: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        let first = spans[0].to_owned();
        // `svc -t greeter`, `-h`: the same with another option
        let full = move |span: &str| match span.starts_with('-') {
            true => {
                let words: Vec<&str> = first.split(' ').collect();
                [words[0], span, words[2]].join(" ")
            }
            false => span.to_owned(),
        };
        spans.into_iter().map(full).collect::<Vec<_>>()
    })
    .collect()
}

/// A line with what differs from run to run replaced: pids, ages, dates and times, and the account of who looks.
fn sample(line: &str) -> String {
    if line.starts_with("server: account ") {
        return "server: account".to_owned();
    }
    let words: Vec<&str> = line.split(' ').collect();
    let is_date = |word: &str| word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut sampled = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let before = place.checked_sub(1).map_or("", |place| words[place]);
        let number = word.trim_end_matches(')');
        sampled.push(match word {
            _ if is_date(word) => "DATE",
            _ if is_date(before) && word.contains(':') => "TIME",
            _ if before.ends_with("pid") && is_number(number) => &"PID)"[..3 + word.len() - number.len()],
            _ if words.get(place + 1) == Some(&"seconds") && is_number(word) => "AGE",
            word => word,
        });
    }
    sampled.join(" ")
}

/// Whether an output is what is shown.
pub fn is_as_shown(shown: &[String], output: &str) -> bool {
    let output: Vec<String> = output.lines().map(sample).collect();
    let shown: Vec<String> = shown.iter().map(|line| sample(line)).collect();
    match shown.iter().position(|line| line == "…") {
        None => output == shown,
        Some(gap) => output.starts_with(&shown[..gap]) && output[gap..].ends_with(&shown[gap + 1..]),
    }
}

#[test]
fn blocks_and_commands_are_found() {
    let text = "\
text

    $ one
    said (pid 12)
    (exit code 3)
    $ two

    three
text
| `a -b c`, `-d`, … | `not this` |
| `e` | |
";
    let found = blocks(text);
    let [session, plain] = &found[..] else { panic!("{found:?}") };
    let typed = session.typed();
    let [one, two] = &typed[..] else { panic!("{typed:?}") };
    assert_eq!((one.line.as_str(), one.code, two.line.as_str(), two.code), ("one", 3, "two", 0));
    assert_eq!((&one.shown[..], &two.shown[..]), (&["said (pid 12)".to_owned()][..], &[][..]));
    assert_eq!(plain.lines, ["three"]);
    assert_eq!(table(text, "| `a"), ["a -b c", "a -d c", "e"]);
}

#[test]
fn what_is_no_block_here_and_one_to_a_reader_is_found() {
    for line in [
        "```",
        "```sh",
        "  ~~~",
        "\t$ false",
        "\tfalse",
        "  \tfalse",
        "$ false",
        "   $ false",
        "     $ false",
        "- ```",
        "> $ false",
        "<pre>",
    ] {
        let text = format!("text\n\n{line}\n\n    $ true\n    said: $ 5\n\na `$ b` c\n   as here\n\n    sh tour.sh\n");
        assert_eq!(unseen(&text), [line], "{text}");
    }
}

#[test]
fn an_output_is_compared_but_for_what_differs_from_run_to_run() {
    let is_shown = |shown: &[&str], output: &str| {
        is_as_shown(&shown.iter().map(|&line| line.to_owned()).collect::<Vec<_>>(), output)
    };
    assert!(is_shown(&["greeter: up (pid 4711) 2 seconds"], "greeter: up (pid 3) 0 seconds\n"));
    assert!(!is_shown(&["greeter: up (pid 4711) 2 seconds"], "greeter: up (pid x) 0 seconds\n"));
    assert!(!is_shown(&["greeter: up (pid 4711) 2 seconds"], "greeter: down 0 seconds\n"));
    assert!(is_shown(&["held by pid 4711 (app)"], "held by pid 12 (app)\n"));
    assert!(!is_shown(&["held by pid 4711 (app)"], "held by pid 12 (sh)\n"));
    assert!(is_shown(&["2026-11-21 07:23:39.171728389 ready"], "2001-01-01 00:00:00.1 ready\n"));
    assert!(!is_shown(&["2026-11-21 07:23:39.171728389 ready"], "@40000000 ready\n"));
    assert!(!is_shown(&["64 at most"], "65 at most\n") && !is_shown(&["one"], "one\ntwo\n") && !is_shown(&["one"], ""));
    assert!(is_shown(&["one", "…"], "one\ntwo\n") && !is_shown(&["one", "…"], "two\none\n"));
}
