//! A table of services.

use super::look::{DirectoryLook, Doubt, One, Trouble, Verdict, no_log};
use super::plight;
use crate::service::status::{Phase, Want};
use crate::time::tai64n::Moment;
use crate::voice::foreign::shown_string;

const HEADINGS: [&str; COLUMNS] = ["NAME", "STATE", "PID", "TIME", "RESTARTS", "LAST", "NOTES"];
const COLUMNS: usize = 7;

/// What is not known, or does not apply.
const NOTHING: &str = "-";

type Cells = [String; COLUMNS];

/// The table, with no more lines than `height` if there is one.
pub fn table(looks: &[DirectoryLook], now: Moment, height: Option<usize>) -> Vec<u8> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    for look in looks {
        let name = String::from_utf8_lossy(look.dir);
        let (main, log) = (look.main.as_ref(), look.log.as_ref());
        // where neither is supervised, that need not be said twice
        let plight = |main: &Verdict| log.filter(|log| main.is_ok() || log.is_ok()).and_then(plight::of);
        rows.extend(main.map(|main| row(name.to_string(), main, plight(main), now)));
        let own = log.filter(|_| main.is_none() || look.is_log_inside);
        rows.extend(own.map(|log| row(format!("{name}/log"), log, None, now)));
        if main.is_none() && log.is_none() {
            rows.push(row(format!("{name}/log"), &no_log(), None, now));
        }
    }
    // each in its line, whoever has chosen what is in it
    rows.iter_mut().flatten().for_each(|cell| *cell = shown_string(cell));
    let count = rows.len();
    let hidden = height.and_then(|height| count.checked_sub(height.max(2))).filter(|&hidden| hidden > 0);
    if let Some(hidden) = hidden {
        // and the line that says so
        rows.truncate(count - hidden - 1);
    }
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    if let Some(hidden) = hidden {
        text += &format!("and {} more\n", hidden + 1);
    }
    text.into_bytes()
}

/// A row; `plight` is what there is to say of the log.
fn row(name: String, found: &Verdict, plight: Option<String>, now: Moment) -> Cells {
    let nothing = || NOTHING.to_owned();
    match found {
        Ok(one) => {
            let status = &one.status;
            let pid = if status.pid == 0 { nothing() } else { status.pid.to_string() };
            let restarts = one.info.map_or_else(nothing, |info| info.restarts.to_string());
            let state = state(one).to_owned();
            [
                name,
                state,
                pid,
                time(status.seconds(now)),
                restarts,
                one.end().unwrap_or_else(nothing),
                notes(one, plight),
            ]
        }
        Err(trouble) => {
            let state = if matches!(trouble, Trouble::NotSupervised(_)) { "unsupervised" } else { "unknown" };
            let why = String::from_utf8_lossy(trouble.words()).into_owned();
            let why = [Some(why), plight].into_iter().flatten().collect::<Vec<_>>().join(", ");
            [name, state.to_owned(), nothing(), nothing(), nothing(), nothing(), why]
        }
    }
}

fn state(one: &One) -> &'static str {
    match one.status.phase {
        Some(Phase::Running) if one.status.is_paused => "paused",
        Some(phase) => phase.name(),
        None if one.status.pid == 0 => "down",
        None if one.status.is_paused => "paused",
        None => "up",
    }
}

fn notes(one: &One, plight: Option<String>) -> String {
    let (status, is_up) = (&one.status, one.is_up());
    let backoff = one.info.map_or(0, |info| info.backoff);
    let wait = format!("waits {} s between starts", backoff / 1000);
    let ready = one.info.filter(|_| is_up).and_then(|info| info.ready);
    let notes = [
        (ready == Some(true), "ready"),
        (ready == Some(false), "not ready"),
        (is_up && !one.is_normally_up, "normally down"),
        (!is_up && one.is_normally_up, "normally up"),
        (!is_up && status.want == Want::Up, "want up"),
        (is_up && status.want == Want::Down, "want down"),
        (is_up && status.want == Want::Once, "once"),
        (is_up && one.got_term, "got TERM"),
        (one.doubt == Some(Doubt::Probation), "started again just now"),
        (backoff > 0, &wait),
    ];
    let notes = notes.into_iter().filter(|&(applies, _)| applies).map(|(_, words)| words);
    let left = one.left_in_words();
    let notes: Vec<&str> = notes.chain(left.as_deref()).chain(plight.as_deref()).collect();
    notes.join(", ")
}

/// In the two largest units.
fn time(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        ..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => format!("{}m{:02}s", seconds / MINUTE, seconds % MINUTE),
        HOUR..DAY => format!("{}h{:02}m", seconds / HOUR, seconds % HOUR / MINUTE),
        _ => format!("{}d{:02}h", seconds / DAY, seconds % DAY / HOUR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_two_largest_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m00s"),
            (3599, "59m59s"),
            (3600, "1h00m"),
            (86_399, "23h59m"),
            (86_400, "1d00h"),
            (1_000_000, "11d13h"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }

    fn lost(dir: &'static [u8]) -> DirectoryLook {
        DirectoryLook {
            dir,
            main: Some(Err(Trouble::NotSupervised(b"supervise not running".to_vec()))),
            log: None,
            is_log_inside: false,
        }
    }

    #[test]
    fn a_low_terminal_shows_how_much_is_hidden() {
        let looks: Vec<DirectoryLook> = [&b"a"[..], b"b", b"c", b"d"].map(lost).to_vec();
        let lines = |height| {
            let text = String::from_utf8(table(&looks, Moment::default(), height)).unwrap();
            text.lines().map(|line| line.split("  ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let all = ["NAME", "a", "b", "c", "d"];
        assert_eq!(lines(None), all);
        assert_eq!(lines(Some(5)), all);
        assert_eq!(lines(Some(4)), ["NAME", "a", "b", "and 2 more"]);
        assert_eq!(lines(Some(2)), ["NAME", "and 4 more"]);
        assert_eq!(lines(Some(1)), ["NAME", "and 4 more"]);
    }

    #[test]
    fn names_are_harmless_and_stay_in_their_line() {
        let text = String::from_utf8(table(&[lost(b"a\x1b[2J\n\tb\xff\xc2\x9b\xe2\x80\xae")], Moment::default(), None))
            .unwrap();
        assert_eq!(text.lines().nth(1).unwrap().split("  ").next(), Some("a?[2J??b\u{fffd}??"));
    }
}
