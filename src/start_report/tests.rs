//! A status pipe from end to end.

use super::*;
use crate::sys::descriptor::{STDERR, keep_across_exec};
use nix::errno::Errno;
use proptest::prelude::*;

#[test]
fn records_arrive_in_order_and_whole() {
    let mut listeners = Listeners::default();
    let mut waiting = listeners.pipe(Scope::WholeChain).unwrap();
    listeners.going_on(Pid::from_raw(77));
    listeners.failed(42, STDERR, &[b"a: ", b"fatal\n"], b"");
    listeners.about_to_exec(b"prog");
    listeners.leave();
    assert_eq!(waiting.hear(), Ok(Report::Record(Record::Pid(Pid::from_raw(77)))));
    let Ok(Report::Record(Record::Failure(told))) = waiting.hear() else { panic!("no failure") };
    assert_eq!((told.code, told.text.as_slice(), told.was_said_here()), (42, &b"a: fatal\n"[..], true));
    assert_eq!(waiting.hear(), Ok(Report::Record(Record::Exec(b"prog".to_vec()))));
    assert_eq!(waiting.hear(), Ok(Report::End));
}

#[test]
fn a_message_too_long_loses_its_middle() {
    let mut listeners = Listeners::default();
    let mut waiting = listeners.pipe(Scope::NextProgram).unwrap();
    listeners.failed(1, STDERR, &[b"a: unable to run ", &[b'x'; 3000], &[b'y'; 3000], b": why\n"], b"");
    let Ok(Report::Record(Record::Failure(told))) = waiting.hear() else { panic!("no failure") };
    assert_eq!(told.text.len(), LARGEST - FAILURE_HEAD);
    assert!(told.text.starts_with(b"a: unable to run xxx") && told.text.ends_with(b"yyy: why\n"));
    assert_eq!(told.text.windows(3).filter(|part| part == b"...").count(), 1);
    listeners.leave();
    assert_eq!(waiting.hear(), Ok(Report::End));
}

proptest! {
    #[test]
    fn a_message_that_fits_stays_whole(lengths in proptest::collection::vec(0_usize..700, 0..8)) {
        let texts: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(place, &length)| vec![place as u8; length]).collect();
        let message: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let mut kept = [&b""[..]; 2 * failure::MOST_PIECES + 1];
        let room = 2000;
        let length = shortened(&message, room, &mut kept);
        let all = texts.concat();
        prop_assert_eq!(length, all.len().min(room));
        let found = kept.concat();
        if all.len() <= room {
            prop_assert_eq!(found, all);
        } else {
            prop_assert_eq!(&found[room - 256..], &all[all.len() - 256..]);
            prop_assert_eq!(&found[..room - 259], &all[..room - 259]);
        }
    }
}

/// Beside how an applet is called there is room for a line.
#[test]
fn what_is_ours_leaves_room_for_what_is_wrong() {
    const LINE: usize = 512;
    for applet in crate::applets::ALL {
        let length = crate::documents::usage(applet).len();
        assert!(length + LINE <= LARGEST - FAILURE_HEAD, "{}: {length} bytes", applet.name);
    }
}

#[test]
fn what_is_no_record_and_half_a_record_keep_nobody_waiting() {
    for (bytes, heard) in
        [(&b"P\x01"[..], Ok(Report::Nothing)), (b"E", Ok(Report::Nothing)), (b"Z", Err(Errno::EPROTO))]
    {
        let mut listeners = Listeners::default();
        let mut waiting = listeners.pipe(Scope::WholeChain).unwrap();
        nix::unistd::write(&listeners.all[0].pipe, bytes).unwrap();
        assert_eq!(waiting.hear(), heard);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_heard_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut listeners = Listeners::default();
        let mut waiting = listeners.pipe(Scope::WholeChain).unwrap();
        nix::unistd::write(&listeners.all[0].pipe, &bytes).unwrap();
        listeners.leave();
        let mut records = 0;
        while let Ok(Report::Record(_)) = waiting.hear() {
            records += 1;
        }
        prop_assert!(records <= bytes.len() / 2);
    }
}

#[test]
fn a_parent_that_is_gone_kills_nobody() {
    let mut listeners = Listeners::default();
    drop(listeners.pipe(Scope::WholeChain).unwrap());
    listeners.about_to_exec(b"");
    assert_eq!(nix::unistd::write(&listeners.all[0].pipe, b"x"), Err(Errno::EPIPE));
}

#[test]
fn a_pipe_is_taken_over_only_under_its_own_name() {
    let mut listeners = Listeners::default();
    let _waiting = listeners.pipe(Scope::WholeChain).unwrap();
    let environ = || Environ::new(Words::EMPTY);
    let handed_on = listeners.handed_on(environ());
    let entry = handed_on.get(0).unwrap();
    let mut kept = Environ::new(Words::leak([entry]));
    // the one who hands on has exec'ed: here it only forgets
    std::mem::forget(std::mem::take(&mut listeners.all));
    assert_eq!(Listeners::inherited(&mut kept).numbers().count(), 1);
    assert!(kept.entries().is_empty());
    // closed by now
    let mut stale = Environ::new(Words::leak([entry]));
    assert!(Listeners::inherited(&mut stale).all.is_empty());
    // no log either: neither of that length, nor another file
    // as an exec hands it on: not close-on-exec, and nobody's
    let file = keep_across_exec(tempfile::tempfile().unwrap().into()).unwrap();
    nix::unistd::write(file, b"old").unwrap();
    let name = |inode: u64, end: u64| format!("{}:{inode}:{end}", file.as_raw_fd());
    let inode = fstat(file).unwrap().st_ino;
    for wrong in [name(inode, 4), name(inode, 0), name(inode + 1, 3), format!("1:{inode}:3"), name(inode, 3) + "x"] {
        let mut stale = environ();
        stale.apply(vec![Edit::set(VARIABLE.as_bytes(), wrong.as_bytes())]);
        assert!(!Listeners::inherited(&mut stale).keep_logs(), "{wrong}");
    }
    // one descriptor named twice is still one
    let pipe = keep_across_exec(nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap().1).unwrap();
    let name = format!("{}:{}", pipe.as_raw_fd(), fstat(pipe).unwrap().st_ino);
    let mut twice = environ();
    twice.apply(vec![Edit::set(VARIABLE.as_bytes(), format!("{name},{name}").as_bytes())]);
    assert_eq!(Listeners::inherited(&mut twice).numbers().count(), 1);
    for wrong in ["", "1:1", "x", "1", ":", "99999999999999999999:1", "5:1,,6:2"] {
        let mut environ = environ();
        environ.apply(vec![Edit::set(VARIABLE.as_bytes(), wrong.as_bytes())]);
        assert!(Listeners::inherited(&mut environ).all.is_empty(), "{wrong}");
        assert!(environ.entries().is_empty(), "{wrong}");
    }
}
