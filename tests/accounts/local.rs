//! Accounts of /etc/passwd and /etc/group: what both builds know, and the C library's own answers beside it.

use crate::sandbox::{Etc, Getent, Outcome, Sigchld};
use crate::support;
use std::ffi::OsStr;
use std::path::Path;

const SERVICES: &str = "passwd: files\ngroup: files\n";

/// Lines of which each is right or wrong in its own way.
const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
# a comment
www:x:1233:1234:w:/:/bin/sh
wwwdata:x:5:6:::
short:x:6
four:x:6:7
huge:x:4294967296:7:::
wrap:x:18446744073709551617:7:::
last-id:x:4294967294:7:::
hex:x:0x10:7:::
after:x:9 :7:::
negative:x:-2:7:::
no-uid:x::7:::
no-gid:x:7::::
words:x:seven:7:::

twice:x:bad:1:::
twice:x:12:13:::
twice:x:14:15:::
999:x:21:22:::
\u{fc}mit:x:23:24:::
end:x:40:41";

fn etc(passwd: &str, group: &str) -> Option<Etc> {
    Some(Etc::new()?.with("nsswitch.conf", SERVICES).with("passwd", passwd).with("group", group))
}

fn envuidgid(etc: &Etc, name: &str) -> Outcome {
    etc.run(Getent::Real, &["envuidgid", "--", name, "env"])
}

fn unknown(name: &str) -> String {
    // a newline is no part of a line
    format!("envuidgid: fatal: unknown account {}\n", name.replace('\n', "?"))
}

/// Whether the machine's getent is there, and is the C library's whose answers are the measure.
pub fn measure(etc: &Etc) -> bool {
    let Some(getent) = support::peer("getent") else { return false };
    let version = etc.run_program(Getent::Real, Sigchld::Default, getent.as_os_str(), &["--version"]);
    let is_glibc = version.stdout.starts_with("getent (");
    if !is_glibc {
        support::leave_out("comparison with getent: another C library's");
    }
    is_glibc
}

/// What getent says of a user: the ids, or `None` where it knows no such name.
fn measured(etc: &Etc, name: &str) -> Option<(u32, u32)> {
    let outcome = etc.run_program(Getent::Real, Sigchld::Default, OsStr::new("getent"), &["passwd", "--", name]);
    assert!(outcome.code == Some(0) || outcome.code == Some(2), "{outcome:?}");
    let mut fields = outcome.stdout.split(':');
    // it takes digits for an id where no such name is; the name decides
    if fields.next() != Some(name) || outcome.code != Some(0) {
        return None;
    }
    let mut ids = fields.skip(1).map(|id| id.parse().unwrap());
    Some((ids.next().unwrap(), ids.next().unwrap()))
}

#[track_caller]
fn assert_users(passwd: &str, cases: &[(&str, Option<(u32, u32)>)]) {
    let Some(etc) = etc(passwd, "") else { return };
    let by_measure = measure(&etc);
    for &(name, expected) in cases {
        if by_measure {
            assert_eq!(measured(&etc, name), expected, "getent's answer to {name:?} is not what the test says");
        }
        let outcome = envuidgid(&etc, name);
        match expected {
            Some(_) => assert_eq!((outcome.ids(), outcome.code), (expected, Some(0)), "{name:?}: {outcome:?}"),
            None => outcome.assert_failed(&unknown(name)),
        }
    }
}

#[test]
fn the_first_well_formed_line_of_a_name_is_the_account() {
    assert_users(
        PASSWD,
        &[
            ("root", Some((0, 0))),
            ("www", Some((1233, 1234))),
            ("wwwdata", Some((5, 6))),
            ("four", Some((6, 7))),
            ("twice", Some((12, 13))),
            ("last-id", Some((4_294_967_294, 7))),
            ("\u{fc}mit", Some((23, 24))),
        ],
    );
}

#[test]
fn the_last_line_needs_no_newline() {
    assert_users(PASSWD, &[("end", Some((40, 41)))]);
}

#[test]
fn a_line_without_both_ids_is_no_account() {
    let names = ["short", "huge", "wrap", "hex", "after", "negative", "no-uid", "no-gid", "words"];
    assert_users(PASSWD, &names.map(|name| (name, None)));
}

#[test]
fn only_the_whole_name_counts() {
    assert_users(PASSWD, &["ww", "WWW", "www ", "w", "x", "nobody", "www\n", "root\nwww"].map(|name| (name, None)));
}

#[test]
fn a_number_is_a_name() {
    // 21 is a user id in there, and getent alone would answer to it; 999 is a name
    let Some(etc) = etc(PASSWD, "") else { return };
    envuidgid(&etc, "21").assert_failed(&unknown("21"));
    envuidgid(&etc, "1233").assert_failed(&unknown("1233"));
    assert_eq!(envuidgid(&etc, "999").ids(), Some((21, 22)));
}

const UNUSABLE: &str = "minus:x:4294967295:7:::\nminus-group:x:7:4294967295:::\nminus:x:1:7:::\n";

#[test]
fn no_account_has_the_id_that_means_unchanged() {
    let Some(etc) = etc(UNUSABLE, "g:x:4294967295:\n") else {
        return;
    };
    for account in ["minus", "minus-group"] {
        envuidgid(&etc, account).assert_failed(&unknown(account));
        // nor does a later line help
        etc.run(Getent::Real, &["setuidgid", account, "id"])
            .assert_failed(&format!("setuidgid: fatal: unknown account {account}\n"));
    }
}

#[test]
fn the_empty_name_is_nobodys() {
    assert_users(PASSWD, &[("", None)]);
}

#[test]
fn a_commented_line_is_no_account() {
    assert_users("#former:x:1:2:::\n # spaced:x:3:4:::\n", &[("#former", None), ("former", None), ("spaced", None)]);
}

#[test]
fn blanks_before_a_line_do_not_count() {
    assert_users("  blank:x:1:2:::\n\ttab:x:3:4:::\n", &[("blank", Some((1, 2))), ("tab", Some((3, 4)))]);
    assert_users("  blank:x:1:2:::\n", &[("  blank", None)]);
}

#[test]
fn a_name_with_the_sign_of_the_old_network_entries_is_no_account() {
    // `+user` and `-user` in passwd(5) were instructions to look further; the C library never takes them for accounts
    assert_users("+plus:x:1:2:::\n-minus:x:3:4:::\n", &[("+plus", None), ("-minus", None), ("plus", None)]);
}

#[test]
fn numbers_are_read_as_the_c_library_reads_them() {
    assert_users("sign:x:+8:7:::\nblank:x: 9:7:::\n", &[("sign", Some((8, 7))), ("blank", Some((9, 7)))]);
    assert_users("zero:x:-0:\x0b7:::\n\x0ctab:x:9:7\n", &[("zero", Some((0, 7))), ("tab", Some((9, 7)))]);
    // too large for an id is no number, but the largest is one, which nobody can become
    assert_users("a:x:4294967296:7:::\na:x:1:7:::\n", &[("a", Some((1, 7)))]);
}

#[test]
fn fields_too_many_are_the_shells() {
    // the C library finds this account, and only getent cannot print it
    let Some(etc) = etc("shell:x:25:26:::/bin/sh:and:more\n", "") else { return };
    assert_eq!(envuidgid(&etc, "shell").ids(), Some((25, 26)));
}

#[test]
fn a_line_may_be_of_any_length() {
    let long = "l".repeat(5000);
    let passwd = format!("filler:x:1:2:{long}:/:\nlong:x:50:51:{long}:/:{long}\n{long}:x:52:53:::\nlater:x:54:55:::\n");
    assert_users(&passwd, &[("long", Some((50, 51))), (&long, Some((52, 53))), ("later", Some((54, 55)))]);
}

#[test]
fn a_line_may_begin_or_end_where_a_block_read_does() {
    // whatever the size of the blocks: the wanted line moves over every place around the usual sizes
    for size in [1024, 4096] {
        for before in size - 20..=size + 2 {
            let passwd = format!("f:x:1:2:{}:/:\nwww:x:60:61:::\n", "f".repeat(before - 12));
            let Some(etc) = etc(&passwd, "") else { return };
            assert_eq!(envuidgid(&etc, "www").ids(), Some((60, 61)), "after {before} bytes");
        }
    }
}

#[test]
fn without_the_file_nobody_is_known() {
    let Some(etc) = Etc::new() else { return };
    let etc = etc.with("nsswitch.conf", SERVICES);
    envuidgid(&etc, "www").assert_failed(&unknown("www"));
}

#[test]
fn an_unreadable_file_is_an_error_of_its_own() {
    if !support::is_root() {
        return support::leave_out("unreadable /etc/passwd: needs root to become one who may not read it");
    }
    use std::os::unix::fs::PermissionsExt;
    let Some(etc) = etc(PASSWD, "") else { return };
    std::fs::set_permissions(etc.path("passwd"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let outcome = etc.run(Getent::Real, &["setuidgid", ":65534:65534", "envuidgid", "www", "env"]);
    let expected = if cfg!(target_feature = "crt-static") {
        "envuidgid: fatal: unable to open /etc/passwd: access denied\n"
    } else {
        "envuidgid: fatal: unable to look up www: access denied\n"
    };
    outcome.assert_failed(expected);
}

#[test]
fn a_directory_in_the_place_of_the_file_is_an_error_of_its_own() {
    let Some(etc) = Etc::new() else { return };
    let etc = etc.with("nsswitch.conf", SERVICES);
    std::fs::create_dir(etc.path("passwd")).unwrap();
    let outcome = envuidgid(&etc, "www");
    let expected = if cfg!(target_feature = "crt-static") {
        "envuidgid: fatal: unable to read /etc/passwd: is a directory\n"
    } else {
        "envuidgid: fatal: unable to look up www: is a directory\n"
    };
    outcome.assert_failed(expected);
}

const GROUP: &str = "\
#former:x:70:www
  blank:x:71:www
-minus:x:72:www
web:x:73:other,www
logs:x:74:other,wwwdata,ww
log:x:75:
bare:x:76
huge:x:4294967296:www
bad:x:bad:www
empty:x::www
again:x:73:www
only:x:77:www
spaced:x:78: www
listed:x:79:other, www
after:x:80:www ,other
colon:x:82:www:z
colons:x:83:z:z,www
+:::ww
minus:x:-18446744073709551532:www
minus-one:x:-1:www
unusable:x:4294967295:www
cut:x:85:www\0,ww
return:x:86:www\r
last:x:81:www";

fn assert_is(outcome: &Outcome, user: u32, group: u32, groups: &[u32]) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.status("Uid"), [user; 4], "{outcome:?}");
    assert_eq!(outcome.status("Gid"), [group; 4], "{outcome:?}");
    assert_eq!(outcome.status("Groups"), groups, "{outcome:?}");
}

fn become_somebody(group: &str, words: &[&str]) -> Option<Outcome> {
    if !support::is_root() {
        support::leave_out("setuidgid to another account: needs root");
        return None;
    }
    let words = [&["setuidgid"], words, &["cat", "/proc/self/status"]].concat();
    Some(etc(PASSWD, group)?.run(Getent::Real, &words))
}

#[test]
fn by_default_the_accounts_group_is_the_only_one() {
    let Some(outcome) = become_somebody(GROUP, &["www"]) else { return };
    assert_is(&outcome, 1233, 1234, &[1234]);
}

#[test]
fn named_groups_are_taken_exactly() {
    let Some(outcome) = become_somebody(GROUP, &["www:log:web"]) else { return };
    assert_is(&outcome, 1233, 75, &[73, 75]);
    let Some(outcome) = become_somebody(GROUP, &["www:bare"]) else { return };
    assert_is(&outcome, 1233, 76, &[76]);
    let Some(outcome) = become_somebody(GROUP, &["-s", "www:last"]) else { return };
    assert_is(&outcome, 1233, 81, &[81]);
}

#[test]
fn an_unknown_group_stops_the_chain() {
    let Some(etc) = etc(PASSWD, GROUP) else { return };
    for group in ["nosuch", "we", "huge", "bad", "empty", "former", "#former", "73", "", "www"] {
        let outcome = etc.run(Getent::Real, &["setuidgid", &format!("www:{group}"), "id"]);
        outcome.assert_failed(&format!("setuidgid: fatal: unknown group {group}\n"));
    }
}

#[test]
fn all_groups_are_those_that_list_the_user() {
    let plain = "web:x:73:other,www\nlogs:x:74:other,wwwdata,ww\nlog:x:75:\nbare:x:76\nhuge:x:4294967296:www\n\
                 bad:x:bad:www\nempty:x::www\nagain:x:73:www\nonly:x:77:www\nlast:x:81:www";
    let Some(outcome) = become_somebody(plain, &["-s", "www"]) else { return };
    assert_is(&outcome, 1233, 1234, &[73, 77, 81, 1234]);
    compare_groups(plain, &outcome);
}

#[test]
fn lists_of_members_are_read_as_the_c_library_reads_them() {
    // for memberships glibc takes a commented line, and one with a sign, like any other
    let Some(outcome) = become_somebody(GROUP, &["-s", "www"]) else { return };
    compare_groups(GROUP, &outcome);
    assert_is(&outcome, 1233, 1234, &[70, 71, 72, 73, 77, 78, 79, 81, 83, 84, 85, 1234]);
}

#[test]
fn a_member_with_a_colon_is_no_member_without() {
    let Some(outcome) = become_somebody("g:x:71:www:z\n", &["-s", "www"]) else { return };
    compare_groups("g:x:71:www:z\n", &outcome);
    assert_is(&outcome, 1233, 1234, &[1234]);
}

/// The same by `getent initgroups`, where it can be had.
#[track_caller]
fn compare_groups(group: &str, outcome: &Outcome) {
    let Some(etc) = etc(PASSWD, group) else { return };
    if !measure(&etc) {
        return;
    }
    let measured = etc.run_program(Getent::Real, Sigchld::Default, OsStr::new("getent"), &["initgroups", "www"]);
    let mut measured: Vec<u32> = measured.stdout.split_whitespace().skip(1).map(|id| id.parse().unwrap()).collect();
    measured.push(1234);
    measured.sort_unstable();
    measured.dedup();
    assert_eq!(outcome.status("Groups"), measured);
}

#[test]
fn more_groups_than_a_page_lists() {
    let group: String = (1000..4000).map(|id| format!("g{id}:x:{id}:a,b,www,c\n")).collect();
    let Some(outcome) = become_somebody(&group, &["-s", "www"]) else { return };
    let expected: Vec<u32> = (1000..4000).collect();
    assert_is(&outcome, 1233, 1234, &expected);
}

#[test]
fn the_last_account_of_many_is_found() {
    let passwd: String =
        (1..20_000).map(|id| format!("user{id}:x:{id}:{id}:User {id}:/home/user{id}:/bin/sh\n")).collect();
    assert_users(&passwd, &[("user19999", Some((19_999, 19_999))), ("user1", Some((1, 1))), ("user20000", None)]);
}

#[test]
fn the_sandbox_is_another_etc() {
    // were the mounts without effect, the misses above would be of this machine's files
    let Some(etc) = etc("only-here:x:1:2:::\n", "") else { return };
    assert!(!std::fs::read_to_string("/etc/passwd").unwrap().contains("only-here"));
    assert!(Path::new("/etc/passwd").exists());
    assert_eq!(envuidgid(&etc, "only-here").ids(), Some((1, 2)));
    envuidgid(&etc, "root").assert_failed(&unknown("root"));
}

/// What is no text at all must not be read for ever. The C library reads on, so this is the static build's.
#[cfg(target_feature = "crt-static")]
#[test]
fn a_line_without_end_is_refused() {
    let Some(etc) = Etc::new() else { return };
    let huge = format!("huge:x:1:2:{}\nlater:x:54:55:::\n", "g".repeat(3_000_000));
    let etc = etc.with("nsswitch.conf", "passwd: files\n").with("passwd", huge).with("group", "");
    assert_eq!(etc.run(Getent::Real, &["envuidgid", "later", "env"]).ids(), Some((54, 55)));
    let etc = etc.with("passwd", "g".repeat(9_000_000));
    let outcome = etc.run(Getent::Real, &["envuidgid", "later", "env"]);
    outcome.assert_failed("envuidgid: fatal: unable to read /etc/passwd: line too long\n");
}
