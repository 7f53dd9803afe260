//! A case: the actions, what is there before, what is read, and what must come of it, from the reference and from ours.

use crate::ground::{Content, Ground, Input, Seen, Subjects, with_umask};
use crate::model::take_warnings;
use std::collections::BTreeMap;
use std::panic::Location;
use std::path::Path;

pub struct Case {
    actions: Vec<Vec<u8>>,
    input: Vec<u8>,
    files: Vec<(String, Content)>,
    steps: Vec<fn(&Path)>,
    umask: u32,
    reference: Option<Outcome>,
    ours: Option<Outcome>,
    location: &'static Location<'static>,
}

/// What must come of it: exactly these files, and nothing else said.
#[derive(Clone)]
pub struct Outcome {
    code: i32,
    says: Vec<u8>,
    /// The actions that ours warns about, as ignored or misread.
    ignores: Vec<Vec<u8>>,
    files: BTreeMap<String, Content>,
}

/// Actions that read these bytes.
#[track_caller]
pub fn case(actions: &[&str], input: impl AsRef<[u8]>) -> Case {
    Case {
        actions: actions.iter().map(|action| action.as_bytes().to_vec()).collect(),
        input: input.as_ref().to_vec(),
        files: Vec::new(),
        steps: Vec::new(),
        umask: 0o022,
        reference: None,
        ours: None,
        location: Location::caller(),
    }
}

impl Case {
    /// A file that is there before.
    pub fn file(mut self, name: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.files.push((name.to_owned(), (mode, content.as_ref().to_vec())));
        self
    }

    /// Something else to be done before, in the directory that it runs in.
    pub fn set_up(mut self, step: fn(&Path)) -> Self {
        self.steps.push(step);
        self
    }

    pub fn umask(mut self, umask: u32) -> Self {
        self.umask = umask;
        self
    }

    /// Both do this; only ours tells of actions that it ignores.
    #[track_caller]
    pub fn expect(mut self, outcome: Outcome) -> Self {
        self.reference = Some(Outcome { ignores: Vec::new(), ..outcome.clone() });
        self.ours = Some(outcome);
        self.location = Location::caller();
        self
    }

    /// The two differ, and this is why.
    #[track_caller]
    pub fn differs(mut self, reference: Outcome, ours: Outcome, _why: &'static str) -> Self {
        self.reference = Some(reference);
        self.ours = Some(ours);
        self.location = Location::caller();
        self
    }

    /// The reference has nothing of the kind.
    #[track_caller]
    pub fn ours_only(mut self, outcome: Outcome) -> Self {
        self.ours = Some(outcome);
        self.location = Location::caller();
        self
    }
}

pub fn exits(code: i32) -> Outcome {
    Outcome { code, says: Vec::new(), ignores: Vec::new(), files: BTreeMap::new() }
}

impl Outcome {
    pub fn says(mut self, text: impl AsRef<[u8]>) -> Self {
        self.says = text.as_ref().to_vec();
        self
    }

    /// Ours tells at the start that it ignores these, or takes them for something else.
    pub fn ignores(mut self, actions: &[&str]) -> Self {
        self.ignores = actions.iter().map(|action| action.as_bytes().to_vec()).collect();
        self
    }

    pub fn leaves(mut self, name: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(name.to_owned(), (mode, content.as_ref().to_vec()));
        self
    }

    /// The name is not there.
    pub fn lacks(mut self, name: &str) -> Self {
        self.files.remove(name).unwrap();
        self
    }

    /// A directory.
    pub fn directory(self, name: &str, mode: u32) -> Self {
        self.leaves(&format!("{name}/"), mode, "")
    }

    /// A log directory that has been made, and closed cleanly, with this in `current`.
    pub fn log(self, name: &str, current: impl AsRef<[u8]>) -> Self {
        let file = |file: &str| format!("{name}/{file}");
        let new = self.directory(name, 0o700).leaves(&file("lock"), 0o600, "");
        new.leaves(&file("state"), 0o644, "").leaves(&file("current"), 0o744, current)
    }
}

/// Runs all on the reference and on ours, and tells of all that was not as expected.
pub fn check(cases: &[Case]) {
    let subjects = Subjects::new();
    let mut wrong = Vec::new();
    for case in cases {
        assert!(case.reference.is_some() || case.ours.is_some(), "nothing expected at {}", case.location);
        for subject in &subjects.all {
            let outcome = if subject.is_ours { &case.ours } else { &case.reference };
            let Some(outcome) = outcome else { continue };
            let ground = Ground::new();
            for (name, (mode, content)) in &case.files {
                ground.put(name, *mode, content);
            }
            for step in &case.steps {
                step(&ground.work());
            }
            let seen = ground.run_with(subject, &case.actions, &Input::File(case.input.clone()), |command| {
                with_umask(command, case.umask);
            });
            if let Err(mistake) = outcome.compare(seen.without_labels()) {
                let actions: Vec<_> = case.actions.iter().map(|action| action.escape_ascii().to_string()).collect();
                wrong.push(format!("{}: {actions:?} at {}\n{mistake}", subject.name, case.location));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

impl Outcome {
    fn compare(&self, mut seen: Seen) -> Result<(), String> {
        let words: Vec<&[u8]> = self.ignores.iter().map(Vec::as_slice).collect();
        seen.stderr = take_warnings(&seen.stderr, &words)?.to_vec();
        let mut mistakes = String::new();
        if seen.code != self.code {
            mistakes += &format!("  exit code {}, not {}\n", seen.code, self.code);
        }
        if seen.stderr != self.says {
            mistakes += &format!("  says {}, not {}\n", shown(&seen.stderr), shown(&self.says));
        }
        for (name, (mode, content)) in &seen.files {
            match self.files.get(name) {
                None => mistakes += &format!("  leaves {name}, {mode:o}: {}\n", shown(content)),
                Some((expected, other)) if (mode, content) != (expected, other) => {
                    mistakes += &format!("  leaves {name}, {mode:o}: {}\n", shown(content));
                    mistakes += &format!("     not {name}, {expected:o}: {}\n", shown(other));
                }
                Some(_) => {}
            }
        }
        for name in self.files.keys().filter(|name| !seen.files.contains_key(*name)) {
            mistakes += &format!("  lacks {name}\n");
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }
}

fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 120;
    let text = bytes[..bytes.len().min(MOST)].escape_ascii().to_string();
    if bytes.len() > MOST { format!("{text:?}... ({} bytes)", bytes.len()) } else { format!("{text:?}") }
}
