//! Commands and ends in a random order, with a model that knows what comes of each.

use crate::recorder::state;
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::random::Random;
use crate::support::together::together;
use crate::support::waiting::look_until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Command(char),
    /// The service ends by itself.
    End,
}

const ACTS: &[Act] = &[
    Act::Command('u'),
    Act::Command('d'),
    Act::Command('o'),
    Act::Command('p'),
    Act::Command('c'),
    Act::Command('h'),
    Act::Command('t'),
    Act::Command('k'),
    Act::Command('?'),
    Act::End,
    Act::End,
];

/// How the service is, as far as commands are concerned.
#[derive(Clone, Copy, Debug)]
struct Model {
    process: Option<Pid>,
    want: char,
    is_paused: bool,
}

impl Model {
    fn shown(&self) -> String {
        let up = if self.process.is_some() { "up" } else { "down" };
        let paused = if self.is_paused && self.process.is_some() { " paused" } else { "" };
        format!("{up} {}{paused}", self.want)
    }

    /// Waits for a start.
    fn started(&mut self, supervised: &mut Supervised<'_>) {
        let process = supervised.expect("run started");
        assert_ne!(self.process, Some(process));
        (self.process, self.is_paused) = (Some(process), false);
    }

    /// It has ended, by whatever.
    fn ended(&mut self, supervised: &mut Supervised<'_>) {
        if self.want == 'u' {
            self.started(supervised);
        } else {
            self.process = None;
        }
    }

    /// Does it, and follows.
    fn act(&mut self, act: Act, supervised: &mut Supervised<'_>) {
        match (act, self.process) {
            (Act::End, None) => return,
            (Act::End, Some(process)) if self.is_paused => kill(process, Signal::SIGKILL).unwrap(),
            (Act::End, Some(process)) => supervised.end(process, 1),
            // what it hears while it is stopped it says when it goes on, and that is told elsewhere
            (Act::Command('h' | 't'), Some(_)) if self.is_paused => return,
            (Act::Command(command), _) => supervised.tell(command.to_string()),
        }
        match (act, self.process) {
            (Act::End | Act::Command('k'), Some(_)) => self.ended(supervised),
            (Act::Command(command @ ('u' | 'o')), process) => {
                self.want = if command == 'u' { 'u' } else { '-' };
                if process.is_none() {
                    self.started(supervised);
                }
            }
            (Act::Command('d'), process) => {
                self.want = 'd';
                if process.is_some() {
                    self.is_paused = false;
                    supervised.expect("run TERM");
                    supervised.expect("run CONT");
                }
            }
            (Act::Command('p'), process) => {
                self.is_paused = true;
                if let Some(process) = process {
                    look_until("it is stopped", || state(process) == Some('T'));
                }
            }
            (Act::Command('c'), process) => {
                self.is_paused = false;
                if process.is_some() {
                    supervised.expect("run CONT");
                }
            }
            (Act::Command('h'), Some(_)) => drop(supervised.expect("run HUP")),
            (Act::Command('t'), Some(_)) => drop(supervised.expect("run TERM")),
            _ => {}
        }
    }
}

/// A walk of so many steps.
fn walk(suite: &Suite, seed: u64, steps: usize) {
    let service = Service::new().with("stubborn", "").with("down", "");
    let mut supervised = service.supervise(suite);
    let mut model = Model { process: None, want: 'd', is_paused: false };
    let mut random = Random::new(seed);
    let mut done = vec![];
    for _ in 0..steps {
        let act = random.one_of(ACTS);
        done.push(act);
        // a panic's message does not say how it has come there
        let walked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            model.act(act, &mut supervised);
            let shown = model.shown();
            let process = model.process.unwrap_or(Pid::from_raw(0));
            supervised.until(&shown, |status| status.shown() == shown && status.pid() == process);
            supervised.settle();
            assert_eq!(supervised.status().shown(), shown);
        }));
        assert!(walked.is_ok(), "{}, seed {seed}: after {done:?}, {model:?}", suite.name);
    }
    supervised.write("dxk");
    let (code, heard) = supervised.rest();
    assert_eq!(code, 0, "{}, seed {seed}: {heard}", suite.name);
}

#[test]
fn the_status_is_what_the_commands_have_made_of_it() {
    let seeds: Vec<u64> = (1..=12).collect();
    together(&Suite::all(), |suite| {
        let steps = if suite.is_ours { 40 } else { 12 };
        together(&seeds, |&seed| walk(suite, seed, steps));
    });
}
