//! tai64n: put a TAI64N label before each line.

use crate::applet::{Applet, Dialect, Grammar, Manual, Process, Role};
use crate::files::filter::{self, Conversion};
use crate::options::Given;
use crate::time::tai64n::Labels;
use crate::voice::exit::{BERNSTEIN, SUCCESS};
use crate::voice::ignored;
use memchr::memchr;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "tai64n",
    about: "Put a precise time stamp before each line",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "the end of standard input was reached")],
    changes: &[],
    on_request: &[],
    options: &[],
    operands: &[ignored::OPERAND],
    example: &[],
    manual: Manual {
        description: &[
            "Copies standard input to standard output and puts a TAI64N label and a space before each line: `@`, 16 \
             hexadecimal digits of seconds and 8 of nanoseconds. A label tells when the line's first byte was read. \
             tai64nlocal(1) makes it readable; as they are, labels sort by time.",
            "All that has been read is written before more is read, the beginning of a line with its label, too. At the \
             end of the input no newline is added.",
            "Lines that are read together get labels that grow by a nanosecond a line, so that sorting keeps their order. \
             The clock is the system's, without leap seconds; 10 seconds are added, as daemontools does it, and not \
             the 37 that TAI is ahead.",
        ],
        sections: &[],
        examples: &[
            ("tai64n < app.log", "Show a log with the time it is read at before each line."),
            ("tai64n | tai64nlocal", "Type lines and see when each was begun."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "The clock is read in nanoseconds, and once for all lines that are read together. The reference has \
             microseconds, and labels that end in 500 nanoseconds.",
            "An unknown option is wrong usage, and operands get a warning; the reference ignores both.",
        ],
        see_also: &["tai64nlocal(1)", "multilog(1)"],
    },
    role: Role::Tool(Grammar::Options, run),
};

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    process.listeners.tool_runs(APPLET.name);
    let mut stamping = Stamping { labels: Labels::default(), is_inside: false };
    filter::be(APPLET.name, given.operands().get(0).map(|word| word.bytes()), &mut stamping)
}

struct Stamping {
    labels: Labels,
    /// Whether the next byte goes on with a line.
    is_inside: bool,
}

impl Conversion for Stamping {
    fn convert(&mut self, input: &[u8], _: bool, output: &mut Vec<u8>) -> usize {
        self.labels.read_clock();
        let mut left = input;
        while !left.is_empty() {
            if !self.is_inside {
                let mut label = [b' '; crate::time::tai64n::LENGTH + 1];
                label[..crate::time::tai64n::LENGTH].copy_from_slice(self.labels.next_label());
                output.extend_from_slice(&label);
            }
            let newline = memchr(b'\n', left);
            let (line, rest) = left.split_at(newline.map_or(left.len(), |newline| newline + 1));
            output.extend_from_slice(line);
            self.is_inside = newline.is_none();
            left = rest;
        }
        input.len()
    }
}
