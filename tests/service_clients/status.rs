//! What stands in `supervise/status`, made by hand from the specification's table of its bytes.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment that is still to come when this is forgotten: whoever counts from it counts 0 seconds.
pub const FUTURE: i64 = 4_102_444_800;

/// A status file.
#[derive(Clone, Debug)]
pub struct Status {
    /// Seconds since 1970, and nanoseconds.
    pub since: (i64, u32),
    pub pid: u32,
    pub paused: u8,
    pub want: u8,
    /// What follows the first 18 bytes.
    pub rest: Vec<u8>,
}

/// Offset 18: what daemontools-encore's phases are.
pub const STOPPED: u8 = 0;
pub const STARTING: u8 = 1;
pub const STARTED: u8 = 2;
pub const RUNNING: u8 = 3;
pub const STOPPING: u8 = 4;
pub const FAILED: u8 = 5;

impl Status {
    /// As daemontools writes it.
    pub fn classic(pid: u32, want: u8) -> Self {
        Self { since: (FUTURE, 0), pid, paused: 0, want, rest: Vec::new() }
    }

    /// As ours and, but for the last byte, daemontools-encore writes it.
    pub fn with_phase(pid: u32, want: u8, phase: u8) -> Self {
        // what runit's sv reads: 2 is for scripts at the end, which those who need it say
        let runit = u8::from(pid != 0 && matches!(phase, RUNNING | STOPPING));
        Self { rest: vec![phase, runit], ..Self::classic(pid, want) }
    }

    pub fn up(pid: u32) -> Self {
        Self::with_phase(pid, b'u', RUNNING)
    }

    pub fn down() -> Self {
        Self::with_phase(0, b'd', STOPPED)
    }

    pub fn since(self, seconds: i64, nanoseconds: u32) -> Self {
        Self { since: (seconds, nanoseconds), ..self }
    }

    pub fn paused(self) -> Self {
        Self { paused: 1, ..self }
    }

    pub fn ending(self, rest: &[u8]) -> Self {
        Self { rest: rest.to_vec(), ..self }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let seconds = (1_u64 << 62) + 10 + u64::try_from(self.since.0).unwrap();
        let mut bytes = seconds.to_be_bytes().to_vec();
        bytes.extend(self.since.1.to_be_bytes());
        bytes.extend(self.pid.to_le_bytes());
        bytes.extend([self.paused, self.want]);
        bytes.extend(&self.rest);
        bytes
    }

    /// As daemontools-encore writes it for a service with a log in the same supervise.
    pub fn with_log(&self, log: &Self) -> Vec<u8> {
        let bytes = [self.bytes(), log.bytes()].concat();
        assert_eq!(bytes.len(), 40);
        bytes
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
