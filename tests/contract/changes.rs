//! What may be otherwise because of what a link says: the facts themselves, and what the kernel makes of them.

use crate::facts;
use crate::hostile::Start;
use crate::report::Report;
use catena::attributes::{Fact, Name, Value};

/// Whether this line may be otherwise if these facts hold.
pub fn may_change(said: &[Fact], start: &Start, line: &str) -> bool {
    said.iter().any(|fact| facts::lines(&fact.name).iter().any(|own| own == line) || follows(fact, start, line))
}

/// Whether the kernel changes this line because of that fact.
fn follows(fact: &Fact, start: &Start, line: &str) -> bool {
    match fact.name.attribute() {
        // what was its own group is its parent's
        "pid" => is_lost_by_fork(line) || start.is_leader && ["group", "terminal group"].contains(&line),
        "sid" => ["autogroup", "terminal group"].contains(&line),
        // capabilities(7), prctl(2); and a lock that its file's closing released has no line
        "uid" => line.starts_with("Cap") || ["parent-death signal", "session keyring"].contains(&line),
        "caps" => ["CapEff", "CapPrm"].contains(&line),
        // with what is open there goes what is locked there
        "descriptors" => {
            line.strip_suffix(" lock").is_some_and(|open| facts::lines(&fact.name).iter().any(|own| own == open))
        }
        "env" => line.starts_with("env "),
        _ => false,
    }
}

/// What a child does not get: fork(2).
fn is_lost_by_fork(line: &str) -> bool {
    // 9 has a lock of the open file, which a child shares; that of 11 it shares too, and its holder is the parent
    ["parent", "parent-death signal", "child subreaper", "fd 10 lock", "fd 11 lock"].contains(&line)
        || line.starts_with("timer ")
        || line.starts_with("pending for ")
}

/// What is seen of it must be what was said.
pub fn assert_so(said: &[Fact], direct: &Report, through: &Report, shown: &str) {
    for fact in said {
        // of several, the last counts
        if said.iter().rfind(|other| other.name == fact.name) != Some(fact) {
            continue;
        }
        let seen = facts::value(through, &fact.name);
        assert!(facts::agrees(fact, &seen), "{shown}: {} is said to be {}, and is {seen}", fact.name, fact.value);
    }
    if let Some(Fact { value: Value::Number(user @ 1..), .. }) =
        said.iter().find(|fact| fact.name.to_string() == "uid.1")
        && facts::value(direct, &Name::part("uid", "1")) != Value::Number(*user)
    {
        // capabilities(7), prctl(2): what an account that is not root's has not
        assert_eq!(through.get("CapPrm"), "0000000000000000", "{shown}");
        assert_eq!(through.get("parent-death signal"), "0", "{shown}");
    }
    for line in ["Uid", "Gid"] {
        // the id that counts for files is the effective one
        let ids: Vec<&str> = through.get(line).split(r"\t").collect();
        assert_eq!(ids[3], ids[1], "{shown}: {line}");
    }
    let forks = said.iter().any(|fact| fact.name.attribute() == "pid");
    assert_eq!(through.get("pid"), if forks { "forked" } else { "started" }, "{shown}");
    assert_eq!(
        through.list("env"),
        edited(direct, said),
        "{shown}: the environment is not the old one with what was said"
    );
}

/// The environment with the variables that were said: those that exist keep their place, second entries of the same name go,
/// and new ones come last.
fn edited(direct: &Report, said: &[Fact]) -> Vec<String> {
    let mut entries: Vec<String> = direct.list("env").into_iter().map(str::to_owned).collect();
    for fact in said.iter().filter(|fact| fact.name.attribute() == "env") {
        let name = fact.name.rest().escape_ascii().to_string();
        let is_it = |entry: &String| entry.strip_prefix(&name).is_some_and(|rest| rest.starts_with('='));
        let entry = match &fact.value {
            Value::Bytes(value) => Some(format!("{name}={}", value.escape_ascii())),
            _ => None,
        };
        let place = entries.iter().position(is_it);
        entries.retain(|other| !is_it(other));
        match (place, entry) {
            (Some(place), Some(entry)) => entries.insert(place, entry),
            (None, Some(entry)) => entries.push(entry),
            (_, None) => {}
        }
    }
    entries
}
