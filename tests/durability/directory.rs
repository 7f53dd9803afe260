//! What is in a log directory, and what the next start has to make of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file of it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub mode: u32,
    pub links: u64,
    pub text: Vec<u8>,
}

impl Entry {
    /// The mark that what is in it is complete.
    fn is_complete(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// The files of a directory by their names.
#[derive(Clone, Debug)]
pub struct Listing(Vec<Entry>);

/// Whether it is named as an old log.
pub fn is_old(name: &str) -> bool {
    let label = name.strip_prefix('@').unwrap_or_default();
    let (digits, suffix) = label.split_at_checked(24).unwrap_or_default();
    suffix.starts_with('.') && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The names in the directory, in order.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

/// The names of old logs in the directory, in order.
pub fn old_names(directory: &Path) -> Vec<String> {
    names(directory).into_iter().filter(|name| is_old(name)).collect()
}

impl Listing {
    pub fn of(directory: &Path) -> Self {
        let entry = |name: String| {
            let path = directory.join(&name);
            let metadata = fs::symlink_metadata(&path).ok()?;
            let text = if metadata.is_file() { fs::read(path).ok()? } else { vec![] };
            Some(Entry { name, mode: metadata.mode() & 0o7777, links: metadata.nlink(), text })
        };
        // a logger at work may have removed one meanwhile
        loop {
            if let Some(entries) = names(directory).into_iter().map(entry).collect() {
                return Self(entries);
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    /// The old logs, the oldest first.
    pub fn old(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| is_old(&entry.name))
    }

    /// What becomes of the files that an unclean end has left: old logs with this first letter of a suffix and this in them.
    pub fn to_recover(&self) -> Vec<(char, Vec<u8>)> {
        let mut logs = Vec::new();
        match (self.get("processed"), self.get("previous")) {
            // all that is missing is the name, if that
            (Some(processed), _) if processed.is_complete() => logs.push(('s', processed)),
            (_, Some(previous)) => logs.push(('u', previous)),
            _ => {}
        }
        logs.extend(self.get("current").filter(|current| !current.is_complete()).map(|current| ('u', current)));
        // what has its new name already only loses the old one
        logs.retain(|(_, entry)| entry.links == 1 && !entry.text.is_empty());
        logs.into_iter().map(|(suffix, entry)| (suffix, entry.text.clone())).collect()
    }

    /// All that is logged, in order, and each of it once, whatever the names that it goes by at the moment.
    pub fn text(&self) -> Vec<u8> {
        let old = self.old().flat_map(|entry| entry.text.clone());
        let left = self.to_recover().into_iter().flat_map(|(_, text)| text);
        let current = self.get("current").filter(|current| current.is_complete());
        old.chain(left).chain(current.map(|current| current.text.clone()).unwrap_or_default()).collect()
    }

    /// Asserts that it is as a clean end leaves it.
    #[track_caller]
    pub fn assert_settled(&self, context: &str) {
        // killed right after it had made it, the reference has not yet given it its mode
        let is_new = |entry: &Entry| entry.mode == 0o600 && entry.text.is_empty();
        for entry in &self.0 {
            let is_right = match entry.name.as_str() {
                "lock" => entry.mode == 0o600,
                "state" => entry.mode == 0o644,
                "current" => entry.mode == 0o744,
                name if is_old(name) && name.ends_with(".s") => entry.mode == 0o744 && !entry.text.is_empty(),
                // as it was when it was found
                name => is_old(name) && name.ends_with(".u") && ([0o644, 0o744].contains(&entry.mode) || is_new(entry)),
            };
            assert!(
                is_right && entry.links == 1,
                "{context}: {} with mode {:o}: {:?}",
                entry.name,
                entry.mode,
                self.shown()
            );
        }
        assert!(self.get("current").is_some(), "{context}: {:?}", self.shown());
    }

    /// For messages.
    pub fn shown(&self) -> Vec<String> {
        let shown = |entry: &Entry| format!("{} {:o} {}", entry.name, entry.mode, entry.text.len());
        self.0.iter().map(shown).collect()
    }
}
