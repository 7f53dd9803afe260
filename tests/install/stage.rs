//! A checkout to install from, a root to install into, and what is then to be found there.

use crate::support;
use crate::support::write_script;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// All that install.sh may need. PATH holds nothing else, so that no name of an applet is taken by chance.
pub const TOOLS: [&str; 16] = [
    "cat", "chmod", "cksum", "cp", "dirname", "ln", "mkdir", "mv", "readlink", "rm", "rmdir", "sed", "sh", "sort",
    "tr", "uname",
];

/// A build of catena as far as install.sh can tell, with these applets.
pub fn build(names: &[&str]) -> String {
    format!("#!/bin/sh\n[ \"$1\" = --list ] && printf '%s\\n' {}\n", names.join(" "))
}

/// What is at a path: the type, the mode unless of a symbolic link, and the contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Directory(u32),
    File(u32, String),
    Link(PathBuf),
}

pub type Tree = BTreeMap<String, Entry>;

pub fn tree(root: &Path) -> Tree {
    fn visit(root: &Path, directory: &Path, tree: &mut Tree) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mode = metadata.mode() & 0o7777;
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if metadata.is_dir() {
                tree.insert(name, Entry::Directory(mode));
                visit(root, &path, tree);
            } else if metadata.is_symlink() {
                tree.insert(name, Entry::Link(fs::read_link(&path).unwrap()));
            } else {
                tree.insert(name, Entry::File(mode, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut tree = Tree::new();
    visit(root, root, &mut tree);
    tree
}

/// A checkout with a build and documents for three applets, a root to install into, and a PATH; each with a space in
/// its name.
pub struct Stage {
    directory: TempDir,
}

#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self
    }

    /// Failed with one line that holds these words.
    #[track_caller]
    pub fn failed(self, words: &[&str]) -> Self {
        assert_eq!((self.code, self.stdout.as_str(), self.stderr.lines().count()), (Some(1), "", 1), "{self:?}");
        assert!(self.stderr.starts_with("install.sh: "), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} not in {self:?}");
        }
        self
    }
}

impl Stage {
    pub fn new() -> Self {
        let stage = Self { directory: support::world_readable_directory() };
        for directory in ["a checkout", "a root", "some tools"] {
            fs::create_dir(stage.path(directory)).unwrap();
        }
        support::copy_program(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"),
            &stage.path("a checkout/install.sh"),
        );
        for tool in TOOLS {
            symlink(support::peer(tool).unwrap(), stage.path("some tools").join(tool)).unwrap();
        }
        for name in ["catena", "one", "two-b", "three"] {
            stage.put(&format!("a checkout/man/{name}.1"), &format!("page of {name}"));
            stage.put(&format!("a checkout/completions/bash/{name}"), &format!("bash of {name}"));
            stage.put(&format!("a checkout/completions/zsh/_{name}"), &format!("zsh of {name}"));
            stage.put(&format!("a checkout/completions/fish/{name}.fish"), &format!("fish of {name}"));
        }
        write_script(&stage.path("a build"), build(&["one", "two-b", "three"]));
        stage
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn root(&self) -> Tree {
        tree(&self.path("a root"))
    }

    /// A program elsewhere on PATH.
    pub fn take(&self, name: &str) {
        write_script(&self.path("some tools").join(name), "#!/bin/sh\n");
    }

    pub fn bare(&self) -> Command {
        let mut command = Command::new(self.path("a checkout/install.sh"));
        command.env_clear().env("PATH", self.path("some tools")).current_dir(self.directory.path());
        command
    }

    /// install.sh with the build and the root of this stage.
    pub fn command(&self) -> Command {
        let mut command = self.bare();
        command.env("DESTDIR", self.path("a root")).arg("--binary").arg(self.path("a build"));
        command
    }

    pub fn run(&self, words: &[&str]) -> Outcome {
        run(self.command().args(words))
    }
}

pub fn run(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// All that is to be in the root when these applets are installed under `prefix`, but for the manifest.
pub fn expected(prefix: &str, applets: &[&str]) -> Tree {
    let mut files = vec![(format!("{prefix}/bin/catena"), Entry::File(0o755, build(&["one", "two-b", "three"])))];
    for name in [&["catena"], applets].concat() {
        let mut document = |place: String, text: &str| {
            files.push((format!("{prefix}/share/{place}"), Entry::File(0o644, format!("{text} of {name}"))));
        };
        document(format!("man/man1/{name}.1"), "page");
        document(format!("bash-completion/completions/{name}"), "bash");
        document(format!("zsh/site-functions/_{name}"), "zsh");
        document(format!("fish/vendor_completions.d/{name}.fish"), "fish");
        if name != "catena" {
            files.push((format!("{prefix}/bin/{name}"), Entry::Link("catena".into())));
        }
    }
    let mut tree = Tree::new();
    let manifest = PathBuf::from(format!("{prefix}/share/catena/manifest"));
    for path in files.iter().map(|(path, _)| Path::new(path)).chain([manifest.as_path()]) {
        for directory in path.ancestors().skip(1).filter(|directory| !directory.as_os_str().is_empty()) {
            tree.insert(directory.to_str().unwrap().to_owned(), Entry::Directory(0o755));
        }
    }
    tree.extend(files);
    tree
}

/// The tree with the manifest taken out, which must be there, for all to read.
#[track_caller]
pub fn without_manifest(mut tree: Tree, prefix: &str) -> Tree {
    let manifest = tree.remove(&format!("{prefix}/share/catena/manifest"));
    assert!(matches!(manifest, Some(Entry::File(0o644, _))), "{manifest:?}");
    tree
}
