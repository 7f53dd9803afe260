//! The exit codes of every applet: called wrongly, failing itself, and with a program that does not exist or cannot run.

use crate::case::{Case, exits};

/// Applet, operands, and the codes for usage, not found and not runnable.
const CODES: [(&str, &[&str], i32, i32, i32); 8] = [
    ("nohup", &[], 125, 127, 126),
    ("setsid", &[], 1, 127, 126),
    ("envdir", &["env"], 111, 111, 111),
    ("envuidgid", &["root"], 100, 111, 111),
    ("setuidgid", &["root"], 100, 111, 111),
    ("softlimit", &["-c", "0"], 100, 111, 111),
    ("setlock", &["lock"], 100, 111, 111),
    ("pgrphack", &[], 100, 111, 111),
];

/// What cannot be run, and the reason in the words of daemontools and of the C library. Only ENOENT is "not found".
const PROGRAMS: [(&str, bool, &str, &str); 7] = [
    ("./nosuch", false, "file does not exist", "No such file or directory"),
    ("./lost", false, "file does not exist", "No such file or directory"),
    ("./plain", true, "access denied", "Permission denied"),
    ("./env", true, "access denied", "Permission denied"),
    ("./plain/x", true, "not a directory", "Not a directory"),
    ("./loop", true, "symbolic link loop", "Too many levels of symbolic links"),
    ("./{long}", true, "file name too long", "File name too long"),
];

fn called(applet: &'static str, operands: &[&str]) -> Case {
    let case = Case::new(applet, []).directory("env").file("plain", "").symlink("loop", "loop");
    let case = case.file_of_mode("lost", 0o755, "#!/nonexistent/interpreter\n");
    operands.iter().fold(case, |case, operand| case.arg(operand))
}

/// With a program: only root gets that far with setuidgid.
fn running(applet: &'static str, operands: &[&str], program: &str) -> Case {
    let case = called(applet, operands).arg(program);
    if applet == "setuidgid" { case.for_root() } else { case }
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (applet, operands, usage, not_found, not_runnable) in CODES {
        for (program, is_there, short, long) in PROGRAMS {
            let program = program.replace("{long}", &"x".repeat(256));
            let message = match applet {
                "nohup" => format!("nohup: failed to run command '{program}': {long}\n"),
                "setsid" => format!("setsid: failed to execute {program}: {long}\n"),
                _ => format!("{applet}: fatal: unable to run {program}: {short}\n"),
            };
            let code = if is_there { not_runnable } else { not_found };
            cases.push(running(applet, operands, &program).expect(exits(code).says(message)));
        }
        let wrongly = match applet {
            "nohup" => exits(usage).says_first("nohup: missing operand\n"),
            "setsid" => exits(usage).says_first("setsid: no command specified\n"),
            _ => exits(usage).says_first(format!("{applet}: usage: {applet} ")),
        };
        cases.push(called(applet, operands).expect(wrongly));
    }
    // nobody can be told: the code is the same
    cases.extend(CODES.into_iter().filter(|&(applet, ..)| applet != "nohup").flat_map(
        |(applet, operands, _, code, _)| {
            use crate::case::Stream::{Closed, Full, Null, Pipe};
            let case = || running(applet, operands, "./nosuch");
            [Closed, Full].map(|error| {
                let case = case().streams(Null, Pipe, error);
                match applet {
                    "setsid" => {
                        case.differs(exits(1), exits(code), "the exit code does not depend on who hears the message")
                    }
                    _ => case.expect(exits(code)),
                }
            })
        },
    ));
    cases
}
