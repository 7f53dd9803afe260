//! What a service leaves behind: telling it to end, waiting for it, and saying what is waited for.

use super::{Place, Service};
use crate::process::table;
use crate::service::Program;
use crate::service::supervising::child::Child;
use crate::service::supervising::{SPEAKER, requests};
use crate::sys::process;
use crate::time::clock::{SECOND, monotonic};
use crate::voice::once_a_minute::OnceAMinute;
use nix::errno::Errno;
use nix::unistd::{Pid, getpid};

/// How long something is waited for without a word.
const SILENCE: u64 = 5 * SECOND;

/// How long what is left in a group is given: a shell's last command often outlives it for a moment.
const MOMENT: u64 = SECOND / 2;

/// What is known of it.
#[derive(Default)]
pub struct Left {
    /// Children that are not of the service: `notify`, and those that were there before it.
    others: Vec<Pid>,
    /// Who of them there are, or were when that was last looked for.
    seen: Vec<Pid>,
    /// Whether it is to end, as the service was told to.
    is_to_end: bool,
    /// Who of them has been told to end.
    told: Vec<Pid>,
    /// When it is to be said what is waited for.
    word_at: Option<u64>,
    /// Of which process it has been said that it is waited for.
    said_of: Option<Pid>,
    /// What `run` may have left that nobody waits for, and when to look.
    strays: Option<(Strays, u64)>,
    /// That there are some has been said.
    strays_said: OnceAMinute<()>,
}

/// What has been left in a session.
#[derive(Clone, Copy)]
struct Strays {
    leader: Pid,
    /// Whether some are in the group of `run`.
    in_group: bool,
    /// Whether the service was told to end.
    is_ordered: bool,
}

impl Left {
    /// This child is not of the service.
    pub fn leave_out(&mut self, other: Pid) {
        self.others.push(other);
    }

    /// These are all the children that are not.
    pub fn leave_out_all(&mut self, others: Vec<Pid>) {
        self.others = others;
    }

    /// This one has ended: another may have its number.
    pub fn forget(&mut self, ended: Pid) {
        self.others.retain(|&other| other != ended);
        self.told.retain(|&told| told != ended);
    }

    /// Who of them there are, or were when that was last looked for.
    pub fn seen(&self) -> &[Pid] {
        &self.seen
    }

    /// The service starts: what it left before is no longer told of.
    pub fn clear(&mut self) {
        self.seen.clear();
    }

    /// The service is to end, and so is what it leaves.
    pub fn end(&mut self) {
        self.is_to_end = true;
    }

    /// Whether that is so.
    pub fn is_to_end(&self) -> bool {
        self.is_to_end
    }

    /// Nothing is waited for any more.
    pub fn forget_order(&mut self) {
        self.is_to_end = false;
        self.word_at = None;
        self.said_of = None;
        self.told.clear();
    }

    /// When there is something to be said.
    pub fn next_time(&self) -> Option<u64> {
        let strays = self.strays.map(|(_, at)| at);
        [self.word_at, strays].into_iter().flatten().min()
    }
}

impl Service<'_> {
    /// An order has been given, or something has been left behind: if that takes long, it is said.
    pub(super) fn expect_end(&mut self) {
        let is_said = self.child.as_ref().is_some_and(|child| self.left.said_of == Some(child.pid()));
        if !is_said {
            self.left.word_at.get_or_insert_with(|| monotonic() + SILENCE);
        }
    }

    /// It need not end.
    pub(super) fn expect_no_end(&mut self) {
        self.left.is_to_end = false;
        if !matches!(self.place, Place::Leaves(_)) {
            self.left.word_at = None;
        }
    }

    /// Waits for what a program has left behind; if the service was told to end, so is this.
    pub(super) fn wait_for_left(&mut self, program: Program) {
        self.place = Place::Leaves(program);
        self.left.told.clear();
        self.left.word_at = None;
        match self.left.is_to_end {
            true => self.limit_end(),
            false => self.expect_end(),
        }
        self.look_at_left();
    }

    /// Looks whether all that has been left behind is gone. What it has left behind itself is new here, and has to be told.
    pub(super) fn look_at_left(&mut self) {
        let Place::Leaves(program) = self.place else { return };
        self.left.seen = self.left_behind();
        if !self.has_left_something() {
            return self.left(program);
        }
        if self.left.is_to_end {
            let signal = self.down_signal();
            let new = self.left.seen.iter().filter(|pid| !self.left.told.contains(pid));
            for &pid in new {
                let _ = process::send(pid, signal);
                let _ = process::send(pid, libc::SIGCONT);
            }
            self.left.told.clone_from(&self.left.seen);
        }
    }

    /// Tells all of it to end, who has been told already, too.
    pub(super) fn tell_left_again(&mut self) {
        self.left.is_to_end = true;
        self.left.told.clear();
        self.look_at_left();
    }

    /// What the service has left behind, of which this process has become the parent.
    pub(super) fn left_behind(&self) -> Vec<Pid> {
        let mut left = table::children_of(getpid());
        left.retain(|child| !self.left.others.contains(child));
        left
    }

    /// Whether it has left something behind, as was seen just now.
    fn has_left_something(&self) -> bool {
        // where /proc does not tell, all that there are count
        process::has_children() && (!table::is_proc_ours() || !self.left.seen.is_empty())
    }

    /// Whether `run` has left something behind that is to be waited for.
    pub(super) fn is_to_wait_for_left(&mut self) -> bool {
        if !requests::is_there(c"orphanage") {
            return false;
        }
        self.left.seen = self.left_behind();
        self.has_left_something()
    }

    /// Looks for what `run` has left behind in its session and nobody waits for. A shell that was not replaced by its program
    /// leaves that, for one.
    pub(super) fn look_for_strays(&mut self, run: &Child) {
        let (has_killpg, has_orphanage) = (requests::is_there(c"killpg"), requests::is_there(c"orphanage"));
        if !run.is_adopted && (has_killpg || has_orphanage) {
            return;
        }
        let leader = run.pid();
        // a group that has members is found without a look at all processes; at the end of a tree others are not looked for
        let in_group = process::send(Pid::from_raw(-leader.as_raw()), 0) != Err(Errno::ESRCH);
        let strays = Strays { leader, in_group, is_ordered: self.left.is_to_end };
        match self.wanted.is_leaving() {
            true if in_group => self.say_strays(strays),
            false if in_group || strays.is_ordered => self.left.strays = Some((strays, monotonic() + MOMENT)),
            _ => {}
        }
    }

    /// Says what is due.
    pub(super) fn say_what_is_due(&mut self, now: u64) {
        if self.left.word_at.is_some_and(|at| now >= at) {
            self.say_what_is_waited_for();
        }
        if let Some((strays, _)) = self.left.strays.take_if(|(_, at)| now >= *at) {
            self.say_strays(strays);
        }
    }

    /// Says what there is of them; if nobody has ordered the end, once a minute.
    fn say_strays(&mut self, Strays { leader, in_group, is_ordered }: Strays) {
        let found = table::of_session(leader);
        // with the leader it is another session, which has its number by now
        if found.is_empty() || found.contains(&leader) {
            return;
        }
        if is_ordered {
            // said whenever it happens
            self.left.strays_said.keep(|()| false);
        }
        if self.left.strays_said.is_due((), monotonic()) {
            let remedy: &[u8] = match in_group {
                true if !requests::is_there(c"killpg") => b"; with a file killpg they end with it",
                false if !requests::is_there(c"orphanage") => b"; with a file orphanage they end with it",
                _ => b"",
            };
            SPEAKER.warn(&[self.dir, b"/run has left processes behind: ", &shown(&found), remedy]);
        }
        if self.child.is_none() {
            self.left.seen = found;
        }
    }

    /// Says what has been waited for too long.
    fn say_what_is_waited_for(&mut self) {
        self.left.word_at = None;
        let (what, program, who): (&[u8], _, _) = match (self.place, &self.child) {
            (Place::Leaves(program), _) => (b"for what ", program, self.left.seen.clone()),
            (Place::Runs(program), Some(child)) => (b"for ", program, vec![child.pid()]),
            _ => return,
        };
        self.left.said_of = self.child.as_ref().map(Child::pid);
        let of: &[u8] = if self.child.is_some() { b" to end: " } else { b" has left behind: " };
        let (name, who) = (program.name().as_bytes(), shown(&who));
        SPEAKER.warn(&[b"waiting ", what, self.dir, b"/", name, of, &who]);
    }
}

/// Processes with their numbers and names.
fn shown(processes: &[Pid]) -> Vec<u8> {
    /// So many are named.
    const MOST: usize = 4;
    if processes.is_empty() {
        return b"processes that /proc does not show".to_vec();
    }
    let named = processes.iter().take(MOST).map(|&pid| match table::command(pid) {
        Some(name) => format!("pid {pid} ({name})"),
        None => format!("pid {pid}"),
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    if processes.len() > MOST {
        text += &format!(" and {} more", processes.len() - MOST);
    }
    text.into_bytes()
}
