//! A chain that fails behind daemonize, and what is asserted of it.

use crate::ground::{Ground, WAYS, is_unlocked};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

/// A chain that fails, with the code and all that is said: `@/` is the directory.
pub struct Failing<'a> {
    pub chain: &'a [&'a str],
    pub code: i32,
    pub says: &'a str,
}

pub const fn failing<'a>(chain: &'a [&'a str], code: i32, says: &'a str) -> Failing<'a> {
    Failing { chain, code, says }
}

/// Where the daemon's messages go, and whether a pid file is made, taken over or none.
struct Setting {
    options: &'static [&'static str],
    /// What the foreground does not say itself, and so is in the file.
    is_logged: bool,
    had_pid_file: bool,
}

const TO_NOWHERE: Setting = Setting { options: &[], is_logged: false, had_pid_file: false };
/// Where the foreground's go: there they must not be said twice.
const SHARED: Setting = Setting { options: &["--keep-stdio"], ..TO_NOWHERE };
/// To a file, and the foreground says them as well.
const LOGGED: Setting = Setting { options: &["-e", "@/log"], is_logged: true, ..TO_NOWHERE };
/// A file that is new is removed.
const NEW_PID_FILE: Setting = Setting { options: &["-p", "@/new.pid"], ..TO_NOWHERE };
/// One that was there is left empty.
const OLD_PID_FILE: Setting =
    Setting { options: &["-a", "-p", "@/old.pid", "-e", "@/log"], had_pid_file: true, ..LOGGED };

/// Runs the chain behind daemonize in each way and holds it to its code, its line and to leaving nothing behind.
pub fn assert_fails(ground: &Ground, failing: &Failing) {
    for setting in [NEW_PID_FILE, SHARED, OLD_PID_FILE] {
        assert_fails_with(ground, failing, &setting);
    }
}

/// The same for a chain with a link that forks: without a pid file, which is for chains without one.
pub fn assert_fails_behind(ground: &Ground, failing: &Failing) {
    for setting in [TO_NOWHERE, SHARED, LOGGED] {
        assert_fails_with(ground, failing, &setting);
    }
}

fn assert_fails_with(ground: &Ground, failing: &Failing, setting: &Setting) {
    let says = format!("{}\n", ground.fill(failing.says));
    let mut left = Vec::new();
    left.extend(setting.had_pid_file.then_some(("old.pid", "")));
    left.extend(setting.is_logged.then_some(("log", says.as_str())));
    let mut expected = ground.files();
    expected.extend(left.iter().map(|&(name, text)| (ground.at(name), text.to_owned())));
    for way in WAYS {
        if setting.had_pid_file {
            fs::write(ground.at("old.pid"), "99999999\nsecond line\n").unwrap();
        }
        let words = [setting.options, failing.chain].concat();
        let context = format!("{words:?} {way:?}");
        ground.start(way, &words).assert_failed(&context, failing.code, &says);
        assert_eq!(ground.files(), expected, "{context}: files");
        for (name, _) in &left {
            assert!(is_unlocked(&ground.at(name)), "{context}: {name} is locked");
            fs::remove_file(ground.at(name)).unwrap();
        }
    }
}

/// A ground with all that chains can fail at.
pub fn stony_ground() -> Ground {
    let ground = Ground::new();
    for directory in ["dangling", "large", "secret", "env"] {
        fs::create_dir(ground.at(directory)).unwrap();
    }
    fs::write(ground.at("env/NAME"), "value").unwrap();
    symlink("nowhere", ground.at("dangling/NAME")).unwrap();
    // with the name, `=` and the final zero byte, one more than an exec takes
    fs::write(ground.at("large/NAME"), "x".repeat(131_072 - 5)).unwrap();
    for (name, text) in [("no-interpreter", "#!/nonexistent/interpreter\n"), ("no-format", "\x7fELF and no more")] {
        crate::support::write_script(&ground.at(name), text);
    }
    fs::write(ground.at("plain"), "").unwrap();
    fs::write(ground.at("held"), "").unwrap();
    fs::set_permissions(ground.at("secret"), Permissions::from_mode(0o000)).unwrap();
    ground
}
