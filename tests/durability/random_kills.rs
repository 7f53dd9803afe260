//! Killed at random under full load, with a successor on the same input and directory each time: no line is lost, and there
//! twice is at most the batch that was in hand.

use crate::directory::{Listing, old_names};
use crate::lines::{Kind, LONGEST, Reader, Repeat, Writer, count_lost};
use crate::logger::{Logger, pipe};
use crate::program::{Place, Program, rounds};
use crate::support::random::Random;
use std::fs::{self, File};
use std::io::Seek;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// What is read and written in one go.
const BATCH: usize = 65536;
/// Kills before all is counted and a new directory begun.
const KILLS: usize = 25;
/// The longest time before a kill; the start alone takes a part of it.
const LIFE: Duration = Duration::from_millis(15);

#[derive(Clone, Copy, PartialEq)]
enum Input {
    Pipe,
    File,
    Socket,
}

/// What is left of a round.
struct Round {
    place: Place,
    lines: u64,
    kills: usize,
}

/// Kills one logger after the other, and lets the last one come to the end of its input.
fn round(program: &Program, from: Input, kind: Kind, actions: &[&str], random: &mut Random) -> Round {
    // fewer than would make thousands of the smallest files
    const LINES_OF_FILE: u64 = 20_000;
    let place = Place::new();
    let (input, writer): (File, _) = match from {
        Input::Pipe => {
            let (read, write) = pipe();
            (read, Some(Writer::start(write, kind)))
        }
        Input::Socket => {
            let (read, write) = UnixStream::pair().unwrap();
            (OwnedFd::from(read).into(), Some(Writer::start(OwnedFd::from(write).into(), kind)))
        }
        Input::File => {
            fs::write(place.at("input"), kind.text(0..LINES_OF_FILE)).unwrap();
            (File::open(place.at("input")).unwrap(), None)
        }
    };
    let mut kills = 0;
    while kills < KILLS {
        let mut logger = Logger::start(program, place.path(), actions, input.try_clone().unwrap());
        // at any moment, and not at one that something tells
        std::thread::sleep(Duration::from_micros(random.below(LIFE.as_micros() as usize) as u64));
        let code = logger.kill();
        assert_eq!(logger.rest(), "");
        if code == 0 {
            assert!(from == Input::File, "it has ended by itself");
            break;
        }
        assert_eq!(code, 1000 + libc::SIGKILL);
        kills += 1;
        if kills % 5 == 0 {
            // one that has nothing to log puts in order what was left
            let nothing = File::open("/dev/null").unwrap();
            assert_eq!(Logger::run(program, place.path(), actions, nothing), (0, String::new()));
            Listing::of(&place.log()).assert_settled("after a kill and a start");
        }
    }
    if let Some(writer) = &writer {
        writer.stop();
    }
    assert_eq!(Logger::run(program, place.path(), actions, input.try_clone().unwrap()), (0, String::new()));
    let lines = writer.map_or(LINES_OF_FILE, Writer::lines);
    if from == Input::File {
        assert_eq!((&input).stream_position().unwrap(), fs::metadata(place.at("input")).unwrap().len());
    }
    Round { place, lines, kills }
}

/// The files of the round in order.
fn files(round: &Round) -> impl Iterator<Item = (String, Vec<u8>)> {
    let log = round.place.log();
    let names = old_names(&log).into_iter().chain(["current".to_owned()]);
    names.map(move |name| (name.clone(), fs::read(log.join(name)).unwrap()))
}

fn kill(from: Input, kind: Kind, stamp: &[&str], kills: usize) {
    let program = Program::ours();
    let mut random = Random::unforeseen(0).0;
    let (mut killed, mut lines, mut repeats) = (0, 0, Vec::<Repeat>::new());
    for size in [4096, 65536, 10000, 1_000_000].into_iter().cycle() {
        let size_word = format!("s{size}");
        let actions = [stamp, &[&size_word, "n1000000", "./log"]].concat();
        let round = round(&program, from, kind, &actions, &mut random);
        Listing::of(&round.place.log()).assert_settled(&size_word);
        let mut reader = Reader::new(kind, !stamp.is_empty());
        for (name, text) in files(&round) {
            assert!(text.len() <= size, "{name} has {} bytes", text.len());
            assert!(!text.is_empty() || name == "current", "{name} has nothing");
            reader.take(&name, &text);
        }
        let seen = reader.finish(round.lines);
        assert!(seen.len() <= round.kills, "{} repeats after {} kills", seen.len(), round.kills);
        if let Some(repeat) = seen.iter().find(|repeat| repeat.bytes > BATCH + LONGEST) {
            panic!("more than a batch is there twice, from line {} on: {} bytes", repeat.first, repeat.bytes);
        }
        killed += round.kills;
        lines += round.lines;
        repeats.extend(seen);
        if killed >= kills {
            break;
        }
    }
    let bytes: usize = repeats.iter().map(|repeat| repeat.bytes).sum();
    println!("{killed} kills in {lines} lines: 0 lines lost, {} batches of {bytes} bytes there twice", repeats.len());
}

#[test]
fn no_kill_loses_a_line_of_a_pipe() {
    kill(Input::Pipe, Kind::Short, &[], rounds(75));
}

#[test]
fn no_kill_loses_a_line_of_a_pipe_with_stamps() {
    kill(Input::Pipe, Kind::Short, &["t"], rounds(75));
}

#[test]
fn no_kill_loses_a_line_of_a_file() {
    kill(Input::File, Kind::Short, &[], rounds(50));
}

#[test]
fn no_kill_loses_a_line_of_a_socket_with_stamps() {
    kill(Input::Socket, Kind::Short, &["t"], rounds(50));
}

/// A line of more than a thousand bytes is not consumed before its end is there to be read: the next one would begin in its
/// middle.
#[test]
fn no_kill_tears_a_long_line() {
    kill(Input::Pipe, Kind::Long, &[], rounds(50));
    kill(Input::Socket, Kind::Long, &["t"], rounds(50));
}

/// Nothing is asserted here but that its kills leave a directory that it can go on with.
#[test]
fn what_the_reference_loses_is_counted() {
    let Some(program) = Program::reference() else { return };
    let round =
        round(&program, Input::Pipe, Kind::Short, &["s65536", "n1000000", "./log"], &mut Random::unforeseen(0).0);
    let texts: Vec<_> = files(&round).map(|(_, text)| text).collect();
    let lost = count_lost(texts.iter().map(|text| &**text), false, round.lines);
    println!("the reference has lost {lost} lines of {} in {} kills", round.lines, round.kills);
}
