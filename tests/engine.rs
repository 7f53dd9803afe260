//! What the engine decides, asked directly: the programs around it show what comes of it.
#![allow(unsafe_code)]

mod support;

use catena::applet::{Applet, Dialect, Manual, Process, Role, Tap};
use catena::applets;
use catena::attributes::{self, Boundaries, Boundary, Change, Fact, Value, View, Whose};
use catena::call::{self, Call};
use catena::chain::passage::{Manner, Passage, Reason, after, before};
use catena::chain::run;
use catena::environ::Environ;
use catena::options::{self, Flag};
use catena::start_report::Listeners;
use catena::sys::words::{Word, Words};
use catena::voice::exit::BERNSTEIN;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

const NO_MANUAL: Manual =
    Manual { description: &[], sections: &[], examples: &[], reference: "", differences: &[], see_also: &[] };

/// An applet that only this test knows.
const fn applet(name: &'static str, changes: &'static [Change], role: Role) -> Applet {
    Applet {
        name,
        about: "",
        dialect: Dialect::Bernstein,
        codes: BERNSTEIN,
        other_codes: &[],
        changes,
        on_request: &[],
        options: OPTIONS,
        operands: &[],
        example: &[],
        manual: NO_MANUAL,
        role,
    }
}

fn words(words: &[&str]) -> Words {
    Words::leak(words.iter().map(|word| Word::leak(word.as_bytes().to_vec())))
}

fn process(environ: &[&str]) -> Process {
    Process::new(Environ::new(words(environ)), Listeners::default())
}

fn call(applet: &'static Applet, args: &[&str]) -> Call {
    Call { applet, args: words(args), explicit: false }
}

/// What comes of it in a child: its exit code, and what it wrote to descriptor 1.
fn in_child(act: impl FnOnce() -> u8) -> (u8, Vec<u8>) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    // SAFETY: the child does what a process of catena does, and ends by exec or _exit.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let _ = nix::unistd::dup2_stdout(&writer);
            let code = act();
            // SAFETY: ends the process.
            unsafe { libc::_exit(code.into()) }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut reader, &mut text).unwrap();
            let WaitStatus::Exited(_, code) = waitpid(child, None).unwrap() else { panic!("it was killed") };
            (code.try_into().unwrap(), text)
        }
    }
}

#[test]
fn what_is_asked_for_decides_before_anything_is_done() {
    let next = Some(call(applets::find(b"nohup").unwrap(), &["true"]));
    let explicit = Manner { explicit: true, no_fuse: false };
    for (manner, variables, next, expected) in [
        (Manner::default(), &["A=1"][..], next, Passage::Shared),
        (explicit, &["CATENA_FUSE=1"], next, Passage::Shared),
        (Manner { no_fuse: true, ..explicit }, &[], next, Passage::Exec(Reason::Flag)),
        (Manner::default(), &["CATENA_FUSE=0"], next, Passage::Exec(Reason::Variable)),
        (Manner::default(), &[], None, Passage::Exec(Reason::Foreign)),
    ] {
        assert_eq!(before(manner, &Environ::new(words(variables)), next), expected, "{variables:?}");
    }
}

#[test]
fn what_a_link_has_done_decides_after_it() {
    let find = |name: &[u8]| Some(call(applets::find(name).unwrap(), &[]));
    let plain = process(&["A=1"]);
    for (boundary, expected) in [
        (Boundary::MemoryLimit, Passage::Exec(Reason::MemoryLimit)),
        (Boundary::RootIdentity, Passage::Exec(Reason::RootIdentity)),
        (Boundary::Namespace, Passage::Exec(Reason::Namespace)),
        (Boundary::ClosedDescriptor, Passage::Shared),
        (Boundary::NoNewPrivileges, Passage::Shared),
        (Boundary::NewRoot, Passage::Shared),
    ] {
        let passage = after(Passage::Shared, find(b"nohup"), Boundaries::one(boundary), &plain);
        assert_eq!(passage, expected, "{boundary:?}");
    }
    let after = |next, process: &Process| after(Passage::Shared, next, Boundaries::NONE, process);
    assert_eq!(after(find(b"svok"), &plain), Passage::Shared);
    assert_eq!(after(find(b"readproctitle"), &plain), Passage::Exec(Reason::Title));
    let mut large = process(&["A=1"]);
    large.environ.apply(vec![catena::environ::Edit::set(b"B", &[b'x'; 120 * 1024])]);
    assert_eq!(after(find(b"nohup"), &large), Passage::Exec(Reason::Size));
}

/// A change of uid takes the right to write to /proc/self/oom_score_adj and its like away, until an exec gives it back.
#[test]
fn who_writes_to_files_of_its_own_process_is_exec_ed_where_these_are_not_its_own() {
    static WRITER: Applet = applet(
        "writer",
        &[Change::new(&[&catena::attributes::umask::UMASK], "").through_own_proc()],
        Role::Link(|_| anyhow::bail!("only read")),
    );
    static OTHER: Applet = applet("other", &[], Role::Link(|_| anyhow::bail!("only read")));
    let passage = |applet| after(Passage::Shared, Some(call(applet, &[])), Boundaries::NONE, &process(&[]));
    assert_eq!(passage(&WRITER), Passage::Shared);
    let (code, _) = in_child(|| {
        let _ = nix::sys::prctl::set_dumpable(false);
        let is_right = passage(&WRITER) == Passage::Exec(Reason::OwnProcFiles)
            && passage(&OTHER) == Passage::Shared
            && passage(applets::find(b"svok").unwrap()) == Passage::Exec(Reason::Inspection);
        u8::from(!is_right)
    });
    assert_eq!(code, 0);
}

const LOUDLY: Flag = Flag::new("l", "Say it twice");
const OPTIONS: &[catena::options::Opt] = &[LOUDLY.line()];

struct Shout(bool);

impl Tap for Shout {
    fn show(&self, process: &mut Process) -> anyhow::Result<()> {
        let name = process.next.word.bytes();
        for _ in 0..1 + u8::from(self.0) {
            let _ = nix::unistd::write(std::io::stdout(), &[b"next: ", name, b"\n"].concat());
        }
        Ok(())
    }
}

static TAP: Applet = applet("tap", &[], Role::Tap(|given| Ok(Box::new(Shout(given.has(LOUDLY))))));

#[test]
fn a_tap_shows_and_then_runs_its_program_if_there_is_one() {
    let run = |args: &[&str]| {
        in_child(|| {
            let argv = words(&[&["tap"], args].concat());
            run(
                call(&TAP, args),
                argv,
                Environ::new(words(&["PATH=/bin:/usr/bin"])),
                Listeners::default(),
                Manner::default(),
            )
        })
    };
    assert_eq!(run(&[]), (0, b"next: \n".to_vec()));
    assert_eq!(run(&["-l", "echo", "-l"]), (0, b"next: echo\nnext: echo\n-l\n".to_vec()));
    assert_eq!(run(&["false"]), (1, b"next: false\n".to_vec()));
}

/// What is looked for is one thing, what it is called another: then an exec tells what it is.
#[test]
fn a_program_that_is_called_otherwise_is_no_call_of_a_link() {
    let word = |text: &str| Word::leak(text.as_bytes().to_vec());
    let argv = words(&["nohup", "true"]);
    let called = |word, argv| call::of(catena::carried::NextProgram { word, argv }).map(|call| call.applet.name);
    assert_eq!(called(argv.first(), argv), Some("nohup"));
    assert_eq!(called(word("/bin/other"), argv), None);
    let program =
        |program: &str, name: &str| catena::carried::NextProgram { word: word(program), argv: words(&[name]) };
    assert!(call::is_ours(program("/bin/nohup", "worker")));
    assert!(call::is_ours(program("/bin/worker", "nohup")));
    assert!(!call::is_ours(program("/bin/worker", "worker")));
}

/// An attribute that names a link for a fact names one that makes it so.
#[test]
fn the_link_that_an_attribute_names_makes_the_fact() {
    let environ = Environ::new(words(&[]));
    let now: Vec<Fact> = attributes::ALL.iter().flat_map(|attribute| attribute.read(Whose::Own).unwrap()).collect();
    let hangup = Fact::part("ignored", libc::SIGHUP.to_string(), Value::Yes);
    let leader = Fact::whole("sid", Value::Own);
    let mut named = Vec::new();
    for fact in now.iter().chain([&hangup, &leader]) {
        let Some(words_of_link) = attributes::of(&fact.name).unwrap().link_for(fact) else { continue };
        let applet = applets::find(&words_of_link[0]).unwrap_or_else(|| panic!("{fact:?}: {words_of_link:?}"));
        let args = Words::leak(words_of_link[1..].iter().cloned().map(Word::leak));
        let given = options::parse(applet.options, args, true).unwrap();
        let Role::Link(read) = applet.role else { panic!("{} is no link", applet.name) };
        let view = View { environ: &environ, assumed: &now, is_closed: true };
        let facts = read(&given).unwrap().facts(&view).unwrap();
        assert!(facts.contains(fact), "{fact:?} is not made by {words_of_link:?}, but {facts:?}");
        named.push(applet.name);
    }
    named.dedup();
    assert_eq!(named, ["softlimit", "nohup", "setsid"]);
}
