//! catena by its own name.

mod support;

use std::process::Command;

#[test]
fn list_names_every_applet() {
    let output = Command::new(support::catena()).arg("--list").output().unwrap();
    let expected: String = catena::applets::ALL.iter().map(|applet| format!("{}\n", applet.name)).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
