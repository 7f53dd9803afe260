//! A line a service, as daemontools has it.

use super::look::{DirectoryLook, One};
use crate::service::status::{Phase, Want};
use crate::time::tai64n::Moment;
use crate::voice::foreign::shown;

/// The lines of a service and its log.
pub fn lines(look: &DirectoryLook, with_phase: bool, now: Moment) -> Vec<u8> {
    let mut text = Vec::new();
    for (found, suffix) in [(&look.main, &b": "[..]), (&look.log, b" log: ")] {
        let Some(found) = found else { continue };
        let mut line = [look.dir, suffix].concat();
        match found {
            Ok(one) => describe(one, with_phase, now, &mut line),
            Err(trouble) => line.extend_from_slice(trouble.words()),
        }
        text.extend_from_slice(&shown(&line));
        text.push(b'\n');
    }
    if text.is_empty() {
        text = [&*shown(look.dir), b": no log service\n"].concat();
    }
    text
}

fn describe(one: &One, with_phase: bool, now: Moment, text: &mut Vec<u8>) {
    let status = &one.status;
    let is_up = status.pid != 0;
    let seconds = status.seconds(now);
    let mut say = |words: String| text.extend_from_slice(words.as_bytes());
    match is_up {
        true => say(format!("up (pid {}) {seconds} seconds", status.pid)),
        false => say(format!("down {seconds} seconds")),
    }
    let suffixes = [
        (is_up && !one.is_normally_up, "normally down"),
        (!is_up && one.is_normally_up, "normally up"),
        (is_up && status.is_paused, "paused"),
        (!is_up && status.want == Want::Up, "want up"),
        (is_up && status.want == Want::Down, "want down"),
        (is_up && one.got_term, "got TERM"),
        (with_phase && status.phase.is_some() && is_up && status.want == Want::Once, "once"),
        (with_phase && status.phase.is_some(), status.phase.map_or("", |phase| phase.name())),
    ];
    for (_, words) in suffixes.into_iter().filter(|&(applies, _)| applies) {
        say(format!(", {words}"));
    }
    // the reference knows no such state, so no line of it has this
    if let Some(words) = one.left_in_words().filter(|_| status.phase == Some(Phase::Stopping)) {
        say(format!(", {words}"));
    }
}
