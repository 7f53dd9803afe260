//! The prose of svstat's manual page.

use crate::applet::Manual;

pub const MANUAL: Manual = Manual {
    description: &[
        "Says in a line for each DIR how the service in it is: up, with the process and for how many seconds, or down; and what there is \
         to say besides.",
        "The line is the reference's, to the byte, so that scripts may compare it. `--encore` adds what the service is doing, where its \
         supervise tells that: `stopped`, `starting`, `started`, `running`, `stopping` or `failed`, and `once` if it is up and not wanted \
         again. A log that is kept by the same supervise (daemontools-encore) has a line of its own.",
        "`-l` and `-L` choose the services or their logs. With `-L`, a log that has a service directory `log` of its own is meant as well.",
        "`-q` says nothing, and the exit code tells. Without `-L` it is that of the services: their logs decide nothing, so look at them with \
         `-q -L`. Of several the worst decides; 111 means that nothing can be told of one.",
        "`--watch` goes on for ever, or until nobody reads. It does nothing until a service changes; only on a terminal the time is \
         shown anew every second. With `--json` it prints the objects of those that have changed.",
    ],
    sections: &[
        (
            "LINES",
            &[
                "`up (pid N) S seconds` or `down S seconds`, and then in this order, each behind a comma:",
                "`normally down`: it is up, and the file `down` is there. `normally up`: it is down, and the file is not there. `paused`: it has been \
             sent STOP. `want up`: it is down, and will be started. `want down`: it is up, and will not be started again. `got TERM`: runit's \
             runsv, which supervises it, has sent TERM. `waits for pid N`: it is down but for what it has left behind, which supervise(1) waits for \
             (`orphanage`). `--table` also says `has left pid N` where such a process runs on and nobody waits for it.",
                "`supervise not running` and `unable to open supervise/ok` mean that nobody supervises it; `not a daemontools service (s6)`, that \
             its files are those of s6-supervise.",
            ],
        ),
        (
            "LOGS",
            &[
                "A log that does not run keeps what the service says in the pipe, and when that is full, the service. So `--table` notes beside \
             the service that its `log` is `down`, and why, as far as that is known: `failed` for good, `want down`, how it last ended, and how \
             often it has been started again, or `not supervised`; that it is `paused`; or that nothing can be told of it: `unknown`. A \
             directory `log` in which there is neither `run` nor `supervise` is taken for no log. With `-l` nothing is noted.",
                "A log that fails again and again is up for a moment each time, and then down, with `want up`, for the rest of a second or, \
             with a `backoff`, longer. So one that has been started again counts as down until it has lasted two seconds, in the notes and \
             for `-q -L`: 0 is up, 1 down, 2 not supervised, 3 failed for good, as for a service. So does one whose `finish` \
             or `stop` runs. Where supervise(1) of another kind runs, which does not count, only the moment is known. `--json` tells of the moment, and has `restarts` and `last_exit` beside it.",
            ],
        ),
        (
            "JSON",
            &[
                "`name`; `supervised`, true or false; `up`, true or false; `pid`; `since`, a time (RFC 3339, UTC), and `seconds`, since when the \
             process is what it is; `paused`; `want`, \"up\", \"down\" or \"once\"; `normally_up`; `state`, as with `--encore`.",
                "`ready`, `restarts`, `last_exit`, `last_signal`, `left`, `left_pid` and `backoff_s` are known where supervise(1) of this kind runs; `left` is \
             how many processes a service that is down has left behind, and `left_pid` one of them; `ready` only of a \
             service that has a `notification-fd`. `log` is an object for the service's log, if it has one. What is not known, or does not \
             apply, is null. `error` is there only if something is wrong, and says what.",
                "A name that is no UTF-8 has U+FFFD where it is not.",
            ],
        ),
        (
            "FILES",
            &[
                "`DIR/down`; `DIR/supervise/ok`; `DIR/supervise/status`; `DIR/supervise/info`, which is believed if it speaks of the same process. \
             `SUPERVISEDIR` may name another directory than `supervise`: see svc(1).",
            ],
        ),
    ],
    examples: &[
        ("svstat /service/web /service/mail", "How two services are."),
        ("svstat --table --watch /service/web /service/mail", "Keep an eye on them."),
        (
            "svstat -q /service/web",
            "Exit 0 if it is up, 1 if it is down, 2 if nobody supervises it, 3 if it has failed for good.",
        ),
        ("svstat -q -L /service/web", "The same for its log."),
        ("svstat --json /service/web", "For programs."),
    ],
    reference: "daemontools 0.76, and daemontools-encore 1.11 for l and L",
    differences: &[
        "`-q`, `--encore`, `--json`, `--table` and `--watch` are additions. The reference has no options: a name that begins with a hyphen has \
         to be given as `./-name`.",
        "daemontools-encore always says what a service is doing; here `--encore`, `-l` or `-L` asks for it.",
        "What is called `supervise/ok` has to be a FIFO; for the reference a plain file will do. Symbolic links in the place of the files of \
         supervise are not followed.",
        "`got TERM`, the line of a log and the sentence about s6 are additions to the reference's lines, where the reference says something else or nothing.",
        "A status file that is there and cannot be read is said to be so; the reference shows what happens to be in its memory.",
        "The current directory need not be readable.",
    ],
    see_also: &["svok(1)", "svup(1)", "svwait(1)", "svc(1)", "supervise(1)"],
};
