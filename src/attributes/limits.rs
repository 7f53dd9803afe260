//! Resource limits, soft and hard.

use super::{Attribute, Boundaries, Boundary, Change, Effect, Fact, Name, Value, View, Whose, proc_files};
use crate::carried::Process;
use crate::voice::failure::UnableTo;
use nix::errno::Errno;
use rlimit::Resource;

/// The attribute; its parts are `NAME.soft` and `NAME.hard`.
pub struct Limits;

/// The attribute.
pub const LIMITS: Limits = Limits;

/// All of them: what they are called, and their lines in proc(5), `limits`.
const ALL: [(&str, &str, Resource); 16] = [
    ("as", "Max address space", Resource::AS),
    ("core", "Max core file size", Resource::CORE),
    ("cpu", "Max cpu time", Resource::CPU),
    ("data", "Max data size", Resource::DATA),
    ("fsize", "Max file size", Resource::FSIZE),
    ("locks", "Max file locks", Resource::LOCKS),
    ("memlock", "Max locked memory", Resource::MEMLOCK),
    ("msgqueue", "Max msgqueue size", Resource::MSGQUEUE),
    ("nice", "Max nice priority", Resource::NICE),
    ("nofile", "Max open files", Resource::NOFILE),
    ("nproc", "Max processes", Resource::NPROC),
    ("rss", "Max resident set", Resource::RSS),
    ("rtprio", "Max realtime priority", Resource::RTPRIO),
    ("rttime", "Max realtime timeout", Resource::RTTIME),
    ("sigpending", "Max pending signals", Resource::SIGPENDING),
    ("stack", "Max stack size", Resource::STACK),
];

/// What a resource is called.
pub fn name_of(resource: Resource) -> &'static str {
    ALL.iter().find(|(_, _, one)| *one == resource).map_or("", |&(name, ..)| name)
}

/// Any of them.
pub const RESOURCES: Change = Change::new(&[&LIMITS], "resource limits");

impl Attribute for Limits {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let text = proc_files::bytes(whose, "limits")?;
        let text = String::from_utf8_lossy(&text);
        let mut facts = Vec::new();
        for (name, line, _) in ALL {
            let values = text.lines().find_map(|all| all.strip_prefix(line)).ok_or(Errno::ENODATA)?;
            for (side, value) in ["soft", "hard"].into_iter().zip(values.split_whitespace()) {
                let limit = if value == "unlimited" { Ok(u64::MAX) } else { value.parse() };
                let limit = limit.map_err(|_| Errno::ENODATA)?;
                facts.push(Fact::part(self.name(), format!("{name}.{side}"), Value::Limit(limit)));
            }
        }
        Ok(facts)
    }

    fn link_for(&self, fact: &Fact) -> Option<Vec<Vec<u8>>> {
        let (name, side) = std::str::from_utf8(fact.name.rest()).ok()?.split_once('.')?;
        let colon = if side == "hard" { ":" } else { "" };
        let [option, limit] = [format!("--{name}"), format!("{colon}{}", fact.value)].map(String::into_bytes);
        Some(vec![b"softlimit".to_vec(), option, limit])
    }
}

/// A limit as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A number.
    At(u64),
    /// The hard limit.
    Hard,
    /// None.
    Unlimited,
}

/// Sets the limits of a resource. `None` leaves that side as it is, but that a soft limit is never above the hard one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimit {
    /// Of what.
    pub resource: Resource,
    /// What the soft limit is to be.
    pub soft: Option<Limit>,
    /// What the hard limit is to be.
    pub hard: Option<Limit>,
}

impl SetLimit {
    /// What comes of these.
    fn after(&self, soft: u64, hard: u64) -> (u64, u64) {
        let new_hard = match self.hard {
            None if self.soft == Some(Limit::Unlimited) => rlimit::INFINITY,
            None | Some(Limit::Hard) => hard,
            Some(Limit::Unlimited) => rlimit::INFINITY,
            Some(Limit::At(number)) => number,
        };
        let new_soft = match self.soft {
            None => soft,
            Some(Limit::Hard) => new_hard,
            Some(Limit::Unlimited) => rlimit::INFINITY,
            Some(Limit::At(number)) => number,
        };
        (new_soft.min(new_hard), new_hard)
    }

    /// Whether a fresh image may be smaller than this one would have to be: an argv too large is refused by exec alone.
    fn bounds_memory(&self) -> bool {
        [Resource::DATA, Resource::STACK, Resource::AS].contains(&self.resource)
    }
}

impl Effect for SetLimit {
    fn facts(&self, view: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let name = name_of(self.resource);
        let part = |side: &str| format!("{name}.{side}").into_bytes();
        let now = |side: &str| match view.value(&LIMITS, &part(side)) {
            Ok(Value::Limit(limit)) => Ok(limit),
            Ok(_) => Err(Errno::ENODATA),
            Err(reason) => Err(reason),
        };
        let (soft, hard) = self.after(now("soft")?, now("hard")?);
        Ok([("soft", soft), ("hard", hard)]
            .map(|(side, limit)| Fact { name: Name::part(LIMITS.name(), part(side)), value: Value::Limit(limit) })
            .to_vec())
    }

    fn make(&self, _: &mut Process) -> anyhow::Result<Boundaries> {
        let name = self.resource.as_name().as_bytes();
        let (soft, hard) = self.resource.get().unable_to("read limit", name)?;
        let (new_soft, new_hard) = self.after(soft, hard);
        let is_lowered = new_soft < soft;
        if is_lowered && [Resource::STACK, Resource::AS].contains(&self.resource) {
            stretch_stack();
        }
        self.resource.set(new_soft, new_hard).unable_to("set limit", name)?;
        Ok(match is_lowered && self.bounds_memory() {
            true => Boundaries::one(Boundary::MemoryLimit),
            false => Boundaries::NONE,
        })
    }
}

/// Has the stack as far as a message needs it: under the new limit it could not grow any more, and who cannot run the program
/// would die instead of saying so.
#[inline(never)]
fn stretch_stack() {
    const ENOUGH: usize = 16 * 1024;
    std::hint::black_box([0_u8; ENOUGH]);
}
