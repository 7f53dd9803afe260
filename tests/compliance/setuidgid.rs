//! setuidgid: exactly the ids of the account, and no way back.

use crate::accounts;
use crate::case::{Case, Outcome, exits};

/// All four of each id, the supplementary groups, and the capabilities of the program.
const IDS: &str = "sed -n 's/^\\(Uid\\|Gid\\|Groups\\|CapPrm\\|CapEff\\):[^0-9]*//p' /proc/$$/status";

/// What `IDS` prints for somebody without capabilities.
fn ids(user: u32, group: u32, groups: &[u32]) -> String {
    let four = |id: u32| [id; 4].map(|id| id.to_string()).join("\t");
    let mut sorted = groups.to_vec();
    sorted.sort_unstable();
    let groups: String = sorted.iter().map(|id| format!("{id} ")).collect();
    format!("{}\n{}\n{groups}\n{none}\n{none}\n", four(user), four(group), none = "0".repeat(16))
}

/// Capabilities that an exec gives, and those that it gives the next one.
const CAPABILITIES: &str = "sed -n 's/^Cap\\(Prm\\|Eff\\|Amb\\):[^0-9]*//p' /proc/$$/status";

/// Somebody who can become anybody, and passes that on.
/// Nobody in a namespace with 65,536 ids, as containers have it.
const IN_A_CONTAINER: [&str; 4] = [
    "sh",
    "-c",
    "unshare --user sleep 60 & of=/proc/$!
    until [ \"$(readlink $of/ns/user)\" != \"$(readlink /proc/$$/ns/user)\" ]; do :; done
    echo 0 100000 65536 >$of/uid_map && echo 0 100000 65536 >$of/gid_map || exit 99
    nsenter --user=$of/ns/user --setuid=0 --setgid=0 setpriv --reuid=65534 --regid=65534 --groups=65534 \"$@\"
    code=$?; kill $!; exit $code",
    "unshare",
];

const AMBIENT_OF_SOMEBODY: [&str; 6] = [
    "setpriv",
    "--reuid=1000",
    "--regid=1000",
    "--groups=1000",
    "--inh-caps=+setuid,+setgid",
    "--ambient-caps=+setuid,+setgid",
];

/// The same by the number of root, which makes no difference there.
const AMBIENT_OF_ROOT: [&str; 7] = [
    "unshare",
    "--user",
    "--map-root-user",
    "setpriv",
    "--securebits=+noroot",
    "--inh-caps=+setuid,+setgid",
    "--ambient-caps=+setuid,+setgid",
];

fn none_left() -> Outcome {
    exits(0).prints(format!("{none}\n{none}\n{none}\n", none = "0".repeat(16)))
}

fn setuidgid<const N: usize>(args: [&str; N]) -> Case {
    Case::new("setuidgid", args)
}

fn unknown(account: &str) -> Outcome {
    exits(111).says(format!("setuidgid: fatal: unknown account {account}\n"))
}

fn usage() -> Outcome {
    exits(100).says_first("setuidgid: usage: setuidgid ")
}

/// Someone of whom the system lists more groups than the first, or else nobody: name, user, group, all groups.
fn member() -> Option<(String, u32, u32, Vec<u32>)> {
    accounts::members().into_iter().chain(["nobody".to_owned()]).find_map(|name| {
        let (user, group) = accounts::ids(&name)?;
        let mut listed = accounts::groups_with(&name);
        listed.push(group);
        listed.sort_unstable();
        listed.dedup();
        (user != 0).then_some((name, user, group, listed))
    })
}

pub fn cases() -> Vec<Case> {
    let (uid, gid) = accounts::ids("nobody").unwrap_or((65534, 65534));
    // the two programs differ in the advice that follows
    let refused = || exits(111).says_one_line("setuidgid: fatal: unable to setgid: permission denied");
    let forms = "the forms of chpst -u";
    let option = "an addition; the reference takes it for the account";

    let mut cases = vec![
        setuidgid(["nobody", "sh", "-c", IDS]).for_root().expect(exits(0).prints(ids(uid, gid, &[gid]))),
        setuidgid(["root", "sh", "-c", "id -u; id -g; id -G"]).for_root().expect(exits(0).prints("0\n0\n0\n")),
        setuidgid(["nobody", "sh", "-c", "echo $HOME $USER $UID; exit 6"])
            .for_root()
            .environ(["PATH=/usr/bin:/bin", "HOME=/root", "USER=root"])
            .expect(exits(6).prints("/root root\n")),
        // no way back: the next one finds that it is not root any more
        setuidgid(["nobody", "{program}", "root", "true"]).for_root().expect(refused()),
        setuidgid(["nobody", "{program}", "nobody", "true"]).for_root().expect(refused()),
        setuidgid(["nobody", "sh", "-c", "exec 2>/dev/null; setpriv --reuid=0 true || echo no way back"])
            .for_root()
            .expect(exits(0).prints("no way back\n")),
        setuidgid(["nobody", "./secret"])
            .for_root()
            .file_of_mode("secret", 0o700, "#!/bin/sh\n")
            .expect(exits(111).says("setuidgid: fatal: unable to run ./secret: access denied\n")),
        setuidgid(["nobody", "nosuch"])
            .for_root()
            .environ(["PATH={dir}/sealed:/usr/bin"])
            .directory_of_mode("sealed", 0o700)
            .expect(exits(111).says("setuidgid: fatal: unable to run nosuch: access denied\n")),
        // without privileges, even to be who one is
        setuidgid(["nobody", "true"]).by_nobody().expect(refused()),
        setuidgid(["root", "true"]).by_nobody().expect(refused()),
        // in a user namespace where setgroups is denied, root is not enough
        setuidgid(["root", "true"]).under(["unshare", "--user", "--map-root-user"]).expect(refused()),
        setuidgid(["-k", "root", "id", "-u"]).under(["unshare", "--user", "--map-root-user"]).differs(
            unknown("-k"),
            exits(0).prints("0\n"),
            option,
        ),
        setuidgid([":0:0", "true"]).under(["unshare", "--user", "--map-root-user"]).ours_only(refused()),
        // what it lacks is said, after the reference's words
        setuidgid([":0:0", "true"]).under(["unshare", "--user", "--map-root-user"]).ours_only(exits(111).says(
            "setuidgid: fatal: unable to setgid: permission denied: this user namespace denies setgroups; -k keeps the \
             groups\n",
        )),
        setuidgid(["-k", ":1234:1234", "true"]).under(["unshare", "--user", "--map-root-user"]).ours_only(
            exits(111)
                .says("setuidgid: fatal: unable to setgid: invalid argument: no such id in this user namespace\n"),
        ),
        setuidgid(["nobody", "true"]).by_nobody().ours_only(exits(111).says(
            "setuidgid: fatal: unable to setgid: permission denied: needs root or CAP_SETGID to set groups; -k keeps them\n",
        )),
        // names
        setuidgid(["no such account", "true"]).expect(unknown("no such account")),
        setuidgid(["", "true"]).expect(unknown("")),
        setuidgid(["0", "true"]).expect(unknown("0")),
        setuidgid(["65534", "true"]).expect(unknown("65534")),
        setuidgid(["-", "true"]).expect(unknown("-")),
        setuidgid(["nosuch", "nosuch"]).expect(unknown("nosuch")),
        setuidgid(["--", "nosuch", "true"]).differs(unknown("--"), unknown("nosuch"), "options are parsed everywhere"),
        setuidgid([]).expect(usage()),
        setuidgid(["nobody"]).expect(usage()),
        setuidgid(["-s", "nobody"]).differs(unknown("-s"), usage(), option),
        setuidgid(["-z", "true"]).differs(
            unknown("-z"),
            exits(100).says_first("setuidgid: illegal option -- z\nsetuidgid: usage: "),
            "options are parsed everywhere",
        ),
        // -q
        setuidgid(["nobody", "{program}", "-q", "nobody", "sh", "-c", IDS]).for_root().differs(
            unknown("-q"),
            exits(0).prints(ids(uid, gid, &[gid])),
            option,
        ),
        setuidgid(["nobody", "{program}", "-q", "root", "true"]).for_root().ours_only(refused()),
        setuidgid(["-q", "nobody", "sh", "-c", IDS]).for_root().ours_only(exits(0).prints(ids(uid, gid, &[gid]))),
        // an id without a mapping reads as nobody's, and is whoever's: nothing is taken for granted
        setuidgid(["-q", ":65534:65534", "id", "-u"]).under(["unshare", "--user"]).ours_only(refused()),
        setuidgid(["-q", ":65534:65534", "id", "-u"])
            .for_root()
            .under(["setpriv", "--groups=0", "unshare", "--user"])
            .ours_only(exits(111).says(
                "setuidgid: fatal: unable to setgid: permission denied: needs root or CAP_SETGID to set groups; -k keeps them\n",
            )),
        setuidgid(["-q", "-k", ":65534:65534", "id", "-u"]).under(["unshare", "--user"]).ours_only(
            exits(111)
                .says("setuidgid: fatal: unable to setgid: invalid argument: no such id in this user namespace\n"),
        ),
        // one that is the process's own can be set to itself
        setuidgid(["-q", ":65534:65534", "id", "-u"]).for_root().under(IN_A_CONTAINER).ours_only(exits(0).prints("65534\n")),
        setuidgid(["-q", "nobody", "id", "-u"]).for_root().under(IN_A_CONTAINER).ours_only(exits(0).prints("65534\n")),
        // ambient capabilities would be a way back
        setuidgid([":65534:65534", "sh", "-c", IDS]).for_root().under(AMBIENT_OF_SOMEBODY).ours_only(exits(0).prints(ids(65534, 65534, &[65534]))),
        setuidgid([":65534:65534", "{program}", ":0:0", "true"]).for_root().under(AMBIENT_OF_SOMEBODY).ours_only(refused()),
        setuidgid(["-q", ":1000:1000", "sh", "-c", IDS]).for_root().under(AMBIENT_OF_SOMEBODY).ours_only(exits(0).prints(ids(1000, 1000, &[1000]))),
        setuidgid(["-q", ":1000:1000", "{program}", ":0:0", "true"])
            .for_root()
            .under(AMBIENT_OF_SOMEBODY)
            .ours_only(refused()),
        // the same where root is nobody in particular, in a user namespace of one's own
        setuidgid(["-k", ":0:0", "sh", "-c", CAPABILITIES]).under(AMBIENT_OF_ROOT).ours_only(none_left()),
        setuidgid(["-q", "-k", ":0:0", "sh", "-c", CAPABILITIES]).under(AMBIENT_OF_ROOT).ours_only(none_left()),
        // -k
        setuidgid([":0:0:7:9", "{program}", "-k", "nobody", "sh", "-c", IDS])
            .for_root()
            .ours_only(exits(0).prints(ids(uid, gid, &[0, 7, 9]))),
    ];

    // by number, and with groups of its own: as runit's
    let forms_of_account = [
        (":1234:1235", ids(1234, 1235, &[1235])),
        (":1234:1235:7:9", ids(1234, 1235, &[7, 9, 1235])),
        ("nobody:root", ids(uid, 0, &[0])),
    ];
    for (account, printed) in forms_of_account {
        cases.extend([
            Case::new("chpst", ["-u", account, "sh", "-c", IDS]).for_root().peer_only(exits(0).prints(&printed)),
            setuidgid([account, "sh", "-c", IDS]).for_root().differs(
                unknown(account),
                exits(0).prints(&printed),
                forms,
            ),
        ]);
    }
    for account in [
        ":1234",
        ":",
        ":x:1",
        ":1:x",
        ":1:",
        ":-1:1",
        ":+1:1",
        ":4294967295:1",
        ":1:4294967295",
        "nobody:",
        "nobody:nosuch",
    ] {
        cases.push(setuidgid([account, "true"]).for_root().ours_only(exits(111).says_one_line("setuidgid: fatal: ")));
    }
    if let Some((name, user, group, groups)) = member() {
        cases.extend([
            setuidgid(["-s", &name, "sh", "-c", IDS]).for_root().differs(
                unknown("-s"),
                exits(0).prints(ids(user, group, &groups)),
                "daemontools-encore's",
            ),
            setuidgid([&name, "sh", "-c", IDS]).for_root().expect(exits(0).prints(ids(user, group, &[group]))),
        ]);
    }
    cases
}
