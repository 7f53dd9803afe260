//! What the static build asks getent for, and what it believes.

use crate::sandbox::{Etc, Getent, Outcome, Sigchld, getent_is_there};
use crate::support;

const PASSWD: &str = "www:x:1233:1234:w:/:/bin/sh\n";
const GROUP: &str = "web:x:73:www\n";
const REMOTE: &str = "ldap:*:5000:5001:Lena Dap:/home/ldap:/bin/sh\n";

/// An /etc with one local account and group, and these services; the stand-in answers as a C library would that knows
/// the account `ldap`, too, until told otherwise.
fn etc(services: &str) -> Option<Etc> {
    if !getent_is_there() {
        return None;
    }
    let etc = Etc::new()?.with("nsswitch.conf", services).with("passwd", PASSWD).with("group", GROUP);
    Some(etc.answering(REMOTE, 0))
}

fn envuidgid(etc: &Etc, name: &str) -> Outcome {
    etc.run(Getent::StandIn, &["envuidgid", "--", name, "env"])
}

fn unknown(name: &str) -> String {
    // a newline is no part of a line
    format!("envuidgid: fatal: unknown account {}\n", name.replace('\n', "?"))
}

#[test]
fn files_alone_are_the_whole_answer() {
    let alone = [
        "passwd: files\ngroup: files\n",
        "passwd:files\n",
        "  passwd\t:\tfiles   # sss\n",
        "# passwd: sss\npasswd: files\npasswd:files\n",
        "passwd files\n",
        "passwd :: files\n",
        "PASSWD: sss\n",
        "passwd_compat: sss\nshadow: sss\n",
        "group: sss\n",
        "#passwd: sss\n",
        "passwd: files",
        "\n\n",
        "",
    ];
    for services in alone {
        let Some(etc) = etc(services) else { return };
        assert_eq!(envuidgid(&etc, "www").ids(), Some((1233, 1234)), "{services:?}");
        envuidgid(&etc, "ldap").assert_failed(&unknown("ldap"));
        assert_eq!(etc.asked(), [""; 0], "{services:?}");
    }
}

#[test]
fn without_nsswitch_conf_files_are_the_whole_answer() {
    let Some(etc) = etc("") else { return };
    std::fs::remove_file(etc.path("nsswitch.conf")).unwrap();
    assert_eq!(envuidgid(&etc, "www").ids(), Some((1233, 1234)));
    envuidgid(&etc, "ldap").assert_failed(&unknown("ldap"));
    assert_eq!(etc.asked(), [""; 0]);
}

#[test]
fn a_local_account_is_nobody_elses_business() {
    for services in ["passwd: files systemd\n", "passwd:\tfiles sss\n"] {
        let Some(etc) = etc(services) else { return };
        assert_eq!(envuidgid(&etc, "www").ids(), Some((1233, 1234)), "{services:?}");
        assert_eq!(etc.asked(), [""; 0], "{services:?}");
    }
}

#[test]
fn what_the_files_do_not_know_getent_is_asked() {
    for services in [
        "passwd: files sss\n",
        "passwd:files sss",
        " passwd :  files\tsss # no\n",
        "passwd: files [NOTFOUND=continue] sss\n",
    ] {
        let Some(etc) = etc(services) else { return };
        assert_eq!(envuidgid(&etc, "ldap").ids(), Some((5000, 5001)), "{services:?}");
        assert_eq!(etc.asked(), ["[passwd][--][ldap]"], "{services:?}");
    }
}

#[test]
fn setuidgid_becomes_whom_getent_knows() {
    if !support::is_root() {
        return support::leave_out("setuidgid to another account: needs root");
    }
    let Some(etc) = etc("passwd: files sss\n") else { return };
    let outcome = etc.run(Getent::StandIn, &["setuidgid", "ldap", "cat", "/proc/self/status"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.status("Uid"), [5000; 4]);
    assert_eq!(outcome.status("Gid"), [5001; 4]);
    assert_eq!(outcome.status("Groups"), [5001]);
}

#[test]
fn others_that_come_first_are_asked_first() {
    for services in [
        "passwd: sss files\n",
        "passwd: compat\n",
        "passwd: systemd\n",
        "passwd sss files\n",
        "passwd: Files\n",
        // what success is to lead to, the C library knows
        "passwd: files [SUCCESS=continue] sss\n",
        "passwd: files[SUCCESS=continue] sss\n",
        "passwd: [NOTFOUND=return] files\n",
        // and which of two lines it takes: before 2.33 the first, then the last
        "passwd: files\npasswd: sss\n",
        "passwd: sss\npasswd: files\n",
        // it asks nobody, but that is for it to say
        "passwd:\n",
    ] {
        let Some(etc) = etc(services) else { return };
        let etc = etc.answering("www:*:6000:6001:::\n", 0);
        assert_eq!(envuidgid(&etc, "www").ids(), Some((6000, 6001)), "{services:?}");
        assert_eq!(etc.asked(), ["[passwd][--][www]"], "{services:?}");
    }
}

#[test]
fn getents_miss_is_a_miss() {
    for services in ["passwd: files sss\n", "passwd: sss files\n"] {
        let Some(etc) = etc(services) else { return };
        let etc = etc.answering("", 2);
        envuidgid(&etc, "nosuch").assert_failed(&unknown("nosuch"));
        assert_eq!(etc.asked(), ["[passwd][--][nosuch]"]);
    }
}

#[test]
fn an_answer_about_somebody_else_is_not_believed() {
    let Some(etc) = etc("passwd: files sss\ngroup: files sss\n") else { return };
    // as `getent passwd 65534` answers
    let etc = etc.answering("nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n", 0);
    for name in ["65534", "nobod", "nobody2", "NOBODY"] {
        envuidgid(&etc, name).assert_failed(&unknown(name));
    }
    let etc = etc.answering("adm:x:4:\n", 0);
    etc.run(Getent::StandIn, &["envuidgid", "www:4", "env"]).assert_failed("envuidgid: fatal: unknown group 4\n");
    assert_eq!(etc.asked().last().unwrap(), "[group][--][4]");
}

#[test]
fn nonsense_is_not_believed() {
    let nonsense = [
        "ldap\n",
        "ldap:x\n",
        "ldap:x:1\n",
        "ldap:x::\n",
        "ldap:x:4294967295:1:::\n",
        "ldap:x:1:4294967295:::\n",
        "ldap:x:root:root:::\n",
        "ldap:x:4294967296:0:::\n",
        "\n",
        "",
    ];
    for answer in nonsense {
        let Some(etc) = etc("passwd: files sss\n") else { return };
        let etc = etc.answering(answer, 0);
        envuidgid(&etc, "ldap").assert_failed(&unknown("ldap"));
        assert_eq!(etc.asked().len(), 1, "{answer:?}");
    }
}

#[test]
fn an_answer_counts_only_with_getents_word_for_it() {
    // 1: wrong arguments, 3: cannot enumerate (getent(1)); the rest are not getent's
    for code in [1, 3, 4, 111, 255] {
        let Some(etc) = etc("passwd: files sss\n") else { return };
        let etc = etc.answering(REMOTE, code);
        let outcome = envuidgid(&etc, "ldap");
        assert!(outcome.stderr.starts_with("envuidgid: fatal: unable to look up ldap in passwd: "), "{outcome:?}");
        assert_eq!((outcome.stderr.lines().count(), outcome.code, outcome.stdout.as_str()), (1, Some(111), ""));
    }
    let Some(etc) = etc("passwd: files sss\n") else { return };
    let etc = etc.answering(REMOTE, 0).with("killed", "");
    let outcome = envuidgid(&etc, "ldap");
    assert!(outcome.stderr.starts_with("envuidgid: fatal: unable to look up ldap in passwd: "), "{outcome:?}");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(111), ""));
}

#[test]
fn no_getent_is_said_where_it_would_be_needed() {
    let Some(etc) = etc("passwd: files sss\n") else { return };
    assert_eq!(etc.run(Getent::None, &["envuidgid", "www", "env"]).ids(), Some((1233, 1234)));
    let outcome = etc.run(Getent::None, &["envuidgid", "ldap", "env"]);
    assert!(outcome.stderr.starts_with("envuidgid: fatal: unable to look up ldap in passwd: "), "{outcome:?}");
    assert!(outcome.stderr.ends_with(": unable to run getent\n"), "{outcome:?}");
    assert_eq!((outcome.stderr.lines().count(), outcome.code, outcome.stdout.as_str()), (1, Some(111), ""));
}

#[test]
fn getent_answers_where_the_standard_descriptors_are_closed() {
    let Some(etc) = etc("passwd: sss files\n") else { return };
    // one more each time: the pipe to getent gets their numbers
    for closed in ["<&-", ">&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let line = format!("exec 3>&1; \"$0\" ldap true {closed} 3>&-; echo $? >&3");
        let applet = etc.applet("envuidgid");
        let words = [&b"-c"[..], line.as_bytes(), applet.as_os_str().as_encoded_bytes()];
        let outcome = etc.run_program(Getent::StandIn, Sigchld::Default, "/bin/sh".as_ref(), &words);
        assert_eq!(outcome.stdout, "0\n", "{closed}: {outcome:?}");
    }
}

#[test]
fn path_does_not_say_who_answers() {
    let Some(etc) = etc("passwd: files sss\n") else { return };
    // a getent of the caller's own, first in PATH; it would answer to anything
    let own = support::world_readable_directory();
    std::os::unix::fs::symlink("/bin/echo", own.path().join("getent")).unwrap();
    let path = format!("PATH={}:/usr/bin:/bin", own.path().display());
    let catena = support::catena().to_str().unwrap();
    let words = [&path, catena, "envuidgid", "ldap", "env"];
    let outcome = etc.run_program(Getent::StandIn, Sigchld::Default, "env".as_ref(), &words);
    assert_eq!(outcome.ids(), Some((5000, 5001)), "{outcome:?}");
    assert_eq!(etc.asked(), ["[passwd][--][ldap]"]);
}

#[test]
fn groups_are_asked_of_getent() {
    if !support::is_root() {
        return support::leave_out("setuidgid to another account: needs root");
    }
    let Some(etc) = etc("passwd: files\ngroup: files sss\n") else { return };
    let etc = etc.answering("staff:*:7000:\n", 0);
    let outcome = etc.run(Getent::StandIn, &["setuidgid", "www:staff:web", "cat", "/proc/self/status"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.status("Uid"), [1233; 4]);
    assert_eq!(outcome.status("Gid"), [7000; 4]);
    assert_eq!(outcome.status("Groups"), [73, 7000]);
    assert_eq!(etc.asked(), ["[group][--][staff]"]);
}

#[test]
fn all_groups_are_asked_of_getent_wherever_there_is_more_than_files() {
    if !support::is_root() {
        return support::leave_out("setuidgid to another account: needs root");
    }
    for services in ["group: files sss\n", "group: sss files\n", "group: files systemd\ninitgroups: sss\n"] {
        let Some(etc) = etc(services) else { return };
        let etc = etc.answering("www                   73 8000 8001 \n", 0);
        let outcome = etc.run(Getent::StandIn, &["setuidgid", "-s", "www", "cat", "/proc/self/status"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(outcome.status("Gid"), [1234; 4]);
        assert_eq!(outcome.status("Groups"), [73, 1234, 8000, 8001], "{services:?}");
        assert_eq!(etc.asked(), ["[initgroups][--][www]"], "{services:?}");
    }
}

#[test]
fn a_name_of_digits_is_none_of_its_own_groups() {
    if !support::is_root() {
        return support::leave_out("setuidgid to another account: needs root");
    }
    let Some(etc) = etc("group: files sss\n") else { return };
    let etc = etc.with("passwd", "999:x:1233:1234:::\n").answering("999                   73 8000\n", 0);
    let outcome = etc.run(Getent::StandIn, &["setuidgid", "-s", "999", "cat", "/proc/self/status"]);
    assert_eq!(outcome.status("Groups"), [73, 1234, 8000], "{outcome:?}");
}

#[test]
fn a_name_with_blanks_and_digits_is_none_of_its_own_groups() {
    if !support::is_root() {
        return support::leave_out("setuidgid to another account: needs root");
    }
    let Some(etc) = etc("group: files sss\n") else { return };
    let etc = etc.with("passwd", "two 27:x:1233:1234:::\n").answering("two 27                73 8000\n", 0);
    let outcome = etc.run(Getent::StandIn, &["setuidgid", "-s", "two 27", "cat", "/proc/self/status"]);
    assert_eq!(outcome.status("Groups"), [73, 1234, 8000], "{outcome:?}");
}

#[test]
fn all_groups_come_from_the_files_where_these_are_alone() {
    if !support::is_root() {
        return support::leave_out("setuidgid to another account: needs root");
    }
    let Some(etc) = etc("passwd: files sss\ngroup: files\n") else { return };
    let outcome = etc.run(Getent::StandIn, &["setuidgid", "-s", "www", "cat", "/proc/self/status"]);
    assert_eq!(outcome.status("Groups"), [73, 1234], "{outcome:?}");
    assert_eq!(etc.asked(), [""; 0]);
}

#[test]
fn the_initgroups_line_overrules_the_one_for_groups() {
    if !support::is_root() {
        return support::leave_out("setuidgid to another account: needs root");
    }
    // nsswitch.conf(5): initgroups is "used by getgrouplist(3)", and group only where it has no line of its own
    let Some(etc) = etc("group: files\ninitgroups: files sss\n") else { return };
    let etc = etc.answering("www                   73 8000\n", 0);
    let outcome = etc.run(Getent::StandIn, &["setuidgid", "-s", "www", "cat", "/proc/self/status"]);
    assert_eq!(outcome.status("Groups"), [73, 1234, 8000], "{outcome:?}");
    assert_eq!(etc.asked(), ["[initgroups][--][www]"]);
}

#[test]
fn odd_names_reach_getent_whole_or_not_at_all() {
    let Some(etc) = etc("passwd: files sss\n") else { return };
    for name in ["-odd", "--help", "with blank", "DOM\\user", "user@realm", "*"] {
        let etc = Etc::new().unwrap().with("nsswitch.conf", "passwd: files sss\n");
        let etc = etc.answering(&format!("{name}:*:5002:5003:::\n"), 0);
        assert_eq!(envuidgid(&etc, name).ids(), Some((5002, 5003)), "{name:?}");
        assert_eq!(etc.asked(), [format!("[passwd][--][{name}]")]);
    }
    for name in ["", "www\nldap"] {
        envuidgid(&etc, name).assert_failed(&unknown(name));
    }
    assert_eq!(etc.asked(), [""; 0]);
}

#[track_caller]
fn assert_sigchld_stays(sigchld: Sigchld) {
    let Some(etc) = etc("passwd: files sss\n") else { return };
    let by_env = etc.run_with(Getent::StandIn, sigchld, &["envuidgid", "ldap", "env"]);
    assert_eq!(by_env.ids(), Some((5000, 5001)), "{by_env:?}");
    let status = etc.run_with(Getent::StandIn, sigchld, &["envuidgid", "ldap", "cat", "/proc/self/status"]);
    assert_eq!(status.has_sigchld("SigIgn"), sigchld == Sigchld::Ignored, "{status:?}");
    assert_eq!(status.has_sigchld("SigBlk"), sigchld == Sigchld::Blocked, "{status:?}");
    assert!(!status.has_sigchld("SigPnd") && !status.has_sigchld("ShdPnd"), "{status:?}");
}

#[test]
fn sigchld_at_its_default_stays_so() {
    assert_sigchld_stays(Sigchld::Default);
}

#[test]
fn an_ignored_sigchld_does_not_lose_the_answer_and_stays_ignored() {
    assert_sigchld_stays(Sigchld::Ignored);
}

#[test]
fn a_blocked_sigchld_stays_blocked_with_nothing_pending() {
    assert_sigchld_stays(Sigchld::Blocked);
}

#[test]
fn nothing_is_left_open() {
    let Some(etc) = etc("passwd: files sss\n") else { return };
    let script = "for number in 3 4 5 6 7 8 9; do (: >&$number) 2>/dev/null && echo $number; done";
    let outcome = etc.run(Getent::StandIn, &["envuidgid", "ldap", "sh", "-c", script]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""), "{outcome:?}");
    assert_eq!(etc.asked().len(), 1);
}
