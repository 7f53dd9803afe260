//! What a call of svc asks for: commands in their order, for the service or for its log; and the letters that say that to a
//! supervise.

use crate::options::{Given, Opt};
use crate::process::signal_names;
use crate::service::Home;
use crate::service::request_file::{LIMIT, Unusable, word};
use crate::service::status::StatusFile;
use crate::service::supervising::table::letter;
use crate::service::waiting::is_current;

/// The options. All letters are commands.
pub const OPTIONS: &[Opt] = &[
    Opt::flag("u", "Up: start it if it does not run, and again whenever it ends"),
    Opt::flag("d", "Down: send TERM and then CONT, and do not start it again"),
    Opt::flag("o", "Once: start it if it does not run, but not again"),
    Opt::flag("p", "Pause: send STOP"),
    Opt::flag("c", "Continue: send CONT"),
    Opt::flag("h", "Send HUP"),
    Opt::flag("a", "Send ALRM"),
    Opt::flag("i", "Send INT"),
    Opt::flag("t", "Send TERM"),
    Opt::flag("k", "Send KILL"),
    Opt::flag("x", "Exit: supervise ends as soon as the service has"),
    Opt::flag("q", "Send QUIT"),
    Opt::flag("1", "Send USR1"),
    Opt::flag("2", "Send USR2"),
    Opt::flag("w", "Send WINCH"),
    Opt::flag("+", "Signals behind it go to the whole process group"),
    Opt::flag("=", "Signals behind it go to the process only"),
    Opt::flag("L", "Commands behind it are for the log"),
    Opt::flag("l", "Commands behind it are for the service itself"),
    Opt::flag("restart", "End it so that it is started anew; start it if it is down"),
    Opt::flag("reload", "Send the signal that the file reload-signal names, or HUP"),
    Opt::optional(
        "remove",
        "SECONDS",
        "Remove it from svscan's sight, and end it, its log and both supervises; in so many seconds at most",
    ),
    Opt::flag("check", "Exit 111 if a DIR could not be told, 100 if one is not supervised"),
    Opt::valued(
        "wait",
        "STATE",
        "Then wait until all are up, down or ready; with a comma and SECONDS, for so long at most",
    ),
];

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Letter(u8),
    Restart,
    Reload,
}

/// Commands for one recipient, each of them once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    is_log: bool,
    commands: Vec<Command>,
}

/// All commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands(Vec<Section>);

impl Commands {
    /// From the options of a call.
    pub fn asked_for(given: &Given) -> Self {
        let mut sections = vec![Section { is_log: false, commands: Vec::new() }];
        for (id, _) in given.each() {
            let command = match (id, id.as_bytes()) {
                ("L" | "l", _) => {
                    sections.push(Section { is_log: id == "L", commands: Vec::new() });
                    continue;
                }
                ("restart", _) => Command::Restart,
                ("reload", _) => Command::Reload,
                (_, &[letter]) => Command::Letter(letter),
                _ => continue,
            };
            if let Some(section) = sections.last_mut()
                && !section.commands.contains(&command)
            {
                section.commands.push(command);
            }
        }
        // nothing but `l`s, or nothing at all, is for the service itself
        if sections[0].commands.is_empty() && sections.iter().any(|section| section.is_log) {
            sections.remove(0);
        }
        Self(sections)
    }

    /// Whether nothing is to be told.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|section| section.commands.is_empty())
    }

    /// Whether some of it is for the log.
    pub fn has_log(&self) -> bool {
        self.0.iter().any(|section| section.is_log)
    }

    /// Whether what is said depends on the status of the service.
    pub fn looks(&self) -> bool {
        self.has_log() || self.commands(false).any(|command| command == Command::Restart)
    }

    /// For whom it is, in the order of their first commands: the service (false), the log (true).
    pub fn recipients(&self) -> Vec<bool> {
        let mut recipients = Vec::new();
        for section in &self.0 {
            if !recipients.contains(&section.is_log) {
                recipients.push(section.is_log);
            }
        }
        recipients
    }

    fn commands(&self, for_log: bool) -> impl Iterator<Item = Command> {
        let sections = self.0.iter().filter(move |section| section.is_log == for_log);
        sections.flat_map(|section| section.commands.iter().copied())
    }

    /// Whether the service, as it is up now, will surely not be.
    pub fn ends(&self) -> bool {
        self.commands(false).any(|command| matches!(command, Command::Letter(b'd' | b'k') | Command::Restart))
    }

    /// Whether the service is to be started.
    pub fn starts(&self) -> bool {
        self.commands(false).any(|command| matches!(command, Command::Letter(b'u' | b'o') | Command::Restart))
    }

    /// The letters of all of it, for a supervise that has the log, too: `L` leads over to the log, and `l` back.
    ///
    /// # Errors
    /// If one of them is not to be had.
    pub fn letters(&self, home: &Home, record: Option<&StatusFile>) -> Result<Vec<u8>, Unusable> {
        let mut letters = Vec::new();
        let mut at_log = false;
        for section in self.0.iter().filter(|section| !section.commands.is_empty()) {
            if section.is_log != at_log {
                letters.push(if section.is_log { b'L' } else { b'l' });
                at_log = section.is_log;
            }
            for &command in &section.commands {
                // a log of that kind has no files of its own
                let is_up = record.map(|record| if at_log { record.log.unwrap_or(record.main) } else { record.main });
                match (command, at_log) {
                    (Command::Reload, true) => letters.push(b'h'),
                    _ => spell(command, home, is_up.is_some_and(|status| status.pid != 0), &mut letters)?,
                }
            }
        }
        Ok(letters)
    }

    /// The letters for one of them, which has a supervise of its own and the current directory.
    ///
    /// # Errors
    /// If one of them is not to be had.
    pub fn letters_for(&self, log: bool, home: &Home, record: Option<&StatusFile>) -> Result<Vec<u8>, Unusable> {
        let is_up = record.is_some_and(|record| record.main.pid != 0);
        let mut letters = Vec::new();
        for command in self.commands(log) {
            spell(command, home, is_up, &mut letters)?;
        }
        Ok(letters)
    }
}

/// The letters of a command to a service that is up or not.
fn spell(command: Command, home: &Home, is_up: bool, letters: &mut Vec<u8>) -> Result<(), Unusable> {
    match command {
        Command::Letter(letter) => letters.push(letter),
        Command::Reload => letters.push(reload_letter()?),
        // others do not know `r`
        Command::Restart if home.info().is_some_and(|info| is_current(&info)) => letters.push(b'r'),
        Command::Restart if is_up => letters.extend(b"tc"),
        Command::Restart => letters.push(b'u'),
    }
    Ok(())
}

/// The letter of the signal that the file `reload-signal` of the current directory names.
fn reload_letter() -> Result<u8, Unusable> {
    match word(c"reload-signal", &mut [0; LIMIT])? {
        None | Some(b"") => Ok(b'h'),
        Some(word) => letter_of(word).ok_or(Unusable::Senseless),
    }
}

/// The letter of a signal by its name, with or without SIG, or its number.
fn letter_of(text: &[u8]) -> Option<u8> {
    letter(signal_names::number(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environ::Environ;
    use crate::options::parse;
    use crate::sys::words::{Word, Words};

    fn order(options: &str) -> Commands {
        let words = options.split(' ').map(|word| Word::leak(word.as_bytes().to_vec()));
        Commands::asked_for(&parse(OPTIONS, Words::leak(words), true).unwrap())
    }

    fn home() -> Home {
        Home::here(&Environ::new(Words::EMPTY)).unwrap()
    }

    fn letters(options: &str) -> String {
        String::from_utf8(order(options).letters(&home(), None).unwrap()).unwrap()
    }

    #[test]
    fn letters_keep_their_order_and_come_once_in_a_section() {
        for (options, expected) in [
            ("-du", "du"),
            ("-ud", "ud"),
            ("-uuduk", "udk"),
            ("-u -x -u -d", "uxd"),
            ("-+k=t+i", "+k=ti"),
            ("-udopchaitkxq12w", "udopchaitkxq12w"),
            // as daemontools-encore has it, but without the first `l`
            ("-dLdlu", "dLdlu"),
            ("-dLdxxlul", "dLdxlu"),
            ("-Ld", "Ld"),
            ("-LdLu", "Ldu"),
            ("-ld", "d"),
            ("-lldl", "d"),
            ("-udludl", "udud"),
            ("--", ""),
            ("-l", ""),
        ] {
            assert_eq!(letters(options), expected, "{options}");
        }
    }

    #[test]
    fn what_is_for_the_log_is_kept_apart() {
        for (options, recipients, main, log) in [
            ("-d", &[false][..], "d", ""),
            ("--", &[false], "", ""),
            ("-L", &[true], "", ""),
            ("-Ldx", &[true], "", "dx"),
            ("-dLx", &[false, true], "d", "x"),
            ("-Lxld", &[true, false], "d", "x"),
            ("-uLdlxLu", &[false, true], "ux", "du"),
        ] {
            let order = order(options);
            let letters = |log| order.letters_for(log, &home(), None).unwrap();
            assert_eq!(order.recipients(), recipients, "{options}");
            assert_eq!((letters(false), letters(true)), (main.into(), log.into()), "{options}");
        }
    }

    #[test]
    fn every_signal_that_has_a_letter_is_known_by_name_and_number() {
        for (name, letter) in [
            ("HUP", b'h'),
            ("SIGUSR1", b'1'),
            ("1", b'h'),
            ("12", b'2'),
            ("WINCH", b'w'),
            ("19", b'p'),
            ("ALRM", b'a'),
            ("INT", b'i'),
            ("TERM", b't'),
            ("KILL", b'k'),
            ("QUIT", b'q'),
            ("CONT", b'c'),
        ] {
            assert_eq!(letter_of(name.as_bytes()), Some(letter), "{name}");
        }
        for bad in ["", "hup", "SIGSIGHUP", "URG", "0", "64", "-1", "HUP "] {
            assert_eq!(letter_of(bad.as_bytes()), None, "{bad}");
        }
    }
}
