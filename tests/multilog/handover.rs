//! A directory that one multilog has written is continued by another: the reference's by ours and the other way round, after
//! clean ends and after kill -9.

use crate::generator::line_for;
use crate::ground::{Ground, Input, Seen, Subject, Subjects, without_labels};
use crate::running::{Writer, pipe};
use crate::support::random::Random;
use std::sync::OnceLock;

/// Every pair that there is, both ways, and each with itself.
fn pairs(subjects: &Subjects) -> impl Iterator<Item = [&Subject; 2]> {
    subjects.all.iter().flat_map(|first| subjects.all.iter().map(move |second| [first, second]))
}

/// Whole lines, enough to fill a file of the least size now and then.
fn lines(random: &mut Random) -> Vec<u8> {
    let mut lines = Vec::new();
    for _ in 0..random.between(1, 20) {
        lines.extend(line_for(random, &[b"+*x".to_vec(), b"+*".to_vec()]));
        lines.push(b'\n');
    }
    lines
}

fn shown(pair: [&Subject; 2]) -> String {
    format!("{} then {}", pair[0].name, pair[1].name)
}

#[test]
fn a_cleanly_closed_directory_is_continued() {
    let subjects = Subjects::new();
    for pair in pairs(&subjects) {
        for has_labels in [false, true] {
            let random = &mut Random::new(77);
            let ground = Ground::new();
            let mut written = Vec::new();
            let mut seen = None;
            for round in 0..16 {
                let input = lines(random);
                written.extend_from_slice(&input);
                let actions: &[&str] =
                    if has_labels { &["t", "s4096", "n1000", "./log"] } else { &["s4096", "n1000", "./log"] };
                let ended = ground.run(pair[round % 2], actions, &Input::Pipe(vec![input]));
                assert_eq!((ended.code, ended.stderr.as_slice()), (0, &b""[..]), "{}", shown(pair));
                seen = Some(ended);
            }
            let seen: Seen = seen.unwrap();
            assert!(seen.old("log").len() > 5, "{}: {} old files", shown(pair), seen.old("log").len());
            assert!(seen.files.keys().all(|name| !name.ends_with(".u")), "{}: {:?}", shown(pair), seen.files.keys());
            assert!(seen.old("log").iter().all(|(mode, _)| *mode == 0o744), "{}", shown(pair));
            let (mut whole, labels) = without_labels(&seen.whole("log"));
            if has_labels {
                let label = crate::ground::LABEL;
                assert!(labels.is_sorted(), "{}: labels", shown(pair));
                let lines = whole.split_inclusive(|&byte| byte == b'\n');
                // a line whose beginning was cut off with the file before is none: there is none here
                whole = lines.flat_map(|line| line.strip_prefix(label).unwrap()[1..].to_vec()).collect();
            }
            assert!(whole == written, "{}: {}", shown(pair), crate::streams::difference(&whole, &written));
        }
    }
}

#[test]
fn what_a_killed_logger_has_written_is_kept() {
    let subjects = Subjects::new();
    for pair in pairs(&subjects) {
        let random = &mut Random::new(99);
        let ground = Ground::new();
        let mut written = Vec::new();
        let mut killed = 0;
        for round in 0..10 {
            let subject = pair[round % 2];
            let [reader, writer] = pipe();
            let mut writer = Writer::new(writer);
            let mut running = ground.start(subject, &["s4096", "n1000", "./log"], reader);
            let input = lines(random);
            written.extend_from_slice(&input);
            assert!(writer.write(&input), "{}", shown(pair));
            running.wait_until("all is written", |ground| whole(ground).as_deref() == Some(&written));
            // the end of a rotation may be still to come; it waits for more when it has done all
            running.wait_for_sleep();
            killed += usize::from(round < 9);
            if round < 9 {
                running.kill();
            } else {
                drop(writer);
                assert_eq!(running.code(), 0, "{}", shown(pair));
            }
        }
        let seen = Seen { code: 0, stderr: ground.stderr(), files: ground.files() };
        assert_eq!(seen.stderr, b"", "{}", shown(pair));
        assert!(seen.whole("log") == written, "{}", shown(pair));
        let cut: Vec<_> = seen.files.iter().filter(|(name, _)| name.ends_with(".u")).collect();
        // one for each kill, but that ours makes none of an empty file
        assert!(cut.len() <= killed && cut.len() > 4, "{}: {} cut files", shown(pair), cut.len());
        assert!(cut.iter().all(|(_, (mode, _))| *mode == 0o644), "{}", shown(pair));
        assert_eq!(seen.files["log/current"].0, 0o744, "{}", shown(pair));
        assert!(!seen.files.contains_key("log/previous"), "{}", shown(pair));
    }
}

/// All that a directory holds, if it could be looked at in one piece: names change while a file is rotated.
fn whole(ground: &Ground) -> Option<Vec<u8>> {
    let directory = ground.work().join("log");
    let names = || {
        let entries = std::fs::read_dir(&directory).ok()?;
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        Some(names)
    };
    let before = names()?;
    let mut whole = Vec::new();
    for name in before.iter().filter(|name| name.as_encoded_bytes().starts_with(b"@")) {
        whole.extend(std::fs::read(directory.join(name)).ok()?);
    }
    whole.extend(std::fs::read(directory.join("current")).ok()?);
    (names()? == before && !before.iter().any(|name| name == "previous")).then_some(whole)
}

/// A processor counts its runs in the state that is handed from one to the next.
#[test]
fn the_state_of_a_processor_is_handed_on() {
    static PROCESSOR: OnceLock<String> = OnceLock::new();
    let count = r#"read -r count <&4; count=$((count + 1)); echo "$count" >&5; echo "run $count"; cut -c 1-3"#;
    let processor = PROCESSOR.get_or_init(|| format!("!{count}"));
    let subjects = Subjects::new();
    for pair in pairs(&subjects) {
        let ground = Ground::new();
        let mut expected = Vec::new();
        for round in 0..4 {
            let mut input = String::new();
            for line in 1..=2 {
                input += &format!("{round}{line}-{}\n", "x".repeat(2200));
                expected.push(format!("run {}\n{round}{line}-\n", round * 2 + line).into_bytes());
            }
            let actions = [processor, "s4096", "n1000", "./log"];
            let seen = ground.run(pair[round % 2], &actions, &Input::File(input.into_bytes()));
            assert_eq!((seen.code, seen.stderr.as_slice()), (0, &b""[..]), "{}", shown(pair));
            let state = format!("{}\n", round * 2 + 2).into_bytes();
            assert_eq!(seen.files["log/state"], (0o644, state), "{}", shown(pair));
            let old: Vec<_> = seen.old("log").into_iter().map(|(_, content)| content.clone()).collect();
            assert_eq!(old, expected, "{}", shown(pair));
            assert!(seen.old("log").iter().all(|(mode, _)| *mode == 0o744), "{}", shown(pair));
            for name in ["previous", "processed", "newstate"] {
                assert!(!seen.files.contains_key(&format!("log/{name}")), "{}: {name}", shown(pair));
            }
        }
    }
}
