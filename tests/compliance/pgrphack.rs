//! pgrphack: a session of its own, if that can be had without a fork.

use crate::case::{Case, exits};

const IDS: &str = "read pid name state parent group session rest </proc/$$/stat; echo $$ $group $session; exit 7";
/// The session of a test is none of ours.
const STAYS: &str = "read pid name state parent group session rest </proc/$$/stat
    echo $$ $group; [ $session = $$ ] || echo in another session; exit 7";

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("pgrphack", ["sh", "-c", IDS]).expect(exits(7).prints("{pid} {pid} {pid}\n")),
        Case::new("pgrphack", ["sh", "-c", STAYS])
            .leader()
            .expect(exits(7).prints("{pid} {pid}\nin another session\n")),
        Case::new("pgrphack", []).expect(exits(100).says_first("pgrphack: usage: pgrphack ")),
        Case::new("pgrphack", ["nosuch"])
            .leader()
            .expect(exits(111).says("pgrphack: fatal: unable to run nosuch: file does not exist\n")),
        Case::new("pgrphack", ["--", "echo", "-a"]).differs(
            exits(111).says("pgrphack: fatal: unable to run --: file does not exist\n"),
            exits(0).prints("-a\n"),
            "options are parsed everywhere",
        ),
        Case::new("pgrphack", ["echo", "--", "-a", "--help"]).expect(exits(0).prints("-- -a --help\n")),
    ]
}
