//! The prose of svc's manual page.

use crate::applet::Manual;

pub const MANUAL: Manual = Manual {
    description: &[
        "Tells the services in the directories DIR what the options say, one after the other: to each supervise(1) all commands at once, \
         in their order. It does not wait for anything to come of them, unless `--wait` asks for that. A command that is given twice \
         counts once.",
        "Order matters: `-dx` takes a service down, and its supervise ends when it is; `-du` ends it with TERM and has it started again.",
        "A DIR that cannot be told is warned of, and the next one is tried. The exit code is 0 even so, as scripts expect it of the \
         reference; with `--check` it tells. A FIFO that is full, because supervise has been stopped, is waited for five seconds.",
    ],
    sections: &[
        (
            "COMMANDS",
            &[
                "`-u`, `-d` and `-o` say what is wanted of a service; `-p`, `-c`, `-h`, `-a`, `-i`, `-t`, `-k`, `-q`, `-1`, `-2` and `-w` send \
             it a signal; `-x` has supervise end. `-q -1 -2 -w -+ -=` are daemontools-encore's and do nothing to daemontools' supervise.",
                "`-+` has the signals behind it go to the process group of the service, `-=` to its process alone. `-+k` so ends also \
             what a service has started.",
                "`-L` says that the commands behind it are for the service's log, `-l` that they are for the service itself again. A log \
             in the directory `log`, with a supervise of its own, is told by its own FIFO; one in the same supervise by the letters `L` \
             and `l`, which are sent only if `status` shows such a log: others would take what is for the log for theirs.",
                "`--restart` has the service ended as `-d` would, but what is wanted stays: it is started again. If it is down, it is started. \
             A supervise that is not of this kind is sent `-tc`, or `-u` if the service is down. `--reload` sends HUP, or the signal \
             that the file `reload-signal` names.",
            ],
        ),
        (
            "WAITING",
            &[
                "With `--wait` the exit code is that of svwait(1): 0 when all services are what was waited for, 99 when the time is over, 1 if \
             one has failed for good, 102 if one has lost its supervise since it was told, unless it is to be down. Without SECONDS the wait \
             has no end of its own.",
                "A service that could not be told since no supervise runs for it will not come up: `no supervise runs for DIR`, and 111. It is \
             down, unless a process of it runs on: then that is said, and its end is waited for, as by svwait(1).",
                "After commands that end a service (`-d`, `-k`, `--restart`) a process that was there before does not count as up. It is the \
             service that is waited for, not its log.",
            ],
        ),
        (
            "REMOVING A SERVICE",
            &[
                "`--remove` stands alone, and takes a service away in this order: DIR is renamed to a name with a dot before it (`/service/web` to \
             `/service/.web`), which svscan(1) passes over and nothing else has; the service is told `-dx`, also by a supervise that is just \
             starting; when nothing of it runs any more, svscan lets its log read what is left and end, and its supervise, too. Then the new name is \
             printed, a line for each DIR as it is done, to anything but a terminal byte by byte. Nothing is deleted: `rm -r` on that name does that, or a renaming brings the \
             service back.",
                "It waits as long as the service takes to end, and after that as long as its log does, and says after five seconds what it waits for; \
             with SECONDS, no longer than that: 99. Then DIR has its new name, the service has been told, and `svc --remove` on the new name \
             waits on. If its supervise is killed meanwhile, the end of its process is waited for, which nobody orders any more. A log that has \
             no svscan of this kind above it is told itself, seven seconds after its service's end, when it has read all.",
                "Nothing is done, and the code is 111, if the new name is taken; if DIR is no service (it has neither `run` nor `start` nor a supervise \
             directory), is the log of one, or of s6; if who calls may not command it; and if it runs without a supervise, which was \
             killed. A DIR that is a symbolic link is renamed as such. Every failure after the renaming says what it is called now. Of several \
             codes 111 counts before 99.",
            ],
        ),
        (
            "FILES",
            &[
                "`DIR/supervise/control`, the FIFO for commands; `DIR/log/supervise/control`; `DIR/supervise/status`; `DIR/reload-signal`, the \
             name or the number of a signal.",
                "If `SUPERVISEDIR` is set, it is the name of the directory instead of `supervise`. If it begins with a slash, the path of the \
             service directory is added to it, with a colon for each slash but the first.",
            ],
        ),
    ],
    examples: &[
        ("svc -d /service/web", "Take it down."),
        ("svc -u --wait=up,10 /service/web", "Bring it up, and wait up to ten seconds until it is."),
        ("svc --restart --wait=ready /service/web", "Restart it, and wait until it says that it is ready."),
        ("svc -h /service/web /service/mail", "Send HUP to two services."),
        (
            "svc --remove /service/web",
            "Take it out of svscan's directory, and end it and its log; then say where it is now.",
        ),
        (
            "svc -dx /service/web /service/web/log",
            "End a service that has been taken out of svscan's directory, its log, and both supervises.",
        ),
    ],
    reference: "daemontools 0.76, and daemontools-encore 1.11 for q, 1, 2, w, +, =, L and l",
    differences: &[
        "`--restart`, `--reload`, `--check`, `--wait` and `--remove` are additions.",
        "There is no limit to the number of commands; the reference takes 20.",
        "A full FIFO is waited for no longer than five seconds; the reference waits for ever.",
        "What is called `supervise/control` has to be a FIFO, and a symbolic link in its place is not followed; the reference writes into \
         a plain file, too.",
        "daemontools-encore begins all commands with `l`, and sends `L` to any supervise, so that its `svc -Ld` takes the service itself down \
         where supervise is daemontools'. Here `l` comes only behind an `L`: s6 and its heirs take it for another command.",
        "The current directory need not be readable.",
    ],
    see_also: &["svstat(1)", "svwait(1)", "svok(1)", "supervise(1)", "svscan(1)"],
};
