//! The registry: one line per applet.

use crate::applet::Applet;

macro_rules! registry {
    ($($module:ident)*) => {
        $(pub mod $module;)*
        /// Every applet, in the order of the documents.
        pub static ALL: &[&Applet] = &[$(&$module::APPLET),*];
    };
}

registry! {
    nohup
    setsid
    pgrphack
    daemonize
    pidfile_lock
    fghack
    envdir
    envuidgid
    setuidgid
    softlimit
    setlock
    svscan
    supervise
    svc
    svok
    svup
    svstat
    svwait
    svscanboot
    readproctitle
    multilog
    tai64n
    tai64nlocal
}

/// The applet of that name.
#[inline(always)]
pub fn find(name: &[u8]) -> Option<&'static Applet> {
    ALL.iter().copied().find(|applet| applet.name.as_bytes() == name)
}
