//! How a daemon says that it is ready.

use crate::files::descriptors;
use crate::number::decimal_in;
use crate::sys::descriptor::{self, uninterrupted};
use crate::sys::message;
use crate::voice::failure::UnableTo;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, sockopt};
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Names the socket to the daemon: sd_notify(3).
pub const VARIABLE: &[u8] = b"NOTIFY_SOCKET";

/// When the foreground may say success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Once the last program of the chain has been started.
    Exec,
    /// Once daemonize has done its own part.
    None,
    /// On a newline on this descriptor of the daemon.
    Newline(RawFd),
    /// On READY=1 at the socket.
    Notify,
}

impl Ready {
    /// The value of `--ready`.
    pub fn from_option(word: &[u8]) -> Option<Self> {
        match word {
            b"exec" => Some(Self::Exec),
            b"none" => Some(Self::None),
            b"notify" => Some(Self::Notify),
            _ => number(word.strip_prefix(b"fd=")?).map(Self::Newline),
        }
    }

    /// Whether nothing of the chain is waited for.
    pub fn is_immediate(self) -> bool {
        self == Self::None
    }
}

/// The number of a descriptor above standard error.
pub fn number(digits: &[u8]) -> Option<RawFd> {
    decimal_in(digits).filter(|&number| number > 2)
}

/// What the daemon is given to say it with, and where the foreground hears it.
pub struct Offer {
    hears: Option<Ear>,
    pipe: Option<OwnedFd>,
}

enum Ear {
    Pipe(OwnedFd),
    Socket(OwnedFd),
}

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is ready.
    Ready,
    /// Nothing that counts, so far.
    Nothing,
    /// It will never say so: it has closed the pipe.
    End,
    /// How it describes its state, for people.
    Status(Vec<u8>),
}

impl Offer {
    /// Opens what is needed. The daemon's end of a pipe already has its number.
    ///
    /// # Errors
    /// What could not be made.
    pub fn new(ready: Ready) -> anyhow::Result<Self> {
        match ready {
            Ready::Exec | Ready::None => Ok(Self { hears: None, pipe: None }),
            Ready::Newline(number) => {
                let (read, write) = pipe_to(number).unable_to("use descriptor", number.to_string().as_bytes())?;
                Ok(Self { hears: Some(Ear::Pipe(read)), pipe: Some(write) })
            }
            Ready::Notify => {
                let socket = notify_socket().unable_to("open", b"a socket")?;
                Ok(Self { hears: Some(Ear::Socket(socket)), pipe: None })
            }
        }
    }

    /// The daemon's end of the pipe.
    pub fn take_pipe(&mut self) -> Option<OwnedFd> {
        self.pipe.take()
    }

    /// What the variable says.
    pub fn address(&self) -> Option<Vec<u8>> {
        let Some(Ear::Socket(socket)) = &self.hears else { return None };
        let address: UnixAddr = socket::getsockname(socket.as_raw_fd()).ok()?;
        Some([b"@", address.as_abstract()?].concat())
    }

    /// Where to wait, if there is anything to hear.
    pub fn ear(&self) -> Option<BorrowedFd<'_>> {
        match self.hears.as_ref()? {
            Ear::Pipe(file) | Ear::Socket(file) => Some(file.as_fd()),
        }
    }

    /// Takes in what has arrived. `is_admitted` tells whose messages count.
    ///
    /// # Errors
    /// As read(2) and recvmsg(2).
    pub fn hear(&self, is_admitted: impl Fn(Pid) -> bool) -> nix::Result<Heard> {
        match &self.hears {
            Some(Ear::Pipe(pipe)) => {
                let mut room = [0; 512];
                let count = uninterrupted(|| nix::unistd::read(pipe, &mut room))?;
                Ok(match &room[..count] {
                    [] => Heard::End,
                    said if said.contains(&b'\n') => Heard::Ready,
                    _ => Heard::Nothing,
                })
            }
            Some(Ear::Socket(socket)) => {
                let message = receive(socket)?;
                Ok(match message {
                    Some((sender, text)) if is_admitted(sender) => meaning(&text),
                    _ => Heard::Nothing,
                })
            }
            None => Ok(Heard::Ready),
        }
    }
}

/// A pipe whose one end has the number, and whose other is out of the way of those that the daemon sees.
fn pipe_to(number: RawFd) -> nix::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let far_read = descriptors::copy_out_of_the_way(read.as_fd(), Some(number))?;
    // it may have the number itself
    drop(read);
    Ok((far_read, descriptor::move_to(write, number)?))
}

/// An abstract socket under a name of the kernel's choice: no directory has to let the daemon in. The kernel vouches
/// for the sender's pid.
fn notify_socket() -> nix::Result<OwnedFd> {
    let socket = socket::socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    socket::setsockopt(&socket, sockopt::PassCred, &true)?;
    socket::bind(socket.as_raw_fd(), &UnixAddr::new_unnamed())?;
    // out of the way of those that the daemon sees
    descriptors::copy_out_of_the_way(socket.as_fd(), None)
}

/// One message and the pid of who sent it.
fn receive(socket: &OwnedFd) -> nix::Result<Option<(Pid, Vec<u8>)>> {
    /// As systemd's own limit.
    const LARGEST: usize = 4096;
    // not on the stack, which may be small
    let mut room = vec![0; LARGEST];
    match message::receive(socket.as_fd(), &mut room) {
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
        received => Ok(received?.map(|(sender, count)| (sender, room[..count].to_vec()))),
    }
}

/// What a message says: lines of NAME=VALUE.
fn meaning(text: &[u8]) -> Heard {
    let lines = || text.split(|&byte| byte == b'\n');
    if lines().any(|line| line == b"READY=1") {
        return Heard::Ready;
    }
    match lines().find_map(|line| line.strip_prefix(b"STATUS=")) {
        Some(status) => Heard::Status(status.to_vec()),
        None => Heard::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_line_of_its_own_means_ready() {
        for text in ["READY=1", "READY=1\n", "STATUS=up\nREADY=1\nMAINPID=1"] {
            assert_eq!(meaning(text.as_bytes()), Heard::Ready, "{text}");
        }
        for text in ["", "READY=10", "XREADY=1", "READY=0", "MAINPID=7", "STATUS", "READY=1 "] {
            assert_eq!(meaning(text.as_bytes()), Heard::Nothing, "{text}");
        }
        assert_eq!(meaning(b"A=1\nSTATUS=half way"), Heard::Status(b"half way".to_vec()));
    }

    #[test]
    fn a_descriptor_for_the_newline_is_above_standard_error() {
        assert_eq!(Ready::from_option(b"fd=3"), Some(Ready::Newline(3)));
        for word in [&b"fd=2"[..], b"fd=", b"fd=x", b"fd=99999999999", b"", b"ready", b"3"] {
            assert_eq!(Ready::from_option(word), None, "{word:?}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_read_without_harm(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            let is_there = text.split(|&byte| byte == b'\n').any(|line| line == b"READY=1");
            prop_assert_eq!(meaning(&text) == Heard::Ready, is_there);
        }
    }
}
