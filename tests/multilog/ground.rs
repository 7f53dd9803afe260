//! The ground: starts multilog, the reference's or ours, in a directory of its own, feeds it, and looks at what it leaves.

use crate::running::{Running, Writer, pipe, sockets};
use crate::support::{self, Installed};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// What stands for a label once it has been looked at. It is as long, and begins as labels do until the year 2106.
pub const LABEL: &[u8] = b"@40000000LLLLLLLLLLLLLLLL";

/// A multilog to be tested.
pub struct Subject {
    pub name: &'static str,
    pub path: PathBuf,
    pub is_ours: bool,
}

/// The reference, where it is installed, and ours.
pub struct Subjects {
    _installed: Arc<Installed>,
    pub all: Vec<Subject>,
}

impl Subjects {
    pub fn new() -> Self {
        let installed = Installed::shared();
        let reference = reference().map(|path| Subject { name: "reference", path, is_ours: false });
        let ours = Subject { name: "catena", path: installed.applet("multilog"), is_ours: true };
        let all = reference.into_iter().chain([ours]).collect();
        Self { _installed: installed, all }
    }

    pub fn ours(&self) -> &Subject {
        self.all.iter().find(|subject| subject.is_ours).unwrap()
    }
}

/// daemontools' multilog; not daemontools-encore's, which knows the action `T`.
fn reference() -> Option<PathBuf> {
    let path = support::peer("multilog")?;
    let mut child = Command::new(&path);
    let child = child.args(["T", "e"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"line\n").unwrap();
    let is_known = child.wait_with_output().unwrap().stderr == b"line\n";
    if !is_known {
        support::leave_out(&format!("comparison with {}: not daemontools' multilog", path.display()));
    }
    is_known.then_some(path)
}

/// Standard input.
#[derive(Clone, Debug)]
pub enum Input {
    /// A regular file with this content.
    File(Vec<u8>),
    /// A pipe, written to piece by piece; each piece waits until the reader sleeps.
    Pipe(Vec<Vec<u8>>),
    /// A stream socket, likewise.
    Socket(Vec<Vec<u8>>),
}

/// A directory to work in, with room for what a test needs beside it.
pub struct Ground(TempDir);

impl Ground {
    pub fn new() -> Self {
        let ground = Self(support::world_readable_directory());
        fs::create_dir(ground.work()).unwrap();
        ground
    }

    /// Where programs run.
    pub fn work(&self) -> PathBuf {
        self.0.path().join("work")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file into the directory, and the directory it lies in; exactly this mode, whatever the umask.
    pub fn put(&self, name: &str, mode: u32, content: impl AsRef<[u8]>) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        set_mode(&path, mode);
    }

    /// Runs multilog to its end.
    pub fn run(&self, subject: &Subject, actions: &[impl AsRef<[u8]>], input: &Input) -> Seen {
        self.run_with(subject, actions, input, |_| {})
    }

    /// The same; `change` may alter the command.
    pub fn run_with(
        &self,
        subject: &Subject,
        actions: &[impl AsRef<[u8]>],
        input: &Input,
        change: impl FnOnce(&mut Command),
    ) -> Seen {
        match input {
            Input::File(content) => {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(content).unwrap();
                file.rewind().unwrap();
                self.start_with(subject, actions, file.into(), change).finish()
            }
            Input::Pipe(pieces) => self.feed_with(subject, actions, pieces, pipe(), change),
            Input::Socket(pieces) => self.feed_with(subject, actions, pieces, sockets(), change),
        }
    }

    /// Runs it with these ends, to read from and to be written to, and writes the pieces.
    pub fn feed(
        &self,
        subject: &Subject,
        actions: &[impl AsRef<[u8]>],
        pieces: &[Vec<u8>],
        ends: [OwnedFd; 2],
    ) -> Seen {
        self.feed_with(subject, actions, pieces, ends, |_| {})
    }

    fn feed_with(
        &self,
        subject: &Subject,
        actions: &[impl AsRef<[u8]>],
        pieces: &[Vec<u8>],
        [reader, writer]: [OwnedFd; 2],
        change: impl FnOnce(&mut Command),
    ) -> Seen {
        let mut running = self.start_with(subject, actions, reader, change);
        let mut writer = Writer::new(writer);
        for piece in pieces {
            if !writer.write(piece) {
                break;
            }
            running.wait_for_sleep();
        }
        drop(writer);
        running.finish()
    }

    pub fn start(&self, subject: &Subject, actions: &[impl AsRef<[u8]>], input: OwnedFd) -> Running<'_> {
        self.start_with(subject, actions, input, |_| {})
    }

    pub fn start_with(
        &self,
        subject: &Subject,
        actions: &[impl AsRef<[u8]>],
        input: OwnedFd,
        change: impl FnOnce(&mut Command),
    ) -> Running<'_> {
        let error = File::options().create(true).append(true).open(self.beside("stderr")).unwrap();
        error.set_len(0).unwrap();
        let mut command = Command::new(&subject.path);
        command.args(actions.iter().map(|action| OsStr::from_bytes(action.as_ref())));
        command.current_dir(self.work()).env("LC_ALL", "C").stdin(input).stdout(Stdio::null()).stderr(error);
        change(&mut command);
        Running { child: command.spawn().unwrap(), ground: self }
    }

    pub fn stderr(&self) -> Vec<u8> {
        fs::read(self.beside("stderr")).unwrap()
    }

    /// All that lies in the directory. Old files are named by their place in the order of their labels: `d/@0.s`.
    pub fn files(&self) -> BTreeMap<String, Content> {
        let mut files = BTreeMap::new();
        look_at(&self.work(), "", &mut files);
        files
    }
}

/// Mode and content. A directory's name ends in `/`, and its content is empty.
pub type Content = (u32, Vec<u8>);

fn look_at(directory: &Path, prefix: &str, files: &mut BTreeMap<String, Content>) {
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let mut old = 0;
    for name in names {
        let path = directory.join(&name);
        let text = name.to_str().unwrap();
        let shown = match old_file(text) {
            Some(code) => {
                old += 1;
                format!("{prefix}@{}.{code}", old - 1)
            }
            None => format!("{prefix}{text}"),
        };
        // one that has gone since belongs to a directory that is being written
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let mode = metadata.mode() & 0o7777;
        if metadata.is_dir() {
            files.insert(format!("{shown}/"), (mode, Vec::new()));
            look_at(&path, &format!("{shown}/"), files);
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
            files.insert(format!("{shown}@"), (0, target));
        } else if !metadata.is_file() {
            // a read could wait for ever
            files.insert(format!("{shown}|"), (mode, Vec::new()));
        } else {
            let Ok(content) = fs::read(&path) else { continue };
            files.insert(shown, (mode, content));
        }
    }
}

/// The code of a name that multilog has given: `@`, 24 hexadecimal digits, a dot and the code.
pub fn old_file(name: &str) -> Option<&str> {
    let (label, code) = name.split_once('.')?;
    (is_label(label.as_bytes()) && !code.is_empty()).then_some(code)
}

fn is_label(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    bytes.len() == 25 && bytes[0] == b'@' && bytes[1..].iter().all(is_digit)
}

/// The same text with every label at the beginning of a line made [`LABEL`], and the labels.
pub fn without_labels(text: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut labels = Vec::new();
    let mut rest = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        if line.len() > 25 && is_label(&line[..25]) && line[25] == b' ' {
            labels.push(line[..25].to_vec());
            rest.extend_from_slice(LABEL);
            rest.extend_from_slice(&line[25..]);
        } else {
            rest.extend_from_slice(line);
        }
    }
    (rest, labels)
}

/// What a run has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The exit code, or 1000 and the signal that killed it.
    pub code: i32,
    pub stderr: Vec<u8>,
    pub files: BTreeMap<String, Content>,
}

impl Seen {
    /// With labels made alike everywhere.
    pub fn without_labels(mut self) -> Self {
        self.stderr = without_labels(&self.stderr).0;
        for (_, content) in self.files.values_mut() {
            *content = without_labels(content).0;
        }
        self
    }

    /// All that a log directory holds, oldest first.
    pub fn whole(&self, directory: &str) -> Vec<u8> {
        let old = self.old(directory).into_iter().flat_map(|(_, content)| content.clone());
        old.chain(self.files[&format!("{directory}/current")].1.clone()).collect()
    }

    /// The old files of a log directory, oldest first.
    pub fn old(&self, directory: &str) -> Vec<&Content> {
        let mut found = Vec::new();
        let prefix = format!("{directory}/@");
        // links are not followed
        for (name, content) in self.files.iter().filter(|(name, _)| !name.ends_with('@')) {
            if let Some((number, _)) = name.strip_prefix(&prefix).and_then(|name| name.split_once('.')) {
                found.push((number.parse::<usize>().unwrap(), content));
            }
        }
        found.sort_by_key(|&(number, _)| number);
        found.into_iter().map(|(_, content)| content).collect()
    }
}

/// Gives the file exactly this mode, whatever the umask.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the command with this umask.
pub fn with_umask(command: &mut Command, mask: libc::mode_t) {
    // SAFETY: a system call that takes a number.
    unsafe {
        command.pre_exec(move || {
            libc::umask(mask);
            Ok(())
        });
    }
}
