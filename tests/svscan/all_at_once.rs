//! Tests that spend seconds waiting, many at the same time. Each module that has such tests has a table of them. With a word
//! in CATENA_ONLY, those are run whose names have it.

use crate::ground::Way;
use crate::{
    changes, claim, orphans, removal, removal_by_svc, restarts, scanning, shutdown, start, takeover, waits, warnings,
};
use std::sync::Mutex;

/// A test that waits: what it shows, and in which ways.
pub type Slow = (&'static str, &'static [Way], fn(Way));

/// How many trees there may be at once.
const AT_ONCE: usize = 24;

#[test]
fn what_takes_seconds() {
    let all = [
        changes::SLOW,
        claim::SLOW,
        orphans::SLOW,
        removal::SLOW,
        removal_by_svc::SLOW,
        restarts::SLOW,
        scanning::SLOW,
        shutdown::SLOW,
        start::SLOW,
        takeover::SLOW,
        waits::SLOW,
        warnings::SLOW,
    ]
    .concat();
    let wanted = std::env::var("CATENA_ONLY").unwrap_or_default();
    let all = all.into_iter().filter(|(name, ..)| name.contains(&wanted));
    let all = all.flat_map(|(name, ways, test)| ways.iter().map(move |&way| (name, way, test)));
    let queue: Mutex<Vec<_>> = Mutex::new(all.filter(|(_, way, _)| way.is_possible()).collect());
    let failed: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().pop();
                    let Some((name, way, test)) = next else { break };
                    let name = format!("{name} ({way:?})");
                    // a thread of its own, so that a failure has its name
                    let thread = std::thread::Builder::new().name(name.clone()).spawn_scoped(scope, move || test(way));
                    if thread.unwrap().join().is_err() {
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{failed:#?}");
}
