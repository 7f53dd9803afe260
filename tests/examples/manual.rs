//! Each line of the EXAMPLES of the manual pages is typed here as it stands, in a shell, and does what its page says of it. A
//! line that nobody has said how to run is an error; so is one in the tables that is in no page any more.

use crate::blocks::is_as_shown;
use crate::place::Place;
use crate::shell::Shell;
use crate::support::{self, Installed, leave_out};
use crate::{lines_of_links, lines_of_services};
use catena::applets;
use std::fs;
use std::os::unix::fs::symlink;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Mutex;

/// How an example is run.
pub struct Example {
    /// The line as the page has it.
    pub line: &'static str,
    /// Of what the line names as a program: its script, below `#!/bin/sh`. It lies under each of [`PROGRAMS`].
    pub program: &'static str,
    /// What is typed before, for there to be what the line names.
    pub before: &'static str,
    /// What the line is typed in, at `{}`: a pipe, or a `&`.
    pub within: &'static str,
    pub code: i32,
    /// What is typed behind it. It looks at what has come of it, and ends what runs.
    pub after: &'static str,
    /// What both say, as the README shows such things: what differs from run to run does not count.
    pub shows: &'static str,
    /// The programs without which it is left out; `root` is the account.
    pub needs: &'static [&'static str],
    /// Why it cannot be run here, and what shows it.
    pub not_run: Option<&'static str>,
}

/// An example that says nothing.
pub const EXAMPLE: Example = Example {
    line: "",
    program: "exit 1",
    before: "",
    within: "{}",
    code: 0,
    after: "",
    shows: "",
    needs: &[],
    not_run: None,
};

/// Where the examples find programs. `top` stands for the directory that is the machine's root to them.
const PROGRAMS: &[&str] = &[
    "app",
    "job",
    "parser",
    "report",
    "server",
    "srv/app/server",
    "tools/app",
    "tools/make",
    "usr/bin/app",
    "usr/bin/redis-server",
    "usr/sbin/oldd",
];

/// Names that a test has no business with, at the beginning of a word.
const ELSEWHERE: &[&str] = &["/run/", "/service", "/srv/", "/usr/", "/var/"];

/// What can be typed besides what is installed. `serve` makes services that live until they are told to end, and say when
/// they are ready; their supervises are `%1` and so on.
const FUNCTIONS: &str = r#"
await() {
    looks=0
    until "$@"; do
        test $((looks += 1)) -le 3000 || { echo "never: $*"; return 1; }
        sleep 0.01
    done
}
make_services() {
    for name; do
        mkdir -p "$name"
        echo 3 >"$name/notification-fd"
        mkfifo "$name/idle"
        printf '%s\n' '#!/bin/sh' 'echo >&3' 'read -r line <>idle' >"$name/run"
        chmod 755 "$name/run"
    done
}
serve() {
    make_services "$@"
    for name; do supervise "$name" & done
    svwait --appear -r -t 30 "$@"
}
end() { svc -dx "$@"; wait; }
"#;

/// The line with the names that begin a word and lie elsewhere below `top`.
fn placed(line: &str, top: &Path) -> String {
    let words = line.split(' ').map(|word| {
        let is_elsewhere = ELSEWHERE.iter().any(|begin| word.starts_with(begin));
        if is_elsewhere { format!("{}{word}", top.display()) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Runs it. Gives what was not as it should be.
fn run(example: &Example, bash: &Path, installed: &Installed) -> Option<String> {
    let place = Place::new();
    let top = place.path();
    for directory in ["run", "service", "srv/app", "tools", "usr/bin", "usr/sbin", "var/log"] {
        fs::create_dir_all(top.join(directory)).unwrap();
    }
    // whoever a program runs as writes here
    nix::unistd::mkfifo(&top.join("go"), nix::sys::stat::Mode::empty()).unwrap();
    for open in ["go", "var/log"] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(top.join(open), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let script = format!("#!/bin/sh\ntop={}\n{}\n", top.display(), example.program);
    support::write_script(&top.join("program"), script);
    for name in PROGRAMS {
        symlink(top.join("program"), top.join(name)).unwrap();
    }
    let path = format!("{}:{}:/usr/bin:/bin", installed.path().display(), top.join("tools").display());
    let mut shell = Shell::new(bash, top, top, &path);
    let mut type_in = |text: &str| shell.run(text);
    let before = type_in(&format!("{FUNCTIONS}\n{}", example.before));
    let line = example.within.replace("{}", &placed(example.line, top));
    let (mut output, code) = type_in(&line);
    // an empty line is none that a shell could run
    let (more, last) = type_in(if example.after.is_empty() { ":" } else { example.after });
    output.push_str(&more);
    // no name of this machine is in a table
    let output = output.replace(top.to_str().unwrap(), "");
    let shows: Vec<String> = example.shows.lines().map(str::to_owned).collect();
    drop(shell);
    let is_right = before == (String::new(), 0) && code == example.code && last == 0 && is_as_shown(&shows, &output);
    if is_right {
        place.wait_for_the_end(example.line);
        return None;
    }
    Some(format!("{}\n  before it: {before:?}\n  code {code}, then {last}\n  it shows {output:?}", example.line))
}

#[test]
fn every_example_of_a_manual_page_does_what_it_is_there_for() {
    let examples: Vec<&Example> = lines_of_links::EXAMPLES.iter().chain(lines_of_services::EXAMPLES).collect();
    let lines: Vec<&str> =
        applets::ALL.iter().flat_map(|applet| applet.manual.examples).map(|(line, _)| *line).collect();
    for line in &lines {
        let known = examples.iter().filter(|example| example.line == *line).count();
        assert_eq!(known, 1, "so many times tests/examples/lines_of_*.rs says how to run this example: {line}");
    }
    for example in &examples {
        assert!(lines.contains(&example.line), "this is no example of a manual page any more: {}", example.line);
    }
    let Some(bash) = support::peer("bash") else { return };
    let installed = Installed::new();
    let left = Mutex::new(examples.into_iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let next = || left.lock().unwrap().next();
                for example in std::iter::from_fn(next) {
                    if !is_possible(example) {
                        continue;
                    }
                    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| run(example, &bash, &installed)));
                    let what = ended.unwrap_or_else(|_| Some(format!("{}: see above", example.line)));
                    wrong.lock().unwrap().extend(what);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether it can be run here. If not, that is said.
fn is_possible(example: &Example) -> bool {
    if let Some(why) = example.not_run {
        leave_out(&format!("the example `{}`: {why}", example.line));
        return false;
    }
    example.needs.iter().all(|need| {
        let is_there = if *need == "root" { support::is_root() } else { support::peer(need).is_some() };
        if !is_there {
            leave_out(&format!("the example `{}`: needs {need}", example.line));
        }
        is_there
    })
}
