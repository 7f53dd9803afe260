//! The table of commands and states: each command in each state, and what comes of it.

use crate::cases::{Case, Driver, State, check_all};
use crate::suite::Suite;
use crate::support::together::together;

/// A command, whether daemontools has it, and the outcome in each state.
struct Row {
    command: &'static [u8],
    is_old: bool,
    down: &'static str,
    waiting: &'static str,
    running: &'static str,
    paused: &'static str,
}

const fn row(command: &'static [u8], is_old: bool, [down, waiting, running, paused]: [&'static str; 4]) -> Row {
    Row { command, is_old, down, waiting, running, paused }
}

/// For a process of its own each, which TERM does not end. What is not commanded is not done: a service that waits is
/// started in the end, and one that was never started stays down.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    //                    down               waiting            running             paused
    row(b"u", true,  ["started; up u",   "started; up u",   "; up u",           "; up u paused"]),
    row(b"d", true,  ["; down d",        "; down d",        "TERM CONT; up d",  "TERM CONT; up d"]),
    row(b"o", true,  ["started; up -",   "started; up -",   "; up -",           "; up - paused"]),
    row(b"x", true,  ["; gone",          "; gone",          "; up u",           "; up u paused"]),
    row(b"p", true,  ["; down d",        "started; up u",   "; up u paused",    "; up u paused"]),
    row(b"c", true,  ["; down d",        "started; up u",   "CONT; up u",       "CONT; up u"]),
    row(b"a", true,  ["; down d",        "started; up u",   "ALRM; up u",       "ALRM; up u paused"]),
    row(b"h", true,  ["; down d",        "started; up u",   "HUP; up u",        "HUP; up u paused"]),
    row(b"k", true,  ["; down d",        "started; up u",   "started; up u",    "started; up u"]),
    row(b"t", true,  ["; down d",        "started; up u",   "TERM; up u",       "TERM; up u paused"]),
    row(b"i", true,  ["; down d",        "started; up u",   "INT; up u",        "INT; up u paused"]),
    row(b"q", false, ["; down d",        "started; up u",   "QUIT; up u",       "QUIT; up u paused"]),
    row(b"1", false, ["; down d",        "started; up u",   "USR1; up u",       "USR1; up u paused"]),
    row(b"2", false, ["; down d",        "started; up u",   "USR2; up u",       "USR2; up u paused"]),
    row(b"w", false, ["; down d",        "started; up u",   "WINCH; up u",      "WINCH; up u paused"]),
    // on a service that is down it is a start; what is wanted afterwards is not said
    row(b"r", false, ["started; up *",   "started; up u",   "TERM CONT; up u",  "TERM CONT; up u"]),
    // what changes the meaning of others does nothing by itself
    row(b"+", false, ["; down d",        "started; up u",   "; up u",           "; up u paused"]),
    row(b"=", false, ["; down d",        "started; up u",   "; up u",           "; up u paused"]),
    row(b"L", false, ["; down d",        "started; up u",   "; up u",           "; up u paused"]),
    row(b"l", false, ["; down d",        "started; up u",   "; up u",           "; up u paused"]),
    // nobody's commands
    row(b"?\0zU \n\xff", true, ["; down d", "started; up u", "; up u",          "; up u paused"]),
];

/// The cases of one state; the rows that daemontools has, or all.
fn column(state: State, only_old: bool) -> Vec<Case> {
    let rows = TABLE.iter().filter(|row| row.is_old || !only_old);
    rows.map(|row| {
        let outcome = match state {
            State::Down => row.down,
            State::Waiting => row.waiting,
            State::Running => row.running,
            State::Paused => row.paused,
        };
        Case { state, commands: row.command, outcome }
    })
    .collect()
}

fn check(state: State) {
    together(&Suite::all(), |suite| {
        // daemontools is deaf while it waits
        if suite.is_ours || state != State::Waiting {
            check_all(&column(state, !suite.is_ours), suite, Driver::Fifo);
        }
    });
}

#[test]
fn every_command_to_a_service_that_is_down() {
    check(State::Down);
}

#[test]
fn every_command_to_a_service_that_waits_for_its_restart() {
    check(State::Waiting);
}

#[test]
fn every_command_to_a_running_service() {
    check(State::Running);
}

#[test]
fn every_command_to_a_paused_service() {
    check(State::Paused);
}

/// The cases of daemontools' own letters in a state, which can be options of svc.
pub fn letters(state: State) -> Vec<Case> {
    let mut cases = column(state, true);
    cases.retain(|case| matches!(case.commands, [b'a'..=b'z']));
    cases
}
