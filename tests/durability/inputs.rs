//! What standard input can be: pipes that keep writes apart, sockets of several kinds, a FIFO with one writer after the other, a
//! pipe with two readers, files that can be waited for. Whatever it is, every byte is logged, and a request to end is granted.

use crate::directory::Listing;
use crate::logger::{Logger, pipe, rest_of, set_blocking, waiting};
use crate::program::{Place, Program};
use crate::support::leave_out;
use crate::support::random::Random;
use crate::support::waiting::{Watch, end_of, is_ready, look_until};
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessage, MsgFlags, send, sendmsg, setsockopt, sockopt};
use nix::sys::stat::Mode;
use nix::unistd::{mkfifo, pipe2};
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Duration;

/// What a request to end may take on a machine that has much else to do, if no newline has to come.
const SOON: Duration = Duration::from_secs(20);

/// A pipe that keeps each write apart from the others.
fn packets() -> (File, File) {
    let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_DIRECT).unwrap();
    (read.into(), write.into())
}

/// Two ends of a TCP connection.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, far)
}

fn wait_for_current(log: &Path, text: &[u8]) {
    look_until("it is logged", || fs::read(log.join("current")).is_ok_and(|seen| seen == text));
}

/// Waits until all that has been written has been read, and it waits for more.
fn wait_for_reading(logger: &Logger, read: &impl AsRawFd) {
    look_until("it has been read", || waiting(read) == 0 && logger.is_asleep());
}

/// Asserts that it has ended well with this in `current`, cleanly closed.
#[track_caller]
fn assert_ended(program: &Program, mut logger: Logger, log: &Path, text: &[u8]) {
    assert_eq!((logger.code(), logger.rest()), (0, String::new()), "{}", program.name);
    let listing = Listing::of(log);
    listing.assert_settled(program.name);
    let seen = listing.text().escape_ascii().to_string();
    assert_eq!(seen, text.escape_ascii().to_string(), "{}", program.name);
}

#[test]
fn writes_that_a_pipe_keeps_apart_are_logged_whole() {
    for program in Program::all() {
        // the reference reads a kilobyte at a time, and the kernel drops what it does not read of a larger write
        let largest = if program.is_ours { 4096 } else { 1024 };
        for size in [65536, 1 << 20] {
            for seed in 1..=3 {
                at_random(&program, largest, size, seed);
            }
        }
    }
}

fn at_random(program: &Program, largest: usize, size: i32, seed: u64) {
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    for number in 0..8000 {
        write!(all, "{number} ").unwrap();
        // much alike, so that what is left of one write often is the beginning of the next
        all.extend(std::iter::repeat_n(b'b', [1, 3, 20, 100, 600][random.below(5)]));
        all.push(b'\n');
    }
    let (read, mut write) = packets();
    fcntl(&write, FcntlArg::F_SETPIPE_SZ(size)).unwrap();
    let place = Place::in_memory();
    let logger = Logger::start(program, place.path(), &["s16777215", "./log"], read);
    let mut left = &all[..];
    while !left.is_empty() {
        let usual = [1, 2, 100, largest - 96, largest - 1, largest];
        let most = if random.below(2) == 0 { usual[random.below(6)] } else { 1 + random.below(largest) };
        let (packet, rest) = left.split_at(most.min(left.len()));
        write.write_all(packet).unwrap();
        left = rest;
    }
    drop(write);
    let mut logger = logger;
    assert_eq!((logger.code(), logger.rest()), (0, String::new()));
    let listing = Listing::of(&place.log());
    let context = format!("{}, a pipe of {size}, seed {seed}: {:?} of {}", program.name, listing.shown(), all.len());
    assert!(listing.text() == all, "{context}");
}

#[test]
fn a_write_that_begins_like_the_rest_of_the_last_is_another_one() {
    for program in Program::all() {
        let place = Place::new();
        let (read, mut write) = packets();
        let logger = Logger::start(&program, place.path(), &["./log"], read);
        write.write_all(b"a\nb").unwrap();
        wait_for_current(&place.log(), b"a\n");
        write.write_all(b"b\nd\n").unwrap();
        wait_for_current(&place.log(), b"a\nbb\nd\n");
        write.write_all(b"e\nf").unwrap();
        wait_for_current(&place.log(), b"a\nbb\nd\ne\n");
        write.write_all(b"g\n").unwrap();
        drop(write);
        assert_ended(&program, logger, &place.log(), b"a\nbb\nd\ne\nfg\n");
    }
}

/// What comes together with a request to end is left for the next reader, but for the rest of the line that was begun; or it is
/// logged, if it cannot be left where it is.
#[test]
fn a_request_to_end_within_a_line_costs_none_of_the_other_writes() {
    for program in Program::all() {
        let place = Place::new();
        let (mut read, mut write) = packets();
        let mut logger = Logger::start(&program, place.path(), &["./log"], read.try_clone().unwrap());
        write.write_all(b"zero\n").unwrap();
        wait_for_current(&place.log(), b"zero\n");
        write.write_all(b"begin").unwrap();
        look_until("it waits for more", || logger.is_asleep());
        logger.send(Signal::SIGSTOP);
        logger.send(Signal::SIGTERM);
        // of more than a byte the reference, which reads each byte for itself now, would lose all but the first
        for packet in [&b"\n"[..], b"two\n", b"three\n", b"four\n"] {
            write.write_all(packet).unwrap();
        }
        logger.send(Signal::SIGCONT);
        assert_eq!((logger.code(), logger.rest()), (0, String::new()), "{}", program.name);
        drop(write);
        let listing = Listing::of(&place.log());
        listing.assert_settled(program.name);
        let logged = listing.text();
        assert!(logged.starts_with(b"zero\nbegin\n") && logged.ends_with(b"\n"), "{}", logged.escape_ascii());
        let mut all = logged;
        // a read takes one write, and drops what it has no room for
        let mut room = [0; 4096];
        while let count @ 1.. = read.read(&mut room).unwrap() {
            all.extend_from_slice(&room[..count]);
        }
        let expected = "zero\\nbegin\\ntwo\\nthree\\nfour\\n";
        assert_eq!(all.escape_ascii().to_string(), expected, "{}", program.name);
    }
}

/// The same with a longer rest, and what is behind it in the same write is logged: it could not be left to anybody.
#[test]
fn a_request_to_end_within_a_line_takes_the_whole_write_that_ends_it() {
    let program = Program::ours();
    for is_socket in [false, true] {
        let place = Place::new();
        let (read, mut write) = if is_socket {
            let (read, write) = UnixDatagram::pair().unwrap();
            (File::from(OwnedFd::from(read)), File::from(OwnedFd::from(write)))
        } else {
            packets()
        };
        let logger = Logger::start(&program, place.path(), &["./log"], read.try_clone().unwrap());
        write.write_all(b"begin").unwrap();
        // taken into memory after a second
        wait_for_reading(&logger, &read);
        logger.tell(Signal::SIGTERM);
        write.write_all(b"ning of all\nand more\n").unwrap();
        assert_ended(&program, logger, &place.log(), b"beginning of all\nand more\n");
    }
}

#[test]
fn a_packet_of_a_connection_is_logged_whole_after_a_request_to_end() {
    let program = Program::ours();
    let place = Place::new();
    let kind = nix::sys::socket::SockType::SeqPacket;
    let flags = nix::sys::socket::SockFlag::SOCK_CLOEXEC;
    let (read, write) = nix::sys::socket::socketpair(nix::sys::socket::AddressFamily::Unix, kind, None, flags).unwrap();
    let mut write = File::from(write);
    let logger = Logger::start(&program, place.path(), &["./log"], read.try_clone().unwrap());
    write.write_all(b"begin").unwrap();
    wait_for_reading(&logger, &read);
    logger.tell(Signal::SIGTERM);
    write.write_all(b"ning of all\n").unwrap();
    assert_ended(&program, logger, &place.log(), b"beginning of all\n");
}

/// A FIFO has lost its last writer for as long as there is no other one.
#[test]
fn a_fifo_whose_writer_was_replaced_has_not_ended() {
    for program in Program::all() {
        let place = Place::new();
        for name in ["fifo", "gate"] {
            mkfifo(&place.at(name), Mode::S_IRWXU).unwrap();
        }
        let read = File::from(open(&place.at("fifo"), OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty()).unwrap());
        set_blocking(&read, true);
        let writer = || OpenOptions::new().write(true).open(place.at("fifo")).unwrap();
        let mut first = writer();
        // the first processor keeps it from reading until the second writer is there
        let script = "!test -e ../told || { : >../told; echo waiting >&2; cat ../gate; }; cat";
        let actions = ["s4096", script, "./log"];
        let mut logger = Logger::start(&program, place.path(), &actions, read.try_clone().unwrap());
        let mut all = b"first\n".to_vec();
        first.write_all(&all).unwrap();
        wait_for_current(&place.log(), b"first\n");
        wait_for_reading(&logger, &read);
        logger.send(Signal::SIGSTOP);
        let more = b"0123456789\n".repeat(1000);
        first.write_all(&more).unwrap();
        all.extend(more);
        drop(first);
        logger.send(Signal::SIGCONT);
        assert_eq!(logger.line(), "waiting", "{}", program.name);
        look_until("it waits for its processor", || logger.is_asleep());
        let mut second = writer();
        drop(OpenOptions::new().write(true).open(place.at("gate")).unwrap());
        second.write_all(b"par").unwrap();
        look_until("it has been read", || waiting(&read) == 0 && (!logger.is_running() || logger.is_asleep()));
        second.write_all(b"tial\n").unwrap();
        drop(second);
        all.extend(b"partial\n");
        assert_ended(&program, logger, &place.log(), &all);
    }
}

/// The reference takes it for the end.
#[test]
fn a_connection_that_breaks_within_a_line_costs_nothing_of_it() {
    for program in Program::all() {
        let place = Place::new();
        let (near, mut far) = connection();
        let mut logger = Logger::start(&program, place.path(), &["./log"], OwnedFd::from(near.try_clone().unwrap()));
        far.write_all(b"one\npart").unwrap();
        wait_for_reading(&logger, &near);
        drop(near);
        // to be closed with a reset
        setsockopt(&far, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
        drop(far);
        let (code, said) = (logger.code(), logger.rest());
        if program.is_ours {
            assert_eq!(code, 111);
            assert!(said.starts_with("multilog: fatal: unable to read standard input: "), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        } else {
            assert_eq!((code, &*said), (0, ""));
        }
        let listing = Listing::of(&place.log());
        listing.assert_settled(program.name);
        assert_eq!(listing.text().escape_ascii().to_string(), "one\\npart\\n", "{}", program.name);
    }
}

/// A look at a socket stops before a message with descriptors, and before an urgent byte.
#[test]
fn a_socket_is_logged_up_to_its_end_though_looks_stop_short() {
    for program in Program::all() {
        let place = Place::new();
        let (near, far) = UnixStream::pair().unwrap();
        let passed = [far.as_raw_fd()];
        let message = [ControlMessage::ScmRights(&passed)];
        sendmsg::<()>(far.as_raw_fd(), &[IoSlice::new(b"abc")], &message, MsgFlags::empty(), None).unwrap();
        send(far.as_raw_fd(), b"def\nghi\n", MsgFlags::empty()).unwrap();
        far.shutdown(std::net::Shutdown::Write).unwrap();
        let logger = Logger::start(&program, place.path(), &["./log"], OwnedFd::from(near));
        assert_ended(&program, logger, &place.log(), b"abcdef\nghi\n");

        let place = Place::new();
        let (near, far) = connection();
        for (text, flags) in
            [(&b"abc"[..], MsgFlags::empty()), (b"!", MsgFlags::MSG_OOB), (b"def\nghi\n", MsgFlags::empty())]
        {
            assert_eq!(send(far.as_raw_fd(), text, flags).unwrap(), text.len());
        }
        drop(far);
        let logger = Logger::start(&program, place.path(), &["./log"], OwnedFd::from(near));
        // an urgent byte is none of the stream
        assert_ended(&program, logger, &place.log(), b"abcdef\nghi\n");
    }
}

/// Two readers of one pipe: lines may be logged by both, but none is lost, and neither waits for what the other has read.
#[test]
fn two_loggers_on_one_pipe_lose_nothing_and_can_be_stopped() {
    for program in Program::all() {
        /// How often both are quick at the same time, and lines in each round.
        const ROUNDS: usize = 60;
        const LINES: usize = 6000;
        let place = Place::in_memory();
        let (read, mut write) = pipe();
        let actions = [["s16777215", "n1000", "./one"], ["s16777215", "n1000", "./two"]];
        let mut loggers =
            actions.map(|actions| Logger::start(&program, place.path(), &actions, read.try_clone().unwrap()));
        // so long that no reader ever sees a part of a line
        let line = |number: usize| format!("{number:07}\n").into_bytes();
        for round in 0..ROUNDS {
            write.write_all(&(round * LINES..(round + 1) * LINES).flat_map(line).collect::<Vec<u8>>()).unwrap();
            look_until("all is read", || {
                let are_asleep = loggers.iter_mut().all(|logger| !logger.is_running() || logger.is_asleep());
                waiting(&read) == 0 && are_asleep
            });
            for logger in &mut loggers {
                assert!(logger.is_running(), "{} ends of itself: {}", program.name, logger.code());
                // one that waits for what the other has read does not take note of it
                logger.tell(Signal::SIGALRM);
            }
        }
        loggers.iter().for_each(|logger| logger.send(Signal::SIGTERM));
        for mut logger in loggers {
            assert!(is_ready(end_of(logger.pid()).as_fd(), SOON), "{} does not end", program.name);
            assert_eq!((logger.code(), logger.rest()), (0, String::new()));
        }
        let texts = ["one", "two"].map(|name| Listing::of(&place.at(name)).text());
        let seen: HashSet<&[u8]> = texts.iter().flat_map(|text| text.split_inclusive(|&byte| byte == b'\n')).collect();
        let lost = (0..ROUNDS * LINES).filter(|&number| !seen.contains(&*line(number))).count();
        assert_eq!((lost, seen.len()), (0, ROUNDS * LINES), "{}", program.name);
    }
}

/// A file, but one that may make its reader wait.
#[test]
fn a_file_that_can_be_waited_for_is_read_and_can_be_left() {
    for program in Program::all() {
        let place = Place::new();
        let name = "/proc/sys/kernel/hostname";
        let logger = Logger::start(&program, place.path(), &["./log"], File::open(name).unwrap());
        assert_ended(&program, logger, &place.log(), &fs::read(name).unwrap());

        let place = Place::new();
        let messages = match File::open("/proc/kmsg") {
            Err(error) if [ErrorKind::PermissionDenied, ErrorKind::NotFound].contains(&error.kind()) => {
                return leave_out("a file that makes its reader wait: the kernel's messages are not for this account");
            }
            messages => messages.unwrap(),
        };
        let mut logger = Logger::start(&program, place.path(), &["./log"], messages.try_clone().unwrap());
        look_until("it waits for a message", || {
            place.at("log/current").exists() && !is_ready(messages.as_fd(), Duration::ZERO) && logger.is_asleep()
        });
        logger.send(Signal::SIGTERM);
        assert!(is_ready(end_of(logger.pid()).as_fd(), SOON), "{} does not end", program.name);
        assert_eq!((logger.code(), logger.rest()), (0, String::new()));
        Listing::of(&place.log()).assert_settled(program.name);
    }
}

#[test]
fn the_beginning_of_a_line_stays_in_a_pipe_of_a_few_pages() {
    let program = Program::ours();
    let place = Place::new();
    let (read, mut write) = pipe();
    fcntl(&write, FcntlArg::F_SETPIPE_SZ(16384)).unwrap();
    write.write_all(b"one\nbegun").unwrap();
    let mut logger = Logger::start(&program, place.path(), &["./log"], read.try_clone().unwrap());
    look_until("the directory is there", || place.log().exists());
    Watch::new(&place.log())
        .until("it is logged", || fs::read(place.at("log/current")).is_ok_and(|seen| seen == b"one\n"));
    look_until("it waits for more", || logger.is_asleep());
    logger.kill();
    assert_eq!(rest_of(&read), b"begun");
}
