//! softlimit: which limits are set to what, and what too low a limit does.

use crate::case::{Case, Outcome, dies_of, exits};
use rlimit::Resource;

/// Prints soft and hard limit, named as in /proc.
fn read(name: &str) -> String {
    format!("s/^{name}  *\\([^ ]*\\)  *\\([^ ]*\\).*/\\1 \\2/p")
}

/// `softlimit OPTIONS sed ...`, which prints what became of the limit.
fn limits(options: &[&str], name: &str, resource: Resource, soft: u64, hard: u64) -> Case {
    let case = options.iter().fold(Case::new("softlimit", []), |case, word| case.arg(word));
    let case = case.arg("sed").arg("-n").arg(read(name)).arg("/proc/self/limits");
    case.limit(resource, soft, hard)
}

fn files(options: &[&str]) -> Case {
    limits(options, "Max open files", Resource::NOFILE, 64, 128)
}

fn prints(soft: u64, hard: u64) -> Outcome {
    let word = |value: u64| if value == u64::MAX { "unlimited".to_owned() } else { value.to_string() };
    exits(0).prints(format!("{} {}\n", word(soft), word(hard)))
}

fn usage() -> Outcome {
    exits(100).says_first("softlimit: usage: softlimit ")
}

/// Where the form is ours, what was wrong is named before that.
fn names(what: &str) -> Outcome {
    exits(100).says_first(format!("softlimit: fatal: {what}\nsoftlimit: usage: softlimit "))
}

const G: u64 = 1 << 30;
const NONE: u64 = u64::MAX;

/// Letter, long name, variable, name in /proc, resource, whether in bytes, and limits to start from.
type Row = (&'static str, &'static str, &'static str, &'static str, Resource, bool, u64, u64);
const ROWS: [Row; 10] = [
    ("a", "as", "ALLBYTES", "Max address space", Resource::AS, true, 2 * G, 3 * G),
    ("c", "core", "COREBYTES", "Max core file size", Resource::CORE, true, 2 * G, 3 * G),
    ("d", "data", "DATABYTES", "Max data size", Resource::DATA, true, 2 * G, 3 * G),
    ("f", "fsize", "FILEBYTES", "Max file size", Resource::FSIZE, true, 2 * G, 3 * G),
    ("l", "memlock", "LOCKEDBYTES", "Max locked memory", Resource::MEMLOCK, true, 32768, 65536),
    ("o", "nofile", "OPENFILES", "Max open files", Resource::NOFILE, false, 64, 128),
    ("p", "nproc", "PROCS", "Max processes", Resource::NPROC, false, 500, 600),
    ("r", "rss", "RSSBYTES", "Max resident set", Resource::RSS, true, 2 * G, 3 * G),
    ("s", "stack", "STACKBYTES", "Max stack size", Resource::STACK, true, 8 << 20, 16 << 20),
    ("t", "cpu", "CPUSECS", "Max cpu time", Resource::CPU, false, 500, 600),
];

pub fn cases() -> Vec<Case> {
    let each = ROWS.into_iter().flat_map(row);
    each.chain([order(), usages(), too_low(), additions()].into_iter().flatten()).collect()
}

fn row((letter, long, variable, name, resource, is_in_bytes, soft, hard): Row) -> Vec<Case> {
    let limited = |options: &[&str]| limits(options, name, resource, soft, hard);
    let by = |option: &str, value: u64| limited(&[&format!("-{option}"), &value.to_string()]);
    // enough for sed, and not the value that was there
    let lower = soft - soft / 4;
    let variable = format!("SOFTLIMIT_{variable}");
    let mut cases = vec![
        by(letter, lower).expect(prints(lower, hard)),
        by(letter, hard + 1).expect(prints(hard, hard)),
        limited(&[&format!("-{letter}{lower}")]).expect(prints(lower, hard)),
        limited(&[&format!("-{letter}=")]).expect(prints(hard, hard)),
        limited(&[]).env(format!("{variable}={lower}")).differs(
            prints(soft, hard),
            prints(lower, hard),
            "the variables are daemontools-encore's",
        ),
        limited(&[&format!("--{long}={lower}")]).ours_only(prints(lower, hard)),
        limited(&[&format!("--{long}"), &format!(":{lower}")]).ours_only(prints(lower, lower)),
    ];
    let suffixed = limited(&[&format!("-{letter}"), &format!("{}k", lower / 1024)]);
    cases.push(match is_in_bytes {
        true => suffixed.differs(usage(), prints(lower / 1024 * 1024, hard), "suffixes are an addition"),
        false => suffixed.expect(usage()),
    });
    cases
}

fn order() -> Vec<Case> {
    let memory = ["Max data size", "Max stack size", "Max address space"];
    let of_memory = |options: &[&str], name: &str| {
        limits(options, name, Resource::DATA, 2 * G, 3 * G)
            .limit(Resource::STACK, G, 3 * G)
            .limit(Resource::MEMLOCK, 32768, 65536)
            .limit(Resource::AS, 2 * G, 3 * G)
    };
    let mut cases = vec![
        files(&[]).expect(prints(64, 128)),
        files(&["-o", "32", "-o", "48"]).expect(prints(48, 128)),
        files(&["-o", "48", "-o32"]).expect(prints(32, 128)),
        files(&["-o", "32", "-o", "="]).expect(prints(128, 128)),
        files(&["-o=", "-o", "32"]).expect(prints(32, 128)),
        files(&["-c", "0", "-o", "32", "-t", "9"]).expect(prints(32, 128)),
        files(&["-o", "0032"]).expect(prints(32, 128)),
        files(&["-o", "32", "--"]).expect(prints(32, 128)),
        files(&["-o", "18446744073709551615"]).expect(prints(128, 128)),
        limits(&["-c", "0", "-c", "="], "Max core file size", Resource::CORE, 0, G).expect(prints(G, G)),
        of_memory(&["-s", "20000000", "-m", "100000000"], "Max stack size").expect(prints(100_000_000, 3 * G)),
        of_memory(&["-m", "100000000", "-s", "20000000"], "Max stack size").expect(prints(20_000_000, 3 * G)),
    ];
    cases.extend(memory.map(|name| of_memory(&["-m", "100000000"], name).expect(prints(100_000_000, 3 * G))));
    // the hard limit is lower
    cases.push(of_memory(&["-m", "100000000"], "Max locked memory").expect(prints(65536, 65536)));
    cases
}

fn usages() -> Vec<Case> {
    let wrong = ["-1", "+", "+5", " 5", "5 ", "0x10", "x", "==", "5=", "1.5", "10K", "5x"];
    let mut cases: Vec<Case> = wrong.map(|value| files(&["-o", value]).expect(usage())).into_iter().collect();
    cases.extend([
        Case::new("softlimit", []).expect(usage()),
        Case::new("softlimit", ["-o", "5"]).expect(usage()),
        Case::new("softlimit", ["-o"])
            .expect(exits(100).says_first("softlimit: option requires an argument -- o\nsoftlimit: usage: ")),
        Case::new("softlimit", ["-z", "true"])
            .expect(exits(100).says_first("softlimit: illegal option -- z\nsoftlimit: usage: ")),
        // nothing is run, whatever came before
        Case::new("softlimit", ["-c", "0", "-o", "x", "touch", "ran"]).expect(usage().lacks("ran")),
        // the value is the next word, whatever it looks like
        Case::new("softlimit", ["-c", "-o", "5", "true"]).expect(usage()),
        Case::new("softlimit", ["echo", "-o", "x"]).expect(exits(0).prints("-o x\n")),
        files(&["-c", ""]).differs(
            prints(64, 128),
            usage(),
            "an empty value comes from an unset variable, and is not 0",
        ),
        limits(&["-c", "18446744073709551616"], "Max core file size", Resource::CORE, G, 2 * G).differs(
            prints(0, 2 * G),
            prints(2 * G, 2 * G),
            "a number of more than 64 bits is a large one",
        ),
        limits(&["-c", "99999999999999999999999"], "Max core file size", Resource::CORE, G, 2 * G)
            .ours_only(prints(2 * G, 2 * G)),
    ]);
    cases
}

fn too_low() -> Vec<Case> {
    let numbers = |case: Case, count: usize| (0..count).fold(case, |case, number| case.arg(number.to_string()));
    let fatal = |text: &str| exits(111).says(format!("softlimit: fatal: unable to {text}\n"));
    vec![
        Case::new("softlimit", ["-m5000", "true"]).expect(dies_of(libc::SIGSEGV)),
        Case::new("softlimit", ["-a", "100000", "true"]).expect(dies_of(libc::SIGSEGV)),
        Case::new("softlimit", ["-s", "4096", "true"]).expect(dies_of(libc::SIGSEGV)),
        numbers(Case::new("softlimit", ["-s", "16384", "true"]), 3_000).expect(dies_of(libc::SIGSEGV)),
        numbers(Case::new("softlimit", ["-s", "16384", "true"]), 30_000)
            .expect(fatal("run true: argument list too long")),
        // the failure is told although there is no memory
        Case::new("softlimit", ["-a", "4096", "./nosuch"]).expect(fatal("run ./nosuch: file does not exist")),
        Case::new("softlimit", ["-m", "0", "nosuch"]).expect(fatal("run nosuch: file does not exist")),
        Case::new("softlimit", ["-o", "0", "./plain"]).file("plain", "").expect(fatal("run ./plain: access denied")),
        Case::new("softlimit", ["-o", "3", "cat"]).expect(exits(127).says_anything()),
        Case::new("softlimit", ["-f", "0", "sh", "-c", "echo x >file"])
            .expect(dies_of(libc::SIGXFSZ).leaves("file", 0o644, "")),
        Case::new("softlimit", ["-f", "2", "sh", "-c", "printf x >file"]).expect(exits(0).leaves("file", 0o644, "x")),
        Case::new("softlimit", ["-p", "0", "echo", "ran"]).expect(exits(0).prints("ran\n")),
        Case::new("softlimit", ["-d", "0", "true"]).expect(exits(0)),
        Case::new("softlimit", ["-l", "0", "echo", "ran"]).expect(exits(0).prints("ran\n")),
    ]
}

fn additions() -> Vec<Case> {
    let core = |options: &[&str]| limits(options, "Max core file size", Resource::CORE, G, 2 * G);
    let none = "none at all is daemontools-encore's";
    let variables =
        |entries: &[&str], options: &[&str]| entries.iter().fold(files(options), |case, entry| case.env(entry));
    vec![
        core(&["-c", "-"]).raising_limits().differs(usage(), prints(NONE, NONE), none),
        core(&["-c", "unlimited"]).raising_limits().differs(usage(), prints(NONE, NONE), none),
        core(&["-c", "-"]).by_nobody().ours_only(exits(111).says_one_line("softlimit: fatal: unable to ")),
        limits(&["-c", "-"], "Max core file size", Resource::CORE, G, NONE).differs(usage(), prints(NONE, NONE), none),
        core(&["-c", "1M"]).ours_only(prints(1 << 20, 2 * G)),
        core(&["-c1G"]).ours_only(prints(G, 2 * G)),
        core(&["-c", "1T"]).ours_only(prints(2 * G, 2 * G)),
        core(&["-c", "99999999999T"]).ours_only(prints(2 * G, 2 * G)),
        core(&["-c", "k"]).expect(usage()),
        core(&["-c", "1kk"]).expect(usage()),
        // soft and hard
        files(&["--nofile", "32"]).ours_only(prints(32, 128)),
        files(&["--nofile", "32:"]).ours_only(prints(32, 128)),
        files(&["--nofile", "32:96"]).ours_only(prints(32, 96)),
        files(&["--nofile=:32"]).ours_only(prints(32, 32)),
        files(&["--nofile", "="]).ours_only(prints(128, 128)),
        files(&["--nofile", "32", "-o", "48"]).ours_only(prints(48, 128)),
        files(&["-o", "48", "--nofile", "32"]).ours_only(prints(32, 128)),
        files(&["--nofile", ":"]).ours_only(names("--nofile: not a limit: :")),
        files(&["--nofile", ""]).ours_only(names("--nofile: empty limit")),
        files(&["--nofile", "1:2:3"]).ours_only(names("--nofile: not a limit: 1:2:3")),
        // which of the two was meant nobody knows
        files(&["--nofile", "12:5"]).ours_only(names("--nofile: soft limit above the hard one: 12:5")),
        files(&["--nofile", "-:5"]).ours_only(names("--nofile: soft limit above the hard one: -:5")),
        files(&["--nofile=5k"]).ours_only(names("--nofile: not a limit: 5k")),
        files(&["-o", "32", "--core", "5x"]).ours_only(names("--core: not a limit: 5x")),
        // the first one that is wrong; a letter is the reference's, with its words
        files(&["--nofile", "5x", "-o", "x"]).ours_only(names("--nofile: not a limit: 5x")),
        files(&["-o", "x", "--nofile", "5x"]).ours_only(usage()),
        files(&["--nofile", "5:5"]).ours_only(prints(5, 5)),
        files(&["--nofile", "=:32"]).ours_only(prints(32, 32)),
        files(&["--nofile", "200:="]).ours_only(prints(128, 128)),
        files(&["-o", "32:96"]).expect(usage()),
        files(&["--nosuch=3"]).ours_only(exits(100).says_anything()),
        limits(&["--locks", "5"], "Max file locks", Resource::LOCKS, 10, 20).ours_only(prints(5, 20)),
        limits(&["--msgqueue", "5k"], "Max msgqueue size", Resource::MSGQUEUE, 10_000, 20_000)
            .ours_only(prints(5120, 20_000)),
        limits(&["--nice", "0"], "Max nice priority", Resource::NICE, 0, 0).ours_only(prints(0, 0)),
        limits(&["--rtprio", "0"], "Max realtime priority", Resource::RTPRIO, 0, 0).ours_only(prints(0, 0)),
        limits(&["--rttime", "5000000"], "Max realtime timeout", Resource::RTTIME, 10_000_000, 20_000_000)
            .ours_only(prints(5_000_000, 20_000_000)),
        limits(&["--sigpending", "5"], "Max pending signals", Resource::SIGPENDING, 10, 20).ours_only(prints(5, 20)),
        // variables come before options; a wrong one is wrong usage
        variables(&["SOFTLIMIT_OPENFILES=32"], &["-o", "48"]).ours_only(prints(48, 128)),
        variables(&["SOFTLIMIT_OPENFILES=32"], &["-c", "0"]).ours_only(prints(32, 128)),
        variables(&["SOFTLIMIT_OPENFILES=="], &[]).ours_only(prints(128, 128)),
        variables(&["SOFTLIMIT_OPENFILES=5x"], &[]).ours_only(names("SOFTLIMIT_OPENFILES: not a limit: 5x")),
        variables(&["SOFTLIMIT_OPENFILES=5:5"], &["-o", "48"])
            .ours_only(names("SOFTLIMIT_OPENFILES: not a limit: 5:5")),
        variables(&["SOFTLIMIT_MEMBYTES=1K"], &["-o", "8"]).ours_only(names("SOFTLIMIT_MEMBYTES: not a limit: 1K")),
        // words are read before variables
        variables(&["SOFTLIMIT_MEMBYTES=1K"], &["-o", "x"]).expect(usage()),
        variables(&["SOFTLIMIT_OPENFILES="], &[]).ours_only(names("SOFTLIMIT_OPENFILES: empty limit")),
        variables(&["SOFTLIMIT_NOSUCH=x", "XSOFTLIMIT_OPENFILES=32"], &[]).expect(prints(64, 128)),
        // MEMBYTES after the specific ones
        limits(&[], "Max stack size", Resource::STACK, G, 2 * G)
            .env("SOFTLIMIT_STACKBYTES=10000000")
            .env("SOFTLIMIT_MEMBYTES=100000000")
            .ours_only(prints(100_000_000, 2 * G)),
    ]
}
