//! Calls with options besides those that a link's table has for its changes: what they do is said as exactly.

/// By their links; `{file}` and the like as in the tables.
pub const MORE: &[(&str, &[&[&str]])] = &[
    ("setsid", &[&["-f"], &["-w"], &["--fork", "--wait"]]),
    ("envdir", &[&["-f", "{directory}"], &["-n", "-p", "X_", "{directory}"], &["-i", "/nonexistent"]]),
    ("envuidgid", &[&["root"], &["nobody"], &[":1:2"]]),
    (
        "setuidgid",
        &[
            &[":65534:65534"],
            &[":65533:7:8:9"],
            &["-k", ":65533:65533"],
            &["-s", "nobody"],
            &["-q", ":0:0"],
            &[":0:0:5"],
        ],
    ),
    (
        "softlimit",
        &[
            &[],
            &["-o", "="],
            &["-o", "1000000000"],
            &["-m", "900M"],
            &["-t", "500", "-f", "1G"],
            &["--nofile", "30:40"],
            &["--nofile", ":40"],
            &["-c", "5", "-c", "7"],
        ],
    ),
    (
        "setlock",
        &[
            &["-n", "-s", "/dev/null"],
            &["-d", "12", "/dev/null"],
            &["--fcntl", "/dev/null"],
            &["--fcntl", "-s", "/dev/null"],
            &["--read-only", "/dev/null"],
            &["-t", "1", "/dev/null"],
        ],
    ),
    (
        "pidfile-lock",
        &[
            &["{file}"],
            &["-d", "12", "{file}"],
            &["--flock", "{file}"],
            &["-l", "{file}", "{file}.pid"],
            &["-n", "-X", "{file}"],
        ],
    ),
    (
        "daemonize",
        &[
            &["--double-fork"],
            &["--no-session"],
            &["--keep-stdio", "-c", "."],
            &["-c", "/tmp", "-o", "{file}.out", "-e", "{file}.out"],
            &["-a", "-o", "{file}.out", "-e", "{file}.err"],
            &["-l", "{file}"],
            &["-l", "{file}", "-p", "{file}.pid"],
            &["-l", "{file}", "-p", "{file}"],
            &["-c", "/tmp/"],
            &["-l", "{file}", "-p", "{directory}/../{name}"],
            &["--ready=none"],
            &["-u", "root", "-E", "USER=x", "--umask=0"],
            &["--close-fds=9", "-p", "{file}", "--ready=fd=7"],
        ],
    ),
    ("fghack", &[&["--subreaper"]]),
];
