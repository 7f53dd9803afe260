//! Which build is installed when none is named.

use crate::stage::{Entry, Outcome, Stage, Tree, build, run};
use crate::support::write_script;
use std::fs;

/// install.sh without --binary; cargo and rustc are stand-ins that know one host.
fn with_build_at(place: &str, environment: &[(&str, &str)]) -> (Stage, Outcome) {
    let stage = Stage::new();
    write_script(&stage.path("some tools/rustc"), "#!/bin/sh\necho 'host: my-own-host'\n");
    fs::create_dir_all(stage.path(place).parent().unwrap()).unwrap();
    write_script(&stage.path(place), build(&["one"]));
    let mut command = stage.bare();
    command.env("DESTDIR", stage.path("a root")).envs(environment.iter().copied());
    let outcome = run(&mut command);
    (stage, outcome)
}

#[test]
fn the_build_is_found_however_its_directory_is_called() {
    let places: [(&str, &[(&str, &str)]); 6] = [
        ("a checkout/target/my-own-host/release/catena", &[]),
        ("a checkout/target/my-own-host/release/catena", &[("CARGO_BUILD_TARGET", "host-tuple")]),
        ("a checkout/target/release/catena", &[]),
        ("a checkout/out/my-own-host/release/catena", &[("CARGO_TARGET_DIR", "out")]),
        ("a checkout/out/other/release/catena", &[("CARGO_BUILD_TARGET_DIR", "out"), ("CARGO_BUILD_TARGET", "other")]),
        ("a checkout/target/other/release/catena", &[("CARGO_BUILD_TARGET", "other")]),
    ];
    for (place, environment) in places {
        let (stage, outcome) = with_build_at(place, environment);
        outcome.succeeded();
        assert_eq!(stage.root()["usr/local/bin/catena"], Entry::File(0o755, build(&["one"])), "{place}");
    }
    // another target's build is not this one's
    let (stage, outcome) = with_build_at("a checkout/target/release/catena", &[("CARGO_BUILD_TARGET", "other")]);
    outcome.failed(&["no cargo"]);
    assert_eq!(stage.root(), Tree::new());
}

#[test]
fn a_build_is_found_without_rustc() {
    let stage = Stage::new();
    let place = stage.path("a checkout/target/some-host/release/catena");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    write_script(&place, build(&["one"]));
    run(stage.bare().env("DESTDIR", stage.path("a root"))).succeeded();
    assert_eq!(stage.root()["usr/local/bin/catena"], Entry::File(0o755, build(&["one"])));
}

#[test]
fn without_a_build_one_is_made() {
    let stage = Stage::new();
    write_script(&stage.path("some tools/rustc"), "#!/bin/sh\necho 'host: my-own-host'\n");
    let cargo = "#!/bin/sh\nprintf '%s\\n' \"$*\" >asked\nmkdir -p target/my-own-host/release\n\
                 cp build-of-cargo target/my-own-host/release/catena\n";
    write_script(&stage.path("some tools/cargo"), cargo);
    write_script(&stage.path("a checkout/build-of-cargo"), build(&["one"]));
    let install = |words: &[&str]| run(stage.bare().env("DESTDIR", stage.path("a root")).args(words));
    install(&["--dry-run"]).failed(&["no release build"]);
    assert!(!stage.path("a checkout/asked").exists());
    install(&[]).succeeded();
    assert_eq!(fs::read_to_string(stage.path("a checkout/asked")).unwrap(), "build --release --locked\n");
    assert_eq!(stage.root()["usr/local/bin/catena"], Entry::File(0o755, build(&["one"])));
    write_script(&stage.path("some tools/cargo"), "#!/bin/sh\nexit 101\n");
    fs::remove_dir_all(stage.path("a checkout/target")).unwrap();
    install(&[]).failed(&["the build failed"]);
}
