//! Compiles `tests/programs` for WebAssembly and writes a constant for each, and `foreach_program!`.
//!
//! One of them is also compiled as a core module that carries its component type, the form in which
//! toolchains without component support hand over a script.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-wasip2";
/// Its compiler makes core modules and knows nothing of components.
const CORE_TARGET: &str = "wasm32-unknown-unknown";
const CORE_PROGRAM: &str = "checks_a_page";

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let root = here.join("../..").canonicalize().expect("the workspace is two folders up");
    for watched in ["tests/programs", "guest-sdk/rust", "wit", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    // A target folder of their own: the one in use is locked by the cargo that runs this.
    let target = out.join("guests");
    compile(&root, &target, TARGET, &["--examples"]);
    compile(&root, &target, CORE_TARGET, &["--example", CORE_PROGRAM]);

    let programs = programs(&root.join("tests/programs"));
    let built = target.join(TARGET).join("release/examples");
    let core = target.join(CORE_TARGET).join("release/examples").join(CORE_PROGRAM);
    let code = generated(&programs, &built, &core.with_extension("wasm"));
    fs::write(out.join("programs.rs"), code).expect("OUT_DIR is ours");
}

/// Compiles examples of the package with the cargo that runs this.
fn compile(root: &Path, folder: &Path, target: &str, examples: &[&str]) {
    let status = Command::new(env::var_os("CARGO").expect("cargo sets it"))
        .args(["build", "--release", "--locked", "--package", "wasmload-test-programs"])
        .args(["--target", target])
        .args(examples)
        .current_dir(root)
        .env("CARGO_TARGET_DIR", folder)
        // The flags and wrappers of the build that this is a part of are not for guests.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .status()
        .expect("cargo runs, for it runs this");
    assert!(
        status.success(),
        "the guests of tests/programs do not build; is the target there? \
         `rustup target add {target}` installs it"
    );
}

/// The names of the programs, in order.
fn programs(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("tests/programs is a folder")
        .filter_map(|entry| entry.expect("it can be listed").file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(ToOwned::to_owned))
        .collect();
    names.sort();
    names
}

fn generated(programs: &[String], built: &Path, core: &Path) -> String {
    let mut code = String::new();
    for name in programs {
        let wasm = built.join(format!("{name}.wasm"));
        assert!(
            wasm.exists(),
            "tests/programs/{name}.rs is not built: give it an [[example]] in tests/programs/Cargo.toml"
        );
        let constant = name.to_uppercase();
        writeln!(code, "/// `tests/programs/{name}.rs`, compiled.").expect("a string grows");
        writeln!(code, "pub const {constant}: &str = {wasm:?};").expect("a string grows");
    }
    writeln!(
        code,
        "/// `tests/programs/{CORE_PROGRAM}.rs` as a core module with its component type."
    )
    .expect("a string grows");
    writeln!(code, "pub const CORE_MODULE: &str = {core:?};").expect("a string grows");
    code.push_str("/// Calls a macro with the name of each program.\n#[macro_export]\n");
    code.push_str("macro_rules! foreach_program {\n    ($call:ident) => {\n");
    for name in programs {
        writeln!(code, "        $call!({name});").expect("a string grows");
    }
    code.push_str("    };\n}\n");
    code
}
