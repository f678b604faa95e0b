//! Builds scripts in Rust, with cargo. The target's artefacts are components as they are.
//!
//! A script is a `cdylib` against the contract; a program that knows the standard only has a `main`.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anstream::{AutoStream, ColorChoice};
use cargo_metadata::{CrateType, Message, MetadataCommand, Package, Target};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// The target whose artefacts are components.
const TARGET: &str = "wasm32-wasip2";

/// What an outer cargo, or whoever builds for this machine, says about its own build. Flags for scripts
/// are `CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS`.
const NOT_FOR_GUESTS: [&str; 4] =
    ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER"];

/// Builds the script at `path`, in the package of this manifest. Both are canonical.
pub(super) fn build(path: &Path, manifest: &Path) -> Result<PathBuf, Fault> {
    // The tools run in the package's folder: it may choose its own toolchain and settings.
    let folder = manifest.parent().unwrap_or(manifest);
    need_target(folder)?;
    let metadata =
        MetadataCommand::new().cargo_path(cargo()).current_dir(folder).no_deps().exec().map_err(
            |error| match error {
                cargo_metadata::Error::Io(error) => not_started("cargo", &error),
                cargo_metadata::Error::CargoMetadata { stderr } => cargo_failed(stderr.trim()),
                error => cargo_failed(&error.to_string()),
            },
        )?;
    let in_package = |package: &&Package| is_same(package.manifest_path.as_std_path(), manifest);
    let package = metadata.packages.iter().find(in_package).ok_or_else(|| {
        let mut fault = Fault::new(
            ExitCode::BuildFailed,
            format!("`{}` is a workspace and no package", folder.display()),
        );
        for package in metadata.packages.iter().filter(|package| !scripts(package).is_empty()) {
            fault = fault.detail(package.manifest_path.parent().map_or("", |path| path.as_str()));
        }
        fault.hint("name the folder of one of its packages")
    })?;
    let target = script_target(package, path)?;

    let mut command = Command::new(cargo());
    command
        .args(["build", "--release", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"]);
    match target.is_example() {
        true => command.args(["--example", &target.name]),
        false if target.is_bin() => command.args(["--bin", &target.name]),
        false => command.arg("--lib"),
    };
    if AutoStream::choice(&io::stderr()) == ColorChoice::Never {
        command.args(["--color", "never"]);
    }
    for name in NOT_FOR_GUESTS {
        command.env_remove(name);
    }
    if let Some(target_dir) = target_dir(env::var_os("CARGO_TARGET_DIR")) {
        command.env("CARGO_TARGET_DIR", target_dir);
    }
    let output = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| not_started("cargo", &error))?;
    if !output.status.success() {
        let message = format!("`{}` does not compile", path.display());
        let fault = Fault::new(ExitCode::BuildFailed, message).detail("cargo said why above");
        return Err(match is_program(target) {
            true => fault.hint(format!(
                "it is built as a program, with a `main`; if it is a script of the SDK, {}",
                make_it_a_script(target, &package.manifest_path)
            )),
            false => fault,
        });
    }
    component(&output.stdout, package, target)
        .ok_or_else(|| cargo_failed("it named no .wasm file among what it built"))
}

/// The component among what cargo says it built.
fn component(messages: &[u8], package: &Package, target: &Target) -> Option<PathBuf> {
    Message::parse_stream(messages)
        .filter_map(Result::ok)
        .filter_map(|message| match message {
            // A dependency may have a target of the same name.
            Message::CompilerArtifact(artifact)
                if artifact.package_id == package.id && artifact.target.name == target.name =>
            {
                artifact.filenames.into_iter().find(|file| file.extension() == Some("wasm"))
            }
            _ => None,
        })
        .last()
        .map(PathBuf::from)
}

/// The targets of a package that can be scripts. Programs only where there are no others: a package of scripts
/// may have tools of its own.
fn scripts(package: &Package) -> Vec<&Target> {
    let of = |holds: fn(&Target) -> bool| package.targets.iter().filter(move |one| holds(one));
    let scripts: Vec<_> = of(is_script).collect();
    if scripts.is_empty() { of(is_program).collect() } else { scripts }
}

fn is_script(target: &Target) -> bool {
    target.crate_types.contains(&CrateType::CDyLib)
}

/// Tests and build scripts have a `main` as well.
fn is_program(target: &Target) -> bool {
    (target.is_bin() || target.is_example()) && target.crate_types.contains(&CrateType::Bin)
}

/// The target of a package that is the script: the one whose source was named, or the only one there is.
fn script_target<'a>(package: &'a Package, path: &Path) -> Result<&'a Target, Fault> {
    let fault = |message: String| Fault::new(ExitCode::BuildFailed, message);
    if path.is_file() {
        let is_root = |target: &&Target| is_same(target.src_path.as_std_path(), path);
        return match package.targets.iter().find(is_root) {
            Some(target) if is_script(target) || is_program(target) => Ok(target),
            Some(target) => {
                let kinds: Vec<String> = target.kind.iter().map(ToString::to_string).collect();
                let (name, package_name) = (&target.name, &package.name);
                Err(fault(format!("the target `{name}` of `{package_name}` is no script"))
                    .detail(format!(
                        "its kind is {}, and a script is a cdylib or a program",
                        kinds.join(" and ")
                    ))
                    .hint(make_it_a_script(target, &package.manifest_path)))
            }
            None => Err(fault(format!(
                "`{}` is not the root of a target of `{}`",
                path.display(),
                package.name
            ))
            .hint(format!(
                "name the package's folder, or make the file an [[example]] in {}",
                package.manifest_path
            ))),
        };
    }
    match scripts(package).as_slice() {
        [one] => Ok(one),
        [] => Err(fault(format!("`{}` has no script", package.name))
            .detail("none of its targets is a cdylib or a program")
            .hint(format!(
                "set `crate-type = [\"cdylib\"]` in [lib] of {}",
                package.manifest_path
            ))),
        several => {
            let message = format!("`{}` has {} scripts", package.name, several.len());
            let paths = several.iter().map(|target| target.src_path.to_string());
            let fault = paths.fold(fault(message), Fault::detail);
            Err(fault.hint("name the file of one of them"))
        }
    }
}

/// What to do about a target that should be a script and is none.
fn make_it_a_script(target: &Target, manifest: &impl Display) -> String {
    match target.is_example() {
        true => format!("give its [[example]] in {manifest} `crate-type = [\"cdylib\"]`"),
        false => format!("make it the [lib] of {manifest}, with `crate-type = [\"cdylib\"]`"),
    }
}

fn is_same(path: &Path, canonical: &Path) -> bool {
    path == canonical || path.canonicalize().is_ok_and(|path| path == canonical)
}

/// Says what to install if the compiler cannot make components.
fn need_target(folder: &Path) -> Result<(), Fault> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_started("rustc", &error))?;
    let libraries = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    Err(Fault::new(
        ExitCode::BuildFailed,
        format!("the Rust compiler has no standard library for {TARGET}"),
    )
    .detail(String::from_utf8_lossy(&output.stderr).trim())
    .hint(format!("`rustup target add {TARGET}`, in `{}`, installs it", folder.display())))
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Where to build, if that was said: a relative path is from here, not from the package's folder.
fn target_dir(given: Option<OsString>) -> Option<PathBuf> {
    let given = given.filter(|given| !given.is_empty())?;
    Some(std::path::absolute(&given).unwrap_or_else(|_| given.into()))
}

fn not_started(tool: &str, error: &io::Error) -> Fault {
    let fault = Fault::new(
        ExitCode::BuildFailed,
        format!("failed to start `{tool}`, which builds scripts"),
    )
    .detail(error.to_string());
    match error.kind() {
        io::ErrorKind::NotFound => fault.hint("rustup installs it: see https://rustup.rs"),
        _ => fault,
    }
}

fn cargo_failed(why: &str) -> Fault {
    Fault::new(ExitCode::BuildFailed, "cargo could not build the script").detail(why)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn target(name: &str, kind: &str, crate_type: &str, path: &Path) -> Value {
        json!({
            "name": name, "kind": [kind], "crate_types": [crate_type], "src_path": path,
            "edition": "2024", "doc": false, "doctest": false, "test": false,
        })
    }

    fn package(targets: Vec<Value>) -> Package {
        serde_json::from_value(json!({
            "name": "shop", "version": "0.1.0", "id": "path+file:///shop#0.1.0", "dependencies": [],
            "targets": targets, "features": {}, "manifest_path": "/shop/Cargo.toml",
        }))
        .expect("a package as cargo tells of it")
    }

    #[test]
    fn the_script_of_a_package_is_the_file_named_or_the_only_one() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
        let files = ["src/main.rs", "src/exit.rs", "src/fault.rs"].map(|file| here.join(file));
        let lib = |kind| target("shop", kind, kind, &files[0]);
        let example = |kind| target("buy", "example", kind, &files[1]);
        let bin = || target("sell", "bin", "bin", &files[2]);
        let test = || target("try", "test", "bin", &files[2]);

        for (targets, path, found, why) in [
            (vec![lib("cdylib")], &here, Ok("shop"), "a folder whose library is a script"),
            (vec![lib("lib"), example("cdylib")], &here, Ok("buy"), "one script in all"),
            (vec![lib("cdylib"), example("cdylib")], &here, Err("has 2 scripts"), "two of them"),
            (vec![lib("lib")], &here, Err("has no script"), "none"),
            (vec![lib("cdylib"), example("cdylib")], &files[1], Ok("buy"), "a file that is one"),
            (vec![example("bin")], &files[1], Ok("buy"), "a file that is a program"),
            (vec![lib("lib"), example("bin")], &here, Ok("buy"), "one program in all"),
            (vec![bin(), example("bin")], &here, Err("has 2 scripts"), "two programs"),
            (vec![lib("cdylib"), bin()], &here, Ok("shop"), "a script, and a program that is none"),
            (vec![lib("lib"), test()], &here, Err("has no script"), "a test has a `main`, too"),
            (vec![example("lib")], &files[1], Err("its kind is example"), "a file that is none"),
            (vec![lib("cdylib")], &files[2], Err("is not the root"), "a file within one"),
        ] {
            let package = package(targets);
            match (script_target(&package, path), found) {
                (Ok(target), Ok(name)) => assert_eq!(target.name, name, "{why}"),
                (Err(fault), Err(says)) => {
                    let said = format!("{fault:?}");
                    assert!(said.contains(says), "{why}: {said}");
                }
                (result, _) => panic!("{why}: {result:?}"),
            }
        }
    }

    #[test]
    fn the_component_is_that_of_the_target_and_not_of_a_dependency() {
        let here = Path::new("/shop/src/lib.rs");
        let package = package(vec![target("shop", "cdylib", "cdylib", here)]);
        let artifact = |id: &str, file: &str| {
            json!({
                "reason": "compiler-artifact", "package_id": id, "manifest_path": "/Cargo.toml",
                "target": target("shop", "cdylib", "cdylib", here),
                "profile": {
                    "opt_level": "3", "debug_assertions": false, "overflow_checks": false,
                    "test": false,
                },
                "features": [], "filenames": [file], "executable": null, "fresh": false,
            })
            .to_string()
        };
        let messages = [
            artifact("registry+x#shop@9.0.0", "/target/deps/other.wasm"),
            artifact("path+file:///shop#0.1.0", "/target/shop.wasm"),
            "what a build script printed".to_owned(),
            json!({ "reason": "build-finished", "success": true }).to_string(),
        ]
        .join("\n");
        let found = component(messages.as_bytes(), &package, &package.targets[0]);
        assert_eq!(found, Some(PathBuf::from("/target/shop.wasm")));
        assert_eq!(component(b"", &package, &package.targets[0]), None);
    }

    #[test]
    fn a_relative_target_folder_is_from_where_the_command_was_typed() {
        assert_eq!(target_dir(None), None);
        assert_eq!(target_dir(Some("".into())), None);
        assert_eq!(target_dir(Some("/t".into())), Some(PathBuf::from("/t")));
        assert_eq!(target_dir(Some("t".into())), Some(env::current_dir().unwrap().join("t")));
    }
}
