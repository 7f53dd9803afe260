//! A case: how a program is called, in which surroundings, and what must come of it, from the reference and from catena.
//!
//! In arguments, variables and expected texts `{dir}` stands for the case's directory, `{pid}` for the process id of
//! the program under test, and `{tty}` for its terminal. In arguments `{program}` is the file of the program under test.

use rlimit::Resource;
use std::panic::Location;
use std::path::Path;

/// What descriptor 0, 1 or 2 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A pipe; what is written to it is compared.
    Pipe,
    /// The null device.
    Null,
    /// A terminal, the same for all of the case.
    Terminal,
    /// Not open.
    Closed,
    /// A device on which every write fails.
    Full,
}

/// Puts something into the case's directory.
pub type Step = Box<dyn Fn(&Path)>;

/// How a program is called, and what must come of it.
pub struct Case {
    pub applet: &'static str,
    pub args: Vec<Vec<u8>>,
    pub wrapper: Vec<Vec<u8>>,
    pub environ: Vec<Vec<u8>>,
    pub streams: [Stream; 3],
    pub steps: Vec<Step>,
    pub cwd: &'static str,
    pub limits: Vec<(Resource, u64, u64)>,
    pub umask: u32,
    pub ignored: Vec<i32>,
    pub held: Option<(&'static str, Holding)>,
    /// The lock is given up as soon as the program waits for it; then a file `released` is there.
    pub is_released: bool,
    pub is_leader: bool,
    pub has_dead_child: bool,
    pub needs_root: bool,
    pub raises_limits: bool,
    pub is_nobody: bool,
    /// What the reference does; `None` where it has nothing of the kind.
    pub reference: Option<Outcome>,
    pub ours: Option<Outcome>,
    /// Where the outcome is written.
    pub location: &'static Location<'static>,
    /// Why the two differ.
    pub why: &'static str,
}

/// The lock that the test itself has on a file.
#[derive(Clone, Copy, Debug)]
pub enum Holding {
    /// flock(2), for itself alone.
    Exclusive,
    /// flock(2), for sharing.
    Shared,
    /// A POSIX record lock.
    Record,
}

impl Case {
    #[track_caller]
    pub fn new<const N: usize>(applet: &'static str, args: [&str; N]) -> Self {
        Self {
            applet,
            args: args.iter().map(|word| word.as_bytes().to_vec()).collect(),
            wrapper: Vec::new(),
            environ: vec![b"PATH=/usr/bin:/bin".to_vec(), b"LC_ALL=C".to_vec()],
            streams: [Stream::Null, Stream::Pipe, Stream::Pipe],
            steps: Vec::new(),
            cwd: "",
            limits: Vec::new(),
            umask: 0o022,
            ignored: Vec::new(),
            held: None,
            is_released: false,
            is_leader: false,
            has_dead_child: false,
            needs_root: false,
            raises_limits: false,
            is_nobody: false,
            reference: None,
            ours: None,
            location: Location::caller(),
            why: "",
        }
    }

    /// One more argument, of any bytes.
    pub fn arg(mut self, word: impl AsRef<[u8]>) -> Self {
        self.args.push(word.as_ref().to_vec());
        self
    }

    /// Another program before the one under test, to run it in surroundings of its own.
    pub fn under<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.wrapper = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self
    }

    /// One more environment entry, as it is.
    pub fn env(mut self, entry: impl AsRef<[u8]>) -> Self {
        self.environ.push(entry.as_ref().to_vec());
        self
    }

    /// This environment and nothing else.
    pub fn environ<const N: usize>(mut self, entries: [&str; N]) -> Self {
        self.environ = entries.iter().map(|entry| entry.as_bytes().to_vec()).collect();
        self
    }

    pub fn streams(mut self, input: Stream, output: Stream, error: Stream) -> Self {
        self.streams = [input, output, error];
        self
    }

    pub fn limit(mut self, resource: Resource, soft: u64, hard: u64) -> Self {
        self.limits.push((resource, soft, hard));
        self
    }

    pub fn umask(mut self, mask: u32) -> Self {
        self.umask = mask;
        self
    }

    pub fn ignoring(mut self, signal: i32) -> Self {
        self.ignored.push(signal);
        self
    }

    /// The test has this lock on the file, which is created, as long as the case runs.
    pub fn held(mut self, file: &'static str, holding: Holding) -> Self {
        self.held = Some((file, holding));
        self
    }

    /// As `held`, but only until the program waits for the lock. Before that a file `released` is written.
    pub fn held_until_waited_for(self, file: &'static str) -> Self {
        Self { is_released: true, ..self.held(file, Holding::Exclusive) }
    }

    /// The process leads a process group, as one typed at a prompt.
    pub fn leader(mut self) -> Self {
        self.is_leader = true;
        self
    }

    /// The process has a child it did not fork, which has ended and which nobody waited for.
    pub fn dead_child(mut self) -> Self {
        self.has_dead_child = true;
        self
    }

    /// Left out where the test does not run as root.
    pub fn for_root(mut self) -> Self {
        self.needs_root = true;
        self
    }

    /// Left out where the test may not raise hard limits.
    pub fn raising_limits(mut self) -> Self {
        self.raises_limits = true;
        self
    }

    /// Run as nobody, or as whoever runs the test if that is not root.
    pub fn by_nobody(mut self) -> Self {
        self.is_nobody = true;
        self
    }

    /// Run in this part of the directory.
    pub fn within(mut self, cwd: &'static str) -> Self {
        self.cwd = cwd;
        self
    }

    pub fn set_up(mut self, step: impl Fn(&Path) + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    pub fn file(self, name: &'static str, content: impl AsRef<[u8]>) -> Self {
        self.file_of_mode(name, 0o644, content)
    }

    pub fn file_of_mode(self, name: &'static str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref().to_vec();
        self.set_up(move |dir| {
            let path = dir.join(name);
            if mode & 0o111 == 0 {
                std::fs::write(&path, &content).expect("file");
            } else {
                crate::support::write_script(&path, &content);
            }
            set_mode(&path, mode);
        })
    }

    pub fn directory(self, name: &'static str) -> Self {
        self.directory_of_mode(name, 0o755)
    }

    pub fn directory_of_mode(self, name: &'static str, mode: u32) -> Self {
        self.set_up(move |dir| {
            std::fs::create_dir(dir.join(name)).expect("directory");
            set_mode(&dir.join(name), mode);
        })
    }

    pub fn symlink(self, target: &'static str, name: &'static str) -> Self {
        self.set_up(move |dir| std::os::unix::fs::symlink(target, dir.join(name)).expect("symbolic link"))
    }

    pub fn fifo(self, name: &'static str) -> Self {
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o644);
        self.set_up(move |dir| nix::unistd::mkfifo(&dir.join(name), mode).expect("FIFO"))
    }

    /// Both do this.
    #[track_caller]
    pub fn expect(mut self, outcome: Outcome) -> Self {
        self.location = Location::caller();
        self.reference = Some(outcome.clone());
        self.ours = Some(outcome);
        self
    }

    /// The reference does one thing and catena another, and this is why.
    #[track_caller]
    pub fn differs(mut self, reference: Outcome, ours: Outcome, why: &'static str) -> Self {
        self.location = Location::caller();
        self.reference = Some(reference);
        self.ours = Some(ours);
        self.why = why;
        self
    }

    /// A peer that is no reference, for what catena took from it.
    #[track_caller]
    pub fn peer_only(mut self, outcome: Outcome) -> Self {
        self.location = Location::caller();
        self.reference = Some(outcome);
        self
    }

    /// The reference has nothing of the kind.
    #[track_caller]
    pub fn ours_only(mut self, outcome: Outcome) -> Self {
        self.location = Location::caller();
        self.ours = Some(outcome);
        self.why = "an addition";
        self
    }
}

/// Gives the file exactly this mode, whatever the umask.
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
}

/// How the process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Signal(i32),
}

/// What must be written somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Exactly this.
    Is(Vec<u8>),
    /// Something that begins like this: the rest is each program's own, such as its list of options.
    Begins(Vec<u8>),
    /// Exactly one line, which begins like this.
    OneLine(Vec<u8>),
    /// Anything.
    Any,
}

/// Mode and content of a regular file.
pub type Content = (u32, Vec<u8>);

/// What must come of a case. Where nothing is said of a stream, nothing may be written to it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub end: End,
    pub stdout: Text,
    pub stderr: Text,
    pub terminal: Text,
    /// What the program wrote to descriptor 3, which it has only if this is expected.
    pub report: Option<Text>,
    /// Names with mode and content, or `None` where there is to be nothing.
    pub files: Vec<(&'static str, Option<Content>)>,
}

pub fn exits(code: i32) -> Outcome {
    Outcome::new(End::Exit(code))
}

pub fn dies_of(signal: i32) -> Outcome {
    Outcome::new(End::Signal(signal))
}

impl Outcome {
    fn new(end: End) -> Self {
        let nothing = || Text::Is(Vec::new());
        Self { end, stdout: nothing(), stderr: nothing(), terminal: nothing(), report: None, files: Vec::new() }
    }

    pub fn prints(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdout = Text::Is(text.as_ref().to_vec());
        self
    }

    pub fn prints_anything(mut self) -> Self {
        self.stdout = Text::Any;
        self
    }

    pub fn prints_first(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdout = Text::Begins(text.as_ref().to_vec());
        self
    }

    /// On standard error.
    pub fn says(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stderr = Text::Is(text.as_ref().to_vec());
        self
    }

    pub fn says_first(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stderr = Text::Begins(text.as_ref().to_vec());
        self
    }

    pub fn says_one_line(mut self, beginning: impl AsRef<[u8]>) -> Self {
        self.stderr = Text::OneLine(beginning.as_ref().to_vec());
        self
    }

    pub fn says_anything(mut self) -> Self {
        self.stderr = Text::Any;
        self
    }

    /// On the terminal.
    pub fn shows(mut self, text: impl AsRef<[u8]>) -> Self {
        self.terminal = Text::Is(text.as_ref().to_vec());
        self
    }

    /// On descriptor 3.
    pub fn reports(mut self, text: impl AsRef<[u8]>) -> Self {
        self.report = Some(Text::Is(text.as_ref().to_vec()));
        self
    }

    /// A regular file with this mode and content is there afterwards.
    pub fn leaves(mut self, name: &'static str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.files.push((name, Some((mode, content.as_ref().to_vec()))));
        self
    }

    /// No such file is there afterwards.
    pub fn lacks(mut self, name: &'static str) -> Self {
        self.files.push((name, None));
        self
    }
}
