//! The examples of the README do what it says.

mod support;

use std::path::Path;
use std::process::Command;

#[test]
fn the_tour_shows_what_the_readme_promises() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("sh").arg(top.join("examples/tour.sh")).arg(support::catena()).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{shown}");
    let account = if support::is_root() {
        "\
$ envdir ./env setuidgid nobody softlimit -o 64 setsid --wait ./server
server: greeting    hello from a file
server: account     nobody, groups nogroup
server: descriptors 64 at most
server: session     its own
"
    } else {
        "$ setuidgid nobody ./server\nsetuidgid: fatal: unable to setgid: permission denied: needs root or CAP_SETGID"
    };
    for part in [
        "$ envdir ./env softlimit -o 64 setsid --wait ./server\nserver: greeting    hello from a file\n",
        "server: descriptors 64 at most\nserver: session     its own\n",
        account,
        "setlock: fatal: unable to lock ./lock: temporary failure\n(exit code 111)\n",
        "setsid: failed to execute ./no-such-server: No such file or directory\n(exit code 127)\n",
        "envdir: fatal: unable to switch to directory ./no-such-env: file does not exist\n(exit code 111)\n",
        "Usage: softlimit ",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
}
