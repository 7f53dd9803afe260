//! How tai64n and tai64nlocal end: 0 at the end of the input, 111 without a word where they cannot read or write, by
//! SIGPIPE where nobody reads. Descriptors that are closed, full, not ready, or directories.

use crate::decode::LENGTH;
use crate::run::{Program, Side, both, code, fed, full, ours, unread};
use crate::support::Installed;
use crate::support::random::Random;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const NAMES: [&str; 2] = ["tai64n", "tai64nlocal"];

fn each(mut check: impl FnMut(&Program, Command)) {
    let installed = Installed::shared();
    for name in NAMES {
        for program in both(&installed, name) {
            check(&program, program.call::<&str>(&[]));
        }
    }
}

/// Exit code and what was said, with these as descriptors 0 and 1.
fn silent(mut call: Command, input: impl Into<Stdio>, output: impl Into<Stdio>) -> (i32, String) {
    let output = call.stdin(input).stdout(output).stderr(Stdio::piped()).output().unwrap();
    (code(output.status), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn closing(mut call: Command, descriptor: i32) -> Command {
    // SAFETY: a number.
    unsafe {
        call.pre_exec(move || nix::errno::Errno::result(libc::close(descriptor)).map(drop).map_err(Into::into));
    }
    call
}

const SILENTLY_111: (i32, String) = (111, String::new());
const SILENTLY_0: (i32, String) = (0, String::new());

#[test]
fn the_end_of_the_input_is_success() {
    each(|program, call| {
        assert_eq!(silent(call, Stdio::null(), Stdio::null()), SILENTLY_0, "{program:?}");
        // nothing is to be written
        assert_eq!(silent(program.call::<&str>(&[]), Stdio::null(), full()), SILENTLY_0, "{program:?}");
    });
}

#[test]
fn a_directory_cannot_be_read() {
    each(|program, call| {
        assert_eq!(silent(call, File::open("/").unwrap(), Stdio::null()), SILENTLY_111, "{program:?}");
    });
}

#[test]
fn a_full_device_cannot_be_written() {
    each(|program, mut call| {
        let mut child = call.stdin(Stdio::piped()).stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"line\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(output.status), output.stderr), (111, Vec::new()), "{program:?}");
    });
}

#[test]
fn a_closed_descriptor_cannot_be_read_or_written() {
    each(|program, call| {
        assert_eq!(silent(closing(call, 0), Stdio::null(), Stdio::null()), SILENTLY_111, "{program:?}");
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"line\n").unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let call = closing(program.call::<&str>(&[]), 1);
        assert_eq!(silent(call, file, Stdio::null()), SILENTLY_111, "{program:?}");
        let call = closing(program.call::<&str>(&[]), 1);
        assert_eq!(silent(call, Stdio::null(), Stdio::null()), SILENTLY_0, "{program:?}: nothing is to be written");
    });
}

/// An error that comes later is one, too, and takes nothing back.
#[test]
fn a_connection_that_breaks_cannot_be_read() {
    each(|program, mut call| {
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        // the other side will go away without having read this: that breaks the connection
        (&near).write_all(b"unread").unwrap();
        let mut child = call.stdin(OwnedFd::from(near)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(call);
        (&far).write_all(b"line\n").unwrap();
        let length = if program.file.ends_with("tai64n") { LENGTH + 6 } else { 5 };
        let mut seen = vec![0; length];
        child.stdout.as_mut().unwrap().read_exact(&mut seen).unwrap();
        assert!(seen.ends_with(b"line\n"), "{program:?}: {seen:?}");
        drop(far);
        let output = child.wait_with_output().unwrap();
        assert_eq!((code(output.status), output.stdout, output.stderr), (111, Vec::new(), Vec::new()), "{program:?}");
    });
}

/// How it ends where it has a line to write and nobody reads.
fn code_where_nobody_reads(mut call: Command) -> i32 {
    let mut child = call.stdin(Stdio::piped()).stdout(unread()).spawn().unwrap();
    // it may have ended already
    let _ = child.stdin.take().unwrap().write_all(b"line\n");
    code(child.wait().unwrap())
}

#[test]
fn where_nobody_reads_it_dies_of_sigpipe() {
    each(|program, call| {
        assert_eq!(code_where_nobody_reads(call), 1000 + Signal::SIGPIPE as i32, "{program:?}");
    });
}

#[test]
fn where_sigpipe_is_ignored_it_exits() {
    each(|program, mut call| {
        // SAFETY: a system call.
        unsafe {
            call.pre_exec(|| {
                libc::signal(libc::SIGPIPE, libc::SIG_IGN);
                Ok(())
            });
        }
        assert_eq!(code_where_nobody_reads(call), 111, "{program:?}");
    });
}

/// Somebody else may have made a shared pipe non-blocking.
#[test]
fn ours_waits_where_a_pipe_is_not_ready() {
    let installed = Installed::shared();
    for name in NAMES {
        for program in both(&installed, name) {
            let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
            fcntl(reader.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
            let mut call = program.call::<&str>(&[]);
            let mut child = call.stdin(reader).stdout(Stdio::piped()).spawn().unwrap();
            drop(call);
            if program.side == Side::Reference {
                // nothing has been written yet: there it ends
                assert_eq!(code(child.wait().unwrap()), 111, "{program:?}");
                continue;
            }
            let mut writer = File::from(writer);
            let mut seen = Vec::new();
            for line in [b"one\n", b"two\n"] {
                writer.write_all(line).unwrap();
                let length = if name == "tai64n" { LENGTH + 1 + line.len() } else { line.len() };
                let mut room = vec![0; length];
                child.stdout.as_mut().unwrap().read_exact(&mut room).unwrap();
                seen.extend_from_slice(&room[length - line.len()..]);
            }
            drop(writer);
            assert_eq!((seen.as_slice(), code(child.wait().unwrap())), (&b"one\ntwo\n"[..], 0), "{program:?}");
        }
    }
}

/// The same on the other side: nothing of what does not fit into the pipe is lost.
#[test]
fn ours_waits_where_a_pipe_is_full() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let mut draw = Random::new(7);
    let input: Vec<u8> = (0..1_000_000).map(|_| b"abc \n"[draw.below(5)]).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&input).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    fcntl(writer.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut call = program.call::<&str>(&[]);
    let mut child = call.stdin(file).stdout(writer).spawn().unwrap();
    drop(call);
    let mut seen = Vec::new();
    File::from(reader).read_to_end(&mut seen).unwrap();
    assert!(seen == input, "{} of {} bytes", seen.len(), input.len());
    assert_eq!(code(child.wait().unwrap()), 0);
}

#[test]
fn an_unknown_option_is_wrong_usage_for_ours() {
    let installed = Installed::shared();
    for name in NAMES {
        let calls: &[&[&str]] = if name == "tai64n" {
            &[&["-x"], &["--nonsense"], &["-u"], &["-t"]]
        } else {
            &[
                &["-x"],
                &["--nonsense"],
                &["-d"],
                &["-f"],
                &["-d", "10"],
                &["-d", "x"],
                &["-d", "-1"],
                &["-d", ""],
                &["-d3x"],
                &["-ux"],
                &["--iso=1"],
            ]
        };
        for program in both(&installed, name) {
            for words in calls {
                let ended = fed(program.call(words), b"line\n");
                if program.side == Side::Reference {
                    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{words:?}");
                    continue;
                }
                let usage = format!("{name}: usage: ");
                assert_eq!((ended.code, ended.stdout.as_slice()), (100, &b""[..]), "{words:?}: {ended:?}");
                // the line before it, if there is one, tells which option
                let lines: Vec<&str> = ended.stderr.lines().collect();
                assert!(lines.len() <= 2 && lines.last().unwrap().starts_with(&usage), "{words:?}: {ended:?}");
            }
        }
    }
}
