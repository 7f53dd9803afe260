//! No process to be had: it is tried again and again, with pauses that grow, and commands act meanwhile. The
//! reference is deaf for a minute then.

use crate::cases::hundredths;
use crate::kept::Start;
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::waiting::look_until;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Pid, Uid, setgroups, setresgid, setresuid};
use std::os::unix::fs::chown;
use std::path::Path;

const NOBODY: u32 = 65534;

/// Becomes somebody for whom the limit holds, as it does not for root.
fn become_nobody() -> nix::Result<()> {
    if Uid::effective().is_root() {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
    }
    Ok(())
}

/// A start with which supervise may not have any further process.
fn alone(service: &Service) -> Start {
    if Uid::effective().is_root() {
        chown(service.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    service.start(&Suite::ours()).entering(|| {
        become_nobody()?;
        let (_, hard) = getrlimit(Resource::RLIMIT_NPROC)?;
        setrlimit(Resource::RLIMIT_NPROC, 0, hard)
    })
}

/// Lets it have them: its own account may do that.
#[track_caller]
fn allow(pid: Pid) {
    let raise = move || {
        become_nobody()?;
        let (_, hard) = getrlimit(Resource::RLIMIT_NPROC)?;
        let limit = libc::rlimit64 { rlim_cur: hard, rlim_max: hard };
        // SAFETY: the kernel reads one structure.
        let set = unsafe { libc::prlimit64(pid.as_raw(), libc::RLIMIT_NPROC, &limit, std::ptr::null_mut()) };
        Errno::result(set).map(drop)
    };
    assert_eq!(Start::new(Path::new("/bin/true")).entering(raise).go().code(), 0);
}

fn warning(service: &Service) -> String {
    format!("supervise: warning: unable to fork for {}: temporary failure", service.path().display())
}

#[test]
fn a_service_is_started_when_there_are_processes_again() {
    let service = Service::new();
    let mut supervised = Supervised::new(&service, alone(&service).go());
    let mut said = vec![];
    for _ in 0..3 {
        assert_eq!(supervised.kept.error.next(), Some(warning(&service)));
        said.push(hundredths());
        assert_eq!(supervised.status().shown(), "down u");
    }
    // a second and then two, whenever the test comes to see it
    assert!(said[2] - said[0] >= 250, "{said:?}");
    allow(supervised.pid());
    let run = supervised.expect("run started");
    supervised.until("up", |status| status.pid() == run);
    supervised.finish();
}

#[test]
fn commands_act_while_there_are_no_processes() {
    for ending in ["x", "dx", "d"] {
        let service = Service::new();
        let mut supervised = Supervised::new(&service, alone(&service).go());
        assert_eq!(supervised.kept.error.next(), Some(warning(&service)));
        supervised.write(ending);
        if ending == "d" {
            supervised.until_shown("down d");
            allow(supervised.pid());
            supervised.settle();
            supervised.write("x");
        }
        assert_eq!(supervised.rest(), (0, String::new()), "{ending}");
        look_until("it is not supervised any more", || !service.is_supervised());
    }
}
