//! A machine of one's own as far as accounts go: its /etc is a directory of the test, in a mount namespace.
#![cfg_attr(not(target_feature = "crt-static"), allow(dead_code, reason = "getent is asked by the static build alone"))]

use crate::support::{self, Installed};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use tempfile::TempDir;

/// Where catena looks for getent and where a stand-in can be mounted.
const GETENT: &str = "/usr/bin/getent";

/// Says what it was asked, in /etc/asked, and answers from /etc/answer. Builtins alone: its environment is empty, and
/// a shell that was started with SIGCHLD ignored may not be able to wait.
const STAND_IN: &str = r#"#!/bin/sh
for word; do printf '[%s]' "$word"; done >>/etc/asked
echo >>/etc/asked
if [ -e /etc/answer ]; then
    while IFS= read -r line; do printf '%s\n' "$line"; done </etc/answer
fi
[ ! -e /etc/killed ] || kill -9 "$$"
read -r code </etc/code || code=2
exit "$code"
"#;

/// Who answers at getent's place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Getent {
    Real,
    StandIn,
    /// A file that cannot be executed.
    None,
}

/// What is done with SIGCHLD before catena starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sigchld {
    Default,
    Ignored,
    Blocked,
}

/// How a command line ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// UID and GID, if this is the output of `envuidgid NAME env`.
    pub fn ids(&self) -> Option<(u32, u32)> {
        let value = |name: &str| self.stdout.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
        Some((value("UID=")?, value("GID=")?))
    }

    /// The numbers in a line of /proc/self/status, sorted.
    pub fn status(&self, field: &str) -> Vec<u32> {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let line = line.unwrap_or_else(|| panic!("no {field} in {self:?}"));
        let mut numbers: Vec<u32> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The bit of SIGCHLD in a signal set of /proc/self/status.
    pub fn has_sigchld(&self, set: &str) -> bool {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(":\t"));
        let set = u64::from_str_radix(line.unwrap_or_else(|| panic!("no {set} in {self:?}")), 16).unwrap();
        set & (1 << (Signal::SIGCHLD as u32 - 1)) != 0
    }

    #[track_caller]
    pub fn assert_failed(&self, stderr: &str) {
        assert_eq!((self.stderr.as_str(), self.code, self.stdout.as_str()), (stderr, Some(111), ""), "{self:?}");
    }
}

/// The programs that the tests of this file run, made once.
struct Programs {
    installed: Installed,
    directory: TempDir,
}

/// Shared by the tests that run at a time, and gone with the last of them: what a static holds is never dropped.
fn programs() -> Arc<Programs> {
    static PROGRAMS: Mutex<Weak<Programs>> = Mutex::new(Weak::new());
    let mut shared = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let directory = support::world_readable_directory();
        support::write_script(&directory.path().join("getent"), STAND_IN);
        std::fs::write(directory.path().join("none"), "").unwrap();
        let programs = Arc::new(Programs { installed: Installed::new(), directory });
        *shared = Arc::downgrade(&programs);
        programs
    })
}

/// An /etc with nothing in it but what the test puts there.
pub struct Etc {
    directory: TempDir,
    programs: Arc<Programs>,
}

impl Etc {
    /// A new one, or `None` where no mount namespace is to be had.
    pub fn new() -> Option<Self> {
        static ALLOWED: OnceLock<bool> = OnceLock::new();
        let etc = Self { directory: support::world_readable_directory(), programs: programs() };
        // what the dynamic loader of this machine may need
        if Path::new("/etc/ld.so.cache").exists() {
            std::fs::copy("/etc/ld.so.cache", etc.path("ld.so.cache")).unwrap();
        }
        let allowed = *ALLOWED.get_or_init(|| etc.command(Getent::Real, Sigchld::Default, "true").status().is_ok());
        if !allowed {
            support::leave_out("accounts: neither root nor a user namespace to mount an /etc in");
        }
        allowed.then_some(etc)
    }

    /// The path of a file in it, as seen from outside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    /// With what the stand-in for getent says and exits with.
    pub fn answering(self, text: &str, code: u8) -> Self {
        self.with("answer", text).with("code", format!("{code}\n"))
    }

    /// What the stand-in was asked, a line for each time it ran: `[DATABASE][--][NAME]`.
    pub fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn command(&self, getent: Getent, sigchld: Sigchld, program: impl AsRef<OsStr>) -> Command {
        let programs = &self.programs;
        let etc = self.directory.path().to_owned();
        let stand_in = match getent {
            Getent::Real => None,
            Getent::StandIn => Some(programs.directory.path().join("getent")),
            Getent::None => Some(programs.directory.path().join("none")),
        };
        let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let maps = (!user.is_root()).then(|| [format!("0 {user} 1\n"), format!("0 {group} 1\n")]);
        let mut command = Command::new(program);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.installed.path().display());
        command.env_clear().env("PATH", path).current_dir("/");
        // SAFETY: between fork and exec only system calls are made; std and nix keep short paths on the stack.
        unsafe {
            command.pre_exec(move || {
                enter(maps.as_ref())?;
                mount_over(&etc, Path::new("/etc"))?;
                if let Some(stand_in) = &stand_in {
                    mount_over(stand_in, Path::new(GETENT))?;
                }
                match sigchld {
                    Sigchld::Default => {}
                    Sigchld::Ignored => drop(nix::sys::signal::signal(Signal::SIGCHLD, SigHandler::SigIgn)?),
                    Sigchld::Blocked => {
                        let set = SigSet::from_iter([Signal::SIGCHLD]);
                        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)?;
                    }
                }
                Ok(())
            });
        }
        command
    }

    /// Runs an applet and the rest of a chain in it.
    pub fn run<W: AsRef<[u8]>>(&self, getent: Getent, words: &[W]) -> Outcome {
        self.run_with(getent, Sigchld::Default, words)
    }

    pub fn run_with<W: AsRef<[u8]>>(&self, getent: Getent, sigchld: Sigchld, words: &[W]) -> Outcome {
        let (applet, words) = words.split_first().unwrap();
        let applet = self.applet(std::str::from_utf8(applet.as_ref()).unwrap());
        self.run_program(getent, sigchld, applet.as_os_str(), words)
    }

    /// The link of an applet.
    pub fn applet(&self, name: &str) -> PathBuf {
        self.programs.installed.applet(name)
    }

    /// Runs any program in it.
    pub fn run_program<W: AsRef<[u8]>>(
        &self,
        getent: Getent,
        sigchld: Sigchld,
        program: &OsStr,
        words: &[W],
    ) -> Outcome {
        let mut command = self.command(getent, sigchld, program);
        let output = command.args(words.iter().map(|word| OsStr::from_bytes(word.as_ref()))).output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Whether there is a place at which to mount a stand-in for getent.
pub fn getent_is_there() -> bool {
    let is_there = Path::new(GETENT).is_file();
    if !is_there {
        support::leave_out("accounts that getent answers for: no getent to put a stand-in over");
    }
    is_there
}

/// A mount namespace; as an ordinary user inside a user namespace in which one is root.
fn enter(maps: Option<&[String; 2]>) -> std::io::Result<()> {
    if let Some([users, groups]) = maps {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", users)?;
        std::fs::write("/proc/self/gid_map", groups)?;
    } else {
        unshare(CloneFlags::CLONE_NEWNS)?;
    }
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    Ok(())
}

fn mount_over(what: &Path, place: &Path) -> std::io::Result<()> {
    mount(Some(what), place, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    Ok(())
}
