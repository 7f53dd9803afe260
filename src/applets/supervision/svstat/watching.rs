//! Services shown again whenever one changes. Nothing is done in between, but for a terminal, where the time goes on.

use super::look::{DirectoryLook, Subject};
use super::{Form, Request, json, table};
use crate::environ::Environ;
use crate::files::output::write_all;
use crate::service::Home;
use crate::service::origin::Origin;
use crate::service::watch::{News, ServiceWatch};
use crate::sys::descriptor::STDOUT;
use crate::sys::terminal;
use crate::time::tai64n::Moment;
use crate::voice::failure::{Failure, UnableTo};
use nix::unistd::chdir;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a terminal shows the time anew, and a log on probation is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Shows them until it is killed, or nobody reads any more.
pub fn run(request: &Request, origin: &Origin, environ: &Environ, dirs: &[&'static [u8]]) -> anyhow::Result<u8> {
    let is_terminal = request.form == Form::Table && STDOUT.is_terminal();
    let mut sights = Sights {
        request,
        origin,
        environ,
        watch: ServiceWatch::new(dirs.len(), &["down", "log", "event"]),
        owners: (0..dirs.len()).collect(),
        logs: vec![None; dirs.len()],
    };
    let mut looks: Vec<Option<DirectoryLook>> = vec![None; dirs.len()];
    let mut changed: Vec<usize> = (0..dirs.len()).collect();
    let mut is_first = true;
    let mut is_due = true;
    let mut due = Instant::now();
    while !dirs.is_empty() {
        let mut news = Vec::new();
        for number in changed {
            let look = Some(sights.look(number, dirs[number])?);
            if looks[number] != look {
                looks[number] = look;
                news.push(number);
            }
        }
        let now = Moment::now();
        let text = match request.form {
            Form::Json => news
                .iter()
                .filter_map(|&number| looks[number].as_ref())
                .flat_map(|look| json::line(look, now, environ))
                .collect(),
            _ if news.is_empty() && !(is_terminal && is_due) => Vec::new(),
            _ => {
                let height = terminal::height(STDOUT).filter(|_| is_terminal).map(|height| height.saturating_sub(1));
                let text = table::table(&looks.iter().flatten().cloned().collect::<Vec<_>>(), now, height);
                match (is_terminal, is_first) {
                    (true, _) => drawn(&text, is_first),
                    (false, true) => text,
                    (false, false) => [b"\n", text.as_slice()].concat(),
                }
            }
        };
        is_first = false;
        write_all(STDOUT, &text).unable_to("write", b"output")?;
        if is_due {
            due = Instant::now() + TICK;
        }
        let on_probation = |number: &usize| looks[*number].as_ref().is_some_and(DirectoryLook::is_on_probation);
        let on_probation: Vec<usize> = (0..dirs.len()).filter(on_probation).collect();
        let ticks = is_terminal || !on_probation.is_empty();
        let limit = ticks.then(|| due.saturating_duration_since(Instant::now()));
        let news = sights.watch.wait(limit, Some(STDOUT));
        changed = match news.map_err(|reason| Failure::new("unable to wait").because(reason))? {
            News::Of(places) => sights.owners(&places),
            News::TimeOver => Vec::new(),
            News::NoReader => break,
        };
        // whatever else happens all the time
        is_due = ticks && Instant::now() >= due;
        if is_due {
            changed.extend(on_probation);
            changed.sort_unstable();
            changed.dedup();
        }
    }
    Ok(0)
}

/// The text in place of what the terminal shows.
fn drawn(text: &[u8], is_first: bool) -> Vec<u8> {
    // to the corner; at first, and at the end, clear what is below
    let mut drawn = if is_first { b"\x1b[2J\x1b[H".to_vec() } else { b"\x1b[H".to_vec() };
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        drawn.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        drawn.extend_from_slice(b"\x1b[K\n");
    }
    drawn.extend_from_slice(b"\x1b[J");
    drawn
}

struct Sights<'a> {
    request: &'a Request,
    origin: &'a Origin,
    environ: &'a Environ,
    watch: ServiceWatch,
    /// For each place of the watch, the number of its service.
    owners: Vec<usize>,
    /// For each service, the place of its log, if that has a directory.
    logs: Vec<Option<usize>>,
}

impl Sights<'_> {
    /// Looks at a service; what changes from here on is noticed.
    fn look(&mut self, number: usize, dir: &'static [u8]) -> anyhow::Result<DirectoryLook> {
        match self.origin.enter(dir) {
            Ok(()) => {
                self.watch(number);
                let is_log = self.request.subject != Subject::Service && chdir(c"log").is_ok();
                match (is_log, self.logs[number]) {
                    (true, known) => {
                        let place = known.unwrap_or_else(|| self.add(number));
                        self.logs[number] = Some(place);
                        self.watch(place);
                    }
                    (false, Some(place)) => {
                        self.watch.leave(place);
                        self.logs[number] = None;
                    }
                    (false, None) => {}
                }
            }
            Err(_) => self.watch.lose(number),
        }
        self.origin.back()?;
        DirectoryLook::at(dir, self.origin, self.environ, self.request.subject, self.request.form)
    }

    fn add(&mut self, number: usize) -> usize {
        self.owners.push(number);
        self.watch.add()
    }

    /// Watches the service in the current directory. What is wrong with it a look will show.
    fn watch(&mut self, place: usize) {
        match Home::here(self.environ) {
            Ok(home) => {
                let _ = self.watch.look(place, &home);
            }
            Err(_) => self.watch.lose(place),
        }
    }

    /// The services of these places.
    fn owners(&self, places: &[usize]) -> Vec<usize> {
        let mut owners: Vec<usize> = places.iter().map(|&place| self.owners[place]).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }
}
