//! $SUPERVISEDIR: another name for `supervise`, or another place for all of them.

use crate::kept::Start;
use crate::service::{Service, shown};
use crate::suite::Suite;
use crate::supervised::Supervised;
use std::fs;
use std::path::{Path, PathBuf};

fn start(service: &Service, value: &Path) -> Start {
    service.start(&Suite::ours()).variable(format!("SUPERVISEDIR={}", value.display()))
}

/// Runs it there with a command, and asserts that there is nothing in the usual place.
#[track_caller]
fn assert_works(service: &Service, start: &Start, files: &Path) {
    let mut supervised = Supervised::elsewhere(service, start.go(), files);
    let run = supervised.expect("run started");
    assert_eq!(supervised.until_shown("up u").pid(), run);
    supervised.tell("h");
    supervised.expect("run HUP");
    supervised.expect_silence_of(run);
    for (name, mode) in [("lock", "-rw------- 0"), ("control", "prw-------"), ("ok", "prw-------")] {
        assert_eq!(shown(&files.join(name)), mode, "{name}");
    }
    assert_eq!(shown(files), "drwx------");
    assert!(!service.at("supervise").exists());
    // a second one is kept out there as well
    let mut second = start.go();
    assert_eq!(second.code(), 111);
    let said = second.error.rest();
    assert!(
        said.starts_with("supervise: fatal: unable to acquire ") && said.ends_with(": temporary failure\n"),
        "{said}"
    );
    supervised.finish();
}

#[test]
fn a_relative_name_is_in_the_service_directory() {
    let service = Service::new();
    assert_works(&service, &start(&service, Path::new(".state")), &service.at(".state"));
    let service = Service::new();
    fs::create_dir(service.at("var")).unwrap();
    assert_works(&service, &start(&service, Path::new("var/state")), &service.at("var/state"));
}

/// The base, and the path of the service with its slashes but the first as colons.
fn below(base: &Path, service: &Service) -> PathBuf {
    let path = fs::canonicalize(service.path()).unwrap();
    let name = path.to_str().unwrap().trim_start_matches('/').replace('/', ":");
    base.join(name)
}

#[test]
fn an_absolute_name_is_where_all_services_are_by_their_paths() {
    let service = Service::new();
    let base = service.place().join("base");
    fs::create_dir(&base).unwrap();
    let files = below(&base, &service);
    assert_works(&service, &start(&service, &base), &files);
    // however the service directory is named
    let start = Start::of(&Suite::ours(), "supervise").word("./service").within(service.place());
    let start = start.variable(format!("SUPERVISEDIR={}", base.display()));
    assert_works(&service, &start, &files);
}

#[test]
fn services_with_one_base_do_not_meet() {
    let [first, second] = [Service::new(), Service::new()];
    let base = first.place().join("base");
    fs::create_dir(&base).unwrap();
    let mut all: Vec<_> = [&first, &second]
        .into_iter()
        .map(|service| Supervised::elsewhere(service, start(service, &base).go(), &below(&base, service)))
        .collect();
    for supervised in &mut all {
        supervised.expect("run started");
    }
    assert_eq!(fs::read_dir(&base).unwrap().count(), 2);
    for mut supervised in all {
        supervised.finish();
    }
}

#[test]
fn a_base_that_is_missing_is_not_made() {
    let service = Service::new();
    let base = service.place().join("missing");
    let mut kept = start(&service, &base).go();
    assert_eq!(kept.code(), 111);
    let said = kept.error.rest();
    assert!(said.starts_with("supervise: fatal: unable to ") && said.lines().count() == 1, "{said}");
    assert!(said.ends_with(": file does not exist\n"), "{said}");
    assert_eq!(kept.voice.rest(), "");
    assert!(!base.exists());
}

/// It is for the service, too, and for what that starts.
#[test]
fn the_variable_is_handed_on() {
    let service = Service::new();
    let start = start(&service, Path::new(".state"));
    let mut supervised = Supervised::elsewhere(&service, start.go(), &service.at(".state"));
    let run = supervised.expect("run started");
    let environment = fs::read(format!("/proc/{run}/environ")).unwrap();
    let text = String::from_utf8(environment).unwrap();
    assert!(text.split('\0').any(|entry| entry == "SUPERVISEDIR=.state"), "{text:?}");
    supervised.finish();
}

/// Our own tools look where supervise does.
#[test]
fn tools_find_the_service_by_the_same_variable() {
    let service = Service::new();
    let base = service.place().join("base");
    fs::create_dir(&base).unwrap();
    let suite = Suite::ours();
    for (value, files) in [(PathBuf::from(".state"), service.at(".state")), (base.clone(), below(&base, &service))] {
        let mut supervised = Supervised::elsewhere(&service, start(&service, &value).go(), &files);
        let run = supervised.expect("run started");
        supervised.until_shown("up u");
        let tool = |name: &str| Start::of(&suite, name).variable(format!("SUPERVISEDIR={}", value.display()));
        assert_eq!(tool("svok").word(service.path()).go().code(), 0);
        let mut svstat = tool("svstat").word(service.path()).go();
        let said = svstat.voice.rest();
        assert!(said.starts_with(&format!("{}: up (pid {run}) ", service.path().display())), "{said}");
        let mut svc = tool("svc").word("-h").word(service.path()).go();
        assert_eq!((svc.code(), svc.error.rest()), (0, String::new()));
        supervised.expect("run HUP");
        supervised.finish();
        assert_eq!(tool("svok").word(service.path()).go().code(), 100);
    }
}
