//! `svstat --watch`: shown again when something has changed, and only then; on a terminal also as time goes on.

use crate::ground::Ground;
use crate::json::{Value, parse};
use crate::run::{code, has_ended_within, sleeps, wait_for_sleep};
use crate::status::{FAILED, Status};
use crate::support::waiting::{PATIENCE, look_until};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A svstat that goes on, and what it says.
struct Watching {
    child: Child,
    output: File,
    seen: Vec<u8>,
}

impl Watching {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = File::from(std::os::fd::OwnedFd::from(child.stdout.take().unwrap()));
        Self { child, output, seen: Vec::new() }
    }

    /// More of what it says; nothing if that does not come within so long.
    fn more(&mut self, limit: Duration) -> bool {
        let limit = PollTimeout::try_from(limit).unwrap();
        if poll(&mut [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)], limit).unwrap() == 0 {
            return false;
        }
        let mut room = [0; 4096];
        let count = self.output.read(&mut room).unwrap();
        assert!(count > 0, "the end after {:?}", String::from_utf8_lossy(&self.seen));
        self.seen.extend(&room[..count]);
        true
    }

    /// All up to this text, which is waited for.
    #[track_caller]
    fn until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.seen).into_owned();
            if let Some(place) = seen.find(text) {
                let end = place + text.len();
                self.seen = seen.as_bytes()[end..].to_vec();
                return seen[..end].to_owned();
            }
            assert!(self.more(PATIENCE), "no {text:?} after {seen:?}");
        }
    }

    /// The next line, as JSON.
    #[track_caller]
    fn object(&mut self) -> Value {
        parse(self.until("\n").trim_end())
    }

    /// How often it has given the processor away of its own accord.
    fn sleeps(&self) -> u64 {
        sleeps(&self.child)
    }

    /// Waits until it sleeps, and asserts that it has said nothing more.
    #[track_caller]
    fn assert_silent(&mut self) {
        wait_for_sleep(&self.child);
        assert!(!self.more(Duration::ZERO), "{:?}", String::from_utf8_lossy(&self.seen));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn assert_has(object: &Value, expected: &[(&str, &str)]) {
    for (key, value) in expected {
        assert_eq!(object.get(key).shown(), *value, "{key} of {object:?}");
    }
}

#[test]
fn an_object_for_each_service_and_one_more_for_each_change() {
    let ground = Ground::new();
    let [web, mail] = ["web", "mail"].map(|name| ground.service(name).supervised(&Status::down()));
    let mut watching = Watching::start(&mut ground.line("svstat --json --watch web mail"));
    for name in ["\"web\"", "\"mail\""] {
        assert_has(&watching.object(), &[("name", name), ("up", "false")]);
    }
    watching.assert_silent();
    mail.status(&Status::up(7));
    assert_has(&watching.object(), &[("name", "\"mail\""), ("up", "true"), ("pid", "7")]);
    // nothing new
    mail.status(&Status::up(7));
    web.put("run", "");
    web.put("supervise/other", "");
    watching.assert_silent();
    web.put("down", "");
    assert_has(&watching.object(), &[("name", "\"web\""), ("normally_up", "false")]);
    fs::remove_file(web.file("down")).unwrap();
    assert_has(&watching.object(), &[("name", "\"web\""), ("normally_up", "true")]);
    mail.info(7, "ready=0\nrestarts=0\n");
    assert_has(&watching.object(), &[("name", "\"mail\""), ("ready", "false")]);
    mail.info(7, "ready=1\nrestarts=0\n");
    assert_has(&watching.object(), &[("name", "\"mail\""), ("ready", "true")]);
    // written in place, as daemontools-encore does it, and ours on a full disk
    fs::write(mail.file("supervise/status"), Status::with_phase(0, b'd', FAILED).bytes()).unwrap();
    look_until("it has failed", || watching.object().get("state").shown() == "\"failed\"");
    watching.assert_silent();
}

#[test]
fn a_supervise_that_ends_or_begins_is_a_change() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let mut watching = Watching::start(&mut ground.line("svstat --json --watch web"));
    assert_has(&watching.object(), &[("supervised", "true")]);
    watching.assert_silent();
    service.end();
    assert_has(&watching.object(), &[("supervised", "false"), ("error", "\"supervise not running\"")]);
    watching.assert_silent();
    service.begin();
    assert_has(&watching.object(), &[("supervised", "true"), ("pid", "7")]);
    watching.assert_silent();
    service.end();
    watching.object();
    // and from the ground up
    fs::remove_dir_all(service.file("supervise")).unwrap();
    let missing = "\"unable to open supervise/ok: file does not exist\"";
    look_until("all is gone", || watching.object().get("error").shown() == missing);
    watching.assert_silent();
    service.prepare().status(&Status::up(8)).begin();
    look_until("all is there", || watching.object().get("pid").shown() == "8");
}

#[test]
fn a_log_that_comes_and_goes_is_a_change() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let mut watching = Watching::start(&mut ground.line("svstat --json --watch web"));
    assert_has(&watching.object(), &[("log", "null")]);
    watching.assert_silent();
    let log = ground.service("web/log").supervised(&Status::down());
    look_until("the log is there", || {
        let object = watching.object();
        !matches!(object.get("log"), Value::Null) && object.get("log").get("up").shown() == "false"
    });
    watching.assert_silent();
    log.status(&Status::up(8));
    assert_has(watching.object().get("log"), &[("pid", "8")]);
    watching.assert_silent();
    let before = watching.sleeps();
    assert!(!watching.more(Duration::from_millis(300)));
    assert_eq!(watching.sleeps(), before);
    log.end();
    assert_has(watching.object().get("log"), &[("supervised", "false")]);
    fs::remove_dir_all(service.file("log")).unwrap();
    look_until("the log is gone", || watching.object().get("log") == &Value::Null);
    watching.assert_silent();
}

#[test]
fn a_table_is_printed_anew_only_when_something_has_changed() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let mut watching = Watching::start(&mut ground.line("svstat --watch web"));
    let heading = "NAME  STATE    PID  TIME  RESTARTS  LAST  NOTES\n";
    let table = |pid: u32| format!("{heading}web   running  {pid}    0s    -         -\n");
    let second_line = |watching: &mut Watching| watching.until("\n") + &watching.until("\n");
    assert_eq!(second_line(&mut watching), table(7));
    watching.assert_silent();
    service.status(&Status::up(8));
    assert_eq!(watching.until("\n"), "\n");
    assert_eq!(second_line(&mut watching), table(8));
    service.status(&Status::up(8));
    watching.assert_silent();
}

/// On a terminal the table is drawn over, from its corner; and the time goes on without a change.
#[test]
fn a_terminal_shows_one_table_in_which_time_goes_on() {
    let ground = Ground::new();
    let names = ["a", "b", "c", "d", "e"];
    let since = crate::status::now() - 10;
    let services = names.map(|name| ground.service(name).supervised(&Status::up(7).since(since, 0)));
    let size = Winsize { ws_row: 5, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).unwrap();
    let mut command = ground.line("svstat --watch a b c d e");
    let child = command.stdin(Stdio::null()).stdout(terminal.slave).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    let mut watching = Watching { child, output: File::from(terminal.master), seen: Vec::new() };
    let first = watching.until("\x1b[J");
    assert!(first.starts_with("\x1b[2J\x1b[HNAME  STATE"), "{first:?}");
    // as many rows as there is room for
    assert!(first.ends_with("\r\nand 3 more\x1b[K\r\n\x1b[J"), "{first:?}");
    let second = watching.until("\x1b[J");
    assert!(second.starts_with("\x1b[HNAME  STATE"), "{second:?}");
    assert_ne!(first.trim_start_matches("\x1b[2J"), second);
    services[1].status(&Status::down().since(since, 0));
    let changed = |table: String| table.lines().any(|line| line.starts_with("b ") && line.contains("stopped"));
    look_until("the change is shown", || changed(watching.until("\x1b[J")));
}

#[test]
fn it_ends_when_nobody_reads_any_more() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    for form in ["--json --watch", "--watch"] {
        let mut watching = Watching::start(&mut ground.line(&format!("svstat {form} web")));
        watching.until("\n");
        wait_for_sleep(&watching.child);
        let (reader, _) = nix::unistd::pipe().unwrap();
        watching.output = File::from(reader);
        assert!(has_ended_within(&watching.child, PATIENCE));
        assert_eq!(code(watching.child.wait().unwrap()), 0);
    }
    assert_eq!(ground.say("svstat --watch"), crate::run::Ended::silent(0));
}

#[test]
fn nothing_is_done_while_nothing_changes() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    ground.service("idle").prepare();
    ground.service("without");
    let mut watching = Watching::start(&mut ground.line("svstat --watch web idle without"));
    watching.until("without");
    watching.until("\n");
    wait_for_sleep(&watching.child);
    let before = watching.sleeps();
    // others look, too, and command
    for line in ["svok web", "svok idle", "svstat web", "svstat idle without"] {
        ground.say(line);
    }
    assert!(!watching.more(Duration::from_millis(1500)));
    assert_eq!(watching.sleeps(), before);
    service.status(&Status::up(8));
    watching.until("  8  ");
}
