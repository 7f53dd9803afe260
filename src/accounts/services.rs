//! nsswitch.conf(5): which services the C library asks for users and groups, as far as that says whether the files are
//! the whole answer.

use super::lines::{after_blanks, is_blank, until_nul};

/// How far the files are the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// There is nothing else to ask.
    FilesOnly,
    /// What the files do not know, others may.
    FilesFirst,
    /// Others are asked before the files, or it takes the C library to say who is.
    Otherwise,
}

/// What the lines say of each database that counts here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Services {
    users: Option<Order>,
    groups: Option<Order>,
    memberships: Option<Order>,
}

impl Services {
    /// Takes in a line. Of two lines for a database glibc before 2.33 takes the first, and later ones the last: where
    /// they differ, it is not for us to say.
    pub fn read(&mut self, line: &[u8]) {
        let Some((database, order)) = entry(line) else { return };
        let place = match database {
            b"passwd" => &mut self.users,
            b"group" => &mut self.groups,
            b"initgroups" => &mut self.memberships,
            _ => return,
        };
        *place = match *place {
            Some(earlier) if earlier != order => Some(Order::Otherwise),
            _ => Some(order),
        };
    }

    /// Whom to ask for a user. glibc's own default is files alone.
    pub fn users(&self) -> Order {
        self.users.unwrap_or(Order::FilesOnly)
    }

    /// Whom to ask for a group.
    pub fn groups(&self) -> Order {
        self.groups.unwrap_or(Order::FilesOnly)
    }

    /// Whom to ask for the groups of a user: the line for groups counts where there is none for these.
    pub fn memberships(&self) -> Order {
        self.memberships.unwrap_or(self.groups())
    }
}

/// The database of a line and its services. Any blanks and colons, even no colon, part the one from the others.
fn entry(line: &[u8]) -> Option<(&[u8], Order)> {
    let line = until_nul(line).split(|&byte| byte == b'#').next().unwrap_or_default();
    let line = after_blanks(line);
    let is_separator = |byte: u8| is_blank(byte) || byte == b':';
    let end = line.iter().position(|&byte| is_separator(byte)).filter(|&end| end > 0)?;
    let (database, rest) = line.split_at(end);
    let begin = rest.iter().position(|&byte| !is_separator(byte)).unwrap_or(rest.len());
    let mut services = rest[begin..].split(|&byte| is_blank(byte)).filter(|service| !service.is_empty());
    let order = match (services.next(), services.next()) {
        (Some(b"files"), None) => Order::FilesOnly,
        // what is in brackets may turn success into something else
        (Some(b"files"), Some(next)) if !next.starts_with(b"[") => Order::FilesFirst,
        _ => Order::Otherwise,
    };
    Some((database, order))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(text: &[u8]) -> Order {
        let mut services = Services::default();
        text.split(|&byte| byte == b'\n').for_each(|line| services.read(line));
        services.users()
    }

    #[test]
    fn a_line_is_read_as_far_as_it_matters() {
        for alone in [
            &b"passwd: files"[..],
            b" passwd\t:files # sss",
            b"passwd files",
            b"passwd::files",
            b"passwd\x0b:\x0bfiles",
            b"passwd: files\0 sss",
            b"passwd_compat: nis",
            b"# passwd: nis",
            b"PASSWD: sss",
            b":passwd: sss",
            b"passwd",
            b"passwd: files\npasswd: files",
        ] {
            assert_eq!(users(alone), Order::FilesOnly, "{}", alone.escape_ascii());
        }
        for first in [&b"passwd:\t files systemd"[..], b"passwd: files files", b"passwd: files sss[NOTFOUND=return]"] {
            assert_eq!(users(first), Order::FilesFirst, "{}", first.escape_ascii());
        }
        for otherwise in [
            &b" passwd : sss files # passwd: files"[..],
            b"passwd:",
            b"passwd: Files",
            b"passwd: files[SUCCESS=continue] sss",
            b"passwd: files [SUCCESS=continue] sss",
            b"passwd: [NOTFOUND=return] files",
            b"passwd: files\npasswd: sss",
            b"passwd: sss\npasswd: files",
        ] {
            assert_eq!(users(otherwise), Order::Otherwise, "{}", otherwise.escape_ascii());
        }
    }

    #[test]
    fn the_groups_of_a_user_have_a_line_of_their_own() {
        let mut services = Services::default();
        services.read(b"group: files sss");
        assert_eq!((services.groups(), services.memberships()), (Order::FilesFirst, Order::FilesFirst));
        services.read(b"initgroups: files");
        assert_eq!((services.groups(), services.memberships()), (Order::FilesFirst, Order::FilesOnly));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(line: Vec<u8>) {
            Services::default().read(&line);
        }
    }
}
