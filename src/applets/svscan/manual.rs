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
        "What is removed from DIR keeps running, but its supervise is not started again. HUP ends it.",
        "TERM and INT end all: each service gets what `svc -dx` does; when it is down, its log reads what is left in the pipe and \
         ends; then svscan exits with 0. A log that has read nothing for five seconds, because something else holds the pipe, is told to \
         end, too. A service that a killed supervise has left running is ended as well. This holds as the first process of a \
         container, too, where svscan waits for all orphans and at the end kills what nobody has supervised.",
        "QUIT ends svscan at once and leaves all running. So does KILL. The next svscan on the same directory takes over the \
         supervises that run there, with the pipes between them, which it finds by /proc. That cannot be done for supervises of another \
         make: then those go on alone, and each new one ends because it finds a lock, as with the reference.",
        "With LOGSERVICE, that service of DIR logs what svscan and the supervises say on standard output and error. It is \
         started first and ended last; its name may begin with a dot.",
    ],
    sections: &[
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
    ],
    see_also: &["supervise(1)", "svscanboot(1)", "svc(1)", "svstat(1)", "readproctitle(1)"],
};
