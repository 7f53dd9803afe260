//! Tells the linker what src/sys/start_up.rs and src/sys/start_up.ld have it do in a static build.

use std::env::var;
use std::path::PathBuf;

fn main() {
    for file in ["build.rs", "sys/start_up.rs", "sys/start_up.ld"] {
        println!("cargo::rerun-if-changed=src/{file}");
    }
    // the layout goes by its full name
    println!("cargo::rerun-if-env-changed=CARGO_MANIFEST_DIR");
    println!("cargo::rustc-check-cfg=cfg(wraps_glibc)");
    let is_static = var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|all| all.split(',').any(|one| one == "crt-static"));
    if !is_static || var("CARGO_FEATURE_FAST_START").is_err() {
        return;
    }
    if var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") {
        println!("cargo::rustc-cfg=wraps_glibc");
        for function in wrapped(include_str!("sys/start_up.rs")) {
            link_with(&format!("--wrap={function}"));
        }
    }
    // a linker that is to apply RELRO wants what is under it in one piece, which the layout breaks up
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // of several the last counts
    let relro = flags.rsplit("relro-level=").next().filter(|_| flags.contains("relro-level="));
    if relro.is_some_and(|level| level.starts_with("off")) {
        let layout: PathBuf =
            [&var("CARGO_MANIFEST_DIR").unwrap_or_default(), "src", "sys", "start_up.ld"].iter().collect();
        // as an argument of its own, which every linker and compiler that links takes, whatever is in the path
        println!("cargo::rustc-link-arg-bin=catena=-T{}", layout.display());
    }
}

/// The functions of glibc in whose place that source has its own.
fn wrapped(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| line.split_once("fn __wrap_")?.1.split_once('(')).map(|(name, _)| name)
}

fn link_with(argument: &str) {
    println!("cargo::rustc-link-arg-bin=catena=-Wl,{argument}");
}
