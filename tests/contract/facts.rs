//! What a probe has reported, in the words of attributes, and where a fact is found in the report again. The probe reads for
//! itself; that both mean the same is what is tested.

use crate::report::Report;
use catena::attributes::{Fact, Name, Value};

/// Limits as they are called, and their lines in proc(5), `limits`.
const LIMITS: [(&str, &str); 16] = [
    ("as", "Max address space"),
    ("core", "Max core file size"),
    ("cpu", "Max cpu time"),
    ("data", "Max data size"),
    ("fsize", "Max file size"),
    ("locks", "Max file locks"),
    ("memlock", "Max locked memory"),
    ("msgqueue", "Max msgqueue size"),
    ("nice", "Max nice priority"),
    ("nofile", "Max open files"),
    ("nproc", "Max processes"),
    ("rss", "Max resident set"),
    ("rtprio", "Max realtime priority"),
    ("rttime", "Max realtime timeout"),
    ("sigpending", "Max pending signals"),
    ("stack", "Max stack size"),
];

/// The state that a report shows, as a link is told what it starts from.
pub fn of(report: &Report) -> Vec<Fact> {
    let mut facts = Vec::new();
    let names = ["umask", "cwd", "pgid", "sid", "tty", "groups"].map(Name::whole);
    let parts = [("uid", "012"), ("gid", "012")].into_iter();
    let parts = parts.flat_map(|(name, parts)| parts.chars().map(move |part| Name::part(name, part.to_string())));
    let limits = LIMITS.iter().flat_map(|(name, _)| ["soft", "hard"].map(|side| format!("{name}.{side}")));
    let limits = limits.map(|part| Name::part("limits", part));
    let signals = (1..=64).map(|signal| Name::part("ignored", signal.to_string()));
    let descriptors = (0..1024).flat_map(|number| [number.to_string(), format!("{number}.locks")]);
    let descriptors = descriptors.map(|part| Name::part("descriptors", part));
    for name in names.into_iter().chain(parts).chain(limits).chain(signals).chain(descriptors) {
        let value = value(report, &name);
        if value != Value::Absent {
            facts.push(Fact { name, value });
        }
    }
    facts
}

/// The lines of a report that a fact of this name is in.
pub fn lines(name: &Name) -> Vec<String> {
    let part = String::from_utf8_lossy(name.rest()).into_owned();
    match name.attribute() {
        "umask" => vec!["Umask".to_owned()],
        "cwd" => vec!["cwd".to_owned(), "cwd identity".to_owned()],
        "pid" => vec!["pid".to_owned()],
        "pgid" => vec!["group".to_owned()],
        "sid" => vec!["session".to_owned()],
        "tty" => vec!["terminal".to_owned()],
        "uid" => vec!["Uid".to_owned()],
        "gid" => vec!["Gid".to_owned()],
        "groups" => vec!["Groups".to_owned()],
        "caps" => vec!["CapAmb".to_owned()],
        "ignored" => vec![format!("ignored {part}")],
        "limits" => {
            let (name, _) = part.split_once('.').unwrap();
            vec![format!("limit {}", LIMITS.iter().find(|(one, _)| *one == name).unwrap().1)]
        }
        "descriptors" => match part.strip_suffix(".locks") {
            Some(number) => vec![format!("fd {number} lock")],
            None => vec![format!("fd {part}")],
        },
        // their order counts, too: see main.rs
        "env" => Vec::new(),
        other => panic!("say in tests/contract/facts.rs where the probe's report has the attribute {other}"),
    }
}

/// What the report has for a fact of this name.
pub fn value(report: &Report, name: &Name) -> Value {
    let part = String::from_utf8_lossy(name.rest()).into_owned();
    let Some(line) = lines(name).into_iter().next() else {
        let entry = report.list("env").into_iter().find_map(|entry| entry.strip_prefix(&part)?.strip_prefix('='));
        return entry.map_or(Value::Absent, |value| Value::Bytes(unescaped(value)));
    };
    let text = report.get(&line);
    match name.attribute() {
        _ if text.is_empty() && name.attribute() != "groups" => Value::Absent,
        "umask" => Value::Bits(u32::from_str_radix(text, 8).unwrap()),
        "cwd" => Value::Bytes(unescaped(text)),
        "pid" if text == "forked" => Value::New,
        "pgid" | "sid" if text == "self" => Value::Own,
        "pgid" | "sid" if text == "another" => Value::New,
        "tty" if text == "0" => Value::Absent,
        "pid" | "pgid" | "sid" | "tty" => Value::Number(text.parse().unwrap_or(-1)),
        "uid" | "gid" => Value::Number(text.split(r"\t").nth(part.parse().unwrap()).unwrap().parse().unwrap()),
        "groups" => Value::Ids(text.split_whitespace().map(|id| id.parse().unwrap()).collect()),
        "caps" => {
            let mask = u64::from_str_radix(text, 16).unwrap();
            Value::Ids((0..64).filter(|number| mask >> number & 1 == 1).collect())
        }
        "ignored" => Value::Yes,
        "limits" => {
            let place = if part.ends_with(".soft") { 0 } else { 1 };
            let limit = text.split(' ').nth(place).unwrap();
            Value::Limit(if limit == "unlimited" { u64::MAX } else { limit.parse().unwrap() })
        }
        "descriptors" if part.ends_with(".locks") => {
            let words: Vec<&str> = text.split(' ').collect();
            // the whole file; and a record lock is the process's own
            let is_whole = text.ends_with(" 0 EOF") && (words[0] != "POSIX" || words[4] == "self");
            let said = format!("{} {}", words[0].to_lowercase(), words[2].to_lowercase());
            Value::Bytes(if is_whole { said } else { text.to_owned() }.into_bytes())
        }
        "descriptors" => Value::Bytes(unescaped(text.split(" flags ").next().unwrap())),
        other => panic!("say in tests/contract/facts.rs how the probe's report has the attribute {other}"),
    }
}

/// Whether what was said of an attribute is what is seen: a file may have been named from where its caller was, and a pipe has a number.
pub fn agrees(said: &Fact, seen: &Value) -> bool {
    match (&said.value, seen) {
        (Value::Bytes(said_name), Value::Bytes(seen)) if said.name.attribute() == "descriptors" => {
            let is_pipe = said_name == b"pipe:" && seen.starts_with(b"pipe:");
            let is_name = !said_name.starts_with(b"/") && seen.ends_with(&[b"/", &said_name[..]].concat());
            said_name == seen || is_pipe || is_name
        }
        (said, seen) => said == seen,
    }
}

/// What the probe has escaped.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'x') => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).unwrap()
            }
            Some(other) => other,
            None => b'\\',
        });
    }
    out
}
