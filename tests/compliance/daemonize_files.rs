//! daemonize: the files that it makes, whose they are, and the account of `-u`.

use crate::accounts;
use crate::case::{Case, Holding, Stream, exits};
use crate::daemonize::{CALLER, OPEN, Refused, STANDARD, TRUTH, daemonize, running, tells};
use rlimit::Resource;

/// Whether the file `pid` has its process id and a newline, and with which mode.
const OWN_PID: &str = r#"[ "$(cat {dir}/pid; echo .)" = "$$
." ] && stat -L -c "mine %a" {dir}/pid >&3"#;
/// All four of each id, and all groups.
const IDS: &str = r"sed -n 's/^\(Uid\|Gid\|Groups\):[^0-9]*//p' /proc/$$/status >&3";

const NULL: &str = "standard input can be read, to its end, and no descriptors are left over";
const CLOSED: &str = "output is not lost where standard descriptors were closed";
const FOLLOWED: &str = "a pid file is not written through a link, nor to what is no plain file";
const LOCKED: &str = "the pid file is locked as long as the daemon runs";
const OWNER: &str = "the pid file stays the caller's: the daemon must not choose whom root signals";
const FORMS: &str = "the forms of setuidgid";

pub fn cases() -> Vec<Case> {
    [output(), lock_file(), pid_file(), account()].into_iter().flatten().collect()
}

fn output() -> Vec<Case> {
    let both = "echo to output; echo to error >&2; echo again";
    let left = |mode: u32, text: &str| tells("").leaves("out", mode, text);
    let unopened = |input, output, error| running(["-o", "out"], "echo a").streams(input, output, error);
    let null = "/dev/null 0001\n";
    let input = "/dev/null 0000\n";
    let standard = |rest: &str| (tells(format!("{null}{rest}")), tells(format!("{input}{rest}")));
    let differing = |case: Case, rest: &str| {
        let (theirs, ours) = standard(rest);
        case.differs(theirs, ours, NULL)
    };
    vec![
        running(["-o", "out"], both).expect(left(0o644, "to output\nagain\n")),
        running(["-e", "out"], both).expect(left(0o644, "to error\n")),
        running(["-o", "out", "-e", "err"], both).expect(left(0o644, "to output\nagain\n").leaves(
            "err",
            0o644,
            "to error\n",
        )),
        // one name is one file; two names of it are opened twice
        running(["-o", "out", "-e", "out"], both).expect(left(0o644, "to output\nto error\nagain\n")),
        running(["-o", "out", "-e", "./out"], "echo 123; echo a >&2; echo b").expect(left(0o644, "a\n3\nb\n")),
        running(["-a", "-o", "out", "-e", "./out"], "echo 123; echo a >&2; echo b").expect(left(0o644, "123\na\nb\n")),
        // emptied, or not
        running(["-o", "out"], both).file("out", "old\n").expect(left(0o644, "to output\nagain\n")),
        running(["-a", "-o", "out"], both).file("out", "old\n").expect(left(0o644, "old\nto output\nagain\n")),
        running(["-aoout", "-eout"], both)
            .file("out", "old\n")
            .expect(left(0o644, "old\nto output\nto error\nagain\n")),
        running(["-o", "out", "-a"], both)
            .file_of_mode("out", 0o600, "old\n")
            .expect(left(0o600, "old\nto output\nagain\n")),
        running(["-a"], STANDARD).expect(tells("/dev/null 0002\n".repeat(3))),
        running(["-o", "out"], "echo new").symlink("target", "out").expect(tells("").leaves("target", 0o644, "new\n")),
        running(["-o", "a", "-o", "out"], "echo new").expect(left(0o644, "new\n").lacks("a")),
        // the umask counts
        running(["-o", "out"], both).umask(0).expect(left(0o666, "to output\nagain\n")),
        running(["-o", "out"], both).umask(0o077).expect(left(0o600, "to output\nagain\n")),
        // opened in the caller's directory, before the change
        running(["-c", "/usr", "-o", "sub/out"], "pwd")
            .directory("sub")
            .expect(tells("").leaves("sub/out", 0o644, "/usr\n")),
        // descriptors
        differing(running(["-o", "out"], STANDARD), "{dir}/out 0001\n/dev/null 0001\n"),
        differing(running(["-e", "out"], STANDARD), "/dev/null 0001\n{dir}/out 0001\n"),
        differing(running(["-a", "-o", "out", "-e", "err"], STANDARD), "{dir}/out 2001\n{dir}/err 2001\n"),
        running(["-o", "out"], "cat; echo $? >&3").differs(tells("1\n"), tells("0\n"), NULL),
        running(["-o", "out"], OPEN).differs(tells("0, 1, 2, 3, 4, 5\n"), tells("0, 1, 2, 3\n"), NULL),
        running(["-o", "out", "-e", "err"], OPEN).differs(tells("0, 1, 2, 3, 4, 5, 6\n"), tells("0, 1, 2, 3\n"), NULL),
        running(["-o", "out", "-e", "out"], OPEN).differs(tells("0, 1, 2, 3, 4, 5\n"), tells("0, 1, 2, 3\n"), NULL),
        // where descriptors were closed
        unopened(Stream::Closed, Stream::Closed, Stream::Closed).differs(left(0o644, ""), left(0o644, "a\n"), CLOSED),
        unopened(Stream::Closed, Stream::Null, Stream::Null).differs(left(0o644, ""), left(0o644, "a\n"), CLOSED),
        unopened(Stream::Null, Stream::Closed, Stream::Closed).differs(left(0o644, ""), left(0o644, "a\n"), CLOSED),
        unopened(Stream::Null, Stream::Null, Stream::Closed).expect(left(0o644, "a\n")),
    ]
}

fn lock_file() -> Vec<Case> {
    let held = "Can't lock the lock file \"f\". Is another instance running?";
    let again = "\"$0\" -l {dir}/f /bin/true 2>/dev/null; echo $? >&3";
    // the foreground may be about to end still, and has the lock as well until then
    let given_up = "exec 4>&-; flock {dir}/f true; \"$0\" -l {dir}/f /bin/true; echo $? >&3";
    let number = |number: u32| format!("readlink /proc/$$/fd/{number} >&3");
    vec![
        running(["-l", "f"], "echo ran >&3").expect(tells("ran\n").leaves("f", 0o600, "")),
        running(["-l", "f"], "echo ran >&3").umask(0).expect(tells("ran\n").leaves("f", 0o600, "")),
        running(["-l", "f"], "echo ran >&3").file("f", "content").expect(tells("ran\n").leaves("f", 0o644, "content")),
        running(["-l", "f"], "").symlink("target", "f").expect(tells("").leaves("target", 0o600, "")),
        running(["-l", "f"], OPEN).expect(tells("0, 1, 2, 3, 4\n")),
        running(["-l", "f"], &number(4)).expect(tells("{dir}/f\n")),
        running(["-lf"], again).expect(tells("1\n")),
        running(["-l", "f"], given_up).expect(tells("0\n")),
        running(["-l", "f"], &number(4)).streams(Stream::Closed, Stream::Null, Stream::Null).differs(
            tells(""),
            tells("{dir}/f\n"),
            "the lock is not lost with a standard descriptor",
        ),
        running(["-l", "f"], "touch ran").held("f", Holding::Exclusive).refused(held),
        running(["-l", "f"], "touch ran").held("f", Holding::Shared).refused(held),
        running(["-l", "f"], "echo ran >&3").held("f", Holding::Record).expect(tells("ran\n")),
        running(["-l", "f", "-p", "{dir}/pid"], "touch ran").held("f", Holding::Exclusive).refused(held),
        running(["-l", "pid", "-p", "{dir}/pid"], OWN_PID).expect(tells("mine 600\n")),
        running(["-p", "{dir}/pid", "-l", "pid"], "\"$0\" -l {dir}/pid /bin/true 2>/dev/null; echo $? >&3")
            .expect(tells("1\n")),
        running(["-l", "f"], "").fifo("f").ours_only(
            exits(1).says("daemonize: Can't create lock file \"f\": No such device or address\n").reports(""),
        ),
    ]
}

fn pid_file() -> Vec<Case> {
    let mine = |mode: u32| tells(format!("mine {mode:o}\n"));
    let places = "for file in {dir}/pid {dir}/sub/pid; do [ \"$(cat $file)\" = $$ ] && echo $file >&3; done; :";
    let second = "\"$0\" -p {dir}/pid /bin/sh -c 'echo second >&3' 2>&1 | sed 's/pid [0-9]* (.*)/pid N/' >&3";
    let code = "\"$0\" -p {dir}/pid /bin/true 2>/dev/null; echo $? >&3";
    let unfit = |reason: &str| exits(1).says(format!("daemonize: unable to use pid: {reason}\n")).reports("");
    let others = "group or others may write to it (mode 0666)";
    vec![
        running(["-p", "{dir}/pid"], OWN_PID).expect(mine(0o644)),
        running(["-p{dir}/pid"], OWN_PID).umask(0o077).expect(mine(0o600)),
        running(["-p", "{dir}/pid"], OWN_PID).umask(0).expect(mine(0o644)),
        running(["-p", "{dir}/pid"], OWN_PID).file("pid", "4194304 and more\n").expect(mine(0o644)),
        running(["-p", "{dir}/pid"], OWN_PID).file_of_mode("pid", 0o600, "").expect(mine(0o600)),
        running(["-p", "{dir}/x", "-p", "{dir}/pid"], OWN_PID).expect(mine(0o644).lacks("x")),
        running(["-p", "pid", "-c", "."], OWN_PID).expect(mine(0o644)),
        running(["-p", "/dev/null"], OPEN).expect(tells("0, 1, 2, 3\n")),
        running(["-p", "{dir}/pid"], OPEN).differs(tells("0, 1, 2, 3\n"), tells("0, 1, 2, 3, 10\n"), LOCKED),
        running(["-p", "{dir}/pid"], second).differs(
            tells("second\n"),
            tells("daemonize: {dir}/pid is held by pid N\n"),
            LOCKED,
        ),
        running(["-p", "{dir}/pid"], code).differs(tells("0\n"), tells("75\n"), LOCKED),
        // by somebody else, who has not written into it
        running(["-p", "{dir}/pid"], "echo ran >&3").held("pid", Holding::Record).differs(
            tells("ran\n"),
            exits(75).says_one_line("daemonize: {dir}/pid is held by pid ").reports(""),
            LOCKED,
        ),
        running(["-p", "{dir}/pid"], "echo ran >&3").held("pid", Holding::Exclusive).expect(tells("ran\n")),
        running(["-p", "pid", "-c", "{dir}/sub"], places).directory("sub").differs(
            tells("{dir}/sub/pid\n"),
            tells("{dir}/pid\n"),
            CALLER,
        ),
        running(["-p", "pid", "-c", "{dir}"], OWN_PID).symlink("target", "pid").differs(
            mine(0o644),
            unfit("it is a symbolic link").lacks("target"),
            FOLLOWED,
        ),
        running(["-p", "pid", "-c", "{dir}"], OWN_PID)
            .file("other", "")
            .set_up(|dir| std::fs::hard_link(dir.join("other"), dir.join("pid")).expect("hard link"))
            .differs(mine(0o644), unfit("it has 2 hard links").leaves("other", 0o644, ""), FOLLOWED),
        running(["-p", "pid", "-c", "{dir}"], OWN_PID).file_of_mode("pid", 0o666, "").differs(
            mine(0o666),
            unfit(others).leaves("pid", 0o666, ""),
            "a pid file that others can write to says nothing",
        ),
        running(["-p", "/dev/full"], "echo ran >&3").differs(
            tells("ran\n"),
            exits(1).says("daemonize: unable to use /dev/full: it is not a regular file\n").reports(""),
            FOLLOWED,
        ),
        running(["-p", "pid"], "").fifo("pid").ours_only(unfit("it is not a regular file")),
        running(["-p", "{dir}/pid"], "echo ran >&3").limit(Resource::FSIZE, 0, 0).differs(
            tells("").leaves("pid", 0o644, ""),
            exits(1).says("daemonize: unable to write {dir}/pid: File too large\n").reports("").lacks("pid"),
            TRUTH,
        ),
    ]
}

/// What `IDS` tells of an account.
fn ids(user: u32, group: u32, groups: &[u32]) -> String {
    let four = |id: u32| [id; 4].map(|id| id.to_string()).join("\t");
    let mut sorted = groups.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let groups: String = sorted.iter().map(|id| format!("{id} ")).collect();
    format!("{}\n{}\n{groups}\n", four(user), four(group))
}

/// As root, in a directory that every account can write to.
fn by_root(case: Case) -> Case {
    case.for_root().set_up(|dir| crate::case::set_mode(dir, 0o777))
}

fn home_of_nobody() -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let row = accounts.lines().find(|row| row.starts_with("nobody:"));
    row.and_then(|row| row.split(':').nth(5)).unwrap_or("/nonexistent").to_owned()
}

fn account() -> Vec<Case> {
    let (uid, gid) = accounts::ids("nobody").unwrap_or((65534, 65534));
    let owner = |file: &str| format!("stat -c '%u:%g %a' {{dir}}/{file} >&3");
    let theirs = |mode: &str| tells(format!("{uid}:{gid} {mode}\n"));
    let roots = |mode: &str| tells(format!("0:0 {mode}\n"));
    let home = home_of_nobody();
    let left = |text: &str| tells("").leaves("out", 0o644, text);
    let unknown = |name: &str| exits(1).says(format!("Can't find user \"{name}\" in password file.\n")).reports("");
    let form =
        |account: &str, ids: &str| by_root(running(["-u", account], IDS)).differs(unknown(account), tells(ids), FORMS);
    let mut cases = vec![
        by_root(running(["-u", "nobody"], IDS)).expect(tells(ids(uid, gid, &[gid]))),
        // nothing that the account could become root with
        by_root(running(["-u", "nobody"], "sed -n 's/^Cap\\(Prm\\|Eff\\|Amb\\):[^0-9]*//p' /proc/$$/status >&3"))
            .under(["setpriv", "--securebits=+no_setuid_fixup", "--inh-caps=+setuid", "--ambient-caps=+setuid"])
            .ours_only(tells(format!("{none}\n{none}\n{none}\n", none = "0".repeat(16)))),
        by_root(running(["-unobody"], IDS)).expect(tells(ids(uid, gid, &[gid]))),
        by_root(running(["-u", "nosuch", "-u", "nobody"], IDS)).expect(tells(ids(uid, gid, &[gid]))),
        by_root(running(["-u", "root"], "id -u >&3; id -g >&3")).expect(tells("0\n0\n")),
        // what a login sets; in its place, if it is there
        by_root(daemonize(["-u", "nobody", "-o", "out", "/usr/bin/env"]))
            .environ(["USER=root", "IFS=", "PATH=", "LOGNAME=", "HOME=/"])
            .expect(left(&format!("USER=nobody\nIFS=\nPATH=\nLOGNAME=nobody\nHOME={home}\n"))),
        by_root(running(["-u", "nobody"], "echo $USER $LOGNAME $HOME >&3"))
            .expect(tells(format!("nobody nobody {home}\n"))),
        // whose the files are
        by_root(running(["-u", "nobody", "-o", "out"], &owner("out"))).expect(theirs("644")),
        by_root(running(["-u", "nobody", "-e", "err"], &owner("err"))).expect(theirs("644")),
        by_root(running(["-u", "nobody", "-l", "lock"], &owner("lock"))).expect(roots("600")),
        by_root(running(["-u", "nobody", "-p", "{dir}/pid"], &owner("pid"))).differs(
            theirs("644"),
            roots("644"),
            OWNER,
        ),
        by_root(running(["-u", "nobody", "-p", "{dir}/pid"], OWN_PID)).expect(tells("mine 644\n")),
        by_root(running(["-u", "nobody", "-p", "{dir}/pid", "--pidfile-owner=user"], &owner("pid")))
            .ours_only(theirs("644")),
        by_root(running(["--pidfile-owner=user", "-u", "nobody", "-p", "{dir}/pid"], OWN_PID))
            .ours_only(tells("mine 644\n")),
        // the pid is lost: the reference cannot open its file again as that account
        running(["-u", "nobody", "-p", "sub/pid"], "cat {dir}/sub/pid >/dev/null && echo there >&3")
            .for_root()
            .directory_of_mode("sub", 0o755)
            .differs(tells("").leaves("sub/pid", 0o644, ""), tells("there\n"), CALLER),
        // the log is the account's to open
        running(["-u", "nobody", "-o", "out"], "touch {dir}/ran")
            .for_root()
            .refused("Can't open \"out\" for stdout: Permission denied"),
        running(["-u", "nobody", "-o", "out", "-e", "err"], "echo a; echo b >&2")
            .for_root()
            .set_up(|dir| crate::case::set_mode(dir, 0o777))
            .file_of_mode("err", 0o666, "old\n")
            .expect(left("a\n").leaves("err", 0o666, "b\n")),
        running(["-u", "nosuch"], "").for_root().refused("Can't find user \"nosuch\" in password file."),
        running(["-u", ""], "").for_root().refused("Can't find user \"\" in password file."),
        running(["-u", "root"], "").by_nobody().refused("Must be root to specify a different user."),
        running(["-u", "nosuch"], "").by_nobody().refused("Must be root to specify a different user."),
        running(["-u", "root"], "touch {dir}/ran").under(["unshare", "--user", "--map-root-user"]).differs(
            exits(1).says("Can't initialize secondary groups for \"root\": Operation not permitted\n").lacks("ran"),
            exits(1).says_one_line("daemonize: unable to setgid: Operation not permitted").lacks("ran"),
            "what keeps one from becoming an account is told as setuidgid tells it",
        ),
        form(":1234:1235", &ids(1234, 1235, &[1235])),
        form(":1234:1235:7:9", &ids(1234, 1235, &[7, 9, 1235])),
        form("nobody:root", &ids(uid, 0, &[0])),
    ];
    for name in accounts::members().into_iter().take(1) {
        let Some((user, group)) = accounts::ids(&name) else { continue };
        let mut groups = accounts::groups_with(&name);
        groups.push(group);
        cases.push(by_root(running(["-u", &name], IDS)).expect(tells(ids(user, group, &groups))));
    }
    cases
}

/// In the reference `-u` is the last to change the environment.
#[test]
fn the_account_has_the_last_word_about_its_variables() {
    let script = "echo $USER $LOGNAME $HOME >&3";
    let case = by_root(running(["-E", "HOME=/x", "-u", "nobody", "-E", "USER=y"], script));
    crate::run::check(vec![case.expect(tells(format!("nobody nobody {}\n", home_of_nobody())))]);
}

/// As setenv(3) appends them.
#[test]
fn the_variables_of_a_login_come_in_the_order_of_the_reference() {
    let case = by_root(daemonize(["-u", "nobody", "-o", "out", "/usr/bin/env"])).environ(["IFS=", "PATH="]);
    let left = format!("IFS=\nPATH=\nUSER=nobody\nLOGNAME=nobody\nHOME={}\n", home_of_nobody());
    crate::run::check(vec![case.expect(tells("").leaves("out", 0o644, left))]);
}
