//! daemonize: what the daemon finds. It tells on descriptor 3, which it inherits; so a case ends when the daemon has.

use crate::case::{Case, Outcome, Stream, exits};

/// Target and flags of each standard descriptor.
pub const STANDARD: &str = r#"for number in 0 1 2; do
    flags=$(sed -n 's/^flags:.*\(....\)$/\1/p' /proc/$$/fdinfo/$number)
    echo "$(readlink /proc/$$/fd/$number) $flags" >&3
done"#;
/// The numbers of all descriptors.
pub const OPEN: &str = "(ls -v -m -w 0 /proc/$$/fd >&3); :";
/// Whether it leads a session and a process group that have no terminal.
const SESSION: &str = "read pid name state parent group session tty rest </proc/$$/stat
    [ $$ = $group ] && [ $$ = $session ] && [ $tty = 0 ] && echo own session >&3; exit 7";

const PREFIX: &str = "messages begin with the program's name";
const IFS: &str = "no IFS or PATH that nobody asked for";
pub const TRUTH: &str = "the foreground waits until the program runs, and tells why it does not";
pub const CALLER: &str = "relative names mean the caller's directory, once";

pub fn cases() -> Vec<Case> {
    [surroundings(), environment(), words(), verbose()].into_iter().flatten().collect()
}

pub fn daemonize<const N: usize>(args: [&str; N]) -> Case {
    Case::new("daemonize", args)
}

/// With these options, and a shell script as the daemon. `$0` is the daemonize under test.
pub fn running<const N: usize>(options: [&str; N], script: &str) -> Case {
    daemonize(options).arg("/bin/sh").arg("-c").arg(script).arg("{program}")
}

/// The foreground exits with 0, and the daemon tells this.
pub fn tells(text: impl AsRef<[u8]>) -> Outcome {
    exits(0).reports(text)
}

/// The foreground fails with a message. The text is the same from both programs.
pub trait Refused {
    #[track_caller]
    fn refused(self, text: &str) -> Self;
}

impl Refused for Case {
    #[track_caller]
    fn refused(self, text: &str) -> Self {
        let both = |message: String| exits(1).says(message).reports("").lacks("ran");
        self.differs(both(format!("{text}\n")), both(format!("daemonize: {text}\n")), PREFIX)
    }
}

fn surroundings() -> Vec<Case> {
    let null = |mode: &str| format!("/dev/null {mode}\n");
    let directory = "pwd -P >&3";
    let ignored = "s/^SigIgn:[^0-9a-f]*//p";
    let sed = |case: Case| case.arg("/bin/sed").arg("-n").arg(ignored).arg("/proc/self/status");
    let at = |case: Case, place: &str| case.expect(tells(format!("{place}\n")));
    vec![
        running([], STANDARD).expect(tells(null("0002").repeat(3))),
        running([], STANDARD)
            .streams(Stream::Pipe, Stream::Terminal, Stream::Full)
            .expect(tells(null("0002").repeat(3))),
        running([], OPEN).expect(tells("0, 1, 2, 3\n")),
        running([], OPEN).streams(Stream::Closed, Stream::Closed, Stream::Closed).expect(tells("0, 1, 2, 3\n")),
        running([], SESSION).expect(tells("own session\n")),
        running([], SESSION).leader().expect(tells("own session\n")),
        running([], SESSION)
            .streams(Stream::Terminal, Stream::Terminal, Stream::Terminal)
            .expect(tells("own session\n")),
        running([], "cat; echo $? >&3").expect(tells("0\n")),
        running([], "umask >&3").umask(0o027).expect(tells("0027\n")),
        running([], "umask >&3").umask(0).expect(tells("0000\n")),
        sed(daemonize(["-o", "out"])).ignoring(libc::SIGHUP).expect(tells("").leaves(
            "out",
            0o644,
            "0000000000000001\n",
        )),
        sed(daemonize(["-o", "out"])).ignoring(libc::SIGCHLD).expect(tells("").leaves(
            "out",
            0o644,
            "0000000000010000\n",
        )),
        running([], "echo ran >&3").dead_child().expect(tells("ran\n")),
        // what the program exits with is its own affair
        running([], "echo ran >&3; exit 9").expect(tells("ran\n")),
        // the directory
        at(running([], directory), "/"),
        at(running(["-c", "{dir}"], directory), "{dir}"),
        at(running(["-c", "."], directory), "{dir}"),
        at(running(["-c{dir}/sub"], directory).directory("sub"), "{dir}/sub"),
        at(running(["-c", "/nosuch", "-c", "/usr"], directory), "/usr"),
        at(running(["-c", "{dir}/link"], directory).directory("sub").symlink("sub", "link"), "{dir}/sub"),
        running(["-c", "sub"], directory).directory("sub").differs(tells(""), tells("{dir}/sub\n"), CALLER),
    ]
}

fn environment() -> Vec<Case> {
    /// Of the case, and of the reference.
    const GIVEN: &str = "PATH=/usr/bin:/bin\nLC_ALL=C\n";
    const ADDED: &str = "IFS= \t\n\n";
    let ifs = |case: Case, words: &str| {
        let (theirs, ours) = (format!("{GIVEN}{words}{ADDED}"), format!("{GIVEN}{words}"));
        let leaves = |text| tells("").leaves("out", 0o644, text);
        case.arg("-o").arg("out").arg("/usr/bin/env").differs(leaves(theirs), leaves(ours), IFS)
    };
    let bare = || daemonize(["-o", "out"]).environ([]);
    let left = |text: &str| tells("").leaves("out", 0o644, text);
    vec![
        ifs(daemonize([]), ""),
        ifs(daemonize(["-E", "A=1"]), "A=1\n"),
        ifs(daemonize(["-EA=1", "-E", "B=2"]), "A=1\nB=2\n"),
        ifs(daemonize(["-EIFSA=1"]), "IFSA=1\n"),
        ifs(daemonize(["-E", "A=1", "-E", "B=2", "-E", "A=3"]), "A=3\nB=2\n"),
        ifs(daemonize(["-E", "A="]), "A=\n"),
        ifs(daemonize(["-E", "A=b=c d"]), "A=b=c d\n"),
        daemonize(["-o", "out", "-E"]).arg(b"A=\n\xff").arg("/usr/bin/env").differs(
            tells("").leaves("out", 0o644, [GIVEN.as_bytes(), b"A=\n\xff\n", ADDED.as_bytes()].concat()),
            tells("").leaves("out", 0o644, [GIVEN.as_bytes(), b"A=\n\xff\n"].concat()),
            IFS,
        ),
        // in its place
        bare()
            .arg("-EB=3")
            .arg("/usr/bin/env")
            .environ(["A=1", "B=2", "IFS=", "PATH=x"])
            .expect(left("A=1\nB=3\nIFS=\nPATH=x\n")),
        bare().arg("/usr/bin/env").environ(["IFS=", "PATH="]).expect(left("IFS=\nPATH=\n")),
        bare().arg("/usr/bin/env").differs(
            left("IFS= \t\n\nPATH=/usr/local/sbin:/sbin:/bin:/usr/sbin:/usr/bin\n"),
            left(""),
            IFS,
        ),
    ]
}

fn words() -> Vec<Case> {
    let printed = |text: &[u8]| tells("").leaves("out", 0o644, text);
    let absolute = "The 'path' parameter must be an absolute path name.\n";
    let found = |words: &[&str]| {
        let case = words.iter().fold(daemonize([]), |case, word| case.arg(word));
        case.differs(
            exits(1).says(absolute).reports(""),
            tells("ran\n"),
            "a name without a slash is looked for in PATH, as that of a link of a chain",
        )
    };
    let script = |text: &str| daemonize(["-o", "out", "{dir}/prog", "-a", "b c"]).file_of_mode("prog", 0o755, text);
    vec![
        // what is the program's stays as it is
        daemonize(["-o", "out", "/bin/echo", "-o", "--help", "--", "-E", "x"]).expect(printed(b"-o --help -- -E x\n")),
        daemonize(["-o", "out", "--", "/bin/echo", "--", "a"]).expect(printed(b"-- a\n")),
        daemonize(["-o", "out", "/bin/echo", "", "a\nb"]).arg(b"\xff\x01").expect(printed(b" a\nb \xff\x01\n")),
        running(["--"], "echo ran >&3").expect(tells("ran\n")),
        // letters together, with the value attached or apart
        running(["-avo", "out"], "echo a")
            .file("out", "old\n")
            .streams(Stream::Null, Stream::Null, Stream::Pipe)
            .expect(tells("").leaves("out", 0o644, "old\na\n")),
        running(["-aoout"], "echo a").file("out", "old\n").expect(tells("").leaves("out", 0o644, "old\na\n")),
        running(["-o-a"], "echo a").expect(tells("").leaves("-a", 0o644, "a\n")),
        running(["-o", "--"], "echo a").expect(tells("").leaves("--", 0o644, "a\n")),
        // scripts
        script("#!/bin/sh\necho \"$0\" \"$@\"\n").expect(tells("").leaves("out", 0o644, "{dir}/prog -a b c\n")),
        script("echo \"$@\"\n").expect(printed(b"-a b c\n")),
        script("").expect(printed(b"")),
        found(&["sh", "-c", "echo ran >&3"]),
        found(&["--", "sh", "-c", "echo ran >&3"]),
    ]
}

fn verbose() -> Vec<Case> {
    let unended = "what is said arrives: the reference loses what it has not written before it forks";
    let says = |case: Case, theirs: &str, ours: &str| {
        let on_terminal = case.streams(Stream::Null, Stream::Terminal, Stream::Pipe);
        let ours = tells("").shows(format!("{ours}Daemonizing...\n"));
        on_terminal.differs(tells("").shows(theirs), ours, unended)
    };
    let same = |case: Case, text: &str| says(case, text, text);
    let is_v = |options: &[&str]| {
        let case = options.iter().fold(daemonize(["-v"]), |case, option| case.arg(option));
        case.arg("/bin/true")
    };
    let unheard = |output| {
        running(["-v", "-p", "/dev/null"], "echo ran >&3")
            .streams(Stream::Null, output, Stream::Pipe)
            .expect(tells("ran\n"))
    };
    vec![
        same(is_v(&[]), ""),
        same(is_v(&["-o", "out"]), "Overwriting out\n"),
        same(is_v(&["-o", "out", "-e", "err"]), "Overwriting out\nOverwriting err\n"),
        same(is_v(&["-v", "-a", "-e", "err"]), "Appending to err\n"),
        same(is_v(&["-l", "lock"]), ""),
        same(is_v(&["-p", "pid", "-c", "."]), "Creating PID file \"pid\".\n"),
        is_v(&["-o", "out"]).differs(
            tells("").prints(""),
            tells("").prints("Overwriting out\nDaemonizing...\n"),
            unended,
        ),
        // who cannot be told is no reason not to run
        unheard(Stream::Full),
        unheard(Stream::Closed),
        is_v(&["-o", "nosuch/x"]).differs(
            exits(1)
                .prints("Overwriting nosuch/x\n")
                .says("Can't open \"nosuch/x\" for stdout: No such file or directory\n"),
            exits(1)
                .prints("Overwriting nosuch/x\nDaemonizing...\n")
                .says("daemonize: Can't open \"nosuch/x\" for stdout: No such file or directory\n"),
            "the daemon opens it",
        ),
    ]
}

/// As setenv(3) refuses it.
#[test]
fn a_variable_without_a_name_is_none() {
    let case = daemonize(["-E=x", "-o", "out", "/usr/bin/env"]).environ(["IFS=", "PATH="]);
    crate::run::check(vec![case.expect(tells("").leaves("out", 0o644, "IFS=\nPATH=\n"))]);
}

/// As setenv(3) appends them.
#[test]
fn new_variables_come_in_the_order_of_the_options() {
    let case = daemonize(["-EB=1", "-EA=2", "-o", "out", "/usr/bin/env"]).environ(["IFS=", "PATH="]);
    crate::run::check(vec![case.expect(tells("").leaves("out", 0o644, "IFS=\nPATH=\nB=1\nA=2\n"))]);
}

/// It is opened once.
#[test]
fn a_file_of_both_streams_is_told_of_once() {
    let case = daemonize(["-v", "-o", "out", "-e", "out", "/bin/true"]);
    crate::run::check(vec![case.streams(Stream::Null, Stream::Terminal, Stream::Pipe).differs(
        tells("").shows("Overwriting out\n"),
        tells("").shows("Overwriting out\nDaemonizing...\n"),
        "what is said arrives",
    )]);
}
