//! What a probe has written, made comparable.
#![allow(dead_code, reason = "each test program uses a part")]

use crate::launch::Ended;
use std::collections::{BTreeMap, BTreeSet};

/// The lines of a probe's report by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report(BTreeMap<String, String>);

impl Report {
    /// Process ids become words, as they are different in each run; so does the number of the pipe that the launcher has.
    pub fn new(text: &str, ended: &Ended) -> Self {
        let mut lines: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
            let already = lines.entry(name.to_owned()).or_default();
            *already = [already.as_str(), value].join(if already.is_empty() { "" } else { " and " });
        }
        let own = lines.get("pid").cloned().unwrap_or_default();
        let words = [(own, "self"), (ended.pid.to_string(), "started"), (std::process::id().to_string(), "test")];
        let word = |pid: &str| words.iter().find(|(number, _)| number == pid).map(|&(_, word)| word);
        let autogroup = std::fs::read_to_string("/proc/self/autogroup").unwrap_or_default();
        let autogroup = autogroup.trim_end();
        for (name, value) in &mut lines {
            match name.as_str() {
                "pid" => *value = if *value == ended.pid.to_string() { "started" } else { "forked" }.to_owned(),
                // who takes over a process whose parent has ended depends on when it looks
                "parent" => *value = word(value).filter(|&who| who == "test").unwrap_or("another").to_owned(),
                "group" | "session" | "terminal group" => {
                    let is_ours = [nix::unistd::getpgrp(), nix::unistd::getsid(None).unwrap()]
                        .iter()
                        .any(|ours| *value == ours.to_string());
                    // or a number that means nobody, or a process that a link has forked
                    let number = value.parse().unwrap_or(0);
                    let other = if is_ours || number <= 0 { value.as_str() } else { "another" };
                    *value = word(value).unwrap_or(other).to_owned();
                }
                // numbered as sessions are made
                "autogroup" if *value != autogroup => {
                    *value = format!("another {}", value.split_once(' ').map_or("", |(_, nice)| nice));
                }
                name if name.ends_with(" lock") => {
                    // kind, whether advisory, which, "by", the pid of who took it, and what of the file
                    let words = value.split(' ').enumerate();
                    let words = words.map(|(place, part)| match word(part) {
                        Some(word) => word,
                        None if place == 4 && part != "-1" => "another",
                        None => part,
                    });
                    *value = words.collect::<Vec<_>>().join(" ");
                }
                _ => {}
            }
            // and that of a terminal
            if let Some((before, after)) = value.split_once("/dev/pts/") {
                let after = after.trim_start_matches(|byte: char| byte.is_ascii_digit());
                *value = format!("{before}/dev/pts/N{after}");
            }
            if let Some((before, after)) = value.split_once("pipe:[") {
                let after = after.trim_start_matches(|byte: char| byte.is_ascii_digit());
                *value = format!("{before}pipe:[{after}");
            }
        }
        Self(lines)
    }

    /// The value of a line, empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The numbered lines of this kind, in order.
    pub fn list(&self, kind: &str) -> Vec<&str> {
        (0..).map_while(|place| self.0.get(&format!("{kind} {place}"))).map(String::as_str).collect()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The names of lines that are not the same in both.
    pub fn differences(&self, other: &Self) -> BTreeSet<String> {
        let names = self.0.keys().chain(other.0.keys());
        names.filter(|name| self.0.get(*name) != other.0.get(*name)).cloned().collect()
    }

    /// The differing lines for a message.
    pub fn shown_differences(&self, other: &Self) -> String {
        let lines = self.differences(other).into_iter();
        lines.map(|name| format!("\n  {name}: {:?}, not {:?}", other.0.get(&name), self.0.get(&name))).collect()
    }

    /// The same, with one environment variable's value taken out.
    pub fn without_value_of(mut self, variable: &str) -> Self {
        for (name, value) in &mut self.0 {
            if name.starts_with("env ") && value.starts_with(&format!("{variable}=")) {
                value.truncate(variable.len() + 1);
            }
        }
        self
    }
}
