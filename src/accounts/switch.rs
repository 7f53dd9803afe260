//! Becoming an account for good.

use super::{Account, capabilities, id_map};
use crate::applet::{Boundary, Dialect};
use crate::sys::ids;
use crate::voice::failure::{Failure, UnableTo, describe};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getresgid, getresuid, setgroups, setresgid, setresuid};

/// A change of all ids to an account's.
pub struct Switch {
    account: Account,
    keep_groups: bool,
}

impl Switch {
    /// To `account`; with `keep_groups` its supplementary groups do not count.
    pub fn new(mut account: Account, keep_groups: bool) -> Self {
        account.groups.sort_unstable();
        account.groups.dedup();
        Self { account, keep_groups }
    }

    /// Whether all ids of the process, and unless kept its groups, read as the account's.
    fn is_made(&self) -> anyhow::Result<bool> {
        let account = &self.account;
        let users = getresuid().unable_to("read", b"user ids")?;
        let groups = getresgid().unable_to("read", b"group ids")?;
        let all = [users.real, users.effective, users.saved].iter().all(|id| id.as_raw() == account.user)
            && [groups.real, groups.effective, groups.saved].iter().all(|id| id.as_raw() == account.group);
        Ok(all && (self.keep_groups || supplementary_groups_are(&account.groups).unable_to("read", b"groups")?))
    }

    /// Whether an id of the account may be another one's that only reads so.
    fn is_doubtful(&self) -> bool {
        id_map::may_be_unmapped_user(self.account.user) || id_map::may_be_unmapped_group(self.account.group)
    }

    /// Whether a supplementary group is for certain no other that only reads so. There is no way to ask for one alone, so what
    /// the map has counts.
    fn has_certain_groups(&self) -> bool {
        self.keep_groups || !self.account.groups.iter().any(|&group| id_map::is_unmapped_group(group))
    }

    /// The same as [`make`](Self::make) where the ids are not the account's already. Where they are, no privilege is
    /// needed: what is left is to empty the ambient set. Ids that may only read as the account's are set to these, which needs
    /// none either if they are.
    ///
    /// # Errors
    /// As there.
    pub fn make_if_needed(&self, dialect: Dialect, way_out: &str) -> anyhow::Result<Boundary> {
        if !self.is_made()? || !self.has_certain_groups() {
            return self.make(dialect, way_out);
        }
        if self.is_doubtful() {
            return self.make_ids(dialect);
        }
        Ok(if clear_ambient()? { self.boundary() } else { Boundary::Open })
    }

    /// Sets groups, group ids and user ids, in this order, empties the ambient set of capabilities, and reads all back.
    ///
    /// # Errors
    /// What the kernel refused, in the words of `dialect`, and what it would take; `way_out` says how to keep the groups.
    pub fn make(&self, dialect: Dialect, way_out: &str) -> anyhow::Result<Boundary> {
        if !self.keep_groups {
            let groups: Vec<Gid> = self.account.groups.iter().copied().map(Gid::from_raw).collect();
            setgroups(&groups).map_err(|reason| groups_refused(reason, dialect, way_out))?;
        }
        self.make_ids(dialect)
    }

    fn make_ids(&self, dialect: Dialect) -> anyhow::Result<Boundary> {
        let user = Uid::from_raw(self.account.user);
        let group = Gid::from_raw(self.account.group);
        setresgid(group, group, group).map_err(|reason| refused("setgid", "CAP_SETGID", reason, dialect))?;
        setresuid(user, user, user).map_err(|reason| refused("setuid", "CAP_SETUID", reason, dialect))?;
        let _ = clear_ambient()?;
        // The proof is that all ids read back. To try a setuid(0) would be none: under SECBIT_NO_SETUID_FIXUP it
        // succeeds before the next exec, and root would be back for real. An id that has no number here cannot be set, so none reads like one that was.
        if !self.is_made()? {
            return Err(Failure::new("unable to setuid: the kernel reports other ids").into());
        }
        Ok(self.boundary())
    }

    /// What an exec makes of the ids and of what capabilities are left.
    fn boundary(&self) -> Boundary {
        if self.account.user == 0 { Boundary::Barrier } else { Boundary::NewIdentity }
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
