//! mandoc(1) has nothing to say about the pages.

use super::{documents, support};
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn mandoc_has_no_warning_for_a_page() {
    let Some(mandoc) = support::peer("mandoc") else { return };
    let lint = |page: &str| {
        let mut command = Command::new(&mandoc);
        // what is below a warning is style: long lines in the source, a name that is not in capitals
        command.args(["-man", "-Tlint", "-Wwarning"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let output = running.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    for (name, page) in documents().into_iter().filter(|(name, _)| name.starts_with("man")) {
        assert_eq!(lint(&page), (true, String::new()), "{}", name.display());
    }
    // and it does look
    assert!(!lint(".TH name 1 yesterday\n.SH NAME\nname \\- text\n").0);
}
