//! The environment as an ordered list of raw entries. What is not edited is passed on as it came: malformed entries,
//! duplicates, order, and the very pointers.

use crate::sys::words::{Word, Words};

/// What glibc's loader removes from the environment of a program that is started secure (ld.so(8), "Secure-execution
/// mode"), in any version since 2.36: what libraries read, and whoever set it may not be whom a program runs for. A static
/// program has no loader, and musl's leaves all in.
pub const UNSAFE: &[&str] = &[
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "LD_AUDIT",
    "LD_BIND_NOT",
    "LD_BIND_NOW",
    "LD_DEBUG",
    "LD_DEBUG_OUTPUT",
    "LD_DYNAMIC_WEAK",
    "LD_HWCAP_MASK",
    "LD_LIBRARY_PATH",
    "LD_ORIGIN_PATH",
    "LD_PRELOAD",
    "LD_PROFILE",
    "LD_SHOW_AUXV",
    "LD_VERBOSE",
    "LD_WARN",
    "LOCALDOMAIN",
    "LOCPATH",
    "MALLOC_ARENA_MAX",
    "MALLOC_ARENA_TEST",
    "MALLOC_CHECK_",
    "MALLOC_MMAP_MAX_",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_PERTURB_",
    "MALLOC_TOP_PAD_",
    "MALLOC_TRACE",
    "MALLOC_TRIM_THRESHOLD_",
    "NIS_PATH",
    "NLSPATH",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "TMPDIR",
    "TZDIR",
];

/// An environment: `NAME=value` entries, or whatever the caller put there.
#[derive(Clone, Copy, Debug)]
pub struct Environ {
    entries: Words,
    is_edited: bool,
    concerns_loader: bool,
}

/// What is to become of one variable.
#[derive(Clone, Copy, Debug)]
pub struct Edit {
    /// `NAME=value`, or only `NAME` to remove it.
    entry: Word,
    name_length: usize,
}

impl Edit {
    /// Sets `name` to `value`; neither contains NUL, and the name no `=`.
    pub fn set(name: &[u8], value: &[u8]) -> Self {
        Self { entry: Word::leak([name, b"=", value].concat()), name_length: name.len() }
    }

    /// Removes `name`.
    pub fn remove(name: &[u8]) -> Self {
        Self { entry: Word::leak(name.to_vec()), name_length: name.len() }
    }

    /// Which variable.
    pub fn name(&self) -> &'static [u8] {
        &self.entry.bytes()[..self.name_length]
    }

    /// What it is set to; `None` if it is removed.
    pub fn value(&self) -> Option<&'static [u8]> {
        self.sets().then(|| &self.entry.bytes()[self.name_length + 1..])
    }

    fn sets(&self) -> bool {
        self.entry.bytes().len() > self.name_length
    }
}

/// The name of an entry; `None` if it has no `=`.
fn name_of(entry: Word) -> Option<&'static [u8]> {
    let bytes = entry.bytes();
    Some(&bytes[..bytes.iter().position(|&byte| byte == b'=')?])
}

impl Environ {
    /// The environment as main received it.
    pub fn new(entries: Words) -> Self {
        Self { entries, is_edited: false, concerns_loader: false }
    }

    /// The entries, for execve.
    pub fn entries(&self) -> Words {
        self.entries
    }

    /// The value of the first entry called `name`, as getenv finds it.
    pub fn get(&self, name: &[u8]) -> Option<Word> {
        self.entries
            .iter()
            .find(|entry| entry.bytes().strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'=')))
            .map(|entry| entry.after(name.len() + 1))
    }

    /// Its size for an exec, if it is not the one the process was exec'ed with, which has fitted once.
    pub fn edited_size(&self) -> Option<usize> {
        self.is_edited.then(|| self.entries.size())
    }

    /// Whether an edit has touched a variable that a dynamic program's loader or C library reads at start.
    pub fn concerns_loader(&self) -> bool {
        self.concerns_loader
    }

    /// Removes [`UNSAFE`], as a loader does.
    #[cold]
    pub fn remove_unsafe(&mut self) {
        if UNSAFE.iter().any(|name| self.get(name.as_bytes()).is_some()) {
            self.apply(UNSAFE.iter().map(|name| Edit::remove(name.as_bytes())).collect());
        }
    }

    /// Makes all changes at once. A set variable takes the place of its first entry, later entries of that name go;
    /// new ones are appended sorted by name; all others stay as they are. Of several changes to one name the last counts.
    pub fn apply(&mut self, mut changes: Vec<Edit>) {
        if changes.is_empty() {
            return;
        }
        changes.sort_by_key(Edit::name);
        changes.dedup_by(|later, earlier| {
            let same = later.name() == earlier.name();
            if same {
                *earlier = *later;
            }
            same
        });
        let loader = |name: &[u8]| [&b"LD_"[..], b"GLIBC_", b"MALLOC_"].iter().any(|prefix| name.starts_with(prefix));
        self.concerns_loader |= changes.iter().any(|change| loader(change.name()));

        let mut pending: Vec<bool> = changes.iter().map(Edit::sets).collect();
        let mut entries = Vec::with_capacity(self.entries.len() + changes.len() + 1);
        for entry in self.entries.iter() {
            let change = name_of(entry).and_then(|name| changes.binary_search_by_key(&name, Edit::name).ok());
            match change {
                None => entries.push(entry),
                Some(place) if pending[place] => {
                    pending[place] = false;
                    entries.push(changes[place].entry);
                }
                Some(_) => {}
            }
        }
        entries.extend(changes.iter().zip(pending).filter(|&(_, pending)| pending).map(|(change, _)| change.entry));
        self.entries = Words::leak(entries);
        self.is_edited = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environ(entries: &[&str]) -> Environ {
        Environ::new(Words::leak(entries.iter().map(|entry| Word::leak(entry.as_bytes().to_vec()))))
    }

    fn shown(environ: &Environ) -> Vec<&'static str> {
        environ.entries().iter().map(|entry| std::str::from_utf8(entry.bytes()).unwrap()).collect()
    }

    #[test]
    fn order_and_malformed_entries_survive_an_edit() {
        let mut environ = environ(&["B=1", "no equals", "A=1", "=odd", "B=2", "C=1", "A=3"]);
        environ.apply(vec![Edit::set(b"Z", b"z"), Edit::set(b"A", b"new"), Edit::set(b"D", b""), Edit::remove(b"B")]);
        assert_eq!(shown(&environ), ["no equals", "A=new", "=odd", "C=1", "D=", "Z=z"]);
    }

    #[test]
    fn the_last_of_two_changes_counts() {
        let mut environ = environ(&["A=1"]);
        environ.apply(vec![Edit::set(b"A", b"2"), Edit::remove(b"A"), Edit::set(b"A", b"3")]);
        assert_eq!(shown(&environ), ["A=3"]);
    }

    #[test]
    fn no_change_keeps_the_very_array() {
        let mut environ = environ(&["A=1"]);
        let before = environ.entries().get(0).unwrap().bytes().as_ptr();
        environ.apply(vec![]);
        assert_eq!(environ.entries().get(0).unwrap().bytes().as_ptr(), before);
    }

    #[test]
    fn get_takes_the_whole_name_and_the_first_entry() {
        let environ = environ(&["PATHS=no", "PATH", "PATH=first", "PATH=second"]);
        assert_eq!(environ.get(b"PATH").unwrap().bytes(), b"first");
        assert!(environ.get(b"PAT").is_none());
    }

    #[test]
    fn an_edit_of_a_loader_variable_is_remembered() {
        let mut environ = environ(&[]);
        environ.apply(vec![Edit::remove(b"OLD_X")]);
        assert!(!environ.concerns_loader());
        environ.apply(vec![Edit::remove(b"LD_PRELOAD")]);
        assert!(environ.concerns_loader());
    }

    /// The same by a list without sorting or searching: the definition, slow.
    fn edited(entries: &[Vec<u8>], changes: &[(Vec<u8>, Option<Vec<u8>>)]) -> Vec<Vec<u8>> {
        let mut wanted: std::collections::BTreeMap<&[u8], Option<&[u8]>> = std::collections::BTreeMap::new();
        for (name, value) in changes {
            wanted.insert(name, value.as_deref());
        }
        let mut result: Vec<Vec<u8>> = Vec::new();
        let mut placed = std::collections::BTreeSet::new();
        for entry in entries {
            let name = entry.iter().position(|&byte| byte == b'=').map(|end| &entry[..end]);
            match name.and_then(|name| wanted.get_key_value(name)) {
                None => result.push(entry.clone()),
                Some((name, Some(value))) if placed.insert(*name) => result.push([name, &b"="[..], value].concat()),
                Some(_) => {}
            }
        }
        for (name, value) in &wanted {
            if let Some(value) = value
                && !placed.contains(name)
            {
                result.push([name, &b"="[..], value].concat());
            }
        }
        result
    }

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_edit_does_what_its_definition_says(
            entries in proptest::collection::vec(proptest::collection::vec(proptest::sample::select(b"AB=x\xff".to_vec()), 0..5), 0..12),
            changes in proptest::collection::vec((
                proptest::collection::vec(proptest::sample::select(b"ABx".to_vec()), 1..3),
                proptest::option::of(proptest::collection::vec(proptest::sample::select(b"=v \xff".to_vec()), 0..4)),
            ), 0..8),
        ) {
            let mut environ = Environ::new(Words::leak(entries.iter().cloned().map(Word::leak)));
            environ.apply(changes.iter().map(|(name, value)| match value {
                Some(value) => Edit::set(name, value),
                None => Edit::remove(name),
            }).collect());
            let found: Vec<Vec<u8>> = environ.entries().iter().map(|entry| entry.bytes().to_vec()).collect();
            prop_assert_eq!(found, edited(&entries, &changes));
        }
    }
}
