//! The prose of the manual page.

use crate::applet::Manual;

/// The actions.
pub const ACTIONS: &[(&str, &str)] = &[
    ("t", "First: put a TAI64N label before each line"),
    ("i", "First: put the time in UTC before each line"),
    ("I", "First: put the local time before each line"),
    ("T", "First: put seconds since 1970 and microseconds before each line"),
    ("pTEXT", "First, or behind the stamp: put TEXT before each line"),
    ("+PATTERN", "Select the line if it matches"),
    ("-PATTERN", "Deselect the line if it matches"),
    ("F, S", "Take later patterns as fnmatch(3) does, as simple ones again"),
    ("e", "Show the first 200 bytes of the line on standard error"),
    ("=FILE", "Keep the first 1000 bytes of the last line in FILE"),
    ("./DIR, /DIR", "Append the line to the log directory DIR"),
    ("sBYTES", "Later directories: bytes in a file at most (99999)"),
    ("nNUMBER", "Later directories: how many files, with the current one (10)"),
    ("mBYTES", "Later directories: bytes in all old files at most (no limit)"),
    ("aSECONDS", "Later directories: begin a new file after so long (never)"),
    ("NNUMBER", "Later directories: if the disk is full, remove old files but for so many"),
    ("wCODE", "Later directories: name complete old files .CODE (s)"),
    ("!COMMAND", "Later directories: make old files by this processor"),
];

/// All else.
pub const MANUAL: Manual = Manual {
    description: &[
        "Reads lines from standard input and carries out the actions on each, in the order given: they select lines, append \
         them to log directories, show them, keep the last one. A log directory holds `current` and some old files; when \
         `current` is big enough it becomes an old file, and the oldest are removed, so a log never outgrows its limit \
         and needs no other program, no signal and no restart to be rotated.",
        "All words are actions, also those that begin with a dash; only a sole `--help` or `--version` is an option. A word that \
         is no action, or none in its place, is ignored with a warning.",
        "At the end of standard input, a last line without a newline gets one, `current` is brought to disk and marked as \
         complete, and multilog exits with 0. What cannot be opened or locked at the start ends it with 111 before \
         anything is read.",
        "The umask is 022.",
    ],
    sections: &[
        (
            "SELECTING LINES",
            &[
                "Every line begins selected. `+PATTERN` selects a line that matches, `-PATTERN` deselects it; the last one that \
                 says something counts, and later actions see the line or do not. `-*` deselects every line.",
                "A pattern is matched against the whole line, with time stamp and prefix, but no more than its first 1000 \
                 bytes. A byte stands for itself. A star goes on to the first occurrence of the byte behind it, without a \
                 second thought; at the end it goes on to the end. So `+*: fatal: *` finds a message behind a name; but `*ab` \
                 does not match `aab`.",
                "`F`: later patterns are those of fnmatch(3): `*` matches anything, `?` a byte, `[...]` a set; \
                 of a line with NUL bytes they see what is before the first. `S`: later \
                 patterns are simple ones again.",
            ],
        ),
        (
            "TIME STAMPS",
            &[
                "Before each line, and only as the first action: `t` puts a TAI64N label, as tai64n(1) does; `i` the time in UTC, \
                 `2026-11-21T03:26:50.123456Z`; `I` local time, `2026-11-21T04:26:50.123456+01:00`; `T` seconds since 1970 and \
                 microseconds. The time is that at which the line's first byte was seen.",
                "`pTEXT`, as the first action or right behind the stamp, puts TEXT before each line and behind its stamp.",
            ],
        ),
        (
            "LOG DIRECTORIES",
            &[
                "A word that begins with a dot or a slash names a log directory, which is made with mode 0700 if there is none. \
                 What is selected at that point is appended to `current` in it. These actions hold for later directories:",
                "`sBYTES`: files of so many bytes at most (99999; at least 4096, at most 2147483647); k, M, G or T may follow, large or \
                 small, for powers of 1024, here and behind `n`, `m` and `N`. A file ends with the first line that ends \
                 within 2000 bytes of that, or in the middle of a line that is longer.",
                "`nNUMBER`: so many files, `current` among them (10; at least 2).",
                "`mBYTES`: so many bytes in all old files. The oldest go first.",
                "`aSECONDS`: a file is ended when its first line is that old, even if nothing comes in, or before, when it is full; m, h or d \
                 may follow.",
                "`NNUMBER`: if the disk is full, old files are removed down to that number before multilog waits, also where a \
                 processor fails and the disk is short of room.",
                "`wCODE`: old files end with `.CODE`, not with `.s`.",
                "`!COMMAND`: a processor, run by `/bin/sh -c` for each full file. It reads the file from standard input and \
                 writes the old file to standard output. What it writes to descriptor 5 the next one finds on descriptor 4. If \
                 it exits with anything but 0, it is run again on the same file after five seconds. It runs in the \
                 directory, with this umask, beside multilog: only the next full file, and the end, wait for it. `!` alone \
                 switches off.",
                "Where something else stands behind the digits of `s` or `n`, as in `s5000x`, the digits count. But digits that are too \
                 few, as in `s10x`, or that something like a unit follows, as in `s10MB` or `s10KiB`, only ever raise what held \
                 before: such a slip removes no old lines. Without any digits, as in a bare `s`, all stays as it was. Each time a \
                 warning names the word and what is taken. A wrong number behind `m`, `a` or `N` is ignored, with a warning.",
                "COMMAND is sought from the log directory: a program beside `log/run` is `!../ship`, not `!./ship`. A processor that \
                 cannot be found is told once, with its path and the directory: at the start, where the command begins with \
                 a path, or else when the shell exits with 127. It is tried again like any other that fails; one that has been run \
                 is told of again when it is gone. One for which the next full file has waited 30 seconds is told, too.",
                "ALRM makes an old file of every `current` that is not empty.",
            ],
        ),
        (
            "OTHER DESTINATIONS",
            &[
                "`e` writes the first 200 bytes of a line to standard error, and `...` if there are more. What the line has in it is \
                 not changed. It waits for a reader that \
                 reads slowly, but not after TERM. Where nobody reads it any more and there is neither a log directory nor a \
                 `=FILE`, multilog is ended by SIGPIPE; if that was ignored or blocked by its caller, it goes on.",
                "`=FILE` keeps the first 1000 bytes of the last line that came here in FILE, filled up to 1001 bytes with newlines. \
                 What the file has behind them stays. It is the file that FILE leads to, with any other names it has, or a device; but \
                 what cannot be written from its beginning on, as a FIFO or a terminal, ends multilog with 111 at the start. \
                 A FILE that is removed is made anew at the next start only.",
            ],
        ),
        (
            "WHAT IS SAFE WHEN",
            &[
                "Input is looked at first, then written to the logs, and only then consumed: a pipe by tee(2), a stream socket by \
                 MSG_PEEK, a file by its offset. So a multilog that is killed, even by KILL and at any instant, loses nothing: the next \
                 one finds in the pipe what the last one had not written. What it had written and not yet consumed, at most 64 KiB, \
                 is then logged twice: **at least once, not at most once**. That holds as long as somebody keeps the pipe open, as \
                 svscan(1) does. A terminal or another device is read a kilobyte at a time, and that much may be lost.",
                "All complete lines that have come are written before multilog waits for more. The beginning of a line stays in the pipe \
                 for a second; if the rest has not come by then, or at once where the pipe holds less than 16 KiB, it is kept in \
                 memory, and lost by a KILL.",
                "What has been written survives a crash of multilog at once. It survives a crash of the system once the file has become \
                 an old file, or multilog has ended: both bring it to disk, the names of old files, too.",
                "A line of more than 40 KiB, or of more than half of what the pipe holds, or that comes through a socket in many small pieces, or whose rest does not come for a second, is written in parts as it comes; killed in \
                 between, its rest is a line of its own.",
                "A `current` of one that was killed becomes an old file ending with `.u` at the next start: it may end in \
                 the middle of a line. So does a file whose rotation was interrupted before it was complete. Then the processor's \
                 state begins anew.",
                "Two processes must not read one pipe at the same time: lines may then be logged twice.",
            ],
        ),
        (
            "TROUBLE",
            &[
                "Whatever fails while multilog runs, say because the disk is full, is told on standard error and tried again every five \
                 seconds. Meanwhile nothing is read, so that whoever writes into the pipe waits once it is full; nothing is lost.",
                "TERM: the line that has been begun is logged up to its newline, for which multilog waits five seconds at most; the rest \
                 of the input stays unread for the next one. If the disk is full, one more attempt is \
                 made at once, and others for three seconds; then multilog exits with 111 and says how much was not written. That is \
                 still in the pipe, but for the beginning of a line that had been taken into memory. If something else is \
                 left to be done in a directory, it says so, and the next multilog does it.",
                "A processor that runs when TERM comes has three seconds from then on, and so have all if there are several. After that multilog says so and tells it to end, by TERM \
                 to the shell that runs it and by KILL a second later. One that has failed, or fails then, is not run again. Either \
                 way multilog exits with 111, and `previous` is left for the next one, which makes it an old file ending \
                 with `.u`. Meanwhile a full `current` is not ended: what is left of the input that was read goes there, \
                 beyond its size.",
                "At the end of standard input a processor is waited for as long as it takes, and run again as long as it fails, until \
                 TERM.",
                "A log directory that is removed while multilog runs, or whose `current` is, is made anew at its name, and that is told, as \
                 soon as there is something to be logged: what had been logged in it is gone, what comes then is not. If it \
                 happens again within five seconds, it waits for as long. If the directory cannot be made, say because the one \
                 above is gone, or if another multilog has made it, multilog exits with 111 and reads no more. A processor \
                 goes on meanwhile, but what it makes is nobody's. A directory that is renamed is written to where it is.",
            ],
        ),
        (
            "FILES",
            &[
                "`lock` (0600): locked as long as a multilog writes here; a second one exits with 111.",
                "`current` (0644; 0744 when closed cleanly): the lines that came last.",
                "`@LABEL.s` (0744): an old file, complete, processed and on disk. The label is the time of its end or, where the clock \
                 was set back, a nanosecond later than the last one's, so names sort by age. `.CODE` with `wCODE`.",
                "`@LABEL.u`: an old file that may be cut and is not processed.",
                "`previous`, `processed`, `newstate`: on their way; one that is left behind is put in order at the next start.",
                "No other file is written to by these names. All but `lock` and a `current` that is gone on with are made anew, \
                 whatever has the name; symbolic links are not followed. A `current` that was closed cleanly but has another name, \
                 too, becomes an old file ending with `.u` instead of being gone on with. A `lock`, or such a `current`, \
                 that is no regular file ends multilog with 111.",
                "`state` (0644): what the last processor has left on descriptor 5.",
                "Other files in the directory are left alone, and only regular files with names like those of old files count and are \
                 removed. daemontools' multilog continues a directory of this one, and the other way round.",
            ],
        ),
    ],
    examples: &[
        ("multilog t ./main", "The whole of log/run for a service: a megabyte of logs in ten files, with time stamps."),
        ("multilog t s16777215 m200M n100 ./main", "Larger files, of which the old ones take 200 megabytes at most."),
        (
            "multilog t ./all '-*' '+*: fatal: *' e ./errors",
            "Keep everything, and what is fatal once more, apart; show that.",
        ),
        (
            "multilog I a1d s100000000 m1G n32 '!gzip -c' wgz ./daily",
            "A file a day, or for 100 megabytes if that is sooner, with readable times, compressed, for a month, and a gigabyte at most.",
        ),
    ],
    reference: "daemontools 0.76, and daemontools-encore 1.11 for F, S, T and w",
    differences: &[
        "`i`, `I`, `a`, `m`, `N` and `p` are additions.",
        "Files of up to 2147483647 bytes, as daemontools-encore has it; the reference stops at 16777215. A file ends with the first line \
         within 2000 bytes of the limit; the reference's may be a few lines longer.",
        "Input is consumed after it has been written; the reference, killed, loses what it has read and not written.",
        "The processor runs in the background.",
        "TERM ends a multilog that pauses; the reference has to be killed. After TERM a processor has three seconds and is not run again; \
         the reference waits as long as it likes.",
        "Where the clock was set back, the reference removes each new old file at once as the oldest. Where SIGCHLD was ignored by \
         its caller, it runs processors for ever.",
        "A directory that is removed is made anew; the reference goes on in files without a name, and then waits for ever.",
        "A processor that cannot be found, or keeps the log waiting, is told.",
        "With a log directory or a `=FILE`, nobody reading standard error is no reason to end; the reference is killed by SIGPIPE.",
        "A `=FILE` that is a FIFO or a terminal is refused at the start; the reference tries for ever to go back to its beginning.",
        "The directory's files are not written to under another file's name; the reference writes through links.",
        "A word that is no action is told; the reference is silent. In the reference no letter behind a number counts, so `s10M` \
         and `s10MB` are the least size, 4096, and so is a bare `s`; a bare `n` is 2. A number of more than 64 bits is a large one; there it \
         wraps around.",
        "Standard input with O_NONBLOCK is waited for; the reference takes the first pause for the end. An error of reading, and a closed \
         standard input, exit with 111 and a message, not with 0.",
        "Only regular files with names of old files are counted and removed. What was left behind is recovered also where `current` had \
         been closed cleanly. An empty `current` of one that was killed is removed, not kept.",
        "Names are brought to disk with each rotation. Where there are no hard links, old files are made by renaming.",
        "Lines that are read together have stamps that grow by a nanosecond a line; of several lines for one `=FILE` only the last is \
         written.",
        "A pattern before `F` stays a simple one for all lines.",
    ],
    see_also: &["tai64n(1)", "tai64nlocal(1)", "fnmatch(3)", "tee(2)"],
};
