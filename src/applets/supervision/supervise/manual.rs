//! The prose of supervise's manual page.

use crate::applet::Manual;

/// All of it.
pub const MANUAL: Manual = Manual {
    description: &[
        "Changes to the service directory DIR and runs `./run` there: without arguments, in a session of its own, with the \
         environment, descriptors, limits and signals that supervise was started with. When it ends, it is started again: \
         at once, but never sooner than a second after its last start. If there is a file `down`, it is not started \
         until a command asks for it.",
        "Commands come by svc(1), which also works while the service is about to be started again: nothing here sleeps. \
         svstat(1) shows how the service is, svwait(1) waits for it, svok(1) tells whether supervise runs at all. The \
         programs of the same names of daemontools, daemontools-encore and runit's sv work as well.",
        "TERM, INT and HUP to supervise itself do what `svc -dx` does: the service ends, and then supervise, with 0. QUIT \
         ends supervise at once and leaves the service running. This holds as the first process of a container, too, \
         where supervise also waits for orphans.",
        "A supervise that was killed leaves its service running. The next one on the same directory finds it by \
         `supervise/info` and /proc, and goes on with it, instead of starting a second copy. How such a service ends cannot \
         be known.",
        "If the supervise directory is removed, it is made anew within moments, unless supervise has been told to end with its \
         service, or there is no `run` to be supervised. If DIR itself is removed, or neither `run` nor the supervise directory \
         is there when the service is down, the service keeps running, and supervise ends with it. `svc --remove` removes a service in order (see svc(1)).",
        "What an order waits for is said once, after five seconds, with process numbers and names; svstat(1) shows it.",
    ],
    sections: &[
        (
            "COMMANDS",
            &[
                "Each byte in `supervise/control` is a command; svc(1) has an option for each. What it does depends on how the \
                 service is: down; waiting to be started again; running; or while `start`, `stop` or `finish` runs.",
                "u: it is to be up: started if it is down, and started again whenever it ends. While a script runs: afterwards.",
                "d: it is to be down: gets TERM, or what `down-signal` says, and CONT, and is not started again. While it waits: it \
                 is not started. While a script runs: it is not started afterwards. What is left behind and waited for (`orphanage`) gets \
                 the same signals as soon as `run` has ended.",
                "o: once: started if it is down; not started again when it ends.",
                "x: supervise exits as soon as the service is down, and before it would be started again. With d: \
                 it ends both.",
                "p, c: it gets STOP, or CONT, and counts as paused, or not.",
                "a, h, i, k, q, t, 1, 2, w: it gets ALRM, HUP, INT, KILL, QUIT, TERM, USR1, USR2 or WINCH. Nothing gets \
                 them while it does not run.",
                "r: it is to be started again: gets the signals of d, as what it leaves behind does, and is started anew if it is to be up. If it \
                 is down, it is started.",
                "+, =: signals of the commands that follow and arrived together go to the process group of the service, or to its \
                 process alone. With `no-setsid` it has no group of its own, and always gets them alone.",
                "L, l: what follows is for a log inside the same supervise, which there never is, and not done; or for the \
                 service. Any other byte is ignored.",
            ],
        ),
        (
            "FILES",
            &[
                "All of these but `run` are optional, and read when they matter, so that a change needs no restart.",
                "run: the service. If it cannot be run, that is said once a minute, and tried again every second. If it exits \
                 with 100 it has failed, and is not started again until `svc -u`.",
                "down: it is not started when supervise is.",
                "start: run before the first `run` after each start by command or by the start of supervise. If it fails, the \
                 service has failed. If there is no `run`, the service counts as up from then on.",
                "stop: run once when `run` has ended for good.",
                "finish: run after every end of `run`, with its exit code, or 256, and with the signal that killed it, or 0. If there is \
                 a `stop`, too, that is not run.",
                "notify: run at each start and end of one of these, with its name, `start`, `exit` or `killed`, the process number, \
                 and the exit code or signal. Nobody waits for it. It gets the standard descriptors only.",
                "no-setsid: the service stays in the session of supervise.",
                "down-signal: a signal, by name or number, instead of TERM.",
                "timeout-kill: if `run` still runs so many milliseconds after d or r, it gets KILL. So does a script, if d comes while it runs, \
                 and what has been left behind and is waited for, so many milliseconds after it was told to end. Without this file who does \
                 not heed TERM is waited for as long as it runs.",
                "killpg: TERM of d, KILL of k and of timeout-kill go to the process group of the service; and what is left of the group when the \
                 service has ended gets KILL. Without it, and without `orphanage`, a shell that does not `exec` its program leaves the program \
                 running when it ends; supervise says so, and no more, and with `no-setsid` it cannot tell.",
                "orphanage: what the service has started and left behind, in whatever group or session, is waited for before \
                 anything else is run; signals go to it meanwhile. If the service was told to end or to restart, or has failed for good, so is what \
                 it has left. Processes become children of supervise for that; as the first process of \
                 a container it gets those of others, too, and waits for them as well.",
                "notification-fd: the number of a descriptor, above 2, at which the service finds a pipe. When it writes a newline \
                 to it, it is ready (svwait -r).",
                "backoff: the distance between two starts doubles for each run that took less than five seconds, up to so many seconds \
                 (60 in an empty file), and is a second again after a run of a minute.",
                "supervise/: supervise's own files; what a symbolic link in its place points to is made if it is missing. \
                 `lock` is locked as long as supervise runs. `control` is a FIFO that takes commands: who may write to it commands. To \
                 let a group do that, make it beforehand with `mkfifo -m 620`. `ok` is a FIFO that has a reader as long as supervise runs. \
                 `status` holds 20 bytes: since when the process is what it is, the process, whether it is paused, what is wanted, and how \
                 far it is. `info` holds lines of key=value: restarts, the last exit code or signal, readiness, the next start, what has been left \
                 behind.",
                "On a full disk both are overwritten in place, which takes no more room, and that is said once.",
            ],
        ),
        (
            "ENVIRONMENT",
            &[
                "SUPERVISEDIR: another name for `supervise`; or, beginning with a slash, the directory that all of these are \
                 in, each called as the path of its service directory with colons for the inner slashes.",
            ],
        ),
    ],
    examples: &[
        ("supervise /service/web", "Run the service in /service/web and start it again whenever it ends."),
        ("supervise .", "Try out the service in the current directory; Ctrl-C ends it."),
    ],
    reference: "daemontools 0.76, with the additions of daemontools-encore 1.11",
    differences: &[
        "TERM, INT and HUP end the service, too. The reference dies and leaves it running, and as the first process of a \
         container it ignores TERM.",
        "Times are measured by a clock that nobody sets; commands are obeyed at any time, also in the second after a start.",
        "The service gets a session of its own (as with daemontools-encore), unless there is a file `no-setsid`.",
        "`supervise/control` has to be a FIFO of one's own or root's.",
        "Commands that have arrived together are obeyed before anybody looks whether the service has ended: after `svc -do` it stays \
         down; the reference may have seen its end in between, and starts it once more.",
        "A status file that could not be written is written later; nothing is written that says what it said before.",
        "`svc -d` runs no `stop` for a service that never ran, and signals ignored at the start stay ignored (both unlike \
         daemontools-encore). A log inside the same supervise (an executable file `log`) is not supported; a \
         directory `log` is, by svscan(1).",
        "`finish`, `down-signal`, `timeout-kill` and `notification-fd` are as with s6; `killpg`, `orphanage`, `backoff`, \
         `supervise/info`, adoption and the command r are additions.",
    ],
    see_also: &["svscan(1)", "svc(1)", "svstat(1)", "svwait(1)", "multilog(1)"],
};
