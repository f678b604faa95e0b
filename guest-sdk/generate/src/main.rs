//! Writes the bindings of SDKs whose languages have no generator of their own: `cargo run -p wasmload-generate-bindings --example generate-bindings`.
//!
//! What it writes is committed and never edited. Its test holds what is committed against what it would write.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Files, from the root of the repository, and what is in them.
fn generated() -> Vec<(PathBuf, Vec<u8>)> {
    let c = wit_bindgen_c::Opts {
        // The engine says itself which world a script is of.
        no_object_file: true,
        ..wit_bindgen_c::Opts::default()
    };
    let go = wit_bindgen_go::Opts {
        // As it is written: what is committed does not depend on whether a Go is there.
        format: wit_bindgen_go::Format::False,
        pkg_name: Some("wasmload/internal/bindings".to_owned()),
        // What the exports call is written by hand.
        export_pkg_name: Some("wasmload/internal/exported".to_owned()),
        ..wit_bindgen_go::Opts::default()
    };
    let mut all = files("guest-sdk/c/generated", c.build());
    let bindings = files("guest-sdk/go/internal/bindings", go.build());
    all.extend(
        bindings.into_iter().chain(go_runtime()).map(|(path, content)| (path, in_sdk(content))),
    );
    all
}

/// What bindings in Go call: a module that travels in its generator, here as a part of the SDK. Without what
/// asynchronous functions need, which the contract does not have.
fn go_runtime() -> Vec<(PathBuf, Vec<u8>)> {
    let metadata = MetadataCommand::new()
        .manifest_path(Path::new(ROOT).join("Cargo.toml"))
        .other_options(["--locked".into()])
        .exec()
        .expect("cargo tells where its packages are");
    let generator = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "wit-bindgen-go")
        .expect("it is a dependency");
    let module = generator.manifest_path.with_file_name("src").join("pkg");
    let files = [
        ("LICENSE", "LICENSE"),
        ("wit/runtime/runtime.go", "runtime/runtime.go"),
        ("wit/types/option.go", "types/option.go"),
        ("wit/types/result.go", "types/result.go"),
        ("wit/types/tuple.go", "types/tuple.go"),
        ("wit/types/unit.go", "types/unit.go"),
    ];
    let read = |file: &str| fs::read(module.join(file)).expect("the module has it");
    let to = Path::new("guest-sdk/go/internal/wit");
    files.iter().map(|(from, name)| (to.join(name), read(from))).collect()
}

/// With the module's packages where the SDK has them: a module that needs no other needs no network.
fn in_sdk(content: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(content) {
        Ok(text) => {
            text.replace("go.bytecodealliance.org/pkg/wit/", "wasmload/internal/wit/").into()
        }
        Err(other) => other.into_bytes(),
    }
}

fn files(folder: &str, mut generator: Box<dyn WorldGenerator>) -> Vec<(PathBuf, Vec<u8>)> {
    let mut resolve = Resolve::default();
    let wit = Path::new(ROOT).join("wit");
    let (package, _) = resolve.push_path(wit).expect("the contract is read");
    let world = resolve.select_world(&[package], Some("load-script")).expect("it has the world");
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).expect("there are bindings for all of it");
    files.iter().map(|(name, content)| (Path::new(folder).join(name), content.to_vec())).collect()
}

fn main() {
    for (file, content) in generated() {
        let path = Path::new(ROOT).join(file);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(ROOT))).expect("a folder is made");
        fs::write(path, content).expect("a file is written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bindings_are_those_of_the_contract() {
        for (file, content) in generated() {
            let committed = fs::read(Path::new(ROOT).join(&file)).unwrap_or_default();
            let is_same = committed == content;
            assert!(
                is_same,
                "run `cargo run -p wasmload-generate-bindings --example generate-bindings`: {}",
                file.display()
            );
        }
    }
}
