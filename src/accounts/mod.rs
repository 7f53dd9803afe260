//! Accounts: what `setuidgid` and `envuidgid` take as ACCOUNT, and where names are looked up.
//!
//! A dynamically linked build asks the C library. A static glibc would have to load modules for that, and crashes where
//! they do not fit; so a static build reads `/etc/passwd` and `/etc/group` itself where nsswitch.conf(5) puts `files`
//! first, and for anything else asks getent(1), which is the C library at one remove. Both give the same answers.

use crate::number::decimal_in;
use crate::voice::failure::Failure;

#[cfg(target_feature = "crt-static")]
mod files;
#[cfg(target_feature = "crt-static")]
mod getent;
pub mod id_map;
#[cfg(target_feature = "crt-static")]
mod lines;
#[cfg(target_feature = "crt-static")]
mod services;
#[cfg(not(target_feature = "crt-static"))]
mod system;

/// A numeric user or group id; all but the one that means "unchanged" to the kernel.
pub type Id = u32;

/// Who to become.
#[derive(Debug, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub user: Id,
    /// Primary group id.
    pub group: Id,
    /// Supplementary groups, exactly.
    pub groups: Vec<Id>,
    /// What else is known of it, unless it was given by number.
    pub login: Option<Login>,
}

/// What a login tells of an account in the environment.
#[derive(Debug, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub name: Vec<u8>,
    /// The home directory.
    pub home: Vec<u8>,
}

/// An entry of passwd(5).
#[derive(Debug, PartialEq, Eq)]
struct User {
    id: Id,
    group: Id,
    home: Vec<u8>,
}

/// What a source of accounts answers. An error is a sentence that says what could not be done.
type Answer<T> = Result<Option<T>, Failure>;

/// Somebody who knows names.
trait Directory {
    /// The entry of a user name.
    fn user(&mut self, name: &[u8]) -> Answer<User>;
    /// The id of a group name.
    fn group(&mut self, name: &[u8]) -> Answer<Id>;
    /// All groups that list the user, as initgroups(3) collects them; the primary one need not be among them.
    fn groups_of(&mut self, name: &[u8]) -> Answer<Vec<Id>>;
}

#[cfg(target_feature = "crt-static")]
fn directory() -> impl Directory {
    files::Files::default()
}

#[cfg(not(target_feature = "crt-static"))]
fn directory() -> impl Directory {
    system::System
}

/// Looks up an ACCOUNT:
///
/// | form | user, group, supplementary groups |
/// |---|---|
/// | `NAME` | the account's; only its group, or with `all_groups` all that initgroups(3) finds |
/// | `NAME:GROUP[:GROUP]...` | the account's; the first group; exactly these groups |
/// | `:UID:GID[:GID]...` | as numbers, without a look-up |
///
/// A name of digits is a name.
///
/// # Errors
/// "unknown account …", "unknown group …", or what prevented the look-up.
pub fn resolve(account: &[u8], all_groups: bool) -> anyhow::Result<Account> {
    let name = account.split(|&byte| byte == b':').next().unwrap_or_default();
    Ok(look_up(account, all_groups)?.ok_or_else(|| unknown("account", name))?)
}

fn unknown(kind: &str, name: &[u8]) -> Failure {
    Failure::new([b"unknown ", kind.as_bytes(), b" ", name].concat())
}

/// The same; `None` if there is no user of that name.
///
/// # Errors
/// "unknown group …", or what prevented the look-up.
pub fn look_up(account: &[u8], all_groups: bool) -> anyhow::Result<Option<Account>> {
    let mut parts = account.split(|&byte| byte == b':');
    let name = parts.next().unwrap_or_default();
    if name.is_empty() && account.contains(&b':') {
        return Ok(Some(numeric(account, parts)?));
    }
    let mut directory = directory();
    let Some(User { id: user, group, home }) = directory.user(name)? else { return Ok(None) };
    let mut groups = Vec::new();
    for part in parts {
        groups.push(directory.group(part)?.ok_or_else(|| unknown("group", part))?);
    }
    let group = match groups.first() {
        Some(&first) => first,
        None => {
            groups.push(group);
            if all_groups {
                groups.extend(directory.groups_of(name)?.unwrap_or_default());
                groups.sort_unstable();
                groups.dedup();
            }
            group
        }
    };
    Ok(Some(Account { user, group, groups, login: Some(Login { name: name.to_vec(), home }) }))
}

fn numeric<'a>(account: &[u8], parts: impl Iterator<Item = &'a [u8]>) -> Result<Account, Failure> {
    let ids: Option<Vec<Id>> = parts.map(id).collect();
    match ids.as_deref() {
        Some([user, groups @ ..]) if !groups.is_empty() => {
            Ok(Account { user: *user, group: groups[0], groups: groups.to_vec(), login: None })
        }
        _ => Err(Failure::new([b"invalid account ", account, b": not :UID:GID[:GID]..."].concat())),
    }
}

/// A decimal id up to 2^32-2; one more is -1, which the kernel takes for "unchanged".
fn id(digits: &[u8]) -> Option<Id> {
    decimal_in(digits).filter(|&number| is_usable(number))
}

/// Not the id that means "unchanged", which the C library makes of numbers too large.
fn is_usable(id: Id) -> bool {
    id != Id::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_no_look_up() {
        let account = resolve(b":65534:7:8:7", false).unwrap();
        assert_eq!(account, Account { user: 65534, group: 7, groups: vec![7, 8, 7], login: None });
    }

    #[test]
    fn ids_are_whole_decimal_numbers_below_minus_one() {
        assert_eq!(id(b"4294967294"), Some(4_294_967_294));
        for bad in [&b"4294967295"[..], b"4294967296", b"18446744073709551616", b"", b"-1", b"+1", b"1 ", b"0x1"] {
            assert_eq!(id(bad), None, "{bad:?}");
        }
        for bad in [&b":"[..], b":1", b"::1", b":1:", b":1:2:", b":-1:1", b":1:4294967295"] {
            assert!(resolve(bad, false).is_err(), "{bad:?}");
        }
    }
}
