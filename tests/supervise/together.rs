//! Doing several things at the same time: most of what these tests do is waiting.

/// Does it for each of these at the same time, and fails if one has failed.
#[track_caller]
pub fn together<T: Sync>(all: &[T], each: impl Fn(&T) + Sync) {
    let failed = std::thread::scope(|scope| {
        let threads: Vec<_> = all.iter().map(|one| scope.spawn(|| each(one))).collect();
        // all are waited for, whatever becomes of the first
        let ends: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        ends.iter().filter(|end| end.is_err()).count()
    });
    assert_eq!(failed, 0, "so many of {} have failed; see above", all.len());
}
