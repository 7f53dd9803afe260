//! `supervise/info`: what the status file has no room for. Lines of `key=value`; who reads it skips keys that it does not know, and believes
//! the rest only if `pid` is the one in `supervise/status`.
//!
//! | key | is |
//! |---|---|
//! | `version` | 1 |
//! | `boot` | which start of the machine the rest is about |
//! | `pid` | the process that `status` shows; 0 if there is none |
//! | `pid_starttime` | when the kernel started it (/proc/PID/stat, field 22) |
//! | `supervise`, `supervise_starttime` | the supervise itself, likewise |
//! | `input` | the inode of supervise's standard input, if that is a pipe: for a log, the one from its service |
//! | `program` | which program of the directory that process is |
//! | `state` | the phase by name |
//! | `started_mono_ns` | when it was last started (CLOCK_MONOTONIC) |
//! | `restarts` | how often `run` has been started again |
//! | `last_exit`, `last_signal` | how `run` last ended, whichever applies |
//! | `ready`, `ready_at` | whether and when it has said that it is ready; not there if it is not expected to |
//! | `left` | how many processes it has left behind, as was seen last |
//! | `left_pid`, `left_starttime` | one of them, and when the kernel started it |
//! | `backoff_ms`, `next_start` | the distance between two starts beyond the usual second, and when the next one is due |

use super::Program;
use super::status::Phase;
use crate::number::{decimal, decimal_in};
use crate::process::process_id::ProcessId;
use std::io::Write;

/// More bytes it never has.
pub const LIMIT: usize = 512;

/// All that it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Which start of the machine it is about.
    pub boot: u64,
    /// The process that `status` shows.
    pub process: ProcessId,
    /// The supervise.
    pub supervise: ProcessId,
    /// The inode of supervise's standard input, if that is a pipe.
    pub input: Option<u64>,
    /// Which program of the directory the process is.
    pub program: Option<Program>,
    /// What the service is doing.
    pub phase: Option<Phase>,
    /// When it was last started.
    pub started: u64,
    /// How often `run` has been started again.
    pub restarts: u64,
    /// The code that `run` last exited with, unless it was killed.
    pub last_exit: Option<u8>,
    /// The signal that killed `run`.
    pub last_signal: Option<u8>,
    /// Whether it has said that it is ready; `None` if it is not expected to.
    pub ready: Option<bool>,
    /// When it said so.
    pub ready_at: Option<u64>,
    /// How many processes it has left behind, as was seen last.
    pub left: u32,
    /// One of them.
    pub left_process: ProcessId,
    /// Milliseconds between two starts, beyond the usual second.
    pub backoff: u64,
    /// When the next start is due.
    pub next_start: Option<u64>,
}

impl Info {
    /// Writes it as text. Gives how many bytes of `to` that are. Allocates nothing.
    pub fn encode(&self, to: &mut [u8; LIMIT]) -> usize {
        let mut rest = &mut to[..];
        // the longest there can be has some 400 bytes
        let _ = write!(
            rest,
            "version=1\nboot={}\npid={}\npid_starttime={}\n",
            self.boot, self.process.pid, self.process.start
        );
        let _ = write!(rest, "supervise={}\nsupervise_starttime={}\n", self.supervise.pid, self.supervise.start);
        if let Some(input) = self.input {
            let _ = writeln!(rest, "input={input}");
        }
        if let Some(program) = self.program {
            let _ = writeln!(rest, "program={}", program.name());
        }
        if let Some(phase) = self.phase {
            let _ = writeln!(rest, "state={}", phase.name());
        }
        let _ = write!(rest, "started_mono_ns={}\nrestarts={}\n", self.started, self.restarts);
        let optional = [
            ("last_exit", self.last_exit.map(u64::from)),
            ("last_signal", self.last_signal.map(u64::from)),
            ("ready", self.ready.map(u64::from)),
            ("ready_at", self.ready_at),
            ("left", (self.left > 0).then_some(self.left.into())),
            ("left_pid", (self.left > 0).then_some(self.left_process.pid.into())),
            ("left_starttime", (self.left > 0).then_some(self.left_process.start)),
            ("backoff_ms", (self.backoff > 0).then_some(self.backoff)),
            ("next_start", self.next_start),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                let _ = writeln!(rest, "{key}={value}");
            }
        }
        let left = rest.len();
        LIMIT - left
    }

    /// Reads it. `None` if it is of another version.
    pub fn decode(text: &[u8]) -> Option<Self> {
        let mut info = Self::default();
        let mut is_ours = false;
        for line in text.split(|&byte| byte == b'\n') {
            let Some(end) = line.iter().position(|&byte| byte == b'=') else { continue };
            let (key, value) = (&line[..end], &line[end + 1..]);
            let number = decimal(value);
            let small = decimal_in(value);
            let pid = decimal_in(value);
            match key {
                b"version" => is_ours = value == b"1",
                b"boot" => info.boot = number?,
                b"pid" => info.process.pid = pid?,
                b"pid_starttime" => info.process.start = number?,
                b"supervise" => info.supervise.pid = pid?,
                b"supervise_starttime" => info.supervise.start = number?,
                b"input" => info.input = number,
                b"program" => info.program = Program::named(value),
                b"state" => info.phase = Phase::named(value),
                b"started_mono_ns" => info.started = number?,
                b"restarts" => info.restarts = number?,
                b"last_exit" => info.last_exit = small,
                b"last_signal" => info.last_signal = small,
                b"ready" => info.ready = number.map(|number| number != 0),
                b"ready_at" => info.ready_at = number,
                b"left" => info.left = pid.unwrap_or_default(),
                b"left_pid" => info.left_process.pid = pid.unwrap_or_default(),
                b"left_starttime" => info.left_process.start = number.unwrap_or_default(),
                b"backoff_ms" => info.backoff = number?,
                b"next_start" => info.next_start = number,
                _ => {}
            }
        }
        is_ours.then_some(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unknown_keys_are_skipped_and_other_versions_are_not_believed() {
        let info = Info::decode(b"version=1\ncolour=blue\npid=7\nnonsense\nready=1\n").unwrap();
        assert_eq!((info.process.pid, info.ready), (7, Some(true)));
        assert_eq!(Info::decode(b"version=2\npid=7\n"), None);
        assert_eq!(Info::decode(b""), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(pid: u32, numbers: [u64; 9], last_exit: Option<u8>, ready: Option<bool>) {
            let info = Info {
                boot: numbers[8],
                process: ProcessId { pid, start: numbers[0] },
                supervise: ProcessId { pid: !pid, start: numbers[1] },
                input: Some(numbers[7]),
                program: Some(Program::Finish),
                phase: Some(Phase::Stopping),
                started: numbers[2],
                restarts: numbers[3],
                last_exit,
                last_signal: last_exit.map(|code| !code),
                ready,
                ready_at: Some(numbers[4]),
                left: pid | 1,
                left_process: ProcessId { pid: pid ^ 2, start: numbers[0] ^ 1 },
                backoff: numbers[5],
                next_start: Some(numbers[6]),
            };
            let mut text = [0; LIMIT];
            let length = info.encode(&mut text);
            prop_assert!(length < LIMIT);
            prop_assert_eq!(Info::decode(&text[..length]), Some(info));
        }

        #[test]
        fn no_bytes_do_harm(text in proptest::collection::vec(any::<u8>(), 0..LIMIT)) {
            let _ = Info::decode(&text);
        }

        #[test]
        fn no_lines_do_harm(lines in proptest::collection::vec("(version|pid|state|ready|restarts)=[0-9a-z-]{0,25}", 0..12)) {
            let _ = Info::decode(lines.join("\n").as_bytes());
        }
    }
}
