//! The ground: a directory for services, and the programs that run in it.

use crate::run::{Ended, Program, Running, Side, run, start};
use crate::service::Service;
use crate::support::{Installed, peer, world_readable_directory};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// A directory for services, and the programs under test.
pub struct Ground {
    installed: Arc<Installed>,
    place: TempDir,
}

impl Ground {
    pub fn new() -> Self {
        Self { installed: Installed::shared(), place: world_readable_directory() }
    }

    /// The directory that programs run in.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A service directory of that name, with nothing in it.
    pub fn service(&self, name: impl AsRef<OsStr>) -> Service {
        let path = self.path().join(name.as_ref());
        fs::create_dir_all(&path).unwrap();
        Service::at(path)
    }

    pub fn ours(&self, name: &str) -> Program {
        Program { side: Side::Ours, file: self.installed.applet(name) }
    }

    /// The reference, where it is installed, and ours.
    pub fn both(&self, name: &str) -> Vec<Program> {
        let reference = peer(name).map(|file| Program { side: Side::Reference, file });
        reference.into_iter().chain([self.ours(name)]).collect()
    }

    /// A call in the place of the services, with nothing else in the environment.
    pub fn call<S: AsRef<OsStr>>(&self, program: &Program, words: &[S]) -> Command {
        let mut command = Command::new(&program.file);
        command.args(words).env_clear().env("PATH", "/usr/bin:/bin").current_dir(self.path());
        command
    }

    /// Runs a call to its end.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, program: &Program, words: &[S]) -> Ended {
        run(&mut self.call(program, words))
    }

    /// Runs one of ours, `svc -d a`, to its end.
    #[track_caller]
    pub fn say(&self, line: &str) -> Ended {
        run(&mut self.line(line))
    }

    /// Starts one of ours.
    pub fn start(&self, line: &str) -> Running {
        start(&mut self.line(line))
    }

    /// A call of ours by its words.
    pub fn line(&self, line: &str) -> Command {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        self.call(&self.ours(words[0]), &words[1..])
    }
}
