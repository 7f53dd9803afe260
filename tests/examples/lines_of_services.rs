//! How the examples of supervision are run.

use crate::manual::{EXAMPLE, Example};

pub const EXAMPLES: &[Example] = &[
    Example {
        line: "supervise /service/web",
        before: "make_services service/web; again() { svup service/web && test \"$(svstat service/web | cut -d' ' -f4)\" != $before; }",
        within: "{} &",
        after: "svwait --appear -r -t 30 service/web; before=$(svstat service/web | cut -d' ' -f4)
                kill -KILL ${before%)}; await again; end service/web",
        ..EXAMPLE
    },
    Example {
        line: "supervise .",
        before: "make_services service/web; cd service/web",
        within: "{} &",
        after: "svwait --appear -r -t 30 .; kill -INT $!; wait $!",
        ..EXAMPLE
    },
    Example {
        line: "svc -d /service/web",
        before: "serve service/web",
        after: "svwait -d service/web; svstat service/web; end service/web",
        shows: "service/web: down 0 seconds, normally up",
        ..EXAMPLE
    },
    Example {
        line: "svc -u --wait=up,10 /service/web",
        before: "serve service/web; svc -d --wait=down service/web",
        after: "svstat service/web; end service/web",
        shows: "service/web: up (pid 4711) 0 seconds",
        ..EXAMPLE
    },
    Example {
        line: "svc --restart --wait=ready /service/web",
        before: "serve service/web; before=$(svstat service/web | cut -d' ' -f4)",
        after: "svup service/web && test $before != $(svstat service/web | cut -d' ' -f4) && echo another; end service/web",
        shows: "another",
        ..EXAMPLE
    },
    Example {
        line: "svc -h /service/web /service/mail",
        // what ended them is in their finish's second argument
        before: "mkdir service/web service/mail
                 printf '%s\\n' '#!/bin/sh' 'echo $2 >>signals' | tee service/web/finish >service/mail/finish
                 chmod 755 service/*/finish; serve service/web service/mail",
        after: "await grep -qsx 1 service/web/signals; await grep -qsx 1 service/mail/signals; end service/web service/mail",
        ..EXAMPLE
    },
    Example {
        line: "svc --remove /service/web",
        before: "make_services service/web; svscan service & svwait --appear -t 30 -r service/web",
        after: "ls -A service; svok service/.web || echo gone; kill %1; wait",
        shows: "/service/.web\n.svscan.lock\n.web\ngone",
        ..EXAMPLE
    },
    Example {
        line: "svc -dx /service/web /service/web/log",
        before: "serve service/web service/web/log",
        after: "wait; svok service/web || svok service/web/log || echo gone",
        shows: "gone",
        ..EXAMPLE
    },
    Example { line: "svok /service/web", before: "serve service/web", after: "end service/web", ..EXAMPLE },
    Example {
        line: "svok ./web || supervise ./web &",
        before: "make_services web",
        after: "svwait --appear -r -t 30 web; svok ./web && end web",
        ..EXAMPLE
    },
    Example {
        line: "svscan /service",
        before: "make_services service/web service/mail",
        within: "{} &",
        after: "svwait --appear -r -t 30 service/web service/mail; svup service/mail && kill %1; wait %1",
        ..EXAMPLE
    },
    Example {
        line: "svscan /service .svscan",
        before: "make_services service/web; mkdir -p service/.svscan; : >service/not-a-service
                 printf '%s\\n' '#!/bin/sh' 'exec cat >>said' >service/.svscan/run; chmod 755 service/.svscan/run",
        within: "{} &",
        after: "svwait --appear -r -t 30 service/web; kill %1; wait %1",
        ..EXAMPLE
    },
    Example {
        line: "svscan ./services",
        before: "make_services services/web",
        within: "{} &",
        after: "svwait --appear -r -t 30 services/web; kill -TERM %1; wait %1; svok services/web || echo ended",
        shows: "ended",
        ..EXAMPLE
    },
    Example {
        line: "svscanboot",
        not_run: Some("it reads the machine's own /service; tests/svscan/boot.rs has one of its own, in a namespace"),
        ..EXAMPLE
    },
    Example {
        line: "svscanboot /srv/service",
        before: "make_services srv/service/web",
        within: "{} &",
        after: "svwait --appear -r -t 30 srv/service/web; svup srv/service/web && echo up
                kill $(cat /proc/$!/task/$!/children); wait",
        shows: "up",
        ..EXAMPLE
    },
    Example {
        line: "svstat /service/web /service/mail",
        before: "serve service/web service/mail",
        after: "end service/web service/mail",
        shows: "/service/web: up (pid 4711) 2 seconds\n/service/mail: up (pid 4711) 2 seconds",
        ..EXAMPLE
    },
    Example {
        line: "svstat --table --watch /service/web /service/mail",
        before: "serve service/web service/mail",
        within: "{} >table &",
        after: "watch=$!; await grep -q mail table; svc -d service/mail; await grep -q 'mail *stopped' table
                kill -INT $watch; wait $watch 2>&-; end service/web service/mail",
        ..EXAMPLE
    },
    Example { line: "svstat -q /service/web", before: "serve service/web", after: "end service/web", ..EXAMPLE },
    Example {
        line: "svstat -q -L /service/web",
        before: "serve service/web service/web/log; svc -d --wait=down service/web/log",
        code: 1,
        after: "end service/web service/web/log",
        ..EXAMPLE
    },
    Example {
        line: "svstat --json /service/web",
        before: "serve service/web",
        within: "{} | cut -d, -f1",
        after: "end service/web",
        shows: "{\"name\":\"/service/web\"",
        ..EXAMPLE
    },
    Example { line: "svup /service/web", before: "serve service/web", after: "end service/web", ..EXAMPLE },
    Example {
        line: "svwait -t 10 /service/database",
        before: "serve service/database",
        after: "end service/database",
        ..EXAMPLE
    },
    Example {
        line: "svwait -r -t 30 /service/database /service/cache",
        before: "serve service/database service/cache",
        after: "end service/database service/cache",
        ..EXAMPLE
    },
    Example {
        line: "svwait -d /service/web",
        before: "serve service/web; svc -d service/web",
        after: "svup service/web; test $? = 100; end service/web",
        ..EXAMPLE
    },
    Example {
        line: "svwait --appear -t 30 /service/web",
        before: "make_services service/web; (sleep 0.1; exec supervise service/web) &",
        after: "svup service/web; end service/web",
        ..EXAMPLE
    },
    Example {
        line: "readproctitle service errors: ........................................",
        within: "(echo trouble; read -r line <go) | {} &",
        after: "await grep -qs trouble /proc/$!/cmdline; tr '\\0' ' ' </proc/$!/cmdline | grep -o 'service errors:.*trouble' \
                | tr -d .; echo >go; wait",
        shows: "service errors: trouble",
        ..EXAMPLE
    },
];
