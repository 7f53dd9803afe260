//! How the examples of the wrappers are run, of what starts daemons, and of what writes logs.

use crate::manual::{EXAMPLE, Example};

/// Says that it is up, and where it has been told to say so; ends when something is written to the FIFO.
const STAYS: &str = "echo up; echo $$ >\"$top/var/log/up\"; read -r line <\"$top/go\"";

/// Behind a daemon that [`STAYS`]: `daemon` is its pid.
macro_rules! with_daemon {
    ($look:literal) => {
        concat!(
            "await test -s var/log/up; daemon=$(cat var/log/up); ",
            $look,
            "; echo >go; await test ! -e /proc/$daemon"
        )
    };
}

pub const EXAMPLES: &[Example] = &[
    Example {
        line: "daemonize -p /run/app.pid -o /var/log/app.log -e /var/log/app.log /usr/bin/app",
        program: STAYS,
        after: with_daemon!("test $(cat run/app.pid) = $daemon && cat var/log/app.log"),
        shows: "up",
        ..EXAMPLE
    },
    Example {
        line: "daemonize -c /srv/app pidfile-lock /run/app.pid setuidgid nobody softlimit -o 1024 /srv/app/server",
        program: STAYS,
        after: with_daemon!(
            "test $(cat run/app.pid) = $daemon && pwd -P /proc/$daemon/cwd >&2 && readlink /proc/$daemon/cwd \
             && ps -o user= $daemon && grep -o 'open files *1024' /proc/$daemon/limits"
        ),
        shows: "…",
        needs: &["root"],
        ..EXAMPLE
    },
    Example {
        line: "daemonize --ready=notify --timeout=30 /usr/bin/redis-server --supervised systemd",
        program: "test \"$*\" = '--supervised systemd' || exit 1\n\
                  echo $$ >\"$top/var/log/up\"\n\
                  exec python3 -c '\n\
                  import os, socket\n\
                  name = os.environ[\"NOTIFY_SOCKET\"].replace(\"@\", \"\\0\", 1)\n\
                  socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b\"READY=1\", name)\n\
                  open(\"'$top'/go\").read()'",
        // it has been ready when the line returned
        after: with_daemon!("test -e /proc/$daemon && echo ready"),
        shows: "ready",
        needs: &["python3"],
        ..EXAMPLE
    },
    Example {
        line: "daemonize -a -o build.log -e build.log -c . make all",
        program: "echo \"made $*\"",
        before: "echo before >build.log",
        after: "await grep -qs made build.log; cat build.log",
        shows: "before\nmade all",
        ..EXAMPLE
    },
    Example {
        line: "daemonize --double-fork --close-fds --umask=022 softlimit -c 0 pidfile-lock /run/app.pid app",
        program: STAYS,
        before: "umask 077; exec 7>kept; chmod 755 .",
        after: with_daemon!(
            "test $(cat run/app.pid) = $daemon && grep -s Umask /proc/$daemon/status | tr '\\t' ' ' \
             && test ! -e /proc/$daemon/fd/7 && echo closed"
        ),
        shows: "Umask: 0022\nclosed",
        ..EXAMPLE
    },
    Example {
        line: "envdir ./env ./server",
        program: "echo \"$GREETING\"",
        before: "mkdir env; echo hello >env/GREETING",
        shows: "hello",
        ..EXAMPLE
    },
    Example {
        line: "envdir -f /run/secrets ./server",
        program: "echo \"$KEY\"",
        before: "mkdir run/secrets; printf 'one\\ntwo\\n' >run/secrets/KEY",
        shows: "one\ntwo",
        ..EXAMPLE
    },
    Example {
        line: "envuidgid nobody softlimit -o 1024 ./server",
        program: "test \"$(printenv UID):$(printenv GID)\" = \"$(id -u nobody):$(id -g nobody)\" && ulimit -n",
        shows: "1024",
        ..EXAMPLE
    },
    Example {
        line: "fghack /usr/sbin/oldd",
        program: "echo \"the parent ends\"; (read -r line <\"$top/go\"; echo gone) &",
        before: "(echo >go) &",
        after: "echo back",
        shows: "the parent ends\ngone\nback",
        ..EXAMPLE
    },
    Example {
        line: "fghack --subreaper /usr/sbin/oldd",
        program: "echo \"the parent ends\"; (read -r line <\"$top/go\"; echo gone) &",
        before: "(echo >go) &",
        after: "echo back",
        shows: "the parent ends\ngone\nback",
        ..EXAMPLE
    },
    Example {
        line: "nohup ./report &",
        program: "kill -HUP $$; echo survived",
        after: "wait $!",
        shows: "survived",
        ..EXAMPLE
    },
    Example {
        line: "nohup ./report </dev/null >report.log 2>&1 &",
        program: "kill -HUP $$; echo survived",
        after: "wait $! && cat report.log",
        shows: "survived",
        ..EXAMPLE
    },
    Example {
        line: "pgrphack ./server",
        program: "trap 'echo heard; exit 3' TERM; kill -TERM 0",
        code: 3,
        after: "echo spared",
        shows: "heard\nspared",
        ..EXAMPLE
    },
    Example {
        line: "pidfile-lock /run/app.pid ./app",
        program: "test $(cat run/app.pid) = $$ && pidfile-lock run/app.pid true 2>/dev/null; echo $?",
        shows: "75",
        ..EXAMPLE
    },
    Example {
        line: "pidfile-lock /run/app.pid setuidgid nobody ./app",
        program: "test $(cat run/app.pid) = $$ && stat -c %U run/app.pid && id -un",
        shows: "root\nnobody",
        needs: &["root"],
        ..EXAMPLE
    },
    Example {
        line: "pidfile-lock -x app.pid ./job",
        program: "echo one; pidfile-lock -x app.pid echo two; echo $?",
        shows: "one\n0",
        ..EXAMPLE
    },
    Example {
        line: "setlock -n /run/job.lock ./job",
        program: "echo one; setlock -n run/job.lock echo two 2>/dev/null; echo $?",
        shows: "one\n111",
        ..EXAMPLE
    },
    Example {
        line: "setlock -nx /run/job.lock ./job",
        program: "echo one; setlock -nx run/job.lock echo two; echo $?",
        shows: "one\n0",
        ..EXAMPLE
    },
    Example {
        line: "setlock -n --read-only /run/app.lock setuidgid nobody ./app",
        program: "id -un; stat -c %U run/app.lock; setlock -n --read-only run/app.lock true 2>/dev/null; echo $?",
        before: ": >run/app.lock",
        shows: "nobody\nroot\n111",
        needs: &["root"],
        ..EXAMPLE
    },
    Example {
        line: "setsid ./server </dev/null >server.log 2>&1",
        program: "read -r line <\"$top/go\"; set -- $(cat /proc/$$/stat); test $6 = $$ && echo 'a session of its own'",
        // it has returned
        after: "echo >go; await grep -qs . server.log; cat server.log",
        shows: "a session of its own",
        ..EXAMPLE
    },
    Example {
        line: "setsid --wait make check",
        program: "set -- $* $(cat /proc/$$/stat); test $7 = $$ && echo \"$1 in a session of its own\"; exit 3",
        code: 3,
        shows: "check in a session of its own",
        ..EXAMPLE
    },
    Example {
        line: "setuidgid nobody ./server",
        program: "id -un; test \"$(id -G)\" = \"$(id -g nobody)\" && echo 'no other group'",
        shows: "nobody\nno other group",
        needs: &["root"],
        ..EXAMPLE
    },
    Example {
        line: "setuidgid :1000:1000 ./server",
        program: "id -u; id -G",
        shows: "1000\n1000",
        needs: &["root"],
        ..EXAMPLE
    },
    Example {
        line: "setuidgid -s nobody:users ./job",
        program: "id -un; id -Gn",
        shows: "nobody\nusers",
        needs: &["root"],
        ..EXAMPLE
    },
    Example { line: "softlimit -o 1024 -c 0 ./server", program: "ulimit -n; ulimit -c", shows: "1024\n0", ..EXAMPLE },
    Example {
        line: "softlimit -m 200M ./parser",
        // in units of 1024 bytes
        program: "ulimit -d",
        shows: "204800",
        ..EXAMPLE
    },
    Example {
        line: "softlimit --nofile 1024:4096 ./server",
        program: "ulimit -Sn; ulimit -Hn",
        shows: "1024\n4096",
        ..EXAMPLE
    },
    Example {
        line: "multilog t ./main",
        within: "echo line | {}",
        after: "tai64nlocal <main/current",
        shows: "2001-01-01 00:00:00.0 line",
        ..EXAMPLE
    },
    Example {
        line: "multilog t s16777215 m200M n100 ./main",
        within: "echo line | {}",
        after: "tai64nlocal <main/current",
        shows: "2001-01-01 00:00:00.0 line",
        ..EXAMPLE
    },
    Example {
        line: "multilog t ./all '-*' '+*: fatal: *' e ./errors",
        within: "printf 'x: up\\nx: fatal: down\\n' | {} 2>&1 | tai64nlocal",
        after: "tai64nlocal <all/current; echo; tai64nlocal <errors/current",
        shows: "2001-01-01 00:00:00.0 x: fatal: down\n\
                2001-01-01 00:00:00.0 x: up\n\
                2001-01-01 00:00:00.0 x: fatal: down\n\
                \n\
                2001-01-01 00:00:00.0 x: fatal: down",
        ..EXAMPLE
    },
    Example {
        line: "multilog I a1d s100000000 m1G n32 '!gzip -c' wgz ./daily",
        within: "echo line | {}",
        after: "tr T ' ' <daily/current",
        shows: "2001-01-01 00:00:00.0 line",
        ..EXAMPLE
    },
    Example {
        line: "tai64n < app.log",
        before: "echo line >app.log",
        within: "{} | tai64nlocal",
        shows: "2001-01-01 00:00:00.0 line",
        ..EXAMPLE
    },
    Example { line: "tai64n | tai64nlocal", within: "echo line | {}", shows: "2001-01-01 00:00:00.0 line", ..EXAMPLE },
    // The label is that of daemontools' own documentation, where it is 21:03:43 on 1999-08-23 in California by a clock that
    // counts leap seconds. By one that does not it is 10 seconds before the number in the label: 935467445.
    Example {
        line: "tai64nlocal < ./log/main/current",
        before: "mkdir -p log/main; echo '@4000000037c219bf2ef02e94 mark' >log/main/current",
        within: "{} | tr ' :' _-",
        shows: "1999-08-24_04-04-05.787492500_mark",
        ..EXAMPLE
    },
    Example {
        line: "tai64nlocal -u --iso -d 3",
        within: "echo '@4000000037c219bf2ef02e94 mark' | {}",
        shows: "1999-08-24T04:04:05.787Z mark",
        ..EXAMPLE
    },
    Example {
        line: "tai64nlocal -f %H:%M:%S.%N -d 6",
        within: "echo '@4000000037c219bf2ef02e94 mark' | {}",
        shows: "04:04:05.787492 mark",
        ..EXAMPLE
    },
];
