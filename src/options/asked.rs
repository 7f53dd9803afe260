//! Who asks for what, in builds for tests: what is not in the table cannot have been given, and what is in it and never asked
//! for does nothing.

use super::{Given, Opt, with_standard};
use std::cell::RefCell;

#[derive(Debug, Default)]
pub struct Asked {
    table: Option<&'static [Opt]>,
    ids: RefCell<Vec<&'static str>>,
}

impl Asked {
    pub fn of(table: &'static [Opt]) -> Self {
        Self { table: Some(table), ids: RefCell::default() }
    }

    pub fn note(&self, id: &'static str) {
        let is_declared = self.table.is_none_or(|table| with_standard(table).any(|option| option.id == id));
        assert!(is_declared, "the option {id} is asked for, but is not in the applet's table");
        self.ids.borrow_mut().push(id);
    }
}

impl Given {
    /// Whether anybody has asked for this option.
    pub fn was_asked_for(&self, id: &str) -> bool {
        self.asked.ids.borrow().contains(&id)
    }
}
