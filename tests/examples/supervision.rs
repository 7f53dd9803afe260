//! The examples of supervision do what the README says, and leave nothing running.

use crate::place::Place;
use crate::support;
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// What a tour shows: its parts by their headings, the first of them what comes before any. It exits 0 and leaves nothing
/// running.
fn shown_by(tour: &str) -> Vec<String> {
    /// Seconds, many more than it takes.
    const LIMIT: &str = "300";
    let place = Place::new();
    let tour = Path::new(env!("CARGO_MANIFEST_DIR")).join(tour);
    let output = place.path().join("output");
    let mut command = Command::new("timeout");
    command.arg(LIMIT).arg("sh").arg(tour).arg(support::catena()).env("TMPDIR", place.path()).env("TZ", "UTC0");
    // no pipe: what is left running would keep it open
    let status = command.stdout(File::create(&output).unwrap()).status().unwrap();
    let shown = std::fs::read_to_string(output).unwrap();
    assert!(status.success(), "{status}: {shown}");
    assert_eq!(place.running(), [], "{shown}");
    shown.split("\n# ").map(str::to_owned).collect()
}

fn part<'a>(parts: &'a [String], heading: &str) -> &'a str {
    parts.iter().find(|part| part.starts_with(heading)).unwrap_or_else(|| panic!("{heading} is not in {parts:?}"))
}

/// The pid in a line of svstat that says that this service is up.
fn pid_of<'a>(name: &str, line: &'a str) -> &'a str {
    let pid = line.strip_prefix(&format!("{name}: up (pid ")).and_then(|rest| rest.split_once(") "));
    let Some((pid, rest)) = pid else { panic!("{line}") };
    assert!(rest.strip_suffix(" seconds").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{line}");
    pid
}

#[test]
fn the_tour_of_supervision_shows_what_the_readme_promises() {
    let parts = shown_by("examples/service/tour.sh");
    let lines = |heading: &str| part(&parts, heading).lines().filter(|line| !line.is_empty()).collect::<Vec<_>>();

    let [.., greeter, log] = lines("It is started when it is put there")[..] else { panic!("{parts:?}") };
    assert_ne!(pid_of("greeter", greeter), pid_of("greeter/log", log));

    let [.., ready, served] = lines("It serves")[..] else { panic!("{parts:?}") };
    for (line, said) in [(ready, "ready"), (served, "hello, world")] {
        assert!(line.starts_with("20") && line.ends_with(&format!(" greeter: {said}")), "{parts:?}");
    }

    let [_, _, _, down, _, _, up] = lines("Down, and up again")[..] else { panic!("{parts:?}") };
    assert!(down.starts_with("greeter: down ") && down.ends_with(" seconds, normally up"), "{down}");
    pid_of("greeter", up);

    let crash = lines("A crash");
    let pids: Vec<&str> =
        crash.iter().filter(|line| line.contains("(pid ")).map(|line| pid_of("greeter", line)).collect();
    assert!(pids.len() == 2 && pids[0] != pids[1], "{crash:?}");
    let log: Vec<&str> = crash.iter().filter_map(|line| line.strip_prefix("greeter: ")).collect();
    let said = [
        "ready",
        "hello, world",
        "ready",
        "ready",
        "good morning, world",
        "fatal: this is no name",
        "ready",
        "good morning, everybody",
    ];
    assert_eq!(log.into_iter().filter(|line| !line.contains("(pid ")).collect::<Vec<_>>(), said);

    let removal = lines("One less");
    let [_, _, name, _, lock, still_there, _, service, log, _, _, back] = removal[..] else { panic!("{removal:?}") };
    assert_eq!([name, lock, still_there], [".greeter", ".greeter", ".svscan.lock"]);
    for (line, name) in [(service, ".greeter"), (log, ".greeter/log")] {
        assert_eq!(line, format!("{name}: supervise not running"));
    }
    let pid = pid_of("greeter", back);
    assert!(!pids.contains(&pid), "{removal:?}");

    let [.., greeter, log] = lines("All of it ends")[..] else { panic!("{parts:?}") };
    assert_eq!([greeter, log], ["greeter: supervise not running", "greeter/log: supervise not running"]);
}

#[test]
fn the_container_stops_in_order_and_its_log_is_complete() {
    let parts = shown_by("examples/container/tour.sh");
    if parts[0].contains("(left out: no namespaces here)") {
        return support::leave_out("the example of a container: no namespaces");
    }
    let up = part(&parts, "The container runs").lines().filter(|line| line.contains("(pid ")).collect::<Vec<_>>();
    let [counter, log] = up[..] else { panic!("{parts:?}") };
    assert_ne!(pid_of("service/counter", counter), pid_of("service/counter/log", log));
    let end = part(&parts, "TERM, as docker stop sends it");
    assert_eq!(end.lines().last(), Some("(exit code of the container: 0)"), "{parts:?}");
    let complete = part(&parts, "All that was written is in the log").lines().collect::<Vec<_>>();
    let [_, _, last, _, count, _, mode] = complete[..] else { panic!("{complete:?}") };
    let (_, numbered) = last.split_once(" counter: that was the last of ").expect(last);
    assert_eq!(numbered, format!("{count} lines"));
    assert!(count.parse::<u32>().unwrap() > 6000, "{count}");
    // multilog has closed it cleanly
    assert_eq!(mode, "-rwxr--r--");
}
