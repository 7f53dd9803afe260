//! Lets the arena of src/main.rs serve glibc's start-up code in a static build.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "how cargo and a build script talk")]

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rustc-check-cfg=cfg(arena_serves_libc)");
    let is_static = var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|all| all.split(',').any(|one| one == "crt-static"));
    if is_static && var("CARGO_CFG_TARGET_ENV").is_ok_and(|libc| libc == "gnu") {
        println!("cargo::rustc-cfg=arena_serves_libc");
        for function in ["malloc", "calloc", "realloc", "free", "_dl_get_origin"] {
            println!("cargo::rustc-link-arg-bin=catena=-Wl,--wrap={function}");
        }
    }
}
