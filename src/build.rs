//! Spares a static glibc build page faults and system calls at every start: lets the arena of src/main.rs serve glibc's
//! start-up, and lays out together what that touches.

use std::env::var;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rerun-if-changed=src/link-order.txt");
    println!("cargo::rustc-check-cfg=cfg(arena_serves_libc)");
    let is_static = var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|all| all.split(',').any(|one| one == "crt-static"));
    if !is_static || var("CARGO_CFG_TARGET_ENV").as_deref() != Ok("gnu") {
        return;
    }
    println!("cargo::rustc-cfg=arena_serves_libc");
    for function in ["malloc", "calloc", "realloc", "free", "_dl_early_allocate", "_dl_non_dynamic_init"] {
        println!("cargo::rustc-link-arg-bin=catena=-Wl,--wrap={function}");
    }
    let order = PathBuf::from(var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("src/link-order.txt");
    let order = [format!("-Wl,--symbol-ordering-file={}", order.display()), "-Wl,--no-warn-symbol-ordering".to_owned()];
    if is_understood(&order) {
        for argument in order {
            println!("cargo::rustc-link-arg-bin=catena={argument}");
        }
    }
}

/// Whether the linker takes these arguments: GNU's has none such, and which one rustc uses is nobody's to tell.
fn is_understood(arguments: &[String]) -> bool {
    let (Ok(rustc), Ok(target), Ok(directory)) = (var("RUSTC"), var("TARGET"), var("OUT_DIR")) else { return false };
    let source = Path::new(&directory).join("trial.rs");
    if std::fs::write(&source, "fn main() {}").is_err() {
        return false;
    }
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let mut trial = Command::new(rustc);
    trial.args(["--target", &target, "--crate-name", "trial", "--out-dir", &directory]);
    trial.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    if let Ok(linker) = var("RUSTC_LINKER") {
        trial.arg(format!("-Clinker={linker}"));
    }
    trial.args(arguments.iter().map(|argument| format!("-Clink-arg={argument}"))).arg(source);
    trial.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
