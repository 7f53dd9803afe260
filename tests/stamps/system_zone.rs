//! tai64nlocal without `TZ`: the zone is the system's. To have one that is not the test's own, another file is bound
//! over /etc/localtime in a mount namespace.

use crate::decode::{label, seconds};
use crate::run::{Program, both, fed};
use crate::support::{Installed, leave_out};
use crate::zones::has_zone;
use std::process::Command;

/// The program without `TZ`, where /etc/localtime is the file of this zone.
fn call_where(zone: &str, program: &Program) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command
        .args(["mount --bind \"/usr/share/zoneinfo/$1\" /etc/localtime && exec \"$2\"", "sh", zone])
        .arg(&program.file);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

#[test]
fn without_tz_it_is_the_systems_zone() {
    if !has_zone("Asia/Kolkata") || !std::path::Path::new("/etc/localtime").exists() {
        return;
    }
    let installed = Installed::shared();
    let input = label((seconds("2026-11-21 04:26:50"), 9)) + " x\n";
    for program in both(&installed, "tai64nlocal") {
        for (zone, expected) in [
            ("Asia/Kolkata", "2026-11-21 09:56:50.000000009 x\n"),
            ("America/New_York", "2026-11-20 23:26:50.000000009 x\n"),
        ] {
            let ended = fed(call_where(zone, &program), input.as_bytes());
            if ended.stderr.starts_with("unshare: ") || ended.stderr.starts_with("mount: ") {
                leave_out("the system's own zone: no mount namespace can be had here");
                return;
            }
            assert_eq!(String::from_utf8_lossy(&ended.stdout), expected, "{program:?} {ended:?}");
        }
    }
}

#[test]
fn without_tz_it_is_what_date_says() {
    let installed = Installed::shared();
    let at = seconds("2026-07-21 04:26:50");
    let date = Command::new("date").args(["-d", &format!("@{at}"), "+%Y-%m-%d %H:%M:%S"]).env_remove("TZ").output();
    let Some(date) = date.ok().filter(|output| output.status.success()) else {
        leave_out("comparison with date: not GNU's");
        return;
    };
    let expected = format!("{}.000000009\n", String::from_utf8_lossy(&date.stdout).trim_end());
    for program in both(&installed, "tai64nlocal") {
        let seen = program.filtered_in(None, (label((at, 9)) + "\n").as_bytes());
        assert_eq!(String::from_utf8_lossy(&seen), expected, "{program:?}");
    }
}
