//! Generated passwd(5) and group(5) files: every id and every group as the C library gives them, by getent(1).

use crate::sandbox::{Etc, Getent, Sigchld};
use crate::support;
use crate::support::random::{Random, at_least};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;

/// How many files of each kind; CATENA_ROUNDS=50000 makes them 5000.
const FILES: u64 = 100;
/// How many of them are looked into by one shell.
const BATCH: usize = 25;
/// getent does not print what it could not read back, such as a member with a colon. What such an entry is, is seen of a
/// file that is given to it; nobody has the ids that this file has before.
const BEGINNING: &str = r#"exec >/etc/said 2>&1
>/etc/given
ask() {
    database=$1
    shift
    said=$(getent "$database" -- "$@" 2>&1)
    code=$?
    case $said in
    *'error writing'*) ;;
    *) printf '%s\n' "$said"; return "$code" ;;
    esac
    for name do
        said=$(getent "$database" -- "$name" 2>&1)
        case $database:$said in
        group:*'error writing'*)
            chgrp 54321 /etc/given && chgrp -- "$name" /etc/given
            printf '%s:' "$name"; stat -c x:%g: /etc/given ;;
        passwd:*'error writing'*)
            chown 54321:54321 /etc/given && chown -- "$name:" /etc/given
            printf '%s:' "$name"; stat -c x:%u:%g: /etc/given ;;
        *) printf '%s\n' "$said" ;;
        esac
    done
}
"#;
/// Kept where an entry has the id that means "unchanged".
const NOT_GIVEN: u32 = 54321;
/// What comes after the words of each command.
const END: &str = "--end--\n";

/// Names that are asked for. None that getent takes for a number.
const USERS: &[&[u8]] = &[b"www", b"app", b"WWW", b"two words", b"\xc3\xbcmit", b"a.b-c$", b"0x1", b"\xff"];
const GROUPS: &[&[u8]] = &[b"web", b"logs", b"Web", b"web www", b"9p"];
/// Others that lie in between.
const STRANGERS: &[&[u8]] =
    &[b"other", b"", b"ww", b"wwww", b"+www", b"-www", b"+", b"-", b"#www", b"www\r", b"www 7", b"12"];
const BLANKS: &[&[u8]] = &[b"", b"", b"", b"", b"", b" ", b"\t", b"\x0b", b"\x0c\r", b"   "];
/// What strtoul(3) makes a number of, and what it does not.
const NUMBERS: &[&[u8]] = &[
    b"0",
    b"7",
    b"33",
    b"1000",
    b"65534",
    b"4294967294",
    b"+8",
    b" 9",
    b"\t10",
    b"\x0b\x0c+11",
    b"-0",
    b"00012",
    b"",
    b"",
    b" ",
    b"x",
    b"0x10",
    b"7 ",
    b"7\t",
    b"+",
    b"- 7",
    b"+-7",
    b"7.",
    b"7\r",
    b"\xc2\xa07",
];
/// What a minus makes of a large number.
const WRAPPED: &[&[u8]] = &[b"-18446744073709547616", b"-18446744073709551615"];
/// Numbers that become the id that means "unchanged": nobody can have it.
const UNUSABLE: &[&[u8]] =
    &[b"4294967295", b"4294967296", b"18446744073709551616", b"-1", b"-7", b"99999999999999999999999"];

fn one_of<'a>(random: &mut Random, lists: &[&[&'a [u8]]]) -> &'a [u8] {
    let list = lists[random.below(lists.len())];
    list[random.below(list.len())]
}

/// What a file is spoilt with here and there.
fn spoil(random: &mut Random, mut line: Vec<u8>) -> Vec<u8> {
    match random.below(40) {
        0 => line.insert(0, b'#'),
        1 => line.clear(),
        2 => line.truncate(random.below(line.len() + 1)),
        3 => line.insert(random.below(line.len() + 1), 0),
        4 => line.push(b'\r'),
        5 => line = b" \t\x0b".to_vec(),
        6 => line.insert(random.below(line.len() + 1), b':'),
        7 => {
            let place = random.below(line.len() + 1);
            let byte = random.one_of(b"+-# ,\t\x0b\xffa");
            line.insert(place, byte);
        }
        _ => {}
    }
    line
}

fn text(random: &mut Random, first: &[u8], lines: usize, line: impl Fn(&mut Random) -> Vec<u8>) -> Vec<u8> {
    let mut text = first.to_vec();
    for _ in 0..lines {
        let line = line(random);
        text.extend([spoil(random, line), b"\n".to_vec()].concat());
    }
    if random.percent(30) {
        text.pop();
    }
    text
}

fn passwd_line(random: &mut Random) -> Vec<u8> {
    let blanks = one_of(random, &[BLANKS]);
    let name = one_of(random, &[USERS, USERS, USERS, STRANGERS]);
    let ids =
        [0; 2].map(|_| if random.percent(70) { &NUMBERS[..6] } else { [NUMBERS, UNUSABLE, WRAPPED][random.below(3)] });
    let [user, group] = ids.map(|ids| one_of(random, &[ids]));
    let mut line = [blanks, name, b":x:", user, b":", group].concat();
    if !random.percent(10) {
        // the shell has no colon: getent prints no such account, which the C library finds
        let long = [b"Somebody,,".repeat(random.below(3)), b"s".repeat([0, 0, 0, 900, 3000][random.below(5)])].concat();
        line.extend([b":", &long[..], b":/home/", name, b":/bin/sh"].concat());
    }
    line
}

fn members(random: &mut Random) -> Vec<u8> {
    let mut members = Vec::new();
    for _ in 0..random.below(7) {
        let blanks = one_of(random, &[BLANKS]);
        let name = one_of(random, &[USERS, USERS, STRANGERS]);
        let end = [&b","[..], b",", b",", b",", b",", b",,", b" ,", b":", b""][random.below(9)];
        members.extend([blanks, name, end].concat());
    }
    if random.percent(5) {
        members.splice(0..0, b"filler,".repeat(random.between(100, 700)));
    }
    members
}

fn group_line(random: &mut Random) -> Vec<u8> {
    let blanks = one_of(random, &[BLANKS]);
    let name = one_of(random, &[GROUPS, GROUPS, STRANGERS, &[b"+", b"-"]]);
    let password = [&b":x:"[..], b":x:", b"::", b":*:"][random.below(4)];
    let ids = if random.percent(60) { &NUMBERS[..6] } else { [NUMBERS, UNUSABLE, WRAPPED][random.below(3)] };
    let id = one_of(random, &[ids]);
    let mut line = [blanks, name, password, id].concat();
    if !random.percent(8) {
        line.extend([b":", &members(random)[..]].concat());
    }
    line
}

/// A pair of files. The account `known` is always there, to ask for groups with.
struct Pair {
    passwd: Vec<u8>,
    group: Vec<u8>,
}

impl Pair {
    fn new(random: &mut Random) -> Self {
        let lines = random.below(25);
        let passwd = text(random, b"known:x:1:2:::\n", lines, passwd_line);
        let lines = random.below(25);
        Self { passwd, group: text(random, b"", lines, group_line) }
    }

    /// Shell commands that make the files what they are to be and ask for everything in them.
    fn script(&self) -> String {
        let mut script = String::new();
        for (file, text) in [("passwd", &self.passwd), ("group", &self.group)] {
            writeln!(script, "printf %b '{}' >/etc/{file}", octal(text)).unwrap();
        }
        let all = |names: &[&[u8]]| names.iter().map(|name| format!(" {}", word(name))).collect::<String>();
        let databases = [("passwd", USERS), ("group", GROUPS), ("initgroups", USERS)];
        for (database, names) in databases {
            writeln!(script, "ask {database}{}; say $?", all(names)).unwrap();
        }
        for user in USERS {
            if support::is_root() {
                writeln!(script, "setuidgid -s -- {} cat /proc/self/status; say $?", word(user)).unwrap();
            } else {
                writeln!(script, "envuidgid -- {} printenv UID GID; say $?", word(user)).unwrap();
            }
        }
        for group in GROUPS {
            writeln!(script, "envuidgid -- {} printenv GID; say $?", word(&[b"known:", *group].concat())).unwrap();
        }
        script
    }

    /// Compares what the commands said, part by part.
    fn check<'a>(&self, parts: &mut impl Iterator<Item = &'a [u8]>) {
        let shown = format!("passwd:\n{}\ngroup:\n{}", self.passwd.escape_ascii(), self.group.escape_ascii());
        let mut next = || parts.next().unwrap_or_else(|| panic!("the commands ended early: {shown}"));
        let [users, groups, lists] = [(); 3].map(|()| next());
        let users = entries(users, &[2, 3]);
        let groups = entries(groups, &[2]);
        for &user in USERS {
            let expected = users.get(user).filter(|ids| ids.iter().all(|&id| is_anyones(id))).map(|ids| {
                let mut listed = memberships(lists, user);
                listed.push(ids[1]);
                listed.sort_unstable();
                listed.dedup();
                (ids[0], ids[1], if support::is_root() { listed } else { Vec::new() })
            });
            let said = next();
            let got = account(said);
            assert_eq!(got, expected, "user {}: {}\n{shown}", user.escape_ascii(), said.escape_ascii());
            assert!(got.is_some() || is_unknown(said, "account", user), "{}\n{shown}", said.escape_ascii());
        }
        for &group in GROUPS {
            let expected = groups.get(group).map(|ids| ids[0]).filter(|&id| is_anyones(id));
            let said = next();
            let got = said.strip_suffix(b"\n\n0").and_then(|id| std::str::from_utf8(id).ok()?.parse::<u32>().ok());
            assert_eq!(got, expected, "group {}: {}\n{shown}", group.escape_ascii(), said.escape_ascii());
            assert!(got.is_some() || is_unknown(said, "group", group), "{}\n{shown}", said.escape_ascii());
        }
    }
}

/// What each command said, and its exit code in a line of its own.
fn parts(said: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = said;
    while let Some(place) = rest.windows(END.len()).position(|window| window == END.as_bytes()) {
        parts.push(rest[..place].strip_suffix(b"\n").unwrap());
        rest = &rest[place + END.len()..];
    }
    assert_eq!(rest, b"");
    parts
}

/// As the shell's printf reads it.
fn octal(text: &[u8]) -> String {
    text.iter().map(|byte| format!("\\0{byte:03o}")).collect()
}

/// A word of a script; its bytes need not be text, so they go by way of printf as well.
fn word(name: &[u8]) -> String {
    format!("\"$(printf %b '{}')\"", octal(name))
}

/// The lines that getent prints of whole databases: the numbers in these fields, by name.
fn entries<'a>(said: &'a [u8], fields: &[usize]) -> BTreeMap<&'a [u8], Vec<u32>> {
    let lines = said.split(|&byte| byte == b'\n').map(|line| line.split(|&byte| byte == b':').collect::<Vec<_>>());
    lines
        .filter(|line| line.len() > 1)
        .map(|line| (line[0], fields.iter().map(|&at| decimal(line[at])).collect()))
        .collect()
}

fn is_anyones(id: u32) -> bool {
    id != u32::MAX && id != NOT_GIVEN
}

fn decimal(digits: &[u8]) -> u32 {
    std::str::from_utf8(digits).unwrap().parse().unwrap()
}

/// What `getent initgroups` says of a user: the name, padded, and the ids.
fn memberships(said: &[u8], user: &[u8]) -> Vec<u32> {
    let mut lines = said.split(|&byte| byte == b'\n');
    let ids = lines.find_map(|line| line.strip_prefix(user)?.strip_prefix(b" ")).unwrap();
    ids.split(|&byte| byte == b' ').filter(|id| !id.is_empty()).map(decimal).collect()
}

/// What a program said of itself: user, group, and as root all its groups. `None` where it did not run.
fn account(said: &[u8]) -> Option<(u32, u32, Vec<u32>)> {
    let text = std::str::from_utf8(said.strip_suffix(b"\n\n0")?).ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>())
    };
    match (field("Uid:"), field("Gid:"), field("Groups:")) {
        (Some(users), Some(groups), Some(mut listed)) => {
            assert!(users == [users[0]; 4] && groups == [groups[0]; 4], "{text}");
            listed.sort_unstable();
            Some((users[0], groups[0], listed))
        }
        _ => text.split_once('\n').map(|(user, group)| (user.parse().unwrap(), group.parse().unwrap(), Vec::new())),
    }
}

fn is_unknown(said: &[u8], kind: &str, name: &[u8]) -> bool {
    let message = said.strip_suffix(b"\n\n111").unwrap_or_default();
    let words = format!("fatal: unknown {kind} ");
    let place = message.windows(words.len()).position(|window| window == words.as_bytes());
    // how a name is shown is not the matter here
    place.is_some() && (name.escape_ascii().to_string().as_bytes() != name || message.ends_with(name))
}

#[test]
fn generated_files_are_read_as_the_c_library_reads_them() {
    if !support::is_root() {
        support::leave_out("groups of generated files: needs root to become their members");
    }
    let Some(etc) = Etc::new() else { return };
    let etc = etc.with("nsswitch.conf", "passwd: files\ngroup: files\n");
    if !crate::local::measure(&etc) {
        return;
    }
    let mut random = Random::new(14);
    let mut left = usize::try_from(at_least(FILES)).unwrap();
    while left > 0 {
        let pairs: Vec<Pair> = (0..left.min(BATCH)).map(|_| Pair::new(&mut random)).collect();
        left -= pairs.len();
        let mut script = format!("{BEGINNING}say() {{ printf '\\n%s\\n{END}' \"$1\"; }}\n");
        pairs.iter().for_each(|pair| script += &pair.script());
        std::fs::write(etc.path("script"), script).unwrap();
        let outcome = etc.run_program(Getent::Real, Sigchld::Default, OsStr::new("sh"), &["/etc/script"]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        let said = std::fs::read(etc.path("said")).unwrap();
        let mut parts = parts(&said).into_iter();
        pairs.iter().for_each(|pair| pair.check(&mut parts));
        assert_eq!(parts.next(), None);
    }
}
