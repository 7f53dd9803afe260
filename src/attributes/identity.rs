//! User and group ids, and becoming an account for good.

use super::{Attribute, Boundaries, Boundary, Change, Effect, Fact, Value, View, Whose, capabilities, proc_files};
use crate::accounts::{Account, id_map};
use crate::carried::Process;
use crate::sys::ids;
use crate::voice::dialect::Dialect;
use crate::voice::failure::{Failure, UnableTo, describe};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getresgid, getresuid, setgroups, setresgid, setresuid};

/// Ids, by the name of their line in proc(5), `status`.
pub struct Ids {
    name: &'static str,
    line: &'static str,
}

/// User ids; the parts are 0 to 2, the real, effective and saved one.
pub const UID: Ids = Ids { name: "uid", line: "Uid" };
/// Group ids, likewise.
pub const GID: Ids = Ids { name: "gid", line: "Gid" };
/// Supplementary groups.
pub const GROUPS: Ids = Ids { name: "groups", line: "Groups" };

/// All ids.
pub const IDENTITY: Change = Change::new(
    &[&UID, &GID, &GROUPS, &capabilities::CAPS],
    "user ids, group ids and supplementary groups; hence, by the kernel's rules, capabilities and the parent-death signal",
);

impl Attribute for Ids {
    fn name(&self) -> &'static str {
        self.name
    }

    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let text = proc_files::status(whose, self.line)?;
        let mut ids: Vec<u32> = text.split_whitespace().filter_map(|id| id.parse().ok()).collect();
        if self.name == GROUPS.name {
            ids.sort_unstable();
            return Ok(vec![Fact::whole(self.name, Value::Ids(ids))]);
        }
        Ok(self.all(ids))
    }
}

impl Ids {
    /// The real, effective and saved one.
    fn all(&self, ids: impl IntoIterator<Item = u32>) -> Vec<Fact> {
        let ids = ids.into_iter().take(3).enumerate();
        ids.map(|(place, id)| Fact::part(self.name, place.to_string(), Value::Number(id.into()))).collect()
    }
}

/// Becomes an account: sets all its ids and groups, and empties the ambient set of capabilities.
pub struct Become {
    account: Account,
    /// Its supplementary groups do not count.
    pub keeps_groups: bool,
    /// What is the account's already is not set.
    pub only_if_needed: bool,
    /// In whose words the failures are.
    pub dialect: Dialect,
    /// How to keep the groups, for a message.
    pub way_out: &'static str,
}

impl Become {
    /// `account`, whatever the ids are now.
    pub fn new(mut account: Account, dialect: Dialect, way_out: &'static str) -> Self {
        account.groups.sort_unstable();
        account.groups.dedup();
        Self { account, keeps_groups: false, only_if_needed: false, dialect, way_out }
    }
}

impl Effect for Become {
    fn facts(&self, _: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let Account { user, group, groups, .. } = &self.account;
        let mut facts = UID.all([*user; 3]);
        facts.extend(GID.all([*group; 3]));
        if !self.keeps_groups {
            facts.push(Fact::whole(GROUPS.name, Value::Ids(groups.clone())));
        }
        facts.push(capabilities::none_ambient());
        Ok(facts)
    }

    fn make(&self, process: &mut Process) -> anyhow::Result<Boundaries> {
        let boundaries = if self.only_if_needed { self.make_if_needed()? } else { self.make_all()? };
        // the kernel forgets whom it is to tell of the parent's end
        process.listeners.follow();
        Ok(boundaries)
    }
}

impl Become {
    /// Whether all ids of the process, and unless kept its groups, read as the account's.
    fn is_made(&self) -> anyhow::Result<bool> {
        let account = &self.account;
        let users = getresuid().unable_to("read", b"user ids")?;
        let groups = getresgid().unable_to("read", b"group ids")?;
        let all = [users.real, users.effective, users.saved].iter().all(|id| id.as_raw() == account.user)
            && [groups.real, groups.effective, groups.saved].iter().all(|id| id.as_raw() == account.group);
        Ok(all && (self.keeps_groups || supplementary_groups_are(&account.groups).unable_to("read", b"groups")?))
    }

    /// Whether an id of the account may be another one's that only reads so.
    fn is_doubtful(&self) -> bool {
        id_map::may_be_unmapped_user(self.account.user) || id_map::may_be_unmapped_group(self.account.group)
    }

    /// Whether a supplementary group is for certain no other that only reads so. There is no way to ask for one alone, so what
    /// the map has counts.
    fn has_certain_groups(&self) -> bool {
        self.keeps_groups || !self.account.groups.iter().any(|&group| id_map::is_unmapped_group(group))
    }

    /// The same as [`make_all`](Self::make_all) where the ids are not the account's already. Where they are, no privilege is
    /// needed: what is left is to empty the ambient set. Ids that may only read as the account's are set to these, which needs
    /// none either if they are.
    fn make_if_needed(&self) -> anyhow::Result<Boundaries> {
        if !self.is_made()? || !self.has_certain_groups() {
            return self.make_all();
        }
        if self.is_doubtful() {
            return self.make_ids();
        }
        Ok(if clear_ambient()? { self.boundaries() } else { Boundaries::NONE })
    }

    /// Sets groups, group ids and user ids, in this order, empties the ambient set of capabilities, and reads all back.
    fn make_all(&self) -> anyhow::Result<Boundaries> {
        if !self.keeps_groups {
            let groups: Vec<Gid> = self.account.groups.iter().copied().map(Gid::from_raw).collect();
            setgroups(&groups).map_err(|reason| groups_refused(reason, self.dialect, self.way_out))?;
        }
        self.make_ids()
    }

    fn make_ids(&self) -> anyhow::Result<Boundaries> {
        let user = Uid::from_raw(self.account.user);
        let group = Gid::from_raw(self.account.group);
        setresgid(group, group, group).map_err(|reason| refused("setgid", "CAP_SETGID", reason, self.dialect))?;
        setresuid(user, user, user).map_err(|reason| refused("setuid", "CAP_SETUID", reason, self.dialect))?;
        let _ = clear_ambient()?;
        // The proof is that all ids read back. To try a setuid(0) would be none: under SECBIT_NO_SETUID_FIXUP it
        // succeeds before the next exec, and root would be back for real. An id that has no number here cannot be set, so none reads like one that was.
        if !self.is_made()? {
            return Err(Failure::new("unable to setuid: the kernel reports other ids").into());
        }
        Ok(self.boundaries())
    }

    /// What an exec makes of the ids and of what capabilities are left.
    fn boundaries(&self) -> Boundaries {
        Boundaries::one(if self.account.user == 0 { Boundary::RootIdentity } else { Boundary::NewIdentity })
    }
}

/// Whether the supplementary groups are exactly `expected`, which is sorted and without repetitions.
fn supplementary_groups_are(expected: &[u32]) -> nix::Result<bool> {
    // room for one more tells a longer list; the kernel refuses a list that does not fit
    let mut groups = vec![0_u32; expected.len() + 1];
    match ids::supplementary_groups(&mut groups) {
        Ok(count) => {
            groups.truncate(count);
            groups.sort_unstable();
            Ok(groups == expected)
        }
        Err(Errno::EINVAL) => Ok(false),
        Err(reason) => Err(reason),
    }
}

/// An exec would make permitted what is ambient, and so give back what the change of ids has taken. Gives whether there was
/// anything.
fn clear_ambient() -> anyhow::Result<bool> {
    capabilities::clear_ambient().unable_to("clear", b"ambient capabilities")
}

/// daemontools' words, and what would be needed.
fn refused(what: &str, capability: &str, reason: Errno, dialect: Dialect) -> Failure {
    let words = describe(reason, dialect);
    match reason {
        Errno::EPERM => Failure::new(format!("unable to {what}: {words}: needs root or {capability}")),
        Errno::EINVAL => Failure::new(format!("unable to {what}: {words}: no such id in this user namespace")),
        _ => Failure::new(format!("unable to {what}")).because(reason),
    }
}

/// Likewise; the reference calls this setgid too.
fn groups_refused(reason: Errno, dialect: Dialect, way_out: &str) -> Failure {
    // user_namespaces(7): without privilege a namespace gets its group map only by giving up setgroups
    let denied = std::fs::read("/proc/self/setgroups").is_ok_and(|say| say.starts_with(b"deny"));
    if reason == Errno::EPERM && denied {
        let words = describe(reason, dialect);
        let why = "this user namespace denies setgroups";
        return Failure::new(format!("unable to setgid: {words}: {why}; {way_out} keeps the groups"));
    }
    refused("setgid", &format!("CAP_SETGID to set groups; {way_out} keeps them"), reason, dialect)
}
