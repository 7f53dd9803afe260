//! Doing several things at the same time: most of what these tests do is waiting.

use std::fmt::Debug;

/// Does it for each of these at the same time, and names those that have failed.
#[track_caller]
pub fn together<T: Sync + Debug>(all: &[T], each: impl Fn(&T) + Sync) {
    let each = &each;
    let failed: Vec<&T> = std::thread::scope(|scope| {
        let start = |one| {
            let name: String = format!("{one:?}").chars().filter(|&letter| letter != '\0').collect();
            (one, std::thread::Builder::new().name(name).spawn_scoped(scope, move || each(one)).unwrap())
        };
        let threads: Vec<_> = all.iter().map(start).collect();
        // all are waited for, whatever becomes of the first
        let ends = threads.into_iter().map(|(one, thread)| (one, thread.join()));
        ends.filter_map(|(one, end)| end.is_err().then_some(one)).collect()
    });
    assert!(failed.is_empty(), "failed, see above: {failed:?}");
}
