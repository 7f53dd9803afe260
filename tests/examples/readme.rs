//! What the README shows is typed here as it stands, and says what the README says. A block that nobody has said how to
//! run is an error.

use crate::blocks::{Block, blocks, is_as_shown, readme, table, unseen};
use crate::place::{Place, until};
use crate::shell::Shell;
use crate::support::{self, Installed};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Runs a block, or says why not.
type Run = fn(&Stage, &Block);

/// The first line of each block, and how the block is run.
const RUNS: &[(&str, Run)] = &[
    ("sh examples/tour.sh", tour),
    ("cargo test --locked", tests),
    ("$ envdir ./env softlimit -o 64 setsid --wait ./server", server),
    ("$ setlock -n ./lock setlock -n ./lock ./server", server),
    ("$ envdir ./env setsid --fork ./no-such-server", server),
    ("$ daemonize -c . -o build.log -e build.log make all", job),
    ("$ daemonize -c . -o build.log -e build.log mkae all", server),
    ("$ daemonize pidfile-lock /run/app.pid setuidgid nobody softlimit -o 1024 /usr/bin/app", daemon),
    ("$ daemonize --ready=fd=3 --timeout=0.5 /usr/bin/app", never_ready),
    ("$ ./install.sh --all --prefix ~/.local", supervision),
    ("COPY service /service", container),
    ("#!/bin/sh", logger),
    ("$ tai64nlocal < log/main/current", reading),
    ("exec multilog t s1000000 n20 '!../ship' wgz ./main", shipping),
    ("./install.sh --help", installing),
];

/// What is typed differently here. A test has no business in /usr and /run.
const SUBSTITUTED: &[(&str, &str)] = &[("/usr/bin/app", "root/app"), ("/run/app.pid", "root/app.pid")];

/// Commands that say more than is shown, and why.
const SAYS_MORE: &[(&str, &str)] = &[
    ("./install.sh --all --prefix ~/.local", "where it has installed what, which is no part of the session"),
    (
        "cat log/main/@* log/main/current | tai64nlocal -u --iso -d 3 | grep fatal",
        "hundreds of lines; `reading` counts them",
    ),
];

/// Whether this is what a command of the table of supervision prints, of which the README shows nothing.
fn is_printed_by(line: &str, output: &str) -> bool {
    // whoever waits for more than five seconds, as on a busy machine, says so
    let is_told = |line: &&str| ["svc: warning: ", "supervise: ", "svscan: "].iter().any(|name| line.starts_with(name));
    let output: Vec<&str> = output.lines().filter(|line| !is_told(line)).collect();
    match line {
        "svc --remove new" => output == [".new"],
        "svstat --table *" => output.len() == 2 && output[0].starts_with("NAME ") && output[1].starts_with("greeter "),
        "svstat --json *" => output.len() == 1 && output[0].starts_with("{\"name\":\"greeter\","),
        _ => output.is_empty(),
    }
}

fn holds(file: &Path, text: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|all| all.contains(text))
}

/// Somebody's home, a checkout with a build, and links to what the commands need.
struct Stage {
    bash: PathBuf,
    place: Place,
    installed: Installed,
}

impl Stage {
    fn new(bash: PathBuf) -> Self {
        let stage = Self { bash, place: Place::new(), installed: Installed::new() };
        for directory in ["home", "checkout/target/release", "root", "tools", "work"] {
            fs::create_dir_all(stage.path(directory)).unwrap();
        }
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["examples", "install.sh", "man", "completions"] {
            let mut copy = std::process::Command::new("cp");
            assert!(copy.arg("-R").arg(top.join(part)).arg(stage.path("checkout")).status().unwrap().success());
        }
        support::copy_program(support::catena(), &stage.path("checkout/target/release/catena"));
        for tool in [
            "cat", "chmod", "cksum", "cp", "cut", "dirname", "false", "grep", "gzip", "head", "id", "ln", "ls",
            "mkdir", "mkfifo", "mktemp", "mv", "readlink", "rm", "rmdir", "sed", "sh", "sort", "tr", "touch", "true",
            "uname", "wc",
        ] {
            symlink(support::peer(tool).unwrap(), stage.path("tools").join(tool)).unwrap();
        }
        // names that are taken already, by what does nothing of the kind
        for name in ["svscan", "svstat", "tai64nlocal"] {
            stage.put(&format!("tools/{name}"), "#!/bin/sh\nexit 1\n");
        }
        for part in ["env", "server"] {
            let mut copy = std::process::Command::new("cp");
            let from = stage.path("checkout/examples").join(part);
            assert!(copy.arg("-R").arg(from).arg(stage.path("work")).status().unwrap().success());
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn put(&self, name: &str, script: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        support::write_script(&self.path(name), script);
    }

    /// A shell in a directory of the stage, whose PATH finds catena's names and the tools.
    fn shell(&self, directory: &str) -> Shell {
        let path = format!("{}:{}", self.installed.path().display(), self.path("tools").display());
        Shell::new(&self.bash, &self.path("home"), &self.path(directory), &path)
    }

    /// The same, and catena has not been installed.
    fn bare_shell(&self, directory: &str) -> Shell {
        Shell::new(&self.bash, &self.path("home"), &self.path(directory), self.path("tools").to_str().unwrap())
    }

    fn substituted(&self, text: &str) -> String {
        SUBSTITUTED.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, self.path(to).to_str().unwrap()))
    }

    /// Types all of a block, each line when what it is typed for has come, and compares what is shown.
    fn type_in(&self, shell: &mut Shell, block: &Block, before: impl Fn(&str)) {
        for typed in block.typed() {
            before(&typed.line);
            let (output, code) = shell.run(&self.substituted(&typed.line));
            assert_eq!(code, typed.code, "{}: {output}", typed.line);
            let shown: Vec<String> = typed.shown.iter().map(|line| self.substituted(line)).collect();
            let says_more = SAYS_MORE.iter().any(|(line, _)| typed.line == *line);
            assert!(says_more || is_as_shown(&shown, &output), "{}: {shown:?}, but {output}", typed.line);
        }
    }
}

#[test]
fn what_the_readme_shows_is_what_comes() {
    let readme = readme();
    assert_eq!(unseen(&readme), [""; 0]);
    let blocks = blocks(&readme);
    for (line, _) in SAYS_MORE {
        assert!(readme.contains(&format!("    $ {line}\n")), "{line} is not in the README");
    }
    for (first, _) in RUNS {
        assert!(blocks.iter().any(|block| block.lines[0] == *first), "no block of the README begins with {first}");
    }
    let Some(bash) = support::peer("bash") else { return };
    let stage = Stage::new(bash);
    for block in &blocks {
        let Some((_, run)) = RUNS.iter().find(|(first, _)| block.lines[0] == *first) else {
            panic!("nobody has said how to run this block of the README: {block:?}");
        };
        let is_typed = |line: &String| line.starts_with("$ ");
        assert!(is_typed(&block.lines[0]) || !block.lines.iter().any(is_typed), "{block:?}");
        run(&stage, block);
        stage.place.wait_for_the_end(&block.lines[0]);
    }
}

/// With the program under test for an argument, which spares a release build.
fn tour(stage: &Stage, block: &Block) {
    let [line] = &block.lines[..] else { panic!("{block:?}") };
    let (output, code) = stage.shell("checkout").run(&format!("{line} {}", support::catena().display()));
    assert_eq!(code, 0, "{output}");
}

/// Is what runs this.
fn tests(_: &Stage, block: &Block) {
    assert_eq!(block.lines.len(), 1, "{block:?}");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock").exists());
}

/// In a directory with `env` and `server`, as the tour has it.
fn server(stage: &Stage, block: &Block) {
    stage.type_in(&mut stage.shell("work"), block, |_| ());
}

/// The session ends while the job still runs, and sees the end of its output, which no job holds open.
fn job(stage: &Stage, block: &Block) {
    // make may not be here, and would only run this
    stage.put("tools/make", "#!/bin/sh\necho \"begun: $*\"\nread -r line <go\necho \"$line\"\n");
    let go = stage.path("work/go");
    nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let typed = block.typed();
    let [start, exit] = &typed[..] else { panic!("{block:?}") };
    let mut shell = stage.shell("work");
    assert_eq!(shell.run(&start.line), (String::new(), 0));
    assert_eq!(exit.line, "exit");
    assert_eq!(shell.leave(&exit.line), (String::new(), 0));
    let log = stage.path("work/build.log");
    until("the job's output", || holds(&log, "begun: all\n"));
    fs::OpenOptions::new().write(true).open(go).unwrap().write_all(b"built\n").unwrap();
    until("the job's end", || holds(&log, "begun: all\nbuilt\n"));
}

/// A program that runs until something is written to `go` beside it.
fn put_app(stage: &Stage) {
    stage.put("root/app", "#!/bin/sh\ncd \"${0%/*}\"\nread -r line <go\n");
    let _ = fs::remove_file(stage.path("root/go"));
    nix::unistd::mkfifo(&stage.path("root/go"), nix::sys::stat::Mode::empty()).unwrap();
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(stage.path("root/go"), fs::Permissions::from_mode(0o666)).unwrap();
}

fn daemon(stage: &Stage, block: &Block) {
    if !support::is_root() {
        return support::leave_out("the README's daemon with an account of its own: not root");
    }
    put_app(stage);
    let mut shell = stage.shell("work");
    stage.type_in(&mut shell, block, |_| ());
    fs::OpenOptions::new().write(true).open(stage.path("root/go")).unwrap().write_all(b"\n").unwrap();
    // the lock is free when it has ended
    assert_eq!(shell.run(&stage.substituted("pidfile-lock -N /run/app.pid true")), (String::new(), 0));
}

fn never_ready(stage: &Stage, block: &Block) {
    put_app(stage);
    stage.type_in(&mut stage.shell("work"), block, |_| ());
}

/// From the installation to the end of all services; in between the commands of the table.
fn supervision(stage: &Stage, block: &Block) {
    let greeter = stage.path("home/service/greeter");
    let log = greeter.join("log/main/current");
    let mut shell = stage.bare_shell("checkout");
    stage.type_in(&mut shell, block, |line| match line {
        // who types is slower than a service
        "svstat greeter" => until("the service", || holds(&log, "greeter: ready")),
        line if line.starts_with("tai64nlocal ") => until("its answer", || holds(&log, "hello, world")),
        _ => {}
    });
    stage.put("home/new/run", "#!/bin/sh\nexec ./stays\n");
    stage.put("home/new/stays", "#!/bin/sh\nmkfifo -m 600 input\nread -r line <>input\n");
    let commands = table(&readme(), "| `svc -d greeter`");
    assert!(commands.len() > 10, "{commands:?}");
    for line in &commands {
        if line == "svc --remove new" {
            // not while it makes this by a program that it would leave behind
            until("the new service", || stage.path("home/service/new/input").exists());
        }
        let (output, code) = shell.run(line);
        assert!(code == 0 && is_printed_by(line, &output), "{line}: {code}, {output}");
    }
    assert!(stage.path("home/service/.new/run").exists() && !stage.path("home/service/new").exists());
    assert!(greeter.join("down").exists());
    assert_eq!(commands.last().map(String::as_str), Some("kill %1"));
    assert_eq!(shell.run("wait %1"), (String::new(), 0));
    assert!(stage.path("home/.local/bin/catena").exists());
    assert!(readme().contains("`--uninstall --prefix ~/.local`"));
    let (output, code) = stage.bare_shell("checkout").run("./install.sh --uninstall --prefix ~/.local");
    assert!(code == 0 && !stage.path("home/.local").exists(), "{output}");
}

/// Lines of a Dockerfile, for which there is nothing to run here; `examples/container` is it, and has a tour.
fn container(stage: &Stage, block: &Block) {
    let file = fs::read_to_string(stage.path("checkout/examples/container/Dockerfile")).unwrap();
    for line in &block.lines {
        assert!(file.lines().any(|known| known == line), "{line} is not in the Dockerfile");
    }
}

/// A service and a script `log/run` in a directory of the home.
fn put_logged(stage: &Stage, name: &str, logger: &str) -> Shell {
    let service = fs::read_to_string(stage.path("checkout/examples/logging/service/run")).unwrap();
    stage.put(&format!("home/{name}/service"), &service);
    stage.put(&format!("home/{name}/log/run"), logger);
    stage.shell(&format!("home/{name}"))
}

/// The connection that the README has for where there is no svscan.
const CONNECTED: &str = "./service | (cd log && ./run)";

fn logger(stage: &Stage, block: &Block) {
    let mut shell = put_logged(stage, "logged", &format!("{}\n", block.lines.join("\n")));
    // an old file, as there is when a megabyte has been written
    let old = "./service 300 | multilog t s4096 ./old && mkdir log/main && cp -p old/@*.s log/main";
    assert_eq!(shell.run(old), (String::new(), 0));
    assert!(readme().contains(&format!("`{CONNECTED}`")));
    assert_eq!(shell.run(CONNECTED), (String::new(), 0));
}

/// Behind `logger`, in whose directory the logs are.
fn reading(stage: &Stage, block: &Block) {
    let mut shell = stage.shell("home/logged");
    stage.type_in(&mut shell, block, |_| ());
    // the last one finds what is fatal in old files, too
    let last = block.typed().pop().unwrap().line;
    let (found, _) = shell.run(&format!("{last} | wc -l"));
    assert!(found.trim().parse::<u32>().unwrap() > 10, "{found}");
}

fn shipping(stage: &Stage, block: &Block) {
    let mut shell = put_logged(stage, "shipped", &format!("#!/bin/sh\n{}\n", block.lines.join("\n")));
    assert!(readme().contains("`examples/logging/service/log/ship`"));
    let ship = fs::read_to_string(stage.path("checkout/examples/logging/service/log/ship")).unwrap();
    stage.put("home/shipped/log/ship", &ship);
    // more than a megabyte
    assert_eq!(shell.run(&CONNECTED.replace("service", "service 20000")), (String::new(), 0));
    let (count, _) = shell.run("gzip -dc log/main/@*.gz | cat - log/main/current | wc -l");
    assert_eq!(count.trim(), "20000");
    assert_eq!(shell.run("ls log/outbox"), ("1\n".to_owned(), 0));
}

/// With a sudo that has the machine's root elsewhere.
fn installing(stage: &Stage, block: &Block) {
    let root = stage.path("root").display().to_string();
    stage.put("tools/sudo", &format!("#!/bin/sh\nDESTDIR={root} exec \"$@\"\n"));
    let mut shell = stage.bare_shell("checkout");
    for line in &block.lines {
        let (output, code) = shell.run(line);
        assert_eq!(code, 0, "{line}: {output}");
    }
    for program in ["root/usr/local/bin/svc", "checkout/root/usr/local/bin/svc"] {
        assert!(stage.path(program).exists(), "{program}");
    }
}
