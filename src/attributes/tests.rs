//! What attributes say of this process, and what effects come to.

use super::limits::{LIMITS, Limit, SetLimit};
use super::*;
use crate::environ::Environ;
use crate::sys::words::Words;
use rlimit::Resource;

#[test]
fn every_attribute_has_a_name_of_its_own_and_is_found_by_it() {
    for (place, attribute) in ALL.iter().enumerate() {
        assert!(ALL[..place].iter().all(|other| other.name() != attribute.name()), "{} twice", attribute.name());
        let found = of(&Name::part(attribute.name(), "x")).map(Attribute::name);
        assert_eq!(found, Some(attribute.name()));
    }
}

#[test]
fn a_process_reads_the_same_by_its_number() {
    let own = nix::unistd::getpid();
    for attribute in ALL.iter().filter(|attribute| attribute.name() != "descriptors") {
        let facts = attribute.read(Whose::Own).unwrap();
        assert_eq!(facts, attribute.read(Whose::Of(own)).unwrap(), "{}", attribute.name());
        assert!(facts.iter().all(|fact| fact.name.attribute() == attribute.name()), "{facts:?}");
        // a mask may be all zero, and there may be no terminal
        assert!(!facts.is_empty() || ["ignored", "tty"].contains(&attribute.name()), "{}", attribute.name());
    }
}

#[test]
fn what_is_read_is_what_the_kernel_says_otherwise() {
    let read = |attribute: &dyn Attribute| attribute.read(Whose::Own).unwrap();
    let ids = nix::unistd::getresuid().unwrap();
    let expected = [ids.real, ids.effective, ids.saved].map(|id| Value::Number(id.as_raw().into()));
    assert_eq!(read(&identity::UID).into_iter().map(|fact| fact.value).collect::<Vec<_>>(), expected);
    let (soft, hard) = Resource::NOFILE.get().unwrap();
    for (side, limit) in [("soft", soft), ("hard", hard)] {
        assert!(read(&LIMITS).contains(&Fact::part("limits", format!("nofile.{side}"), Value::Limit(limit))));
    }
    let here = std::env::current_dir().unwrap();
    assert_eq!(read(&cwd::CWD), [Fact::whole("cwd", Value::Bytes(here.into_os_string().into_encoded_bytes()))]);
    let (reader, writer) = std::io::pipe().unwrap();
    let open = read(&descriptors::DESCRIPTORS);
    for number in [std::os::fd::AsRawFd::as_raw_fd(&reader), std::os::fd::AsRawFd::as_raw_fd(&writer)] {
        let name = Name::part("descriptors", number.to_string());
        let fact = open.iter().find(|fact| fact.name == name).unwrap();
        assert!(matches!(&fact.value, Value::Bytes(target) if target.starts_with(b"pipe:[")), "{fact:?}");
    }
}

/// A view of nothing but these facts.
fn with<T>(assumed: &[Fact], look: impl FnOnce(&View<'_>) -> T) -> T {
    let environ = Environ::new(Words::EMPTY);
    look(&View { environ: &environ, assumed, is_closed: true })
}

#[test]
fn a_limit_is_clamped_by_what_has_been_assumed() {
    let limit = |side: &str, limit: u64| Fact::part("limits", format!("nofile.{side}"), Value::Limit(limit));
    let assumed = [limit("soft", 100), limit("hard", 200)];
    for (soft, hard, expected) in [
        (Some(Limit::At(50)), None, (50, 200)),
        (Some(Limit::At(500)), None, (200, 200)),
        (Some(Limit::Hard), None, (200, 200)),
        (Some(Limit::Unlimited), None, (u64::MAX, u64::MAX)),
        (None, Some(Limit::At(60)), (60, 60)),
        (Some(Limit::At(7)), Some(Limit::At(60)), (7, 60)),
    ] {
        let effect = SetLimit { resource: Resource::NOFILE, soft, hard };
        let facts = with(&assumed, |view| effect.facts(view)).unwrap();
        assert_eq!(facts, [limit("soft", expected.0), limit("hard", expected.1)], "{soft:?} {hard:?}");
    }
}

#[test]
fn the_last_assumption_counts_and_what_is_absent_is_not_there() {
    let mask = |bits| Fact::whole("umask", Value::Bits(bits));
    assert_eq!(with(&[mask(0o22), mask(0o77)], |view| view.value(&umask::UMASK, b"")), Ok(Value::Bits(0o77)));
    let open = [descriptors::is(0, "a"), descriptors::is(1, "b"), descriptors::is(3, "c"), descriptors::is_closed(1)];
    assert_eq!(with(&open, descriptors::open), Ok(vec![0, 3]));
    assert_eq!(with(&open, |view| descriptors::lowest_closed(view, 0)), Ok(1));
    assert_eq!(with(&open, |view| descriptors::lowest_closed(view, 2)), Ok(2));
}

#[test]
fn values_are_said() {
    for (value, said) in [
        (Value::Bits(0o22), "0022"),
        (Value::Limit(u64::MAX), "unlimited"),
        (Value::Limit(64), "64"),
        (Value::Ids(vec![4, 24, 27]), "4,24,27"),
        (Value::Bytes(b"a\n\xff".to_vec()), "a\\n\\xff"),
        (Value::Absent, "none"),
    ] {
        assert_eq!(value.to_string(), said);
    }
    assert_eq!(Name::part("limits", "nofile.soft").to_string(), "limits.nofile.soft");
    assert_eq!(Name::whole("umask").to_string(), "umask");
}
