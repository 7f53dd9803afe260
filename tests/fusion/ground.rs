//! Where chains run: the wrappers, the probe, and a working directory that is made anew for each run, always at the same
//! place, so that no name differs.

use crate::hostile::{PLAIN, Start};
use crate::launch::{Launch, install_self, no_forks};
use crate::links::Words;
use crate::probe;
use crate::report::Report;
use crate::support::{self, Installed};
use nix::fcntl::{Flock, FlockArg};
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How a chain is begun.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// As `catena NAME …`.
    pub by_name: bool,
    /// The value of `CATENA_FUSE`.
    pub variable: Option<&'static str>,
    /// With `--no-fuse`.
    pub option: bool,
    /// Whether PATH has the links.
    pub links: bool,
}

impl Mode {
    pub const FUSED: Self = Self { by_name: false, variable: Some("1"), option: false, links: true };
    pub const UNFUSED: Self = Self { variable: Some("0"), ..Self::FUSED };
    pub const BY_NAME: Self = Self { by_name: true, ..Self::FUSED };
    pub const BY_NAME_UNFUSED: Self = Self { by_name: true, ..Self::UNFUSED };
    pub const BY_NAME_EXPLICIT: Self = Self { option: true, ..Self::BY_NAME };

    /// The same where PATH leads to nothing.
    pub const fn without_links(self) -> Self {
        Self { links: false, ..self }
    }
}

/// All that can be seen of a run.
pub struct Outcome {
    pub report: Option<Report>,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub files: BTreeMap<PathBuf, String>,
}

impl Outcome {
    /// The same, less the value of the variable that was set for the run.
    pub fn without_variable(self) -> Self {
        Self { report: self.report.map(|report| report.without_value_of("CATENA_FUSE")), ..self }
    }

    /// What differs, with both sides; empty if nothing does.
    pub fn difference_from(&self, other: &Self) -> String {
        let mut text = String::new();
        let mut compare = |what: &str, [one, other]: [String; 2]| {
            if one != other {
                text += &format!("\n{what}: {one}\n  not {other}");
            }
        };
        match (&self.report, &other.report) {
            (Some(one), Some(other)) => compare("report", [one.shown_differences(other), String::new()]),
            (one, other) => compare("report", [one, other].map(|report| report.is_some().to_string())),
        }
        compare("code", [self.code, other.code].map(|code| code.to_string()));
        compare("stdout", [self, other].map(|outcome| outcome.stdout.clone()));
        compare("stderr", [self, other].map(|outcome| outcome.stderr.clone()));
        compare("files", [self, other].map(|outcome| format!("{:#?}", outcome.files)));
        text
    }
}

pub struct Ground {
    pub installed: Installed,
    directory: TempDir,
}

impl Ground {
    pub fn new() -> Self {
        let installed = {
            let _guard = no_forks();
            Installed::new()
        };
        let directory = support::world_readable_directory();
        install_self(directory.path(), &[probe::NAME]);
        Self { installed, directory }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The end of a chain.
    pub fn probe(&self) -> Words {
        let words = [self.at(probe::NAME), self.at("report")].map(|path| path.as_os_str().as_bytes().to_vec());
        words.into_iter().chain([b"".to_vec(), b"--help".to_vec(), b"\xff\n".to_vec()]).collect()
    }

    /// The working directory as each run finds it, and the lock that is held meanwhile.
    fn prepare(&self) -> Flock<File> {
        let work = self.at("work");
        // it stays itself, with its number
        fs::create_dir_all(&work).unwrap();
        for entry in fs::read_dir(&work).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        let public = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
        for directory in ["env", "dangling", "odd", "directory"] {
            fs::create_dir(work.join(directory)).unwrap();
        }
        let env = [("A", "changed"), ("B", "two words \nmore"), ("SAME", ""), ("EMPTY", "\n"), ("BYTES", "\u{7f}x")];
        for (name, value) in env {
            fs::write(work.join("env").join(name), value).unwrap();
        }
        symlink("nowhere", work.join("dangling/A")).unwrap();
        fs::write(work.join("odd/A=B"), "x").unwrap();
        let script = work.join("script");
        fs::write(&script, "echo script \"$@\"\nexit 3\n").unwrap();
        let foreign = work.join("foreign");
        fs::write(&foreign, "#!/bin/sh\necho foreign \"$@\"\nexit 4\n").unwrap();
        for path in [&work, &script, &foreign] {
            public(path);
        }
        let report = self.at("report");
        fs::write(&report, "").unwrap();
        fs::set_permissions(&report, Permissions::from_mode(0o666)).unwrap();
        let held = work.join("held");
        let held = File::create(held).unwrap();
        held.set_permissions(Permissions::from_mode(0o666)).unwrap();
        Flock::lock(held, FlockArg::LockExclusive).unwrap()
    }

    /// Runs a chain whose first word is an applet's name.
    pub fn run(&self, chain: &[Vec<u8>], start: &Start, mode: Mode) -> Outcome {
        self.run_with(chain, start, mode, &[])
    }

    /// The same, with more in the environment, and PATH left to that if it is there.
    pub fn run_with(&self, chain: &[Vec<u8>], start: &Start, mode: Mode, environment: &[&str]) -> Outcome {
        let links = if mode.links { self.installed.path().to_owned() } else { self.at("work/directory") };
        let name = str::from_utf8(&chain[0]).unwrap();
        let file = self.installed.applet(if mode.by_name { "catena" } else { name });
        let mut argv = Vec::new();
        if mode.by_name {
            argv.push(b"catena".to_vec());
            argv.extend(mode.option.then(|| b"--no-fuse".to_vec()));
        }
        argv.extend_from_slice(chain);
        let mut envp: Vec<Vec<u8>> = environment.iter().map(|entry| entry.as_bytes().to_vec()).collect();
        envp.extend(mode.variable.map(|value| format!("CATENA_FUSE={value}").into_bytes()));
        if !environment.iter().any(|entry| entry.starts_with("PATH=")) {
            envp.push([b"PATH=", links.as_os_str().as_bytes()].concat());
        }
        envp.extend(crate::hostile::ENVIRONMENT.iter().map(|entry| entry.to_vec()));

        self.launch(file, argv, envp, start)
    }

    /// Runs a chain from links in another directory, with no more in the environment than the mode.
    pub fn run_from(&self, directory: &Path, chain: &[Vec<u8>], mode: Mode) -> Outcome {
        let file = directory.join(str::from_utf8(&chain[0]).unwrap());
        let envp = mode.variable.map(|value| format!("CATENA_FUSE={value}").into_bytes());
        self.launch(file, chain.to_vec(), envp.into_iter().collect(), &PLAIN)
    }

    fn launch(&self, file: PathBuf, argv: Words, envp: Words, start: &Start) -> Outcome {
        let _held = {
            // scripts are written
            let _guard = no_forks();
            self.prepare()
        };
        let ended = Launch { file, argv, envp, directory: self.at("work") }.run(start);
        let text = fs::read_to_string(self.at("report")).unwrap();
        let report = (!text.is_empty()).then(|| Report::new(&text, &ended));
        let [stdout, stderr] =
            [&ended.stdout, &ended.stderr].map(|bytes| without_pids(&bytes.escape_ascii().to_string()));
        let mut files = BTreeMap::new();
        list(&self.at("work"), &mut files);
        let started = format!(" {}\\n", ended.pid);
        for text in files.values_mut() {
            // a pid file's own content: the process that was started, or one that a link has forked
            *text = match text.strip_suffix(&started) {
                Some(rest) => format!("{rest} started"),
                None => without_pid(&without_pids(text)),
            };
        }
        Outcome { report, code: ended.code, stdout, stderr, files }
    }

    /// Runs the chain in all these modes and asserts that nothing but the variable differs. Gives the first outcome.
    pub fn assert_same(&self, chain: &[Vec<u8>], start: &Start, modes: &[Mode]) -> Outcome {
        let run = |mode: Mode| self.run(chain, start, mode).without_variable();
        let first = run(modes[0]);
        for &mode in &modes[1..] {
            let difference = run(mode).difference_from(&first);
            assert!(
                difference.is_empty(),
                "{}\n{}, closed {:03b}\n{mode:?}\nis not as {:?}:{difference}",
                shown(chain),
                start.name,
                start.closed,
                modes[0]
            );
        }
        first
    }
}

/// A chain for messages.
pub fn shown(chain: &[Vec<u8>]) -> String {
    chain.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}

/// A message with the pids that it names taken out.
fn without_pids(text: &str) -> String {
    let mut parts = text.split("pid ");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result += &format!("pid {}", part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    }
    result
}

/// A file's description whose content is a number and a newline, without the number.
fn without_pid(text: &str) -> String {
    match text.strip_suffix("\\n").and_then(|line| line.rsplit_once(' ')) {
        Some((rest, number)) if !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()) => {
            format!("{rest} forked")
        }
        _ => text.to_owned(),
    }
}

/// Everything below a directory: mode, owner, links and contents.
fn list(directory: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            list(&path, files);
        }
        let content = if metadata.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let (mode, owner, group, links) = (metadata.mode(), metadata.uid(), metadata.gid(), metadata.nlink());
        files.insert(path, format!("{mode:o} {owner}:{group} {links} {}", content.escape_ascii()));
    }
}
