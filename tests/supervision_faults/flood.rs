//! Who may write to `supervise/control` may write as much as it takes, and go on: the death of the service is seen all the
//! same.

use crate::place::Place;
use crate::process::Process;
use crate::status::{Status, control};
use crate::suite::Suite;
use crate::support::waiting::look_until;
use crate::tree::Tree;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Within what time a death is seen: its process is reaped, and the status no longer names it.
const SEEN: Duration = Duration::from_secs(1);
/// How long a service must have run for the reference to be awake: it sleeps for a second after each start.
const AWAKE: Duration = Duration::from_millis(1200);
/// Deaths of each flood, of which most have to be seen as quickly.
const DEATHS: usize = 3;

/// What is written, again and again. No command of it ends the service, and it is wanted up in the end.
const FLOODS: [(&str, &[u8]); 3] =
    [("unknown bytes", b"Z#\n\0\xff?9"), ("commands", b"ucuucu"), ("commands that start and stop", b"pc")];

fn open_control(service: &Path) -> File {
    let how = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(service.join("supervise/control"));
    how.unwrap()
}

/// As much as it takes, up to what it can hold.
fn fill(mut control: &File, bytes: &[u8]) {
    const BLOCK: usize = 4096;
    const HOLDS: usize = 65536;
    let block = bytes.repeat(BLOCK / bytes.len());
    for _ in 0..=HOLDS / BLOCK {
        if let Err(error) = control.write_all(&block) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            return;
        }
    }
}

/// Whether supervise has seen that this one has ended.
fn is_seen(service: &Path, pid: Pid) -> bool {
    Process::of(pid).is_none() && Status::of(service).is_some_and(|status| status.pid() != Some(pid))
}

#[track_caller]
fn assert_quick(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    println!("{what}: a death is seen after {times:?}");
    assert!(times[times.len() / 2] < SEEN, "{what}: {times:?}");
}

/// It finds the whole flood and the death at once.
fn a_flood_at_once(suite: &Suite, what: &str, bytes: &[u8]) {
    let place = Place::new(suite);
    let service = place.add("one", "pause");
    let mut events = place.events();
    let mut tree = Tree::supervise(&place, "one");
    let mut times = vec![];
    for _ in 0..DEATHS {
        let pid = events.next().pid;
        look_until("it is up", || Status::of(&service).is_some_and(|status| status.pid() == Some(pid)));
        std::thread::sleep(AWAKE);
        tree.send(Signal::SIGSTOP);
        look_until("it stands still", || Process::of(tree.program()).unwrap().state == 'T');
        fill(&open_control(&service), bytes);
        kill(pid, Signal::SIGKILL).unwrap();
        look_until("it has ended", || Process::of(pid).unwrap().is_zombie());
        let since = Instant::now();
        tree.send(Signal::SIGCONT);
        look_until("the death is seen", || is_seen(&service, pid));
        times.push(since.elapsed());
    }
    assert_quick(what, times);
    assert_eq!(Status::of(&service).unwrap().want(), b'u');
    events.next();
    control_when_there_is_room(&service, b"dx");
    assert_eq!(tree.code(), 0);
    tree.wait_until_gone();
    assert_eq!(place.violations(), "");
}

/// It goes on while the service dies.
fn a_flood_that_goes_on(suite: &Suite, what: &str, bytes: &[u8]) {
    let place = Place::new(suite);
    let service = place.add("one", "pause");
    let mut events = place.events();
    let mut tree = Tree::supervise(&place, "one");
    let mut pid = events.next().pid;
    look_until("it is up", || Status::of(&service).is_some_and(|status| status.pid() == Some(pid)));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        scope.spawn(|| {
            let control = open_control(&service);
            while !is_over.load(Ordering::Relaxed) {
                fill(&control, bytes);
                // not all of a processor's time: others need it, too, not least the service to end
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let mut times = vec![];
        for _ in 0..DEATHS {
            std::thread::sleep(AWAKE);
            kill(pid, Signal::SIGKILL).unwrap();
            look_until("it has ended", || Process::of(pid).is_none_or(|it| it.is_zombie()));
            let since = Instant::now();
            look_until("the death is seen", || is_seen(&service, pid));
            times.push(since.elapsed());
            pid = events.next().pid;
        }
        assert_quick(what, times);
    });
    control_when_there_is_room(&service, b"dx");
    assert_eq!(tree.code(), 0);
    tree.wait_until_gone();
    assert_eq!(place.violations(), "");
}

/// Says so when the test fails, too.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn control_when_there_is_room(service: &Path, commands: &[u8]) {
    look_until("there is room for a command", || control(service, commands).is_ok());
}

fn every_flood(flood: fn(&Suite, &str, &[u8])) {
    std::thread::scope(|scope| {
        for suite in Suite::all() {
            // the reference writes its status for each command, and so takes half a minute
            let floods = if suite.is_ours() { FLOODS.len() } else { 1 };
            for &(what, bytes) in &FLOODS[..floods] {
                let suite = suite.clone();
                let what = format!("{what}, {:?}", suite.kind);
                scope.spawn(move || flood(&suite, &what, bytes));
            }
        }
    });
}

#[test]
fn a_death_is_seen_behind_a_full_fifo() {
    every_flood(a_flood_at_once);
}

#[test]
fn a_death_is_seen_while_the_fifo_is_flooded() {
    every_flood(a_flood_that_goes_on);
}
