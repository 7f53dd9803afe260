//! What each command does in each state: the whole of it, to be read beside the manual's table.

use crate::service::status::Want;

/// Where the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does not run.
    Down,
    /// It does not run, and will be started in a moment.
    Waiting,
    /// `run` runs, or is stopped by SIGSTOP.
    Running,
    /// `start`, `stop` or `finish` runs.
    Script,
    /// `start` has run, and there is no `run`: it is up without a process.
    Started,
    /// What has ended has left something behind, which is waited for.
    Left,
}

/// One thing that a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This is wanted from here on.
    Want(Want),
    /// The status file is brought up to date.
    Announce,
    /// The service is started, as soon as a second has passed since it was last.
    Start,
    /// A start that is due is put off for good.
    Cancel,
    /// It is told to end, and what it leaves behind is, too: the down signal, then CONT. It no longer counts as paused.
    Stop,
    /// It is told to end so that it is started anew, if it is wanted up: the same signals.
    Bounce,
    /// It gets this signal.
    Signal(i32),
    /// Whether it counts as paused.
    Paused(bool),
    /// Supervise ends when the service has.
    Leave,
    /// What `start` has begun ends: `stop` runs.
    End,
}

/// A command, and its steps in the states in their order.
pub type Row = (u8, [&'static [Step]; 6]);

use Step::{Announce, Bounce, Cancel, End, Leave, Paused, Signal, Start, Stop, Want as W};
use libc::{
    SIGALRM as ALRM, SIGCONT as CONT, SIGHUP as HUP, SIGINT as INT, SIGKILL as KILL, SIGQUIT as QUIT, SIGSTOP as STOP,
    SIGTERM as TERM, SIGUSR1 as USR1, SIGUSR2 as USR2, SIGWINCH as WINCH,
};

/// The table.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //      Down                                Waiting                              Running                                    Script                       Started                              Left
    (b'u', [&[W(Want::Up), Announce, Start],    &[W(Want::Up), Announce, Start],     &[W(Want::Up), Announce],                  &[W(Want::Up), Announce],    &[W(Want::Up), Announce],            &[W(Want::Up), Announce]]),
    (b'd', [&[W(Want::Down), Announce],         &[W(Want::Down), Cancel, Announce],  &[W(Want::Down), Stop, Announce],          &[W(Want::Down), Announce],  &[W(Want::Down), Announce, End],     &[W(Want::Down), Stop, Announce]]),
    (b'o', [&[W(Want::Once), Announce, Start],  &[W(Want::Once), Announce, Start],   &[W(Want::Once), Announce],                &[W(Want::Once), Announce],  &[W(Want::Once), Announce],          &[W(Want::Once), Announce]]),
    (b'x', [&[Leave],                           &[Leave, Cancel],                    &[Leave, Announce],                        &[Leave],                    &[Leave, End],                       &[Leave]]),
    (b'p', [&[Paused(true), Announce],          &[Paused(true), Announce],           &[Paused(true), Announce, Signal(STOP)],   &[Signal(STOP)],             &[Paused(true), Announce],           &[Signal(STOP)]]),
    (b'c', [&[Paused(false), Announce],         &[Paused(false), Announce],          &[Paused(false), Announce, Signal(CONT)],  &[Signal(CONT)],             &[Paused(false), Announce],          &[Signal(CONT)]]),
    (b'a', [&[],                                &[],                                 &[Signal(ALRM)],                           &[Signal(ALRM)],             &[],                                 &[Signal(ALRM)]]),
    (b'h', [&[],                                &[],                                 &[Signal(HUP)],                            &[Signal(HUP)],              &[],                                 &[Signal(HUP)]]),
    (b'k', [&[],                                &[],                                 &[Signal(KILL)],                           &[Signal(KILL)],             &[],                                 &[Signal(KILL)]]),
    (b't', [&[],                                &[],                                 &[Signal(TERM)],                           &[Signal(TERM)],             &[],                                 &[Signal(TERM)]]),
    (b'i', [&[],                                &[],                                 &[Signal(INT)],                            &[Signal(INT)],              &[],                                 &[Signal(INT)]]),
    (b'q', [&[],                                &[],                                 &[Signal(QUIT)],                           &[Signal(QUIT)],             &[],                                 &[Signal(QUIT)]]),
    (b'1', [&[],                                &[],                                 &[Signal(USR1)],                           &[Signal(USR1)],             &[],                                 &[Signal(USR1)]]),
    (b'2', [&[],                                &[],                                 &[Signal(USR2)],                           &[Signal(USR2)],             &[],                                 &[Signal(USR2)]]),
    (b'w', [&[],                                &[],                                 &[Signal(WINCH)],                          &[Signal(WINCH)],            &[],                                 &[Signal(WINCH)]]),
    (b'r', [&[W(Want::Up), Announce, Start],    &[W(Want::Up), Announce, Start],     &[Bounce],                                 &[],                         &[],                                 &[Bounce]]),
];

/// What a command does in a state: nothing if there is no such command.
pub fn steps(command: u8, state: State) -> &'static [Step] {
    let row = TABLE.iter().find(|&&(byte, _)| byte == command);
    row.map_or(&[], |(_, columns)| columns[state as usize])
}

/// The command that sends this signal.
pub fn letter(signal: i32) -> Option<u8> {
    let sends = |&&(_, columns): &&Row| columns[State::Running as usize].contains(&Signal(signal));
    TABLE.iter().find(sends).map(|&(letter, _)| letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What daemontools' own commands do where it has a state (all but a script), in the words of its manual: told by
    /// effects instead of steps.
    #[test]
    fn down_and_exit_never_start_and_signals_never_reach_what_does_not_run() {
        for &(command, columns) in TABLE {
            for (column, steps) in columns.iter().enumerate() {
                let starts = steps.contains(&Step::Start);
                let signals = steps.iter().any(|step| matches!(step, Step::Signal(_) | Step::Stop | Step::Bounce));
                assert!(!starts || column < 2, "{}: only what is down is started", command as char);
                assert!(!signals || matches!(column, 2 | 3 | 5), "{}: only what runs is told", command as char);
                assert_eq!(starts, column < 2 && b"uor".contains(&command), "{}", command as char);
                // whatever changes the file is told by it, but in a script, where pausing is no state of the service
                let changes = steps.iter().any(|step| matches!(step, Step::Want(_) | Step::Paused(_)));
                assert!(!changes || steps.contains(&Step::Announce), "{}", command as char);
            }
        }
    }

    #[test]
    fn every_letter_stands_once_and_others_do_nothing() {
        for byte in 0..=u8::MAX {
            let rows = TABLE.iter().filter(|&&(command, _)| command == byte).count();
            assert_eq!(rows, usize::from(b"udoxpcahktiq12wr".contains(&byte)), "{byte}");
            if rows == 0 {
                assert!(steps(byte, State::Running).is_empty());
            }
        }
    }
}
