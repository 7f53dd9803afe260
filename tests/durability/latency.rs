//! A line that comes alone is logged at once: nothing waits for more, and no timer runs.

use crate::logger::{Logger, pipe};
use crate::program::{Place, Program};
use crate::signals::wait_for_directory;
use crate::support::waiting::Watch;
use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

#[test]
fn each_line_is_in_the_file_before_the_next_is_written() {
    // what a timer of 10 ms would make impossible even once
    const SHORT: Duration = Duration::from_millis(5);
    for program in Program::all() {
        for actions in [&["./log"][..], &["t", "./log"], &["-*", "+line*", "./log"]] {
            for is_socket in [false, true] {
                let (read, mut write) = if is_socket {
                    let (read, write) = UnixStream::pair().unwrap();
                    (OwnedFd::from(read).into(), OwnedFd::from(write).into())
                } else {
                    pipe()
                };
                let place = Place::new();
                let mut logger = Logger::start(&program, place.path(), actions, read);
                wait_for_directory(&place.log());
                let watch = Watch::new(&place.log());
                let current = place.log().join("current");
                let mut times: Vec<Duration> = (0..100)
                    .map(|number| {
                        let line = format!("line {number}\n");
                        let start = Instant::now();
                        write.write_all(line.as_bytes()).unwrap();
                        watch
                            .until("it is logged", || fs::read_to_string(&current).is_ok_and(|it| it.ends_with(&line)));
                        start.elapsed()
                    })
                    .collect();
                drop(write);
                assert_eq!((logger.code(), logger.rest()), (0, String::new()));
                // not all: other processes have their turn, too
                times.sort();
                assert!(times[25] < SHORT, "{} {actions:?}: {times:?}", program.name);
                assert_eq!(fs::read_to_string(current).unwrap().lines().count(), 100);
            }
        }
    }
}
