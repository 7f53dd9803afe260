//! What svscan warns of, and goes on.

use crate::all_at_once::Slow;
use crate::ground::{ALL, Ground, OURS, Reference, SERVE, Way};
use crate::processes::argv;
use crate::support::is_root;
use crate::support::namespaces::{USER, may_unshare};
use crate::support::takes_less_than;
use crate::support::waiting::look_until;
use crate::tree::Tree;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, File};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::time::{Duration, Instant};

pub const SLOW: &[Slow] = &[
    ("what_others_may_write_is_warned_of_once", OURS, writable_by_others),
    ("a_directory_that_cannot_be_read_is_tried_again", ALL, unreadable),
    ("a_supervise_that_cannot_be_run_is_a_warning", OURS, no_supervise),
    ("nobody_who_listens_to_its_warnings_is_no_reason_to_end", ALL, nobody_listens),
];

fn writable_by_others(way: Way) {
    let as_root = if is_root() { "" } else { "unshare --user --map-root-user " };
    if !is_root() && !may_unshare(USER) {
        return;
    }
    let ground = Ground::new(way);
    for (name, mode) in [("by-group", 0o775), ("by-all", 0o777), ("sticky", 0o1777), ("not", 0o755)] {
        ground.service(name, SERVE);
        fs::set_permissions(ground.service_at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by(&format!("exec {as_root}\"$@\""));
    tree.all_up(&["by-group", "by-all", "sticky", "not"]);
    for marker in ["marker", "another-marker"] {
        ground.service(marker, SERVE);
        fs::set_permissions(ground.service_at(marker), fs::Permissions::from_mode(0o755)).unwrap();
        tree.all_up(&[marker]);
    }
    let messages = ground.messages();
    let about = |name: &str| {
        let about = messages.lines().filter(|line| line.contains(name));
        about.inspect(|line| assert!(line.starts_with("svscan: warning: "), "{line}")).count()
    };
    assert_eq!(["by-group", "by-all", "sticky", "not"].map(about), [1, 1, 1, 0], "{messages}");
    assert_eq!(messages.lines().count(), 3, "{messages}");
}

/// In a user namespace where neither this user nor root is anybody special to the file system.
fn unreadable(way: Way) {
    if !may_unshare(&["--user"]) {
        return;
    }
    let ground = Ground::new(way);
    ground.service("a", SERVE);
    let mode = |mode| fs::set_permissions(ground.at("service"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o311);
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by("exec unshare --user \"$@\"");
    let warning = "svscan: warning: unable to read directory: access denied\n";
    look_until("the warning", || ground.messages().contains(warning));
    if way == Reference {
        look_until("the second warning", || ground.messages() == warning.repeat(2));
    }
    assert_eq!(tree.supervises().len(), 0);
    mode(0o755);
    tree.all_up(&["a"]);
    if way != Reference {
        assert_eq!(ground.messages(), warning, "not again within a minute");
    }
}

fn no_supervise(way: Way) {
    takes_less_than(Duration::from_secs(4), || {
        let ground = Ground::new(way);
        ground.service_with_log("a", SERVE, SERVE);
        let mut tree = Tree::new(&ground, &[("CATENA_SUPERVISE", "/nowhere/supervise")]);
        tree.start_svscan();
        // of its log at first, and without that it is not started either
        let start = "svscan: warning: unable to start a";
        let is_it = |line: &str| line.starts_with(start) && line.ends_with(": file does not exist");
        look_until("the warning", || ground.messages().lines().any(is_it));
        let asked = Instant::now();
        tree.stop();
        asked.elapsed()
    });
}

/// The reference dies of the signal that it gets instead of a listener.
fn nobody_listens(way: Way) {
    let ground = Ground::new(way);
    ground.service("a", "echo NAME up $$ >&8; exec sleep 1000000");
    let fifo = ground.at("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let listener = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).unwrap();
    let mut tree = Tree::new(&ground, &[]);
    tree.start_svscan_by(&format!("exec \"$@\" 2>{}", fifo.display()));
    let service = tree.hears("a up", 1);
    drop(listener);
    symlink("nowhere", ground.service_at("dangling")).unwrap();
    if way == Reference {
        assert_eq!(tree.code(tree.svscan), 1000 + libc::SIGPIPE);
    } else {
        ground.service("marker", SERVE);
        tree.all_up(&["marker"]);
        look_until("the shell has gone", || argv(service) == ["sleep", "1000000"]);
        let status = fs::read_to_string(format!("/proc/{service}/status")).unwrap();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
        let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
        assert_eq!(ignored >> (libc::SIGPIPE - 1) & 1, 0, "the service has the signal as it was");
        tree.stop();
    }
}
