//! The prose of svscan's manual page.

use crate::applet::Manual;

/// All of it.
pub const MANUAL: Manual = Manual {
    description: &[
        "Runs supervise(1) for each service directory in DIR: for each directory, or symbolic link to one, whose name does \
         not begin with a dot. A new one is noticed at once. A supervise that ends is started again: a second later, or \
         five seconds later if it exited within five seconds.",
        "If a service directory has a directory `log`, a second supervise runs for that, and a pipe leads from the standard \
         output of the service to the standard input of the log. svscan keeps both ends, so nothing in the pipe is \
         lost when either side is started again, and the service need not wait. A `log` that appears later counts from the next start \
         of the service's supervise on.",
        "What is removed from DIR, or renamed there to a name with a dot, keeps running, but its supervise is not started again. HUP \
         ends it. Once it has ended, by HUP or by `svc -dx`, its log reads what is left in the pipe and ends as well, whatever \
         has become of its directory. A directory that comes back meanwhile is a service again when that is over.",
        "TERM and INT end all: each service gets what `svc -dx` does; when it is down, its log reads what is left in the pipe and \
         ends; then svscan exits with 0. A service that a killed supervise has left running is ended as well. This holds as the first \
         process of a container, too, where svscan waits for all orphans and at the end kills what nobody has supervised. What it \
         waits for then, and for how long, is told under WAITING.",
        "QUIT ends svscan at once and leaves all running. So does KILL. The next svscan on the same directory takes over the \
         supervises that run there, with the pipes between them, which it finds by /proc. That cannot be done for supervises of another \
         make: then those go on alone, and each new one ends because it finds a lock, as with the reference. What has vanished from \
         DIR before is left alone.",
        "A second svscan on a directory whose svscan lives, or has been told to end and has not yet, says so and exits with 111. It has \
         touched nothing then. The one that lives holds a lock on DIR/.svscan.lock, which is free as soon as it is gone, however \
         it went; one that has been killed and is not gone yet is waited for, five seconds at most. Where DIR cannot be written to, the lock lies beside the supervise directories if SUPERVISEDIR is an absolute path. \
         Otherwise, and where the lock was not there before, an svscan is looked for that is the parent of a supervise of DIR; so on a \
         read-only DIR two that are started in the same moment may miss each other, and one whose supervises are of another make, or \
         were taken over, is not seen.",
        "With LOGSERVICE, that service of DIR logs what svscan and the supervises say on standard output and error. It is \
         started first and ended last; its name may begin with a dot.",
    ],
    sections: &[
        (
            "WAITING",
            &[
                "Services end at the same time, each followed by its log. svscan waits for a service as long as that takes; after \
                 five seconds it says once on standard error for which. A limit is the service's own: `timeout-kill`, see supervise(1).",
                "A log that has read nothing for five seconds is told to end as well, by what `svc -dx` does, and svscan says why: \
                 mostly a process that the service has left behind still holds the pipe. Each bit that is read from what was there \
                 gives it five seconds anew. After another five seconds it is said once that it still runs; then it is waited for. \
                 svscan's own log comes last and gets two seconds. So where nothing is read all is over in less than ten seconds, which \
                 is what containers are mostly given, if services and loggers end when they are told to. multilog(1) does so \
                 unless it cannot write: then it takes its own time.",
                "A log that does not run is started for what is left in the pipe, for five seconds at most. What is in the pipe when a log is \
                 given up is lost, and svscan says how much that is.",
                "All this holds for the log of a service that has vanished, too. As long as a service that has vanished runs on because \
                 its supervise was killed, its log is left alone.",
                "A supervise that takes no commands gets TERM after five seconds. A service that runs without a supervise, because that was \
                 killed, gets one again, five times at most; then svscan says that it leaves that service running.",
            ],
        ),
        (
            "SIGNALS",
            &[
                "TERM, INT: end all services in order, then exit.",
                "HUP: look at DIR, and end the services that are no longer there.",
                "ALRM: look at DIR now.",
                "QUIT: exit and leave all running.",
            ],
        ),
        (
            "FILES",
            &[
                "DIR/NAME: a service directory; see supervise(1) for what it may hold.",
                "DIR/NAME/log: the service directory of its log.",
                "DIR/NAME/supervise/control, DIR/NAME/log/supervise/control: written to at the end.",
                "DIR/NAME/supervise/info: read to take over what an earlier svscan has left running.",
                "DIR/.svscan.lock (0600, empty): locked by fcntl(2) as long as svscan lives; it stays. A link, or anything but a file of \
                 one name that belongs to root, to svscan's account or to the owner of DIR, is refused with 111.",
                "SUPERVISEDIR/.svscan:PATH: the same for a DIR that cannot be written to.",
            ],
        ),
        (
            "ENVIRONMENT",
            &[
                "CATENA_SUPERVISE: the program to run as supervise, with a slash in it or found by PATH. Without it svscan runs its own: \
                 in a copy of its process where nobody can tell that from an exec, which saves most of the memory.",
                "CATENA_FUSE: with 0 that is always an exec.",
                "SUPERVISEDIR: see supervise(1).",
            ],
        ),
    ],
    examples: &[
        ("svscan /service", "Run all services in /service."),
        ("svscan /service .svscan", "Likewise, with a log of what svscan itself says in /service/.svscan."),
        (
            "svscan ./services",
            "As the command of a container: TERM, which `docker stop` sends, stops everything in order.",
        ),
    ],
    reference: "daemontools 0.76, with the additions of daemontools-encore 1.11",
    differences: &[
        "Changes are noticed by inotify and a minute apart, not every five seconds.",
        "TERM and INT end the services; the reference dies and leaves all supervises running. An empty directory is no \
         reason to exit (unlike daemontools-encore).",
        "There is no limit of 1000 services. svscan raises its own limit on descriptors for that; what it starts has the former one.",
        "Closed standard descriptors and an ignored SIGCHLD do no harm.",
        "Started by root, it warns of a service directory that others may write to.",
        "An svscan that was killed can be followed by another.",
        "A second svscan on the same directory refuses, with 111; s6-svscan does likewise with 100. In the reference both run, \
         and the second tries to start each supervise every five seconds.",
        "The log of a service that has vanished ends after it. In the reference it runs until `svc -dx` goes to it, too, which its \
         directory must still be there for.",
    ],
    see_also: &["supervise(1)", "svscanboot(1)", "svc(1)", "svstat(1)", "readproctitle(1)"],
};
