//! Killed at random under load, in several trees at the same time: services, their supervises, loggers and their
//! supervises, svscan, alone and shortly one after the other.

use crate::log;
use crate::place::Place;
use crate::process;
use crate::status::{Status, is_supervised};
use crate::suite::{Kind, Suite};
use crate::support::leave_out;
use crate::support::random::{Random, rounds_asked_for};
use crate::support::waiting::{PATIENCE, look_until};
use crate::tree::{Times, Tree, supervises_among};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// Trees at the same time.
const TREES: usize = 8;
/// Kills, if CATENA_ROUNDS does not say how many.
const ROUNDS: usize = 80;
/// How often it is looked whether all is right.
const LOOK: Duration = Duration::from_millis(15);
/// Within what time all has to be right again.
const RIGHT: Duration = Duration::from_secs(2);
/// What a look takes, with the pause before it, on a machine that has time. So much of the time counts for each: where looks
/// take longer, all else does, too.
const A_LOOK: Duration = Duration::from_millis(20);
/// The longest time between two faults one of which comes before all is right again.
const BETWEEN: usize = 1500;
const SERVICES: [&str; 2] = ["one", "two"];

/// How often something is done at random.
pub fn rounds() -> usize {
    rounds_asked_for().map_or(ROUNDS, |asked| asked as usize)
}

/// Whether all that takes long is to be done as well.
pub fn is_thorough() -> bool {
    rounds() >= 200
}

/// What can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Service,
    Logger,
    Supervise,
    SuperviseOfLogger,
    /// The service and its supervise at once.
    Pair,
    Svscan,
}

use Victim::{Logger, Pair, Service, Supervise, SuperviseOfLogger, Svscan};

const ALL: &[Victim] = &[Service, Logger, Supervise, SuperviseOfLogger, Pair, Svscan];

/// A tree in which services write as much as loggers take, and its faults.
struct Chaos<'a> {
    tree: Tree<'a>,
    random: Random,
    victims: &'a [Victim],
    /// How often a logger of each service has been killed.
    loggers_killed: [usize; SERVICES.len()],
    /// For a message.
    told: Vec<String>,
}

impl Chaos<'_> {
    /// Whether each service is supervised, up and the only one.
    fn is_right(&self) -> bool {
        let place = self.tree.place;
        let directories: Vec<_> =
            SERVICES.iter().flat_map(|name| [place.service(name), place.service(name).join("log")]).collect();
        let mut expected = vec![];
        for directory in &directories {
            let up = Status::of(directory).filter(|status| status.want() == b'u' && status.says_running());
            match up.and_then(|up| up.pid()).filter(|_| is_supervised(directory)) {
                Some(pid) => expected.push(pid),
                None => return false,
            }
        }
        let all = self.tree.processes();
        let (services, others): (Vec<_>, Vec<_>) = all.iter().partition(|process| expected.contains(&process.pid));
        // no zombie, no copy, nothing that is left over
        services.len() == directories.len()
            && services.iter().all(|service| !service.is_zombie())
            && others.len() == directories.len() + 1
            && others.iter().all(|process| match process.name.as_str() {
                "svscan" => process.pid == self.tree.program(),
                name => name == "supervise" && !process.is_zombie(),
            })
            && directories.iter().all(|directory| supervises_among(&all, directory).count() == 1)
    }

    /// Gives how long that would have taken on a machine that has time.
    #[track_caller]
    fn wait_until_right(&self) -> Duration {
        let since = Instant::now();
        let mut looks = 0;
        look_until("all is right again", || {
            // looks at all processes of the machine, so not too often
            std::thread::sleep(LOOK);
            looks += 1;
            self.is_right()
        });
        since.elapsed().min(A_LOOK * looks)
    }

    /// Kills one. What is not there at this moment is not killed.
    fn kill(&mut self) {
        let victim = self.victims[self.random.below(self.victims.len())];
        let which = self.random.below(SERVICES.len());
        let service = self.tree.place.service(SERVICES[which]);
        let log = service.join("log");
        let of_status =
            |directory| Status::of(directory).and_then(|status| status.pid()).filter(|&it| self.is_mine(it));
        let of = |directory| self.tree.supervises(directory);
        let pids: Vec<Pid> = match victim {
            Service => of_status(&service).into_iter().collect(),
            Logger => of_status(&log).into_iter().collect(),
            Supervise => of(&service),
            SuperviseOfLogger => of(&log),
            Pair => of(&service).into_iter().chain(of_status(&service)).collect(),
            Svscan => vec![],
        };
        self.told.push(format!("{victim:?} {} {pids:?}", SERVICES[which]));
        for &pid in &pids {
            let _ = kill(pid, Signal::SIGKILL);
        }
        match victim {
            Logger => self.loggers_killed[which] += pids.len(),
            Svscan => {
                self.tree.kill_program();
                self.tree.next_pid();
            }
            _ => {}
        }
    }

    /// Whether a pid that a file names is still one of this tree.
    fn is_mine(&self, pid: Pid) -> bool {
        process::descendants(self.tree.keeper()).iter().any(|process| process.pid == pid)
    }

    /// So many faults; then the end, and what is left of it all.
    fn run(&mut self, faults: usize, times: &Times) {
        self.wait_until_right();
        let mut left = faults;
        while left > 0 {
            // at any moment, and not at one that something tells
            std::thread::sleep(Duration::from_millis(self.random.below(300) as u64));
            self.kill();
            left -= 1;
            if left > 0 && self.random.below(3) == 0 {
                std::thread::sleep(Duration::from_millis(self.random.below(BETWEEN) as u64));
                self.kill();
                left -= 1;
            }
            let time = self.wait_until_right();
            times.add(time);
            self.told.push(format!("right after {time:?}"));
            self.assert_no_copies();
        }
        self.tree.stop(&SERVICES);
        self.assert_no_copies();
        for (name, killed) in SERVICES.iter().zip(self.loggers_killed) {
            let found = log::check(self.tree.place, name);
            assert!(found.lines > 0, "{name} has logged nothing");
            assert!(found.repeats <= killed, "{} repeats after {killed} kills of the logger", found.repeats);
            self.told.push(format!("{name}: {found:?}"));
        }
    }

    #[track_caller]
    fn assert_no_copies(&self) {
        assert_eq!(self.tree.place.violations(), "", "{}", self.tree.place.said());
    }
}

/// Faults in one tree. Gives the number of lines in its logs.
fn chaos(suite: &Suite, victims: &[Victim], faults: usize, stream: u64, has_scripts: bool, times: &Times) {
    let place = Place::new(suite);
    for name in SERVICES {
        let directory = place.add_logged(name, "write");
        if has_scripts {
            for script in ["start", "finish"] {
                crate::roles::link(&directory.join(script));
            }
        }
    }
    let (random, seed) = Random::unforeseen(stream);
    let mut chaos =
        Chaos { tree: Tree::svscan(&place), random, victims, loggers_killed: [0; SERVICES.len()], told: vec![] };
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| chaos.run(faults, times)));
    if let Err(cause) = ended {
        eprintln!("CATENA_SEED={seed}, tree {stream}: {:#?}\nsaid: {}", chaos.told, place.said());
        std::panic::resume_unwind(cause);
    }
}

fn in_parallel(suites: &[Suite], victims: &'static [Victim], scripts: bool) {
    let times = Times::new();
    let rounds = rounds();
    let failed: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..TREES)
            .map(|stream| {
                let faults = (rounds + stream) / TREES;
                let suite = &suites[stream % suites.len()];
                let (times, has_scripts) = (&times, scripts && stream % 4 >= 2);
                scope.spawn(move || chaos(suite, victims, faults, stream as u64, has_scripts, times))
            })
            .collect();
        let ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join).enumerate();
        ended.filter_map(|(tree, ended)| ended.is_err().then_some(tree)).collect()
    });
    assert!(failed.is_empty(), "failed: {failed:?}");
    let times = times.sorted();
    if let Some(slowest) = times.last() {
        println!("{rounds} kills: right again after {:?} in the median, {slowest:?} at most", times[times.len() / 2]);
        // the slowest few may be the machine's
        let most = times[times.len() * 9 / 10];
        assert!(most <= RIGHT, "right again after {most:?} in one case of ten, {slowest:?} at most");
        assert!(*slowest < PATIENCE);
    }
}

#[test]
fn no_kill_makes_a_copy_or_an_orphan_or_loses_a_line() {
    in_parallel(&[Suite::new(Kind::Ours), Suite::new(Kind::Unfused)], ALL, true);
}

/// It can do so much; what it cannot is in the next test.
#[test]
fn the_reference_survives_kills_of_services_and_loggers() {
    let Some(reference) = Suite::reference() else { return };
    in_parallel(&[reference], &[Service, Logger], false);
}

/// That a copy is seen, where there is one.
#[test]
fn the_reference_starts_a_copy_when_its_supervise_has_been_killed() {
    let Some(reference) = Suite::reference() else { return leave_out("copies of the reference") };
    let place = Place::new(&reference);
    let service = place.add("one", "pause");
    let mut events = place.events();
    let tree = Tree::svscan(&place);
    let first = events.next_of("one", "run");
    kill(tree.supervise_of(&service), Signal::SIGKILL).unwrap();
    look_until("another copy complains", || place.violations().starts_with("one: there is another copy"));
    assert!(process::is_alive(first.pid));
}
