//! svscanboot: svscan with its messages in the words of a readproctitle, in a clean environment. The reference knows one
//! directory only, so it is run where that leads to a directory of the test's.

use crate::ground::{Forked, Ground, Reference, SERVE, Way, each};
use crate::processes::{Process, argv, children, entries, link};
use crate::support::namespaces::{MOUNTS, may_unshare};
use crate::support::waiting::{look_for, look_until};
use crate::tree::{Tree, signal_to};
use nix::sys::signal::Signal;
use std::fs;
use std::path::Path;

const BOTH: &[Way] = &[Reference, Forked];

const PATH: &str = "PATH=/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin";

/// A service that takes long enough to be seen in its own shape.
const SLEEP: &str = "echo NAME up $$ >&8; exec sleep 1000000";

/// How svscanboot learns of its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// By its argument.
    Named,
    /// There is only /etc/service.
    Etc,
}

/// Starts svscanboot with an environment that should not get anywhere. Gives its process id.
fn boot(tree: &mut Tree<'_>, told: Told) -> i32 {
    let ground = tree.ground;
    let program = ground.program("svscanboot");
    let directory = ground.at("service");
    let [program, directory] = [&program, &directory].map(|path| path.to_str().unwrap());
    let hostile = ["env", "PATH=/bin:/usr/bin", "SECRET=1", "LANG=C"];
    match told {
        Told::Named => tree.run(&[&hostile[..], &[program, directory]].concat()),
        Told::Etc => {
            let lines =
                "mount -t tmpfs none /etc && mkdir /etc/service && mount --bind \"$1\" /etc/service && exec \"$2\"";
            tree.run(&[&hostile[..], &["unshare"], MOUNTS, &["sh", "-c", lines, "sh", directory, program]].concat())
        }
    }
}

/// In each way in which it can be told.
fn each_told(test: impl Fn(Way, Told) + Sync) {
    let may = may_unshare(MOUNTS);
    each(BOTH, |way| {
        let told = [Told::Etc, Told::Named].into_iter();
        for told in told.filter(|&told| if told == Told::Etc { may } else { way != Reference }) {
            test(way, told);
        }
    });
}

/// The process in the tree that has this as its first word, which it may not have yet.
#[track_caller]
fn find(tree: &Tree<'_>, first: &str) -> Process {
    look_for(first, || {
        let mut all = tree.processes().into_iter();
        all.find(|it| argv(it.pid).first().is_some_and(|word| word.rsplit('/').next() == Some(first)))
    })
}

#[test]
fn svscan_writes_its_errors_into_the_words_of_readproctitle() {
    each_told(|way, told| {
        let ground = Ground::new(way);
        ground.service("a", SLEEP);
        let mut tree = Tree::new(&ground, &[]);
        let started = boot(&mut tree, told);
        let service = tree.hears("a up", 1);
        let [svscan, title] = ["svscan", "readproctitle"].map(|name| find(&tree, name));
        let directory =
            if told == Told::Etc { "/etc/service".to_owned() } else { ground.at("service").display().to_string() };
        assert_eq!(argv(svscan.pid), ["svscan", &directory]);
        assert_eq!(argv(title.pid), ["readproctitle", "service", "errors:", &".".repeat(400)]);
        // a process fewer
        let parents = if way == Reference { [started, started] } else { [title.pid, title.parent] };
        assert_eq!([svscan.parent, title.parent], parents);
        assert_eq!(title.pid == started, way != Reference);
        let targets = |pid: i32| [0, 1, 2].map(|number| link(pid, &format!("fd/{number}")));
        let pipe = link(title.pid, "fd/0");
        assert!(pipe.starts_with("pipe:["), "{pipe}");
        assert_eq!(targets(title.pid), [&*pipe, "/dev/null", "/dev/null"]);
        look_until("the shell has gone", || argv(service) == ["sleep", "1000000"]);
        for pid in [svscan.pid, tree.supervise("a").unwrap(), service] {
            assert_eq!(targets(pid), ["/dev/null", &*pipe, &*pipe], "{:?}", argv(pid));
        }
        assert_eq!(entries(&format!("/proc/{}/environ", title.pid)), [PATH]);
        // a shell adds the directory it is in
        let environ = entries(&format!("/proc/{service}/environ"));
        let environ: Vec<&String> =
            environ.iter().filter(|entry| !entry.starts_with("PWD=") && !entry.starts_with("OLDPWD=")).collect();
        assert_eq!(environ, [PATH]);
        assert_eq!(ground.messages(), "");
    });
}

#[test]
fn what_services_say_is_in_the_words_of_readproctitle() {
    each_told(|way, told| {
        let ground = Ground::new(way);
        ground.service("a", &format!("echo a: out of luck >&2\n{SERVE}"));
        let mut tree = Tree::new(&ground, &[]);
        boot(&mut tree, told);
        tree.all_up(&["a"]);
        let title = find(&tree, "readproctitle").pid;
        let expected = format!("{}a: out of luck\n", ".".repeat(400 - 15));
        look_until("the message is shown", || argv(title).last() == Some(&expected));
    });
}

/// Whatever is left of an earlier tree is told to end, so that the new one has its locks.
#[test]
fn leftovers_of_an_earlier_tree_are_ended() {
    each_told(|way, told| {
        let ground = Ground::new(way);
        let logger = "echo NAME/log up $$ >&8; exec cat >>lines";
        ground.service_with_log("a", SERVE, logger);
        let mut tree = Tree::new(&ground, &[]);
        let supervise = ground.program("supervise");
        let former = ["a", "a/log"]
            .map(|name| tree.run(&[supervise.to_str().unwrap(), ground.service_at(name).to_str().unwrap()]));
        tree.all_up(&["a", "a/log"]);
        boot(&mut tree, told);
        // the logger has read from /dev/null until now and is started again and again
        tree.hears("a up", 2);
        assert_eq!(former.map(|pid| tree.code(pid)), [0, 0]);
        let svscan = find(&tree, "svscan").pid;
        let latter = ["a", "a/log"].map(|name| tree.wait_for_supervise(name));
        look_until("they are svscan's", || latter.iter().all(|pid| children(svscan).contains(pid)));
        assert_eq!(link(latter[0], "fd/1"), link(latter[1], "fd/0"));
    });
}

/// Then init starts all anew.
#[test]
fn all_ends_when_svscan_does() {
    each_told(|way, told| {
        let ground = Ground::new(way);
        let mut tree = Tree::new(&ground, &[]);
        let started = boot(&mut tree, told);
        let svscan = find(&tree, "svscan").pid;
        find(&tree, "readproctitle");
        signal_to(svscan, Signal::SIGKILL);
        assert_eq!(tree.code(started), 0);
        tree.is_gone();
    });
}

/// A root directory of the test's own, with all that there is, and a `/service` if asked for.
fn run_in_own_root(tree: &mut Tree<'_>, service: Option<&Path>, etc_service: &Path) -> i32 {
    const LINES: &str = "\
set -e
top=$1 top_of_tests=$2 service=$3 etc_service=$4
shift 4
mount -t tmpfs none \"$top\"
cd \"$top\"
for name in bin sbin lib lib32 lib64 libx32 usr dev proc; do
    if [ -L /$name ]; then cp -P /$name .; elif [ -d /$name ]; then mkdir $name; mount --rbind /$name $name; fi
done
mkdir -p etc/service \".$top_of_tests\"
mount --rbind \"$top_of_tests\" \".$top_of_tests\"
mount --bind \"$etc_service\" etc/service
[ -z \"$service\" ] || { mkdir service; mount --bind \"$service\" service; }
exec chroot . \"$@\"";
    let ground = tree.ground;
    let top = ground.at("root");
    fs::create_dir(&top).unwrap();
    let program = ground.program("svscanboot");
    let of_tests = program.parent().unwrap().to_owned();
    let service = service.map(|path| path.display().to_string()).unwrap_or_default();
    let [top, of_tests, etc_service, program] =
        [&top, &of_tests, etc_service, &program].map(|path| path.to_str().unwrap().to_owned());
    let path = "PATH=/usr/bin:/bin:/usr/sbin:/sbin";
    let words = [
        &["env", path, "unshare"],
        MOUNTS,
        &["sh", "-c", LINES, "sh", &top, &of_tests, &service, &etc_service, &program],
    ];
    tree.run(&words.concat())
}

#[test]
fn without_an_argument_it_is_slash_service_and_where_that_is_missing_etc_service() {
    if !may_unshare(MOUNTS) {
        return;
    }
    for has_service in [true, false] {
        each(&[Forked], |way| {
            let ground = Ground::new(way);
            let other = ground.at("other");
            fs::create_dir(&other).unwrap();
            ground.make(&other.join("a"), "slash", SERVE, None);
            ground.make(&ground.service_at("a"), "etc", SERVE, None);
            let mut tree = Tree::new(&ground, &[]);
            run_in_own_root(&mut tree, has_service.then_some(&other), &ground.at("service"));
            let (expected, directory) = if has_service { ("slash", "/service") } else { ("etc", "/etc/service") };
            tree.all_up(&[expected]);
            let svscan = find(&tree, "svscan").pid;
            assert_eq!(argv(svscan), ["svscan", directory]);
            assert_eq!(tree.voice.lines().len(), 1);
        });
    }
}

/// svc is waited for all the same.
#[test]
fn an_ignored_child_signal_is_no_reason_not_to_start() {
    each(&[Forked], |way| {
        let ground = Ground::new(way);
        ground.service("a", SERVE);
        let mut tree = Tree::new(&ground, &[]);
        let program = ground.program("svscanboot");
        let directory = ground.at("service");
        let [program, directory] = [&program, &directory].map(|path| path.to_str().unwrap());
        tree.run(&["env", "--ignore-signal=CHLD", program, directory]);
        tree.all_up(&["a"]);
        assert_eq!(ground.messages(), "");
    });
}
