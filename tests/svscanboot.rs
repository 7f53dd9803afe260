//! svscanboot beside the shell script of daemontools: what it starts, in which surroundings, and what it ends before. Each
//! runs in namespaces of its own, so that /etc/service is a directory of the test, and nothing is left of it.

mod support;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Installed, leave_out, peer, world_readable_directory, write_script};

/// Starts what earlier supervisors there are, boots, and notes what it sees. Its arguments: the directory of services as
/// seen from the place, where it is mounted, svscanboot, and its operands.
const SCRIPT: &str = r#"
set -e
place=$PWD
service=$place/$1 mounted=$2
shift 2
mount -t tmpfs none /etc
mkdir /etc/service
case $mounted in /*) mount --bind "$service" "$mounted" ;; esac
mount -t proc none /proc

for old in "$service"/old "$service"/old/log "$service"/.hidden; do
    supervise "$old" &
    echo "$!" > "$old/number"
    until svok "$old"; do sleep 0.02; done
done

# inherited by nothing
SECRET=whatever "$@" < /dev/zero > "$place/output" 2> "$place/error" &
boot=$!
called() {
    for process in /proc/[0-9]*; do
        read -r name 2> /dev/null < "$process/comm" && [ "$name" = "$1" ] && number=${process#/proc/} && return
    done
    return 1
}
until called svscan && svscan=$number && called readproctitle && title=$number; do sleep 0.02; done
until grep -q 'one: said' "/proc/$title/cmdline"; do sleep 0.02; done
note() {
    cat "/proc/$1/cmdline" > "$place/$2.cmdline"
    cat "/proc/$1/environ" > "$place/$2.environ"
    for number in 0 1 2; do readlink "/proc/$1/fd/$number"; done > "$place/$2.descriptors"
    readlink "/proc/$1/cwd" > "$place/$2.cwd"
}
note "$svscan" svscan
note "$title" readproctitle
for old in "$service"/old "$service"/old/log; do
    code=0
    wait "$(cat "$old/number")" || code=$?
    echo "$code" >> "$place/old"
done
kill -0 "$(cat "$service/.hidden/number")"
if [ "$boot" = "$title" ]; then : > "$place/same"; fi

kill "$svscan"
while kill -0 "$svscan" 2> /dev/null; do sleep 0.02; done
svc -dx "$service"/* "$service"/*/log 2> /dev/null
code=0
wait "$boot" || code=$?
echo "$code" > "$place/code"
"#;

/// The whole environment of what it starts.
const PATH: &str = "PATH=/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin\0";

/// What has been noted.
struct Boot {
    place: tempfile::TempDir,
}

impl Boot {
    /// Boots with services in a directory of this name below the place, which is mounted at `mounted` if that is an absolute
    /// name. `None` if there are no namespaces here.
    fn run(programs: &Path, directory: &str, mounted: &str, boot: &[&OsStr]) -> Option<Self> {
        /// Seconds, many more than it takes.
        const LIMIT: &str = "60";
        let place = world_readable_directory();
        let services = place.path().join(directory);
        for name in ["one", "old/log", ".hidden"] {
            std::fs::create_dir_all(services.join(name)).unwrap();
        }
        std::fs::write(services.join("old/down"), "").unwrap();
        let report = "#!/bin/sh
            echo 'one: said' >&2
            cat /proc/$$/environ > environ
            descriptors=$(for number in 0 1 2; do readlink /proc/$$/fd/$number; done)
            echo \"$descriptors\" > descriptors
            exec sleep 1000\n";
        write_script(&services.join("one/run"), report);
        for name in ["old/run", "old/log/run", ".hidden/run"] {
            write_script(&services.join(name), "#!/bin/sh\nexec sleep 1000\n");
        }
        let spaces = ["--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child"];
        let mut command = Command::new("timeout");
        command
            .args(["-s", "KILL", LIMIT, "unshare"])
            .args(spaces)
            .args(["sh", "-c", SCRIPT, "sh", directory, mounted]);
        command.args(boot).current_dir(&place).env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        if !Command::new("unshare").args(spaces).arg("true").output().is_ok_and(|output| output.status.success()) {
            leave_out("svscanboot: no namespaces");
            return None;
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        Some(Self { place })
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path().join(name)).unwrap_or_else(|reason| panic!("{name}: {reason}"))
    }

    /// Checks all that is the same for everybody. The directory is that of the services as svscan is called with it.
    fn check(&self, services: &str, named: &str) {
        assert_eq!(self.read("svscan.cmdline"), format!("svscan\0{named}\0"));
        let title = self.read("readproctitle.cmdline");
        let window = title.strip_prefix("readproctitle\0service\0errors:\0").expect(&title);
        assert_eq!(window.len(), 400 + 1);
        assert!(window.starts_with("..."), "{window}");
        assert!(window.contains("one: said\n"), "{window}");

        for environ in ["svscan.environ", "readproctitle.environ", &format!("{services}/one/environ")] {
            assert_eq!(self.read(environ), PATH, "{environ}");
        }
        let pipe = self.read("readproctitle.descriptors");
        let pipe = pipe.strip_suffix("\n/dev/null\n/dev/null\n").expect(&pipe);
        assert!(pipe.starts_with("pipe:["), "{pipe}");
        for descriptors in ["svscan.descriptors", &format!("{services}/one/descriptors")] {
            assert_eq!(self.read(descriptors), format!("/dev/null\n{pipe}\n{pipe}\n"), "{descriptors}");
        }
        // the service and its logger have ended, and so have their supervisors
        assert_eq!(self.read("old"), "0\n0\n");
        assert_eq!(self.read("code"), "0\n");
        assert_eq!((self.read("output"), self.read("error")), (String::new(), String::new()));
    }

    /// Whether the process that was started is readproctitle in the end.
    fn is_readproctitle(&self) -> bool {
        self.place.path().join("same").exists()
    }
}

#[test]
fn services_run_in_clean_surroundings_with_their_complaints_in_ps() {
    let installed = Installed::new();
    let reference = peer("svscanboot").map(|file| (PathBuf::from("/usr/bin"), file));
    let ours = (installed.path().to_owned(), installed.applet("svscanboot"));
    for (programs, boot) in reference.into_iter().chain([ours.clone()]) {
        let is_ours = boot == ours.1;
        let Some(boot) = Boot::run(&programs, "service", "/etc/service", &[boot.as_os_str()]) else { return };
        boot.check("service", "/etc/service");
        // the reference waits for both as a shell
        assert_eq!(boot.is_readproctitle(), is_ours);
    }
}

#[test]
fn another_directory_may_be_named_and_is_no_option() {
    let installed = Installed::new();
    let program = installed.applet("svscanboot");
    let words = [program.as_os_str(), OsStr::new("--"), OsStr::new("-s v")];
    let Some(boot) = Boot::run(installed.path(), "-s v", "-", &words) else { return };
    boot.check("-s v", "./-s v");
}

#[test]
fn nothing_is_started_for_a_wrong_call() {
    let installed = Installed::new();
    for words in [&["a", "b"][..], &["-x"], &["--nothing", "."]] {
        let output = Command::new(installed.applet("svscanboot")).args(words).output().unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(100), Vec::new()));
        assert!(String::from_utf8(output.stderr).unwrap().ends_with("svscanboot: usage: svscanboot [DIR]\n"));
    }
}

/// Its own standard error is /dev/null by then.
#[test]
fn what_keeps_it_from_starting_svscan_is_said_where_it_was_started() {
    let installed = Installed::new();
    let place = world_readable_directory();
    // with its standard files, those it had before, and /dev/null
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 5 && exec \"$@\"", "sh"]).arg(installed.applet("svscanboot")).arg(place.path());
    let output = command.output().unwrap();
    let said = "svscanboot: fatal: unable to create pipe: process cannot open more files\n";
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(111), said));
}

#[test]
fn a_machine_without_dev_null_is_told_of() {
    let installed = Installed::new();
    let place = world_readable_directory();
    let script = r#"mount -t tmpfs none /dev && exec "$@""#;
    let spaces = ["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"];
    let output = Command::new("unshare").args(spaces).arg(installed.applet("svscanboot")).arg(place.path()).output();
    let output = output.unwrap();
    if String::from_utf8_lossy(&output.stderr).contains("unshare: ") {
        return leave_out("svscanboot without /dev/null: no namespaces");
    }
    let said = "svscanboot: fatal: unable to open /dev/null: file does not exist\n";
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(111), said));
}
