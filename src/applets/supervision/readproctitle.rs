//! readproctitle: show the end of standard input among this process's arguments, for ps to see.

use crate::applet::{Applet, Dialect, Grammar, Manual, Process, Role};
use crate::files::filter::wait_for;
use crate::options::Given;
use crate::sys::argv::Title;
use crate::sys::descriptor::STDIN;
use crate::voice::exit::{BERNSTEIN, SUCCESS};
use crate::voice::failure::Failure;
use crate::voice::foreign;
use memchr::memchr;
use nix::errno::Errno;
use nix::poll::PollFlags;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "readproctitle",
    about: "Show the end of what is read among its own arguments, for ps to see",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "the end of standard input was reached")],
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
             characters, line separators and what turns the direction of writing become question marks, so that nothing \
             that is read can command a terminal or look like something else. A character that has been read in part is \
             shown when the rest of it comes.",
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
            "Control characters but the newline, and what turns the direction of writing, are shown as question marks, \
             also in UTF-8; the reference shows them as they came.",
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
    let mut window = vec![b'.'; last.bytes().len()];
    let mut title = Title::of(last);
    let mut show = |window: &[u8]| title.iter_mut().for_each(|title| title.show(window));
    show(&window);
    process.listeners.tool_runs(APPLET.name);
    let mut block = [0; BLOCK];
    // the beginning of a character whose end has not been read yet
    let mut begun = 0;
    loop {
        match nix::unistd::read(STDIN, &mut block[begun..]) {
            Ok(0) => return Ok(0),
            Ok(count) => {
                begun = take_in(&mut window, &mut block[..begun + count]);
                show(&window);
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait_for(STDIN, PollFlags::POLLIN),
            Err(_) => return Err(Failure::unspoken().into()),
        }
    }
}

/// What has been read comes in from the right, but for the beginning of a character at its end. Gives how long that is; it is
/// now at the beginning of `input`.
fn take_in(window: &mut [u8], input: &mut [u8]) -> usize {
    let length = without_nul(input);
    let complete = foreign::complete(&input[..length]);
    let count = make_fit(&mut input[..complete]);
    let moving = &mut window[DOTS..];
    // what would only pass through is left out
    let new = &input[count.saturating_sub(moving.len())..count];
    moving.copy_within(new.len().., 0);
    let kept = moving.len() - new.len();
    moving[kept..].copy_from_slice(new);
    hide_rest(moving);
    input.copy_within(complete..length, 0);
    length - complete
}

/// What is left of a character whose beginning has gone out to the left has bytes that could be control characters.
fn hide_rest(window: &mut [u8]) {
    let rest = window.iter_mut().take_while(|byte| matches!(byte, 0x80..=0xbf));
    rest.filter(|byte| **byte < 0xa0).for_each(|byte| *byte = b'?');
}

/// Drops NUL bytes, which would end the argument. Gives how many bytes are left, at the beginning.
fn without_nul(input: &mut [u8]) -> usize {
    let mut count = 0;
    for place in 0..input.len() {
        if input[place] != 0 {
            input[count] = input[place];
            count += 1;
        }
    }
    count
}

/// Makes all lines fit to be shown. Gives the length of what is left, at the beginning; newlines stay.
fn make_fit(input: &mut [u8]) -> usize {
    let (mut start, mut kept) = (0, 0);
    while start < input.len() {
        let end = memchr(b'\n', &input[start..]).map_or(input.len(), |place| start + place);
        let length = foreign::make_fit(&mut input[start..end]);
        input.copy_within(start..start + length, kept);
        kept += length;
        if end < input.len() {
            input[kept] = b'\n';
            kept += 1;
        }
        start = end + 1;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// The window over all that is to be shown, a byte at a time, as the reference moves it.
    fn byte_by_byte(window: &mut [u8], shown: &[u8]) {
        for &byte in shown {
            window.copy_within(4.., 3);
            *window.last_mut().unwrap() = byte;
        }
        // a part of a character, for a terminal that takes bytes
        let part = window[3..].iter().take_while(|byte| (**byte & 0xc0) == 0x80).count();
        window[3..3 + part].iter_mut().filter(|byte| **byte < 0xa0).for_each(|byte| *byte = b'?');
    }

    /// A line at a time, by what is shown of any text.
    fn all_shown(input: &[u8]) -> Vec<u8> {
        let lines: Vec<_> = input.split(|&byte| byte == b'\n').map(|line| foreign::shown(line).into_owned()).collect();
        lines.join(&b'\n')
    }

    proptest! {
        #[test]
        fn blocks_come_to_what_single_bytes_come_to(
            length in SHORTEST..60,
            blocks in vec(vec(prop_oneof![Just(0), Just(b'\n'), Just(0xc2), 0x80_u8..0xa0, any::<u8>()], 0..90), 0..9),
        ) {
            let mut window = vec![b'.'; length];
            let (mut block, mut begun) = ([0; BLOCK], 0);
            let mut all = Vec::new();
            for read in blocks {
                block[begun..begun + read.len()].copy_from_slice(&read);
                begun = take_in(&mut window, &mut block[..begun + read.len()]);
                all.extend(read.into_iter().filter(|&byte| byte != 0));
                prop_assert!(begun < 4 && all.ends_with(&block[..begun]));
                let mut expected = vec![b'.'; length];
                byte_by_byte(&mut expected, &all_shown(&all[..all.len() - begun]));
                prop_assert_eq!(&window, &expected);
            }
            prop_assert_eq!(&window[..3], b"...");
        }
    }

    #[test]
    fn a_block_may_be_longer_than_the_window_or_leave_nothing() {
        let cases: [(&[u8], &[u8]); 10] = [
            (b"", b"...wxyz"),
            (b"\0\0", b"...wxyz"),
            (b"a\0b", b"...yzab"),
            (b"abcd", b"...abcd"),
            (b"abcdefgh", b"...efgh"),
            (b"\x1b[2J", b"...?[2J"),
            (b"a\tb\x7f\nc\xff", b"...?\nc\xff"),
            (b"abc\xc2\x9b", b"...abc?"),
            // what is begun waits; what has lost its beginning is hidden
            (b"abcd\xe2\x80", b"...abcd"),
            (b"\xc3\x89abc", b"...?abc"),
        ];
        for (input, shown) in cases {
            let mut window = *b"...wxyz";
            take_in(&mut window, &mut input.to_vec());
            assert_eq!(window, shown, "{}", input.escape_ascii());
        }
    }
}
