//! A shell into which commands are typed one after the other.

use crate::place::LIMIT;
use std::io::{Read, Write, pipe};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

/// What is written behind each command, with its exit code.
const MARK: &str = "\n--- the exit code is ";

/// A bash, as most prompts are. It ends with its input.
pub struct Shell {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Shell {
    pub fn new(program: &Path, home: &Path, directory: &Path, path: &str) -> Self {
        let (mut reader, writer) = pipe().unwrap();
        let mut command = Command::new(program);
        command.env_clear().env("HOME", home).env("PATH", path).env("TZ", "UTC0").current_dir(directory);
        command.stdin(Stdio::piped()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = command.spawn().unwrap();
        // closes the writing end here
        drop(command);
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut shell = Self { input: child.stdin.take(), child, output, seen: String::new() };
        // job control, as at a prompt, for `kill %1`
        assert_eq!(shell.run("set -m"), (String::new(), 0));
        shell
    }

    /// More output, of a line that was typed then; false at its end.
    fn see(&mut self, line: &str, begin: Instant) -> bool {
        use std::sync::mpsc::RecvTimeoutError;
        // what fails for ever may say so for ever
        match self.output.recv_timeout(LIMIT.saturating_sub(begin.elapsed())) {
            Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => panic!("{line} does not end: {}", self.seen),
        }
        true
    }

    /// Types a line. Gives its output and its exit code. Its standard input is empty, as the shell's holds the next line.
    pub fn run(&mut self, line: &str) -> (String, i32) {
        let text = format!("{{ {line}\n}} </dev/null; printf '{}%d\\n' $?\n", MARK.replace('\n', "\\n"));
        let begin = Instant::now();
        self.input.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        loop {
            if let Some((output, rest)) = self.seen.split_once(MARK)
                && let Some((code, rest)) = rest.split_once('\n')
            {
                let ended = (output.to_owned(), code.parse().unwrap());
                self.seen = rest.to_owned();
                return ended;
            }
            assert!(self.see(line, begin), "{line} ends the shell: {}", self.seen);
        }
    }

    /// Types a line that ends the shell, and waits until nobody has its output open. Gives what came, and the code.
    pub fn leave(mut self, line: &str) -> (String, i32) {
        let begin = Instant::now();
        self.input.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
        while self.see(line, begin) {}
        self.input = None;
        let code = self.child.wait().unwrap().code().unwrap();
        (std::mem::take(&mut self.seen), code)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
