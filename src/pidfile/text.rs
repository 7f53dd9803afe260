//! What is written in a pid file.

use crate::number::decimal_in;
use nix::unistd::Pid;

/// The kernel's upper bound for pids (PID_MAX_LIMIT of linux/threads.h, 64-bit).
const HIGHEST: i32 = 4_194_304;

/// The pid in the first line. Blanks around it, a carriage return and a missing newline are other writers' habits; for all
/// else there is no pid: signs, more than ten digits, anything behind them, 0, 1, and what no process can have.
pub fn pid(text: &[u8]) -> Option<Pid> {
    let line = text.split(|&byte| byte == b'\n').next()?;
    let digits = line.strip_suffix(b"\r").unwrap_or(line);
    let digits = digits.trim_ascii();
    if digits.len() > 10 {
        return None;
    }
    decimal_in(digits).filter(|number| (2..=HIGHEST).contains(number)).map(Pid::from_raw)
}

/// The text for a pid.
pub fn of(pid: Pid) -> Vec<u8> {
    format!("{pid}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_other_writers_leave_is_read() {
        for text in ["77\n", "77", " 77 \n", "77\r\n", "\t77\nrest", "0000000077\n", "77\n\0\0"] {
            assert_eq!(pid(text.as_bytes()), Some(Pid::from_raw(77)), "{text:?}");
        }
        assert_eq!(pid(b"4194304\n"), Some(Pid::from_raw(HIGHEST)));
    }

    #[test]
    fn what_is_no_pid_is_refused() {
        let bad = [
            "",
            "\n",
            " \n",
            "0\n",
            "1\n",
            "-1\n",
            "+5\n",
            "12abc\n",
            "1 2\n",
            "4194305\n",
            "99999999999\n",
            "\n77\n",
            "4294967298\n",
            "00000000077\n",
            "77\0\n",
        ];
        for text in bad {
            assert_eq!(pid(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(text in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Some(pid) = pid(&text) {
                prop_assert!((2..=HIGHEST).contains(&pid.as_raw()));
                let line = text.split(|&byte| byte == b'\n').next().unwrap().trim_ascii();
                let digits = pid.to_string();
                prop_assert_eq!(line.iter().copied().skip_while(|&digit| digit == b'0').collect::<Vec<_>>(), digits.as_bytes());
            }
        }

        #[test]
        fn what_is_written_is_read(number in 2..=HIGHEST) {
            prop_assert_eq!(pid(&of(Pid::from_raw(number))), Some(Pid::from_raw(number)));
        }
    }
}
