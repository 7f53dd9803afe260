//! The descriptors that it is started with: standard input that cannot be read, or not yet; standard error that nobody reads,
//! or that cannot be written to; descriptors that are closed.

use crate::ground::{Ground, Input, Subject, Subjects};
use crate::model::expect;
use crate::running::{Running, Writer, pipe, pipe_of, sockets};
use crate::streams::difference;
use crate::support::random::Random;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::pipe2;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The reference takes a read error for the end and says nothing.
#[test]
fn what_cannot_be_read_is_told() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        let directory = File::open(ground.work()).unwrap();
        let code = ground.start(subject, &["./log"], directory.into()).code();
        let said = String::from_utf8(ground.stderr()).unwrap();
        let expected = match subject.is_ours {
            true => (111, "multilog: fatal: unable to read standard input: is a directory\n"),
            false => (0, ""),
        };
        assert_eq!((code, said.as_str()), expected, "{}", subject.name);
        // it has been closed properly
        assert_eq!(ground.files()["log/current"], (0o744, vec![]), "{}", subject.name);
    }
}

#[test]
fn what_is_open_for_writing_only_cannot_be_read() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        for end in
            [File::options().write(true).open("/dev/null").unwrap().into(), pipe().into_iter().next_back().unwrap()]
        {
            let ground = Ground::new();
            let code = ground.start(subject, &["./log"], end).code();
            let said = String::from_utf8(ground.stderr()).unwrap();
            if subject.is_ours {
                assert!(said.starts_with("multilog: fatal: unable to read standard input: "), "{said}");
                assert_eq!((code, said.lines().count()), (111, 1), "{said}");
            } else {
                assert_eq!((code, said.as_str()), (0, ""));
            }
            if let Some(current) = ground.files().get("log/current") {
                assert_eq!(*current, (0o744, vec![]), "{}", subject.name);
            }
        }
    }
}

#[test]
fn a_closed_standard_input_is_told_before_anything_is_made() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        let seen = ground.run_with(subject, &["./log", "=status"], &Input::File(vec![]), |command| {
            // SAFETY: a system call that takes a number.
            unsafe {
                command.pre_exec(|| {
                    libc::close(0);
                    Ok(())
                });
            }
        });
        if subject.is_ours {
            let said = String::from_utf8(seen.stderr).unwrap();
            assert!(said.starts_with("multilog: fatal: unable to read standard input: "), "{said}");
            assert_eq!((seen.code, said.lines().count(), seen.files.len()), (111, 1, 0), "{:?}", seen.files.keys());
        } else {
            // it reads from the directory that it has opened as descriptor 0
            assert_eq!((seen.code, seen.stderr, seen.files.len()), (0, vec![], 5));
        }
    }
}

/// Where somebody has made standard input non-blocking, the reference ends at once; ours waits for what comes.
#[test]
fn a_non_blocking_standard_input_is_waited_for() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        for [reader, writer] in [pipe(), sockets()] {
            fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
            let ground = Ground::new();
            let mut running = ground.start(subject, &["./log"], reader);
            if !subject.is_ours {
                assert_eq!(running.code(), 0);
                continue;
            }
            let mut writer = Writer::new(writer);
            for line in ["one\n", "two\n", "three\n"] {
                assert!(writer.write(line.as_bytes()));
                running.wait_until("the line is there", |ground| {
                    ground.files().get("log/current").is_some_and(|(_, content)| content.ends_with(line.as_bytes()))
                });
            }
            drop(writer);
            assert_eq!(running.code(), 0);
            assert_eq!(ground.files()["log/current"], (0o744, b"one\ntwo\nthree\n".to_vec()));
        }
    }
}

/// What is neither pipe nor socket nor file cannot be looked at before it is read.
#[test]
fn a_terminal_is_read_as_well() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        // SAFETY: numbers, and a buffer with its size; what comes back is a new descriptor.
        let (controller, terminal) = unsafe {
            let controller = libc::open(c"/dev/ptmx".as_ptr(), libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
            assert!(controller >= 0 && libc::unlockpt(controller) == 0);
            let mut name = [0; 64];
            assert_eq!(libc::ptsname_r(controller, name.as_mut_ptr(), name.len()), 0);
            let terminal = libc::open(name.as_ptr(), libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
            (OwnedFd::from_raw_fd(controller), OwnedFd::from_raw_fd(terminal))
        };
        let mut running = ground.start(subject, &["./log"], terminal);
        // the end of a file, typed
        File::from(controller.try_clone().unwrap()).write_all(b"one\ntwo\n\x04").unwrap();
        assert_eq!(running.code(), 0, "{}", subject.name);
        assert_eq!(ground.files()["log/current"].1, b"one\ntwo\n", "{}", subject.name);
    }
}

/// A page, much more than usual, and one that keeps what is written as packets, of which sixteen fill it.
#[test]
fn pipes_are_read_whatever_their_size() {
    let subjects = Subjects::new();
    let random = &mut Random::new(8);
    for number in 0..9 {
        let bytes = crate::rotating::input(random, number % 2 == 0);
        let pieces = random.pieces(&bytes, 40);
        let expected = &expect(&[b"./log".to_vec()], &bytes).logs[0].1;
        for subject in &subjects.all {
            let ground = Ground::new();
            let [reader, writer] = match number % 3 {
                0 => pipe_of(4096),
                1 => pipe_of(1 << 20),
                _ => pipe2(OFlag::O_CLOEXEC | OFlag::O_DIRECT).unwrap().into(),
            };
            let seen = ground.feed(subject, &["s16777215", "./log"], &pieces, [reader, writer]);
            assert_eq!((seen.code, seen.stderr.as_slice()), (0, &b""[..]), "{}, stream {number}", subject.name);
            let seen = &seen.files["log/current"].1;
            assert!(seen == expected, "{}, stream {number}: {}", subject.name, difference(seen, expected));
        }
    }
}

/// Each packet is a piece of the stream.
#[test]
fn a_socket_of_packets_is_read_as_well() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let flags = SockFlag::SOCK_CLOEXEC;
        let ends = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
        let pieces = [b"one\ntw".to_vec(), b"o\n".to_vec(), b"three".to_vec()];
        let seen = Ground::new().feed(subject, &["./log"], &pieces, ends.into());
        assert_eq!((seen.code, seen.stderr.as_slice()), (0, &b""[..]), "{}", subject.name);
        assert_eq!(seen.files["log/current"].1, b"one\ntwo\nthree\n", "{}", subject.name);
    }
}

/// No word of `e` may be lost or come late where standard error is a pipe that is read slowly.
#[test]
fn e_waits_for_its_reader() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let lines: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        let [reader, writer] = pipe();
        let ground = Ground::new();
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(lines.as_bytes()).unwrap();
        input.rewind().unwrap();
        let mut running = start_with_error(&ground, subject, input.into(), writer);
        running.wait_for_sleep();
        let mut said = String::new();
        File::from(reader).read_to_string(&mut said).unwrap();
        assert_eq!(running.code(), 0, "{}", subject.name);
        assert!(said == lines, "{}: {} bytes of {}", subject.name, said.len(), lines.len());
    }
}

fn start_with_error<'a>(ground: &'a Ground, subject: &Subject, input: OwnedFd, error: OwnedFd) -> Running<'a> {
    let change = |command: &mut Command| {
        command.stderr(error);
    };
    ground.start_with(subject, &["e"], input, change)
}

/// A line that cannot be shown is in the log nevertheless.
#[test]
fn a_full_standard_error_does_not_matter() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let ground = Ground::new();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let seen = ground.run_with(subject, &["e", "./log"], &Input::File(b"one\ntwo\n".to_vec()), |command| {
            command.stderr(full);
        });
        assert_eq!((seen.code, &seen.files["log/current"]), (0, &(0o744, b"one\ntwo\n".to_vec())), "{}", subject.name);
    }
}

/// What is opened then must not take the place of standard output or error: the lines would be shown into it.
#[test]
fn closed_descriptors_do_not_get_into_the_way() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        for closed in [vec![1], vec![2], vec![1, 2]] {
            let context = format!("{}, {closed:?} closed", subject.name);
            let ground = Ground::new();
            let input = Input::File(b"one\ntwo\n".to_vec());
            let seen = ground.run_with(subject, &["e", "x", "=status", "./log", "./two"], &input, |command| {
                // SAFETY: a system call that takes a number.
                unsafe {
                    command.pre_exec(move || {
                        for &number in &closed {
                            libc::close(number);
                        }
                        Ok(())
                    });
                }
            });
            assert_eq!((seen.code, seen.files.len()), (0, 9), "{context}");
            for name in ["log/current", "two/current"] {
                assert_eq!(seen.files[name], (0o744, b"one\ntwo\n".to_vec()), "{context}");
            }
            for name in ["log/lock", "log/state", "two/lock", "two/state"] {
                assert_eq!(seen.files[name].1, b"", "{context}: {name}");
            }
            let status = [b"two".as_slice(), &[b'\n'; 998]].concat();
            // the reference's status file becomes descriptor 2 where that and 1 are closed, and is what `e` prints to
            let is_status = seen.files["status"] == (0o600, status);
            assert_eq!(is_status, subject.is_ours || context != "reference, [1, 2] closed", "{context}");
        }
    }
}
