//! Numbered lines: a service that writes them and remembers how many, a logger that keeps them, and a look at what is there.

use crate::ground::Ground;
use crate::support::waiting::look_until;
use std::fs;
use std::path::Path;

/// A service that writes numbered lines until it gets TERM, and leaves their number in the file `count`. It goes on from that
/// number. Now and then it rests, as there may be many of them.
pub const WRITER: &str = "\
trap 'end=1' TERM
n=$(cat count 2>/dev/null || echo 0)
echo NAME up $$ >&8
until [ \"$end\" ]; do
    n=$((n + 1))
    echo line $n
    [ $((n % 50)) -ne 0 ] || sleep 0.02
done
echo $n >count
echo NAME ended $$ >&8";

/// A logger that keeps all lines in the file `lines` and tells when it has seen their end. Killed by TERM, it does not.
pub const LOGGER: &str = "echo NAME/log up $$ >&8; cat >>lines; echo NAME/log ended $$ >&8";

/// Waits until something has been logged.
#[track_caller]
pub fn wait_for_lines(ground: &Ground, names: &[&str]) {
    for name in names {
        let lines = ground.service_at(name).join("log/lines");
        look_until(&format!("{name} has been logged"), || fs::metadata(&lines).is_ok_and(|it| it.len() > 500));
    }
}

/// The logger of a service has all lines that this has written, once and in order.
#[track_caller]
pub fn assert_complete(ground: &Ground, names: &[&str]) {
    for name in names {
        let count = fs::read_to_string(ground.service_at(name).join("count"));
        let count: usize = count.unwrap_or_else(|_| panic!("{name} did not get to its end")).trim().parse().unwrap();
        assert_numbered(&ground.service_at(name).join("log/lines"), count);
    }
}

/// The file has so many lines, numbered from 1.
#[track_caller]
pub fn assert_numbered(file: &Path, count: usize) {
    let text = fs::read_to_string(file).unwrap();
    let mut logged = 0;
    for line in text.lines() {
        logged += 1;
        assert_eq!(line, format!("line {logged}"), "of {count} in {}", file.display());
    }
    assert_eq!(logged, count, "lines in {}", file.display());
}
