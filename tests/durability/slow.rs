//! Tests that wait for the seconds of a pause, all at the same time.

use crate::program::Program;
use crate::{full_disk, missing, processor_failing, processor_late, removed, term, unfinished};

/// What is looked at on one program.
pub type Slow = (&'static str, fn(&Program));

#[test]
fn what_takes_seconds() {
    let of_both = [full_disk::OF_BOTH, processor_failing::OF_BOTH, term::OF_BOTH].concat();
    let of_ours = [
        full_disk::OF_OURS,
        missing::OF_OURS,
        processor_failing::OF_OURS,
        processor_late::OF_OURS,
        removed::OF_OURS,
        term::OF_OURS,
        unfinished::OF_OURS,
    ]
    .concat();
    let reference = Program::reference();
    let ours = Program::ours();
    let all = [(reference.as_ref(), &of_both), (Some(&ours), &of_both), (Some(&ours), &of_ours)];
    let all = all
        .into_iter()
        .flat_map(|(program, tests)| program.into_iter().flat_map(|it| tests.iter().map(move |test| (it, *test))));
    let failed: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = all
            .map(|(program, (name, test))| {
                let name = format!("{name} ({})", program.name);
                let started = std::thread::Builder::new().name(name.clone());
                (name, started.spawn_scoped(scope, move || test(program)).unwrap())
            })
            .collect();
        threads.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "{failed:#?}");
}
