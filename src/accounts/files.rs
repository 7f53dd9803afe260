//! `/etc/passwd` and `/etc/group`, and getent(1) for what they cannot answer.

use super::{Answer, Directory, Id, User, getent, id};
use crate::failure::Failure;
use crate::sys::descriptor::{Opened, uninterrupted};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::ffi::CStr;

/// Says which services know what: nsswitch.conf(5).
const NSSWITCH: &CStr = c"/etc/nsswitch.conf";
/// How much of a file is read at a time, at first.
const STEP: usize = 1024;
/// A longer line is none that anyone meant: a group of half a million members.
const LONGEST: usize = 8 * 1024 * 1024;

/// The databases, with the descriptors open for them.
#[derive(Default)]
pub struct Files {
    opened: Opened,
    services: Option<Services>,
}

/// Which services nsswitch.conf(5) names first for users and groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Services {
    users: Order,
    groups: Order,
}

/// How far the files are the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// There is nothing else to ask.
    FilesOnly,
    /// What the files do not know, others may.
    FilesFirst,
    /// Others are asked before the files.
    Otherwise,
}

impl Files {
    /// Reads a file until `pick` finds what it wants in a line, or to the end. A file that does not exist is empty.
    fn search<T>(&mut self, name: &CStr, mut pick: impl FnMut(&[u8]) -> Option<T>) -> Answer<T> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let file = match uninterrupted(|| open(name, flags, Mode::empty())) {
            Ok(file) => self.opened.keep(file),
            Err(Errno::ENOENT) => return Ok(None),
            Err(reason) => return Err(Failure::unable_to("open", name.to_bytes(), reason)),
        };
        let mut text: Vec<u8> = Vec::with_capacity(STEP);
        loop {
            let filled = text.len();
            if filled > LONGEST {
                let what = [b"unable to read ", name.to_bytes(), b": line too long"].concat();
                return Err(Failure::new(what));
            }
            text.resize(filled + STEP.max(filled), 0);
            let count = uninterrupted(|| nix::unistd::read(file, &mut text[filled..]))
                .map_err(|reason| Failure::unable_to("read", name.to_bytes(), reason))?;
            text.truncate(filled + count);
            // whole lines, and at the end of the file whatever is left
            let end = match text[filled..].iter().rposition(|&byte| byte == b'\n') {
                _ if count == 0 => text.len(),
                Some(newline) => filled + newline + 1,
                None => continue,
            };
            for line in text[..end].split(|&byte| byte == b'\n') {
                if let Some(found) = pick(line) {
                    return Ok(Some(found));
                }
            }
            if count == 0 {
                return Ok(None);
            }
            text.drain(..end);
        }
    }

    fn services(&mut self) -> Result<Services, Failure> {
        if let Some(services) = self.services {
            return Ok(services);
        }
        let mut users = None;
        let mut groups = None;
        self.search(NSSWITCH, |line| {
            users = users.or_else(|| order(line, b"passwd"));
            groups = groups.or_else(|| order(line, b"group"));
            (users.is_some() && groups.is_some()).then_some(())
        })?;
        // glibc's own default is files alone
        let services =
            Services { users: users.unwrap_or(Order::FilesOnly), groups: groups.unwrap_or(Order::FilesOnly) };
        self.services = Some(services);
        Ok(services)
    }

    /// Asks the file unless others come first, then getent where it may know more.
    fn ask<T>(
        &mut self,
        order: Order,
        (file, database): (&CStr, &CStr),
        name: &[u8],
        pick: impl Fn(&[u8]) -> Option<T>,
    ) -> Answer<T> {
        if name.is_empty() || name.contains(&b'\n') {
            return Ok(None);
        }
        // in the files `+` and `-` begin entries of the old NIS syntax, never a name
        if order != Order::Otherwise
            && !name.starts_with(b"+")
            && !name.starts_with(b"-")
            && let Some(found) = self.search(file, &pick)?
        {
            return Ok(Some(found));
        }
        if order == Order::FilesOnly {
            return Ok(None);
        }
        Ok(getent::ask(database, name)?.and_then(|answer| answer.split(|&byte| byte == b'\n').find_map(pick)))
    }
}

impl Directory for Files {
    fn user(&mut self, name: &[u8]) -> Answer<User> {
        let order = self.services()?.users;
        self.ask(order, (c"/etc/passwd", c"passwd"), name, |line| user_in(line, name))
    }

    fn group(&mut self, name: &[u8]) -> Answer<Id> {
        let order = self.services()?.groups;
        self.ask(order, (c"/etc/group", c"group"), name, |line| group_in(line, name))
    }

    fn groups_of(&mut self, name: &[u8]) -> Answer<Vec<Id>> {
        let memberships = match self.search(NSSWITCH, |line| order(line, b"initgroups"))? {
            Some(order) => order,
            None => self.services()?.groups,
        };
        if memberships != Order::FilesOnly {
            // memberships of all services add up, whatever their order
            return Ok(getent::ask(c"initgroups", name)?
                .map(|answer| answer.split(u8::is_ascii_whitespace).skip(1).filter_map(id).collect()));
        }
        let mut groups = Vec::new();
        self.search(c"/etc/group", |line| {
            groups.extend(membership_in(line, name));
            None::<()>
        })?;
        Ok(Some(groups))
    }
}

/// The services of a line of nsswitch.conf, if it is the one for `database`.
fn order(line: &[u8], database: &[u8]) -> Option<Order> {
    let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
    let services = line.trim_ascii_start().strip_prefix(database)?.trim_ascii_start().strip_prefix(b":")?;
    let mut services = services.split(u8::is_ascii_whitespace).filter(|service| !service.is_empty());
    Some(match (services.next(), services.next()) {
        (None, _) | (Some(b"files"), None) => Order::FilesOnly,
        (Some(b"files"), Some(_)) => Order::FilesFirst,
        (Some(_), _) => Order::Otherwise,
    })
}

/// The fields of a line if it is the one for `name`, without the name. As glibc's files service reads it: blanks in
/// front do not count, and a comment is none.
fn fields_of<'a>(line: &'a [u8], name: &[u8]) -> Option<impl Iterator<Item = &'a [u8]>> {
    let line = line.trim_ascii_start();
    if line.starts_with(b"#") {
        return None;
    }
    Some(line.strip_prefix(name)?.strip_prefix(b":")?.split(|&byte| byte == b':'))
}

/// A number as strtoul(3) reads it, which allows blanks and a sign in front.
fn number(field: &[u8]) -> Option<Id> {
    let field = field.trim_ascii_start();
    id(field.strip_prefix(b"+").unwrap_or(field))
}

/// What a passwd(5) line says, if it is the one for `name`.
fn user_in(line: &[u8], name: &[u8]) -> Option<User> {
    let mut fields = fields_of(line, name)?.skip(1);
    let (id, group) = (number(fields.next()?)?, number(fields.next()?)?);
    Some(User { id, group, home: fields.nth(1).unwrap_or_default().to_vec() })
}

/// The id of a group(5) line, if it is the one for `name`.
fn group_in(line: &[u8], name: &[u8]) -> Option<Id> {
    number(fields_of(line, name)?.nth(1)?)
}

/// The id of a group(5) line, if `name` is among its members. As glibc's initgroups reads it: a comment counts here.
fn membership_in(line: &[u8], name: &[u8]) -> Option<Id> {
    let mut fields = line.trim_ascii_start().split(|&byte| byte == b':').skip(2);
    let group = number(fields.next()?)?;
    fields.next()?.split(|&byte| byte == b',').any(|member| member.trim_ascii_start() == name).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_line_is_read_as_far_as_it_matters() {
        assert_eq!(order(b"passwd: files", b"passwd"), Some(Order::FilesOnly));
        assert_eq!(order(b"passwd:\t files systemd", b"passwd"), Some(Order::FilesFirst));
        assert_eq!(order(b" passwd : sss files # passwd: files", b"passwd"), Some(Order::Otherwise));
        assert_eq!(order(b"passwd: files # systemd", b"passwd"), Some(Order::FilesOnly));
        assert_eq!(order(b"passwd:", b"passwd"), Some(Order::FilesOnly));
        assert_eq!(order(b"passwd_compat: nis", b"passwd"), None);
        assert_eq!(order(b"# passwd: files", b"passwd"), None);
    }

    #[test]
    fn only_a_whole_well_formed_line_counts() {
        let www = |home: &str| Some(User { id: 33, group: 34, home: home.into() });
        assert_eq!(user_in(b"www:x:33:34:w:/srv:/bin/sh", b"www"), www("/srv"));
        assert_eq!(user_in(b"www:x:33:34", b"www"), www(""));
        for bad in [&b"www2:x:33:34:::"[..], b"ww:x:1:1:::", b"www:x:33", b"www:x::34:::", b"www:x:-1:34:::", b"www"] {
            assert_eq!(user_in(bad, b"www"), None);
        }
        assert_eq!(group_in(b"adm:x:4:a,b", b"adm"), Some(4));
        assert_eq!(group_in(b"adm:x", b"adm"), None);
        assert_eq!(membership_in(b"adm:x:4:a,bb", b"bb"), Some(4));
        assert_eq!(membership_in(b"adm:x:4:a,bb", b"b"), None);
    }

    use proptest::prelude::*;

    /// Bytes that mean something in these files, and some that do not.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(proptest::sample::select(b"ab:,#+- \t09\xff".to_vec()), 0..24)
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(line in bytes(), name in bytes()) {
            for found in [user_in(&line, &name).map(|user| user.id), group_in(&line, &name), membership_in(&line, &name)] {
                prop_assert_ne!(found, Some(Id::MAX));
            }
            let _ = order(&line, &name);
        }

        #[test]
        fn a_written_line_is_read_back(name in "[a-z_][a-z0-9_-]{0,8}", user in 0..Id::MAX, group in 0..Id::MAX, other in "[a-z]{0,9}") {
            let line = format!("{name}:x:{user}:{group}:A Name,,:/home:/bin/sh");
            let found = user_in(line.as_bytes(), name.as_bytes()).map(|user| (user.id, user.group));
            prop_assert_eq!(found, Some((user, group)));
            if other != name {
                prop_assert_eq!(user_in(line.as_bytes(), other.as_bytes()), None);
            }
            let line = format!("staff:x:{group}:{other},{name}");
            prop_assert_eq!(group_in(line.as_bytes(), b"staff"), Some(group));
            prop_assert_eq!(membership_in(line.as_bytes(), name.as_bytes()), Some(group));
        }
    }
}
