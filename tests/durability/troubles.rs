//! Ends and failures: no processor time is spent on waiting, room is looked for wherever it is missing, and whatever fails at the
//! end, nothing that counts as complete ends in the middle of a line or lacks one.

use crate::directory::Listing;
use crate::disk::Disk;
use crate::lines::text;
use crate::logger::{Logger, pipe, rest_of, set_blocking, waiting};
use crate::program::{Place, Program};
use crate::support::leave_out;
use crate::support::namespaces::{MOUNTS, may_unshare};
use crate::support::tracer::Tracee;
use crate::support::waiting::{PATIENCE, Watch, end_of, is_ready, look_until};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A wait of one sort, at whose end this much processor time may have been used.
const LITTLE: Duration = Duration::from_millis(300);

/// Tests that wait for the seconds of a pause, all at the same time.
#[test]
fn what_takes_seconds() {
    let tests: &[(&str, fn())] = &[
        ("an idle pipe", || a_wait_costs_nothing(&["./log"], b"", false, 0)),
        ("the beginning of a line", || a_wait_costs_nothing(&["./log"], b"begun", false, 0)),
        ("the end of a line after a request to end, the processor ends meanwhile", || {
            a_wait_costs_nothing(&["s4096", "!sleep 2; cat", "./log"], &lines_and_a_beginning(), true, 0);
        }),
        ("the end of a line after a request to end, the processor fails meanwhile", || {
            a_wait_costs_nothing(
                &["s4096", "!sleep 2; test -e ../right && cat", "./log"],
                &lines_and_a_beginning(),
                true,
                // it is not run again
                111,
            );
        }),
        ("the end of a line after a request to end, the file becomes old", || {
            a_wait_costs_nothing(&["a2", "./log"], &lines_and_a_beginning(), true, 0);
        }),
        ("no room for a processor", a_processor_that_has_no_room_gets_some),
        ("a file that cannot be looked at", || {
            Program::all().iter().for_each(a_file_that_cannot_be_looked_at_is_not_passed_over)
        }),
        ("a processor that fails at the end, ours next", || a_processor_that_fails_at_the_end(&Program::ours())),
        ("a processor that fails at the end, the reference next", || {
            Program::reference().iter().for_each(a_processor_that_fails_at_the_end);
        }),
        ("a processor that fails at the end, as seen from the disk", current_is_on_disk_though_a_processor_fails),
        ("one directory fails within a line", one_directory_that_fails_makes_no_mixed_lines),
    ];
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let start = |&(name, test): &(&'static str, fn())| {
            (name, std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, test).unwrap())
        };
        let threads: Vec<_> = tests.iter().map(start).collect();
        threads.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "{failed:#?}");
}

fn lines_and_a_beginning() -> Vec<u8> {
    let mut all = text(0..24);
    assert!((2100..4096).contains(&all.len()), "for one rotation, and something in the next file");
    all.extend_from_slice(b"begun");
    all
}

/// Processor time of a process that has ended and has not been waited for, without that of its children.
fn processor_time(pid: Pid) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    assert_eq!(fields[0], "Z");
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    // SAFETY: a number.
    let second = u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap();
    Duration::from_millis(ticks * 1000 / second)
}

/// It is left alone with this for three seconds, from the request to end on if there is one, and then ends.
fn a_wait_costs_nothing(actions: &[&str], given: &[u8], is_asked: bool, code: i32) {
    let program = Program::ours();
    let place = Place::new();
    let (read, mut write) = pipe();
    let mut logger = Logger::start(&program, place.path(), actions, read.try_clone().unwrap());
    write.write_all(given).unwrap();
    if is_asked {
        // the beginning has been taken into memory
        look_until("it has been read", || waiting(&read) == 0 && logger.is_asleep());
        logger.send(Signal::SIGTERM);
    }
    let end = end_of(logger.pid());
    // this is what is measured
    assert!(!is_ready(end.as_fd(), Duration::from_secs(3)), "it has not waited");
    fs::write(place.at("right"), "").unwrap();
    let mut all = given.to_vec();
    if given.ends_with(b"begun") {
        write.write_all(b", and ended\n").unwrap();
        all.extend_from_slice(b", and ended\n");
    }
    drop(write);
    assert!(is_ready(end.as_fd(), PATIENCE), "it does not end");
    let time = processor_time(logger.pid());
    assert!(time < LITTLE, "{time:?}");
    assert_eq!(logger.code(), code);
    let listing = Listing::of(&place.log());
    if code == 0 {
        listing.assert_settled("at the end");
    }
    assert!(listing.text() == all, "{:?}", listing.shown());
}

/// A logger that is alone in a mount namespace, whose working directory is a tmpfs with these options.
struct Alone {
    logger: Logger,
    place: Place,
}

impl Alone {
    fn start(program: &Program, options: &str, actions: &[&str], input: &File) -> Option<Self> {
        let place = Place::new();
        fs::create_dir(place.at("disk")).unwrap();
        let usual = program.command(place.path(), actions);
        let script = "mount -t tmpfs -o \"$1\" none disk && cd disk && echo ready >&2 && shift && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(MOUNTS).args(["/bin/sh", "-c", script, "sh", options]);
        command.arg(usual.get_program()).args(usual.get_args()).current_dir(place.path());
        if !may_unshare(MOUNTS) {
            return None;
        }
        let mut logger = Logger::spawn(command, input.try_clone().unwrap());
        let said = logger.line();
        if said != "ready" {
            leave_out("a file system without room: no tmpfs in a user namespace");
            return None;
        }
        Some(Self { logger, place })
    }

    /// The log directory as it is seen from outside of the namespace, as long as the logger runs.
    fn log(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/cwd/log", self.logger.pid()))
    }
}

/// Names can run out before bytes do, and then it is no write that fails.
#[test]
fn old_logs_are_removed_where_names_have_run_out() {
    let (read, mut write) = pipe();
    let all = text(0..400);
    assert!(all.len() < 65536);
    let options = ["s4096", "n30", "N2", "./log"];
    let program = Program::ours();
    let Some(mut alone) = Alone::start(&program, "size=1m,nr_inodes=12", &options, &read) else { return };
    write.write_all(&all).unwrap();
    look_until("all is logged", || waiting(&read) == 0 && alone.logger.is_asleep());
    let listing = Listing::of(&alone.log());
    assert!(listing.old().count() >= 2, "{:?}", listing.shown());
    let kept = listing.text();
    assert!(all.ends_with(&kept) && kept.len() > 2 * 2000, "{:?}", listing.shown());
    drop(write);
    assert_eq!((alone.logger.code(), alone.logger.rest()), (0, String::new()));
    drop(alone.place);
}

/// That a processor has met a full disk nobody tells, but that it is full can be seen.
fn a_processor_that_has_no_room_gets_some() {
    let (read, mut write) = pipe();
    // a few files more than there is room for
    let all = text(0..85);
    let options = ["s4096", "n100", "N1", "!cat 2>/dev/null", "./log"];
    let program = Program::ours();
    let Some(mut alone) = Alone::start(&program, "size=20k", &options, &read) else { return };
    write.write_all(&all).unwrap();
    look_until("all is logged", || waiting(&read) == 0 && alone.logger.is_asleep());
    let listing = Listing::of(&alone.log());
    assert!(all.ends_with(&listing.text()), "{:?}", listing.shown());
    drop(write);
    assert_eq!(alone.logger.code(), 0);
    let said = alone.logger.rest();
    assert!(said.contains("processor failed in ./log"), "there was room for all: {said}");
}

/// What a traced program is about to ask of the system: number and arguments.
fn call_of(pid: Pid) -> (libc::c_long, [u64; 6]) {
    const GET_SYSCALL_INFO: libc::c_long = 0x420e;
    let mut info = [0_u64; 11];
    let size = size_of_val(&info);
    // SAFETY: the kernel writes at most as much as it is told.
    Errno::result(unsafe { libc::syscall(libc::SYS_ptrace, GET_SYSCALL_INFO, pid.as_raw(), size, info.as_mut_ptr()) })
        .unwrap();
    (info[3] as libc::c_long, info[4..10].try_into().unwrap())
}

/// Eight bytes of its memory.
fn peek(pid: Pid, address: u64) -> [u8; 8] {
    let mut word = [0; 8];
    // SAFETY: the kernel writes one word.
    let count =
        unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_PEEKDATA, pid.as_raw(), address, word.as_mut_ptr()) };
    Errno::result(count).unwrap();
    word
}

fn poke(pid: Pid, address: u64, word: [u8; 8]) {
    // SAFETY: numbers; only the traced program is changed.
    let done = unsafe {
        libc::syscall(libc::SYS_ptrace, libc::PTRACE_POKEDATA, pid.as_raw(), address, u64::from_ne_bytes(word))
    };
    Errno::result(done).unwrap();
}

/// Once, in a rotation, another name stands where it asks for `previous`: one that is below a file, so that it gets an error. If
/// it took that for "there is none", the next rotation would replace it.
fn a_file_that_cannot_be_looked_at_is_not_passed_over(program: &Program) {
    let place = Place::new();
    let all = text(0..200);
    fs::write(place.at("input"), &all).unwrap();
    let (mut heard, says) = pipe();
    let mut command = program.command(place.path(), &["s4096", "n30", "./log"]);
    command.stdin(File::open(place.at("input")).unwrap()).stderr(says);
    let Some(mut tracee) = Tracee::start(command) else { return };
    let pid = tracee.pid();
    let mut changed = None;
    let mut is_done = false;
    while tracee.next_call().is_some() {
        if let Some(address) = changed.take() {
            // where it is a constant it is needed again
            if peek(pid, address) == *b"lock/ous" {
                poke(pid, address, *b"previous");
            }
        }
        let (number, arguments) = call_of(pid);
        let is_rotated = place.at("log/previous").exists();
        if number == libc::SYS_newfstatat && is_rotated && !is_done && peek(pid, arguments[1]) == *b"previous" {
            poke(pid, arguments[1], *b"lock/ous");
            changed = Some(arguments[1]);
            is_done = true;
        }
    }
    assert_eq!(tracee.finish(), 0, "{}", program.name);
    assert!(is_done, "{} has never looked at it", program.name);
    let mut said = String::new();
    heard.read_to_string(&mut said).unwrap();
    // the reference takes the name for its message from the same place
    let said = said.replace("lock/ous", "previous");
    let expected = "multilog: warning: unable to stat ./log/previous, pausing: ";
    assert!(said.starts_with(expected) && said.lines().count() == 1, "{}: {said}", program.name);
    let listing = Listing::of(&place.log());
    listing.assert_settled(program.name);
    assert!(listing.text() == all, "{}: {:?}", program.name, listing.shown());
}

const UNFINISHED: &str = "multilog: fatal: exiting with ./log unfinished";

/// Only the end meets it: all that has been read is in the directory, and nothing of it counts as complete but `previous`.
fn a_processor_that_fails_at_the_end(successor: &Program) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let all = text(0..24);
    let program = Program::ours();
    let actions = ["s4096", "!exit 1", "./log"];
    let mut logger = Logger::start(&program, place.path(), &actions, read.try_clone().unwrap());
    write.write_all(&all).unwrap();
    look_until("it has been read", || waiting(&read) == 0 && logger.is_asleep());
    let asked = Instant::now();
    logger.send(Signal::SIGTERM);
    assert_eq!(logger.code(), 111);
    let time = asked.elapsed();
    assert!(time < Duration::from_secs(20), "{time:?}");
    let said = logger.rest();
    let (warnings, last) = said.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(last, UNFINISHED);
    assert!(warnings.lines().all(|line| line == "multilog: warning: processor failed in ./log, pausing"), "{said}");
    let left = Listing::of(&place.log());
    let of = |name| left.get(name).map(|entry| (entry.mode, entry.text.is_empty()));
    assert_eq!((of("previous"), of("current")), (Some((0o744, false)), Some((0o644, false))), "{:?}", left.shown());
    assert!(left.text() == all, "{:?}", left.shown());

    drop(write);
    let ended = Logger::run(successor, place.path(), &actions, read);
    assert_eq!(ended, (0, String::new()), "{}", successor.name);
    let listing = Listing::of(&place.log());
    listing.assert_settled(successor.name);
    assert!(listing.text() == all, "{}: {:?}", successor.name, listing.shown());
    let suffixes: Vec<_> = listing.old().map(|log| &log.name[25..]).collect();
    assert_eq!(suffixes, [".u", ".u"], "{}", successor.name);
}

/// What a processor that fails keeps from being closed is on disk all the same.
fn current_is_on_disk_though_a_processor_fails() {
    let place = Place::new();
    let (read, mut write) = pipe();
    write.write_all(&text(0..24)).unwrap();
    let (mut heard, says) = pipe();
    let program = Program::ours();
    let mut command = program.command(place.path(), &["s4096", "!exit 1", "./log"]);
    command.stdin(read.try_clone().unwrap()).stderr(says);
    let Some(mut tracee) = Tracee::start(command) else { return };
    let pid = tracee.pid();
    let (mut is_asked, mut is_on_disk) = (false, false);
    while tracee.next_call().is_some() {
        let (number, arguments) = call_of(pid);
        if !is_asked && waiting(&read) == 0 && place.at("log/previous").exists() {
            kill(pid, Signal::SIGTERM).unwrap();
            is_asked = true;
        }
        let file = || fs::read_link(format!("/proc/{pid}/fd/{}", arguments[0])).unwrap();
        is_on_disk |=
            is_asked && number == libc::SYS_fsync && file() == place.at("log/current").canonicalize().unwrap();
        // nothing is written behind that
        assert!(!(is_on_disk && number == libc::SYS_write && file() == place.at("log/current")));
    }
    assert_eq!(tracee.finish(), 111);
    assert!(is_on_disk);
    let mut said = String::new();
    heard.read_to_string(&mut said).unwrap();
    assert!(said.ends_with(&format!("{UNFINISHED}\n")), "{said}");
}

/// What is to be shown waits for a reader, but not after a request to end.
#[test]
fn a_reader_of_standard_error_that_does_not_read_keeps_it_from_nothing() {
    let program = Program::ours();
    let place = Place::in_memory();
    let (read, mut write) = pipe();
    let mut logger = Logger::start(&program, place.path(), &["e", "s16777215", "./log"], read.try_clone().unwrap());
    set_blocking(&write, false);
    let mut lines = 0;
    // it sleeps in spite of a full input
    look_until("it waits for the reader", || {
        match write.write_all(format!("{lines:099}\n").as_bytes()) {
            Ok(()) => lines += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return logger.is_asleep() && lines > 700;
            }
        }
        false
    });
    logger.send(Signal::SIGTERM);
    let is_ended = is_ready(end_of(logger.pid()).as_fd(), Duration::from_secs(20));
    assert!(is_ended, "it does not end");
    assert_eq!(logger.code(), 0);
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    let all: String = (0..lines).map(|line| format!("{line:099}\n")).collect();
    let logged = listing.text();
    assert!(logged.ends_with(b"\n") && [logged, rest_of(&read)].concat() == all.as_bytes(), "{:?}", listing.shown());
}

/// Where the others have no room, the line that was begun is not complete in this one either.
fn one_directory_that_fails_makes_no_mixed_lines() {
    let program = Program::ours();
    let Some(disk) = Disk::new(100) else { return };
    let place = Place::new();
    let roomy = place.at("roomy");
    let actions = [roomy.to_str().unwrap(), "./log"];
    let (read, mut write) = pipe();
    let mut logger = disk.start(&program, &actions, &read);
    write.write_all(b"first\n").unwrap();
    look_until("the directory is there", || disk.at("log").exists());
    let watch = Watch::new(&disk.at("log"));
    watch.until("it is logged", || fs::read(disk.at("log/current")).is_ok_and(|seen| seen == b"first\n"));
    disk.fill();
    let (beginning, rest) = (b"L".repeat(10_000), b"END\nlast\n");
    write.write_all(&beginning).unwrap();
    assert_eq!(logger.line(), "multilog: warning: unable to write to ./log/current, pausing: out of disk space");
    logger.send(Signal::SIGTERM);
    assert_eq!(logger.code(), 111);
    let torn = Listing::of(&roomy);
    assert_eq!(torn.get("current").map(|entry| entry.mode), Some(0o644), "{:?}", torn.shown());
    assert!(torn.text() == [b"first\n", &*beginning].concat(), "{:?}", torn.shown());

    disk.make_room();
    let left = rest_of(&read);
    write.write_all(&[&*left, rest].concat()).unwrap();
    drop(write);
    let mut successor = disk.start(&program, &actions, &read);
    assert_eq!((successor.code(), successor.rest()), (0, String::new()));
    for log in [roomy, disk.at("log")] {
        let listing = Listing::of(&log);
        listing.assert_settled("at the end");
        let texts: Vec<_> = listing.old().map(|log| (&log.name[25..], &*log.text)).collect();
        assert!(matches!(texts[..], [(".u", text)] if text.starts_with(b"first\nLLL")), "{:?}", listing.shown());
        // the line once more, and whole
        assert!(listing.get("current").unwrap().text == [&*beginning, rest].concat(), "{:?}", listing.shown());
    }
}
