//! readproctitle: show the end of standard input among this process's arguments, for ps to see.

use crate::applet::{Applet, Family, Grammar, Group, Manual, Process, Role};
use crate::exit::BERNSTEIN;
use crate::failure::Failure;
use crate::options::Given;
use crate::stream::wait_for;
use crate::sys::argv;
use crate::sys::descriptor::STDIN;
use nix::errno::Errno;
use nix::poll::PollFlags;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "readproctitle",
    about: "Show the end of what is read among its own arguments, for ps to see",
    group: Group::Supervision,
    family: Family::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[("0", "the end of standard input was reached")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[(
        "[WORD]...",
        "Shown as they are, but the last one, of 5 bytes or more: as much is shown of the input",
    )],
    example: &[],
    manual: Manual {
        description: &[
            "Reads standard input up to its end and keeps the end of what has been read where ps(1) and `pgrep -f` show it: in \
             the bytes of its own last argument. The words before that one are a heading. It is the log of what has no \
             log, in memory that is there already: it takes no disk, cannot fill up and needs no reader. svscanboot(1) has \
             the messages of svscan(1) and of all its supervisors shown so.",
            "It waits for input and for its end as long as anything has the other side of the pipe open.",
            "The last argument is as long as what is to be seen; what it consists of does not matter. First all of it is dots. \
             Then what is read comes in from the right and pushes the former out to the left, where the first three \
             dots stay. Newlines are kept (ps shows `?` for them), and NUL bytes are dropped. Other control \
             characters become question marks, so that nothing that is read can command a terminal.",
            "Without a last argument of 5 bytes it exits 100 without a word, and 111 likewise where standard input cannot be \
             read: it is for use where there is nobody to listen.",
            "Behind other links of catena it is started by a real exec, since nothing but its own words may be among its \
             arguments. Called as `catena readproctitle`, it moves its words to where an exec would have put them.",
        ],
        sections: &[(
            "SEEING IT",
            &[
                "`ps ax | grep readproctitle` shows the latest messages; `tr '\\0' ' ' < /proc/PID/cmdline` shows them with \
                 their newlines. Everybody who may look at the process may read them.",
            ],
        )],
        examples: &[(
            "readproctitle service errors: ........................................",
            "Show the last 37 bytes that come in, behind the words `service errors:`.",
        )],
        reference: "daemontools 0.76",
        differences: &[
            "Control characters but the newline, and the byte DEL, are shown as question marks; the reference shows them as \
             they came.",
            "A sole `--help` or `--version` prints that text; to the reference it is a last argument.",
            "It reads in blocks; the reference reads each byte by itself.",
            "Standard input that was set not to wait is waited for; for the reference that is an error.",
        ],
        see_also: &["svscanboot(1)", "svscan(1)", "ps(1)"],
    },
    role: Role::Tool(Grammar::Title, run),
};

/// As many dots stay at the beginning, whatever comes.
const DOTS: usize = 3;

/// What is shorter shows nothing.
const SHORTEST: usize = 5;

/// More than any window there is; and what is read at a time is one step for who looks at it.
const BLOCK: usize = 4096;

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let words = given.operands();
    let last = words.iter().last().filter(|last| last.bytes().len() >= SHORTEST);
    let Some(last) = last else { return Err(Failure::silent(BERNSTEIN.usage).into()) };
    let window = argv::memory_of(last);
    window.fill(b'.');
    process.listeners.tool_runs(APPLET.name);
    let mut block = [0; BLOCK];
    loop {
        match nix::unistd::read(STDIN, &mut block) {
            Ok(0) => return Ok(0),
            Ok(count) => take_in(window, &mut block[..count]),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait_for(STDIN, PollFlags::POLLIN),
            Err(_) => return Err(Failure::unspoken().into()),
        }
    }
}

/// What has been read comes in from the right.
fn take_in(window: &mut [u8], input: &mut [u8]) {
    let count = make_harmless(input);
    let moving = &mut window[DOTS..];
    // what would only pass through is left out
    let new = &input[count.saturating_sub(moving.len())..count];
    moving.copy_within(new.len().., 0);
    let kept = moving.len() - new.len();
    moving[kept..].copy_from_slice(new);
}

/// Drops NUL bytes, which would end the argument, and puts question marks in the place of what could command a terminal.
/// Gives how many bytes are left, at the beginning.
fn make_harmless(input: &mut [u8]) -> usize {
    let mut count = 0;
    for place in 0..input.len() {
        let byte = input[place];
        if byte != 0 {
            input[count] = if byte.is_ascii_control() && byte != b'\n' { b'?' } else { byte };
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The window as the reference defines it, a byte at a time.
    fn byte_by_byte(window: &mut [u8], input: &[u8]) {
        for &byte in input {
            let shown = match byte {
                0 => continue,
                b'\n' => byte,
                1..=31 | 127 => b'?',
                _ => byte,
            };
            for place in 4..window.len() {
                window[place - 1] = window[place];
            }
            *window.last_mut().unwrap() = shown;
        }
    }

    proptest! {
        #[test]
        fn blocks_come_to_what_single_bytes_come_to(
            length in SHORTEST..60,
            blocks in vec(vec(prop_oneof![Just(0), Just(b'\n'), any::<u8>()], 0..90), 0..9),
        ) {
            let mut window = vec![b'.'; length];
            let mut expected = window.clone();
            for mut block in blocks {
                byte_by_byte(&mut expected, &block);
                take_in(&mut window, &mut block);
                prop_assert_eq!(&window, &expected);
            }
            prop_assert_eq!(&window[..3], b"...");
        }
    }

    #[test]
    fn a_block_may_be_longer_than_the_window_or_leave_nothing() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"", b"...wxyz"),
            (b"\0\0", b"...wxyz"),
            (b"a\0b", b"...yzab"),
            (b"abcd", b"...abcd"),
            (b"abcdefgh", b"...efgh"),
            (b"\x1b[2J", b"...?[2J"),
            (b"a\tb\x7f\nc\xff", b"...?\nc\xff"),
        ];
        for (input, shown) in cases {
            let mut window = *b"...wxyz";
            take_in(&mut window, &mut input.to_vec());
            assert_eq!(window, shown, "{}", input.escape_ascii());
        }
    }
}
