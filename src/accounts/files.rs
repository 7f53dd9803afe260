//! `/etc/passwd` and `/etc/group`, and getent(1) for what they cannot answer.

use super::lines::{group_in, is_network_entry, membership_in, user_in};
use super::services::{Order, Services};
use super::{Answer, Directory, Id, User, getent, id, is_usable};
use crate::sys::closing::Opened;
use crate::sys::descriptor::uninterrupted;
use crate::voice::failure::Failure;
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

impl Files {
    /// Reads a file until `pick` finds what it wants in a line, newline and all, or to the end. A file that does not exist is empty.
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
            for line in text[..end].split_inclusive(|&byte| byte == b'\n') {
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
        let mut services = Services::default();
        self.search(NSSWITCH, |line| {
            services.read(line);
            None::<()>
        })?;
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
        if order != Order::Otherwise
            && !is_network_entry(name)
            && let Some(found) = self.search(file, &pick)?
        {
            return Ok(Some(found));
        }
        if order == Order::FilesOnly || name.is_empty() || name.contains(&b'\n') {
            return Ok(None);
        }
        Ok(getent::ask(database, name)?.and_then(|answer| answer.split_inclusive(|&byte| byte == b'\n').find_map(pick)))
    }
}

impl Directory for Files {
    fn user(&mut self, name: &[u8]) -> Answer<User> {
        let order = self.services()?.users();
        let user = self.ask(order, (c"/etc/passwd", c"passwd"), name, |line| user_in(line, name))?;
        // an entry that nobody can become is not passed over for a later one
        Ok(user.filter(|user| is_usable(user.id) && is_usable(user.group)))
    }

    fn group(&mut self, name: &[u8]) -> Answer<Id> {
        let order = self.services()?.groups();
        let group = self.ask(order, (c"/etc/group", c"group"), name, |line| group_in(line, name))?;
        Ok(group.filter(|&group| is_usable(group)))
    }

    fn groups_of(&mut self, name: &[u8]) -> Answer<Vec<Id>> {
        if self.services()?.memberships() != Order::FilesOnly {
            // memberships of all services add up, whatever their order
            let answer = getent::ask(c"initgroups", name)?;
            // the name may have blanks in it, and what follows them may be digits
            let listed = answer.as_deref().and_then(|answer| answer.strip_prefix(name));
            return Ok(listed.map(|listed| listed.split(u8::is_ascii_whitespace).filter_map(id).collect()));
        }
        let mut groups = Vec::new();
        self.search(c"/etc/group", |line| {
            // as getent does, without an id that nobody can have
            groups.extend(membership_in(line, name).filter(|&group| is_usable(group)));
            None::<()>
        })?;
        Ok(Some(groups))
    }
}
