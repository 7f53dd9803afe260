//! Environment variables.

use super::{Attribute, Boundaries, Change, Effect, Fact, Value, View, Whose, proc_files};
use crate::carried::Process;
use crate::environ::Edit;

/// The attribute; a part is a variable's name.
pub struct Env;

/// The attribute.
pub const ENV: Env = Env;

/// Variables.
pub const VARIABLES: Change = Change::new(&[&ENV], "the environment");

impl Attribute for Env {
    fn name(&self) -> &'static str {
        "env"
    }

    /// As exec left it there: of this process, whoever edits it has it in hand.
    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let mut found: Vec<Fact> = Vec::new();
        for entry in proc_files::bytes(whose, "environ")?.split(|&byte| byte == 0) {
            let Some(end) = entry.iter().position(|&byte| byte == b'=') else { continue };
            let fact = Fact::part(self.name(), &entry[..end], Value::Bytes(entry[end + 1..].to_vec()));
            // the first of a name is the one that getenv(3) finds
            if found.iter().all(|other| other.name != fact.name) {
                found.push(fact);
            }
        }
        Ok(found)
    }
}

/// Sets and removes variables, all at once.
pub struct EditVariables(pub Vec<Edit>);

impl Effect for EditVariables {
    fn facts(&self, _: &View<'_>) -> anyhow::Result<Vec<Fact>> {
        let fact = |change: &Edit| {
            let value = change.value().map_or(Value::Absent, |value| Value::Bytes(value.to_vec()));
            Fact::part(ENV.name(), change.name(), value)
        };
        let mut facts: Vec<Fact> = self.0.iter().map(fact).collect();
        // as new ones come into the environment (src/environ.rs)
        facts.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(facts)
    }

    fn make(&self, process: &mut Process) -> anyhow::Result<Boundaries> {
        process.environ.apply(self.0.clone());
        Ok(Boundaries::NONE)
    }
}
