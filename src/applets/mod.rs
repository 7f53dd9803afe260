//! The registry: one line per applet, in the folder that is its group in the list of applets.

use crate::applet::{Applet, Group};

macro_rules! registry {
    ($($group:ident $heading:ident { $($module:ident)* })*) => {
        $(
            #[doc = concat!("The applets of the group ", stringify!($heading), ".")]
            pub mod $group {
                $(pub mod $module;)*
            }
        )*
        /// Every applet, in the order of the documents.
        pub static ALL: &[&Applet] = &[$($(&$group::$module::APPLET),*),*];

        /// The same, group by group.
        pub static GROUPS: &[(Group, &[&Applet])] = &[$((Group::$heading, &[$(&$group::$module::APPLET),*])),*];
    };
}

registry! {
    session Session {
        nohup
        setsid
        pgrphack
    }
    daemon Daemon {
        daemonize
        pidfile_lock
        fghack
    }
    environment Environment {
        envdir
        envuidgid
    }
    privilege Privilege {
        setuidgid
        softlimit
    }
    lock Lock {
        setlock
    }
    supervision Supervision {
        svscan
        supervise
        svc
        svok
        svup
        svstat
        svwait
        svscanboot
        readproctitle
    }
    log Log {
        multilog
        tai64n
        tai64nlocal
    }
}

/// The applet of that name.
#[inline(always)]
pub fn find(name: &[u8]) -> Option<&'static Applet> {
    ALL.iter().copied().find(|applet| applet.name.as_bytes() == name)
}
