//! daemonize: what is refused and what fails, with the exit code and the message.

use crate::case::{Case, Stream, dies_of, exits};
use crate::daemonize::{Refused, TRUTH, daemonize, running, tells};
use rlimit::Resource;

pub fn cases() -> Vec<Case> {
    [usage(), programs(), files(), after_the_fork()].into_iter().flatten().collect()
}

fn usage() -> Vec<Case> {
    let crash = "the usage is told; the reference crashes on its way there";
    let case = |args: &[&str]| {
        let case = args.iter().fold(daemonize([]), |case, word| case.arg(word));
        case.limit(Resource::CORE, 0, 0)
    };
    let none = |args: &[&str]| {
        let ours = exits(1).says_first("daemonize: no program specified\n").lacks("f");
        case(args).differs(dies_of(libc::SIGSEGV), ours, crash)
    };
    let illegal = |args: &[&str], letter: &str, ours: &str| {
        let theirs = format!("daemonize: illegal option -- {letter}\nBad option: -{letter}\n");
        let ours = exits(1).says_first(format!("daemonize: illegal option -- {ours}\n")).lacks("ran");
        case(args).differs(dies_of(libc::SIGSEGV).says(theirs), ours, crash)
    };
    let unvalued = |args: &[&str], letter: &str| {
        let text = format!("daemonize: option requires an argument -- {letter}\n");
        let theirs = dies_of(libc::SIGSEGV).says(format!("{text}Bad option: -{letter}\n"));
        case(args).differs(theirs, exits(1).says_first(text), crash)
    };
    let mut cases = vec![
        none(&[]),
        none(&["-a"]),
        none(&["-v", "--"]),
        none(&["-l", "f"]),
        none(&["-o", "f"]),
        illegal(&["-z", "/bin/true"], "z", "z"),
        illegal(&["-az", "/usr/bin/touch", "{dir}/ran"], "z", "z"),
        illegal(&["-h"], "h", "h"),
        illegal(&["--foo", "/bin/true"], "-", "foo"),
        daemonize(["--help"]).ours_only(exits(0).prints_first("Run a program in the background")),
    ];
    for letter in ["c", "e", "E", "l", "o", "p", "u"] {
        cases.push(unvalued(&[&format!("-{letter}")], letter));
        cases.push(unvalued(&["-a", &format!("-v{letter}")], letter));
    }
    cases
}

fn programs() -> Vec<Case> {
    let absolute = "The 'path' parameter must be an absolute path name.";
    let not_executable = |name: &str| format!("File \"{name}\" is not executable.");
    let not_regular = |name: &str| format!("File \"{name}\" is not regular file.");
    let mode = |mode: u32| move |dir: &std::path::Path| crate::case::set_mode(&dir.join("p"), mode);
    vec![
        daemonize([""]).refused(absolute),
        daemonize(["./true"]).refused(absolute),
        daemonize(["bin/true"]).within("/").refused(absolute),
        daemonize(["-c", "/bin", "./true"]).refused(absolute),
        daemonize(["{dir}/nosuch"]).refused(&not_executable("{dir}/nosuch")),
        daemonize(["{dir}/p"]).file("p", "#!/bin/sh\n").refused(&not_executable("{dir}/p")),
        daemonize(["{dir}/p"]).symlink("nosuch", "p").refused(&not_executable("{dir}/p")),
        daemonize(["{dir}/p"]).symlink("p", "p").refused(&not_executable("{dir}/p")),
        daemonize(["{dir}/p/x"]).file("p", "").refused(&not_executable("{dir}/p/x")),
        daemonize(["{dir}/p/x"]).directory_of_mode("p", 0).by_nobody().refused(&not_executable("{dir}/p/x")),
        daemonize(["{dir}/p"]).file_of_mode("p", 0o744, "").set_up(mode(0o644)).refused(&not_executable("{dir}/p")),
        daemonize(["{dir}"]).refused(&not_regular("{dir}")),
        daemonize(["{dir}/p"]).symlink("/", "p").refused(&not_regular("{dir}/p")),
        daemonize(["{dir}/p"]).fifo("p").set_up(mode(0o755)).refused(&not_regular("{dir}/p")),
        daemonize(["/dev/null"]).refused(&not_executable("/dev/null")),
        // before anything is made
        daemonize(["-l", "ran", "-p", "ran", "-o", "ran", "/nosuch"]).refused(&not_executable("/nosuch")),
    ]
}

fn files() -> Vec<Case> {
    let touch = |option: &str, value: &str| running([option, value], "touch {dir}/ran");
    let lock = |reason: &str| format!("Can't create lock file \"f\": {reason}");
    let opened = |stream: &str, reason: &str| format!("Can't open \"f\" for {stream}: {reason}");
    let directory = |reason: &str| format!("Can't change working directory to \"f\": {reason}");
    let form = |value: &str| format!("Argument to -E (\"{value}\") is not of the form name=value.");
    let mut cases = vec![
        touch("-l", "f").directory("f").refused(&lock("Is a directory")),
        touch("-l", "f").symlink("nosuch/x", "f").refused(&lock("No such file or directory")),
        touch("-l", "f").symlink("f", "f").refused(&lock("Too many levels of symbolic links")),
        touch("-l", "f").file_of_mode("f", 0o444, "").by_nobody().refused(&lock("Permission denied")),
        touch("-l", "").refused("Can't create lock file \"\": No such file or directory"),
        touch("-c", "f").refused(&directory("No such file or directory")),
        touch("-c", "f").file("f", "").refused(&directory("Not a directory")),
        touch("-c", "f").directory_of_mode("f", 0).by_nobody().refused(&directory("Permission denied")),
        touch("-c", "").refused("Can't change working directory to \"\": No such file or directory"),
        touch("-E", "A").refused(&form("A")),
        touch("-E", "").refused(&form("")),
        touch("-EA", "-EB=1").refused(&form("A")),
        // before the program is looked at
        daemonize(["-E", "A", "/nosuch"]).refused(&form("A")),
        // the code is the same whoever hears the message
        daemonize(["/nosuch"]).streams(Stream::Null, Stream::Pipe, Stream::Closed).expect(exits(1)),
        daemonize(["/nosuch"]).streams(Stream::Null, Stream::Pipe, Stream::Full).expect(exits(1)),
        daemonize(["-c", "/nosuch", "/bin/true"]).streams(Stream::Null, Stream::Pipe, Stream::Closed).expect(exits(1)),
    ];
    for (option, stream) in [("-o", "stdout"), ("-e", "stderr")] {
        cases.extend([
            touch(option, "f").directory("f").refused(&opened(stream, "Is a directory")),
            touch(option, "f").symlink("nosuch/x", "f").refused(&opened(stream, "No such file or directory")),
            touch(option, "f").file_of_mode("f", 0o444, "").by_nobody().refused(&opened(stream, "Permission denied")),
            touch(option, "").refused(&format!("Can't open \"\" for {stream}: No such file or directory")),
        ]);
    }
    cases
}

fn after_the_fork() -> Vec<Case> {
    let lost = |options: &[&str]| {
        let case = options.iter().fold(daemonize([]), |case, option| case.arg(option)).arg("{dir}/lost");
        case.file_of_mode("lost", 0o755, "#!/nonexistent/interpreter\n")
    };
    let text = "Can't exec \"{dir}/lost\": No such file or directory\n";
    let ours = || exits(1).says(format!("daemonize: {text}")).reports("");
    vec![
        lost(&[]).differs(tells(""), ours(), TRUTH),
        // the log has the reason as well
        lost(&["-e", "err"]).differs(
            tells("").leaves("err", 0o644, text),
            ours().leaves("err", 0o644, format!("daemonize: {text}")),
            TRUTH,
        ),
        lost(&["-p", "pid", "-c", "."]).differs(tells(""), ours().lacks("pid"), TRUTH),
        lost(&["-p", "pid", "-c", "."]).file("pid", "77\n").differs(tells(""), ours().leaves("pid", 0o644, ""), TRUTH),
        // no more processes
        daemonize(["/usr/bin/touch", "{dir}/ran"])
            .under(["prlimit", "--nproc=0:0"])
            .by_nobody()
            .refused("Can't daemonize: Resource temporarily unavailable"),
        // a way to be root that nobody has granted
        daemonize(["/usr/bin/touch", "{dir}/ran"])
            .under(["setpriv", "--ruid=65534"])
            .for_root()
            .refused("This executable is too dangerous to be setuid."),
    ]
}

/// Both tell the same mistake in the same words.
#[test]
fn a_pid_file_that_cannot_be_made_is_told_of_as_by_the_reference() {
    let pid = || running(["-p", "f"], "touch {dir}/ran");
    let text = |reason: &str| format!("Can't create PID file \"f\": {reason}");
    crate::run::check(vec![
        pid().directory("f").refused(&text("Is a directory")),
        pid().file_of_mode("f", 0o444, "").by_nobody().refused(&text("Permission denied")),
        running(["-p", "f/x"], "").refused("Can't create PID file \"f/x\": No such file or directory"),
        running(["-p", "f/x"], "").file("f", "").refused("Can't create PID file \"f/x\": Not a directory"),
        running(["-p", ""], "").refused("Can't create PID file \"\": No such file or directory"),
    ]);
}
