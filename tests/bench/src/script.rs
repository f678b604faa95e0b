//! Builds what the benches run: wasmload itself, and its scripts.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

const TARGET: &str = "wasm32-wasip2";

/// Builds `tests/bench/scripts/NAME.rs` as a component; its path.
///
/// Fails if it does not build; the compiler has said why.
pub fn build(name: &str) -> Result<PathBuf> {
    let package = ["--package", "wasmload-bench-scripts", "--example", name];
    cargo_build(&[&["--release", "--target", TARGET], &package[..]].concat()).with_context(
        || format!("building tests/bench/scripts/{name}.rs (hint: `rustup target add {TARGET}`)"),
    )?;
    built(&Path::new(TARGET).join("release/examples").join(name).with_extension("wasm"))
}

/// Builds wasmload as it is shipped; its path. The first time takes some minutes.
///
/// Fails if it does not build; the compiler has said why.
pub fn build_wasmload() -> Result<PathBuf> {
    cargo_build(&["--profile", "dist", "--package", "wasmload"]).context("building wasmload")?;
    built(&Path::new("dist").join("wasmload"))
}

fn cargo_build(arguments: &[&str]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet"])
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env("CARGO_TARGET_DIR", target_folder()?)
        .status()
        .context("running cargo")?;
    ensure!(status.success(), "cargo failed");
    Ok(())
}

fn built(path: &Path) -> Result<PathBuf> {
    let path = target_folder()?.join(path);
    ensure!(path.is_file(), "{} is missing after the build", path.display());
    Ok(path)
}

/// The folder that cargo built this program in: two above it.
fn target_folder() -> Result<PathBuf> {
    let program = env::current_exe().context("finding this program")?;
    let folder = program.ancestors().nth(2).context("finding the folder that cargo builds in")?;
    Ok(folder.to_owned())
}
