//! The prose of daemonize's manual page.

use crate::applet::Manual;

/// All of it.
pub const MANUAL: Manual = Manual {
    description: &[
        "Forks. The child starts a session, puts /dev/null on descriptors 0, 1 and 2, changes to /, and goes on \
         with the chain. The parent waits until the chain's last program has been started, and exits with 0. If \
         anything fails on the way, however late, the parent says why on its own standard error and exits with \
         the code of the link that failed: an unknown account, a lock that is held, a program that does not \
         exist or has no interpreter. The message goes to the daemon's standard error as well. What runs behind \
         a program that is no link of catena, such as a shell, is beyond its sight: there it reports that this \
         program has been started.",
        "A parent that is interrupted or killed while it waits has told nobody anything, so nothing comes of the \
         start either: whatever of the chain still waits, for a reader of a FIFO, a lock or an account's data, is \
         killed at once, and the program is not run; a pid file that has been written stays, unlocked. A program that has been started already goes on. With \
         `--on-timeout=keep` the chain goes on, too. A parent that has waited for ten seconds says once for which \
         process. Without `--timeout` the wait has no bound.",
        "With `--ready` the parent waits for more than that. `--ready=fd=N`: the daemon finds a pipe on \
         descriptor N and writes a newline into it when it is ready to serve, as s6 and supervise understand \
         it. `--ready=notify`: the daemon sends READY=1 to the socket that NOTIFY_SOCKET names, as systemd \
         understands it; the variable replaces one that was there, and only messages of the daemon's own \
         process count unless `--notify-access=all` admits its descendants. `--ready=none` returns once \
         daemonize's own part is done. A daemon that ends, closes the pipe, or is not ready within `--timeout` \
         has failed; it, or what it has left of its process group, is sent SIGTERM, and SIGKILL five seconds \
         later, unless `--on-timeout=keep` says otherwise. `--settle` catches what ends soon after its start, \
         such as a program that a memory limit kills in the exec.",
        "`-p` writes the pid before the program runs, so that the file is complete when the parent returns, and \
         holds a lock on it, as pidfile-lock(1) does with the same precautions; so a second start with the same \
         file is refused, and after a crash the next start takes it over. If the start fails, the file is \
         emptied, or removed if it was new; only a program of `-u` that cannot be run behind `--ready=none`, when \
         the parent has gone, leaves its pid there, without a lock. It belongs to who starts the daemon, and the daemon has \
         it open for reading alone: a file that the daemon's account could write to would let that account choose \
         whom root signals. `-l` may name the same file; then its flock(2) is the only lock.",
        "A file that belongs to the account of `-u`, as bmc/daemonize leaves it, is taken over: once it is \
         locked and names no process of that account that runs, it becomes the caller's. For that it must lie \
         in a directory of root or the caller that neither group nor others may write to, sticky or not. \
         Elsewhere it is refused; and a start beside a predecessor that runs fails with 75. A process that \
         already has the file open for writing can still write to it. With `--pidfile-owner=user` the file stays the account's, wherever it \
         lies.",
        "Names of files are relative to the directory that daemonize is called in, whatever `-c` says. The \
         files of `-o` and `-e` are opened as the account of `-u`, and are one file if they have one name; then \
         standard input is /dev/null for reading. They are opened for the daemon, so an opening that blocks, as \
         of a FIFO without a reader, makes the parent wait.",
        "Without `-a` a log is emptied for the program, not before: right before the exec of the chain's last \
         program, once its file, its interpreter or loader and the right to run it have been found. What the \
         links of the chain say until then is added behind the old text, and is what the log begins with when \
         that goes. So after a start that fails, or is killed, the old text is there, with what went wrong \
         behind it. What only the exec itself finds, such as arguments that are too long or a lack of memory, \
         and a kill in that instant, come too late for that. What a link cannot add, as on a full disk or behind \
         `softlimit -f`, is only said by the foreground. Where what a link has said cannot be read again, the old text stays, with all \
         that follows behind it.",
        "A program that a name without a slash names is looked for in PATH. A relative name with a slash is \
         refused, since it would change its meaning with the directory.",
        "Nothing else is changed: umask, signal dispositions and limits are the caller's, and so are \
         descriptors above 2 unless `--close-fds` is given. One wants it wherever the caller may hold \
         something open that the daemon must not: a daemon keeps a pipe from seeing its end, a connection or \
         a deleted file open, and a flock(2), such as that of `exec 9>lock; flock 9` in a script, held for as \
         long as it runs. Without it they can be handed to the daemon on purpose, as a lock by setlock(1) or a \
         socket.",
    ],
    sections: &[(
        "WHICH ONE TO TAKE",
        &[
            "daemonize(1) is for a program that is to run in the background now, started from an init script, \
             from cron or by hand, where nothing restarts it if it ends.",
            "nohup(1) and setsid(1) are for a job of one's own that shall outlive the terminal. nohup keeps it \
             in the session and collects its output; setsid takes it out of the session and leaves its output \
             where it is. Neither looks after directory and descriptors: a job over ssh that keeps the \
             connection's descriptors keeps the connection open. daemonize gives its daemon others for 0, 1 and \
             2; what else the caller may have open, `--close-fds` closes.",
            "supervise(1) is for a service that shall run always: it starts it, restarts it, and is its parent, \
             so it needs no pid file. Under supervise a program stays in the foreground, and daemonize has no \
             place in its run script; for a program that cannot stay there, fghack(1) has.",
        ],
    )],
    examples: &[
        ("daemonize -p /run/app.pid -o /var/log/app.log -e /var/log/app.log /usr/bin/app", "The classic."),
        (
            "daemonize -c /srv/app pidfile-lock /run/app.pid setuidgid nobody softlimit -o 1024 /srv/app/server",
            "The same from links, each of which can fail and be heard.",
        ),
        (
            "daemonize --ready=notify --timeout=30 /usr/bin/redis-server --supervised systemd",
            "Return when it says that it is ready.",
        ),
        (
            "daemonize -a -o build.log -e build.log -c . make all",
            "Over ssh: a job that keeps nothing of the session open. From a script add `--close-fds`.",
        ),
        (
            "daemonize --double-fork --close-fds --umask=022 softlimit -c 0 pidfile-lock /run/app.pid app",
            "What libslack's daemon does.",
        ),
    ],
    reference: "bmc/daemonize 1.7.8",
    differences: &[
        "The parent waits, and tells what went wrong after the fork. The reference has exited with 0 by then, \
         and usually before the pid is in its file.",
        "Messages begin with `daemonize: `.",
        "A log is emptied when the program can be started; the reference empties it at once.",
        "The pid file is opened once, in the caller's directory, never through a link, and stays the caller's; \
         the reference gives it to the account of `-u` and writes it anew from there. One that the reference \
         has left is taken over. It is locked, and a second start with it fails with 75. The descriptors of this \
         lock and of that of `-l` can only read.",
        "With `-o` or `-e`, standard input can be read, to its end; in the reference it cannot. No descriptors \
         but 0, 1, 2 and that of a lock reach the daemon; the reference leaves up to three more.",
        "A name without a slash is looked for in PATH. IFS and PATH are not put into the environment.",
        "Without a program, or with an option it does not know, it tells its options and exits with 1; the \
         reference crashes.",
        "A relative directory of `-c` is changed to once; the reference tries it twice, and its daemon dies. \
         What of 0, 1 and 2 is closed at the start costs neither a log nor a lock.",
        "A pid file that group or others may write to is refused, and so is anything but a regular file, \
         /dev/null excepted, which means none.",
        "`-v` says all it says at once, also into a pipe.",
        "`-u` takes the forms that setuidgid(1) knows, empties the ambient set of capabilities, and verifies all that. \
         The long options are additions.",
    ],
    see_also: &["pidfile-lock(1)", "supervise(1)", "setsid(1)", "nohup(1)", "fghack(1)", "daemon(7)", "sd_notify(3)"],
};
